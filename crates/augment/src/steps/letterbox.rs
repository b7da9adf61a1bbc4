//! The whole image fitted into a size.

use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::letterbox::Letterbox;
use crate::mosaic::GREY;
use crate::{Augment, AugmentError, Drawn, Filter, Generator, GeometricMap, ImageSize, Named};

/// `letterbox`: the whole image as large as it fits into a size, its aspect ratio kept, one colour around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LetterboxStep {
    /// Size of the result, a side or `[width, height]`.
    pub size: ImageSize,
    /// Where the image lies: `top-left` (default, as in YOLOX) or `centre`.
    #[serde(default)]
    pub placement: Placement,
    /// How the image is resampled; `bilinear` by default.
    #[serde(default)]
    pub filter: Filter,
    /// Colour around the image, red, green and blue; grey of level 114 by default, as in YOLOX.
    #[serde(default = "grey")]
    pub fill: [u8; 3],
}

/// Where a letterboxed image lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// In the upper left corner.
    #[default]
    TopLeft,
    /// In the middle.
    #[serde(alias = "center")]
    Centre,
}

pub(super) const fn grey() -> [u8; 3] {
    [GREY; 3]
}

impl LetterboxStep {
    /// Into the upper left corner of `size`, as YOLOX does.
    pub fn top_left(size: ImageSize) -> Self {
        Self { size, placement: Placement::TopLeft, filter: Filter::Bilinear, fill: grey() }
    }
}

impl Augment for LetterboxStep {
    fn is_random(&self) -> bool {
        false
    }

    fn validate(&self) -> Result<(), AugmentError> {
        require(self.size.is_allowed(), self.kind(), "size", self.size, "sides from 1 to 16384 pixels")
    }

    fn output_size(&self, _: ImageSize) -> ImageSize {
        self.size
    }

    fn draw(&self, _: &mut Generator, size: ImageSize) -> Drawn {
        let place = match self.placement {
            Placement::TopLeft => Letterbox::top_left(size, self.size),
            Placement::Centre => Letterbox::centred(size, self.size),
        };
        Drawn::Geometric(GeometricMap::Letterbox { place, filter: self.filter, fill: self.fill })
    }
}
