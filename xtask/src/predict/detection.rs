//! Answers of a detector.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use image::RgbImage;
use pictures::draw;
use serde::Serialize;
use tensor_backend::SelectedBackend;
use trainer::config::nearest;
use trainer::tasks::detection::Detector;
use vision_types::{BBox, ClassId, Detection};

use super::{Answers, image_id, quoted};

/// A detector and what is asked of its answers.
pub(super) struct Detects {
    detector: Detector<SelectedBackend>,
    /// The least confidence, a number a class.
    thresholds: Vec<f32>,
}

/// One image's answer in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    image: String,
    detections: Vec<Found>,
}

/// One detection in JSON.
#[derive(Debug, Serialize)]
struct Found {
    class: String,
    class_id: ClassId,
    score: f32,
    /// `[x, y, width, height]` in pixels of the image, as in COCO.
    bbox: [f32; 4],
}

/// One detection in COCO's results form.
#[derive(Debug, Serialize)]
struct CocoResult {
    /// The number in the file's name where that is one (`000000000139.jpg`), else the image's position from 1.
    image_id: u64,
    /// The class's number in the model, from 1.
    category_id: usize,
    bbox: [f32; 4],
    score: f32,
}

impl Detects {
    /// `detector`, asked for detections of at least `score`, or what `class_scores` (`CLASS=CONFIDENCE`) or the run say.
    pub(super) fn new(
        detector: Detector<SelectedBackend>,
        score: f32,
        class_scores: &[String],
    ) -> anyhow::Result<Self> {
        let classes = detector.classes();
        let mut thresholds = vec![score; classes.len()];
        let mut wanted: BTreeMap<String, f32> = detector.class_thresholds().clone();
        for setting in class_scores {
            let (class, value) = setting
                .rsplit_once('=')
                .and_then(|(class, value)| Some((class, value.parse::<f32>().ok()?)))
                .with_context(|| format!("--class-score {setting} is not of the form CLASS=CONFIDENCE"))?;
            wanted.insert(class.to_owned(), value);
        }
        for (class, value) in wanted {
            let Some(id) = classes.id_of(&class) else {
                let hint = nearest(&class, classes.iter());
                let hint = hint.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
                bail!("the model has no class `{class}`{hint}");
            };
            thresholds[id] = value;
        }
        Ok(Self { detector, thresholds })
    }
}

impl Answers for Detects {
    type Prediction = Vec<Detection>;
    type Answer = Answer;

    fn predict(&self, images: &[RgbImage]) -> Vec<Vec<Detection>> {
        self.detector.detect(images)
    }

    fn answer(&self, file: &Path, prediction: Vec<Detection>) -> Answer {
        let name = |class: usize| self.detector.classes().get(class).unwrap_or_default().to_owned();
        Answer {
            image: file.display().to_string(),
            detections: prediction
                .into_iter()
                .filter(|found| found.score >= self.thresholds[found.class])
                .map(|found| Found {
                    class: name(found.class),
                    class_id: found.class,
                    score: found.score,
                    bbox: found.bbox.to_xywh(),
                })
                .collect(),
        }
    }

    fn line(&self, answer: &Answer) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for found in &answer.detections {
            *counts.entry(&found.class).or_default() += 1;
        }
        let counts: Vec<String> = counts.into_iter().map(|(class, count)| format!("{count} {class}")).collect();
        match counts.is_empty() {
            true => format!("{}: nothing", answer.image),
            false => format!("{}: {}", answer.image, counts.join(", ")),
        }
    }

    fn picture(&self, image: &RgbImage, answer: &Answer) -> RgbImage {
        let mut picture = image.clone();
        let found: Vec<Detection> = answer
            .detections
            .iter()
            .map(|found| {
                let [x, y, width, height] = found.bbox;
                Detection { bbox: BBox::from_xywh(x, y, width, height), class: found.class_id, score: found.score }
            })
            .collect();
        draw::predictions(&mut picture, &found, self.detector.classes());
        picture
    }

    fn write_tables(&self, folder: &Path, answers: &[Answer]) -> anyhow::Result<()> {
        let mut table = String::from("image,class,class_id,score,x,y,width,height\n");
        let mut results = Vec::new();
        for (position, answer) in answers.iter().enumerate() {
            let image_id = image_id(&answer.image).unwrap_or(position as u64 + 1);
            for found in &answer.detections {
                let [x, y, width, height] = found.bbox;
                table.push_str(&format!(
                    "{},{},{},{},{x},{y},{width},{height}\n",
                    quoted(&answer.image),
                    quoted(&found.class),
                    found.class_id,
                    found.score
                ));
                let category_id = found.class_id + 1;
                results.push(CocoResult { image_id, category_id, bbox: found.bbox, score: found.score });
            }
        }
        let path = folder.join("detections.csv");
        fs::write(&path, table).with_context(|| path.display().to_string())?;
        let path = folder.join("detections.coco.json");
        fs::write(&path, serde_json::to_vec(&results)?).with_context(|| path.display().to_string())
    }
}
