//! The figures of semantic segmentation.

mod boundary;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vision_types::{ClassId, ClassNames, Mask};

use crate::check::check_lengths;
use crate::figure::{Figure, Shown};
use crate::{ConfusionMatrix, Metric, MetricError, Score};
use boundary::BoundaryMatch;

/// The figures of [`SegmentationMetrics`].
pub(crate) const FIGURES: &[Figure] = &[
    Figure::higher("mean_iou").shown(Shown::Monitored),
    Figure::higher("dice").shown(Shown::Epoch),
    Figure::higher("pixel_accuracy").shown(Shown::Epoch),
    Figure::higher("mean_class_accuracy"),
    Figure::higher("foreground_iou"),
    Figure::higher("fw_iou"),
    Figure::higher("boundary_f1"),
    Figure::lower("hd95"),
];

/// Judges masks of class numbers by pixels counted over everything taken in, and by their outlines.
///
/// Pixels whose true class is [`Mask::IGNORE`] count nowhere, whatever was predicted there.
///
/// | score | meaning |
/// |---|---|
/// | `pixel_accuracy` | the part of all pixels that is right |
/// | `mean_class_accuracy` | the mean of the classes' recalls |
/// | `mean_iou` | the mean of the classes' intersections over unions |
/// | `foreground_iou` | the same without the background |
/// | `fw_iou` | the same with all classes, weighted by their true pixels |
/// | `dice` | the mean of the classes' Dice coefficients, without the background |
/// | `boundary_f1` | the mean of the classes' boundary F1, without the background |
/// | `hd95` | the mean over classes without the background of the mean over images of the Hausdorff distance, 95th percentile, in pixels |
///
/// A mean is over the classes for which the figure is defined: those with true or predicted pixels, for a recall with
/// true ones. Boundaries are the pixels of a class that touch another class, an ignored pixel or the picture's border.
/// The boundary F1 (Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?") takes boundary
/// pixels within 0.75 % of the picture's diagonal for agreeing; its counts are summed over all images before they are
/// divided, where the paper takes the mean over images. The Hausdorff distance is the greater of both directions'
/// percentiles; where a class is only in the truth or only in the prediction, it is the picture's diagonal.
#[derive(Debug, Clone)]
pub struct SegmentationMetrics {
    names: ClassNames,
    background: Option<ClassId>,
    confusion: ConfusionMatrix,
    outlines: Option<Vec<Outlines>>,
}

/// Sums of one class's boundary figures.
#[derive(Debug, Clone, Copy, Default)]
struct Outlines {
    predicted: [u64; 2],
    labelled: [u64; 2],
    distances: f64,
    images: u64,
}

/// Figures of one class, for a table or for JSON; `None` where one is not defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentationClassRow {
    /// Name of the class.
    pub class: String,
    /// Number of the class.
    pub class_id: ClassId,
    /// Its true pixels.
    pub pixels: u64,
    /// Its predicted pixels, right or wrong.
    pub predicted: u64,
    /// The part of its true pixels that is found.
    pub recall: Option<f64>,
    /// The part of its predicted pixels that is right.
    pub precision: Option<f64>,
    /// Intersection over union.
    pub iou: Option<f64>,
    /// Dice coefficient, which is the F1 of its pixels.
    pub dice: Option<f64>,
    /// F1 of its boundary pixels.
    pub boundary_f1: Option<f64>,
    /// Hausdorff distance, 95th percentile, in pixels.
    pub hd95: Option<f64>,
}

/// All figures of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentationSummary {
    /// Number of pixels that count.
    pub pixels: u64,
    /// The figures over all classes, in fixed order.
    pub scores: Vec<Score>,
    /// One row a class, in the order of the classes.
    pub per_class: Vec<SegmentationClassRow>,
    /// Pixels: rows are true classes, columns predicted ones.
    pub confusion_matrix: ConfusionMatrix,
}

impl SegmentationMetrics {
    /// For classes of the given names, the first of which is the background; a single class has none.
    pub fn new(names: ClassNames) -> Self {
        let classes = names.len();
        Self {
            names,
            background: (classes > 1).then_some(0),
            confusion: ConfusionMatrix::new(classes),
            outlines: Some(vec![Outlines::default(); classes]),
        }
    }

    /// The same with another background, or none: every class is then foreground.
    pub fn with_background(mut self, background: Option<ClassId>) -> Self {
        self.background = background;
        self
    }

    /// The same without `boundary_f1` and `hd95`, which take most of the time.
    pub fn without_boundaries(mut self) -> Self {
        self.outlines = None;
        self
    }

    /// Names of the classes.
    pub const fn names(&self) -> &ClassNames {
        &self.names
    }

    /// Pixels so far: rows are true classes, columns predicted ones.
    pub const fn confusion_matrix(&self) -> &ConfusionMatrix {
        &self.confusion
    }

    /// One row a class, in the order of the classes.
    pub fn per_class(&self) -> Vec<SegmentationClassRow> {
        let (labelled, predicted) = (self.confusion.supports(), self.confusion.predicted());
        let row = |(class_id, name): (usize, &str)| {
            let common = self.confusion.get(class_id, class_id);
            let (pixels, predicted) = (labelled[class_id], predicted[class_id]);
            let outlines = self.outlines.as_ref().map(|outlines| outlines[class_id]);
            SegmentationClassRow {
                class: name.to_owned(),
                class_id,
                pixels,
                predicted,
                recall: ratio(common, pixels),
                precision: ratio(common, predicted),
                iou: ratio(common, pixels + predicted - common),
                dice: ratio(2 * common, pixels + predicted),
                boundary_f1: outlines.and_then(Outlines::f1),
                hd95: outlines
                    .and_then(|outlines| (outlines.images > 0).then(|| outlines.distances / outlines.images as f64)),
            }
        };
        self.names.iter().enumerate().map(row).collect()
    }

    /// Scores, per-class rows and the confusion matrix at once.
    pub fn summary(&self) -> SegmentationSummary {
        let per_class = self.per_class();
        SegmentationSummary {
            pixels: self.confusion.total(),
            scores: self.scores(&per_class),
            per_class,
            confusion_matrix: self.confusion.clone(),
        }
    }

    fn scores(&self, rows: &[SegmentationClassRow]) -> Vec<Score> {
        let all = |figure: fn(&SegmentationClassRow) -> Option<f64>| mean(rows.iter().filter_map(figure));
        let foreground = |figure: fn(&SegmentationClassRow) -> Option<f64>| {
            mean(rows.iter().filter(|row| Some(row.class_id) != self.background).filter_map(figure))
        };
        let total = self.confusion.total();
        let weighted: f64 = rows.iter().filter_map(|row| row.iou.map(|iou| row.pixels as f64 * iou)).sum();
        let mut scores = vec![
            Score::new("pixel_accuracy", self.confusion.accuracy()),
            Score::new("mean_class_accuracy", all(|row| row.recall)),
            Score::new("mean_iou", all(|row| row.iou)),
            Score::new("foreground_iou", foreground(|row| row.iou)),
            Score::new("fw_iou", (total > 0).then(|| weighted / total as f64)),
            Score::new("dice", foreground(|row| row.dice)),
        ];
        if self.outlines.is_some() {
            scores.push(Score::new("boundary_f1", foreground(|row| row.boundary_f1)));
            scores.push(Score::new("hd95", foreground(|row| row.hd95)));
        }
        scores
    }

    /// Counts and boundary figures of one picture, which has been checked for its size.
    fn measure(&self, index: usize, prediction: &Mask, target: &Mask) -> Result<Measured, MetricError> {
        let classes = self.names.len();
        let (width, height) = (target.width() as usize, target.height() as usize);
        let mut counts = vec![0u64; classes * classes];
        for (pixel, (&predicted, &labelled)) in prediction.pixels().iter().zip(target.pixels()).enumerate() {
            if labelled == Mask::IGNORE {
                continue;
            }
            let (predicted, labelled) = (usize::from(predicted), usize::from(labelled));
            for (what, class) in [("target", labelled), ("prediction", predicted)] {
                if class >= classes {
                    let (x, y) = (pixel % width, pixel / width);
                    return Err(MetricError::PixelOutOfRange { what, index, x, y, class, classes });
                }
            }
            counts[labelled * classes + predicted] += 1;
        }
        let there = |class: usize| {
            (0..classes).any(|other| counts[class * classes + other] + counts[other * classes + class] > 0)
        };
        let outline = |class: usize| {
            let region = |mask: &Mask| -> Vec<bool> {
                let pixels = mask.pixels().iter().zip(target.pixels());
                pixels.map(|(found, labelled)| *labelled != Mask::IGNORE && usize::from(*found) == class).collect()
            };
            there(class).then(|| boundary::compare(&region(prediction), &region(target), width, height)).flatten()
        };
        let wanted = |class: usize| self.outlines.is_some() && Some(class) != self.background;
        let outlines = (0..classes).map(|class| if wanted(class) { outline(class) } else { None }).collect();
        Ok(Measured { counts, outlines })
    }
}

/// What one picture adds.
struct Measured {
    /// `[true × classes + predicted]`.
    counts: Vec<u64>,
    /// By class.
    outlines: Vec<Option<BoundaryMatch>>,
}

impl Outlines {
    fn add(&mut self, found: BoundaryMatch) {
        for place in 0..2 {
            self.predicted[place] += found.predicted[place];
            self.labelled[place] += found.labelled[place];
        }
        self.distances += found.distance;
        self.images += 1;
    }

    /// Harmonic mean of the near parts of both boundaries; 0 where only one of them is there.
    fn f1(self) -> Option<f64> {
        if self.images == 0 {
            return None;
        }
        let part = |[all, near]: [u64; 2]| if all == 0 { 0.0 } else { near as f64 / all as f64 };
        let (precision, recall) = (part(self.predicted), part(self.labelled));
        Some(if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) })
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn mean(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let figures: Vec<f64> = figures.collect();
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

impl Metric<Mask, Mask> for SegmentationMetrics {
    fn update(&mut self, predictions: &[Mask], targets: &[Mask]) -> Result<(), MetricError> {
        check_lengths(predictions.len(), targets.len())?;
        let measured: Result<Vec<Measured>, MetricError> = predictions
            .par_iter()
            .zip(targets)
            .enumerate()
            .map(|(index, (prediction, target))| {
                let sizes = [prediction, target].map(|mask| [mask.width(), mask.height()]);
                if sizes[0] != sizes[1] {
                    return Err(MetricError::MaskSize { index, prediction: sizes[0], target: sizes[1] });
                }
                self.measure(index, prediction, target)
            })
            .collect();
        for Measured { counts, outlines } in measured? {
            self.confusion.add_counts(&counts);
            let sums = self.outlines.iter_mut().flatten();
            for (sum, found) in sums.zip(outlines) {
                if let Some(found) = found {
                    sum.add(found);
                }
            }
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        self.scores(&self.per_class())
    }

    fn reset(&mut self) {
        self.confusion = ConfusionMatrix::new(self.names.len());
        if let Some(outlines) = &mut self.outlines {
            outlines.fill(Outlines::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(width: u32, pixels: &[u8]) -> Mask {
        Mask::from_pixels(width, pixels.len() as u32 / width, pixels.to_vec()).expect("a rectangle")
    }

    fn metrics() -> SegmentationMetrics {
        SegmentationMetrics::new(ClassNames::new(["background", "cell", "gap"]))
    }

    #[test]
    fn figures_by_hand() {
        let mut metrics = metrics();
        // True 0 0 0 1 1 1, predicted 0 0 1 1 1 0, and one ignored.
        let target = mask(7, &[0, 0, 0, 1, 1, 1, Mask::IGNORE]);
        metrics.update(&[mask(7, &[0, 0, 1, 1, 1, 0, 2])], &[target]).expect("valid");
        let summary = metrics.summary();
        let score = |name: &str| summary.scores.iter().find(|score| score.name == name).expect("a score").value;
        assert_eq!(summary.pixels, 6);
        assert_eq!(score("pixel_accuracy"), Some(4.0 / 6.0));
        // Both: 2 of 4 pixels that either says.
        assert_eq!(score("mean_iou"), Some(0.5));
        assert_eq!(score("foreground_iou"), Some(0.5));
        assert_eq!(score("fw_iou"), Some(0.5));
        assert_eq!(score("dice"), Some(4.0 / 6.0));
        let gap = &summary.per_class[2];
        assert_eq!((gap.pixels, gap.predicted, gap.iou, gap.dice, gap.hd95), (0, 0, None, None, None));
        // All pixels of a line are boundary; 2 of 3 lie on the other's, the third 1 pixel off, beyond 0.053.
        assert_eq!(score("boundary_f1"), Some(2.0 / 3.0));
        // Distances 0, 0, 1 both ways: at position 1.9 of 0 … 2.
        assert!((score("hd95").expect("defined") - 0.9).abs() < 1e-12);
    }

    #[test]
    fn a_perfect_prediction_and_nothing_at_all() {
        let mut metrics = metrics();
        assert!(metrics.compute().iter().all(|score| score.value.is_none()));
        let target = mask(3, &[0, 1, 1, 2, 2, 0]);
        metrics.update(std::slice::from_ref(&target), std::slice::from_ref(&target)).expect("valid");
        for Score { name, value } in metrics.compute() {
            assert_eq!(value, Some(if name == "hd95" { 0.0 } else { 1.0 }), "{name}");
        }
        metrics.reset();
        assert!(metrics.compute().iter().all(|score| score.value.is_none()));
    }

    #[test]
    fn what_does_not_fit_is_refused_whole() {
        let mut metrics = metrics();
        let good = mask(2, &[0, 1]);
        let refused = |metrics: &mut SegmentationMetrics, prediction: Mask, target: Mask| {
            let batch = ([good.clone(), prediction], [good.clone(), target]);
            metrics.update(&batch.0, &batch.1).expect_err("does not fit").to_string()
        };
        let message = refused(&mut metrics, mask(2, &[0, 3]), good.clone());
        assert_eq!(
            message,
            "pixel (1, 0) of prediction 1 of the batch is class 3, but the classes are numbered below 3"
        );
        let message = refused(&mut metrics, good.clone(), mask(2, &[9, 0]));
        assert!(message.starts_with("pixel (0, 0) of target 1 of the batch is class 9"), "{message}");
        let message = refused(&mut metrics, mask(1, &[0, 0]), good.clone());
        assert_eq!(message, "prediction 1 of the batch has 1×2 pixels, its target 2×1 (width × height)");
        assert_eq!(metrics.confusion_matrix().total(), 0);
        // What is predicted for an ignored pixel does not matter.
        metrics.update(&[mask(1, &[200])], &[mask(1, &[Mask::IGNORE])]).expect("ignored");
    }

    #[test]
    fn boundaries_can_be_left_out_and_the_background_chosen() {
        let mut metrics = metrics().without_boundaries().with_background(None);
        metrics.update(&[mask(2, &[0, 1])], &[mask(2, &[0, 0])]).expect("valid");
        let scores = metrics.compute();
        assert_eq!(scores.len(), 6);
        // IoU 1/2 of class 0 and 0 of class 1, both foreground; Dice 2/3 and 0.
        assert_eq!(scores[3], Score::new("foreground_iou", Some(0.25)));
        assert_eq!(scores[5], Score::new("dice", Some(1.0 / 3.0)));
        assert_eq!(metrics.per_class()[0].boundary_f1, None);
    }
}
