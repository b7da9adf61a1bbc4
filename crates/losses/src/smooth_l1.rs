//! Smooth L1: an absolute error that is squared near the target.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::elementwise::{ElementwiseLoss, difference};
use crate::error::check_range;
use crate::{Huber, LossError, LossSettings};

/// `d² / (2 · β)` where `d = |output - target|` is below β, `d - β / 2` elsewhere; PyTorch's `smooth_l1_loss`.
///
/// Source: Girshick 2015, "Fast R-CNN", equation 3, where β is 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SmoothL1 {
    /// Difference β, not negative, at which the square becomes a line; 1 by default. With 0 this is the absolute error.
    pub beta: f64,
}

impl Default for SmoothL1 {
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl LossSettings for SmoothL1 {
    /// # Errors
    ///
    /// [`LossError::OutOfRange`] when β is not a finite number from 0 up.
    fn validate(&self, _classes: usize) -> Result<(), LossError> {
        check_range("beta", self.beta, self.beta >= 0.0 && self.beta.is_finite(), "a finite number from 0 up")
    }
}

impl ElementwiseLoss for SmoothL1 {
    fn elements<B: VisionBackend, const D: usize>(&self, outputs: Tensor<B, D>, targets: Tensor<B, D>) -> Tensor<B, D> {
        if self.beta == 0.0 {
            return difference(outputs, targets).abs();
        }
        Huber { delta: self.beta }.elements(outputs, targets).div_scalar(self.beta)
    }
}
