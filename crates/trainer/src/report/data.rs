//! What a report tells, as plain data.

use std::collections::BTreeMap;

use image::RgbImage;
use metrics::{
    ClassRow, ClassificationMetrics, ConfusionMatrix, PrecisionRecallPoint, ReliabilityBin, RocPoint, Score,
    SegmentationClassRow,
};

/// Number of classes whose ROC and precision-recall curves are told apart by colour: the worst ones.
pub(super) const HIGHLIGHTED_CURVES: usize = 6;
/// Number of classes with curves in all; those past the highlighted ones are drawn as thin grey lines.
const MAX_CURVES: usize = 24;
/// Points of a curve closer than this in both coordinates are one point on the page, whose plots are about 300 pixels
/// wide.
const CURVE_RESOLUTION: f64 = 1.0 / 300.0;

/// Everything one page tells. Parts that are empty are left out of it.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    /// Name of the run.
    pub name: String,
    /// Kind of task, for example `classification`.
    pub task: String,
    /// One line below the name, for example `resnet20 on cifar10`.
    pub subtitle: String,
    /// The figures at the top of the page.
    pub headline: Headline,
    /// Final scores of each split.
    pub splits: Vec<SplitScores>,
    /// One row an epoch.
    pub history: Vec<HistoryRow>,
    /// A closer look at the answers about one split.
    pub closer_look: Option<CloserLook>,
    /// Pictures.
    pub galleries: Vec<Gallery>,
    /// The layers of the model.
    pub model_summary: Option<Table>,
    /// The resolved config, as TOML.
    pub config: String,
    /// What the run ran on: names and values.
    pub environment: Vec<(String, String)>,
    /// What the reader should know, for example that samples were skipped.
    pub notes: Vec<Note>,
}

/// The figures at the top of the page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Headline {
    /// Number of epochs run.
    pub epochs_run: usize,
    /// Number of epochs that were planned.
    pub epochs_planned: Option<usize>,
    /// The epoch of the best checkpoint, counted as in [`HistoryRow::epoch`].
    pub best_epoch: Option<usize>,
    /// The figure that decides which epoch is best, for example `val.accuracy`.
    pub monitor: Option<String>,
    /// Training time in seconds.
    pub train_seconds: Option<f64>,
    /// Number of trainable parameters.
    pub parameters: Option<u64>,
    /// Training speed.
    pub images_per_second: Option<f64>,
    /// Peak memory of the process in bytes.
    pub peak_memory_bytes: Option<u64>,
}

/// Final scores of one split.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitScores {
    /// `train`, `val` or `test`.
    pub split: String,
    /// Its scores.
    pub scores: Vec<Score>,
}

/// What one epoch recorded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HistoryRow {
    /// Number of the epoch.
    pub epoch: usize,
    /// Value of each column: `train.loss`, `val.accuracy`, `lr`, `images_per_second` … Values that are not finite are
    /// shown as such.
    pub columns: BTreeMap<String, f64>,
}

/// A closer look at the answers about one split, by task.
#[derive(Debug, Clone)]
pub enum CloserLook {
    /// Of a classifier.
    Classification(Evaluation),
    /// Of a detector.
    Detection(DetectionEvaluation),
    /// Of a segmentation network.
    Segmentation(SegmentationEvaluation),
}

/// A closer look at the predictions on one split.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// `val` or `test`.
    pub split: String,
    /// Names of the classes, in order.
    pub class_names: Vec<String>,
    /// Confusion matrix over these classes.
    pub confusion_matrix: Option<ConfusionMatrix>,
    /// One row a class.
    pub per_class: Vec<ClassRow>,
    /// Reliability diagram.
    pub calibration: Vec<ReliabilityBin>,
    /// ROC and precision-recall curves, the most interesting classes first.
    pub curves: Vec<ClassCurves>,
}

/// A closer look at the detections on one split.
#[derive(Debug, Clone, Default)]
pub struct DetectionEvaluation {
    /// `val` or `test`.
    pub split: String,
    /// Names of the classes, in order.
    pub class_names: Vec<String>,
    /// One row a class.
    pub per_class: Vec<DetectionClassRow>,
    /// Average precision and recall by size of the objects.
    pub sizes: Vec<SizeRow>,
    /// Precision over recall at an IoU of 0.5, the worst classes first.
    pub precision_recall: Vec<RatioCurve>,
    /// F1 over the confidence threshold at an IoU of 0.5, the worst classes first.
    pub f1: Vec<RatioCurve>,
    /// Confusions at a confidence, with a last class for the background.
    pub confusion_matrix: Option<ConfusionMatrix>,
    /// The confidence and the IoU that the confusions were counted at.
    pub confusion_thresholds: (f64, f64),
    /// How much AP50 each kind of error costs.
    pub errors: Vec<ErrorShare>,
}

/// A closer look at the masks of one split.
#[derive(Debug, Clone, Default)]
pub struct SegmentationEvaluation {
    /// `val` or `test`.
    pub split: String,
    /// Names of the classes, in order.
    pub class_names: Vec<String>,
    /// One row a class.
    pub per_class: Vec<SegmentationClassRow>,
    /// Pixels: rows are true classes, columns predicted ones.
    pub confusion_matrix: Option<ConfusionMatrix>,
}

/// Figures of one class of objects; `None` where there are no such objects.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct DetectionClassRow {
    /// The class.
    pub class: String,
    /// Objects of the class.
    pub objects: u64,
    /// Average precision, mean over IoU 0.50 to 0.95.
    pub ap: Option<f64>,
    /// Average precision at IoU 0.50.
    pub ap50: Option<f64>,
    /// Average precision at IoU 0.75.
    pub ap75: Option<f64>,
    /// Average recall with 100 detections an image.
    pub ar100: Option<f64>,
    /// The highest F1 over all confidence thresholds at IoU 0.50.
    pub best_f1: Option<f64>,
    /// The threshold of the highest F1.
    pub best_threshold: Option<f64>,
}

/// Figures of objects of one size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SizeRow {
    /// Name and bounds of the size.
    pub size: String,
    /// Average precision.
    pub ap: Option<f64>,
    /// Average recall with 100 detections an image.
    pub ar: Option<f64>,
}

/// A curve of one class whose coordinates are ratios.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RatioCurve {
    /// Name of the class.
    pub class: String,
    /// What stands in the legend: the area, or the highest value.
    pub figure: Option<f64>,
    /// Points of the curve.
    pub points: Vec<(f64, f64)>,
}

/// What one kind of error costs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ErrorShare {
    /// Name of the kind.
    pub kind: String,
    /// What it is.
    pub meaning: String,
    /// How much AP50 would rise without such errors.
    pub delta: f64,
}

/// The curves of one class against the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCurves {
    /// Name of the class.
    pub class: String,
    /// ROC curve, where defined.
    pub roc: Option<Vec<RocPoint>>,
    /// Area under it.
    pub roc_auc: Option<f64>,
    /// Precision-recall curve, where defined.
    pub precision_recall: Option<Vec<PrecisionRecallPoint>>,
    /// Average precision.
    pub pr_auc: Option<f64>,
}

/// Pictures under one title.
#[derive(Debug, Clone, Default)]
pub struct Gallery {
    /// For example `Worst test samples`.
    pub title: String,
    /// One line that says how they were chosen.
    pub note: String,
    /// Whether details count, so that pictures are shown large and in their own proportions.
    pub wide: bool,
    /// The pictures.
    pub items: Vec<GalleryItem>,
}

/// One picture with what is known and what was predicted.
#[derive(Debug, Clone, Default)]
pub struct GalleryItem {
    /// The picture, of any size; large ones are shown smaller.
    pub image: RgbImage,
    /// Where it comes from.
    pub caption: String,
    /// What it shows.
    pub true_label: Option<String>,
    /// What was predicted.
    pub predicted_label: Option<String>,
    /// The probability given to the prediction.
    pub score: Option<f32>,
}

/// A table of text; columns that hold numbers are aligned as such.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Column titles.
    pub columns: Vec<String>,
    /// Rows of cells, one a column.
    pub rows: Vec<Vec<String>>,
}

/// Something the reader should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// How much it matters.
    pub level: NoteLevel,
    /// What it is.
    pub text: String,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteLevel {
    /// Good to know.
    Info,
    /// May make the figures wrong or worse.
    Warning,
}

impl Evaluation {
    /// Everything [`ClassificationMetrics`] knows about a split, with the curves of the classes that are ranked worst.
    pub fn from_metrics(split: impl Into<String>, metrics: &ClassificationMetrics) -> Self {
        let per_class = metrics.per_class();
        let mut by_area: Vec<&ClassRow> =
            per_class.iter().filter(|row| row.roc_auc.is_some() || row.pr_auc.is_some()).collect();
        let area = |row: &ClassRow| row.pr_auc.or(row.roc_auc).unwrap_or(1.0);
        by_area.sort_by(|a, b| area(a).total_cmp(&area(b)));
        let curves = metrics.ranking().map_or_else(Vec::new, |ranking| {
            by_area
                .into_iter()
                .take(MAX_CURVES)
                .map(|row| ClassCurves {
                    class: row.class.clone(),
                    roc: ranking
                        .roc_curve(row.class_id)
                        .map(|curve| thinned(curve, |point| (point.false_positive_rate, point.true_positive_rate))),
                    roc_auc: row.roc_auc,
                    precision_recall: ranking
                        .precision_recall_curve(row.class_id)
                        .map(|curve| thinned(curve, |point| (point.recall, point.precision))),
                    pr_auc: row.pr_auc,
                })
                .collect()
        });
        Self {
            split: split.into(),
            class_names: metrics.names().as_slice().to_vec(),
            confusion_matrix: Some(metrics.confusion_matrix().clone()),
            per_class,
            calibration: metrics.calibration().reliability(),
            curves,
        }
    }
}

/// The curve without the points that would fall onto their predecessor on the page; the last point stays.
pub(crate) fn thinned<P: Copy>(curve: Vec<P>, position: impl Fn(&P) -> (f64, f64)) -> Vec<P> {
    let Some(last) = curve.last().copied() else { return curve };
    let mut kept: Vec<P> = Vec::new();
    for point in curve {
        let far = kept.last().is_none_or(|previous| {
            let ((x, y), (previous_x, previous_y)) = (position(&point), position(previous));
            (x - previous_x).abs() >= CURVE_RESOLUTION || (y - previous_y).abs() >= CURVE_RESOLUTION
        });
        if far {
            kept.push(point);
        }
    }
    if kept.last().is_some_and(|point| position(point) != position(&last)) {
        kept.push(last);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends_and_drops_what_cannot_be_seen() {
        let curve: Vec<(f64, f64)> = (0..=10_000).map(|step| (f64::from(step) / 10_000.0, 0.5)).collect();
        let kept = thinned(curve, |point| *point);
        assert_eq!((kept[0], kept[kept.len() - 1]), ((0.0, 0.5), (1.0, 0.5)));
        // Every 34th of the steps of 1/10000 is the first at least 1/300 away: 1 + ⌊10000 / 34⌋ = 295, and the end.
        assert_eq!(kept.len(), 296);
    }
}
