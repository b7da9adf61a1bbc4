//! Average precision and recall.

/// Recall levels 0, 0.01 … 1.
const RECALL_LEVELS: usize = 101;
/// Thresholds this near to one another are the same.
const SAME_THRESHOLD: f64 = 1e-9;

/// Figures of one class or of the mean of several; `None` where there are no such objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CocoFigures {
    /// The IoU thresholds.
    pub(super) thresholds: Vec<f64>,
    /// Average precision at each IoU threshold.
    pub(super) precision: Vec<Option<f64>>,
    /// Highest recall at each IoU threshold.
    pub(super) recall: Vec<Option<f64>>,
}

impl CocoFigures {
    /// The figures where there are no objects.
    pub(super) fn none(thresholds: &[f64]) -> Self {
        Self {
            thresholds: thresholds.to_vec(),
            precision: vec![None; thresholds.len()],
            recall: vec![None; thresholds.len()],
        }
    }

    /// The mean of several classes.
    pub(super) fn mean<'a>(thresholds: &[f64], each: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let mean = |of: fn(&Self) -> &Vec<Option<f64>>| -> Vec<Option<f64>> {
            (0..thresholds.len()).map(|at| mean_of(each.clone().map(|figures| of(figures)[at]))).collect()
        };
        let (precision, recall) = (mean(|figures| &figures.precision), mean(|figures| &figures.recall));
        Self { thresholds: thresholds.to_vec(), precision, recall }
    }

    /// Average precision, the mean over all IoU thresholds.
    pub fn ap(&self) -> Option<f64> {
        mean_of(self.precision.iter().copied())
    }

    /// Average precision at an IoU of 0.50; `None` where that is not among the thresholds.
    pub fn ap50(&self) -> Option<f64> {
        self.at(&self.precision, 0.5)
    }

    /// Average precision at an IoU of 0.75; `None` where that is not among the thresholds.
    pub fn ap75(&self) -> Option<f64> {
        self.at(&self.precision, 0.75)
    }

    /// Average recall, the mean over all IoU thresholds.
    pub fn ar(&self) -> Option<f64> {
        mean_of(self.recall.iter().copied())
    }

    /// Highest recall at an IoU of 0.50; `None` where that is not among the thresholds.
    pub fn ar50(&self) -> Option<f64> {
        self.at(&self.recall, 0.5)
    }

    /// Highest recall at an IoU of 0.75; `None` where that is not among the thresholds.
    pub fn ar75(&self) -> Option<f64> {
        self.at(&self.recall, 0.75)
    }

    /// IoU threshold, average precision and highest recall, by rising threshold.
    pub fn by_threshold(&self) -> impl Iterator<Item = (f64, Option<f64>, Option<f64>)> + '_ {
        let figures = self.precision.iter().zip(&self.recall);
        self.thresholds.iter().zip(figures).map(|(&threshold, (&precision, &recall))| (threshold, precision, recall))
    }

    fn at(&self, figures: &[Option<f64>], wanted: f64) -> Option<f64> {
        let at = self.thresholds.iter().position(|threshold| (threshold - wanted).abs() < SAME_THRESHOLD)?;
        figures[at]
    }
}

/// The mean of the values that are defined; `None` where none is.
fn mean_of(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0usize);
    for value in values.flatten() {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

/// Average precision and highest recall of detections in falling order of their scores, right or wrong.
pub(in crate::objects) fn average_precision(right: impl Iterator<Item = bool>, objects: usize) -> (f64, f64) {
    let hits: Vec<usize> = right.enumerate().filter(|(_, right)| *right).map(|(rank, _)| rank).collect();
    average_precision_of_hits(&hits, objects)
}

/// The same from the ranks of the right detections, counted from 0. Between two of them precision falls and recall
/// stays, so that right detections alone decide the curve.
pub(super) fn average_precision_of_hits(ranks: &[usize], objects: usize) -> (f64, f64) {
    let recall = |hits: usize| hits as f64 / objects as f64;
    // pycocotools adds the distance from 1 to the next number, against a division by zero.
    let precision = |(at, &rank): (usize, &usize)| (at + 1) as f64 / ((rank + 1) as f64 + f64::EPSILON);
    let mut precisions: Vec<f64> = ranks.iter().enumerate().map(precision).collect();
    for at in (1..precisions.len()).rev() {
        precisions[at - 1] = precisions[at - 1].max(precisions[at]);
    }
    let mut reached = 0;
    let levels = (0..RECALL_LEVELS).map(|level| {
        let level = if level + 1 == RECALL_LEVELS { 1.0 } else { level as f64 * 0.01 };
        while reached < precisions.len() && recall(reached + 1) < level {
            reached += 1;
        }
        precisions.get(reached).copied().unwrap_or(0.0)
    });
    (levels.sum::<f64>() / RECALL_LEVELS as f64, recall(ranks.len()))
}
