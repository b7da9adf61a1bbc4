//! A whole training run: data, model, loop, evaluation, report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use burn::module::AutodiffModule;
use datasets::{ClassificationSamples, InMemory, SplitName, Splits};
use metrics::Score;
use models::Classifier;
use models::summary::parameter_count;
use serde::Serialize;
use tensor_backend::{AutodiffVisionBackend, random};

use super::evaluation::{SplitEvaluation, evaluate_split};
use super::pictures;
use super::{ClassificationTask, ModelDescription};
use crate::checkpoint::{MODEL_FILE, RunState, Training, load_weights};
use crate::config::{ConfigError, RunConfig};
use crate::environment;
use crate::error::TrainError;
use crate::fit::{Ending, FitData, FitOptions, fit, monitor_of};
use crate::observer::{Event, Observer, StopFlag};
use crate::optim::{Clipping, Optimizer};
use crate::run_directory::RunDirectory;
use crate::schedule::Schedule;
use crate::seeds::{Purpose, stream};

/// A run to be started.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// What it is made of.
    pub config: RunConfig,
    /// Where its files go.
    pub directory: PathBuf,
    /// Whether a run that is there already is replaced.
    pub overwrite: bool,
    /// The source commit of the program, for the record.
    pub commit: Option<String>,
}

/// What is known once a run was set up, before the first step.
#[derive(Debug)]
pub struct Start<'a> {
    /// The resolved configuration.
    pub config: &'a RunConfig,
    /// The run directory.
    pub directory: &'a Path,
    /// The data.
    pub splits: &'a Splits,
    /// The network's layers.
    pub model: &'a models::ModelSummary,
    /// Epochs and batches that an earlier part of the run has done.
    pub done: (usize, usize),
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its directory.
    pub directory: PathBuf,
    /// Why it ended.
    pub ending: Ending,
    /// Its figures; `None` when it was interrupted.
    pub summary: Option<Summary>,
}

/// The figures of a run, as `summary.json` holds them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// What was recognised.
    pub task: crate::config::TaskKind,
    /// Epochs done.
    pub epochs_run: usize,
    /// The epoch whose weights were kept.
    pub best_epoch: Option<usize>,
    /// The figure it was chosen by.
    pub monitor: Option<String>,
    /// Whether the run ended before its last epoch.
    pub stopped_early: bool,
    /// Figures by split: those of the best epoch for `train`, of the kept weights for `val` and `test`.
    pub splits: serde_json::Map<String, serde_json::Value>,
    /// Seconds spent on training, evaluations after each epoch included.
    pub train_seconds: f64,
    /// Parameters of the network.
    pub parameters: usize,
    /// The most memory the process held, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// Samples that could not be read and were left out.
    pub bad_samples: usize,
}

impl Summary {
    /// A figure of a split.
    pub fn figure(&self, split: &str, name: &str) -> Option<f64> {
        self.splits.get(split)?.get(name)?.as_f64()
    }
}

/// Starts a run and sees it through.
///
/// `prepared` is called once everything is set up, before the first step.
///
/// # Errors
///
/// When the configuration, the data or the run directory cannot be used, or the run breaks off; what was written before
/// stays.
pub fn start_run<B: AutodiffVisionBackend>(
    new: NewRun,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
    prepared: impl FnMut(&Start<'_>),
) -> Result<Outcome, TrainError> {
    new.config.validate()?;
    // Everything that can be wrong with settings and data shows before anything is written.
    let (splits, fingerprint) = open_data(&new.config)?;
    new.config.model.check(splits.classes.len(), new.config.input.shape())?;
    let directory = RunDirectory::create(&new.directory, &new.config, new.overwrite)?;
    directory.write_environment(&environment::describe(&new.config, fingerprint, new.commit))?;
    run::<B>(directory, new.config, splits, false, device, observer, stop, prepared)
}

/// Goes on with the run in `path` where its last checkpoint ends. `overrides` are `key=value` settings that replace those
/// of the run, such as a larger `train.epochs`, or a `data.path` that has moved.
///
/// # Errors
///
/// As [`start_run`], and when the data is not what the run was started with.
pub fn resume_run<B: AutodiffVisionBackend>(
    path: &Path,
    overrides: &[String],
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
    prepared: impl FnMut(&Start<'_>),
) -> Result<Outcome, TrainError> {
    let directory = RunDirectory::open(path)?;
    let config = directory.read_config(overrides)?;
    let (splits, fingerprint) = open_data(&config)?;
    let expected = directory.read_environment()?.data_fingerprint;
    if fingerprint != expected {
        let path = config.data.path().unwrap_or(Path::new("(generated)")).to_owned();
        return Err(TrainError::DataChanged { path, found: fingerprint, expected });
    }
    let resumable = directory.last_checkpoint().is_dir();
    if !resumable {
        observer.on_event(Event::Note("the run has no checkpoint yet; it starts from the beginning"));
    }
    directory.replace_config(&config)?;
    run::<B>(directory, config, splits, resumable, device, observer, stop, prepared)
}

fn open_data(config: &RunConfig) -> Result<(Splits, String), TrainError> {
    let mut splits = config.data.open(None)?;
    let mut parts = Vec::new();
    for (name, samples) in splits.iter() {
        parts.push(format!("{name}:{}", datasets::fingerprint(&**samples)?));
    }
    if config.train.cache {
        splits.train = cached(splits.train);
        splits.validation = splits.validation.map(cached);
        splits.test = splits.test.map(cached);
    }
    Ok((splits, parts.join(" ")))
}

/// `samples`, decoded once and kept.
fn cached(samples: ClassificationSamples) -> ClassificationSamples {
    Arc::new(InMemory::new(samples))
}

#[allow(clippy::too_many_arguments, reason = "each is a different thing that the caller holds already")]
fn run<B: AutodiffVisionBackend>(
    directory: RunDirectory,
    config: RunConfig,
    splits: Splits,
    resume: bool,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
    mut prepared: impl FnMut(&Start<'_>),
) -> Result<Outcome, TrainError> {
    let classes = splits.classes.clone();
    let shape = config.input.shape();
    random::seed(config.seed, stream(Purpose::Initialisation, 0));
    let network = config.model.init::<B>(classes.len(), shape, device)?;
    let task =
        ClassificationTask::new(classes.clone(), config.input.clone(), config.augment.clone(), config.loss.clone())
            .map_err(|error| ConfigError::Invalid(format!("loss: {error}")))?;
    let description = ModelDescription::new(&config, classes.clone());

    let average = config.train.ema.map(|_| network.valid());
    let optimizer = Optimizer::new(config.optim.clone());
    let mut training = Training { network, average, optimizer, state: RunState::default() };
    if resume {
        training = training.load(&directory.last_checkpoint(), device)?;
    }
    let model = models::summary(&training.network.valid(), shape);
    let done = (training.state.epoch, training.state.batches_done);
    prepared(&Start { config: &config, directory: directory.path(), splits: &splits, model: &model, done });

    pictures::write_training_batch(&task, &splits.train, &config, &directory)?;
    let options = fit_options(&config);
    let batches = splits.train.len().div_ceil(config.train.batch_size).div_ceil(config.train.accumulate);
    let warmup_steps = (config.optim.warmup_epochs * batches as f64).round() as u64;
    let mut schedule = Schedule::new(config.schedule.clone(), warmup_steps, config.optim.warmup_start);
    let data = FitData { train: Arc::clone(&splits.train), validation: splits.validation.clone() };
    let (training, ending) = fit::<B, _, _>(
        training,
        &task,
        &data,
        &options,
        &mut schedule,
        &directory.fit_files(),
        &description,
        device,
        observer,
        stop,
    )?;
    if ending == Ending::Interrupted {
        return Ok(Outcome { directory: directory.path().to_owned(), ending, summary: None });
    }

    let best = load_weights(training.network.valid(), &best_weights(&directory))?;
    let Some(evaluations) = final_evaluations(&best, &task, &splits, &config, device, observer, stop)? else {
        let ending = Ending::Interrupted;
        return Ok(Outcome { directory: directory.path().to_owned(), ending, summary: None });
    };
    let summary = summarise(&config, &training.state, &evaluations, ending, parameter_count(&best));
    directory.write_summary(&summary)?;
    pictures::write_report(&pictures::ReportParts {
        task: &task,
        splits: &splits,
        config: &config,
        directory: &directory,
        state: &training.state,
        evaluations: &evaluations,
        summary: &summary,
        model: &model,
    })?;
    Ok(Outcome { directory: directory.path().to_owned(), ending, summary: Some(summary) })
}

/// The best epoch's weights; the last checkpoint's where the monitored figure was never defined.
fn best_weights(directory: &RunDirectory) -> PathBuf {
    let best = directory.best_checkpoint().join(MODEL_FILE);
    if best.is_file() { best } else { directory.last_checkpoint().join(MODEL_FILE) }
}

fn fit_options(config: &RunConfig) -> FitOptions {
    let train = &config.train;
    FitOptions {
        seed: config.seed,
        epochs: train.epochs,
        batch_size: train.batch_size,
        accumulate: train.accumulate,
        workers: train.worker_count(),
        sampling: train.sampling,
        drop_last: train.drop_last,
        lr: config.optim.lr,
        clipping: Clipping { norm: config.optim.clip_norm, value: config.optim.clip_value },
        average_decay: train.ema,
        monitor: train.monitor.clone(),
        early_stopping: config.early_stopping,
        checkpoint_every: Duration::from_secs_f64(train.checkpoint_minutes * 60.0),
        on_bad_sample: train.on_bad_sample,
    }
}

/// Judges the kept weights on the validation and test splits; `None` when a stop was asked for.
fn final_evaluations<B: tensor_backend::VisionBackend>(
    network: &Classifier<B>,
    task: &ClassificationTask,
    splits: &Splits,
    config: &RunConfig,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<Option<Vec<SplitEvaluation>>, TrainError> {
    let mut evaluations = Vec::new();
    for (split, samples) in splits.iter().filter(|(split, _)| *split != SplitName::Train) {
        let evaluation = evaluate_split(network, task, split, samples, config, device, observer, stop)?;
        if evaluation.interrupted {
            return Ok(None);
        }
        evaluations.push(evaluation);
    }
    Ok(Some(evaluations))
}

fn summarise(
    config: &RunConfig,
    state: &RunState,
    evaluations: &[SplitEvaluation],
    ending: Ending,
    parameters: usize,
) -> Summary {
    let best_epoch = state.progress.best.map(|(epoch, _)| epoch);
    let mut splits = serde_json::Map::new();
    let best_row = state.history.iter().find(|row| Some(row.epoch) == best_epoch).or(state.history.last());
    if let Some(row) = best_row {
        let figures = row
            .figures
            .iter()
            .filter_map(|(name, value)| name.strip_prefix("train.").map(|name| (name.to_owned(), (*value).into())));
        splits.insert("train".to_owned(), serde_json::Value::Object(figures.collect()));
    }
    for evaluation in evaluations {
        let figures = evaluation.scores().into_iter().map(|Score { name, value }| (name, value.into()));
        splits.insert(evaluation.split.to_string(), serde_json::Value::Object(figures.collect()));
    }
    Summary {
        task: config.task,
        epochs_run: state.history.len(),
        best_epoch,
        monitor: monitor_of(&state.history, config.train.monitor.as_deref()).map(|(name, _)| name),
        stopped_early: ending == Ending::EarlyStopped,
        splits,
        train_seconds: state.train_seconds,
        parameters,
        peak_memory_bytes: environment::peak_memory_bytes(),
        bad_samples: state.bad_samples.len(),
    }
}
