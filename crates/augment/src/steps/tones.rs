//! Single changes of tone: grey, sharpness, posterize, solarize, autocontrast, equalize, invert.

use serde::{Deserialize, Serialize};

use super::half;
use crate::error::{require, require_probability};
use crate::spread::uniform;
use crate::{Augment, AugmentError, Drawn, Generator, ImageSize, Named, Photometric, Spread};

/// A change without settings of its own: the struct, its default and its [`Augment`].
macro_rules! plain_change {
    ($(#[$docs:meta])* $name:ident, $change:expr) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Chance of the change, `0..=1`; 0.5 by default.
            #[serde(default = "half")]
            pub probability: f64,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { probability: half() }
            }
        }

        impl Augment for $name {
            fn probability(&self) -> f64 {
                self.probability
            }

            fn is_random(&self) -> bool {
                self.probability > 0.0 && self.probability < 1.0
            }

            fn validate(&self) -> Result<(), AugmentError> {
                require_probability(self.kind(), self.probability)
            }

            fn draw(&self, _: &mut Generator, _: ImageSize) -> Drawn {
                Drawn::Photometric($change)
            }
        }
    };
}

plain_change! {
    /// `grey`: the luma in all three channels (torchvision's `RandomGrayscale`).
    Grey, Photometric::Grey
}

plain_change! {
    /// `auto-contrast`: each channel stretched to all levels (torchvision's `RandomAutocontrast`).
    AutoContrast, Photometric::AutoContrast
}

plain_change! {
    /// `equalize`: the histogram of each channel made flat (torchvision's `RandomEqualize`).
    Equalize, Photometric::Equalize
}

plain_change! {
    /// `invert`: the negative (torchvision's `RandomInvert`).
    Invert, Photometric::Invert
}

/// `sharpness`: blended with a smoothed copy (torchvision's `RandomAdjustSharpness`, with a range for the factor).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sharpness {
    /// Factor, 0 smoothed, 1 unchanged, 2 sharpened; a number `s` draws from max(0, 1 − s) to 1 + s.
    pub factor: Spread,
    /// Chance of the change, `0..=1`; 0.5 by default.
    #[serde(default = "half")]
    pub probability: f64,
}

impl Augment for Sharpness {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        self.factor.require_around_one(self.kind(), "factor", 0.0, 100.0, "factors from 0 to 100, the lowest first")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, _: ImageSize) -> Drawn {
        Drawn::Photometric(Photometric::Sharpness(uniform(generator, self.factor.around_one()) as f32))
    }
}

/// `posterize`: only the highest bits of each level kept (torchvision's `RandomPosterize`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Posterize {
    /// Bits kept, 0 to 8.
    pub bits: u8,
    /// Chance of the change, `0..=1`; 0.5 by default.
    #[serde(default = "half")]
    pub probability: f64,
}

impl Augment for Posterize {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn is_random(&self) -> bool {
        self.probability > 0.0 && self.probability < 1.0
    }

    fn validate(&self) -> Result<(), AugmentError> {
        require(self.bits <= 8, self.kind(), "bits", self.bits, "0 to 8 bits")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, _: &mut Generator, _: ImageSize) -> Drawn {
        Drawn::Photometric(Photometric::Posterize(self.bits))
    }
}

/// `solarize`: levels at or above a threshold inverted (torchvision's `RandomSolarize`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Solarize {
    /// The lowest level that is inverted, 0 to 256; 128 by default.
    #[serde(default = "middle_level")]
    pub threshold: f32,
    /// Chance of the change, `0..=1`; 0.5 by default.
    #[serde(default = "half")]
    pub probability: f64,
}

/// The default threshold of Pillow's `ImageOps.solarize`.
const fn middle_level() -> f32 {
    128.0
}

impl Augment for Solarize {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn is_random(&self) -> bool {
        self.probability > 0.0 && self.probability < 1.0
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let allowed = (0.0..=256.0).contains(&self.threshold);
        require(allowed, self.kind(), "threshold", self.threshold, "a level from 0 to 256")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, _: &mut Generator, _: ImageSize) -> Drawn {
        Drawn::Photometric(Photometric::Solarize(self.threshold))
    }
}
