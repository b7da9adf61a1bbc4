//! A trained classifier, ready to answer.

use image::RgbImage;
use models::Network;
use tensor_backend::VisionBackend;
use vision_types::{ClassId, ClassScores};

use super::Classification;
use super::task::class_scores;
use super::views::{Views, averaged_logits};
use crate::tasks::predictor::{Predictor, stacked};

/// A trained classifier.
pub type ClassificationPredictor<B> = Predictor<B, Classification>;

/// The answer about one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The most probable class.
    pub class: ClassId,
    /// Its probability.
    pub score: f32,
    /// A probability a class.
    pub scores: ClassScores,
}

impl<B: VisionBackend> ClassificationPredictor<B> {
    /// Answers about `images`, one each, in order.
    pub fn predict(&self, images: &[RgbImage]) -> Vec<Prediction> {
        self.answers(images, None)
    }

    /// The same, averaged over `views` of each image.
    pub fn predict_views(&self, images: &[RgbImage], views: Views) -> Vec<Prediction> {
        self.answers(images, Some(views))
    }

    fn answers(&self, images: &[RgbImage], views: Option<Views>) -> Vec<Prediction> {
        if images.is_empty() {
            return Vec::new();
        }
        let pictures: Vec<RgbImage> = images.iter().map(|image| self.task.prepared(image.clone())).collect();
        let input = stacked(&pictures, self.task.input(), self.task.input().image_size(), &self.device);
        let logits = match views {
            None => self.network.forward(input),
            Some(views) => averaged_logits(&self.network, input, views),
        };
        let answer = |scores: ClassScores| {
            let class = scores.best();
            Prediction { class, score: scores.0[class], scores }
        };
        class_scores(logits).into_iter().map(answer).collect()
    }
}
