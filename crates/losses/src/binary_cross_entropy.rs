//! Binary cross-entropy: an independent yes or no for each class.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::elementwise::{ElementwiseLoss, assert_same_shape};
use crate::error::check_weights;
use crate::{LossError, LossSettings};

/// `-(weight · target · ln σ(logit) + (1 - target) · ln(1 - σ(logit)))` with targets in `0..=1`; PyTorch's
/// `binary_cross_entropy_with_logits`. Finite for all finite logits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct BinaryCrossEntropy {
    /// Weight of the positive answers, finite and not negative: one value for all, or one for each place along the
    /// second dimension, that of classes or channels (the first, where there is only one). None by default, which is
    /// as if all were 1. PyTorch broadcasts from the last dimension instead, which is the same for `[n, classes]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pos_weight: Option<Vec<f32>>,
}

impl LossSettings for BinaryCrossEntropy {
    /// # Errors
    ///
    /// [`LossError`] when there is neither one positive weight nor one for each of the `classes`, or when the weights
    /// are not finite and non-negative, or all zero.
    fn validate(&self, classes: usize) -> Result<(), LossError> {
        match self.pos_weight.as_deref() {
            None => Ok(()),
            Some([one]) => check_weights("pos_weight", &[*one], 1),
            Some(weights) => check_weights("pos_weight", weights, classes),
        }
    }
}

impl ElementwiseLoss for BinaryCrossEntropy {
    fn elements<B: VisionBackend, const D: usize>(&self, logits: Tensor<B, D>, targets: Tensor<B, D>) -> Tensor<B, D> {
        assert_same_shape(&logits, &targets);
        // 1 - σ(x) = σ(-x), whose logarithm stays exact where σ(x) rounds to 1.
        let negative = log_sigmoid(logits.clone().neg()) * targets.clone().neg().add_scalar(1.0);
        let positive = log_sigmoid(logits) * targets;
        let positive = match &self.pos_weight {
            None => positive,
            Some(weights) => {
                let mut shape = [1; D];
                shape[usize::from(D > 1)] = weights.len();
                let data = TensorData::new(weights.clone(), shape);
                let device = positive.device();
                positive * Tensor::from_data(data, &device)
            }
        };
        (positive + negative).neg()
    }
}
