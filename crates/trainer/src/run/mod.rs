//! A whole training run: data, model, loop, evaluation, report.

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
use vision_types::ClassNames;

pub use evaluation::{RunEvaluation, evaluate_run, evaluate_weights};
pub use lr_find::{LrFind, LrPoint, LrRange, find_learning_rate};
pub use summary::Summary;

use crate::checkpoint::{MODEL_FILE, RunState, Training, load_weights};
use crate::config::{AnnotationOf, DataSection, RunConfig};
use crate::distillation::{DistillConfig, Graduate, School, Student, TaughtTask};
use crate::environment;
use crate::error::TrainError;
use crate::feature_cache::{self, CachedFeatures, HeadOnly};
use crate::fit::{Ending, FitData, FitOptions, fit};
use crate::initial_weights::{self, Freezing};
use crate::observer::{Event, Observer, StopFlag};
use crate::optim::{Clipping, Optimizer};
use crate::recognition::{NetworkOn, RecognitionOn, TrainableOn};
use crate::run_directory::RunDirectory;
use crate::schedule::Schedule;
use crate::seeds::{Purpose, stream};
use crate::task::Task;

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
pub fn start_run<B: AutodiffVisionBackend, K: TrainableOn<B>>(
    new: NewRun<RunConfig<K>>,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
    prepared: impl FnMut(&Start),
) -> Result<Outcome, TrainError> {
    new.config.validate()?;
    // Everything that can be wrong with settings and data shows before anything is written.
    let (splits, fingerprint) = open_data(&new.config)?;
    K::check_model(&new.config.model, splits.classes.len(), new.config.input.shape())?;
    K::task(&new.config, splits.classes.clone())?;
    let network = new_network::<B, K>(&new.config, splits.classes.len(), device)?;
    let (network, initialised) = initial_weights::load(network, &new.config.init)?;
    check_parameters::<B, K>(&network, &new.config, splits.classes.clone(), device)?;
    let directory = RunDirectory::create(&new.directory, &new.config, new.overwrite)?;
    directory.write_environment(&environment::describe(&new.config, fingerprint, new.commit))?;
    if let Some(path) = &new.config.init.from {
        observer.on_event(Event::Note(&initialised.describe(path)));
    }
    run::<B, K>(directory, new.config, splits, network, false, device, observer, stop, prepared)
}

/// Goes on with the run in `directory` where its last checkpoint ends. `config` is that of the run, perhaps with other
/// settings, such as a larger `train.epochs`, or a `data.path` that has moved.
///
/// # Errors
///
/// As [`start_run`], and when the data is not what the run was started with.
pub fn resume_run<B: AutodiffVisionBackend, K: TrainableOn<B>>(
    directory: RunDirectory,
    config: RunConfig<K>,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
    prepared: impl FnMut(&Start),
) -> Result<Outcome, TrainError> {
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
    let network = match resumable {
        true => new_network::<B, K>(&config, splits.classes.len(), device)?,
        false => initial_weights::load(new_network::<B, K>(&config, splits.classes.len(), device)?, &config.init)?.0,
    };
    check_parameters::<B, K>(&network, &config, splits.classes.clone(), device)?;
    directory.replace_config(&config)?;
    run::<B, K>(directory, config, splits, network, resumable, device, observer, stop, prepared)
}

fn open_data<K: crate::config::Sections>(
    config: &RunConfig<K>,
) -> Result<(Splits<AnnotationOf<K>>, String), TrainError> {
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

/// The network of a run, its weights drawn from the run's seed.
fn new_network<B: AutodiffVisionBackend, K: TrainableOn<B>>(
    config: &RunConfig<K>,
    classes: usize,
    device: &B::Device,
) -> Result<NetworkOn<K, B>, TrainError> {
    random::seed(config.seed, stream(Purpose::Initialisation, 0));
    Ok(<K as RecognitionOn<B>>::network(&config.model, classes, config.input.shape(), device)?)
}

/// The network that `config` learns from, answering as in inference.
fn teacher<B: AutodiffVisionBackend, K: TrainableOn<B>>(
    settings: &DistillConfig<K::Model>,
    config: &RunConfig<K>,
    classes: usize,
    device: &B::Device,
) -> Result<NetworkOn<K, B::InnerBackend>, TrainError> {
    let shape = config.input.shape();
    K::check_model(&settings.model, classes, shape)?;
    let network = models::layers::without_random_values(|| {
        <K as RecognitionOn<B::InnerBackend>>::network(&settings.model, classes, shape, device)
    })?;
    Ok(initial_weights::load(network, &settings.init())?.0)
}

/// Checks the settings that name parameters of the network, or another network.
fn check_parameters<B: AutodiffVisionBackend, K: TrainableOn<B>>(
    network: &NetworkOn<K, B>,
    config: &RunConfig<K>,
    classes: ClassNames,
    device: &B::Device,
) -> Result<(), TrainError> {
    let freezing = Freezing::new(network, &config.init)?;
    config.optim.check_groups(network)?;
    if let Some(settings) = &config.distill {
        let teacher = teacher::<B, K>(settings, config, classes.len(), device)?;
        let input = config.input.shape();
        settings.check::<B::InnerBackend, _, K::Task>(&network.valid(), &teacher, input, device)?;
    }
    if config.train.cache_features {
        let task = K::task(config, classes)?;
        feature_cache::check::<B, _, _>(network, &task, &freezing, config.train.epochs)?;
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "each is a different thing that the caller holds already")]
fn run<B: AutodiffVisionBackend, K: TrainableOn<B>>(
    directory: RunDirectory,
    config: RunConfig<K>,
    splits: Splits<AnnotationOf<K>>,
    network: NetworkOn<K, B>,
    resume: bool,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
    mut prepared: impl FnMut(&Start),
) -> Result<Outcome, TrainError> {
    let classes = splits.classes.clone();
    let shape = config.input.shape();
    let task = K::task(&config, classes.clone())?;
    let description = K::description(&config, classes.clone());

    let freezing = Freezing::new(&network, &config.init)?;
    let average = config.train.ema.map(|_| network.valid());
    let optimizer = Optimizer::new(config.optim.clone());
    let mut training = Training { network, average, optimizer, state: RunState::default() };
    if resume {
        training = training.load(&directory.last_checkpoint(), device)?;
    }
    let model = <K as RecognitionOn<B::InnerBackend>>::summary(&training.network.valid(), shape);
    prepared(&Start {
        data: data_name(&config),
        samples: splits.iter().map(|(split, samples)| (split, samples.len())).collect(),
        classes: classes.len(),
        model_name: K::model_name(&config.model).to_owned(),
        model: model.clone(),
        directory: directory.path().to_owned(),
        workers: config.train.worker_count(),
        seed: config.seed,
        done: (training.state.epoch, training.state.batches_done),
    });

    if let Some(sheet) = K::training_sheet(&task, &splits, &config) {
        let path = directory.samples_folder().join("training_batch.png");
        sheet.save(&path).map_err(|error| TrainError::File { path, source: std::io::Error::other(error) })?;
    }
    let options = fit_options(&config, freezing);
    let batches = splits.train.len().div_ceil(config.train.batch_size).div_ceil(config.train.accumulate);
    let warmup_steps = (config.optim.warmup_epochs * batches as f64).round() as u64;
    let mut schedule = Schedule::new(config.schedule.clone(), warmup_steps, config.optim.warmup_start);
    let data = FitData { train: Arc::clone(&splits.train), validation: splits.validation.clone() };
    let interrupted = |directory: &RunDirectory| Outcome {
        directory: directory.path().to_owned(),
        ending: Ending::Interrupted,
        summary: None,
    };
    let files = directory.fit_files();
    macro_rules! fit {
        ($training:expr, $task:expr) => {
            fit::<B, _, _>(
                $training,
                $task,
                &data,
                &options,
                &mut schedule,
                &files,
                &description,
                device,
                observer,
                stop,
            )?
        };
    }
    let (training, ending) = if config.train.cache_features {
        let frozen = training.network.valid();
        let cached = CachedFeatures::new(&frozen, &task, &data, &options, device, observer, stop)?;
        let Some(cached) = cached else { return Ok(interrupted(&directory)) };
        let (training, ending) = fit!(training.map(HeadOnly, HeadOnly), &cached);
        (training.map(|head| head.0, |head| head.0), ending)
    } else if let Some(settings) = &config.distill {
        let teacher = teacher::<B, K>(settings, &config, classes.len(), device)?;
        let school = School::<B, _>::new(teacher, <K::Task as Task<B::InnerBackend>>::logits, settings);
        let training = training.map(|network| school.student(network), |average| school.graduate(average));
        let (training, ending) = fit!(training, &TaughtTask::new(&task, settings));
        (training.map(Student::into_network, Graduate::into_network), ending)
    } else {
        fit!(training, &task)
    };
    if ending == Ending::Interrupted {
        return Ok(interrupted(&directory));
    }

    let best = load_weights(training.network.valid(), &best_weights(&directory))?;
    let evaluations =
        evaluation::final_evaluations::<B::InnerBackend, K>(&best, &task, &splits, &config, device, observer, stop)?;
    let Some(evaluations) = evaluations else { return Ok(interrupted(&directory)) };
    let summary = summary::summarise(&config, &training.state, &evaluations, ending, parameter_count(&best));
    directory.write_summary(&summary)?;
    page::write(&page::Parts {
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

/// The data of a run, for people.
fn data_name<K: crate::config::Sections>(config: &RunConfig<K>) -> String {
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

fn fit_options<K: crate::config::Sections>(config: &RunConfig<K>, freezing: Freezing) -> FitOptions {
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
