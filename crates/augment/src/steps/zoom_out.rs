//! The image made smaller.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::half;
use super::letterbox::grey;
use crate::error::{require, require_probability};
use crate::letterbox::Letterbox;
use crate::spread::uniform;
use crate::{Augment, AugmentError, Drawn, Filter, Generator, GeometricMap, ImageSize, Named, Rectangle};

/// `zoom-out`: the image made smaller and placed anywhere on a canvas of its own size, so that objects become smaller
/// (the expansion of Liu et al., "SSD", section 3.6; torchvision's `RandomZoomOut`, which enlarges the canvas instead).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ZoomOut {
    /// Side of the canvas over that of the image, `[lowest, highest]`; `[1, 4]` by default.
    pub ratio: (f64, f64),
    /// How the image is resampled; `bilinear` by default.
    pub filter: Filter,
    /// Colour around the image, red, green and blue; grey of level 114 by default.
    pub fill: [u8; 3],
    /// Chance of a change, `0..=1`; 0.5 by default.
    pub probability: f64,
}

impl Default for ZoomOut {
    fn default() -> Self {
        Self { ratio: (1.0, 4.0), filter: Filter::Bilinear, fill: grey(), probability: half() }
    }
}

impl Augment for ZoomOut {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn is_random(&self) -> bool {
        self.probability > 0.0 && self.ratio != (1.0, 1.0)
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let (lowest, highest) = self.ratio;
        let allowed = 1.0 <= lowest && lowest <= highest && highest <= 100.0;
        require(allowed, self.kind(), "ratio", format!("[{lowest}, {highest}]"), "[lowest, highest] from 1 to 100")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        let ratio = uniform(generator, self.ratio);
        let side = |side: u32| ((f64::from(side) / ratio).round() as u32).clamp(1, side);
        let (width, height) = (side(size.width), side(size.height));
        let x = generator.random_range(0..=size.width - width);
        let y = generator.random_range(0..=size.height - height);
        let place = Letterbox::placed(size, size, Rectangle { x, y, width, height });
        Drawn::Geometric(GeometricMap::Letterbox { place, filter: self.filter, fill: self.fill })
    }
}
