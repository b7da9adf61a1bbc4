//! Cross-entropy of pixels that have one class each.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use super::pixel_loss::{PixelLoss, mean};
use super::{PixelActivation, PixelTargets};
use crate::error::check_weights;
use crate::log_softmax::softmax_cross_entropy;
use crate::{LossError, LossSettings};

/// `-weight_t · ln softmax(logits)_t` for a pixel of class `t`; the mean divides by the sum of the pixels' class
/// weights, as PyTorch's `cross_entropy` does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PixelCrossEntropy {
    /// Weight of each class, finite and not negative; none by default, which is as if all were 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<Vec<f32>>,
}

impl LossSettings for PixelCrossEntropy {
    /// # Errors
    ///
    /// [`LossError`] when the class weights are not `channels` finite, non-negative numbers, or are all zero, or when
    /// there is one channel only, whose softmax is always 1.
    fn validate(&self, channels: usize) -> Result<(), LossError> {
        PixelActivation::Softmax.validate(channels)?;
        self.class_weights.as_ref().map_or(Ok(()), |weights| check_weights("class_weights", weights, channels))
    }
}

impl PixelLoss for PixelCrossEntropy {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let [batch, pixels, channels] = rows.dims();
        let labels = match &self.class_weights {
            Some(weights) => {
                let data = TensorData::new(weights.clone(), [1, 1, channels]);
                targets.labels.clone() * Tensor::from_data(data, &rows.device())
            }
            None => targets.labels.clone(),
        };
        let count = labels.clone().sum();
        let weighted = match &targets.pixel_weights {
            Some(weights) => labels * weights.clone(),
            None => labels,
        };
        let flat = |values: Tensor<B, 3>| values.reshape([batch * pixels, channels]);
        mean(softmax_cross_entropy(flat(rows), flat(weighted)).sum(), count)
    }
}
