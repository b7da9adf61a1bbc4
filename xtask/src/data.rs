//! `cargo xtask data`.

mod annotated;
mod masks;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use datasets::convert::{ConversionReport, DetectionFormat, ImageTransfer, convert_classification, convert_detection};
use datasets::detection_doctor::detection_doctor;
use datasets::detection_stats::detection_stats;
use datasets::doctor::{DoctorReport, doctor};
use datasets::fetch::{FetchPhase, FetchProgress, fetch};
use datasets::segmentation_doctor::segmentation_doctor;
use datasets::segmentation_stats::segmentation_stats;
use datasets::stats::{DatasetStats, ImageStats, stats};
use datasets::{AnnotatedFolderSpec, DatasetError, DatasetSpec, DetectionData, DetectionSpec};
use datasets::{FolderSpec, Manifest, Samples, SplitName, Splits};
use datasets::{SegmentationData, SegmentationFolderSpec, SegmentationSpec};
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use trainer::config::AnyRunConfig;
use vision_types::Sample;

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
    /// Count images, classes, objects or pixels, and measure sizes, means and deviations.
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
    /// Read every image and report damaged, misnamed, tiny and duplicate files, and annotations that do not fit.
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
    /// Write data in another layout: boxes as COCO, Pascal VOC or YOLO files, masks of objects as COCO files, classes as one
    /// folder each.
    Convert {
        #[command(flatten)]
        source: Source,
        /// The layout: coco, voc or yolo for data with boxes, folders for data with one class an image.
        #[arg(long, value_name = "LAYOUT")]
        to: String,
        /// The folder to write, which must be empty or not exist.
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// What becomes of the image files: copy, link or leave.
        #[arg(long, default_value = "copy", value_parser = |name: &str| name.parse::<ImageTransfer>())]
        images: ImageTransfer,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
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
    /// Take the data as masks for segmentation, also where files with boxes lie in the folder.
    #[arg(long)]
    masks: bool,
}

/// Data of any kind.
enum Opened {
    /// One class an image.
    Labelled(Splits),
    /// Boxes in images.
    Annotated(DetectionData),
    /// A class for every pixel; with the settings by which they were read.
    Masks(SegmentationData, SegmentationSpec),
}

impl Source {
    fn open(&self) -> anyhow::Result<Opened> {
        if self.source.is_dir() {
            return if self.masks { open_masks(&self.source) } else { open_folder(&self.source) };
        }
        if self.masks {
            bail!("--masks is for a folder; a configuration says itself what its data are");
        }
        Ok(match recipes::read(&self.source, &[])?.config {
            AnyRunConfig::Classification(config) => Opened::Labelled(config.data.open(self.data.as_deref())?),
            AnyRunConfig::Detection(config) => Opened::Annotated(config.data.read(self.data.as_deref())?),
            AnyRunConfig::Segmentation(config) => Opened::Masks(config.data.read(self.data.as_deref())?, config.data),
        })
    }
}

fn open_masks(folder: &Path) -> anyhow::Result<Opened> {
    let spec = SegmentationSpec::detect(folder, &SegmentationFolderSpec::default())?;
    Ok(Opened::Masks(spec.read(None)?, spec))
}

/// Annotation files say for certain what a folder is, and masks beside images nearly so; folders of images may mean
/// anything.
fn open_folder(folder: &Path) -> anyhow::Result<Opened> {
    match DetectionSpec::Auto(AnnotatedFolderSpec::default()).read(Some(folder)) {
        Ok(data) => return Ok(Opened::Annotated(data)),
        Err(DatasetError::NotRecognised { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    match SegmentationSpec::detect(folder, &SegmentationFolderSpec::default()) {
        Ok(spec) => Ok(Opened::Masks(spec.read(None)?, spec)),
        Err(DatasetError::NotRecognised { .. }) => {
            Ok(Opened::Labelled(DatasetSpec::Auto(FolderSpec::default()).open(Some(folder))?))
        }
        Err(error) => Err(error.into()),
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
            match source.open()? {
                Opened::Labelled(splits) => tell(&stats(&splits, images)?, json, print_stats)?,
                Opened::Annotated(data) => tell(&detection_stats(&data, images)?, json, annotated::print_stats)?,
                Opened::Masks(data, _) => tell(&segmentation_stats(&data, images)?, json, masks::print_stats)?,
            }
            Ok(ExitCode::SUCCESS)
        }
        DataCommand::Doctor { source, json } => {
            let opened = source.open()?;
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let progress = |done: usize, total: usize| {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            };
            let healthy = match &opened {
                Opened::Labelled(splits) => {
                    let report = doctor(splits, &progress)?;
                    bar.finish_and_clear();
                    tell(&report, json, print_doctor)?;
                    report.is_healthy()
                }
                Opened::Annotated(data) => {
                    let report = detection_doctor(data, &progress)?;
                    bar.finish_and_clear();
                    tell(&report, json, annotated::print_doctor)?;
                    report.is_healthy()
                }
                Opened::Masks(data, _) => {
                    let report = segmentation_doctor(data, &progress)?;
                    bar.finish_and_clear();
                    tell(&report, json, masks::print_doctor)?;
                    report.is_healthy()
                }
            };
            Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        DataCommand::Show { source, split, out, count, columns } => {
            let columns = columns as usize;
            let (sheet, shown, total) = match source.open()? {
                Opened::Labelled(splits) => {
                    let samples = splits.get(split)?;
                    let picked = picked(samples, count)?;
                    let sheet = pictures::contact_sheet(&picked, &splits.classes, columns, SHEET_CELL);
                    (sheet, picked.len(), samples.len())
                }
                Opened::Annotated(DetectionData { splits, .. }) => {
                    let samples = splits.get(split)?;
                    let picked = picked(samples, count)?;
                    // Boxes and labels need room.
                    let columns = columns.div_ceil(2);
                    let sheet = pictures::annotated_sheet(&picked, &splits.classes, columns, ANNOTATED_CELL);
                    (sheet, picked.len(), samples.len())
                }
                Opened::Masks(SegmentationData { splits, .. }, _) => {
                    let samples = splits.get(split)?;
                    let picked = picked(samples, count)?;
                    let columns = columns.div_ceil(2);
                    let sheet = pictures::mask_sheet(&picked, &splits.classes, columns, MASK_CELL);
                    (sheet, picked.len(), samples.len())
                }
            };
            sheet.save(&out).with_context(|| format!("{} cannot be written", out.display()))?;
            output::line(format!("{shown} of {total} {split} samples: {}", out.display()));
            Ok(ExitCode::SUCCESS)
        }
        DataCommand::Convert { source, to, out, images, json } => {
            let report = match (source.open()?, to.as_str()) {
                (Opened::Labelled(splits), "folders") => convert_classification(&splits, &out, images)?,
                (Opened::Labelled(_), _) => {
                    bail!("the data have one class an image, expected --to folders, found {to}")
                }
                (Opened::Masks(_, SegmentationSpec::Instances(spec)), "coco") => {
                    let data = spec.read_objects(source.data.as_deref())?;
                    convert_detection(&data, DetectionFormat::Coco, &out, images)?
                }
                (Opened::Masks(..), _) => {
                    bail!("of masks, only those with one file for each object become COCO files (--to coco)")
                }
                (Opened::Annotated(data), _) => {
                    let format: DetectionFormat = to.parse().map_err(anyhow::Error::msg)?;
                    convert_detection(&data, format, &out, images)?
                }
            };
            tell(&report, json, print_conversion)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints a report as JSON or for people.
fn tell<R: Serialize>(report: &R, json: bool, print: impl Fn(&R)) -> anyhow::Result<()> {
    if json {
        return output::json(report);
    }
    print(report);
    Ok(())
}

/// `count` samples, evenly spaced, so that data sorted by class shows every class; one that cannot be read is named and left
/// out.
fn picked<A: Clone + Send + Sync + 'static>(
    samples: &Samples<A>,
    count: usize,
) -> Result<Vec<Sample<A>>, DatasetError> {
    let shown = count.min(samples.len());
    let mut picked = Vec::with_capacity(shown);
    let mut unreadable = Vec::new();
    for number in 0..shown {
        match samples.get(number * samples.len() / shown) {
            Ok(sample) => picked.push(sample),
            Err(error) if error.is_bad_sample() => unreadable.push(error),
            Err(error) => return Err(error),
        }
    }
    match unreadable.pop() {
        Some(error) if picked.is_empty() => Err(error),
        last => {
            unreadable.iter().chain(&last).for_each(|error| output::note(format!("left out: {error}")));
            Ok(picked)
        }
    }
}

fn print_conversion(report: &ConversionReport) {
    output::line(format!("{} images and {} objects: {}", report.images, report.objects, report.folder.display()));
    for (list, fate) in [(&report.left_out, "left out"), (&report.lost, "lost")] {
        for loss in list {
            output::line(format!("{fate}: {} {}", loss.count, loss.what));
        }
    }
}

/// Pixels of the cell of a sheet with boxes.
const ANNOTATED_CELL: u32 = 320;
/// Pixels of the cell of a sheet with masks.
const MASK_CELL: u32 = 256;
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
    let bar = download_bar();
    let folder = fetch(&manifest, &target, &mut |progress| show_download(&bar, progress))?;
    bar.finish_and_clear();
    output::line(format!("{}", folder.display()));
    Ok(ExitCode::SUCCESS)
}

/// A bar for [`show_download`].
pub(crate) fn download_bar() -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
}

/// Shows how far a download is.
pub(crate) fn show_download(bar: &ProgressBar, progress: FetchProgress<'_>) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    let phase = match progress.phase {
        FetchPhase::Download => "downloading",
        FetchPhase::Verify => "checking",
        FetchPhase::Unpack => "unpacking",
    };
    bar.set_message(format!("{phase} {}", progress.name));
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
    print_image_stats(&stats.images, stats.ignored_files);
}

fn print_image_stats(images: &ImageStats, ignored_files: usize) {
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
    if images.unreadable > 0 {
        output::line(format!("{} images cannot be read; `data doctor` names them", images.unreadable));
    }
    let numbers = |values: [f64; 3]| values.map(|value| format!("{value:.4}")).join(", ");
    output::line(format!("normalize = {{ mean = [{}], std = [{}] }}", numbers(images.mean), numbers(images.std)));
    if ignored_files > 0 {
        output::line(format!("{ignored_files} files that are no images were ignored"));
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
