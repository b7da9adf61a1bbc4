//! `cargo xtask predict`.

mod classification;
mod detection;
mod files;
mod segmentation;
mod shape;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use image::RgbImage;
use pictures::image_file;
use serde::Serialize;
use tensor_backend::{SelectedBackend, open_device};
use trainer::config::TaskKind;
use trainer::run::RunDirectory;
use trainer::tasks::classification::{ClassificationPredictor, Views};
use trainer::tasks::detection::DetectionPredictor;
use trainer::tasks::segmentation::SegmentationPredictor;
use trainer::weights::file;

use crate::eval::parse_views;
use crate::interrupt::{INTERRUPTED, stop_flag};
use crate::output::{self, Style, styled};

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    /// Run directory, or a model.safetensors of one.
    run: PathBuf,
    /// Images, and folders that are searched for images.
    #[arg(required = true, value_name = "IMAGE|FOLDER")]
    inputs: Vec<PathBuf>,
    /// Write tables and pictures of the answers into this folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
    /// Classification: classes listed for each image, the most probable first.
    #[arg(long, value_name = "K", default_value_t = 5)]
    top: usize,
    /// Detection: the least confidence of what is shown; classes may have their own, see decode.class_thresholds.
    #[arg(long, value_name = "CONFIDENCE", default_value_t = 0.3)]
    score: f32,
    /// Detection: the least confidence of a class, such as `--class-score RBC=0.5`; may be repeated.
    #[arg(long = "class-score", value_name = "CLASS=CONFIDENCE")]
    class_scores: Vec<String>,
    /// Segmentation: pixels that a connected region must have to be an object; unset: decode.min_area of the run.
    #[arg(long, value_name = "PIXELS")]
    min_area: Option<u64>,
    /// Segmentation, and masks of detected objects: write objects as outlines (polygons, holes are lost) instead of runs of pixels.
    #[arg(long)]
    polygons: bool,
    /// Classification: average the answers about several views of each image: `flip` (the default), `crops` or
    /// `flipped-crops`.
    #[arg(long, value_name = "VIEWS", num_args = 0..=1, require_equals = true, default_missing_value = "flip",
        value_parser = parse_views)]
    tta: Option<Views>,
    /// Images a forward pass.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: u32,
}

/// A trained model that answers about images.
trait Answers {
    /// What it says about an image.
    type Prediction;
    /// The same, as it is printed in JSON.
    type Answer: Serialize;

    /// Predictions for `images`, in order.
    fn predict(&self, images: &[RgbImage]) -> Vec<Self::Prediction>;

    /// The answer about the image in `file`.
    fn answer(&self, file: &Path, prediction: Self::Prediction) -> Self::Answer;

    /// One line about it.
    fn line(&self, answer: &Self::Answer) -> String;

    /// A picture of it.
    fn picture(&self, image: &RgbImage, answer: &Self::Answer) -> RgbImage;

    /// Writes what there is about one image besides its picture into `folder`, in files called `name`.
    fn write_files(&self, _folder: &Path, _name: &str, _answer: &mut Self::Answer) -> anyhow::Result<()> {
        Ok(())
    }

    /// Writes tables of all answers into `folder`.
    fn write_tables(&self, folder: &Path, answers: &[Self::Answer]) -> anyhow::Result<()>;
}

/// Runs `predict`.
pub(crate) fn run(arguments: PredictArguments) -> anyhow::Result<ExitCode> {
    #[derive(serde::Deserialize)]
    struct TaskOnly {
        task: TaskKind,
    }
    let weights = match arguments.run.is_file() {
        true => arguments.run.clone(),
        false => RunDirectory::open(&arguments.run)?.weights_file()?,
    };
    let device = open_device()?;
    match file::read_description::<TaskOnly>(&weights)?.task {
        TaskKind::Classification => {
            let predictor = ClassificationPredictor::<SelectedBackend>::from_weights(&weights, &device)?;
            let classifies = classification::Classifies { predictor, views: arguments.tta, top: arguments.top };
            answer_all(&classifies, &arguments)
        }
        task if arguments.tta.is_some() => bail!("--tta is for classification, found {}", task.as_str()),
        TaskKind::Detection => {
            let detector = DetectionPredictor::<SelectedBackend>::from_weights(&weights, &device)?;
            let detects =
                detection::Detects::new(detector, arguments.score, &arguments.class_scores, arguments.polygons)?;
            answer_all(&detects, &arguments)
        }
        TaskKind::Segmentation => {
            let segmenter = SegmentationPredictor::<SelectedBackend>::from_weights(&weights, &device)?;
            answer_all(&segmentation::Segments::new(segmenter, arguments.min_area, arguments.polygons), &arguments)
        }
    }
}

fn answer_all<A: Answers>(model: &A, arguments: &PredictArguments) -> anyhow::Result<ExitCode> {
    let files = files::image_files(&arguments.inputs)?;
    let stop = stop_flag()?;
    let mut answers = Vec::new();
    let mut unreadable = 0;
    if let Some(out) = &arguments.out {
        fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    }
    for chunk in files.chunks(arguments.batch_size as usize) {
        if stop.is_stopping() {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        let mut images = Vec::new();
        let mut readable = Vec::new();
        for file in chunk {
            match image_file::read(file) {
                Ok(image) => {
                    images.push(image);
                    readable.push(file);
                }
                Err(error) => {
                    unreadable += 1;
                    output::note(format!("{} {error}", styled("warning:", Style::Warning)));
                }
            }
        }
        let predictions = model.predict(&images);
        for ((file, image), prediction) in readable.into_iter().zip(&images).zip(predictions) {
            let mut answer = model.answer(file, prediction);
            if let Some(out) = &arguments.out {
                // The number keeps files of the same name in different folders apart.
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                let name = format!("{:05}_{stem}", answers.len());
                let path = out.join(format!("{name}.png"));
                model.picture(image, &answer).save(&path).with_context(|| path.display().to_string())?;
                model.write_files(out, &name, &mut answer)?;
            }
            if !arguments.json {
                output::line(model.line(&answer));
            }
            answers.push(answer);
        }
    }
    if let Some(out) = &arguments.out {
        model.write_tables(out, &answers)?;
    }
    if arguments.json {
        output::json(&answers)?;
    }
    if unreadable > 0 {
        bail!("{unreadable} of {} images could not be read", files.len());
    }
    Ok(ExitCode::SUCCESS)
}

/// The number that a file's name is, as in COCO.
fn image_id(file: &str) -> Option<u64> {
    Path::new(file).file_stem()?.to_str()?.parse().ok()
}

/// `text` as a cell of a CSV file.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
