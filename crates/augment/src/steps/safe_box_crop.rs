//! A crop that keeps enough of an annotated object.

use rand::RngExt;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};
use vision_types::BBox;

use super::always;
use crate::error::{require, require_probability};
use crate::spread::{log_uniform, uniform};
use crate::{Augment, AugmentError, Drawn, Filter, Generator, GeometricMap, ImageSize, Named, Rectangle};

/// `safe-box-crop`: a part of random area and aspect ratio, resampled to the image's own or a given size, that shows
/// enough of at least one annotated object.
///
/// Of each image one object is chosen at random, and parts are drawn until one shows `min_visible` of its box; the
/// image stays whole where none of 40 does. Parts of an image without objects are drawn freely. (The sampler of Liu et
/// al., "SSD", section 2.2, asks for an overlap of part and object instead, which small objects never reach.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SafeBoxCrop {
    /// Size of the result, a side or `[width, height]`; the image's own by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<ImageSize>,
    /// Share of the image's area, `[lowest, highest]`; `[0.1, 1]` by default (SSD's sides of 0.3 to 1).
    pub scale: (f64, f64),
    /// Width over height of the part, relative to the image's own, `[lowest, highest]`; `[0.5, 2]` by default.
    pub ratio: (f64, f64),
    /// Share of the chosen box that the part shows at least, `0..=1`; 0.7 by default.
    pub min_visible: f32,
    /// How the part is resampled; `bilinear` by default.
    pub filter: Filter,
    /// Chance of a crop, `0..=1`; 1 by default. Without one the image is only brought to `size`.
    pub probability: f64,
}

impl Default for SafeBoxCrop {
    fn default() -> Self {
        Self {
            size: None,
            scale: (0.1, 1.0),
            ratio: (0.5, 2.0),
            min_visible: 0.7,
            filter: Filter::Bilinear,
            probability: always(),
        }
    }
}

/// Parts drawn before the image is left whole, as in torchvision's `RandomIoUCrop`.
const ATTEMPTS: usize = 40;

impl SafeBoxCrop {
    fn part(&self, generator: &mut Generator, size: ImageSize, boxes: &[BBox]) -> Rectangle {
        let wanted = boxes.choose(generator).copied();
        for _ in 0..ATTEMPTS {
            let (area, ratio) = (uniform(generator, self.scale), log_uniform(generator, self.ratio));
            let (width, height) = ((area * ratio).sqrt(), (area / ratio).sqrt());
            if width > 1.0 || height > 1.0 {
                continue;
            }
            let side = |share: f64, side: u32| ((share * f64::from(side)).round() as u32).clamp(1, side);
            let (width, height) = (side(width, size.width), side(height, size.height));
            let x = generator.random_range(0..=size.width - width);
            let y = generator.random_range(0..=size.height - height);
            let part = Rectangle { x, y, width, height };
            if wanted.is_none_or(|bbox| shown(bbox, part) >= self.min_visible) {
                return part;
            }
        }
        Rectangle::whole(size)
    }
}

/// The share of `bbox` within `part`, in `0..=1`.
fn shown(bbox: BBox, part: Rectangle) -> f32 {
    let part = BBox::from_xywh(part.x as f32, part.y as f32, part.width as f32, part.height as f32);
    if bbox.area() > 0.0 { bbox.intersection(part) / bbox.area() } else { 0.0 }
}

impl Augment for SafeBoxCrop {
    fn is_random(&self) -> bool {
        self.probability > 0.0
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let show = |(lowest, highest): (f64, f64)| format!("[{lowest}, {highest}]");
        if let Some(size) = self.size {
            require(size.is_allowed(), self.kind(), "size", size, "sides from 1 to 16384 pixels")?;
        }
        let (lowest, highest) = self.scale;
        let ordered = 0.0 < lowest && lowest <= highest && highest <= 1.0;
        require(ordered, self.kind(), "scale", show(self.scale), "[lowest, highest] above 0 and up to 1")?;
        let (lowest, highest) = self.ratio;
        let ordered = 0.0 < lowest && lowest <= highest && highest.is_finite();
        require(ordered, self.kind(), "ratio", show(self.ratio), "[lowest, highest] above 0")?;
        let share = self.min_visible;
        require((0.0..=1.0).contains(&share), self.kind(), "min_visible", share, "a share from 0 to 1")?;
        require_probability(self.kind(), self.probability)
    }

    fn output_size(&self, input: ImageSize) -> ImageSize {
        self.size.unwrap_or(input)
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        self.draw_around(generator, size, &[])
    }

    fn draw_around(&self, generator: &mut Generator, size: ImageSize, boxes: &[BBox]) -> Drawn {
        // The chance is drawn here and not by the trait, as the size must be reached in either case.
        let happens = generator.random::<f64>() < self.probability;
        let part = if happens { self.part(generator, size, boxes) } else { Rectangle::whole(size) };
        Drawn::Geometric(GeometricMap::Resize { part, output: self.output_size(size), filter: self.filter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn parts_show_the_object_and_keep_to_the_ranges() {
        let crop = SafeBoxCrop::default();
        let size = ImageSize::new(640, 480);
        let bbox = BBox::from_xywh(500.0, 300.0, 80.0, 60.0);
        let mut generator = Generator::seed_from_u64(1);
        let mut whole = 0;
        for _ in 0..500 {
            let part = crop.part(&mut generator, size, &[bbox]);
            assert!(part.fits(size) && shown(bbox, part) >= 0.7, "{part:?}");
            whole += usize::from(part == Rectangle::whole(size));
            let share = f64::from(part.width * part.height) / size.area() as f64;
            let ratio = f64::from(part.width) / f64::from(part.height) / (640.0 / 480.0);
            // Rounding the sides moves them by at most half a pixel in about 100.
            assert!((0.099..=1.0).contains(&share) && (0.49..=2.02).contains(&ratio), "{part:?}");
        }
        assert!(whole < 25, "{whole} of 500 images are whole");
    }

    #[test]
    fn shares_are_those_of_the_box() {
        let part = Rectangle { x: 10, y: 0, width: 10, height: 10 };
        // 5 of 10 columns, 8 of 10 rows.
        assert_eq!(shown(BBox::from_xyxy(5.0, 2.0, 15.0, 12.0), part), 0.4);
        assert_eq!(shown(BBox::from_xyxy(12.0, 2.0, 12.0, 4.0), part), 0.0);
    }

    #[test]
    fn an_image_stays_whole_where_no_part_shows_enough() {
        let crop = SafeBoxCrop { scale: (0.1, 0.1), min_visible: 1.0, ..SafeBoxCrop::default() };
        let size = ImageSize::new(64, 64);
        let part = crop.part(&mut Generator::seed_from_u64(3), size, &[BBox::from_xyxy(0.0, 0.0, 64.0, 64.0)]);
        assert_eq!(part, Rectangle::whole(size));
    }
}
