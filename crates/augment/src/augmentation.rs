//! The augmentations by name.
//!
//! A new one is a file in `steps/` with its settings and its [`Augment`], a `mod` line there, and one line in the list
//! below.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use vision_types::BBox;

use crate::{AugmentError, Drawn, Generator, ImageSize};

/// What every augmentation can do: decide, from a generator and the size of an image, what happens to it.
///
/// All randomness is in [`Augment::draw`]; the [`Drawn`] value is applied to the image and to its annotation.
pub trait Augment: Named {
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

/// The name of an augmentation in a configuration; the list of [`Augmentation`] gives it.
pub trait Named {
    /// Its name in a configuration.
    fn kind(&self) -> &'static str;
}

/// A line an augmentation makes its variant of [`Augmentation`], its name in configurations (or another name that is
/// read as well), the way to its [`Augment`], and its public name in this crate.
macro_rules! augmentations {
    ($($(#[doc = $doc:literal])* $variant:ident($step:ident) = $kind:literal $(or $alias:literal)? in $module:ident,)*) => {
        $(pub use crate::steps::$module::$step;)*

        /// One step of a pipeline, in a configuration a table with `kind = "…"` and the settings of that kind.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "kind")]
        pub enum Augmentation {
            $(
                $(#[doc = $doc])*
                #[doc = concat!("\n\nSettings: [`", stringify!($step), "`].")]
                #[serde(rename = $kind $(, alias = $alias)?)]
                $variant($step),
            )*
        }

        impl Augmentation {
            /// The names of all augmentations, in order.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            fn step(&self) -> &dyn Augment {
                match self {
                    $(Self::$variant(step) => step,)*
                }
            }
        }

        $(
            impl Named for $step {
                fn kind(&self) -> &'static str {
                    $kind
                }
            }
        )*
    };
}

augmentations! {
    /// The whole image at another size.
    Resize(Resize) = "resize" in resize,
    /// The whole image fitted into a size, its aspect ratio kept.
    Letterbox(LetterboxStep) = "letterbox" in letterbox,
    /// The middle of the image.
    CentreCrop(CentreCrop) = "centre-crop" or "center-crop" in crop,
    /// A crop anywhere in the padded image.
    RandomCrop(RandomCrop) = "random-crop" in crop,
    /// A part of random area and aspect ratio at a given size.
    RandomResizedCrop(RandomResizedCrop) = "random-resized-crop" in random_resized_crop,
    /// A part of the image that keeps enough of an annotated object.
    SafeBoxCrop(SafeBoxCrop) = "safe-box-crop" in safe_box_crop,
    /// The image made smaller, on a canvas of its own size.
    ZoomOut(ZoomOut) = "zoom-out" in zoom_out,
    /// Added margins.
    Pad(Pad) = "pad" in pad,
    /// Left and right exchanged.
    HorizontalFlip(HorizontalFlip) = "horizontal-flip" in flip,
    /// Top and bottom exchanged.
    VerticalFlip(VerticalFlip) = "vertical-flip" in flip,
    /// Rotation, shift, shear and zoom as one warp.
    Affine(Affine) = "affine" in affine,
    /// Random perspective.
    Perspective(Perspective) = "perspective" in perspective,
    /// A smooth deformation.
    Elastic(Elastic) = "elastic" in elastic,
    /// Brightness, contrast, saturation and hue.
    ColorJitter(ColorJitter) = "color-jitter" in color_jitter,
    /// Shifts of hue, saturation and value.
    HsvJitter(HsvJitter) = "hsv-jitter" in hsv_jitter,
    /// Grey in three channels.
    Grey(Grey) = "grey" in tones,
    /// Gaussian blur.
    GaussianBlur(GaussianBlur) = "gaussian-blur" in filters,
    /// Median blur.
    MedianBlur(MedianBlur) = "median-blur" in filters,
    /// Normal noise.
    GaussianNoise(GaussianNoise) = "gaussian-noise" in filters,
    /// Smoothed or sharpened.
    Sharpness(Sharpness) = "sharpness" in tones,
    /// Fewer bits a level.
    Posterize(Posterize) = "posterize" in tones,
    /// Bright levels inverted.
    Solarize(Solarize) = "solarize" in tones,
    /// Channels stretched to all levels.
    AutoContrast(AutoContrast) = "auto-contrast" in tones,
    /// Channels with flat histograms.
    Equalize(Equalize) = "equalize" in tones,
    /// The negative.
    Invert(Invert) = "invert" in tones,
    /// Erased squares.
    Cutout(Cutout) = "cutout" in erasing,
    /// One erased rectangle.
    RandomErasing(RandomErasing) = "random-erasing" in erasing,
    /// Some operations at one magnitude.
    RandAugment(RandAugment) = "rand-augment" in automatic,
    /// One operation at a random magnitude.
    TrivialAugmentWide(TrivialAugmentWide) = "trivial-augment-wide" in automatic,
}

impl Augmentation {
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
