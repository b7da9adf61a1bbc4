//! `cargo xtask data`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use datasets::doctor::{DoctorReport, doctor};
use datasets::fetch::{FetchPhase, FetchProgress, fetch};
use datasets::stats::{DatasetStats, stats};
use datasets::{DatasetSpec, Manifest, SplitName, Splits};
use indicatif::{ProgressBar, ProgressDrawTarget};
use trainer::config::AnyRunConfig;

use crate::{output, recipes};

/// Arguments of `data`.
#[derive(Debug, Args)]
pub(crate) struct DataArguments {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Download a known public data set, checked against its SHA-256; without a name: list them.
    Fetch {
        /// Name of the data set, or a manifest file.
        name: Option<String>,
        /// Folder to put it in; default: datasets/NAME.
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
    /// Count images and classes, and measure sizes, means and deviations.
    Stats {
        #[command(flatten)]
        source: Source,
        /// Images that are read for sizes, means and deviations.
        #[arg(long, value_name = "N", default_value_t = 2000)]
        images: usize,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Read every image and report damaged, misnamed, tiny and duplicate files.
    Doctor {
        #[command(flatten)]
        source: Source,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Write a contact sheet of samples.
    Show {
        #[command(flatten)]
        source: Source,
        /// The split to show: train, val or test.
        #[arg(long, default_value = "train", value_parser = |name: &str| name.parse::<SplitName>())]
        split: SplitName,
        /// The picture to write.
        #[arg(long, value_name = "FILE", default_value = "contact_sheet.png")]
        out: PathBuf,
        /// Number of samples.
        #[arg(long, value_name = "N", default_value_t = 48)]
        count: usize,
        /// Columns of the sheet.
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
        columns: u32,
    },
}

/// Which data.
#[derive(Debug, Args)]
struct Source {
    /// Folder of the data, or a configuration (.toml), or the name of a recipe.
    source: PathBuf,
    /// Folder of the data, where SOURCE is a configuration that names none.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
}

impl Source {
    fn open(&self) -> anyhow::Result<Splits> {
        if self.source.is_dir() {
            return Ok(DatasetSpec::Auto(datasets::FolderSpec::default()).open(Some(&self.source))?);
        }
        match recipes::read(&self.source, &[])?.config {
            AnyRunConfig::Classification(config) => Ok(config.data.open(self.data.as_deref())?),
            AnyRunConfig::Detection(_) => anyhow::bail!("INTERIM"),
        }
    }
}

/// Runs `data`.
pub(crate) fn run(arguments: DataArguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        DataCommand::Fetch { name: None, .. } => {
            list_manifests();
            Ok(ExitCode::SUCCESS)
        }
        DataCommand::Fetch { name: Some(name), to } => fetch_named(&name, to),
        DataCommand::Stats { source, images, json } => {
            let stats = stats(&source.open()?, images)?;
            if json {
                output::json(&stats)?
            } else {
                print_stats(&stats)
            }
            Ok(ExitCode::SUCCESS)
        }
        DataCommand::Doctor { source, json } => {
            let splits = source.open()?;
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let report = doctor(&splits, &|done, total| {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            })?;
            bar.finish_and_clear();
            if json {
                output::json(&report)?
            } else {
                print_doctor(&report)
            }
            Ok(if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        DataCommand::Show { source, split, out, count, columns } => {
            let splits = source.open()?;
            let samples = splits.get(split)?;
            // Evenly spaced, so that data sorted by class shows every class.
            let shown = count.min(samples.len());
            let picked = (0..shown).map(|number| samples.get(number * samples.len() / shown));
            let picked = picked.collect::<Result<Vec<_>, _>>()?;
            let sheet = datasets::contact_sheet(&picked, &splits.classes, columns as usize, SHEET_CELL);
            sheet.save(&out).with_context(|| format!("{} cannot be written", out.display()))?;
            output::line(format!("{shown} of {} {split} samples: {}", samples.len(), out.display()));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Pixels of a contact sheet's cell.
const SHEET_CELL: u32 = 112;

fn list_manifests() {
    let mut rows = vec![["name", "MB", "licence", "description"].map(str::to_owned).to_vec()];
    for manifest in Manifest::built_in() {
        let megabytes = format!("{:.1}", manifest.total_size() as f64 / 1e6);
        rows.push(vec![manifest.name.clone(), megabytes, manifest.licence.clone(), manifest.description.clone()]);
    }
    output::line(output::table(&rows));
}

fn fetch_named(name: &str, to: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::find(name)?;
    let target = to.unwrap_or_else(|| PathBuf::from("datasets").join(&manifest.name));
    output::note(format!("{}: {} (licence: {})", manifest.name, manifest.description, manifest.licence));
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let mut progress = |progress: FetchProgress<'_>| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        let phase = match progress.phase {
            FetchPhase::Download => "downloading",
            FetchPhase::Verify => "checking",
            FetchPhase::Unpack => "unpacking",
        };
        bar.set_message(format!("{phase} {}", progress.name));
    };
    let folder = fetch(&manifest, &target, &mut progress)?;
    bar.finish_and_clear();
    output::line(format!("{}", folder.display()));
    Ok(ExitCode::SUCCESS)
}

fn print_stats(stats: &DatasetStats) {
    let mut head = vec!["class".to_owned()];
    head.extend(stats.splits.iter().map(|split| split.split.to_string()));
    let mut rows = vec![head];
    for (class, name) in stats.classes.iter().enumerate() {
        let mut row = vec![name.clone()];
        row.extend(stats.splits.iter().map(|split| split.per_class[class].to_string()));
        rows.push(row);
    }
    let mut total = vec!["total".to_owned()];
    total.extend(stats.splits.iter().map(|split| split.samples.to_string()));
    rows.push(total);
    output::line(output::table(&rows));
    let images = &stats.images;
    output::line(format!(
        "\nof {} training images: width {} to {} (median {}), height {} to {} (median {})",
        images.read,
        images.width.min,
        images.width.max,
        images.width.median,
        images.height.min,
        images.height.max,
        images.height.median
    ));
    let numbers = |values: [f64; 3]| values.map(|value| format!("{value:.4}")).join(", ");
    output::line(format!("normalize = {{ mean = [{}], std = [{}] }}", numbers(images.mean), numbers(images.std)));
    if stats.ignored_files > 0 {
        output::line(format!("{} files that are no images were ignored", stats.ignored_files));
    }
}

fn print_doctor(report: &DoctorReport) {
    for bad in &report.unreadable {
        output::line(format!("unreadable  {} ({}): {}", bad.source, bad.split, bad.problem));
    }
    for copies in &report.duplicates {
        let where_to: Vec<String> =
            copies.samples.iter().map(|copy| format!("{} ({}, {})", copy.source, copy.split, copy.class)).collect();
        let kind = match (copies.across_classes, copies.across_splits) {
            (true, _) => "same image, different classes",
            (false, true) => "same image in several splits",
            (false, false) => "same image",
        };
        output::line(format!("{kind}  {}", where_to.join(" = ")));
    }
    for file in &report.wrong_extensions {
        output::line(format!("misnamed  {}: {} named as {}", file.source, file.content, file.extension));
    }
    for image in &report.tiny {
        output::line(format!("tiny  {}: {}×{}", image.source, image.width, image.height));
    }
    if report.is_imbalanced() {
        output::line(format!(
            "imbalanced  the largest class has {:.1} times the samples of the smallest; see train.sampling = \
             \"class-balanced\"",
            report.imbalance
        ));
    }
    let verdict = if report.is_healthy() { "nothing wrong" } else { "see above" };
    output::line(format!("{} samples checked: {verdict}", report.checked));
}
