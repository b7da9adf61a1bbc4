//! Mirror images.

use serde::{Deserialize, Serialize};

use super::half;
use crate::error::require_probability;
use crate::{Augment, AugmentError, Drawn, Generator, GeometricMap, ImageSize, Named};

/// `horizontal-flip`: left and right exchanged (Keras' `horizontal_flip`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HorizontalFlip {
    /// Chance of a flip, `0..=1`; 0.5 by default.
    #[serde(default = "half")]
    pub probability: f64,
}

/// `vertical-flip`: top and bottom exchanged (Keras' `vertical_flip`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerticalFlip {
    /// Chance of a flip, `0..=1`; 0.5 by default.
    #[serde(default = "half")]
    pub probability: f64,
}

impl Default for HorizontalFlip {
    fn default() -> Self {
        Self { probability: half() }
    }
}

impl Default for VerticalFlip {
    fn default() -> Self {
        Self { probability: half() }
    }
}

impl Augment for HorizontalFlip {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, _: &mut Generator, _: ImageSize) -> Drawn {
        Drawn::Geometric(GeometricMap::FlipHorizontal)
    }
}

impl Augment for VerticalFlip {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, _: &mut Generator, _: ImageSize) -> Drawn {
        Drawn::Geometric(GeometricMap::FlipVertical)
    }
}
