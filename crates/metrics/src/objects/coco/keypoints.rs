//! Keypoints, compared by their similarity (OKS).

use super::evaluation::{CocoImages, CocoObjects, Facts};
use super::settings::CocoSettings;

/// How far the marks of annotators were apart for each keypoint of a person, relative to the person's size: nose, eyes,
/// ears, shoulders, elbows, wrists, hips, knees, ankles (<https://cocodataset.org/#keypoints-eval>).
pub const PERSON_SIGMAS: [f64; 17] = [
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
    0.089,
];

/// Annotated keypoints of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownKeypoints {
    /// `[x, y, visibility]` of each, in pixels; a visibility of 0 means that it was not annotated.
    pub keypoints: Vec<[f64; 3]>,
    /// `[x, y, width, height]` of the object in pixels.
    pub bbox: [f64; 4],
    /// Its class.
    pub class: usize,
    /// Size of the object in square pixels.
    pub area: f64,
    /// Whether it is a crowd, a group of objects.
    pub crowd: bool,
    /// Whether it is ignored: a crowd, one without annotated keypoints, or one that is marked so.
    pub ignored: bool,
}

/// Detected keypoints of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundKeypoints {
    /// `[x, y]` of each, in pixels.
    pub keypoints: Vec<[f64; 2]>,
    /// Its class.
    pub class: usize,
    /// Confidence.
    pub score: f64,
    /// Size in square pixels by which it counts as medium or large: that of the box it comes with, or of its keypoints'
    /// extent (pycocotools' `loadRes`).
    pub area: f64,
}

impl FoundKeypoints {
    /// Area of the smallest box around `keypoints`.
    pub fn extent(keypoints: &[[f64; 2]]) -> f64 {
        let side = |axis: usize| {
            let values = keypoints.iter().map(|point| point[axis]);
            values.clone().fold(f64::NEG_INFINITY, f64::max) - values.fold(f64::INFINITY, f64::min)
        };
        if keypoints.is_empty() { 0.0 } else { side(0) * side(1) }
    }
}

/// Evaluation of keypoints, with a sigma for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Keypoints {
    /// Spread of each keypoint relative to the object's size.
    pub sigmas: Vec<f64>,
}

impl Default for Keypoints {
    fn default() -> Self {
        Self { sigmas: PERSON_SIGMAS.to_vec() }
    }
}

/// Images with their annotated and detected keypoints.
pub type CocoKeypoints = CocoImages<Keypoints>;

impl CocoObjects for Keypoints {
    type Known = KnownKeypoints;
    type Found = FoundKeypoints;

    fn settings() -> CocoSettings {
        CocoSettings { most_detections: CocoSettings::KEYPOINT_DETECTIONS.to_vec(), ..CocoSettings::default() }
    }

    fn known(object: &KnownKeypoints) -> Facts {
        Facts { class: object.class, area: object.area, crowd: object.crowd, ignored: object.ignored, score: 0.0 }
    }

    fn found(detection: &FoundKeypoints) -> Facts {
        Facts { class: detection.class, area: detection.area, crowd: false, ignored: false, score: detection.score }
    }

    /// Object keypoint similarity: the mean of `exp(-d² / (2 · area · (2σ)²))` over the annotated keypoints. An object
    /// without any is compared by how far keypoints lie outside a box twice as large on each side.
    ///
    /// # Panics
    ///
    /// When there are not as many keypoints as sigmas.
    fn overlap(&self, found: &FoundKeypoints, known: &KnownKeypoints) -> f64 {
        let sigmas = &self.sigmas;
        let counts = [found.keypoints.len(), known.keypoints.len()];
        assert_eq!(counts, [sigmas.len(); 2], "as many keypoints as the {} sigmas", sigmas.len());
        let annotated = known.keypoints.iter().any(|point| point[2] > 0.0);
        let [x, y, width, height] = known.bbox;
        let outside =
            |value: f64, low: f64, side: f64| (low - side - value).max(0.0) + (value - (low + 2.0 * side)).max(0.0);
        let (mut sum, mut count) = (0.0, 0usize);
        for ((found, truth), sigma) in found.keypoints.iter().zip(&known.keypoints).zip(sigmas) {
            let [dx, dy] = if annotated {
                if truth[2] <= 0.0 {
                    continue;
                }
                [found[0] - truth[0], found[1] - truth[1]]
            } else {
                [outside(found[0], x, width), outside(found[1], y, height)]
            };
            let variance = (2.0 * sigma) * (2.0 * sigma);
            // pycocotools adds the distance from 1 to the next number, against a division by zero.
            sum += (-((dx * dx + dy * dy) / variance / (known.area + f64::EPSILON) / 2.0)).exp();
            count += 1;
        }
        sum / count as f64
    }
}

impl CocoKeypoints {
    /// COCO's ten figures of keypoints by the names of its tools.
    pub fn ten(&self, classes: usize) -> [(&'static str, Option<f64>); 10] {
        let [all, _, medium, large] = self.by_size(classes);
        [
            ("AP", all.ap()),
            ("AP50", all.ap50()),
            ("AP75", all.ap75()),
            ("APm", medium.ap()),
            ("APl", large.ap()),
            ("AR", all.ar()),
            ("AR50", all.ar50()),
            ("AR75", all.ar75()),
            ("ARm", medium.ar()),
            ("ARl", large.ar()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_similarity_falls_with_the_distance_and_the_size() {
        let kind = Keypoints { sigmas: vec![0.1, 0.05] };
        let known = |visibility: [f64; 2]| KnownKeypoints {
            keypoints: vec![[10.0, 10.0, visibility[0]], [20.0, 10.0, visibility[1]]],
            bbox: [0.0, 0.0, 40.0, 40.0],
            class: 0,
            area: 100.0,
            crowd: false,
            ignored: false,
        };
        let keypoints = vec![[12.0, 10.0], [20.0, 11.0]];
        let found = FoundKeypoints { area: FoundKeypoints::extent(&keypoints), keypoints, class: 0, score: 1.0 };
        assert_eq!(found.area, 8.0);
        // d² / (2 · 100 · (2σ)²): 4 / (200 · 0.04) = 0.5 and 1 / (200 · 0.01) = 0.5.
        assert!((kind.overlap(&found, &known([2.0, 1.0])) - (-0.5f64).exp()).abs() < 1e-12);
        assert!((kind.overlap(&found, &known([0.0, 1.0])) - (-0.5f64).exp()).abs() < 1e-12);
        // Nothing is annotated, and both points lie within the enlarged box.
        assert_eq!(kind.overlap(&found, &known([0.0, 0.0])), 1.0);
    }
}
