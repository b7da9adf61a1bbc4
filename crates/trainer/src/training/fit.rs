//! The one training loop.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use burn::module::AutodiffModule;
use metrics::Metric;
use serde::Serialize;
use tensor_backend::ops::Precision;
use tensor_backend::{AutodiffVisionBackend, random};

use super::checkpoint::{RunState, Training, save_weights};
use super::early_stopping::EarlyStopping;
use super::ema;
use super::evaluate::{EvaluateOptions, evaluate};
use super::history::{self, HistoryRow};
use super::loader::with_workers;
use super::monitor::choose_monitor;
use super::observer::{Event, Observer, Session};
use super::optim::Clipping;
use super::sampler::{Sampling, order};
use super::schedule::{Position, Schedule};
use super::seeds::{Purpose, stream};
use super::step_group::{Step, StepGroup};
use crate::error::TrainError;
use crate::task::{BadSample, HostTask, Loading, NetworkOf, OnBadSample, Phase, Samples, TaskError, Train};
use crate::weights::Freezing;

/// The splits that training looks at.
#[derive(Clone)]
pub struct FitData<T> {
    /// What is learnt from.
    pub train: Samples<T>,
    /// What epochs are judged by, if there is any.
    pub validation: Option<Samples<T>>,
}

/// Settings of the loop.
#[derive(Debug, Clone)]
pub struct FitOptions {
    /// Names the run: every random number follows from it.
    pub seed: u64,
    /// Passes over the training split.
    pub epochs: usize,
    /// Samples a forward pass.
    pub batch_size: usize,
    /// Forward passes an optimiser step; their gradients are averaged over all samples.
    pub accumulate: usize,
    /// Loader threads; results do not depend on them.
    pub workers: usize,
    /// What the operands of convolutions and linear layers are rounded to; evaluation is in `f32`.
    pub precision: Precision,
    /// How samples are picked.
    pub sampling: Sampling,
    /// Whether an incomplete last batch is left out.
    pub drop_last: bool,
    /// Learning rate, before the schedule's factor.
    pub lr: f64,
    /// Which parameters are trained when.
    pub freezing: Freezing,
    /// How gradients are held in bounds.
    pub clipping: Clipping,
    /// Epochs from one evaluation to the next; the last epoch is always evaluated.
    pub eval_every: usize,
    /// Decay of the weights' moving average, if one is kept.
    pub average_decay: Option<f64>,
    /// What epochs are judged by; `None`: `val.accuracy` or `val.ap`, or the loss where there is neither.
    pub monitor: Option<String>,
    /// When to stop before the last epoch.
    pub early_stopping: Option<EarlyStopping>,
    /// Time between checkpoints within an epoch.
    pub checkpoint_every: Duration,
    /// What happens to unreadable samples.
    pub on_bad_sample: OnBadSample,
}

/// Where a run's files go.
#[derive(Debug, Clone)]
pub struct FitFiles {
    /// The folder of the checkpoint to go on from.
    pub last: PathBuf,
    /// The folder of the best epoch's weights.
    pub best: PathBuf,
    /// The results table.
    pub results: PathBuf,
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every epoch was done.
    Finished,
    /// The monitored figure stopped improving.
    EarlyStopped,
    /// A stop was asked for; a checkpoint was written.
    Interrupted,
}

/// Everything that the loop follows.
pub struct FitPlan<T> {
    /// The splits.
    pub data: FitData<T>,
    /// Settings.
    pub options: FitOptions,
    /// The learning rate from step to step.
    pub schedule: Schedule,
    /// Where files go.
    pub files: FitFiles,
}

impl FitOptions {
    /// Batches of an epoch over `samples`.
    pub fn batches_per_epoch(&self, samples: usize) -> usize {
        match self.drop_last && samples > self.batch_size {
            true => samples / self.batch_size,
            false => samples.div_ceil(self.batch_size),
        }
    }

    /// Optimiser steps of an epoch over `samples`.
    pub fn steps_per_epoch(&self, samples: usize) -> u64 {
        self.batches_per_epoch(samples).div_ceil(self.accumulate) as u64
    }

    /// How a step is made.
    pub(crate) const fn step(&self) -> Step {
        Step { precision: self.precision, accumulates: self.accumulate > 1 }
    }

    /// Whether the epoch with this number, counted from 1, is evaluated.
    fn evaluates(&self, epoch: usize) -> bool {
        epoch.is_multiple_of(self.eval_every) || epoch == self.epochs
    }
}

/// What became of a training, and why it ended.
pub type Fitted<B, N> = Result<(Training<B, N>, Ending), TrainError>;

/// Trains until the last epoch, an early stop, or a request to stop; `description` is what weights files say of the model.
///
/// Goes on from `training.state`: a fresh state starts at the first epoch.
///
/// # Errors
///
/// When a sample cannot be read, the loss is no longer a number, or a file cannot be written. Checkpoints written before
/// stay.
pub fn fit<B: AutodiffVisionBackend, T: Train<B>>(
    mut training: Training<B, NetworkOf<T, B>>,
    task: &T,
    mut plan: FitPlan<T::Target>,
    description: &impl Serialize,
    session: &mut Session<'_, B::Device>,
) -> Fitted<B, NetworkOf<T, B>> {
    let samples = plan.data.train.len();
    if samples == 0 {
        return Err(TrainError::NoSamples);
    }
    plan.schedule.restore(training.state.plateau);
    let classes = sample_classes(task, &plan.data.train, plan.options.sampling)?;
    let steps_per_epoch = plan.options.steps_per_epoch(samples);
    let steps = StepCount { per_epoch: steps_per_epoch, total: steps_per_epoch * plan.options.epochs as u64 };
    let mut run = Loop { task, plan, description, classes, steps };

    let first = training.state.epoch;
    while training.state.epoch < run.plan.options.epochs {
        let freezing = &run.plan.options.freezing;
        if training.state.epoch == first || freezing.changes_at(training.state.epoch) {
            training.network = freezing.apply(training.network, training.state.epoch);
        }
        let clock = Clock::new(&training.state);
        training = run.learn_epoch(training, &clock, session)?;
        let judged = match session.stop.is_stopping() {
            true => None,
            false => run.judge_epoch(&mut training, &clock, session)?,
        };
        let Some(row) = judged else {
            run.save(&mut training, &clock, session.observer)?;
            return Ok((training, Ending::Interrupted));
        };
        run.close_epoch(&mut training, row, &clock, session.observer)?;
        let rule = run.plan.options.early_stopping;
        if rule.is_some_and(|rule| training.state.progress.should_stop(rule)) {
            return Ok((training, Ending::EarlyStopped));
        }
        if session.stop.is_stopping() {
            return Ok((training, Ending::Interrupted));
        }
    }
    Ok((training, Ending::Finished))
}

/// Optimiser steps.
#[derive(Debug, Clone, Copy)]
struct StepCount {
    per_epoch: u64,
    total: u64,
}

/// Measures an epoch, on top of what an earlier part of it took.
struct Clock {
    started: Instant,
    epoch_seconds: f64,
    train_seconds: f64,
}

impl Clock {
    fn new(state: &RunState) -> Self {
        Self { started: Instant::now(), epoch_seconds: state.epoch_seconds, train_seconds: state.train_seconds }
    }

    /// Seconds of the epoch's training so far.
    fn epoch(&self) -> f64 {
        self.epoch_seconds + self.started.elapsed().as_secs_f64()
    }

    /// Seconds of the run so far.
    fn run(&self) -> f64 {
        self.train_seconds + self.started.elapsed().as_secs_f64()
    }
}

/// The parts of an epoch.
struct Loop<'a, T: HostTask, S> {
    task: &'a T,
    plan: FitPlan<T::Target>,
    description: &'a S,
    /// The class of each training sample.
    classes: Vec<usize>,
    steps: StepCount,
}

impl<T: HostTask, S: Serialize> Loop<'_, T, S> {
    /// The learning rate of a step.
    fn lr(&self, step: u64) -> f64 {
        let StepCount { per_epoch, total } = self.steps;
        let position = Position { step, steps_per_epoch: per_epoch, total_steps: total };
        self.plan.options.lr * self.plan.schedule.factor(position)
    }

    /// Learns from the rest of the epoch, or from what comes before a stop.
    fn learn_epoch<B: AutodiffVisionBackend>(
        &self,
        mut training: Training<B, NetworkOf<T, B>>,
        clock: &Clock,
        session: &mut Session<'_, B::Device>,
    ) -> Result<Training<B, NetworkOf<T, B>>, TrainError>
    where
        T: Train<B>,
    {
        let FitPlan { data, options, .. } = &self.plan;
        let (epoch, done) = (training.state.epoch, training.state.batches_done);
        let count = options.batches_per_epoch(data.train.len());
        let order = order(options.sampling, options.seed, epoch, &self.classes);
        let batches: Vec<&[usize]> = order.chunks(options.batch_size).take(count).collect();
        session.observer.on_event(Event::EpochStarted {
            epoch: epoch + 1,
            epochs: options.epochs,
            batches: count,
            done,
        });
        let produce = |batch: usize| {
            let phase = Phase::Train { seed: options.seed, epoch: epoch as u64, batch: batch as u64 };
            let loading = Loading { phase, on_bad_sample: options.on_bad_sample };
            self.task.load(&*data.train, batches[batch], loading).map_err(TrainError::from)
        };
        with_workers(done..count, options.workers, produce, |loaded| {
            let mut group = StepGroup::<B>::default();
            let mut last_saved = Instant::now();
            for delivered in loaded {
                let (batch, loaded) = delivered?;
                note_bad_samples(&mut training.state, &loaded.bad_samples, session.observer);
                random::seed(options.seed, stream(Purpose::Network, (epoch * count + batch) as u64));
                let (samples, lr) = (loaded.len(), self.lr(training.state.step));
                let (loss, scores) = group.learn(&training.network, self.task, loaded, options.step(), session.device);
                if !loss.is_finite() {
                    let (step, suggested) = (training.state.step, options.lr / 10.0);
                    return Err(TrainError::NonFiniteLoss { value: loss, step, epoch: epoch + 1, lr, suggested });
                }
                training.state.running.add(samples, loss, &scores);
                training.state.batches_done = batch + 1;
                let last = batch + 1 == count;
                let step_ends = (batch + 1) % options.accumulate == 0 || last;
                if step_ends {
                    training = self.step(training, std::mem::take(&mut group), lr);
                }
                session.observer.on_event(Event::BatchDone {
                    done: batch + 1,
                    samples,
                    mean_loss: training.state.running.mean_loss().unwrap_or_default(),
                    lr,
                });
                // A checkpoint falls between two optimiser steps, where no gradients are pending.
                if step_ends && session.stop.is_stopping() {
                    break;
                }
                if step_ends && !last && last_saved.elapsed() >= options.checkpoint_every {
                    self.save(&mut training, clock, session.observer)?;
                    last_saved = Instant::now();
                }
            }
            training.state.epoch_seconds = clock.epoch();
            Ok(training)
        })
    }

    /// One optimiser step.
    fn step<B: AutodiffVisionBackend>(
        &self,
        mut training: Training<B, NetworkOf<T, B>>,
        group: StepGroup<B>,
        lr: f64,
    ) -> Training<B, NetworkOf<T, B>>
    where
        T: Train<B>,
    {
        let options = &self.plan.options;
        if let Some(mut gradients) = group.finish() {
            gradients.clip(options.clipping);
            training.network = training.optimizer.step(training.network, gradients, lr);
            training.average = match (training.average, options.average_decay) {
                (Some(average), Some(decay)) => {
                    Some(ema::average(average, &training.network.valid(), decay, training.state.step))
                }
                (average, _) => average,
            };
        }
        training.state.step += 1;
        training
    }

    /// Evaluates the epoch and gives its row; `None` when a stop was asked for meanwhile.
    fn judge_epoch<B: AutodiffVisionBackend>(
        &self,
        training: &mut Training<B, NetworkOf<T, B>>,
        clock: &Clock,
        session: &mut Session<'_, B::Device>,
    ) -> Result<Option<HistoryRow>, TrainError>
    where
        T: Train<B>,
    {
        let options = &self.plan.options;
        training.state.epoch_seconds = clock.epoch();
        let running = &training.state.running;
        let mut figures = vec![("train.loss".to_owned(), running.mean_loss())];
        figures.extend(running.means().map(|(name, mean)| (format!("train.{name}"), Some(mean))));
        let epoch = training.state.epoch + 1;
        if let Some(validation) = self.plan.data.validation.as_ref().filter(|_| options.evaluates(epoch)) {
            let network = training.average.clone().unwrap_or_else(|| training.network.valid());
            let options = EvaluateOptions {
                split: "val",
                batch_size: options.batch_size,
                workers: options.workers,
                on_bad_sample: options.on_bad_sample,
            };
            let evaluation =
                evaluate::<B::InnerBackend, T>(self.task, &network, &**validation, options, session, |_, _, _| {})?;
            if evaluation.interrupted {
                return Ok(None);
            }
            note_bad_samples(&mut training.state, &evaluation.bad_samples, session.observer);
            figures.push(("val.loss".to_owned(), evaluation.loss));
            figures.extend(evaluation.terms.iter().map(|(name, value)| (format!("val.{name}"), Some(*value))));
            let scores = evaluation.metrics.compute().into_iter();
            figures.extend(scores.map(|score| (format!("val.{}", score.name), score.value)));
        }
        let state = &training.state;
        let rate = state.running.samples as f64 / state.epoch_seconds.max(f64::MIN_POSITIVE);
        figures.push(("lr".to_owned(), Some(self.lr(state.step.saturating_sub(1)))));
        figures.push(("images_per_second".to_owned(), Some(rate)));
        figures.push(("seconds".to_owned(), Some(state.epoch_seconds)));
        Ok(Some(HistoryRow { epoch, figures }))
    }

    /// Takes in the epoch's figures and writes its files.
    fn close_epoch<B: AutodiffVisionBackend>(
        &mut self,
        training: &mut Training<B, NetworkOf<T, B>>,
        row: HistoryRow,
        clock: &Clock,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError>
    where
        T: Train<B>,
    {
        let FitPlan { data, options, schedule, files } = &mut self.plan;
        let state = &mut training.state;
        let mut improved = false;
        if data.validation.is_none() || options.evaluates(row.epoch) {
            let monitor = choose_monitor(&row, options.monitor.as_deref())?;
            let min_delta = options.early_stopping.map_or(0.0, |rule| rule.min_delta);
            let figure = row.get(&monitor.name);
            improved = state.progress.update(row.epoch, figure, monitor.direction, min_delta);
            schedule.epoch_ended(improved);
        }
        state.plateau = schedule.state();
        state.history.push(row.clone());
        (state.epoch, state.batches_done, state.epoch_seconds) = (state.epoch + 1, 0, 0.0);
        state.running = Default::default();
        state.train_seconds = clock.run();
        if improved {
            match &training.average {
                Some(average) => save_weights(average, &files.best, self.description)?,
                None => save_weights(&training.network, &files.best, self.description)?,
            }
        }
        training.save(&files.last, self.description)?;
        history::write_csv(&files.results, &training.state.history).map_err(TrainError::file(&files.results))?;
        observer.on_event(Event::EpochEnded { row: &row, improved });
        Ok(())
    }

    /// Writes a checkpoint in the middle of an epoch.
    fn save<B: AutodiffVisionBackend>(
        &self,
        training: &mut Training<B, NetworkOf<T, B>>,
        clock: &Clock,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError>
    where
        T: Train<B>,
    {
        training.state.epoch_seconds = clock.epoch();
        training.state.train_seconds = clock.run();
        let path = &self.plan.files.last;
        training.save(path, self.description)?;
        observer.on_event(Event::CheckpointSaved { path });
        Ok(())
    }
}

/// The class of every training sample; zeros where the sampling does not need them, and then no annotation is read: a
/// damaged one is told of when its sample is loaded.
pub(crate) fn sample_classes<H: HostTask>(
    host: &H,
    train: &Samples<H::Target>,
    sampling: Sampling,
) -> Result<Vec<usize>, TrainError> {
    if sampling != Sampling::ClassBalanced {
        return Ok(vec![0; train.len()]);
    }
    (0..train.len())
        .map(|index| {
            let target = train.annotation(index).map_err(TaskError::from)?;
            Ok(host.class_of(&target).unwrap_or_default())
        })
        .collect()
}

fn note_bad_samples(state: &mut RunState, found: &[BadSample], observer: &mut dyn Observer) {
    for bad in found {
        if !state.bad_samples.contains(bad) {
            observer.on_event(Event::BadSample(bad));
            state.bad_samples.push(bad.clone());
        }
    }
}
