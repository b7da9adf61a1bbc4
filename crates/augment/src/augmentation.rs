//! The augmentations by name.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use vision_types::BBox;

use crate::steps::affine::Affine;
use crate::steps::automatic::{RandAugment, TrivialAugmentWide};
use crate::steps::color_jitter::ColorJitter;
use crate::steps::crop::{CentreCrop, RandomCrop};
use crate::steps::elastic::Elastic;
use crate::steps::erasing::{Cutout, RandomErasing};
use crate::steps::filters::{GaussianBlur, GaussianNoise, MedianBlur};
use crate::steps::flip::{HorizontalFlip, VerticalFlip};
use crate::steps::hsv_jitter::HsvJitter;
use crate::steps::letterbox::LetterboxStep;
use crate::steps::pad::Pad;
use crate::steps::perspective::Perspective;
use crate::steps::random_resized_crop::RandomResizedCrop;
use crate::steps::resize::Resize;
use crate::steps::safe_box_crop::SafeBoxCrop;
use crate::steps::tones::{AutoContrast, Equalize, Grey, Invert, Posterize, Sharpness, Solarize};
use crate::steps::zoom_out::ZoomOut;
use crate::{AugmentError, Drawn, Generator, ImageSize};

/// What every augmentation can do: decide, from a generator and the size of an image, what happens to it.
///
/// All randomness is in [`Augment::draw`]; the [`Drawn`] value is applied to the image and to its annotation.
pub trait Augment {
    /// Its name in a configuration.
    fn kind(&self) -> &'static str;

    /// Chance that it happens at all, `0..=1`.
    fn probability(&self) -> f64 {
        1.0
    }

    /// Whether two draws can differ.
    fn is_random(&self) -> bool {
        self.probability() > 0.0
    }

    /// Checks every setting against its range.
    ///
    /// # Errors
    ///
    /// With the first setting out of range.
    fn validate(&self) -> Result<(), AugmentError>;

    /// Size of what an image of `input` becomes, whatever is drawn.
    fn output_size(&self, input: ImageSize) -> ImageSize {
        input
    }

    /// What happens to an image of `size` (both sides at least 1), given that it happens.
    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn;

    /// What happens to an image of `size` on which `boxes` are annotated, for augmentations that look at them.
    fn draw_around(&self, generator: &mut Generator, size: ImageSize, boxes: &[BBox]) -> Drawn {
        let _ = boxes;
        self.draw(generator, size)
    }
}

/// One step of a pipeline, in a configuration a table with `kind = "…"` and the settings of that kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Augmentation {
    /// The whole image at another size.
    Resize(Resize),
    /// The whole image fitted into a size, its aspect ratio kept.
    Letterbox(LetterboxStep),
    /// The middle of the image.
    #[serde(alias = "center-crop")]
    CentreCrop(CentreCrop),
    /// A crop anywhere in the padded image.
    RandomCrop(RandomCrop),
    /// A part of random area and aspect ratio at a given size.
    RandomResizedCrop(RandomResizedCrop),
    /// A part of the image that keeps enough of an annotated object.
    SafeBoxCrop(SafeBoxCrop),
    /// The image made smaller, on a canvas of its own size.
    ZoomOut(ZoomOut),
    /// Added margins.
    Pad(Pad),
    /// Left and right exchanged.
    HorizontalFlip(HorizontalFlip),
    /// Top and bottom exchanged.
    VerticalFlip(VerticalFlip),
    /// Rotation, shift, shear and zoom as one warp.
    Affine(Affine),
    /// Random perspective.
    Perspective(Perspective),
    /// A smooth deformation.
    Elastic(Elastic),
    /// Brightness, contrast, saturation and hue.
    ColorJitter(ColorJitter),
    /// Shifts of hue, saturation and value.
    HsvJitter(HsvJitter),
    /// Grey in three channels.
    Grey(Grey),
    /// Gaussian blur.
    GaussianBlur(GaussianBlur),
    /// Median blur.
    MedianBlur(MedianBlur),
    /// Normal noise.
    GaussianNoise(GaussianNoise),
    /// Smoothed or sharpened.
    Sharpness(Sharpness),
    /// Fewer bits a level.
    Posterize(Posterize),
    /// Bright levels inverted.
    Solarize(Solarize),
    /// Channels stretched to all levels.
    AutoContrast(AutoContrast),
    /// Channels with flat histograms.
    Equalize(Equalize),
    /// The negative.
    Invert(Invert),
    /// Erased squares.
    Cutout(Cutout),
    /// One erased rectangle.
    RandomErasing(RandomErasing),
    /// Some operations at one magnitude.
    RandAugment(RandAugment),
    /// One operation at a random magnitude.
    TrivialAugmentWide(TrivialAugmentWide),
}

impl Augmentation {
    fn step(&self) -> &dyn Augment {
        match self {
            Self::Resize(step) => step,
            Self::Letterbox(step) => step,
            Self::CentreCrop(step) => step,
            Self::RandomCrop(step) => step,
            Self::RandomResizedCrop(step) => step,
            Self::SafeBoxCrop(step) => step,
            Self::ZoomOut(step) => step,
            Self::Pad(step) => step,
            Self::HorizontalFlip(step) => step,
            Self::VerticalFlip(step) => step,
            Self::Affine(step) => step,
            Self::Perspective(step) => step,
            Self::Elastic(step) => step,
            Self::ColorJitter(step) => step,
            Self::HsvJitter(step) => step,
            Self::Grey(step) => step,
            Self::GaussianBlur(step) => step,
            Self::MedianBlur(step) => step,
            Self::GaussianNoise(step) => step,
            Self::Sharpness(step) => step,
            Self::Posterize(step) => step,
            Self::Solarize(step) => step,
            Self::AutoContrast(step) => step,
            Self::Equalize(step) => step,
            Self::Invert(step) => step,
            Self::Cutout(step) => step,
            Self::RandomErasing(step) => step,
            Self::RandAugment(step) => step,
            Self::TrivialAugmentWide(step) => step,
        }
    }

    /// Its name in a configuration.
    pub fn kind(&self) -> &'static str {
        self.step().kind()
    }

    /// Whether two draws can differ.
    pub fn is_random(&self) -> bool {
        self.step().is_random()
    }

    /// Checks every setting against its range.
    ///
    /// # Errors
    ///
    /// With the first setting out of range.
    pub fn validate(&self) -> Result<(), AugmentError> {
        self.step().validate()
    }

    /// Size of what an image of `input` becomes, whatever is drawn.
    pub fn output_size(&self, input: ImageSize) -> ImageSize {
        self.step().output_size(input)
    }

    /// What happens to an image of `size`, [`Drawn::Identity`] where chance or an empty image leaves it alone.
    pub fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        self.draw_around(generator, size, &[])
    }

    /// [`Augmentation::draw`] for an image on which `boxes` are annotated; only [`SafeBoxCrop`] looks at them.
    pub fn draw_around(&self, generator: &mut Generator, size: ImageSize, boxes: &[BBox]) -> Drawn {
        let step = self.step();
        let happens = step.probability() >= 1.0 || generator.random::<f64>() < step.probability();
        if happens && size.area() > 0 { step.draw_around(generator, size, boxes) } else { Drawn::Identity }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_named_beside_the_valid_ones() {
        let text = "kind = \"affine\"\nrotations = 15";
        let message = toml::from_str::<Augmentation>(text).expect_err("no such key").to_string();
        assert!(message.contains("unknown field `rotations`"), "{message}");
        assert!(message.contains("`rotation`") && message.contains("`shear_x`"), "{message}");
    }

    #[test]
    fn a_wrong_kind_is_named_beside_the_valid_ones() {
        let message = toml::from_str::<Augmentation>("kind = \"rotate\"").expect_err("no such kind").to_string();
        assert!(message.contains("unknown variant `rotate`") && message.contains("`affine`"), "{message}");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_key_and_range() {
        let step: Augmentation = toml::from_str("kind = \"affine\"\nzoom = 1.5").expect("a well-formed table");
        let message = step.validate().expect_err("zoom from -0.5").to_string();
        assert_eq!(
            message,
            "augmentation `affine`: `zoom` is 1.5, expected factors from 0.01 to 100 (a number: below 1)"
        );
    }

    #[test]
    fn a_configuration_survives_writing_and_reading() {
        let text = "kind = \"random-crop\"\nsize = [32, 24]\npadding = 4\nfill_mode = \"edge\"\nfill = [1, 2, 3]\n";
        let step: Augmentation = toml::from_str(text).expect("a well-formed table");
        let written = toml::to_string(&step).expect("plain data");
        assert_eq!(toml::from_str::<Augmentation>(&written).expect("what was written"), step);
        assert_eq!(serde_json::from_value::<Augmentation>(serde_json::to_value(&step).unwrap()).unwrap(), step);
        assert!(written.contains("fill_mode = \"nearest\""), "{written}");
    }
}
