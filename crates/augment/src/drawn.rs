//! The outcome of a draw, as plain data.

use image::RgbImage;
use vision_types::{BBox, Mask};

use crate::elastic::ElasticMap;
use crate::geometry::{GeometricMap, MovedBox};
use crate::noise::{Eraser, erase, gaussian_noise};
use crate::{ImageSize, Rectangle, blur, colour, hsv, hue, sharpness, tone};

/// A change of colours that moves nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Photometric {
    /// Blend with black by this factor.
    Brightness(f32),
    /// Blend with the mean grey by this factor.
    Contrast(f32),
    /// Blend with the grey image by this factor.
    Saturation(f32),
    /// Turn the hue by this share of a full turn.
    Hue(f32),
    /// Shift hue, saturation and value.
    HsvShift {
        /// Turn of the hue in 1/180 of a full turn.
        hue: f32,
        /// Added to the saturation, in levels.
        saturation: f32,
        /// Added to the value, in levels.
        value: f32,
    },
    /// Grey in three channels.
    Grey,
    /// Blend with the smoothed image by this factor.
    Sharpness(f32),
    /// Keep this many high bits, `0..=8`.
    Posterize(u8),
    /// Invert the levels at or above this one.
    Solarize(f32),
    /// Stretch each channel to all levels.
    AutoContrast,
    /// Equalise the histogram of each channel.
    Equalize,
    /// Invert every level.
    Invert,
    /// Gaussian of `sigma` pixels cut off `radius` pixels from its centre.
    GaussianBlur {
        /// Standard deviation in pixels.
        sigma: f32,
        /// Reach of the kernel in pixels.
        radius: u32,
    },
    /// Median of the square of this radius.
    MedianBlur(u32),
    /// Normal noise.
    GaussianNoise {
        /// Standard deviation in levels.
        sigma: f32,
        /// Seed of the noise.
        seed: u64,
    },
    /// Overwrite one rectangle.
    Erase(Rectangle, Eraser),
}

impl Photometric {
    /// The image after the change.
    pub fn apply_image(&self, mut image: RgbImage) -> RgbImage {
        match *self {
            Self::Brightness(factor) => colour::brightness(&mut image, factor),
            Self::Contrast(factor) => colour::contrast(&mut image, factor),
            Self::Saturation(factor) => colour::saturation(&mut image, factor),
            Self::Hue(shift) => hue::hue(&mut image, shift),
            Self::HsvShift { hue, saturation, value } => hsv::shift(&mut image, hue, saturation, value),
            Self::Grey => colour::grey(&mut image),
            Self::Sharpness(factor) => sharpness::sharpness(&mut image, factor),
            Self::Posterize(bits) => tone::posterize(&mut image, bits),
            Self::Solarize(threshold) => tone::solarize(&mut image, threshold),
            Self::AutoContrast => tone::autocontrast(&mut image),
            Self::Equalize => tone::equalize(&mut image),
            Self::Invert => tone::invert(&mut image),
            Self::GaussianBlur { sigma, radius } => return blur::gaussian_blur(&image, sigma, radius),
            Self::MedianBlur(radius) => return imageproc::filter::median_filter(&image, radius, radius),
            Self::GaussianNoise { sigma, seed } => gaussian_noise(&mut image, sigma, seed),
            Self::Erase(rectangle, eraser) => erase(&mut image, rectangle, eraser),
        }
        image
    }
}

/// Everything random about one augmentation of one image, already decided.
///
/// The same value is applied to the image and to all that is annotated on it.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawn {
    /// Nothing happens.
    Identity,
    /// Points move; straight lines stay straight.
    Geometric(GeometricMap),
    /// Points move along a smooth field.
    Elastic(ElasticMap),
    /// Colours change.
    Photometric(Photometric),
    /// Several changes, one after the other.
    Sequence(Vec<Drawn>),
}

impl Drawn {
    /// Size of what an image of `input` becomes.
    pub fn output_size(&self, input: ImageSize) -> ImageSize {
        match self {
            Self::Identity | Self::Photometric(_) | Self::Elastic(_) => input,
            Self::Geometric(map) => map.output_size(input),
            Self::Sequence(steps) => steps.iter().fold(input, |size, step| step.output_size(size)),
        }
    }

    /// The image after the change; in place where the size allows.
    ///
    /// # Panics
    ///
    /// When the image is not of the size that was drawn for, or has no pixels.
    pub fn apply_image(&self, image: RgbImage) -> RgbImage {
        match self {
            Self::Identity => image,
            Self::Geometric(map) => map.apply_image(image),
            Self::Elastic(map) => map.apply_image(&image),
            Self::Photometric(change) => change.apply_image(image),
            Self::Sequence(steps) => steps.iter().fold(image, |image, step| step.apply_image(image)),
        }
    }

    /// The mask after the change, by nearest pixel; `fill` is the class where a constant border shows.
    ///
    /// # Panics
    ///
    /// When the mask is not of the size that was drawn for.
    pub fn apply_mask(&self, mask: Mask, fill: u8) -> Mask {
        match self {
            Self::Identity | Self::Photometric(_) => mask,
            Self::Geometric(map) => map.apply_mask(&mask, fill),
            Self::Elastic(map) => map.apply_mask(&mask, fill),
            Self::Sequence(steps) => steps.iter().fold(mask, |mask, step| step.apply_mask(mask, fill)),
        }
    }

    /// `bbox` of an image of `input` after the change, with the share of it that is still visible.
    pub fn apply_box(&self, bbox: BBox, input: ImageSize) -> MovedBox {
        match self {
            Self::Identity | Self::Photometric(_) => MovedBox { bbox, visible: 1.0 },
            Self::Geometric(map) => map.apply_box(bbox, input),
            Self::Elastic(map) => map.apply_box(bbox),
            Self::Sequence(steps) => apply_box_in_turn(steps, bbox, input),
        }
    }
}

/// `bbox` of an image of `input` after all `steps`; the visible share is the product over the steps.
pub(crate) fn apply_box_in_turn(steps: &[Drawn], bbox: BBox, input: ImageSize) -> MovedBox {
    let mut size = input;
    let mut moved = MovedBox { bbox, visible: 1.0 };
    for step in steps {
        let next = step.apply_box(moved.bbox, size);
        moved = MovedBox { bbox: next.bbox, visible: moved.visible * next.visible };
        size = step.output_size(size);
    }
    moved
}
