//! A crop at one of five fixed places.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::{Augment, AugmentError, Border, Drawn, Generator, GeometricMap, ImageSize, Named, Window};

/// `five-crop`: a corner or the centre of the image, each equally often (Krizhevsky et al. 2012, section 4.1, one crop
/// at a time). A smaller image is surrounded by black.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FiveCrop {
    /// Size of the crop, a side or `[width, height]`.
    pub size: ImageSize,
}

impl Augment for FiveCrop {
    fn validate(&self) -> Result<(), AugmentError> {
        let sides = self.size.width.min(self.size.height);
        require(sides > 0, self.kind(), "size", self.size, "sides of at least 1 pixel")
    }

    fn output_size(&self, _: ImageSize) -> ImageSize {
        self.size
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        let right = i64::from(size.width) - i64::from(self.size.width);
        let bottom = i64::from(size.height) - i64::from(self.size.height);
        let places = [(0, 0), (right, 0), (0, bottom), (right, bottom), (right / 2, bottom / 2)];
        let (left, top) = places[generator.random_range(0..places.len())];
        let window = Window { left, top, output: self.size, border: Border::default() };
        Drawn::Geometric(GeometricMap::Window(window))
    }
}
