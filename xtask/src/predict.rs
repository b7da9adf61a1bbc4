//! `cargo xtask predict`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use datasets::image_file;
use image::RgbImage;
use serde::Serialize;
use tensor_backend::{SelectedBackend, open_device};
use trainer::tasks::classification::{Prediction, Predictor};
use vision_types::ClassNames;

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
    /// Write predictions.csv and captioned pictures into this folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
    /// Classes listed for each image, the most probable first.
    #[arg(long, value_name = "K", default_value_t = 5)]
    top: usize,
    /// Images a forward pass.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: u32,
}

/// One image's answer in JSON.
#[derive(Debug, Serialize)]
struct Answer {
    image: String,
    class: String,
    class_id: usize,
    score: f32,
    top: Vec<Ranked>,
}

#[derive(Debug, Serialize)]
struct Ranked {
    class: String,
    class_id: usize,
    score: f32,
}

/// Runs `predict`.
pub(crate) fn run(arguments: PredictArguments) -> anyhow::Result<ExitCode> {
    let device = open_device()?;
    let predictor = if arguments.run.is_file() {
        Predictor::<SelectedBackend>::from_weights(&arguments.run, &device)?
    } else {
        Predictor::<SelectedBackend>::open(&arguments.run, &device)?
    };
    let files = image_files(&arguments.inputs)?;
    let stop = stop_flag()?;
    let mut answers = Vec::new();
    let mut unreadable = 0;
    if let Some(out) = &arguments.out {
        fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    }
    let mut writer = arguments.out.as_deref().map(PictureWriter::new);
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
        let predictions = predictor.predict(&images);
        for ((file, image), prediction) in readable.into_iter().zip(&images).zip(&predictions) {
            let answer = answer(file, prediction, predictor.classes(), arguments.top);
            if let Some(writer) = &mut writer {
                writer.write(file, image, &answer)?;
            }
            if !arguments.json {
                let ranked: Vec<String> =
                    answer.top.iter().map(|ranked| format!("{} {:.4}", ranked.class, ranked.score)).collect();
                output::line(format!("{}: {}", answer.image, ranked.join(", ")));
            }
            answers.push(answer);
        }
    }
    if let Some(out) = &arguments.out {
        write_csv(&out.join("predictions.csv"), &answers)?;
    }
    if arguments.json {
        output::json(&answers)?;
    }
    if unreadable > 0 {
        bail!("{unreadable} of {} images could not be read", files.len());
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(file: &Path, prediction: &Prediction, classes: &ClassNames, top: usize) -> Answer {
    let name = |class: usize| classes.get(class).unwrap_or_default().to_owned();
    let ranked = prediction.scores.ranked().into_iter().take(top);
    Answer {
        image: file.display().to_string(),
        class: name(prediction.class),
        class_id: prediction.class,
        score: prediction.score,
        top: ranked
            .map(|class| Ranked { class: name(class), class_id: class, score: prediction.scores.0[class] })
            .collect(),
    }
}

/// The files that `inputs` stand for: files as given, folders searched to any depth, in the order of their names.
fn image_files(inputs: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        if input.is_dir() {
            let before = files.len();
            search(input, &mut files)?;
            if files.len() == before {
                bail!("{} holds no image files", input.display());
            }
        } else if input.exists() {
            files.push(input.clone());
        } else {
            bail!("there is no file or folder {}", input.display());
        }
    }
    Ok(files)
}

fn search(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let context = || folder.display().to_string();
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        entries.push(entry.with_context(context)?.path());
    }
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            search(&path, files)?;
        } else if !hidden && image_file::format_of_extension(&path).is_some() {
            files.push(path);
        }
    }
    Ok(())
}

/// Writes each image with its answer below it.
struct PictureWriter<'a> {
    folder: &'a Path,
    written: usize,
}

/// Pixels of the longer side of a captioned picture.
const PICTURE_SIDE: u32 = 320;

impl<'a> PictureWriter<'a> {
    fn new(folder: &'a Path) -> Self {
        Self { folder, written: 0 }
    }

    fn write(&mut self, file: &Path, image: &RgbImage, answer: &Answer) -> anyhow::Result<()> {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        // The number keeps files of the same name in different folders apart.
        let path = self.folder.join(format!("{:05}_{stem}.png", self.written));
        let caption = format!("{} {:.3}", answer.class, answer.score);
        let picture = datasets::captioned_sheet(&[(image, caption)], 1, PICTURE_SIDE);
        picture.save(&path).with_context(|| path.display().to_string())?;
        self.written += 1;
        Ok(())
    }
}

fn write_csv(path: &Path, answers: &[Answer]) -> anyhow::Result<()> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = String::from("image,class,class_id,score\n");
    for answer in answers {
        text.push_str(&format!(
            "{},{},{},{}\n",
            quoted(&answer.image),
            quoted(&answer.class),
            answer.class_id,
            answer.score
        ));
    }
    fs::write(path, text).with_context(|| path.display().to_string())
}
