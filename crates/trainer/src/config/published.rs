//! What published weights are evaluated with.

use augment::Normalize;
use augment::presets;
use models::ClassifierConfig;

use super::{ClassificationAugment, InputConfig, InputSize, Normalization, NormalizationPreset, RunConfig};
use crate::tasks::classification::Classification;

/// From this size on images are prepared as torchvision does for ImageNet; smaller ones are taken as they are.
const LEAST_CROPPED: usize = 128;
/// torchvision resizes the shorter side to this many times the side of the crop: 256 for 224, 342 for 299.
const RESIZE_TO_CROP: f64 = 8.0 / 7.0;

/// What torchvision's Inception sees after its `transform_input`: pixels in -1..1.
const INCEPTION: Normalize = Normalize { mean: [0.5; 3], std: [0.5; 3] };

/// The configuration that published weights of a classifier are evaluated with: its input size; ImageNet's means and
/// deviations for colour, as torchvision and the CIFAR ResNets of akamaster use them (0.5 for Inception); and for large
/// images torchvision's resizing of the shorter side and crop of the centre.
pub fn published_classifier(model: ClassifierConfig) -> RunConfig<Classification> {
    let input = model.card().input;
    let normalize = match &model {
        ClassifierConfig::Inception(_) => Normalization::Values(INCEPTION),
        _ if input.channels == 3 => Normalization::Preset(NormalizationPreset::Imagenet),
        _ => Normalization::Preset(NormalizationPreset::Unit),
    };
    let side = input.height;
    let mut augment = ClassificationAugment::default();
    if side >= LEAST_CROPPED {
        let shorter = (side as f64 * RESIZE_TO_CROP).round() as u32;
        augment.eval = presets::imagenet_evaluation(shorter, side as u32);
    }
    RunConfig {
        input: InputConfig { size: InputSize::Square(side), channels: input.channels, normalize },
        augment,
        model,
        ..RunConfig::default()
    }
}
