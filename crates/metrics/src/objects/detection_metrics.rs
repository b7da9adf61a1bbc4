//! The figures of a detector.

use vision_types::{BBox, ClassNames, DetectedObject, Instance, Rle, Segmentation};

use super::breakdown::{self, ErrorCosts, ScoreCurves};
use super::coco::{CocoBoxes, CocoFigures, CocoMasks, FoundBox, FoundMask, KnownBox, KnownMask, Sizes, object_counts};
use crate::figure::{Figure, Shown};
use crate::{ConfusionMatrix, Metric, MetricError, Score};

/// The figures of boxes, in the order of COCO's summary.
pub(crate) const BOX_FIGURES: &[Figure] = &[
    Figure::higher("ap").shown(Shown::Monitored),
    Figure::higher("ap50").shown(Shown::Epoch),
    Figure::higher("ap75").shown(Shown::Final),
    Figure::higher("ap_small"),
    Figure::higher("ap_medium"),
    Figure::higher("ap_large"),
    Figure::higher("ar1"),
    Figure::higher("ar10"),
    Figure::higher("ar100"),
    Figure::higher("ar_small"),
    Figure::higher("ar_medium"),
    Figure::higher("ar_large"),
];

/// The same figures of masks.
pub(crate) const MASK_FIGURES: &[Figure] = &[
    Figure::higher("mask_ap").shown(Shown::Monitored),
    Figure::higher("mask_ap50").shown(Shown::Epoch),
    Figure::higher("mask_ap75").shown(Shown::Final),
    Figure::higher("mask_ap_small"),
    Figure::higher("mask_ap_medium"),
    Figure::higher("mask_ap_large"),
    Figure::higher("mask_ar1"),
    Figure::higher("mask_ar10"),
    Figure::higher("mask_ar100"),
    Figure::higher("mask_ar_small"),
    Figure::higher("mask_ar_medium"),
    Figure::higher("mask_ar_large"),
];

/// Detections of one class that count in an image.
const MOST_DETECTIONS: usize = 100;

/// Judges detections by COCO's metric, over all images taken in.
///
/// The figures are `ap`, `ap50`, `ap75`, `ap_small`, `ap_medium`, `ap_large`, `ar1`, `ar10`, `ar100`, `ar_small`,
/// `ar_medium` and `ar_large`; one is not defined where there are no such objects. With masks, the same figures of
/// masks follow, with `mask_` before their names.
#[derive(Debug, Clone)]
pub struct DetectionMetrics {
    names: ClassNames,
    boxes: CocoBoxes,
    masks: Option<CocoMasks>,
}

/// Figures of one class; `None` where there are no objects of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectionClassFigures {
    /// The class.
    pub class: String,
    /// Objects of the class, crowds not counted.
    pub objects: u64,
    /// Average precision, mean over IoU 0.50 to 0.95.
    pub ap: Option<f64>,
    /// Average precision at IoU 0.50.
    pub ap50: Option<f64>,
    /// Average precision at IoU 0.75.
    pub ap75: Option<f64>,
    /// Average recall with 100 detections an image.
    pub ar100: Option<f64>,
    /// The confidence with the highest F1 at IoU 0.50, and that F1.
    pub best_f1: Option<(f64, f64)>,
}

impl DetectionMetrics {
    /// For detections of the classes called `names`.
    pub fn new(names: ClassNames) -> Self {
        Self { names, boxes: CocoBoxes::default(), masks: None }
    }

    /// The same with the figures of masks as well.
    pub fn with_masks(self) -> Self {
        Self { masks: Some(CocoMasks::default()), ..self }
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

    /// The confusion matrix of objects (rows) and detections of at least `confidence` (columns), matched by an IoU of
    /// at least 0.5; the last class is the background.
    pub fn confusions(&self, confidence: f64) -> ConfusionMatrix {
        breakdown::confusions(&self.boxes, self.names.len(), confidence)
    }

    /// What each kind of error costs.
    pub fn error_costs(&self) -> ErrorCosts {
        breakdown::error_costs(&self.boxes, self.names.len())
    }
}

impl Metric<Vec<DetectedObject>, Vec<Instance>> for DetectionMetrics {
    fn update(&mut self, predictions: &[Vec<DetectedObject>], targets: &[Vec<Instance>]) -> Result<(), MetricError> {
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
            if let Some(all) = &mut self.masks {
                let (known, found) = masks(found, known);
                all.add(known, found);
            }
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
        let named = |figures: &[Figure], summary: Vec<(String, Option<f64>)>| -> Vec<Score> {
            figures.iter().zip(summary).map(|(figure, (_, value))| Score::new(figure.name, value)).collect()
        };
        let mut scores = named(BOX_FIGURES, self.boxes.summary(self.names.len()));
        if let Some(masks) = &self.masks {
            scores.extend(named(MASK_FIGURES, masks.summary(self.names.len())));
        }
        scores
    }

    fn reset(&mut self) {
        self.boxes = CocoBoxes::default();
        self.masks = self.masks.take().map(|_| CocoMasks::default());
    }
}

/// The masks of one image: annotated and found.
///
/// An annotated object without an outline, and a detection without a mask, have the pixels of their boxes.
fn masks(found: &[DetectedObject], known: &[Instance]) -> (Vec<KnownMask>, Vec<FoundMask>) {
    let [height, width] = canvas(found, known);
    let box_pixels = |bbox: BBox| {
        let [left, top, right, bottom] = [bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(f64::from);
        Rle::from_polygon(&[[left, top], [right, top], [right, bottom], [left, bottom]], height, width)
    };
    let known = known.iter().map(|instance| {
        let outlined = instance.segmentation.as_ref().and_then(|shape| shape.to_rle(height, width).ok());
        let mask = outlined.unwrap_or_else(|| box_pixels(instance.bbox));
        KnownMask { bbox: mask.bbox(), mask, class: instance.class, area: instance.area, crowd: instance.crowd }
    });
    let found = found.iter().map(|object| {
        let mask = object.mask.clone().unwrap_or_else(|| box_pixels(object.bbox));
        let area = f64::from(object.bbox.width()) * f64::from(object.bbox.height());
        FoundMask { bbox: mask.bbox(), mask, class: object.class, area, score: f64::from(object.score) }
    });
    (known.collect(), found.collect())
}

/// Height and width of the image, as the masks have them; without any mask, of the smallest image that holds all
/// objects.
fn canvas(found: &[DetectedObject], known: &[Instance]) -> [u32; 2] {
    let stored = found.iter().find_map(|object| object.mask.as_ref()).or_else(|| {
        known.iter().find_map(|instance| match &instance.segmentation {
            Some(Segmentation::Rle(mask)) => Some(mask),
            _ => None,
        })
    });
    if let Some(mask) = stored {
        return [mask.height, mask.width];
    }
    let boxes = || found.iter().map(|object| object.bbox).chain(known.iter().map(|instance| instance.bbox));
    let most = |edge: fn(BBox) -> f32| boxes().map(edge).fold(1.0, f32::max).ceil() as u32;
    [most(|bbox| bbox.y2), most(|bbox| bbox.x2)]
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
        let right = DetectedObject::new(bbox, 0, 0.9);
        metrics
            .update(&[vec![right.clone()]], &[vec![Instance::from_box(bbox, 0)]])
            .expect("a detection for an object");
        for wrong in [DetectedObject::new(bbox, 2, 0.9), DetectedObject::new(bbox, 0, f32::NAN)] {
            let refused = metrics.update(&[vec![right.clone()], vec![wrong]], &[Vec::new(), Vec::new()]);
            assert!(refused.is_err());
        }
        assert_eq!((value(&metrics, "ap"), value(&metrics, "ap_large")), (Some(1.0), None));
        metrics.update(&[Vec::new()], &[vec![Instance::from_box(bbox, 1)]]).expect("nothing found");
        assert_eq!((value(&metrics, "ap"), value(&metrics, "ar1")), (Some(0.5), Some(0.5)));
        metrics.reset();
        assert_eq!(value(&metrics, "ap50"), None);
    }

    #[test]
    fn masks_have_figures_of_their_own() {
        let square = |x: f64| vec![[x, 0.0], [x + 10.0, 0.0], [x + 10.0, 10.0], [x, 10.0]];
        let mask = |x: f64| Rle::from_polygon(&square(x), 20, 40);
        let bbox = BBox::from_xyxy(0.0, 0.0, 10.0, 10.0);
        let known =
            Instance { segmentation: Some(Segmentation::Polygons(vec![square(0.0)])), ..Instance::from_box(bbox, 0) };
        let value = |metrics: &DetectionMetrics, name: &str| {
            let scores = metrics.compute();
            scores
                .into_iter()
                .find(|score| score.name == name)
                .expect("a figure")
                .value
                .map(|value| (value * 1e3).round())
        };
        let mut metrics = DetectionMetrics::new(ClassNames::new(["cat"])).with_masks();
        assert_eq!(metrics.compute().len(), 24);
        // The box is right, the mask lies 5 pixels beside: 50 of 150 pixels.
        let found = DetectedObject { mask: Some(mask(5.0)), ..DetectedObject::new(bbox, 0, 0.9) };
        metrics.update(&[vec![found]], &[vec![known.clone()]]).expect("one for one");
        assert_eq!((value(&metrics, "ap"), value(&metrics, "mask_ap")), (Some(1000.0), Some(0.0)));
        metrics.reset();
        assert_eq!(value(&metrics, "mask_ap"), None);
        let found = DetectedObject { mask: Some(mask(0.0)), ..DetectedObject::new(bbox, 0, 0.9) };
        metrics.update(&[vec![found]], &[vec![known]]).expect("one for one");
        assert_eq!((value(&metrics, "ap"), value(&metrics, "mask_ap")), (Some(1000.0), Some(1000.0)));
    }
}
