//! Cross-entropy of a yes or no for each pixel and channel.

use burn::tensor::Tensor;
use tensor_backend::VisionBackend;

use super::PixelTargets;
use super::pixel_loss::{PixelLoss, mean};
use crate::ElementwiseLoss;

#[allow(unreachable_pub, reason = "public as a loss of classification")]
pub use crate::binary_cross_entropy::BinaryCrossEntropy;

/// The mean over the channels of the pixels that count.
impl PixelLoss for BinaryCrossEntropy {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let [batch, pixels, channels] = rows.dims();
        let flat = |values: Tensor<B, 3>| values.reshape([batch * pixels, channels]);
        let elements = self.elements(flat(rows), flat(targets.labels.clone())).reshape([batch, pixels, channels]);
        let elements = match &targets.kept {
            Some(kept) => elements * kept.clone(),
            None => elements,
        };
        let elements = match &targets.pixel_weights {
            Some(weights) => elements * weights.clone(),
            None => elements,
        };
        match &targets.kept {
            Some(kept) => mean(elements.sum(), kept.clone().sum().mul_scalar(channels as f64)),
            None => elements.mean(),
        }
    }
}
