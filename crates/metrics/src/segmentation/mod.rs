//! The figures of semantic segmentation.

mod boundary;
mod metric;
mod overlap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vision_types::{ClassId, ClassNames, Mask};

use crate::check::check_lengths;
use crate::{ConfusionMatrix, Figure, Metric, MetricError, Score};
use metric::{Judged, Picture, SegmentationMetric};

/// Makes the metrics of every segmentation network of their list. A line is the metric's file and its type, which
/// implements [`SegmentationMetric`]; an `Option` can be left out.
macro_rules! segmentation_metrics {
    ($($file:ident: $Metric:ty,)+) => {
        /// The figures of every segmentation network: a group a metric.
        pub(crate) const FIGURES: &[&[Figure]] = &[$(<$Metric as SegmentationMetric>::FIGURES,)+];

        /// The metrics of a segmentation network, in the order of their scores.
        #[derive(Debug, Clone)]
        struct Listed {
            $($file: $Metric,)+
        }

        /// What one picture says to each of them.
        struct ListedMeasured {
            $($file: <$Metric as SegmentationMetric>::Measured,)+
        }

        impl Listed {
            fn for_classes(classes: usize) -> Self {
                Self { $($file: SegmentationMetric::for_classes(classes),)+ }
            }

            fn measure(&self, picture: &Picture<'_>) -> ListedMeasured {
                ListedMeasured { $($file: self.$file.measure(picture),)+ }
            }

            fn add(&mut self, measured: ListedMeasured) {
                $(self.$file.add(measured.$file);)+
            }

            fn columns(&self, pixels: &ConfusionMatrix, rows: &mut [SegmentationClassRow]) {
                $(self.$file.columns(pixels, rows);)+
            }

            fn scores(&self, judged: &Judged<'_>) -> Vec<Score> {
                [$(self.$file.scores(judged),)+].concat()
            }

            fn clear(&mut self) {
                $(self.$file.clear();)+
            }
        }
    };
}

segmentation_metrics! {
    overlap: overlap::PixelOverlap,
    boundary: Option<boundary::Boundaries>,
}

/// Judges masks of class numbers by pixels, counted over all images taken in, and by the boundaries of their regions.
///
/// Pixels whose true class is [`Mask::IGNORE`] do not count, whatever was predicted there.
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
/// | `hd95` | 95th percentile of the Hausdorff distance in pixels, without the background, see below |
///
/// A mean is over the classes for which the figure is defined: those with true or predicted pixels, for a recall with
/// true ones. Boundaries are the pixels of a class that touch another class, an ignored pixel or the picture's border.
/// The boundary F1 (Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?") counts boundary
/// pixels within 0.75 % of the picture's diagonal of each other as agreeing; its counts are summed over all images
/// before they are divided, where the paper takes the mean over images. The Hausdorff distance is the greater of both
/// directions' percentiles, averaged over images and then over classes; where a class is only in the truth or only in the
/// prediction, it is the length of the picture's diagonal.
#[derive(Debug, Clone)]
pub struct SegmentationMetrics {
    names: ClassNames,
    background: Option<ClassId>,
    confusion: ConfusionMatrix,
    metrics: Listed,
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
            metrics: Listed::for_classes(classes),
        }
    }

    /// The same with another background, or none: every class is then foreground.
    pub fn with_background(mut self, background: Option<ClassId>) -> Self {
        self.background = background;
        self
    }

    /// The same without `boundary_f1` and `hd95`, which take most of the time.
    pub fn without_boundaries(mut self) -> Self {
        self.metrics.boundary = None;
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
        let mut rows: Vec<SegmentationClassRow> =
            self.names.iter().enumerate().map(|(id, name)| SegmentationClassRow::new(id, name)).collect();
        self.metrics.columns(&self.confusion, &mut rows);
        rows
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
        self.metrics.scores(&Judged { pixels: &self.confusion, rows, background: self.background })
    }

    /// What one picture adds, which has been checked for its size.
    fn measure(&self, index: usize, prediction: &Mask, target: &Mask) -> Result<Measured, MetricError> {
        let classes = self.names.len();
        let width = target.width() as usize;
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
        let background = self.background;
        let measured = self.metrics.measure(&Picture { prediction, target, counts: &counts, classes, background });
        Ok(Measured { counts, measured })
    }
}

/// What one picture adds.
struct Measured {
    /// `[true × classes + predicted]`.
    counts: Vec<u64>,
    /// For each metric of the list.
    measured: ListedMeasured,
}

impl SegmentationClassRow {
    /// A row without figures.
    fn new(class_id: ClassId, class: &str) -> Self {
        Self {
            class: class.to_owned(),
            class_id,
            pixels: 0,
            predicted: 0,
            recall: None,
            precision: None,
            iou: None,
            dice: None,
            boundary_f1: None,
            hd95: None,
        }
    }
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
        for Measured { counts, measured } in measured? {
            self.confusion.add_counts(&counts);
            self.metrics.add(measured);
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        self.scores(&self.per_class())
    }

    fn reset(&mut self) {
        self.confusion = ConfusionMatrix::new(self.names.len());
        self.metrics.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Direction;

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
            let perfect = match crate::direction(&name) {
                Some(Direction::HigherIsBetter) => 1.0,
                Some(Direction::LowerIsBetter) => 0.0,
                None => panic!("{name} has no direction"),
            };
            assert_eq!(value, Some(perfect), "{name}");
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
        let names: Vec<&str> = scores.iter().map(|score| score.name.as_str()).collect();
        assert!(!names.contains(&"boundary_f1") && !names.contains(&"hd95"), "{names:?}");
        let order = ["pixel_accuracy", "mean_class_accuracy", "mean_iou", "foreground_iou", "fw_iou", "dice"];
        assert_eq!(names.into_iter().filter(|name| order.contains(name)).collect::<Vec<_>>(), order);
        // IoU 1/2 of class 0 and 0 of class 1, both foreground; Dice 2/3 and 0.
        assert!(scores.contains(&Score::new("foreground_iou", Some(0.25))));
        assert!(scores.contains(&Score::new("dice", Some(1.0 / 3.0))));
        assert_eq!(metrics.per_class()[0].boundary_f1, None);
    }
}
