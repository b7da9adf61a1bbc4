//! `cargo xtask eval`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use datasets::SplitName;
use tensor_backend::{SelectedBackend, open_device};
use trainer::config::data_path_setting;
use trainer::tasks::classification::{RunEvaluation, evaluate_run};

use crate::interrupt::{INTERRUPTED, stop_flag};
use crate::output;
use crate::progress::Progress;

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// Run directory.
    run: PathBuf,
    /// The split to judge: train, val or test.
    #[arg(long, default_value = "test", value_parser = parse_split)]
    split: SplitName,
    /// Folder of the data, where it is not the one that the run was trained on.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Override a key of the run's configuration; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

fn parse_split(name: &str) -> Result<SplitName, String> {
    name.parse()
}

/// Runs `eval`.
pub(crate) fn run(arguments: EvalArguments) -> anyhow::Result<ExitCode> {
    let mut settings = Vec::new();
    if let Some(data) = &arguments.data {
        settings.push(data_path_setting(&std::path::absolute(data)?));
    }
    settings.extend(arguments.settings);
    let device = open_device()?;
    let stop = stop_flag()?;
    let mut progress = Progress::new(arguments.quiet);
    let evaluation =
        evaluate_run::<SelectedBackend>(&arguments.run, arguments.split, &settings, &device, &mut progress, &stop)?;
    drop(progress);
    let Some(evaluation) = evaluation else { return Ok(ExitCode::from(INTERRUPTED)) };
    if arguments.json {
        output::json(&evaluation)?;
    } else {
        print(&evaluation);
    }
    Ok(ExitCode::SUCCESS)
}

/// Classes shown in the per-class table.
const MOST_ROWS: usize = 50;

fn print(evaluation: &RunEvaluation) {
    output::line(format!("{} samples of {}", evaluation.samples, evaluation.split));
    let figure =
        |value: &serde_json::Value| value.as_f64().map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let mut rows = vec![vec!["metric".to_owned(), "value".to_owned()]];
    rows.extend(evaluation.metrics.iter().map(|(name, value)| vec![name.clone(), figure(value)]));
    output::line(output::table(&rows));
    output::line("");
    let mut rows = vec![["class", "samples", "precision", "recall", "f1"].map(str::to_owned).to_vec()];
    rows.extend(evaluation.per_class.iter().take(MOST_ROWS).map(|row| {
        vec![
            row.class.clone(),
            row.support.to_string(),
            format!("{:.4}", row.precision),
            format!("{:.4}", row.recall),
            format!("{:.4}", row.f1),
        ]
    }));
    output::line(output::table(&rows));
    if evaluation.per_class.len() > MOST_ROWS {
        output::line(format!("… and {} more classes; --json has all", evaluation.per_class.len() - MOST_ROWS));
    }
}
