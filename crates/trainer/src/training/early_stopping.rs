//! Which epoch was best, and when to stop waiting for a better one.

use metrics::Direction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The figure that epochs are judged by.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Its column in the results, such as `val.accuracy`.
    pub name: String,
    /// Which way it improves.
    pub direction: Direction,
}

/// When to end a run before its last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs without improvement that are accepted.
    pub patience: usize,
    /// How much better a figure must be to count as an improvement.
    pub min_delta: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self { patience: 10, min_delta: 0.0 }
    }
}

/// The best epoch so far; part of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Number (from 1) and figure of the best epoch.
    pub best: Option<(usize, f64)>,
    /// Epochs since the last improvement by at least `min_delta`.
    pub stale_epochs: usize,
    /// The figure that the next improvement is measured against.
    pub reference: Option<f64>,
}

impl Progress {
    /// Takes in the figure of `epoch`. Gives whether it is the best so far; an undefined figure never is.
    pub fn update(&mut self, epoch: usize, value: Option<f64>, direction: Direction, min_delta: f64) -> bool {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            self.stale_epochs += 1;
            return false;
        };
        let needed = |reference: f64| match direction {
            Direction::HigherIsBetter => reference + min_delta,
            Direction::LowerIsBetter => reference - min_delta,
        };
        if self.reference.is_none_or(|reference| direction.is_better(value, needed(reference))) {
            self.reference = Some(value);
            self.stale_epochs = 0;
        } else {
            self.stale_epochs += 1;
        }
        let improved = self.best.is_none_or(|(_, best)| direction.is_better(value, best));
        if improved {
            self.best = Some((epoch, value));
        }
        improved
    }

    /// Whether `rule` says to stop.
    pub fn should_stop(&self, rule: EarlyStopping) -> bool {
        self.stale_epochs > rule.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_counts_epochs_without_enough_improvement() {
        let rule = EarlyStopping { patience: 1, min_delta: 0.01 };
        let mut progress = Progress::default();
        let higher = Direction::HigherIsBetter;
        assert!(progress.update(1, Some(0.50), higher, rule.min_delta));
        // Better, and so the best epoch, but by less than min_delta.
        assert!(progress.update(2, Some(0.505), higher, rule.min_delta));
        assert_eq!((progress.stale_epochs, progress.best), (1, Some((2, 0.505))));
        assert!(!progress.should_stop(rule));
        assert!(!progress.update(3, Some(0.4), higher, rule.min_delta));
        assert!(progress.should_stop(rule));
        assert!(progress.update(4, Some(0.52), higher, rule.min_delta));
        assert!(!progress.should_stop(rule));
    }

    #[test]
    fn an_undefined_figure_is_never_best() {
        let mut progress = Progress::default();
        assert!(!progress.update(1, None, Direction::LowerIsBetter, 0.0));
        assert!(!progress.update(2, Some(f64::NAN), Direction::LowerIsBetter, 0.0));
        assert!(progress.update(3, Some(2.0), Direction::LowerIsBetter, 0.0));
        assert!(progress.update(4, Some(1.0), Direction::LowerIsBetter, 0.0));
        assert_eq!(progress.best, Some((4, 1.0)));
    }
}
