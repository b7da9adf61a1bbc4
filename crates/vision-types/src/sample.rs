//! What a data set gives, and what a model answers.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::{BBox, ClassId, Rle, Segmentation};

/// One image with its annotation.
///
/// `A` is the annotation: a [`ClassId`] for classification, a list of [`Instance`]s for detection, a [`Mask`](crate::Mask) for
/// segmentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<A> {
    /// The decoded image, upright (any EXIF orientation applied).
    pub image: RgbImage,
    /// What is known about it.
    pub annotation: A,
    /// Where it came from: a file path, or a name such as `train-images#17`.
    pub source: String,
}

/// One annotated object.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its box in pixels.
    pub bbox: BBox,
    /// Its class.
    pub class: ClassId,
    /// Its outline or pixels; `None` where only the box is known.
    pub segmentation: Option<Segmentation>,
    /// Its size in square pixels, which decides whether it counts as small, medium or large: that of its pixels where an
    /// annotation gives it, otherwise that of its box.
    pub area: f64,
    /// A group of objects that was not annotated one by one (COCO's `iscrowd`).
    pub crowd: bool,
}

impl Instance {
    /// An object of which only box and class are known.
    pub const fn from_box(bbox: BBox, class: ClassId) -> Self {
        Self { bbox, class, segmentation: None, area: bbox.width() as f64 * bbox.height() as f64, crowd: false }
    }
}

/// One object that a model found, with what the model tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectedObject {
    /// Its box in pixels of the original image.
    pub bbox: BBox,
    /// Its class.
    pub class: ClassId,
    /// Confidence in `0..=1`.
    pub score: f32,
    /// Its pixels, a mask of the original image's size; `None` where the model gives none.
    pub mask: Option<Rle>,
    /// Its key points, in the order of the skeleton; `None` where the model gives none.
    pub keypoints: Option<Vec<DetectedKeypoint>>,
}

impl DetectedObject {
    /// An object of which only box, class and confidence are known.
    pub const fn new(bbox: BBox, class: ClassId, score: f32) -> Self {
        Self { bbox, class, score, mask: None, keypoints: None }
    }
}

/// One key point of a detected object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectedKeypoint {
    /// Pixels from the left edge of the image.
    pub x: f32,
    /// Pixels from the upper edge of the image.
    pub y: f32,
    /// Confidence, the higher the surer; its range is the model's own.
    pub score: f32,
}

/// The answer of a classifier: one probability a class, summing to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScores(pub Vec<f32>);

impl ClassScores {
    /// The most probable class; the lowest number wins a tie, as `argmax` does in NumPy.
    ///
    /// # Panics
    ///
    /// When there are no classes.
    pub fn best(&self) -> ClassId {
        let mut best = 0;
        for (class, score) in self.0.iter().enumerate() {
            if *score > self.0[best] {
                best = class;
            }
        }
        assert!(!self.0.is_empty(), "no classes to choose from");
        best
    }

    /// Class numbers from the most to the least probable; equal scores keep the order of the classes.
    pub fn ranked(&self) -> Vec<ClassId> {
        let mut order: Vec<ClassId> = (0..self.0.len()).collect();
        order.sort_by(|&a, &b| self.0[b].total_cmp(&self.0[a]));
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lowest_class() {
        let scores = ClassScores(vec![0.1, 0.4, 0.4, 0.1]);
        assert_eq!(scores.best(), 1);
        assert_eq!(scores.ranked(), [1, 2, 0, 3]);
    }
}
