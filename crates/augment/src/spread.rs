//! Intervals that parameters are drawn from.

use std::fmt;

use rand::RngExt;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Generator;
use crate::error::{AugmentError, require};

/// The interval that a parameter is drawn from, uniformly.
///
/// Written as one number `d`, it reaches `d` to either side of the neutral value of its setting (0 for an angle, a
/// shift or a hue, 1 for a factor), as in torchvision and Keras; written as `[lowest, highest]`, it is taken as it
/// stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// `d` to either side of the neutral value.
    Around(f64),
    /// From the lowest to the highest value.
    Between(f64, f64),
}

impl Spread {
    /// No spread: always the neutral value.
    pub const NONE: Self = Self::Around(0.0);

    /// Lowest and highest value of an angle, a shift or a hue.
    pub fn around_zero(self) -> (f64, f64) {
        match self {
            Self::Around(reach) => (-reach, reach),
            Self::Between(lowest, highest) => (lowest, highest),
        }
    }

    /// Lowest and highest value of a factor; the lowest is never negative, as in torchvision's `ColorJitter`.
    pub fn around_one(self) -> (f64, f64) {
        match self {
            Self::Around(reach) => ((1.0 - reach).max(0.0), 1.0 + reach),
            Self::Between(lowest, highest) => (lowest, highest),
        }
    }

    /// Whether the interval holds nothing but the neutral value 0.
    pub(crate) fn is_zero(self) -> bool {
        self.around_zero() == (0.0, 0.0)
    }

    /// Whether the interval holds nothing but the neutral value 1.
    pub(crate) fn is_one(self) -> bool {
        self.around_one() == (1.0, 1.0)
    }

    /// Fails unless the interval around 0 is ordered and within `lowest..=highest`.
    pub(crate) fn require_around_zero(
        self,
        kind: &'static str,
        key: &'static str,
        lowest: f64,
        highest: f64,
        expected: &'static str,
    ) -> Result<(), AugmentError> {
        let (from, to) = self.around_zero();
        require(lowest <= from && from <= to && to <= highest, kind, key, self, expected)
    }

    /// Fails unless the interval around 1 is ordered and within `lowest..=highest`, and `d` itself is not negative.
    pub(crate) fn require_around_one(
        self,
        kind: &'static str,
        key: &'static str,
        lowest: f64,
        highest: f64,
        expected: &'static str,
    ) -> Result<(), AugmentError> {
        let (from, to) = self.around_one();
        require(lowest <= from && from <= to && to <= highest, kind, key, self, expected)
    }
}

/// A value between the two ends, uniformly; the lower end where both are equal.
pub(crate) fn uniform(generator: &mut Generator, (lowest, highest): (f64, f64)) -> f64 {
    lowest + (highest - lowest) * generator.random::<f64>()
}

/// A value between the two positive ends whose logarithm is uniform.
pub(crate) fn log_uniform(generator: &mut Generator, (lowest, highest): (f64, f64)) -> f64 {
    uniform(generator, (lowest.ln(), highest.ln())).exp()
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Around(reach) => write!(f, "{reach}"),
            Self::Between(lowest, highest) => write!(f, "[{lowest}, {highest}]"),
        }
    }
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Around(reach) => serializer.serialize_f64(reach),
            Self::Between(lowest, highest) => [lowest, highest].serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Spread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpreadVisitor;

        impl<'de> Visitor<'de> for SpreadVisitor {
            type Value = Spread;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number (reach to either side) or [lowest, highest]")
            }

            fn visit_f64<E: de::Error>(self, reach: f64) -> Result<Spread, E> {
                Ok(Spread::Around(reach))
            }

            fn visit_i64<E: de::Error>(self, reach: i64) -> Result<Spread, E> {
                Ok(Spread::Around(reach as f64))
            }

            fn visit_u64<E: de::Error>(self, reach: u64) -> Result<Spread, E> {
                Ok(Spread::Around(reach as f64))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut ends: A) -> Result<Spread, A::Error> {
                let lowest = ends.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let highest = ends.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                match ends.next_element::<f64>()? {
                    None => Ok(Spread::Between(lowest, highest)),
                    Some(_) => Err(de::Error::invalid_length(3, &self)),
                }
            }
        }

        deserializer.deserialize_any(SpreadVisitor)
    }
}
