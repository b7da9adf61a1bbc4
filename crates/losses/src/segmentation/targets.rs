//! Targets of segmentation: the class or labels of each pixel of a batch, and which pixels count.

use burn::tensor::{Tensor, TensorData};
use tensor_backend::VisionBackend;
use vision_types::Mask;

use crate::LossError;

/// The labels of a batch's pixels, one row a pixel, image by image and row by row.
///
/// An ignored pixel has no label, and changes neither a loss nor a gradient.
#[derive(Debug, Clone)]
pub struct PixelTargets<B: VisionBackend> {
    /// 1 where the pixel belongs to the channel, `[batch, pixels, channels]`; zeros for ignored pixels.
    pub(super) labels: Tensor<B, 3>,
    /// 1 for pixels that count and 0 for ignored ones, `[batch, pixels, 1]`; `None` where all count.
    pub(super) kept: Option<Tensor<B, 3>>,
    /// Factor of each pixel's cross-entropy, `[batch, pixels, 1]`.
    pub(super) pixel_weights: Option<Tensor<B, 3>>,
    /// `[height, width]`.
    pub(super) size: [usize; 2],
}

impl<B: VisionBackend> PixelTargets<B> {
    /// From masks with one class a pixel; [`Mask::IGNORE`] marks pixels to ignore. With one channel, the network's only
    /// logit tells class 1 from class 0.
    ///
    /// # Errors
    ///
    /// Masks of different sizes, or a class number that is none of the `channels` classes (of both, with one channel).
    pub fn from_masks(masks: &[&Mask], channels: usize, device: &B::Device) -> Result<Self, LossError> {
        let size = masks.first().map_or([0, 0], |mask| [mask.height() as usize, mask.width() as usize]);
        let pixels = size[0] * size[1];
        let classes = if channels == 1 { 2 } else { channels };
        let mut labels = vec![0.0f32; masks.len() * pixels * channels];
        let mut kept = vec![1.0f32; masks.len() * pixels];
        let mut any_ignored = false;
        for (number, mask) in masks.iter().enumerate() {
            let found = [mask.height() as usize, mask.width() as usize];
            if found != size {
                return Err(LossError::MaskSize { mask: number, found, expected: size });
            }
            for (pixel, &class) in mask.pixels().iter().enumerate() {
                let row = number * pixels + pixel;
                let class = usize::from(class);
                if class == usize::from(Mask::IGNORE) {
                    kept[row] = 0.0;
                    any_ignored = true;
                } else if class >= classes {
                    let (x, y) = (pixel % size[1], pixel / size[1]);
                    return Err(LossError::PixelClassOutOfRange { mask: number, x, y, found: class, classes });
                } else if channels == 1 {
                    labels[row] = class as f32;
                } else {
                    labels[row * channels + class] = 1.0;
                }
            }
        }
        let shape = |last| [masks.len(), pixels, last];
        Ok(Self {
            labels: Tensor::from_data(TensorData::new(labels, shape(channels)), device),
            kept: any_ignored.then(|| Tensor::from_data(TensorData::new(kept, shape(1)), device)),
            pixel_weights: None,
            size,
        })
    }

    /// From any labels: a pixel may have several, none, or values between 0 and 1.
    ///
    /// # Shapes
    ///
    /// - `labels`: `[batch, channels, height, width]`, from 0 to 1
    /// - `kept`: `[batch, height, width]`, 0 for pixels to ignore and 1 for the others
    ///
    /// # Panics
    ///
    /// When the shapes disagree.
    pub fn from_labels(labels: Tensor<B, 4>, kept: Option<Tensor<B, 3>>) -> Self {
        let [batch, channels, height, width] = labels.dims();
        let kept = kept.map(|kept| {
            assert_eq!(kept.dims(), [batch, height, width], "one value a pixel");
            kept.reshape([batch, height * width, 1])
        });
        let labels = labels.permute([0, 2, 3, 1]).reshape([batch, height * width, channels]);
        let labels = match &kept {
            Some(kept) => labels * kept.clone(),
            None => labels,
        };
        Self { labels, kept, pixel_weights: None, size: [height, width] }
    }

    /// The same with a factor for each pixel's cross-entropy, such as [`boundary_weights`](super::boundary_weights);
    /// the mean still divides by the number (or the class weights) of the pixels. Other losses ignore the factors.
    ///
    /// # Errors
    ///
    /// When an image has another number of weights than pixels, or there is not one list of weights for each mask.
    pub fn with_pixel_weights(mut self, weights: &[&[f32]]) -> Result<Self, LossError> {
        let [batch, pixels, _] = self.labels.dims();
        if weights.len() != batch {
            return Err(LossError::WeightMapCount { found: weights.len(), expected: batch });
        }
        if let Some(mask) = weights.iter().position(|weights| weights.len() != pixels) {
            return Err(LossError::WeightMapSize { mask, found: weights[mask].len(), expected: pixels });
        }
        let data = TensorData::new(weights.concat(), [batch, pixels, 1]);
        self.pixel_weights = Some(Tensor::from_data(data, &self.labels.device()));
        Ok(self)
    }

    /// Number of channels: logits a pixel.
    pub fn channels(&self) -> usize {
        self.labels.dims()[2]
    }

    /// `logits` `[batch, channels, height, width]` as rows `[batch, pixels, channels]`.
    ///
    /// # Panics
    ///
    /// When they are not for these targets.
    pub(super) fn rows(&self, logits: Tensor<B, 4>) -> Tensor<B, 3> {
        let [batch, pixels, channels] = self.labels.dims();
        let [height, width] = self.size;
        assert_eq!(logits.dims(), [batch, channels, height, width], "logits of another shape than the targets");
        logits.permute([0, 2, 3, 1]).reshape([batch, pixels, channels])
    }
}
