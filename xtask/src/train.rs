//! `cargo xtask train`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use datasets::DatasetSpec;
use models::ClassifierConfig;
use tensor_backend::{TrainingBackend, open_device};
use trainer::config::{RunConfig, data_path_setting, key_reference_markdown};
use trainer::fit::Ending;
use trainer::tasks::classification::{NewRun, Outcome, Start, Summary, resume_run, start_run};

use crate::interrupt::{INTERRUPTED, stop_flag};
use crate::output::{self, Style, styled};
use crate::progress::Progress;
use crate::recipes::{self, Recipe};

/// Arguments of `train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    /// Configuration file, or the name of a recipe in configs/ such as `mnist-cnn`.
    config: Option<PathBuf>,
    /// Folder of the data.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Folder of the run; default: runs/ and the configuration's name, numbered if that exists.
    #[arg(long, value_name = "FOLDER", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Override a key, such as `--set optim.lr=0.05`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Go on with a run where its last checkpoint ends.
    #[arg(long, value_name = "RUN", conflicts_with = "config")]
    resume: Option<PathBuf>,
    /// Replace a run that is in the folder already.
    #[arg(long)]
    overwrite: bool,
    /// Passes over the training data; short for `--set train.epochs=N`.
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Loader threads; short for `--set train.workers=N`.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Seed of the run; short for `--set seed=N`.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
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
    let settings = settings(&arguments)?;
    let device = open_device()?;
    let stop = stop_flag()?;
    let mut progress = Progress::new(arguments.quiet);
    let mut prepared = |start: &Start<'_>| {
        if !arguments.quiet {
            describe(start);
        }
    };
    let outcome = match &arguments.resume {
        Some(run) => resume_run::<TrainingBackend>(run, &settings, &device, &mut progress, &stop, &mut prepared)?,
        None => {
            let Recipe { name, config } = configuration(&arguments, &settings)?;
            if arguments.summary {
                return print_summary(&config);
            }
            let directory = arguments.out.clone().unwrap_or_else(|| free_run_directory(&name));
            let commit = option_env!("OKULO_COMMIT").map(str::to_owned);
            let new = NewRun { config, directory, overwrite: arguments.overwrite, commit };
            start_run::<TrainingBackend>(new, &device, &mut progress, &stop, &mut prepared)?
        }
    };
    drop(progress);
    finish(&outcome, arguments.json)
}

/// The overrides that the arguments stand for. `--data` becomes absolute, so that a run can be resumed from anywhere.
fn settings(arguments: &TrainArguments) -> anyhow::Result<Vec<String>> {
    let mut settings = Vec::new();
    if let Some(data) = &arguments.data {
        settings.push(data_path_setting(&std::path::absolute(data)?));
    }
    settings.extend(arguments.epochs.map(|epochs| format!("train.epochs={epochs}")));
    settings.extend(arguments.workers.map(|workers| format!("train.workers={workers}")));
    settings.extend(arguments.seed.map(|seed| format!("seed={seed}")));
    settings.extend(arguments.settings.iter().cloned());
    Ok(settings)
}

fn configuration(arguments: &TrainArguments, settings: &[String]) -> anyhow::Result<Recipe> {
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
    let mut rows = vec![["name", "parameters", "input", "description"].map(str::to_owned).to_vec()];
    for card in ClassifierConfig::names() {
        rows.push(vec![
            card.name.to_owned(),
            card.parameters.to_string(),
            card.input.to_string(),
            card.description.to_owned(),
        ]);
    }
    output::line(output::table(&rows));
}

fn print_summary(config: &RunConfig) -> anyhow::Result<ExitCode> {
    let splits = config.data.open(None)?;
    let device = open_device()?;
    let network =
        config.model.init::<tensor_backend::SelectedBackend>(splits.classes.len(), config.input.shape(), &device)?;
    output::line(models::summary(&network, config.input.shape()).to_string());
    Ok(ExitCode::SUCCESS)
}

/// What is about to happen, in a few lines.
fn describe(start: &Start<'_>) {
    let Start { config, directory, splits, model, done } = start;
    let counts: Vec<String> = splits.iter().map(|(split, samples)| format!("{} {split}", samples.len())).collect();
    let source = match &config.data {
        DatasetSpec::Shapes(_) => "generated shapes".to_owned(),
        data => data.path().map(|path| path.display().to_string()).unwrap_or_default(),
    };
    let heading = |text| styled(text, Style::Heading);
    output::note(format!(
        "{} {source}: {} images, {} classes",
        heading("data "),
        counts.join(" + "),
        splits.classes.len()
    ));
    output::note(format!(
        "{} {}: {} parameters, {:.1} MFLOPs an image of {}",
        heading("model"),
        config.model.name.as_str(),
        model.parameters,
        model.flops as f64 / 1e6,
        config.input.shape(),
    ));
    output::note(format!(
        "{} {}: backend {}, {} loader threads, seed {}",
        heading("run  "),
        directory.display(),
        tensor_backend::BACKEND_NAME,
        config.train.worker_count(),
        config.seed,
    ));
    if *done != (0, 0) {
        output::note(format!("resuming after epoch {} and {} batches", done.0, done.1));
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
        let (Some(loss), Some(accuracy)) = (summary.figure(split, "loss"), summary.figure(split, "accuracy")) else {
            continue;
        };
        lines.push(format!("{label:<10}  accuracy {accuracy:.4}  loss {loss:.4}"));
    }
    let best = summary.best_epoch.map(|epoch| format!("best epoch {epoch} of {}", summary.epochs_run));
    let best = best.unwrap_or_else(|| format!("{} epochs", summary.epochs_run));
    lines.push(format!("{best}, {:.1} s of training", summary.train_seconds));
    lines.join("\n")
}
