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
use trainer::tasks::detection::DetectionPredictor;
use vision_types::{ClassId, DetectedObject, Rle};

use super::shape::Shape;
use super::{Answers, image_id, quoted};

/// A detector and what is asked of its answers.
pub(super) struct Detects {
    detector: DetectionPredictor<SelectedBackend>,
    /// The least confidence, a number a class.
    thresholds: Vec<f32>,
    /// Whether masks are written as outlines instead of runs of pixels.
    polygons: bool,
}

/// One image's answer in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    image: String,
    detections: Vec<Found>,
    /// What is drawn.
    #[serde(skip)]
    objects: Vec<DetectedObject>,
}

/// One detection in JSON.
#[derive(Debug, Serialize)]
struct Found {
    class: String,
    class_id: ClassId,
    #[serde(flatten)]
    what: What,
}

/// What a model tells of an object, as in COCO.
#[derive(Debug, Clone, Serialize)]
struct What {
    score: f32,
    /// `[x, y, width, height]` in pixels of the image.
    bbox: [f32; 4],
    /// Its pixels, where the model gives a mask.
    #[serde(skip_serializing_if = "Option::is_none")]
    segmentation: Option<Shape>,
    /// How many these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<u64>,
    /// `[x, y, confidence, …]` of its key points in pixels, where the model gives some.
    #[serde(skip_serializing_if = "Option::is_none")]
    keypoints: Option<Vec<f32>>,
}

/// One detection in COCO's results form.
#[derive(Debug, Serialize)]
struct CocoResult<'a> {
    /// The number in the file's name where that is one (`000000000139.jpg`), else the image's position from 1.
    image_id: u64,
    /// The class's number in the model, from 1.
    category_id: usize,
    #[serde(flatten)]
    what: &'a What,
}

impl What {
    fn new(object: &DetectedObject, polygons: bool) -> Self {
        let shape = |mask: &Rle| if polygons { Shape::outlines(mask) } else { Shape::runs(mask) };
        let keypoints = object.keypoints.as_ref();
        Self {
            score: object.score,
            bbox: object.bbox.to_xywh(),
            segmentation: object.mask.as_ref().map(shape),
            area: object.mask.as_ref().map(Rle::area),
            keypoints: keypoints.map(|points| points.iter().flat_map(|at| [at.x, at.y, at.score]).collect()),
        }
    }
}

impl Detects {
    /// `detector`, asked for detections of at least `score`, or what `class_scores` (`CLASS=CONFIDENCE`) or the run say.
    pub(super) fn new(
        detector: DetectionPredictor<SelectedBackend>,
        score: f32,
        class_scores: &[String],
        polygons: bool,
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
        Ok(Self { detector, thresholds, polygons })
    }
}

impl Answers for Detects {
    type Prediction = Vec<DetectedObject>;
    type Answer = Answer;

    fn predict(&self, images: &[RgbImage]) -> Vec<Vec<DetectedObject>> {
        self.detector.detect(images)
    }

    fn answer(&self, file: &Path, mut objects: Vec<DetectedObject>) -> Answer {
        objects.retain(|found| found.score >= self.thresholds[found.class]);
        let found = |object: &DetectedObject| Found {
            class: self.detector.classes().get(object.class).unwrap_or_default().to_owned(),
            class_id: object.class,
            what: What::new(object, self.polygons),
        };
        Answer { image: file.display().to_string(), detections: objects.iter().map(found).collect(), objects }
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
        draw::predictions(&mut picture, &answer.objects, self.detector.classes());
        picture
    }

    fn write_tables(&self, folder: &Path, answers: &[Answer]) -> anyhow::Result<()> {
        let mut table = String::from("image,class,class_id,score,x,y,width,height\n");
        let mut results = Vec::new();
        for (position, answer) in answers.iter().enumerate() {
            let image_id = image_id(&answer.image).unwrap_or(position as u64 + 1);
            for found in &answer.detections {
                let [x, y, width, height] = found.what.bbox;
                table.push_str(&format!(
                    "{},{},{},{},{x},{y},{width},{height}\n",
                    quoted(&answer.image),
                    quoted(&found.class),
                    found.class_id,
                    found.what.score
                ));
                let category_id = found.class_id + 1;
                results.push(CocoResult { image_id, category_id, what: &found.what });
            }
        }
        let path = folder.join("detections.csv");
        fs::write(&path, table).with_context(|| path.display().to_string())?;
        let path = folder.join("detections.coco.json");
        fs::write(&path, serde_json::to_vec(&results)?).with_context(|| path.display().to_string())
    }
}
