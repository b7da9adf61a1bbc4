//! What can be wrong with a configured augmentation.

use std::fmt::Display;

/// A setting outside its allowed range.
///
/// Only configurations can be wrong: once [`crate::Pipeline::validate`] has passed, applying it never fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AugmentError {
    /// The value of one key is not allowed.
    #[error("augmentation `{kind}`: `{key}` is {found}, expected {expected}")]
    OutOfRange {
        /// The augmentation, as written in `kind = "…"`.
        kind: &'static str,
        /// The key whose value is wrong.
        key: &'static str,
        /// The value found.
        found: String,
        /// The values allowed.
        expected: &'static str,
    },
    /// A step of a pipeline is wrong.
    #[error("step {step} of the pipeline: {source}")]
    Step {
        /// Position in the pipeline, counted from 1.
        step: usize,
        /// What is wrong with it.
        source: Box<AugmentError>,
    },
}

/// Fails with the key, the value found and the values allowed, unless `allowed`.
pub(crate) fn require(
    allowed: bool,
    kind: &'static str,
    key: &'static str,
    found: impl Display,
    expected: &'static str,
) -> Result<(), AugmentError> {
    if allowed { Ok(()) } else { Err(AugmentError::OutOfRange { kind, key, found: found.to_string(), expected }) }
}

/// Fails unless `probability` is in `0..=1`.
pub(crate) fn require_probability(kind: &'static str, probability: f64) -> Result<(), AugmentError> {
    require((0.0..=1.0).contains(&probability), kind, "probability", probability, "a number from 0 to 1")
}
