//! What a loss of segmentation has to say of itself.

use burn::tensor::Tensor;
use tensor_backend::VisionBackend;

use super::PixelTargets;
use crate::LossSettings;

/// A loss of pixels, as a line of the list of [`SegmentationLoss`](super::SegmentationLoss) needs it. Its settings are
/// checked for the number of channels, which are the network's logits a pixel.
pub(crate) trait PixelLoss: LossSettings {
    /// The loss of a batch; zero where no pixel counts.
    ///
    /// # Shapes
    ///
    /// - `rows`: `[batch, pixels, channels]`, the logits of each pixel, see [`PixelTargets::rows`]
    /// - output: `[1]`
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1>;
}

/// `sum / count`, zero where nothing counts.
pub(super) fn mean<B: VisionBackend>(sum: Tensor<B, 1>, count: Tensor<B, 1>) -> Tensor<B, 1> {
    sum / count.clamp_min(f32::MIN_POSITIVE)
}
