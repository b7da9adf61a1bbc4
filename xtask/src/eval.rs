//! `cargo xtask eval`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use datasets::SplitName;
use tensor_backend::{SelectedBackend, SelectedDevice, open_device};
use trainer::TrainError;
use trainer::config::{AnyRunConfig, RunConfig, data_path_setting, text_setting, texts_setting};
use trainer::observer::StopFlag;
use trainer::recognition::RecognitionOn;
use trainer::run::{RunEvaluation, evaluate_run, evaluate_weights};
use trainer::run_directory::RunDirectory;
use trainer::tasks::classification::ClassificationDetails;
use trainer::tasks::detection::DetectionDetails;
use trainer::tasks::segmentation::SegmentationDetails;
use trainer::test_time::Views;

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
    match config {
        AnyRunConfig::Classification(config) => judge(run.as_ref(), &config, &arguments, &device, print_classes),
        AnyRunConfig::Detection(config) => judge(run.as_ref(), &config, &arguments, &device, print_detected_classes),
        AnyRunConfig::Segmentation(config) => judge(run.as_ref(), &config, &arguments, &device, print_mask_classes),
    }
}

fn judge<K: RecognitionOn<SelectedBackend>>(
    run: Option<&RunDirectory>,
    config: &RunConfig<K>,
    arguments: &EvalArguments,
    device: &SelectedDevice,
    print_details: impl Fn(&K::Details),
) -> anyhow::Result<ExitCode> {
    let stop: StopFlag = stop_flag()?;
    let mut progress = Progress::new(arguments.quiet);
    let split = arguments.split;
    let evaluation: Result<Option<RunEvaluation<K::Details>>, TrainError> = match run {
        Some(run) => {
            evaluate_run::<SelectedBackend, K>(run, config, split, arguments.tta, device, &mut progress, &stop)
        }
        None => evaluate_weights::<SelectedBackend, K>(config, split, arguments.tta, device, &mut progress, &stop),
    };
    drop(progress);
    let Some(evaluation) = evaluation? else { return Ok(ExitCode::from(INTERRUPTED)) };
    if arguments.json {
        output::json(&evaluation)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format!("{} samples of {}", evaluation.samples, evaluation.split));
    let mut rows = vec![vec!["metric".to_owned(), "value".to_owned()]];
    rows.extend(evaluation.metrics.iter().map(|(name, value)| vec![name.clone(), figure(value.as_f64())]));
    output::line(output::table(&rows));
    output::line("");
    print_details(&evaluation.details);
    Ok(ExitCode::SUCCESS)
}

/// Classes shown in the per-class table.
const MOST_ROWS: usize = 50;

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

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

fn print_classes(details: &ClassificationDetails) {
    let rows = details.per_class.iter().map(|row| {
        let figures = [row.precision, row.recall, row.f1].map(|value| figure(Some(value)));
        [vec![row.class.clone(), row.support.to_string()], figures.to_vec()].concat()
    });
    print_rows(&["class", "samples", "precision", "recall", "f1"], rows.collect());
}

fn print_detected_classes(details: &DetectionDetails) {
    let rows = details.per_class.iter().map(|row| {
        let figures = [row.ap, row.ap50, row.ap75, row.ar100, row.best_f1, row.best_threshold].map(figure);
        [vec![row.class.clone(), row.objects.to_string()], figures.to_vec()].concat()
    });
    print_rows(&["class", "objects", "AP", "AP50", "AP75", "AR100", "best F1", "at confidence"], rows.collect());
}

fn print_mask_classes(details: &SegmentationDetails) {
    let rows = details.per_class.iter().map(|row| {
        let figures = [row.iou, row.dice, row.precision, row.recall, row.boundary_f1, row.hd95].map(figure);
        [vec![row.class.clone(), row.pixels.to_string()], figures.to_vec()].concat()
    });
    print_rows(&["class", "pixels", "IoU", "Dice", "precision", "recall", "boundary F1", "HD95"], rows.collect());
}
