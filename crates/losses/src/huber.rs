//! Huber's loss: squared near the target, absolute far from it.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::elementwise::{ElementwiseLoss, difference};
use crate::error::check_range;
use crate::{LossError, LossSettings};

/// `d² / 2` where `d = |output - target|` is at most δ, `δ · (d - δ / 2)` elsewhere; PyTorch's `huber_loss`.
///
/// Source: Huber 1964, "Robust Estimation of a Location Parameter".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Huber {
    /// Difference δ, above 0, at which the square becomes a line; 1 by default, as in PyTorch.
    pub delta: f64,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl LossSettings for Huber {
    /// # Errors
    ///
    /// [`LossError::OutOfRange`] when δ is not a finite number above 0.
    fn validate(&self, _classes: usize) -> Result<(), LossError> {
        check_range("delta", self.delta, self.delta > 0.0 && self.delta.is_finite(), "a finite number above 0")
    }
}

impl ElementwiseLoss for Huber {
    fn elements<B: VisionBackend, const D: usize>(&self, outputs: Tensor<B, D>, targets: Tensor<B, D>) -> Tensor<B, D> {
        let distance = difference(outputs, targets).abs();
        // With near = min(d, δ), near² / 2 + δ · (d - near) is either branch without a choice between them.
        let near = distance.clone().clamp_max(self.delta);
        near.clone().square().mul_scalar(0.5) + (distance - near).mul_scalar(self.delta)
    }
}
