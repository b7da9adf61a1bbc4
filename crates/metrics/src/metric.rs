//! The contract of every metric, and what its figures are called.

use serde::{Deserialize, Serialize};

use crate::MetricError;

/// A figure of merit over predictions `P` and targets `T`, gathered batch by batch.
///
/// The order of samples and their split into batches do not matter (beyond the rounding of sums).
pub trait Metric<P, T>: Send {
    /// Takes in one batch: `predictions[i]` is the answer for `targets[i]`.
    ///
    /// # Errors
    ///
    /// When the batch is refused; it is then refused whole, and the metric stays as it was.
    fn update(&mut self, predictions: &[P], targets: &[T]) -> Result<(), MetricError>;

    /// The figures of everything taken in since the start or the last [`reset`](Self::reset). The names and their order
    /// never depend on the data.
    fn compute(&self) -> Vec<Score>;

    /// Forgets everything taken in.
    fn reset(&mut self);
}

/// One named figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Lower snake case, for example `top5` or `precision_macro`.
    pub name: String,
    /// The figure, always finite; a fraction of 1 where it is a ratio. `None` when it is not defined for the data, for
    /// example when there is none.
    pub value: Option<f64>,
}

impl Score {
    /// A figure; a `value` that is not finite counts as not defined.
    pub fn new(name: impl Into<String>, value: Option<f64>) -> Self {
        Self { name: name.into(), value: value.filter(|value| value.is_finite()) }
    }
}

/// Which way a figure improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better, as with accuracy.
    HigherIsBetter,
    /// Less is better, as with a loss.
    LowerIsBetter,
}

impl Direction {
    /// Whether `candidate` is strictly better than `best`. NaN is never better, and every number is better than NaN.
    pub fn is_better(self, candidate: f64, best: f64) -> bool {
        if candidate.is_nan() || best.is_nan() {
            return !candidate.is_nan();
        }
        match self {
            Self::HigherIsBetter => candidate > best,
            Self::LowerIsBetter => candidate < best,
        }
    }

    /// The worst figure there is: every finite one is better.
    pub fn worst(self) -> f64 {
        match self {
            Self::HigherIsBetter => f64::NEG_INFINITY,
            Self::LowerIsBetter => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_never_better() {
        for direction in [Direction::HigherIsBetter, Direction::LowerIsBetter] {
            assert!(!direction.is_better(f64::NAN, 0.5));
            assert!(!direction.is_better(f64::NAN, f64::NAN));
            assert!(direction.is_better(0.5, f64::NAN));
            assert!(direction.is_better(0.5, direction.worst()));
            assert!(!direction.is_better(0.5, 0.5));
        }
        assert!(Direction::HigherIsBetter.is_better(0.6, 0.5));
        assert!(Direction::LowerIsBetter.is_better(0.4, 0.5));
    }

    #[test]
    fn a_score_is_finite_or_absent() {
        assert_eq!(Score::new("ece", Some(f64::NAN)).value, None);
        assert_eq!(Score::new("ece", Some(f64::INFINITY)).value, None);
        assert_eq!(Score::new("ece", Some(0.25)).value, Some(0.25));
    }
}
