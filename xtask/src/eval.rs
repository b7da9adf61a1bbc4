//! `cargo xtask eval`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use datasets::SplitName;
use tensor_backend::{SelectedBackend, SelectedDevice, TrainingBackend, open_device};
use trainer::config::{AnyRunConfig, ConfigVisitor, RunConfig, data_path_setting, text_setting, texts_setting};
use trainer::report::figure_text;
use trainer::run::{EvaluationRequest, RunDirectory, RunEvaluation, evaluate_run, evaluate_weights};
use trainer::tasks::classification::Views;
use trainer::tasks::{InferenceOn, TaskDefinition, TrainingOn};
use trainer::training::Session;

use crate::interrupt::{INTERRUPTED, stop_flag};
use crate::judge_files::FileArguments;
use crate::output;
use crate::progress::Progress;

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// Run directory.
    #[arg(required_unless_present_any = ["init_from", "predictions"])]
    run: Option<PathBuf>,
    /// Judge weights that belong to no run, in the network of this name, with the input that it is published for (or that
    /// the file states) where `--set` says nothing else.
    #[arg(long, value_name = "NAME", conflicts_with = "run", requires = "init_from")]
    model: Option<String>,
    /// The PyTorch or safetensors file with those weights.
    #[arg(long, value_name = "FILE", requires = "model")]
    init_from: Option<PathBuf>,
    /// Which set of tensors of a PyTorch file that has several, such as `ema`; short for `--set init.key=KEY`.
    #[arg(long, value_name = "KEY", requires = "init_from")]
    init_key: Option<String>,
    /// Tensors of the file that are left out, such as `AuxLogits.*`; may be repeated; short for `--set init.ignore=[…]`.
    #[arg(long, value_name = "PATTERN", requires = "init_from")]
    ignore: Vec<String>,
    /// The split to judge: train, val or test.
    #[arg(long, default_value = "test", value_parser = parse_split)]
    split: SplitName,
    /// Folder of the data, where it is not the one that the run was trained on.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Override a key of the run's configuration; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Classification: average the answers about several views of each image: `flip` (the default), `crops` or
    /// `flipped-crops`.
    #[arg(long, value_name = "VIEWS", num_args = 0..=1, require_equals = true, default_missing_value = "flip",
        value_parser = parse_views)]
    tta: Option<Views>,
    #[command(flatten)]
    files: FileArguments,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

/// The views of test-time augmentation by their name.
pub(crate) fn parse_views(name: &str) -> Result<Views, String> {
    let names = Views::ALL.map(Views::as_str).join(", ");
    Views::ALL.into_iter().find(|views| views.as_str() == name).ok_or_else(|| format!("expected one of {names}"))
}

fn parse_split(name: &str) -> Result<SplitName, String> {
    name.parse()
}

/// Runs `eval`.
pub(crate) fn run(arguments: EvalArguments) -> anyhow::Result<ExitCode> {
    if arguments.files.judge(arguments.json)? {
        return Ok(ExitCode::SUCCESS);
    }
    let mut settings = Vec::new();
    if let Some(weights) = &arguments.init_from {
        settings.push(text_setting("init.from", &weights.to_string_lossy()));
    }
    settings.extend(arguments.init_key.as_ref().map(|key| text_setting("init.key", key)));
    if !arguments.ignore.is_empty() {
        settings.push(texts_setting("init.ignore", &arguments.ignore));
    }
    settings.extend(arguments.settings.iter().cloned());
    // After `data.kind`, which drops the options of another kind.
    if let Some(data) = &arguments.data {
        settings.push(data_path_setting(&std::path::absolute(data)?));
    }
    let device = open_device()?;
    let (run, config) = match (&arguments.run, &arguments.model) {
        (Some(path), _) => {
            let run = RunDirectory::open(path)?;
            let config = run.read_config(&settings)?;
            (Some(run), config)
        }
        (None, Some(model)) => (None, AnyRunConfig::of_weights(arguments.init_from.as_deref(), model, &settings)?),
        (None, None) => bail!("expected a run directory, or --model and --init-from"),
    };
    let stop = stop_flag()?;
    let mut progress = Progress::new(arguments.quiet);
    let mut session = Session { device: &device, observer: &mut progress, stop: &stop };
    let request = EvaluationRequest { split: arguments.split, views: arguments.tta };
    let judge = Judge { run: run.as_ref(), request, json: arguments.json, session: &mut session };
    let print = config.visit::<TrainingBackend, SelectedBackend, _>(judge)?;
    drop(progress);
    match print {
        Some(print) => print().map(|()| ExitCode::SUCCESS),
        None => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// Evaluates a run, or the weights that its configuration names.
struct Judge<'a, 'b> {
    run: Option<&'a RunDirectory>,
    request: EvaluationRequest,
    json: bool,
    session: &'a mut Session<'b, SelectedDevice>,
}

impl ConfigVisitor<TrainingBackend, SelectedBackend> for Judge<'_, '_> {
    /// Prints the figures, once the progress bar is gone; `None` when a stop was asked for.
    type Output = anyhow::Result<Option<Box<dyn FnOnce() -> anyhow::Result<()>>>>;

    fn visit<K: TrainingOn<TrainingBackend> + InferenceOn<SelectedBackend>>(
        self,
        config: RunConfig<K>,
    ) -> Self::Output {
        let Self { run, request, json, session } = self;
        let evaluation = match run {
            Some(run) => evaluate_run::<SelectedBackend, K>(run, &config, request, session)?,
            None => evaluate_weights::<SelectedBackend, K>(&config, request, session)?,
        };
        let Some(evaluation) = evaluation else { return Ok(None) };
        Ok(Some(Box::new(move || print::<K>(&evaluation, json))))
    }
}

fn print<K: TaskDefinition>(evaluation: &RunEvaluation<K::Details>, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(evaluation);
    }
    output::line(format!("{} samples of {}", evaluation.samples, evaluation.split));
    let mut rows = vec![vec!["metric".to_owned(), "value".to_owned()]];
    rows.extend(evaluation.metrics.iter().map(|(name, value)| vec![name.clone(), figure_text(value.as_f64())]));
    output::line(output::table(&rows));
    output::line("");
    let (heading, rows) = K::class_table(&evaluation.details);
    print_rows(heading, rows);
    Ok(())
}

/// Classes shown in the per-class table.
const MOST_ROWS: usize = 50;

/// Prints a heading and the first rows of a table.
fn print_rows(heading: &[&str], rows: Vec<Vec<String>>) {
    let more = rows.len().saturating_sub(MOST_ROWS);
    let mut table = vec![heading.iter().map(|&title| title.to_owned()).collect()];
    table.extend(rows.into_iter().take(MOST_ROWS));
    output::line(output::table(&table));
    if more > 0 {
        output::line(format!("… and {more} more classes; --json has all"));
    }
}
