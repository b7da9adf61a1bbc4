//! The figures of a detector.

use vision_types::{BBox, ClassNames, Detection, Instance};

use super::breakdown::{self, ErrorCosts, ScoreCurves};
use super::coco::{CocoBoxes, CocoFigures, FoundBox, KnownBox, Sizes, object_counts};
use crate::{ConfusionMatrix, Metric, MetricError, Score};

/// Detections of one class that count in an image.
const MOST_DETECTIONS: usize = 100;

/// Judges detections as COCO does, over everything taken in.
///
/// The figures are `ap`, `ap50`, `ap75`, `ap_small`, `ap_medium`, `ap_large`, `ar1`, `ar10`, `ar100`, `ar_small`,
/// `ar_medium` and `ar_large`; one is not defined where there are no such objects.
#[derive(Debug, Clone)]
pub struct DetectionMetrics {
    names: ClassNames,
    boxes: CocoBoxes,
}

/// Figures of one class; `None` where there are no objects of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectionClassFigures {
    /// The class.
    pub class: String,
    /// Objects of the class, without groups.
    pub objects: u64,
    /// Average precision, mean over IoU 0.50 to 0.95.
    pub ap: Option<f64>,
    /// Average precision at IoU 0.50.
    pub ap50: Option<f64>,
    /// Average precision at IoU 0.75.
    pub ap75: Option<f64>,
    /// Average recall with 100 detections an image.
    pub ar100: Option<f64>,
    /// The confidence of the highest F1 at IoU 0.50, and that F1.
    pub best_f1: Option<(f64, f64)>,
}

impl DetectionMetrics {
    /// For detections of the classes called `names`.
    pub fn new(names: ClassNames) -> Self {
        Self { names, boxes: CocoBoxes::default() }
    }

    /// Names of the classes.
    pub const fn names(&self) -> &ClassNames {
        &self.names
    }

    /// Average precision and recall of objects of these sizes, the mean of all classes.
    pub fn figures(&self, sizes: Sizes) -> CocoFigures {
        self.boxes.figures(self.names.len(), sizes, MOST_DETECTIONS)
    }

    /// Figures of each class.
    pub fn per_class(&self) -> Vec<DetectionClassFigures> {
        let (counts, curves) = (object_counts(&self.boxes), self.curves());
        self.names
            .iter()
            .zip(curves)
            .enumerate()
            .map(|(class, (name, curves))| {
                let figures = self.boxes.class_figures(class, Sizes::All, MOST_DETECTIONS);
                DetectionClassFigures {
                    class: name.to_owned(),
                    objects: counts.get(&class).copied().unwrap_or_default(),
                    ap: figures.ap(),
                    ap50: figures.ap50(),
                    ap75: figures.ap75(),
                    ar100: figures.ar(),
                    best_f1: curves.best_f1(),
                }
            })
            .collect()
    }

    /// Curves over the confidence, one of each class.
    pub fn curves(&self) -> Vec<ScoreCurves> {
        breakdown::curves(&self.boxes, self.names.len())
    }

    /// Objects (rows) and detections of at least `confidence` (columns) that belong together by an IoU of 0.5; the last
    /// class is the background.
    pub fn confusions(&self, confidence: f64) -> ConfusionMatrix {
        breakdown::confusions(&self.boxes, self.names.len(), confidence)
    }

    /// What each kind of mistake costs.
    pub fn error_costs(&self) -> ErrorCosts {
        breakdown::error_costs(&self.boxes, self.names.len())
    }
}

impl Metric<Vec<Detection>, Vec<Instance>> for DetectionMetrics {
    fn update(&mut self, predictions: &[Vec<Detection>], targets: &[Vec<Instance>]) -> Result<(), MetricError> {
        let (count, classes) = (predictions.len(), self.names.len());
        if count != targets.len() {
            return Err(MetricError::LengthMismatch { predictions: count, targets: targets.len() });
        }
        for (index, (found, known)) in predictions.iter().zip(targets).enumerate() {
            if let Some(detection) = found.iter().find(|detection| detection.class >= classes) {
                return Err(MetricError::PredictionOutOfRange { index, prediction: detection.class, classes });
            }
            if let Some(instance) = known.iter().find(|instance| instance.class >= classes) {
                return Err(MetricError::TargetOutOfRange { index, target: instance.class, classes });
            }
            if let Some(detection) = found.iter().find(|detection| !detection.score.is_finite()) {
                let value = f64::from(detection.score);
                return Err(MetricError::NotFinite { what: "prediction", index, value });
            }
        }
        for (found, known) in predictions.iter().zip(targets) {
            let known = known.iter().map(|instance| KnownBox {
                bbox: xywh(instance.bbox),
                class: instance.class,
                area: instance.area,
                crowd: instance.crowd,
            });
            let found = found.iter().map(|detection| FoundBox {
                bbox: xywh(detection.bbox),
                class: detection.class,
                score: f64::from(detection.score),
            });
            self.boxes.add(known.collect(), found.collect());
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        let names = [
            "ap",
            "ap50",
            "ap75",
            "ap_small",
            "ap_medium",
            "ap_large",
            "ar1",
            "ar10",
            "ar100",
            "ar_small",
            "ar_medium",
            "ar_large",
        ];
        let figures = self.boxes.summary(self.names.len());
        names.into_iter().zip(figures).map(|(name, (_, value))| Score::new(name, value)).collect()
    }

    fn reset(&mut self) {
        self.boxes = CocoBoxes::default();
    }
}

fn xywh(bbox: BBox) -> [f64; 4] {
    let [x1, y1, x2, y2] = [bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(f64::from);
    [x1, y1, x2 - x1, y2 - y1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_refused_whole_and_batches_add_up() {
        let bbox = BBox::from_xyxy(0.0, 0.0, 10.0, 10.0);
        let mut metrics = DetectionMetrics::new(ClassNames::new(["cat", "dog"]));
        let value = |metrics: &DetectionMetrics, name: &str| {
            metrics
                .compute()
                .into_iter()
                .find(|score| score.name == name)
                .expect("a figure")
                .value
                .map(|value| (value * 1e9).round() / 1e9)
        };
        assert_eq!(value(&metrics, "ap"), None);
        let right = Detection { bbox, class: 0, score: 0.9 };
        metrics.update(&[vec![right]], &[vec![Instance::from_box(bbox, 0)]]).expect("a detection for an object");
        for wrong in [Detection { class: 2, ..right }, Detection { score: f32::NAN, ..right }] {
            let refused = metrics.update(&[vec![right], vec![wrong]], &[Vec::new(), Vec::new()]);
            assert!(refused.is_err());
        }
        assert_eq!((value(&metrics, "ap"), value(&metrics, "ap_large")), (Some(1.0), None));
        metrics.update(&[Vec::new()], &[vec![Instance::from_box(bbox, 1)]]).expect("nothing found");
        assert_eq!((value(&metrics, "ap"), value(&metrics, "ar1")), (Some(0.5), Some(0.5)));
        metrics.reset();
        assert_eq!(value(&metrics, "ap50"), None);
    }
}
