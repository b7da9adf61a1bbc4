//! A trained detector, ready to answer.

use std::collections::BTreeMap;

use image::RgbImage;
use tensor_backend::VisionBackend;
use vision_types::DetectedObject;

use super::Detection;
use crate::tasks::predictor::{Predictor, stacked};

/// A trained detector.
pub type DetectionPredictor<B> = Predictor<B, Detection>;

impl<B: VisionBackend> DetectionPredictor<B> {
    /// The least confidence that is worth showing, for the classes that the run's configuration gave one.
    pub fn class_thresholds(&self) -> &BTreeMap<String, f32> {
        &self.task.decoding().class_thresholds
    }

    /// The objects in each of `images`, in pixels of that image, the most confident first.
    pub fn detect(&self, images: &[RgbImage]) -> Vec<Vec<DetectedObject>> {
        if images.is_empty() {
            return Vec::new();
        }
        let size = self.task.input().image_size();
        let (prepared, places): (Vec<_>, Vec<_>) =
            images.iter().map(|image| self.task.letterboxed(image, size)).unzip();
        let input = stacked(&prepared, self.task.input(), size, &self.device);
        self.task.answers(&self.network, input, &places)
    }
}
