//! Blur and noise.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{always, half};
use crate::error::{require, require_probability};
use crate::spread::uniform;
use crate::{Augment, AugmentError, Drawn, Generator, ImageSize, Named, Photometric};

/// The largest kernel allowed, in pixels.
const MAX_KERNEL: u32 = 255;

/// `gaussian-blur` (torchvision's `GaussianBlur`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GaussianBlur {
    /// Standard deviation in pixels, `[lowest, highest]`; `[0.1, 2]` by default.
    pub sigma: (f64, f64),
    /// Side of the kernel in pixels, odd; by default wide enough for 3 standard deviations to either side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_size: Option<u32>,
    /// Chance of a blur, `0..=1`; 1 by default.
    pub probability: f64,
}

impl Default for GaussianBlur {
    fn default() -> Self {
        Self { sigma: (0.1, 2.0), kernel_size: None, probability: always() }
    }
}

impl Augment for GaussianBlur {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let (lowest, highest) = self.sigma;
        let allowed = 0.0 < lowest && lowest <= highest && highest <= 40.0;
        let found = format!("[{lowest}, {highest}]");
        require(allowed, self.kind(), "sigma", found, "[lowest, highest] above 0 and up to 40 pixels")?;
        if let Some(side) = self.kernel_size {
            let allowed = side % 2 == 1 && side <= MAX_KERNEL;
            require(allowed, self.kind(), "kernel_size", side, "an odd number from 1 to 255")?;
        }
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, _: ImageSize) -> Drawn {
        /// Beyond 3 standard deviations lie 0.3 % of the weight.
        const DEVIATIONS: f64 = 3.0;
        let sigma = uniform(generator, self.sigma);
        let radius = self.kernel_size.map_or((DEVIATIONS * sigma).ceil() as u32, |side| side / 2);
        Drawn::Photometric(Photometric::GaussianBlur { sigma: sigma as f32, radius })
    }
}

/// `median-blur`: each channel's median over a square, which removes specks and keeps edges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct MedianBlur {
    /// Side of the square in pixels, odd; 3 by default.
    pub kernel_size: u32,
    /// Chance of a blur, `0..=1`; 0.5 by default.
    pub probability: f64,
}

impl Default for MedianBlur {
    fn default() -> Self {
        Self { kernel_size: 3, probability: half() }
    }
}

impl Augment for MedianBlur {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn is_random(&self) -> bool {
        self.probability > 0.0 && self.probability < 1.0
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let allowed = self.kernel_size % 2 == 1 && self.kernel_size <= MAX_KERNEL;
        require(allowed, self.kind(), "kernel_size", self.kernel_size, "an odd number from 1 to 255")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, _: &mut Generator, _: ImageSize) -> Drawn {
        Drawn::Photometric(Photometric::MedianBlur(self.kernel_size / 2))
    }
}

/// `gaussian-noise`: independent normal noise on every channel of every pixel (torchvision's v2 `GaussianNoise`,
/// clipped).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GaussianNoise {
    /// Standard deviation as a share of the full range of levels, `[lowest, highest]`; `[0.1, 0.1]` by default.
    pub sigma: (f64, f64),
    /// Chance of noise, `0..=1`; 1 by default.
    pub probability: f64,
}

impl Default for GaussianNoise {
    fn default() -> Self {
        Self { sigma: (0.1, 0.1), probability: always() }
    }
}

impl Augment for GaussianNoise {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let (lowest, highest) = self.sigma;
        let allowed = 0.0 <= lowest && lowest <= highest && highest <= 1.0;
        require(allowed, self.kind(), "sigma", format!("[{lowest}, {highest}]"), "[lowest, highest] from 0 to 1")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, _: ImageSize) -> Drawn {
        let sigma = (255.0 * uniform(generator, self.sigma)) as f32;
        Drawn::Photometric(Photometric::GaussianNoise { sigma, seed: generator.next_u64() })
    }
}
