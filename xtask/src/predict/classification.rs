//! Answers of a classifier.

use std::fs;
use std::path::Path;

use anyhow::Context;
use image::RgbImage;
use serde::Serialize;
use tensor_backend::SelectedBackend;
use trainer::tasks::classification::{ClassificationPredictor, Prediction, Views};

use super::{Answers, quoted};

/// A classifier.
pub(super) struct Classifies {
    pub(super) predictor: ClassificationPredictor<SelectedBackend>,
    /// Views of each image that are averaged; unset: the image alone.
    pub(super) views: Option<Views>,
    /// Classes listed for each image.
    pub(super) top: usize,
}

/// One image's answer in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
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

/// Pixels of the longer side of a captioned picture.
const PICTURE_SIDE: u32 = 320;

impl Answers for Classifies {
    type Prediction = Prediction;
    type Answer = Answer;

    fn predict(&self, images: &[RgbImage]) -> Vec<Prediction> {
        match self.views {
            None => self.predictor.predict(images),
            Some(views) => self.predictor.predict_views(images, views),
        }
    }

    fn answer(&self, file: &Path, prediction: Prediction) -> Answer {
        let name = |class: usize| self.predictor.classes().get(class).unwrap_or_default().to_owned();
        let ranked = prediction.scores.ranked().into_iter().take(self.top);
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

    fn line(&self, answer: &Answer) -> String {
        let ranked: Vec<String> =
            answer.top.iter().map(|ranked| format!("{} {:.4}", ranked.class, ranked.score)).collect();
        format!("{}: {}", answer.image, ranked.join(", "))
    }

    fn picture(&self, image: &RgbImage, answer: &Answer) -> RgbImage {
        let caption = format!("{} {:.3}", answer.class, answer.score);
        pictures::captioned_sheet(&[(image, caption)], 1, PICTURE_SIDE)
    }

    fn write_tables(&self, folder: &Path, answers: &[Answer]) -> anyhow::Result<()> {
        let mut text = String::from("image,class,class_id,score\n");
        for answer in answers {
            let (image, class) = (quoted(&answer.image), quoted(&answer.class));
            text.push_str(&format!("{image},{class},{},{}\n", answer.class_id, answer.score));
        }
        let path = folder.join("predictions.csv");
        fs::write(&path, text).with_context(|| path.display().to_string())
    }
}
