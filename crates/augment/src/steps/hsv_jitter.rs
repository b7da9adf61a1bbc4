//! Hue, saturation and value at random.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::always;
use crate::error::{require, require_probability};
use crate::spread::uniform;
use crate::{Augment, AugmentError, Drawn, Generator, ImageSize, Named, Photometric};

/// `hsv-jitter`: hue, saturation and value shifted by random amounts, each with an even chance (`augment_hsv` of
/// YOLOX).
///
/// YOLOX cuts the shifts off to whole numbers; here they are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct HsvJitter {
    /// Turn of the hue by up to so many steps of 2° to either side (OpenCV's 180 steps a turn), 0 to 90; 5 by default.
    pub hue: f64,
    /// Shift of the saturation by up to so many levels to either side, 0 to 255; 30 by default.
    pub saturation: f64,
    /// Shift of the value by up to so many levels to either side, 0 to 255; 30 by default.
    pub value: f64,
    /// Chance of a change, `0..=1`; 1 by default.
    pub probability: f64,
}

impl Default for HsvJitter {
    fn default() -> Self {
        Self { hue: 5.0, saturation: 30.0, value: 30.0, probability: always() }
    }
}

impl Augment for HsvJitter {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn is_random(&self) -> bool {
        self.probability > 0.0 && [self.hue, self.saturation, self.value].iter().any(|&reach| reach > 0.0)
    }

    fn validate(&self) -> Result<(), AugmentError> {
        require((0.0..=90.0).contains(&self.hue), self.kind(), "hue", self.hue, "0 to 90 steps of 2 degrees")?;
        for (key, reach) in [("saturation", self.saturation), ("value", self.value)] {
            require((0.0..=255.0).contains(&reach), self.kind(), key, reach, "0 to 255 levels")?;
        }
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, _: ImageSize) -> Drawn {
        let mut shift = |reach: f64| {
            let shift = uniform(generator, (-reach, reach)) as f32;
            if generator.random::<bool>() { shift } else { 0.0 }
        };
        let (hue, saturation, value) = (shift(self.hue), shift(self.saturation), shift(self.value));
        if (hue, saturation, value) == (0.0, 0.0, 0.0) {
            return Drawn::Identity;
        }
        Drawn::Photometric(Photometric::HsvShift { hue, saturation, value })
    }
}
