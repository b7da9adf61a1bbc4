//! Brier loss: the squared distance of probabilities to the true class.
//!
//! Source: Brier 1950, "Verification of forecasts expressed in terms of probability".

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use super::PixelTargets;
use super::pixel_loss::PixelLoss;
use crate::LossSettings;

/// `Σ_c (p_c - target_c)²` where `p = softmax(logits)`, the mean over all pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PixelBrier {}

impl LossSettings for PixelBrier {}

impl PixelLoss for PixelBrier {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let distance = activation::softmax(rows, 2) - targets.labels.clone();
        distance.square().sum_dim(2).mean()
    }
}
