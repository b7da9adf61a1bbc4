//! The learning-rate range test: the rate rises from step to step until the loss explodes.
//!
//! Smith 2017, "Cyclical learning rates for training neural networks", section 3.3. The rate rises by a constant factor and
//! the test ends at four times the least loss, as in fastai's `lr_find`.

use serde::Serialize;
use tensor_backend::{AutodiffVisionBackend, random};

use super::{Parts, Setup, fit_options};
use crate::config::{ConfigError, RunConfig};
use crate::error::TrainError;
use crate::task::{HostTask, Loading, Phase};
use crate::tasks::TrainingOn;
use crate::training::fit::sample_classes;
use crate::training::loader::with_workers;
use crate::training::optim::Optimizer;
use crate::training::sampler::order;
use crate::training::seeds::{Purpose, stream};
use crate::training::{Event, Session, StepGroup};

/// Which rates are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrRange {
    /// The first.
    pub lowest: f64,
    /// The last, unless the loss explodes before.
    pub highest: f64,
    /// Optimiser steps from one to the other.
    pub steps: usize,
}

impl LrRange {
    fn check(&self) -> Result<(), ConfigError> {
        let sound = self.lowest > 0.0 && self.highest > self.lowest && self.highest.is_finite() && self.steps >= 10;
        sound.then_some(()).ok_or_else(|| {
            ConfigError::Invalid(format!(
                "expected learning rates that rise from above 0 in at least 10 steps, found {} to {} in {}",
                self.lowest, self.highest, self.steps
            ))
        })
    }

    /// The rate of a step, counted from 0.
    fn rate(&self, step: usize) -> f64 {
        self.lowest * (self.highest / self.lowest).powf(step as f64 / (self.steps - 1) as f64)
    }
}

/// One step of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LrPoint {
    /// The learning rate.
    pub lr: f64,
    /// The loss of the batch before the step.
    pub loss: f64,
    /// The loss averaged with its neighbours.
    pub smoothed: f64,
}

/// What the test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LrFind {
    /// All steps, in order.
    pub points: Vec<LrPoint>,
    /// Where the smoothed loss falls fastest: a rate to train with. `None` when it never falls.
    pub steepest: Option<f64>,
    /// A tenth of the rate at the least smoothed loss: about the most to train with.
    pub tenth_of_minimum: Option<f64>,
    /// Whether the loss exploded before the last rate.
    pub exploded: bool,
}

/// The test ends when the averaged loss is this many times its least value, as in fastai.
const EXPLODED: f64 = 4.0;
/// Share of the latest loss in the average that ends the test.
const LATEST: f64 = 0.1;
/// Steps before the average means anything.
const SETTLED: usize = 10;
/// Neighbours on each side that a loss is averaged with, as a share of the steps.
const SMOOTHING: f64 = 0.06;

/// Runs the test with the network, data, loss and optimiser of `config`; the schedule is left aside, and nothing is
/// written. `None` when a stop was asked for.
///
/// # Errors
///
/// When the configuration, the data or the weights to start from cannot be used.
pub fn find_learning_rate<B: AutodiffVisionBackend, K: TrainingOn<B>>(
    config: &RunConfig<K>,
    range: LrRange,
    session: &mut Session<'_, B::Device>,
) -> Result<Option<LrFind>, TrainError> {
    range.check()?;
    let (parts, _) = Parts::<B, K>::open(config.clone(), session.device)?.initialise()?;
    let Parts { network, setup: Setup { config, splits, task, freezing, .. } } = parts;
    config.optim.check_groups(&network)?;
    let mut network = freezing.apply(network, 0);
    let options = fit_options(&config, freezing);
    let train = splits.train;
    if train.is_empty() {
        return Err(TrainError::NoSamples);
    }
    let classes = sample_classes(&task, &train, options.sampling)?;
    let per_epoch = train.len().div_ceil(options.batch_size);
    let batches = range.steps * options.accumulate;
    let orders: Vec<Vec<usize>> =
        (0..batches.div_ceil(per_epoch)).map(|epoch| order(options.sampling, options.seed, epoch, &classes)).collect();
    session.observer.on_event(Event::EpochStarted { epoch: 1, epochs: 1, batches, done: 0 });
    let produce = |batch: usize| {
        let (epoch, within) = (batch / per_epoch, batch % per_epoch);
        let end = ((within + 1) * options.batch_size).min(train.len());
        let phase = Phase::Train { seed: options.seed, epoch: epoch as u64, batch: within as u64 };
        let loading = Loading { phase, on_bad_sample: options.on_bad_sample };
        task.load(&*train, &orders[epoch][within * options.batch_size..end], loading).map_err(TrainError::from)
    };
    with_workers(0..batches, options.workers, produce, |loaded| {
        let mut optimizer = Optimizer::<B>::new(config.optim.clone());
        let mut group = StepGroup::<B>::default();
        let mut losses = RisingLosses::default();
        let mut loss_sum = 0.0;
        for delivered in loaded {
            let (batch, loaded) = delivered?;
            if session.stop.is_stopping() {
                return Ok(None);
            }
            random::seed(options.seed, stream(Purpose::Network, batch as u64));
            let lr = range.rate(batch / options.accumulate);
            let samples = loaded.len();
            let (loss, _) = group.learn(&network, &task, loaded, options.step(), session.device);
            loss_sum += loss;
            session.observer.on_event(Event::BatchDone { done: batch + 1, samples, mean_loss: loss, lr });
            if (batch + 1) % options.accumulate != 0 {
                continue;
            }
            losses.add(lr, std::mem::take(&mut loss_sum) / options.accumulate as f64);
            if losses.exploded {
                break;
            }
            if let Some(mut gradients) = std::mem::take(&mut group).finish() {
                gradients.clip(options.clipping);
                network = optimizer.step(network, gradients, lr);
            }
        }
        Ok(Some(suggest(&losses.seen, range.steps, losses.exploded)))
    })
}

/// Losses by learning rate, until they explode.
#[derive(Default)]
struct RisingLosses {
    seen: Vec<(f64, f64)>,
    average: Option<f64>,
    least: Option<f64>,
    exploded: bool,
}

impl RisingLosses {
    fn add(&mut self, lr: f64, loss: f64) {
        if !loss.is_finite() {
            self.exploded = true;
            return;
        }
        self.seen.push((lr, loss));
        let now = self.average.map_or(loss, |average| LATEST * loss + (1.0 - LATEST) * average);
        let least = self.least.map_or(now, |least| least.min(now));
        (self.average, self.least) = (Some(now), Some(least));
        self.exploded = self.seen.len() > SETTLED && now > EXPLODED * least;
    }
}

/// Rates to train with, of the `losses` by learning rate.
fn suggest(losses: &[(f64, f64)], steps: usize, exploded: bool) -> LrFind {
    let reach = ((steps as f64 * SMOOTHING) as usize).max(1);
    let smoothed: Vec<f64> = (0..losses.len())
        .map(|index| {
            // As many neighbours on each side as there are on the shorter one, so that ends are not pulled inwards.
            let reach = reach.min(index).min(losses.len() - 1 - index);
            let near = &losses[index - reach..=index + reach];
            near.iter().map(|(_, loss)| loss).sum::<f64>() / near.len() as f64
        })
        .collect();
    let points: Vec<LrPoint> =
        losses.iter().zip(&smoothed).map(|(&(lr, loss), &smoothed)| LrPoint { lr, loss, smoothed }).collect();
    let minimum = (0..points.len()).min_by(|&a, &b| smoothed[a].total_cmp(&smoothed[b]));
    // Rates rise by a constant factor, so differences of neighbours are slopes over the logarithm of the rate.
    let slope = |index: usize| smoothed[index + 1] - smoothed[index - 1];
    let inner = 1..minimum.unwrap_or_default().max(1);
    let steepest = inner.filter(|&index| index + 1 < points.len()).min_by(|&a, &b| slope(a).total_cmp(&slope(b)));
    LrFind {
        steepest: steepest.filter(|&index| slope(index) < 0.0).map(|index| points[index].lr),
        tenth_of_minimum: minimum.filter(|&index| index > 0).map(|index| points[index].lr / 10.0),
        points,
        exploded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_by_a_constant_factor() {
        let range = LrRange { lowest: 1e-6, highest: 1.0, steps: 13 };
        assert!((range.rate(6) - 1e-3).abs() < 1e-12 && (range.rate(12) - 1.0).abs() < 1e-9);
        for range in
            [LrRange { lowest: 0.0, ..range }, LrRange { highest: 1e-7, ..range }, LrRange { steps: 2, ..range }]
        {
            assert!(range.check().is_err(), "{range:?}");
        }
    }

    #[test]
    fn the_steepest_fall_and_the_minimum_are_found() {
        // Flat at 2, a fall of a sigmoid around 1e-3 to 1 in the decade beside it, and an explosion from 0.1 on.
        let range = LrRange { lowest: 1e-6, highest: 10.0, steps: 141 };
        let loss = |lr: f64| 1.0 + 1.0 / (1.0 + (6.0 * (lr.log10() + 3.0)).exp()) + (lr / 0.1).powi(2) * 0.1;
        let losses: Vec<(f64, f64)> = (0..range.steps).map(|step| (range.rate(step), loss(range.rate(step)))).collect();
        let found = suggest(&losses, range.steps, true);
        let steepest = found.steepest.expect("it falls");
        assert!((steepest.log10() + 3.0).abs() < 0.1, "{steepest}");
        let minimum = found.tenth_of_minimum.expect("there is one") * 10.0;
        assert!((4e-3..3e-2).contains(&minimum), "{minimum}");
        // Averages of equal neighbours leave a flat part as it is.
        assert!((found.points[20].smoothed - 2.0).abs() < 1e-3);
    }

    #[test]
    fn a_loss_that_only_rises_suggests_nothing() {
        let losses: Vec<(f64, f64)> = (0..50).map(|step| (f64::from(step + 1), f64::from(step))).collect();
        let found = suggest(&losses, 50, false);
        assert_eq!((found.steepest, found.tenth_of_minimum), (None, None));
    }
}
