//! `cargo xtask train`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use metrics::Shown;
use models::{ClassifierConfig, DetectorConfig, SegmenterConfig};
use tensor_backend::{SelectedBackend, SelectedDevice, TrainingBackend, open_device};
use trainer::config::{
    ConfigVisitor, RunConfig, data_path_setting, key_reference_markdown, text_setting, texts_setting,
};
use trainer::run::{NewRun, Outcome, RunDirectory, Start, Summary, resume_run, start_run};
use trainer::tasks::{InferenceOn, TrainingOn};
use trainer::training::{Ending, Session, StopFlag};

use crate::cross_validation::{self, CrossValidation};
use crate::interrupt::{INTERRUPTED, stop_flag};
use crate::output::{self, Style, styled};
use crate::progress::Progress;
use crate::recipes::{self, Recipe};

/// Arguments that say what a run is made of.
#[derive(Debug, Args)]
pub(crate) struct RecipeArguments {
    /// Configuration file, or the name of a recipe in configs/ such as `mnist-cnn`.
    config: Option<PathBuf>,
    /// Folder of the data.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Override a key, such as `--set optim.lr=0.05`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Start from the weights in this PyTorch or safetensors file; short for `--set init.from=FILE`.
    #[arg(long, value_name = "FILE")]
    init_from: Option<PathBuf>,
    /// Which set of tensors of a PyTorch file that has several, such as `ema`; short for `--set init.key=KEY`.
    #[arg(long, value_name = "KEY")]
    init_key: Option<String>,
    /// Tensors that start at random values all the same, such as `fc.*`; may be repeated; short for
    /// `--set init.ignore=[…]`.
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<String>,
    /// Parameters that are not trained, such as `layer1`, or all but the head: `--freeze '*' --freeze '!fc'`; may be
    /// repeated; short for `--set init.freeze=[…]`.
    #[arg(long, value_name = "PATTERN")]
    freeze: Vec<String>,
    /// Passes over the training data; short for `--set train.epochs=N`.
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Loader threads; short for `--set train.workers=N`.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Seed of the run; short for `--set seed=N`.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl RecipeArguments {
    /// The configuration that a new run would have.
    pub(crate) fn read(&self) -> anyhow::Result<Recipe> {
        configuration(self, &settings(self)?)
    }
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    #[command(flatten)]
    recipe: RecipeArguments,
    /// Folder of the run; default: runs/ and the configuration's name, numbered if that exists.
    #[arg(long, value_name = "FOLDER", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with a run where its last checkpoint ends.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "init_from"])]
    resume: Option<PathBuf>,
    /// Cross-validation: cut training and validation samples into so many parts and train a run for each held out.
    #[arg(long, value_name = "N", conflicts_with = "resume", value_parser = clap::value_parser!(u32).range(2..))]
    folds: Option<u32>,
    /// Replace a run that is in the folder already.
    #[arg(long)]
    overwrite: bool,
    /// Print the final figures as one JSON document on standard output.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
    /// Print the model's layers, shapes, parameters and FLOPs, and do not train.
    #[arg(long)]
    summary: bool,
    /// List the models that `model.name` may name.
    #[arg(long)]
    list_models: bool,
    /// Print every configuration key with its default and meaning.
    #[arg(long)]
    help_config: bool,
}

/// Runs `train`.
pub(crate) fn run(arguments: TrainArguments) -> anyhow::Result<ExitCode> {
    if arguments.list_models {
        list_models();
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.help_config {
        output::line(key_reference_markdown().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let settings = settings(&arguments.recipe)?;
    let device = open_device()?;
    let stop = stop_flag()?;
    let mut progress = Progress::new(arguments.quiet);
    if let Some(folds) = arguments.folds {
        return cross_validate(&arguments, folds, &settings, &device, progress, &stop);
    }
    let mut session = Session { device: &device, observer: &mut progress, stop: &stop };
    let quiet = arguments.quiet;
    let outcome = match &arguments.resume {
        Some(run) => {
            let directory = RunDirectory::open(run)?;
            let config = directory.read_config(&settings)?;
            config.visit::<TrainingBackend, SelectedBackend, _>(Resume { directory, session: &mut session, quiet })?
        }
        None => {
            let Recipe { name, config } = configuration(&arguments.recipe, &settings)?;
            if arguments.summary {
                config.visit::<TrainingBackend, SelectedBackend, _>(PrintSummary { device: &device })?;
                return Ok(ExitCode::SUCCESS);
            }
            let directory = arguments.out.clone().unwrap_or_else(|| free_run_directory(&name));
            let start = Begin { directory, overwrite: arguments.overwrite, session: &mut session, quiet };
            config.visit::<TrainingBackend, SelectedBackend, _>(start)?
        }
    };
    drop(progress);
    finish(&outcome, arguments.json)
}

/// Starts a run.
struct Begin<'a, 'b> {
    directory: PathBuf,
    overwrite: bool,
    session: &'a mut Session<'b, SelectedDevice>,
    quiet: bool,
}

impl ConfigVisitor<TrainingBackend, SelectedBackend> for Begin<'_, '_> {
    type Output = anyhow::Result<Outcome>;

    fn visit<K: TrainingOn<TrainingBackend> + InferenceOn<SelectedBackend>>(
        self,
        config: RunConfig<K>,
    ) -> anyhow::Result<Outcome> {
        let Self { directory, overwrite, session, quiet } = self;
        let commit = option_env!("OKULO_COMMIT").map(str::to_owned);
        let new = NewRun { config, directory, overwrite, commit };
        Ok(start_run::<TrainingBackend, K>(new, session, |start| describe(start, quiet))?)
    }
}

/// Goes on with a run.
struct Resume<'a, 'b> {
    directory: RunDirectory,
    session: &'a mut Session<'b, SelectedDevice>,
    quiet: bool,
}

impl ConfigVisitor<TrainingBackend, SelectedBackend> for Resume<'_, '_> {
    type Output = anyhow::Result<Outcome>;

    fn visit<K: TrainingOn<TrainingBackend> + InferenceOn<SelectedBackend>>(
        self,
        config: RunConfig<K>,
    ) -> anyhow::Result<Outcome> {
        let Self { directory, session, quiet } = self;
        Ok(resume_run::<TrainingBackend, K>(directory, config, session, |start| describe(start, quiet))?)
    }
}

/// Prints the layers of the network.
struct PrintSummary<'a> {
    device: &'a SelectedDevice,
}

impl ConfigVisitor<TrainingBackend, SelectedBackend> for PrintSummary<'_> {
    type Output = anyhow::Result<()>;

    fn visit<K: TrainingOn<TrainingBackend> + InferenceOn<SelectedBackend>>(
        self,
        config: RunConfig<K>,
    ) -> anyhow::Result<()> {
        let (classes, shape) = (config.open()?.classes.len(), config.input.shape());
        let network = <K as InferenceOn<SelectedBackend>>::network(&config.model, classes, shape, self.device)?;
        output::line(<K as InferenceOn<SelectedBackend>>::summary(&network, shape).to_string());
        Ok(())
    }
}

/// A run for each part held out, in `fold-1`, `fold-2` … of one folder.
fn cross_validate(
    arguments: &TrainArguments,
    folds: u32,
    settings: &[String],
    device: &SelectedDevice,
    mut progress: Progress,
    stop: &StopFlag,
) -> anyhow::Result<ExitCode> {
    let mut summaries = Vec::new();
    let mut folder = PathBuf::new();
    for number in 1..=folds {
        let fold = format!("train.fold={{ number = {number}, of = {folds} }}");
        let Recipe { name, config } = configuration(&arguments.recipe, &[settings, &[fold][..]].concat())?;
        if number == 1 {
            folder = arguments.out.clone().unwrap_or_else(|| free_run_directory(&name));
            cross_validation::prepare(&folder, arguments.overwrite)?;
        }
        let directory = folder.join(format!("fold-{number}"));
        let mut session = Session { device, observer: &mut progress, stop };
        let (overwrite, quiet) = (arguments.overwrite, arguments.quiet);
        let outcome = config.visit::<TrainingBackend, SelectedBackend, _>(Begin {
            directory,
            overwrite,
            session: &mut session,
            quiet,
        })?;
        match outcome.summary {
            Some(summary) => summaries.push(summary),
            None => return finish(&outcome, arguments.json),
        }
    }
    drop(progress);
    CrossValidation::new(summaries).finish(&folder, arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

/// The overrides that the arguments stand for. Paths become absolute, so that a run can be resumed from anywhere.
fn settings(arguments: &RecipeArguments) -> anyhow::Result<Vec<String>> {
    let mut settings = Vec::new();
    if let Some(weights) = &arguments.init_from {
        settings.push(text_setting("init.from", &std::path::absolute(weights)?.to_string_lossy()));
    }
    settings.extend(arguments.init_key.as_ref().map(|key| text_setting("init.key", key)));
    for (key, patterns) in [("init.ignore", &arguments.ignore), ("init.freeze", &arguments.freeze)] {
        if !patterns.is_empty() {
            settings.push(texts_setting(key, patterns));
        }
    }
    settings.extend(arguments.epochs.map(|epochs| format!("train.epochs={epochs}")));
    settings.extend(arguments.workers.map(|workers| format!("train.workers={workers}")));
    settings.extend(arguments.seed.map(|seed| format!("seed={seed}")));
    settings.extend(arguments.settings.iter().cloned());
    // After `data.kind`, which drops the options of another kind.
    if let Some(data) = &arguments.data {
        settings.push(data_path_setting(&std::path::absolute(data)?));
    }
    Ok(settings)
}

fn configuration(arguments: &RecipeArguments, settings: &[String]) -> anyhow::Result<Recipe> {
    match (&arguments.config, &arguments.data) {
        (Some(source), _) => recipes::read(source, settings),
        (None, Some(_)) => Ok(recipes::built_in(recipes::FOLDER_RECIPE, settings)?),
        (None, None) => Ok(recipes::built_in(recipes::DEFAULT_RECIPE, settings)?),
    }
}

/// `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3` … that does not exist.
fn free_run_directory(name: &str) -> PathBuf {
    let runs = Path::new("runs");
    let first = runs.join(name);
    if !first.exists() {
        return first;
    }
    (2..).map(|number| runs.join(format!("{name}-{number}"))).find(|path| !path.exists()).unwrap_or(first)
}

fn list_models() {
    let mut rows = vec![["name", "task", "parameters", "input", "description"].map(str::to_owned).to_vec()];
    let tasks = [
        ("classification", ClassifierConfig::names()),
        ("detection", DetectorConfig::names()),
        ("segmentation", SegmenterConfig::names()),
    ];
    for (task, cards) in tasks {
        rows.extend(cards.iter().map(|card| {
            vec![
                card.name.to_owned(),
                task.to_owned(),
                card.parameters.to_string(),
                card.input.to_string(),
                card.description.to_owned(),
            ]
        }));
    }
    output::line(output::table(&rows));
}

/// What is about to happen, in a few lines.
fn describe(start: &Start, quiet: bool) {
    if quiet {
        return;
    }
    let counts: Vec<String> = start.samples.iter().map(|(split, samples)| format!("{samples} {split}")).collect();
    let heading = |text| styled(text, Style::Heading);
    output::note(format!(
        "{} {}: {} images, {} classes",
        heading("data "),
        start.data,
        counts.join(" + "),
        start.classes
    ));
    output::note(format!(
        "{} {}: {} parameters, {:.1} MFLOPs an image of {}",
        heading("model"),
        start.model_name,
        start.model.parameters,
        start.model.flops as f64 / 1e6,
        start.model.input,
    ));
    output::note(format!(
        "{} {}: backend {}, {} loader threads, seed {}",
        heading("run  "),
        start.directory.display(),
        tensor_backend::BACKEND_NAME,
        start.workers,
        start.seed,
    ));
    if start.done != (0, 0) {
        output::note(format!("resuming after epoch {} and {} batches", start.done.0, start.done.1));
    }
}

fn finish(outcome: &Outcome, json: bool) -> anyhow::Result<ExitCode> {
    let directory = outcome.directory.display();
    let Some(summary) = &outcome.summary else {
        output::note(format!("stopped; go on with: cargo xtask train --resume {directory}"));
        return Ok(ExitCode::from(INTERRUPTED));
    };
    if outcome.ending == Ending::EarlyStopped {
        output::note("stopped early: the monitored figure no longer improves");
    }
    if json {
        output::json(summary)?;
    } else {
        output::line(figures(summary));
        output::note(format!("report: {directory}/report.html"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The final figures, a line a split.
fn figures(summary: &Summary) -> String {
    let mut lines = Vec::new();
    for (split, label) in [("val", "validation"), ("test", "test")] {
        let names: Vec<&str> = summary.split_figures(split).collect();
        let figures: Vec<String> = metrics::shown(&names, Shown::Final)
            .into_iter()
            .filter_map(|name| Some(format!("{name} {:.4}", summary.figure(split, name)?)))
            .collect();
        if !figures.is_empty() {
            lines.push(format!("{label:<10}  {}", figures.join("  ")));
        }
    }
    let best = summary.best_epoch.map(|epoch| format!("best epoch {epoch} of {}", summary.epochs_run));
    let best = best.unwrap_or_else(|| format!("{} epochs", summary.epochs_run));
    lines.push(format!("{best}, {:.1} s of training", summary.train_seconds));
    lines.join("\n")
}
