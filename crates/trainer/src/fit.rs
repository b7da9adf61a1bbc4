//! The one training loop.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::module::AutodiffModule;
use burn::tensor::ElementConversion;
use metrics::{Direction, Metric};
use models::Network;
use serde::Serialize;
use tensor_backend::ops::{Precision, with_precision};
use tensor_backend::{AutodiffVisionBackend, join_graphs, random};

use crate::checkpoint::{RunState, Training, save_weights};
use crate::early_stopping::{EarlyStopping, Monitor};
use crate::ema;
use crate::error::TrainError;
use crate::evaluate::{EvaluateOptions, evaluate};
use crate::history::{self, HistoryRow};
use crate::initial_weights::Freezing;
use crate::loader::deliver_in_order;
use crate::observer::{Event, Observer, StopFlag};
use crate::optim::{Clipping, Gradients};
use crate::sampler::{Sampling, order};
use crate::schedule::{Position, Schedule};
use crate::seeds::{Purpose, stream};
use crate::task::{HostBatch, HostTask, Loading, OnBadSample, Phase, Samples, Task, TaskError};

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

/// Figures that an epoch can be judged by when the configuration names none, the first that exists.
const DEFAULT_MONITORS: [&str; 5] = ["val.accuracy", "val.ap", "val.mean_iou", "val.loss", "train.loss"];

/// Trains until the last epoch, an early stop, or a request to stop.
///
/// Goes on from `training.state`: a fresh state starts at the first epoch.
///
/// # Errors
///
/// When a sample cannot be read, the loss is no longer a number, or a file cannot be written. Checkpoints written before
/// stay.
#[allow(clippy::too_many_arguments, reason = "each is a different thing that the caller holds already")]
pub fn fit<B, N, T>(
    mut training: Training<B, N>,
    task: &T,
    data: &FitData<T::Target>,
    options: &FitOptions,
    schedule: &mut Schedule,
    files: &FitFiles,
    description: &impl Serialize,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<(Training<B, N>, Ending), TrainError>
where
    B: AutodiffVisionBackend,
    T: HostTask + Task<B> + Task<B::InnerBackend>,
    N: Network<B, Output = <T as Task<B>>::Output> + AutodiffModule<B>,
    N::InnerModule: Network<B::InnerBackend, Output = <T as Task<B::InnerBackend>>::Output>,
{
    if data.train.is_empty() {
        return Err(TrainError::NoSamples);
    }
    schedule.restore(training.state.plateau);
    let classes = sample_classes(task, data)?;
    let mut batches_per_epoch = data.train.len().div_ceil(options.batch_size);
    if options.drop_last && data.train.len() > options.batch_size {
        batches_per_epoch = data.train.len() / options.batch_size;
    }
    let steps_per_epoch = batches_per_epoch.div_ceil(options.accumulate) as u64;
    let total_steps = steps_per_epoch * options.epochs as u64;
    let position = |step| Position { step, steps_per_epoch, total_steps };

    let started_at = training.state.epoch;
    while training.state.epoch < options.epochs {
        let epoch = training.state.epoch;
        if epoch == started_at || options.freezing.changes_at(epoch) {
            training.network = options.freezing.apply(training.network, epoch);
        }
        let started = Instant::now();
        let seconds_before = (training.state.epoch_seconds, training.state.train_seconds);
        let done = training.state.batches_done;
        observer.on_event(Event::EpochStarted {
            epoch: epoch + 1,
            epochs: options.epochs,
            batches: batches_per_epoch,
            done,
        });
        let order = order(options.sampling, options.seed, epoch, &classes);
        let batches: Vec<&[usize]> = order.chunks(options.batch_size).take(batches_per_epoch).collect();
        let save = |training: &mut Training<B, N>, started: Instant, before: (f64, f64)| {
            let seconds = started.elapsed().as_secs_f64();
            training.state.epoch_seconds = before.0 + seconds;
            training.state.train_seconds = before.1 + seconds;
            training.save(&files.last, description)
        };
        let mut group = StepGroup::<B>::default();
        let mut last_saved = Instant::now();
        let mut training_slot = Some(training);

        deliver_in_order(
            done..batches.len(),
            options.workers,
            |batch| {
                let phase = Phase::Train { seed: options.seed, epoch: epoch as u64, batch: batch as u64 };
                let loading = Loading { phase, on_bad_sample: options.on_bad_sample };
                task.load(&*data.train, batches[batch], loading).map_err(TrainError::from)
            },
            |batch, loaded| {
                let mut training = training_slot.take().expect("put back after every batch");
                note_bad_samples(&mut training.state, &loaded.bad_samples, observer);
                let forward_number = (epoch * batches_per_epoch + batch) as u64;
                random::seed(options.seed, stream(Purpose::Network, forward_number));
                let lr = options.lr * schedule.factor(position(training.state.step));
                let samples = loaded.len();
                let (loss, scores) = group.learn(&training.network, task, loaded, options, device);
                if !loss.is_finite() {
                    let (step, suggested) = (training.state.step, options.lr / 10.0);
                    return Err(TrainError::NonFiniteLoss { value: loss, step, epoch: epoch + 1, lr, suggested });
                }
                training.state.running.add(samples, loss, &scores);
                training.state.batches_done = batch + 1;

                let group_is_full = (batch + 1) % options.accumulate == 0 || batch + 1 == batches.len();
                if group_is_full {
                    if let Some(mut gradients) = group.finish() {
                        gradients.clip(options.clipping);
                        training.network = training.optimizer.step(training.network, gradients, lr);
                        if let (Some(decay), Some(average)) = (options.average_decay, training.average.take()) {
                            let current = training.network.valid();
                            training.average = Some(ema::average(average, &current, decay, training.state.step));
                        }
                    }
                    training.state.step += 1;
                }
                observer.on_event(Event::BatchDone {
                    done: batch + 1,
                    samples,
                    mean_loss: training.state.running.mean_loss().unwrap_or_default(),
                    lr,
                });

                // A checkpoint falls between two optimiser steps, where no gradients are pending.
                let stopping = group_is_full && stop.is_stopping();
                let last_batch = batch + 1 == batches.len();
                if group_is_full && !stopping && !last_batch && last_saved.elapsed() >= options.checkpoint_every {
                    save(&mut training, started, seconds_before)?;
                    observer.on_event(Event::CheckpointSaved { path: &files.last });
                    last_saved = Instant::now();
                }
                training_slot = Some(training);
                Ok(if stopping { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            },
        )?;
        training = training_slot.take().expect("put back after every batch");
        if stop.is_stopping() {
            save(&mut training, started, seconds_before)?;
            observer.on_event(Event::CheckpointSaved { path: &files.last });
            return Ok((training, Ending::Interrupted));
        }

        training.state.epoch_seconds = seconds_before.0 + started.elapsed().as_secs_f64();
        let lr = options.lr * schedule.factor(position(training.state.step.saturating_sub(1)));
        let Some(row) = judge_epoch(&mut training, task, data, options, lr, device, observer, stop)? else {
            training.state.train_seconds = seconds_before.1 + started.elapsed().as_secs_f64();
            training.save(&files.last, description)?;
            observer.on_event(Event::CheckpointSaved { path: &files.last });
            return Ok((training, Ending::Interrupted));
        };
        let judged = data.validation.is_none() || is_evaluated(row.epoch, options);
        let improved = if judged {
            let monitor = choose_monitor(&row, options.monitor.as_deref())?;
            let min_delta = options.early_stopping.map_or(0.0, |rule| rule.min_delta);
            let figure = row.get(&monitor.name);
            let improved = training.state.progress.update(row.epoch, figure, monitor.direction, min_delta);
            schedule.epoch_ended(improved);
            improved
        } else {
            false
        };

        let state = &mut training.state;
        state.plateau = schedule.state();
        state.history.push(row);
        (state.epoch, state.batches_done, state.epoch_seconds) = (epoch + 1, 0, 0.0);
        state.running = Default::default();
        state.train_seconds = seconds_before.1 + started.elapsed().as_secs_f64();
        if improved {
            save_best(&training, &files.best, description)?;
        }
        training.save(&files.last, description)?;
        history::write_csv(&files.results, &training.state.history).map_err(TrainError::file(&files.results))?;
        let row = training.state.history.last().expect("pushed just now");
        observer.on_event(Event::EpochEnded { row, improved });

        if options.early_stopping.is_some_and(|rule| training.state.progress.should_stop(rule)) {
            return Ok((training, Ending::EarlyStopped));
        }
        if stop.is_stopping() {
            return Ok((training, Ending::Interrupted));
        }
    }
    Ok((training, Ending::Finished))
}

/// Whether the epoch with this number, counted from 1, is evaluated.
fn is_evaluated(epoch: usize, options: &FitOptions) -> bool {
    epoch.is_multiple_of(options.eval_every) || epoch == options.epochs
}

/// The gradients of one optimiser step while they are gathered.
pub(crate) struct StepGroup<B: AutodiffVisionBackend> {
    gradients: Gradients<B>,
    samples: usize,
}

impl<B: AutodiffVisionBackend> Default for StepGroup<B> {
    fn default() -> Self {
        Self { gradients: Gradients::default(), samples: 0 }
    }
}

impl<B: AutodiffVisionBackend> StepGroup<B> {
    /// Runs one batch forwards and backwards. Gives its mean loss and running scores.
    ///
    /// Where gradients are accumulated, the gradient is that of the batch's summed loss, so that batches of different
    /// sizes can be averaged over their samples in [`finish`](Self::finish).
    pub(crate) fn learn<N, T>(
        &mut self,
        network: &N,
        task: &T,
        mut loaded: HostBatch<T::Target, T::Encoded>,
        options: &FitOptions,
        device: &B::Device,
    ) -> (f64, Vec<(&'static str, f64)>)
    where
        T: Task<B>,
        N: Network<B, Output = T::Output> + AutodiffModule<B>,
    {
        let weighted = options.accumulate > 1;
        let samples = loaded.len();
        if samples == 0 {
            return (0.0, Vec::new());
        }
        let images = loaded.take_images(device);
        join_graphs(network);
        let output = with_precision(options.precision, || network.forward(images));
        let tensors = task.upload(loaded.encoded, device);
        let loss = task.loss(output.clone(), &tensors);
        let mean = loss.total.clone().into_scalar().elem::<f64>();
        let mut scores = task.running_scores(output, &tensors, &loaded.targets);
        scores.extend(loss.term_values().into_iter().map(|(name, value)| (name, value * samples as f64)));
        let loss = loss.total;
        if mean.is_finite() {
            let factor = if weighted { samples as f64 } else { 1.0 };
            let loss = if weighted { loss.mul_scalar(factor) } else { loss };
            self.gradients.add(network, &mut loss.backward());
            self.samples += if weighted { samples } else { 1 };
        }
        (mean, scores)
    }

    /// The averaged gradients, if any batch had samples.
    pub(crate) fn finish(&mut self) -> Option<Gradients<B>> {
        let Self { mut gradients, samples } = std::mem::take(self);
        if samples == 0 {
            return None;
        }
        if samples > 1 {
            gradients.scale(1.0 / samples as f64);
        }
        Some(gradients)
    }
}

/// Evaluates the epoch and gives its row; `None` when a stop was asked for meanwhile.
#[allow(clippy::too_many_arguments, reason = "each is a different thing that the caller holds already")]
fn judge_epoch<B, N, T>(
    training: &mut Training<B, N>,
    task: &T,
    data: &FitData<T::Target>,
    options: &FitOptions,
    lr: f64,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<Option<HistoryRow>, TrainError>
where
    B: AutodiffVisionBackend,
    T: HostTask + Task<B> + Task<B::InnerBackend>,
    N: AutodiffModule<B>,
    N::InnerModule: Network<B::InnerBackend, Output = <T as Task<B::InnerBackend>>::Output>,
{
    let running = &training.state.running;
    let mut figures = vec![("train.loss".to_owned(), running.mean_loss())];
    figures.extend(running.means().map(|(name, mean)| (format!("train.{name}"), Some(mean))));
    let epoch = training.state.epoch + 1;
    if let Some(validation) = data.validation.as_ref().filter(|_| is_evaluated(epoch, options)) {
        let network = training.average.clone().unwrap_or_else(|| training.network.valid());
        let options = EvaluateOptions {
            split: "val",
            batch_size: options.batch_size,
            workers: options.workers,
            on_bad_sample: options.on_bad_sample,
        };
        let evaluation = evaluate::<B::InnerBackend, T>(
            |images| Ok(task.forward(&network, images)),
            task,
            &**validation,
            options,
            device,
            observer,
            stop,
            |_, _, _| {},
        )?;
        if evaluation.interrupted {
            return Ok(None);
        }
        note_bad_samples(&mut training.state, &evaluation.bad_samples, observer);
        figures.push(("val.loss".to_owned(), evaluation.loss));
        figures.extend(evaluation.terms.iter().map(|(name, value)| (format!("val.{name}"), Some(*value))));
        figures
            .extend(evaluation.metrics.compute().into_iter().map(|score| (format!("val.{}", score.name), score.value)));
    }
    let state = &training.state;
    let rate = state.running.samples as f64 / state.epoch_seconds.max(f64::MIN_POSITIVE);
    figures.push(("lr".to_owned(), Some(lr)));
    figures.push(("images_per_second".to_owned(), Some(rate)));
    figures.push(("seconds".to_owned(), Some(state.epoch_seconds)));
    Ok(Some(HistoryRow { epoch, figures }))
}

fn save_best<B, N>(training: &Training<B, N>, folder: &Path, description: &impl Serialize) -> Result<(), TrainError>
where
    B: AutodiffVisionBackend,
    N: AutodiffModule<B>,
{
    match &training.average {
        Some(average) => save_weights(average, folder, description),
        None => save_weights(&training.network, folder, description),
    }
}

/// The class of every training sample, or zeros where the sampling does not need them.
pub(crate) fn sample_classes<T: HostTask>(task: &T, data: &FitData<T::Target>) -> Result<Vec<usize>, TrainError> {
    let train = &data.train;
    (0..train.len())
        .map(|index| {
            let target = train.annotation(index).map_err(TaskError::from)?;
            Ok(task.class_of(&target).unwrap_or_default())
        })
        .collect()
}

fn note_bad_samples(state: &mut RunState, found: &[crate::task::BadSample], observer: &mut dyn Observer) {
    for bad in found {
        if !state.bad_samples.contains(bad) {
            observer.on_event(Event::BadSample(bad));
            state.bad_samples.push(bad.clone());
        }
    }
}

/// The figure that epochs are judged by.
///
/// # Errors
///
/// [`TrainError::UnknownMonitor`] when the configuration names a figure that the epoch does not have.
fn choose_monitor(row: &HistoryRow, name: Option<&str>) -> Result<Monitor, TrainError> {
    let columns: Vec<&str> = row.figures.iter().map(|(column, _)| column.as_str()).collect();
    let name = match name {
        None => DEFAULT_MONITORS.into_iter().find(|default| columns.contains(default)).unwrap_or("train.loss"),
        Some(name) => name,
    };
    let direction = metrics::direction(name);
    match direction {
        Some(direction) if columns.contains(&name) => Ok(Monitor { name: name.to_owned(), direction }),
        _ => {
            let judged: Vec<&str> = columns.into_iter().filter(|column| metrics::direction(column).is_some()).collect();
            Err(TrainError::UnknownMonitor {
                name: name.to_owned(),
                nearest: crate::config::nearest(name, judged.iter().copied()),
                available: judged.join(", "),
            })
        }
    }
}

/// Which way the figure `name` of `history` improves, and its name where none was chosen.
pub fn monitor_of(history: &[HistoryRow], name: Option<&str>) -> Option<(String, Direction)> {
    // Not every epoch need be evaluated.
    let evaluated = |row: &&HistoryRow| row.figures.iter().any(|(column, _)| column.starts_with("val."));
    let row = history.iter().rev().find(evaluated).or(history.last())?;
    choose_monitor(row, name).ok().map(|monitor| (monitor.name, monitor.direction))
}
