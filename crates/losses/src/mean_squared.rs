//! Mean squared error.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::LossSettings;
use crate::elementwise::{ElementwiseLoss, difference};

/// `(output - target)²`, PyTorch's `mse_loss`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MeanSquared {}

impl LossSettings for MeanSquared {}

impl ElementwiseLoss for MeanSquared {
    fn elements<B: VisionBackend, const D: usize>(&self, outputs: Tensor<B, D>, targets: Tensor<B, D>) -> Tensor<B, D> {
        difference(outputs, targets).square()
    }
}
