//! Random perspective.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::half;
use crate::error::{require, require_probability};
use crate::{
    Augment, AugmentError, Border, Drawn, FillMode, Generator, GeometricMap, ImageSize, Named, Projection, Sampling,
};

/// `perspective`: each corner drawn inwards by a random distance (torchvision's `RandomPerspective`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Perspective {
    /// How far a corner may go, as a share of the way to the centre; 0.5 by default.
    pub distortion: f64,
    /// What lies beyond the image: `constant` (default), `reflect`, `symmetric`, `nearest` or `wrap`.
    pub fill_mode: FillMode,
    /// Colour of `constant`, red, green and blue; black by default.
    pub fill: [u8; 3],
    /// How the image is read between pixels: `bilinear` (default) or `nearest`.
    pub sampling: Sampling,
    /// Chance of a warp, `0..=1`; 0.5 by default.
    pub probability: f64,
}

impl Default for Perspective {
    fn default() -> Self {
        Self {
            distortion: 0.5,
            fill_mode: FillMode::Constant,
            fill: [0; 3],
            sampling: Sampling::Bilinear,
            probability: half(),
        }
    }
}

impl Augment for Perspective {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        // At 1 all corners could meet in the centre.
        let allowed = (0.0..=0.95).contains(&self.distortion);
        require(allowed, self.kind(), "distortion", self.distortion, "a number from 0 to 0.95")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let mut inwards = |side: f64| self.distortion * side / 2.0 * generator.random::<f64>();
        let corners = [
            (inwards(width), inwards(height)),
            (width - inwards(width), inwards(height)),
            (width - inwards(width), height - inwards(height)),
            (inwards(width), height - inwards(height)),
        ];
        let to_unit_square = Projection::scale_then_shift(1.0 / width, 1.0 / height, 0.0, 0.0);
        let border = Border { mode: self.fill_mode, fill: self.fill };
        Projection::from_unit_square(corners)
            .and_then(|quad| GeometricMap::warp(to_unit_square.then(&quad), size, border, self.sampling))
            .map_or(Drawn::Identity, Drawn::Geometric)
    }
}
