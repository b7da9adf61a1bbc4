//! Test-time augmentation: a network answers about several views of an image, and the answers are averaged.

use burn::tensor::{Tensor, activation};
use models::{ClassifierNetwork, Network};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Interpolation, resize};
use vision_types::ClassScores;

use super::ClassificationTask;
use super::task::{ClassTensors, EncodedClasses};
use crate::task::{Judge, Judged, OnDevice, Wrapper};

/// Which views of an image are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Views {
    /// The image and its mirror image.
    Flip,
    /// The image, and its four corners and centre.
    Crops,
    /// All of them, and the mirror image of each.
    FlippedCrops,
}

/// Side of a crop as a share of the image's: 224 of 256 pixels, as of Krizhevsky et al. 2012, section 4.1.
const CROP: f64 = 7.0 / 8.0;

impl Views {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Flip, Self::Crops, Self::FlippedCrops];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Crops => "crops",
            Self::FlippedCrops => "flipped-crops",
        }
    }

    /// The views of `images`, each of their shape: `[batch, channels, height, width]`. Crops are enlarged to it.
    pub fn of<B: VisionBackend>(self, images: Tensor<B, 4>) -> Vec<Tensor<B, 4>> {
        let mut views = vec![images.clone()];
        if self != Self::Flip {
            views.extend(crops(images));
        }
        if self != Self::Crops {
            views.extend(views.clone().into_iter().map(|view| view.flip([3])));
        }
        views
    }
}

/// The four corners and the centre.
fn crops<B: VisionBackend>(images: Tensor<B, 4>) -> impl Iterator<Item = Tensor<B, 4>> {
    let [batch, channels, height, width] = images.dims();
    let [rows, columns] = [height, width].map(|side| ((side as f64 * CROP).round() as usize).max(1));
    let (below, right) = (height - rows, width - columns);
    [[0, 0], [0, right], [below, 0], [below, right], [below / 2, right / 2]].into_iter().map(move |[top, left]| {
        let crop = images.clone().slice([0..batch, 0..channels, top..top + rows, left..left + columns]);
        resize(crop, [height, width], Interpolation::Bilinear)
    })
}

/// The logits of `network` about `views` of `images`, averaged: the logarithm of the mean probabilities, which are logits
/// of those. `[batch, classes]`.
pub(super) fn averaged_logits<B: VisionBackend>(
    network: &ClassifierNetwork<B>,
    images: Tensor<B, 4>,
    views: Views,
) -> Tensor<B, 2> {
    let views = views.of(images);
    let count = views.len() as f64;
    let probabilities = views.into_iter().map(|view| activation::softmax(network.forward(view), 1));
    let sum = probabilities.reduce(|sum, next| sum + next).expect("the image itself is a view");
    // A probability of 0 has no logarithm.
    sum.div_scalar(count).clamp_min(f32::MIN_POSITIVE).log()
}

/// Classification judged by the averaged answers about several views of each image.
pub(super) struct ManyViews<'a> {
    pub(super) task: &'a ClassificationTask,
    pub(super) views: Views,
}

impl Wrapper for ManyViews<'_> {
    type Inner = ClassificationTask;

    fn inner(&self) -> &ClassificationTask {
        self.task
    }
}

impl<B: VisionBackend> OnDevice<B> for ManyViews<'_> {
    type Network = ClassifierNetwork<B>;
    type Tensors = ClassTensors<B>;

    fn upload(&self, encoded: EncodedClasses, device: &B::Device) -> ClassTensors<B> {
        self.task.upload(encoded, device)
    }
}

impl<B: VisionBackend> Judge<B> for ManyViews<'_> {
    fn judge(
        &self,
        network: &ClassifierNetwork<B>,
        images: Tensor<B, 4>,
        targets: &ClassTensors<B>,
    ) -> Judged<B, ClassScores> {
        self.task.judged(averaged_logits(network, images, self.views), targets)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use tensor_backend::SelectedBackend;

    use super::*;

    #[test]
    fn views_are_mirrored_and_cropped() {
        let values: Vec<f32> = (0..64).map(|value| value as f32).collect();
        let images: Tensor<SelectedBackend, 4> =
            Tensor::from_data(TensorData::new(values.clone(), [1, 1, 8, 8]), &Default::default());
        let host = |view: &Tensor<SelectedBackend, 4>| view.clone().into_data().to_vec::<f32>().expect("f32");

        let flipped = Views::Flip.of(images.clone());
        assert_eq!(flipped.len(), 2);
        assert_eq!(host(&flipped[0]), values);
        assert_eq!(host(&flipped[1])[..8], [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);

        let crops = Views::Crops.of(images.clone());
        assert_eq!(crops.len(), 6);
        // Corners of 7×7 pixels; enlarging keeps the outermost pixels.
        let corners: Vec<[f32; 2]> = crops[1..5].iter().map(|crop| [host(crop)[0], host(crop)[63]]).collect();
        assert_eq!(corners, [[0.0, 54.0], [1.0, 55.0], [8.0, 62.0], [9.0, 63.0]]);
        assert_eq!(Views::FlippedCrops.of(images).len(), 12);
    }
}
