//! A whole training run: data, model, loop, evaluation, report.

pub mod directory;
pub mod environment;
mod evaluation;
mod lr_find;
mod page;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use burn::module::AutodiffModule;
use datasets::{InMemory, Samples, Splits};
use models::ModelSummary;
use models::summary::parameter_count;
use tensor_backend::{AutodiffVisionBackend, random};

pub use directory::RunDirectory;
pub use evaluation::{EvaluationRequest, RunEvaluation, evaluate_run, evaluate_weights};
pub use lr_find::{LrFind, LrPoint, LrRange, find_learning_rate};
pub use summary::Summary;

use crate::config::{AnnotationOf, DataTable, RunConfig, TaskTables};
use crate::error::TrainError;
use crate::tasks::pictures::{training_pictures, training_sheet};
use crate::tasks::{InferenceOn, NetworkOn, TaskDefinition, TrainingOn, TrainingSetup};
use crate::training::checkpoint::{MODEL_FILE, RunState, Training, load_weights};
use crate::training::optim::{Clipping, Optimizer};
use crate::training::schedule::Schedule;
use crate::training::seeds::{Purpose, stream};
use crate::training::{Ending, Event, FitData, FitOptions, FitPlan, Session};
use crate::weights::{Freezing, Initialised, initial};

/// A run to be started.
#[derive(Debug, Clone)]
pub struct NewRun<C> {
    /// What it is made of.
    pub config: C,
    /// Where its files go.
    pub directory: PathBuf,
    /// Whether a run that is there already is replaced.
    pub overwrite: bool,
    /// The source commit of the program, for the record.
    pub commit: Option<String>,
}

/// What is known once a run was set up, before the first step.
#[derive(Debug, Clone)]
pub struct Start {
    /// What was opened, for people: a path, or `generated shapes`.
    pub data: String,
    /// Splits and their numbers of samples.
    pub samples: Vec<(datasets::SplitName, usize)>,
    /// Number of classes.
    pub classes: usize,
    /// Name of the network.
    pub model_name: String,
    /// The network's layers.
    pub model: ModelSummary,
    /// The run directory.
    pub directory: PathBuf,
    /// Loader threads.
    pub workers: usize,
    /// The run's seed.
    pub seed: u64,
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

/// Starts a run and sees it through.
///
/// `prepared` is called once everything is set up, before the first step.
///
/// # Errors
///
/// When the configuration, the data or the run directory cannot be used, or the run breaks off; what was written before
/// stays.
pub fn start_run<B: AutodiffVisionBackend, K: TrainingOn<B>>(
    new: NewRun<RunConfig<K>>,
    session: &mut Session<'_, B::Device>,
    prepared: impl FnMut(&Start),
) -> Result<Outcome, TrainError> {
    let NewRun { config, directory, overwrite, commit } = new;
    // Everything that can be wrong with settings and data shows before anything is written.
    let parts = Parts::<B, K>::open(config, session.device)?;
    let (parts, initialised) = parts.initialise()?;
    parts.check(session.device)?;
    let directory = RunDirectory::create(&directory, &parts.setup.config, overwrite)?;
    directory.write_environment(&environment::describe(
        &parts.setup.config,
        parts.setup.fingerprint.clone(),
        commit,
    ))?;
    if let Some(path) = &parts.setup.config.init.from {
        session.observer.on_event(Event::Note(&initialised.describe(path)));
    }
    parts.run(directory, false, session, prepared)
}

/// Goes on with the run in `directory` where its last checkpoint ends. `config` is that of the run, perhaps with other
/// settings, such as a larger `train.epochs`, or a `data.path` that has moved.
///
/// # Errors
///
/// As [`start_run`], and when the data is not what the run was started with.
pub fn resume_run<B: AutodiffVisionBackend, K: TrainingOn<B>>(
    directory: RunDirectory,
    config: RunConfig<K>,
    session: &mut Session<'_, B::Device>,
    prepared: impl FnMut(&Start),
) -> Result<Outcome, TrainError> {
    let mut parts = Parts::<B, K>::open(config, session.device)?;
    let (found, expected) = (&parts.setup.fingerprint, directory.read_environment()?.data_fingerprint);
    if *found != expected {
        let path = parts.setup.config.data.path().unwrap_or(Path::new("(generated)")).to_owned();
        return Err(TrainError::DataChanged { path, found: found.clone(), expected });
    }
    let resumable = directory.last_checkpoint().is_dir();
    if !resumable {
        session.observer.on_event(Event::Note("the run has no checkpoint yet; it starts from the beginning"));
        parts = parts.initialise()?.0;
    }
    parts.check(session.device)?;
    directory.replace_config(&parts.setup.config)?;
    parts.run(directory, resumable, session, prepared)
}

/// What a run is put together from.
struct Parts<B: AutodiffVisionBackend, K: TrainingOn<B>> {
    network: NetworkOn<K, B>,
    setup: Setup<K>,
}

/// The same without the network, which training moves.
struct Setup<K: TaskDefinition> {
    config: RunConfig<K>,
    splits: Splits<AnnotationOf<K>>,
    fingerprint: String,
    task: K::Task,
    freezing: Freezing,
}

impl<B: AutodiffVisionBackend, K: TrainingOn<B>> Parts<B, K> {
    /// The data, the task and the network that `config` describes, its weights drawn from the run's seed.
    fn open(config: RunConfig<K>, device: &B::Device) -> Result<Self, TrainError> {
        config.validate()?;
        let (splits, fingerprint) = open_data(&config)?;
        let (classes, input) = (splits.classes.len(), config.input.shape());
        K::check_model(&config.model, classes, input)?;
        let task = K::task(&config, splits.classes.clone())?;
        random::seed(config.seed, stream(Purpose::Initialisation, 0));
        let network = <K as InferenceOn<B>>::network(&config.model, classes, input, device)?;
        let freezing = Freezing::new(&network, &config.init)?;
        Ok(Self { network, setup: Setup { config, splits, fingerprint, task, freezing } })
    }

    /// The same with the weights that the configuration starts from.
    fn initialise(self) -> Result<(Self, Initialised), TrainError> {
        let (network, initialised) = initial::load(self.network, &self.setup.config.init)?;
        Ok((Self { network, setup: self.setup }, initialised))
    }

    /// Checks the settings that name parameters of the network, or another network.
    fn check(&self, device: &B::Device) -> Result<(), TrainError> {
        self.setup.config.optim.check_groups(&self.network)?;
        K::check_training(&self.network, &self.setup.of_training(), device)
    }

    fn run(
        self,
        directory: RunDirectory,
        resume: bool,
        session: &mut Session<'_, B::Device>,
        mut prepared: impl FnMut(&Start),
    ) -> Result<Outcome, TrainError> {
        let Self { network, setup } = self;
        let average = setup.config.train.ema.map(|_| network.valid());
        let optimizer = Optimizer::new(setup.config.optim.clone());
        let mut training = Training { network, average, optimizer, state: RunState::default() };
        if resume {
            training = training.load(&directory.last_checkpoint(), session.device)?;
        }
        let model = <K as InferenceOn<B::InnerBackend>>::summary(&training.network.valid(), setup.config.input.shape());
        prepared(&setup.start(&directory, &training.state, &model));
        setup.write_training_sheet(&directory)?;

        let (training, ending) = K::train(training, &setup.of_training(), setup.plan(&directory), session)?;
        let interrupted =
            || Outcome { directory: directory.path().to_owned(), ending: Ending::Interrupted, summary: None };
        if ending == Ending::Interrupted {
            return Ok(interrupted());
        }
        let best = load_weights(training.network.valid(), &best_weights(&directory))?;
        let Setup { config, splits, task, .. } = &setup;
        let evaluations = evaluation::final_evaluations::<B::InnerBackend, K>(&best, task, splits, config, session)?;
        let Some(evaluations) = evaluations else { return Ok(interrupted()) };
        let state = &training.state;
        let summary = summary::summarise(config, state, &evaluations, ending, parameter_count(&best));
        directory.write_summary(&summary)?;
        let page = page::Page { task, splits, config, directory: &directory, state, evaluations: &evaluations };
        page.write(&summary, &model)?;
        Ok(Outcome { directory: directory.path().to_owned(), ending, summary: Some(summary) })
    }
}

impl<K: TaskDefinition> Setup<K> {
    fn of_training(&self) -> TrainingSetup<'_, K> {
        TrainingSetup {
            task: &self.task,
            config: &self.config,
            classes: &self.splits.classes,
            freezing: &self.freezing,
        }
    }

    /// What is known before the first step.
    fn start(&self, directory: &RunDirectory, state: &RunState, model: &ModelSummary) -> Start {
        Start {
            data: data_name(&self.config),
            samples: self.splits.iter().map(|(split, samples)| (split, samples.len())).collect(),
            classes: self.splits.classes.len(),
            model_name: K::model_name(&self.config.model).to_owned(),
            model: model.clone(),
            directory: directory.path().to_owned(),
            workers: self.config.train.worker_count(),
            seed: self.config.seed,
            done: (state.epoch, state.batches_done),
        }
    }

    /// Writes the first training samples as the network sees them.
    fn write_training_sheet(&self, directory: &RunDirectory) -> Result<(), TrainError> {
        let pictures = training_pictures::<K>(&self.task, &self.splits.train, self.config.seed);
        let Some(sheet) = training_sheet(&pictures, K::PICTURES) else { return Ok(()) };
        let path = directory.samples_folder().join("training_batch.png");
        sheet.save(&path).map_err(|error| TrainError::File { path, source: std::io::Error::other(error) })
    }

    /// What the loop follows.
    fn plan(&self, directory: &RunDirectory) -> FitPlan<AnnotationOf<K>> {
        let options = fit_options(&self.config, self.freezing.clone());
        let steps_per_epoch = options.steps_per_epoch(self.splits.train.len());
        let optim = &self.config.optim;
        let warmup_steps = (optim.warmup_epochs * steps_per_epoch as f64).round() as u64;
        FitPlan {
            data: FitData { train: Arc::clone(&self.splits.train), validation: self.splits.validation.clone() },
            options,
            schedule: Schedule::new(self.config.schedule.clone(), warmup_steps, optim.warmup_start),
            files: directory.fit_files(),
        }
    }
}

fn open_data<K: TaskTables>(config: &RunConfig<K>) -> Result<(Splits<AnnotationOf<K>>, String), TrainError> {
    let mut splits = config.open()?;
    let mut parts = Vec::new();
    for (name, samples) in splits.iter() {
        parts.push(format!("{name}:{}", datasets::fingerprint(&**samples)));
    }
    if config.train.cache {
        splits.train = kept_in_memory(splits.train);
        splits.validation = splits.validation.map(kept_in_memory);
        splits.test = splits.test.map(kept_in_memory);
    }
    Ok((splits, parts.join(" ")))
}

fn kept_in_memory<A: Clone + Send + Sync + 'static>(samples: Samples<A>) -> Samples<A> {
    Arc::new(InMemory::new(samples))
}

/// The data of a run, for people.
fn data_name<K: TaskTables>(config: &RunConfig<K>) -> String {
    match config.data.path() {
        Some(path) => path.display().to_string(),
        None => format!("generated {}", config.data.kind()),
    }
}

/// The best epoch's weights; the last checkpoint's where the monitored figure was never defined.
fn best_weights(directory: &RunDirectory) -> PathBuf {
    let best = directory.best_checkpoint().join(MODEL_FILE);
    if best.is_file() { best } else { directory.last_checkpoint().join(MODEL_FILE) }
}

pub(crate) fn fit_options<K: TaskTables>(config: &RunConfig<K>, freezing: Freezing) -> FitOptions {
    let train = &config.train;
    FitOptions {
        seed: config.seed,
        epochs: train.epochs,
        batch_size: train.batch_size,
        accumulate: train.accumulate,
        workers: train.worker_count(),
        precision: train.precision,
        sampling: train.sampling,
        drop_last: train.drop_last,
        lr: config.optim.lr,
        freezing,
        clipping: Clipping { norm: config.optim.clip_norm, value: config.optim.clip_value },
        eval_every: train.eval_every,
        average_decay: train.ema,
        monitor: train.monitor.clone(),
        early_stopping: config.early_stopping,
        checkpoint_every: Duration::from_secs_f64(train.checkpoint_minutes * 60.0),
        on_bad_sample: train.on_bad_sample,
    }
}
