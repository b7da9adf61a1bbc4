//! Another image blended in, with its objects.

use image::RgbImage;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use vision_types::Instance;

use crate::error::{require, require_probability};
use crate::key::Domain;
use crate::letterbox::Letterbox;
use crate::mosaic::{GREY, require_scale};
use crate::spread::uniform;
use crate::{AugmentError, AugmentKey, Border, Drawn, Filter, GeometricMap, ImageSize, Window};

/// Mixup of detection: another image, scaled and mirrored at random, is blended in at equal weight, and the objects of
/// both count (Zhang et al., "Bag of Freebies for Training Object Detection Neural Networks", section 3.1; `mixup` of
/// YOLOX's `MosaicDetection`).
///
/// YOLOX draws partners until one has objects. Here the partner is drawn once, and the image stays as it is where
/// either has none (left).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DetectionMixup {
    /// Chance of blending, `0..=1`; 1 by default.
    pub probability: f64,
    /// Magnification of the partner, which fills the input at 1, `[lowest, highest]`; `[0.5, 1.5]` by default.
    pub scale: (f64, f64),
    /// Chance that the partner is mirrored, `0..=1`; 0.5 by default.
    pub flip: f64,
    /// Share of an object of the partner that must stay visible for it to be kept, `0..=1`; 0.2 by default.
    pub min_visible: f32,
}

impl Default for DetectionMixup {
    fn default() -> Self {
        Self { probability: 1.0, scale: (0.5, 1.5), flip: 0.5, min_visible: 0.2 }
    }
}

/// Everything random about one blend, already decided.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectionMixupDraw {
    partner: usize,
    size: ImageSize,
    /// Size that the partner, padded to the input's shape, is scaled to.
    scaled: ImageSize,
    flip: bool,
    /// Upper left corner of what is cut out of it where it is larger than the input.
    offset: (u32, u32),
    min_visible: f32,
}

impl DetectionMixup {
    /// Checks every setting against its range.
    ///
    /// # Errors
    ///
    /// With the first setting out of range.
    pub fn validate(&self) -> Result<(), AugmentError> {
        let kind = "detection-mixup";
        require_probability(kind, self.probability)?;
        require_scale(kind, self.scale)?;
        require((0.0..=1.0).contains(&self.flip), kind, "flip", self.flip, "a number from 0 to 1")?;
        let share = self.min_visible;
        require((0.0..=1.0).contains(&share), kind, "min_visible", share, "a share from 0 to 1")
    }

    /// Draws what is blended into an image of `size` made from sample `key.index` of a data set of `dataset_len`;
    /// `None` where chance leaves it alone, or there is nothing to draw from.
    pub fn draw(&self, key: AugmentKey, dataset_len: usize, size: ImageSize) -> Option<DetectionMixupDraw> {
        let mut generator = key.generator(Domain::DetectionMixup, 0);
        if dataset_len == 0 || size.area() == 0 || generator.random::<f64>() >= self.probability {
            return None;
        }
        let partner = generator.random_range(0..dataset_len);
        let scale = uniform(&mut generator, self.scale);
        let flip = generator.random::<f64>() < self.flip;
        let side = |side: u32| ((f64::from(side) * scale) as u32).max(1);
        let scaled = ImageSize::new(side(size.width), side(size.height));
        let mut offset = |scaled: u32, side: u32| generator.random_range(0..=scaled.saturating_sub(side));
        let offset = (offset(scaled.width, size.width), offset(scaled.height, size.height));
        Some(DetectionMixupDraw { partner, size, scaled, flip, offset, min_visible: self.min_visible })
    }
}

impl DetectionMixupDraw {
    /// The sample that is blended in.
    pub fn partner(&self) -> usize {
        self.partner
    }

    /// The blend of an image of the size drawn for and the partner, which can have any size, with the objects of both;
    /// the first sample as it is where it has no objects, or the partner has none left.
    ///
    /// # Panics
    ///
    /// When the first image is not of the size drawn for, or the partner has no pixels.
    pub fn apply(
        &self,
        (mut image, mut instances): (RgbImage, Vec<Instance>),
        (partner, annotated): (RgbImage, Vec<Instance>),
    ) -> (RgbImage, Vec<Instance>) {
        assert_eq!(ImageSize::of(&image), self.size, "the image is not of the size that was drawn for");
        let input = ImageSize::of(&partner);
        let moves = self.moves(input);
        let added = moves.apply_instances(annotated, input, self.min_visible);
        if instances.is_empty() || added.is_empty() {
            return (image, instances);
        }
        let partner = moves.apply_image(partner);
        for (level, other) in image.iter_mut().zip(partner.iter()) {
            *level = ((u16::from(*level) + u16::from(*other)) / 2) as u8;
        }
        instances.extend(added);
        (image, instances)
    }

    /// The partner's way: fitted into the scaled shape of the input, mirrored, then cut off or surrounded by black.
    fn moves(&self, input: ImageSize) -> Drawn {
        let place = Letterbox::top_left(input, self.scaled);
        let fitted = GeometricMap::Letterbox { place, filter: Filter::Bilinear, fill: [GREY; 3] };
        let flip = if self.flip { Drawn::Geometric(GeometricMap::FlipHorizontal) } else { Drawn::Identity };
        let window = Window {
            left: i64::from(self.offset.0),
            top: i64::from(self.offset.1),
            output: self.size,
            border: Border::default(),
        };
        Drawn::Sequence(vec![Drawn::Geometric(fitted), flip, Drawn::Geometric(GeometricMap::Window(window))])
    }
}
