//! Brightness, contrast, saturation and hue at random.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::always;
use crate::error::require_probability;
use crate::spread::uniform;
use crate::{Augment, AugmentError, Drawn, Generator, ImageSize, Named, Photometric, Spread};

/// `color-jitter`: brightness, contrast, saturation and hue, each drawn from its range and applied in random order
/// (torchvision's `ColorJitter`; Keras' `brightness_range` is `brightness = [lowest, highest]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ColorJitter {
    /// Factor; a number `b` draws from max(0, 1 − b) to 1 + b. Unchanged by default.
    pub brightness: Spread,
    /// Factor; a number `c` draws from max(0, 1 − c) to 1 + c. Unchanged by default.
    pub contrast: Spread,
    /// Factor; a number `s` draws from max(0, 1 − s) to 1 + s. Unchanged by default.
    pub saturation: Spread,
    /// Share of a full turn, −0.5 to 0.5; a number `h` draws from −h to h. Unchanged by default.
    pub hue: Spread,
    /// Chance of a change, `0..=1`; 1 by default.
    pub probability: f64,
}

impl Default for ColorJitter {
    fn default() -> Self {
        Self {
            brightness: Spread::NONE,
            contrast: Spread::NONE,
            saturation: Spread::NONE,
            hue: Spread::NONE,
            probability: always(),
        }
    }
}

impl Augment for ColorJitter {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let factors = [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)];
        for (key, factor) in factors {
            factor.require_around_one(self.kind(), key, 0.0, 100.0, "factors from 0 to 100, the lowest first")?;
        }
        self.hue.require_around_zero(self.kind(), "hue", -0.5, 0.5, "shares of a turn from -0.5 to 0.5")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, _: ImageSize) -> Drawn {
        let mut changes = Vec::with_capacity(4);
        let mut factor = |spread: Spread, change: fn(f32) -> Photometric| {
            if !spread.is_one() {
                changes.push(Drawn::Photometric(change(uniform(generator, spread.around_one()) as f32)));
            }
        };
        factor(self.brightness, Photometric::Brightness);
        factor(self.contrast, Photometric::Contrast);
        factor(self.saturation, Photometric::Saturation);
        if !self.hue.is_zero() {
            changes.push(Drawn::Photometric(Photometric::Hue(uniform(generator, self.hue.around_zero()) as f32)));
        }
        changes.shuffle(generator);
        Drawn::Sequence(changes)
    }
}
