//! The learning rate over the course of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the learning rate changes. All shapes are factors of `optim.lr`; steps are optimiser steps.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScheduleConfig {
    /// Always `optim.lr`.
    #[default]
    Constant,
    /// Times `factor` every `epochs` epochs (PyTorch's `StepLR`).
    Step {
        /// Epochs between two changes.
        epochs: usize,
        /// What the rate is multiplied with.
        #[serde(default = "tenth")]
        factor: f64,
    },
    /// Times `factor` at each of `epochs` (PyTorch's `MultiStepLR`).
    MultiStep {
        /// The epochs, counted from 0, at whose start the rate changes.
        epochs: Vec<usize>,
        /// What the rate is multiplied with.
        #[serde(default = "tenth")]
        factor: f64,
    },
    /// Times `factor` every epoch (PyTorch's `ExponentialLR`).
    Exponential {
        /// What the rate is multiplied with.
        factor: f64,
    },
    /// Half a cosine from `optim.lr` down to `minimum` · `optim.lr`, step by step (Loshchilov and Hutter 2017).
    Cosine {
        /// The last rate as a fraction of `optim.lr`.
        #[serde(default)]
        minimum: f64,
    },
    /// Up and down once (Smith and Topin 2018; the cosine form of PyTorch's `OneCycleLR`): from `optim.lr / initial`
    /// to `optim.lr`, then down to `optim.lr / initial / last`.
    OneCycle {
        /// Fraction of the run that goes up.
        #[serde(default = "one_cycle_up")]
        up: f64,
        /// What `optim.lr` is divided by at the start.
        #[serde(default = "one_cycle_initial")]
        initial: f64,
        /// What the first rate is divided by at the end.
        #[serde(default = "one_cycle_last")]
        last: f64,
    },
    /// `(1 - progress) ^ power`, step by step (PyTorch's `PolynomialLR`).
    Polynomial {
        /// The exponent.
        #[serde(default = "one")]
        power: f64,
    },
    /// Times `factor` when the monitored figure has not improved for more than `patience` epochs (PyTorch's
    /// `ReduceLROnPlateau`).
    ReduceOnPlateau {
        /// What the rate is multiplied with.
        #[serde(default = "tenth")]
        factor: f64,
        /// Epochs without improvement that are accepted.
        #[serde(default = "plateau_patience")]
        patience: usize,
        /// The smallest rate as a fraction of `optim.lr`.
        #[serde(default)]
        minimum: f64,
    },
}

impl ScheduleConfig {
    /// What is wrong with the settings, if anything: the key, and what it must be.
    pub fn problem(&self) -> Option<String> {
        let within = |key: &str, value: f64, least: f64, most: f64| {
            (!(least..=most).contains(&value))
                .then(|| format!("schedule.{key} must lie in {least:e}..={most:e}, found {value}"))
        };
        // Wider than any use; beyond, powers of it leave the numbers that there are.
        let factor_within = |value: f64| within("factor", value, 1e-6, 10.0);
        let division = |key: &str, value: f64| within(key, value, 1e-3, 1e12);
        let fraction = |key: &str, value: f64| {
            (!(0.0..=1.0).contains(&value)).then(|| format!("schedule.{key} must lie in 0..=1, found {value}"))
        };
        match self {
            Self::Constant => None,
            Self::Step { epochs: 0, .. } => Some("schedule.epochs must be at least 1, found 0".to_owned()),
            Self::Step { factor, .. } | Self::MultiStep { factor, .. } | Self::Exponential { factor } => {
                factor_within(*factor)
            }
            Self::Cosine { minimum } => fraction("minimum", *minimum),
            Self::OneCycle { up, initial, last } => {
                fraction("up", *up).or_else(|| division("initial", *initial)).or_else(|| division("last", *last))
            }
            Self::Polynomial { power } => within("power", *power, 1e-3, 100.0),
            Self::ReduceOnPlateau { factor, minimum, .. } => {
                factor_within(*factor).or_else(|| fraction("minimum", *minimum))
            }
        }
    }
}

fn tenth() -> f64 {
    0.1
}
fn one() -> f64 {
    1.0
}
// The defaults of PyTorch's OneCycleLR.
fn one_cycle_up() -> f64 {
    0.3
}
fn one_cycle_initial() -> f64 {
    25.0
}
fn one_cycle_last() -> f64 {
    1e4
}
// The default of PyTorch's ReduceLROnPlateau.
fn plateau_patience() -> usize {
    10
}

/// Where a run is: what a schedule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Optimiser steps made so far.
    pub step: u64,
    /// Optimiser steps in one epoch.
    pub steps_per_epoch: u64,
    /// Optimiser steps in the whole run.
    pub total_steps: u64,
}

/// A schedule with its warm-up; only [`ScheduleConfig::ReduceOnPlateau`] has state.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    config: ScheduleConfig,
    warmup_steps: u64,
    warmup_start: f64,
    state: PlateauState,
}

/// The state of [`ScheduleConfig::ReduceOnPlateau`], part of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlateauState {
    /// The rate's current factor.
    pub factor: f64,
    /// Epochs without improvement.
    pub stale_epochs: usize,
}

impl Default for PlateauState {
    fn default() -> Self {
        Self { factor: 1.0, stale_epochs: 0 }
    }
}

impl Schedule {
    /// `config` after a linear warm-up of `warmup_steps` from `warmup_start` (a fraction of the first rate).
    pub fn new(config: ScheduleConfig, warmup_steps: u64, warmup_start: f64) -> Self {
        Self { config, warmup_steps, warmup_start, state: PlateauState::default() }
    }

    /// What `optim.lr` is multiplied with at `position`.
    ///
    /// The warm-up precedes the schedule: the schedule runs over the steps that remain after it.
    pub fn factor(&self, position: Position) -> f64 {
        if position.step < self.warmup_steps {
            let progress = (position.step + 1) as f64 / (self.warmup_steps + 1) as f64;
            return self.shape(0, position) * (self.warmup_start + (1.0 - self.warmup_start) * progress);
        }
        self.shape(position.step - self.warmup_steps, position)
    }

    fn shape(&self, step: u64, position: Position) -> f64 {
        let steps = position.total_steps.saturating_sub(self.warmup_steps).max(1);
        let progress = (step as f64 / steps as f64).min(1.0);
        // Schedules by the epoch count whole epochs of the run, warm-up included, as papers do.
        let epoch = (position.step / position.steps_per_epoch.max(1)) as usize;
        match &self.config {
            ScheduleConfig::Constant => 1.0,
            ScheduleConfig::Step { epochs, factor } => factor.powi((epoch / (*epochs).max(1)) as i32),
            ScheduleConfig::MultiStep { epochs, factor } => {
                factor.powi(epochs.iter().filter(|&&milestone| milestone <= epoch).count() as i32)
            }
            ScheduleConfig::Exponential { factor } => factor.powi(epoch as i32),
            ScheduleConfig::Cosine { minimum } => cosine(1.0, *minimum, progress),
            ScheduleConfig::OneCycle { up, initial, last } => {
                // As in PyTorch: the peak lies at step up · total - 1, the end at total - 1.
                let (step, last_step) = (step as f64, steps.saturating_sub(1).max(1) as f64);
                let peak = (up * steps as f64 - 1.0).max(0.0);
                if step <= peak && peak > 0.0 {
                    cosine(1.0 / initial, 1.0, step / peak)
                } else {
                    cosine(1.0, 1.0 / (initial * last), ((step - peak) / (last_step - peak).max(1.0)).min(1.0))
                }
            }
            ScheduleConfig::Polynomial { power } => (1.0 - progress).powf(*power),
            ScheduleConfig::ReduceOnPlateau { .. } => self.state.factor,
        }
    }

    /// Tells the schedule at the end of an epoch whether the monitored figure improved.
    pub fn epoch_ended(&mut self, improved: bool) {
        let ScheduleConfig::ReduceOnPlateau { factor, patience, minimum } = &self.config else { return };
        self.state.stale_epochs = if improved { 0 } else { self.state.stale_epochs + 1 };
        if self.state.stale_epochs > *patience {
            self.state = PlateauState { factor: (self.state.factor * factor).max(*minimum), stale_epochs: 0 };
        }
    }

    /// The state to keep in a checkpoint.
    pub fn state(&self) -> PlateauState {
        self.state
    }

    /// Goes on from a checkpoint's state.
    pub fn restore(&mut self, state: PlateauState) {
        self.state = state;
    }
}

/// From `start` to `end` along half a cosine.
fn cosine(start: f64, end: f64, progress: f64) -> f64 {
    end + (start - end) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u64) -> Position {
        Position { step, steps_per_epoch: 10, total_steps: 100 }
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} against {b}");
    }

    #[test]
    fn steps_fall_at_epochs() {
        let schedule = Schedule::new(ScheduleConfig::Step { epochs: 3, factor: 0.1 }, 0, 0.0);
        close(schedule.factor(at(29)), 1.0);
        close(schedule.factor(at(30)), 0.1);
        close(schedule.factor(at(60)), 0.01);
        let schedule = Schedule::new(ScheduleConfig::MultiStep { epochs: vec![2, 5], factor: 0.5 }, 0, 0.0);
        close(schedule.factor(at(19)), 1.0);
        close(schedule.factor(at(20)), 0.5);
        close(schedule.factor(at(50)), 0.25);
        let schedule = Schedule::new(ScheduleConfig::Exponential { factor: 0.9 }, 0, 0.0);
        close(schedule.factor(at(25)), 0.81);
    }

    #[test]
    fn cosine_and_polynomial_end_where_they_should() {
        let schedule = Schedule::new(ScheduleConfig::Cosine { minimum: 0.1 }, 0, 0.0);
        close(schedule.factor(at(0)), 1.0);
        close(schedule.factor(at(50)), 0.55);
        close(schedule.factor(at(100)), 0.1);
        let schedule = Schedule::new(ScheduleConfig::Polynomial { power: 2.0 }, 0, 0.0);
        close(schedule.factor(at(50)), 0.25);
    }

    #[test]
    fn one_cycle_has_the_figures_of_pytorch() {
        // torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=100, pct_start=0.25), PyTorch 2.11.
        let schedule = Schedule::new(ScheduleConfig::OneCycle { up: 0.25, initial: 25.0, last: 1e4 }, 0, 0.0);
        close(schedule.factor(at(0)), 0.04);
        close(schedule.factor(at(24)), 1.0);
        close(schedule.factor(at(12)), 0.52);
        close(schedule.factor(at(50)), 0.731_649_090_967_860_7);
        close(schedule.factor(at(99)), 4e-6);
    }

    #[test]
    fn warm_up_rises_in_a_line_and_the_schedule_follows() {
        let schedule = Schedule::new(ScheduleConfig::Cosine { minimum: 0.0 }, 4, 0.0);
        close(schedule.factor(at(0)), 0.2);
        close(schedule.factor(at(3)), 0.8);
        close(schedule.factor(at(4)), 1.0);
        // Half of the 96 steps after the warm-up.
        close(schedule.factor(at(52)), 0.5);
    }

    #[test]
    fn a_plateau_lowers_the_rate_once_patience_is_over() {
        let config = ScheduleConfig::ReduceOnPlateau { factor: 0.5, patience: 1, minimum: 0.2 };
        let mut schedule = Schedule::new(config, 0, 0.0);
        schedule.epoch_ended(false);
        close(schedule.factor(at(10)), 1.0);
        schedule.epoch_ended(false);
        close(schedule.factor(at(20)), 0.5);
        for _ in 0..4 {
            schedule.epoch_ended(false);
        }
        // 0.25 at the next change, then held at the minimum.
        close(schedule.factor(at(60)), 0.2);
        let mut resumed = Schedule::new(schedule.config.clone(), 0, 0.0);
        resumed.restore(schedule.state());
        assert_eq!(resumed, schedule);
    }
}
