//! Crops of a given size.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::{Augment, AugmentError, Border, Drawn, FillMode, Generator, GeometricMap, ImageSize, Named, Window};

const SIZES: &str = "sides from 1 to 16384 pixels";

/// `centre-crop`: the middle of the image; a smaller image is surrounded by black first (torchvision's `CenterCrop`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CentreCrop {
    /// Size of the crop, a side or `[width, height]`.
    pub size: ImageSize,
}

impl Augment for CentreCrop {
    fn is_random(&self) -> bool {
        false
    }

    fn validate(&self) -> Result<(), AugmentError> {
        require(self.size.is_allowed(), self.kind(), "size", self.size, SIZES)
    }

    fn output_size(&self, _: ImageSize) -> ImageSize {
        self.size
    }

    fn draw(&self, _: &mut Generator, size: ImageSize) -> Drawn {
        let start = |side: u32, crop: u32| {
            if side >= crop {
                // Half a pixel goes to the even neighbour, as Python rounds.
                (f64::from(side - crop) / 2.0).round_ties_even() as i64
            } else {
                -i64::from((crop - side) / 2)
            }
        };
        Drawn::Geometric(GeometricMap::Window(Window {
            left: start(size.width, self.size.width),
            top: start(size.height, self.size.height),
            output: self.size,
            border: Border::default(),
        }))
    }
}

/// `random-crop`: a crop anywhere in the padded image (torchvision's `RandomCrop`).
///
/// An image that is still smaller than the crop is padded to its size on both sides, as with `pad_if_needed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    /// Size of the crop, a side or `[width, height]`.
    pub size: ImageSize,
    /// Pixels added on every side before cropping; 0 by default.
    #[serde(default)]
    pub padding: u32,
    /// What the added pixels show: `constant` (default), `reflect`, `symmetric`, `nearest` or `wrap`.
    #[serde(default)]
    pub fill_mode: FillMode,
    /// Colour of `constant`, red, green and blue; black by default.
    #[serde(default)]
    pub fill: [u8; 3],
}

impl RandomCrop {
    /// A crop of `size` after adding `padding` black pixels on every side.
    pub fn padded(size: ImageSize, padding: u32) -> Self {
        Self { size, padding, fill_mode: FillMode::Constant, fill: [0; 3] }
    }
}

impl Augment for RandomCrop {
    fn validate(&self) -> Result<(), AugmentError> {
        require(self.size.is_allowed(), self.kind(), "size", self.size, SIZES)?;
        let limit = crate::size::MAX_SIDE;
        require(self.padding <= limit, self.kind(), "padding", self.padding, "0 to 16384 pixels")
    }

    fn output_size(&self, _: ImageSize) -> ImageSize {
        self.size
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        let mut start = |side: u32, crop: u32| {
            let (side, crop, padding) = (i64::from(side), i64::from(crop), i64::from(self.padding));
            let padding = padding + (crop - side - 2 * padding).max(0);
            generator.random_range(-padding..=side + padding - crop)
        };
        let left = start(size.width, self.size.width);
        let top = start(size.height, self.size.height);
        Drawn::Geometric(GeometricMap::Window(Window {
            left,
            top,
            output: self.size,
            border: Border { mode: self.fill_mode, fill: self.fill },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn window(drawn: Drawn) -> Window {
        match drawn {
            Drawn::Geometric(GeometricMap::Window(window)) => window,
            other => panic!("not a window: {other:?}"),
        }
    }

    #[test]
    fn the_centre_is_where_torchvision_puts_it() {
        let mut generator = Generator::seed_from_u64(0);
        // round(1 / 2) = 0 and round(3 / 2) = 2 with ties to even; a shortfall of 3 puts 1 pixel before the image.
        for (side, crop, expected) in [(5, 4, 0), (7, 4, 2), (8, 4, 2), (4, 7, -1)] {
            let centre = CentreCrop { size: ImageSize::new(crop, crop) };
            let window = window(centre.draw(&mut generator, ImageSize::new(side, side)));
            assert_eq!((window.left, window.top), (expected, expected), "{crop} from {side}");
        }
    }

    #[test]
    fn every_position_of_the_padded_image_is_drawn_and_no_other() {
        let mut generator = Generator::seed_from_u64(0);
        let crop = RandomCrop::padded(ImageSize::new(32, 32), 4);
        let lefts: std::collections::BTreeSet<i64> =
            (0..1000).map(|_| window(crop.draw(&mut generator, ImageSize::new(32, 32))).left).collect();
        assert_eq!(lefts, (-4..=4).collect());
        let small: std::collections::BTreeSet<i64> =
            (0..1000).map(|_| window(crop.draw(&mut generator, ImageSize::new(20, 20))).left).collect();
        // 20 + 2 · 4 is 4 short of 32, so 8 pixels are added on both sides: from -8 to 20 + 8 - 32.
        assert_eq!(small, (-8..=-4).collect());
    }
}
