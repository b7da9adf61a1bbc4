//! Rectangles painted over the image.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::{always, half};
use crate::error::{require, require_probability};
use crate::spread::{log_uniform, uniform};
use crate::{Augment, AugmentError, Drawn, Eraser, Generator, ImageSize, Named, Photometric, Rectangle};

/// The mean colour of ImageNet in levels (0.485, 0.456, 0.406 of 255): what becomes 0 after its normalisation.
const IMAGENET_MEAN_COLOUR: [u8; 3] = [124, 116, 104];

/// `random-erasing`: one rectangle of random area and aspect ratio (Zhong et al., "Random Erasing Data Augmentation";
/// torchvision's `RandomErasing`, here before normalisation).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RandomErasing {
    /// Share of the image's area, `[lowest, highest]`; `[0.02, 0.33]` by default.
    pub scale: (f64, f64),
    /// Height over width of the rectangle, `[lowest, highest]`; `[0.3, 3.3]` by default.
    pub ratio: (f64, f64),
    /// Its colour, red, green and blue; by default the mean colour of ImageNet, which normalisation takes to 0.
    pub fill: [u8; 3],
    /// Fills it with uniform noise instead of a colour; `false` by default.
    pub noise: bool,
    /// Chance of a rectangle, `0..=1`; 0.5 by default.
    pub probability: f64,
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self { scale: (0.02, 0.33), ratio: (0.3, 3.3), fill: IMAGENET_MEAN_COLOUR, noise: false, probability: half() }
    }
}

/// Rectangles drawn before giving up, as in torchvision.
const ATTEMPTS: usize = 10;

impl Augment for RandomErasing {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let show = |(lowest, highest): (f64, f64)| format!("[{lowest}, {highest}]");
        let (lowest, highest) = self.scale;
        let ordered = 0.0 <= lowest && lowest <= highest && highest <= 1.0;
        require(ordered, self.kind(), "scale", show(self.scale), "[lowest, highest] from 0 to 1")?;
        let (lowest, highest) = self.ratio;
        let ordered = 0.0 < lowest && lowest <= highest && highest.is_finite();
        require(ordered, self.kind(), "ratio", show(self.ratio), "[lowest, highest] above 0")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        for _ in 0..ATTEMPTS {
            let area = size.area() as f64 * uniform(generator, self.scale);
            let ratio = log_uniform(generator, self.ratio);
            let height = (area * ratio).sqrt().round_ties_even();
            let width = (area / ratio).sqrt().round_ties_even();
            let fits = |length: f64, side: u32| length >= 1.0 && length < f64::from(side);
            if fits(width, size.width) && fits(height, size.height) {
                let (width, height) = (width as u32, height as u32);
                let y = generator.random_range(0..=size.height - height);
                let x = generator.random_range(0..=size.width - width);
                let eraser = if self.noise { Eraser::Noise(generator.next_u64()) } else { Eraser::Colour(self.fill) };
                return Drawn::Photometric(Photometric::Erase(Rectangle { x, y, width, height }, eraser));
            }
        }
        Drawn::Identity
    }
}

/// `cutout`: squares whose centres lie anywhere in the image, cut off at its edges (DeVries and Taylor, "Improved
/// Regularization of Convolutional Neural Networks with Cutout").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cutout {
    /// Side of a square in pixels; the paper uses 16 on CIFAR-10 and 8 on CIFAR-100.
    pub size: u32,
    /// Number of squares; 1 by default.
    #[serde(default = "one")]
    pub count: u32,
    /// Their colour, red, green and blue; by default the mean colour of ImageNet.
    #[serde(default = "mean_colour")]
    pub fill: [u8; 3],
    /// Chance of squares, `0..=1`; 1 by default.
    #[serde(default = "always")]
    pub probability: f64,
}

const fn one() -> u32 {
    1
}

const fn mean_colour() -> [u8; 3] {
    IMAGENET_MEAN_COLOUR
}

impl Cutout {
    /// One square of `size` pixels a side.
    pub fn new(size: u32) -> Self {
        Self { size, count: one(), fill: mean_colour(), probability: always() }
    }
}

impl Augment for Cutout {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let limit = crate::size::MAX_SIDE;
        require((1..=limit).contains(&self.size), self.kind(), "size", self.size, "1 to 16384 pixels")?;
        require((1..=1000).contains(&self.count), self.kind(), "count", self.count, "1 to 1000 squares")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        let mut span = |side: u32| {
            let start = i64::from(generator.random_range(0..side)) - i64::from(self.size / 2);
            let end = (start + i64::from(self.size)).min(i64::from(side));
            let start = start.max(0);
            (start as u32, (end - start) as u32)
        };
        let squares = (0..self.count).map(|_| {
            let ((x, width), (y, height)) = (span(size.width), span(size.height));
            Drawn::Photometric(Photometric::Erase(Rectangle { x, y, width, height }, Eraser::Colour(self.fill)))
        });
        Drawn::Sequence(squares.collect())
    }
}
