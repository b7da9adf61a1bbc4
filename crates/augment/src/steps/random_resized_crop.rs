//! The crop of Inception training.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::spread::{log_uniform, uniform};
use crate::{Augment, AugmentError, Drawn, Filter, Generator, GeometricMap, ImageSize, Named, Rectangle};

/// `random-resized-crop`: a part of random area and aspect ratio, resampled to `size` (torchvision's
/// `RandomResizedCrop`; Szegedy et al., "Going Deeper with Convolutions", section 6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// Size of the result, a side or `[width, height]`.
    pub size: ImageSize,
    /// Share of the image's area, `[lowest, highest]`; `[0.08, 1]` by default.
    #[serde(default = "default_scale")]
    pub scale: (f64, f64),
    /// Width over height of the part, `[lowest, highest]`; `[3/4, 4/3]` by default.
    #[serde(default = "default_ratio")]
    pub ratio: (f64, f64),
    /// How the part is resampled; `bilinear` by default.
    #[serde(default)]
    pub filter: Filter,
}

fn default_scale() -> (f64, f64) {
    (0.08, 1.0)
}

fn default_ratio() -> (f64, f64) {
    (3.0 / 4.0, 4.0 / 3.0)
}

/// Parts drawn before falling back to the centre, as in torchvision.
const ATTEMPTS: usize = 10;

impl RandomResizedCrop {
    /// torchvision's default ranges.
    pub fn new(size: ImageSize) -> Self {
        Self { size, scale: default_scale(), ratio: default_ratio(), filter: Filter::Bilinear }
    }

    fn part(&self, generator: &mut Generator, size: ImageSize) -> Rectangle {
        for _ in 0..ATTEMPTS {
            let area = size.area() as f64 * uniform(generator, self.scale);
            let ratio = log_uniform(generator, self.ratio);
            let width = (area * ratio).sqrt().round_ties_even();
            let height = (area / ratio).sqrt().round_ties_even();
            let fits = |length: f64, side: u32| length >= 1.0 && length <= f64::from(side);
            if fits(width, size.width) && fits(height, size.height) {
                let (width, height) = (width as u32, height as u32);
                let y = generator.random_range(0..=size.height - height);
                let x = generator.random_range(0..=size.width - width);
                return Rectangle { x, y, width, height };
            }
        }
        // The largest centred part whose ratio is allowed.
        let ratio = f64::from(size.width) / f64::from(size.height);
        let (mut width, mut height) = (size.width, size.height);
        let side = |length: f64, limit: u32| (length.round_ties_even() as u32).clamp(1, limit);
        if ratio < self.ratio.0 {
            height = side(f64::from(width) / self.ratio.0, height);
        } else if ratio > self.ratio.1 {
            width = side(f64::from(height) * self.ratio.1, width);
        }
        Rectangle { x: (size.width - width) / 2, y: (size.height - height) / 2, width, height }
    }
}

impl Augment for RandomResizedCrop {
    fn validate(&self) -> Result<(), AugmentError> {
        let show = |(lowest, highest): (f64, f64)| format!("[{lowest}, {highest}]");
        require(self.size.is_allowed(), self.kind(), "size", self.size, "sides from 1 to 16384 pixels")?;
        let (lowest, highest) = self.scale;
        let ordered = 0.0 < lowest && lowest <= highest && highest <= 1.0;
        require(ordered, self.kind(), "scale", show(self.scale), "[lowest, highest] above 0 and up to 1")?;
        let (lowest, highest) = self.ratio;
        let ordered = 0.0 < lowest && lowest <= highest && highest.is_finite();
        require(ordered, self.kind(), "ratio", show(self.ratio), "[lowest, highest] above 0")
    }

    fn output_size(&self, _: ImageSize) -> ImageSize {
        self.size
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        let part = self.part(generator, size);
        Drawn::Geometric(GeometricMap::Resize { part, output: self.size, filter: self.filter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn parts_keep_to_the_ranges() {
        let crop = RandomResizedCrop::new(ImageSize::new(224, 224));
        let size = ImageSize::new(640, 480);
        let mut generator = Generator::seed_from_u64(1);
        let mut mean_share = 0.0;
        for _ in 0..2000 {
            let part = crop.part(&mut generator, size);
            assert!(part.fits(size));
            let share = f64::from(part.width * part.height) / size.area() as f64;
            let ratio = f64::from(part.width) / f64::from(part.height);
            // Rounding the sides moves share and ratio by at most a pixel in about 150.
            assert!((0.079..=1.0).contains(&share), "{part:?}");
            assert!((0.74..=1.35).contains(&ratio), "{part:?}");
            mean_share += share / 2000.0;
        }
        // Uniform over 0.08..1, less the largest parts, which fit more rarely.
        assert!((0.42..0.54).contains(&mean_share), "{mean_share}");
    }

    #[test]
    fn an_impossible_ratio_falls_back_to_the_centre() {
        let crop = RandomResizedCrop { scale: (1.0, 1.0), ..RandomResizedCrop::new(ImageSize::new(8, 8)) };
        let part = crop.part(&mut Generator::seed_from_u64(1), ImageSize::new(100, 30));
        // 30 rows allow 30 · 4/3 = 40 columns, centred in 100.
        assert_eq!(part, Rectangle { x: 30, y: 0, width: 40, height: 30 });
    }
}
