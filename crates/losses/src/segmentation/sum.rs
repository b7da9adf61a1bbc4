//! Weighted sums of losses.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use super::pixel_loss::PixelLoss;
use super::{PixelTargets, SegmentationLoss};
use crate::error::check_range;
use crate::{LossError, LossSettings};

/// `Σ weight · loss`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LossSum {
    /// What is summed, at least one.
    pub terms: Vec<LossTerm>,
}

/// A part of a [`LossSum`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LossTerm {
    /// Factor, finite and not negative; 1 by default.
    #[serde(default = "one")]
    pub weight: f64,
    /// What is weighted.
    pub loss: SegmentationLoss,
}

fn one() -> f64 {
    1.0
}

impl Default for LossSum {
    /// One term, the loss that is the default.
    fn default() -> Self {
        Self { terms: vec![LossTerm { weight: one(), loss: SegmentationLoss::default() }] }
    }
}

impl LossSettings for LossSum {
    /// # Errors
    ///
    /// [`LossError`] when there is no term, when a weight is negative or not finite, or what a term's own loss says.
    fn validate(&self, channels: usize) -> Result<(), LossError> {
        let Self { terms } = self;
        check_range("terms", terms.len() as f64, !terms.is_empty(), "at least one term")?;
        terms.iter().try_for_each(|LossTerm { weight, loss }| {
            check_range("weight", *weight, *weight >= 0.0 && weight.is_finite(), "a finite number from 0 up")?;
            loss.validate(channels)
        })
    }
}

impl PixelLoss for LossSum {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let values = self.terms.iter().map(|term| term.loss.of_rows(rows.clone(), targets).mul_scalar(term.weight));
        let sum = values.reduce(|sum, value| sum + value);
        sum.unwrap_or_else(|| Tensor::zeros([1], &targets.labels.device()))
    }
}
