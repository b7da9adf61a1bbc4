//! One class against all others at every threshold: areas under the ROC and the precision-recall curve.

use serde::{Deserialize, Serialize};
use vision_types::ClassId;

use crate::figure::Figure;
use crate::{ClassRow, ClassifierMetric, Score};

/// Areas under the receiver operating characteristic (`roc_auc`) and under the precision-recall curve (`pr_auc`, as
/// average precision), each class against the rest, then averaged over classes.
///
/// Equal to scikit-learn's `roc_auc_score(multi_class="ovr")` and `average_precision_score` on one-hot targets. A class
/// for which a curve does not exist (no sample of it; for ROC also no sample of any other) is left out of the average,
/// as torchmetrics does for average precision; scikit-learn answers NaN or 0 there. Equal scores share one threshold.
///
/// Keeps every score until [`reset`](crate::Metric::reset): 4 bytes × samples × classes.
#[derive(Debug, Clone)]
pub struct OneVsRest {
    classes: usize,
    /// `[sample × classes + class]`.
    scores: Vec<f32>,
    targets: Vec<ClassId>,
}

/// One point of a ROC curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// The part of the other classes' samples scored at or above the threshold.
    pub false_positive_rate: f64,
    /// The part of the class's samples scored at or above the threshold.
    pub true_positive_rate: f64,
    /// The threshold; `None` at the start of the curve, above every score.
    pub threshold: Option<f32>,
}

/// One point of a precision-recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallPoint {
    /// The part of the class's samples scored at or above the threshold.
    pub recall: f64,
    /// The part of the samples scored at or above the threshold that are of the class.
    pub precision: f64,
    /// The threshold; `None` at the start of the curve, above every score.
    pub threshold: Option<f32>,
}

/// How many samples score at or above a threshold.
#[derive(Debug, Clone, Copy)]
struct Above {
    threshold: f32,
    positives: u64,
    negatives: u64,
}

impl OneVsRest {
    /// For `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, scores: Vec::new(), targets: Vec::new() }
    }

    /// `(area under the ROC curve, average precision)` of class `class` against the rest, each `None` when not defined.
    ///
    /// # Panics
    ///
    /// When `class` is not below the number of classes.
    pub fn areas(&self, class: ClassId) -> (Option<f64>, Option<f64>) {
        let thresholds = self.thresholds(class);
        let Some(all) = thresholds.last() else { return (None, None) };
        let mut previous = Above { threshold: f32::INFINITY, positives: 0, negatives: 0 };
        // Twice the number of (positive, negative) pairs in the right order, a tie counting half; exact.
        let mut ordered_pairs: u128 = 0;
        let mut precision_sum = 0.0;
        for above in &thresholds {
            let positives = above.positives - previous.positives;
            let negatives = above.negatives - previous.negatives;
            ordered_pairs += u128::from(negatives) * u128::from(2 * previous.positives + positives);
            precision_sum += positives as f64 * above.positives as f64 / (above.positives + above.negatives) as f64;
            previous = *above;
        }
        let pairs = 2 * u128::from(all.positives) * u128::from(all.negatives);
        (
            (pairs > 0).then(|| ordered_pairs as f64 / pairs as f64),
            (all.positives > 0).then(|| precision_sum / all.positives as f64),
        )
    }

    /// The areas of every class, as in [`areas`](Self::areas).
    pub fn all_areas(&self) -> Vec<(Option<f64>, Option<f64>)> {
        (0..self.classes).map(|class| self.areas(class)).collect()
    }

    /// The ROC curve of class `class` against the rest, from the highest threshold to the lowest, without the points
    /// inside straight runs (scikit-learn's `roc_curve` with `drop_intermediate`). `None` without samples of the class
    /// or of any other.
    ///
    /// # Panics
    ///
    /// When `class` is not below the number of classes.
    pub fn roc_curve(&self, class: ClassId) -> Option<Vec<RocPoint>> {
        let thresholds = self.thresholds(class);
        let all = *thresholds.last().filter(|all| all.positives > 0 && all.negatives > 0)?;
        let bends = |index: usize| {
            let [before, here, after] = [thresholds[index - 1], thresholds[index], thresholds[index + 1]];
            here.positives - before.positives != after.positives - here.positives
                || here.negatives - before.negatives != after.negatives - here.negatives
        };
        let mut curve = vec![RocPoint { false_positive_rate: 0.0, true_positive_rate: 0.0, threshold: None }];
        let kept = (0..thresholds.len()).filter(|&index| index == 0 || index + 1 == thresholds.len() || bends(index));
        curve.extend(kept.map(|index| RocPoint {
            false_positive_rate: thresholds[index].negatives as f64 / all.negatives as f64,
            true_positive_rate: thresholds[index].positives as f64 / all.positives as f64,
            threshold: Some(thresholds[index].threshold),
        }));
        Some(curve)
    }

    /// The precision-recall curve of class `class` against the rest, from the highest threshold to the lowest: a start
    /// at recall 0 and precision 1, then one point for each distinct score. It is scikit-learn's
    /// `precision_recall_curve` in reversed order. `None` without samples of the class.
    ///
    /// # Panics
    ///
    /// When `class` is not below the number of classes.
    pub fn precision_recall_curve(&self, class: ClassId) -> Option<Vec<PrecisionRecallPoint>> {
        let thresholds = self.thresholds(class);
        let all = *thresholds.last().filter(|all| all.positives > 0)?;
        let start = PrecisionRecallPoint { recall: 0.0, precision: 1.0, threshold: None };
        let points = thresholds.iter().map(|above| PrecisionRecallPoint {
            recall: above.positives as f64 / all.positives as f64,
            precision: above.positives as f64 / (above.positives + above.negatives) as f64,
            threshold: Some(above.threshold),
        });
        Some(std::iter::once(start).chain(points).collect())
    }

    /// The mean area under the ROC curve over the classes that have one.
    pub fn roc_auc(&self) -> Option<f64> {
        mean_of_defined(self.all_areas().into_iter().map(|(roc, _)| roc))
    }

    /// The mean average precision over the classes that have one.
    pub fn pr_auc(&self) -> Option<f64> {
        mean_of_defined(self.all_areas().into_iter().map(|(_, precision)| precision))
    }

    /// The distinct scores of a class, highest first, with how many samples of it and of the rest reach each.
    fn thresholds(&self, class: ClassId) -> Vec<Above> {
        assert!(class < self.classes, "class {class} of {} classes", self.classes);
        let own = self.scores.iter().skip(class).step_by(self.classes);
        let mut samples: Vec<(f32, bool)> =
            own.zip(&self.targets).map(|(&score, &target)| (score, target == class)).collect();
        samples.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut thresholds: Vec<Above> = Vec::new();
        let (mut positives, mut negatives) = (0, 0);
        for (threshold, positive) in samples {
            positives += u64::from(positive);
            negatives += u64::from(!positive);
            let above = Above { threshold, positives, negatives };
            // `==` and not the order of the sort, because −0 and 0 are one score.
            match thresholds.last_mut() {
                Some(last) if last.threshold == threshold => *last = above,
                _ => thresholds.push(above),
            }
        }
        thresholds
    }
}

/// The mean of the values that are defined.
pub(crate) fn mean_of_defined(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

impl ClassifierMetric for OneVsRest {
    const FIGURES: &'static [Figure] = &[Figure::higher("roc_auc"), Figure::higher("pr_auc")];

    fn for_classes(classes: usize) -> Self {
        Self::new(classes)
    }

    fn expected_scores(&self) -> Option<usize> {
        Some(self.classes)
    }

    fn add(&mut self, scores: &[f32], target: ClassId) {
        self.scores.extend_from_slice(scores);
        self.targets.push(target);
    }

    fn scores(&self, rows: &mut [ClassRow]) -> Vec<Score> {
        let areas = self.all_areas();
        for (row, &(roc_auc, pr_auc)) in rows.iter_mut().zip(&areas) {
            (row.roc_auc, row.pr_auc) = (roc_auc, pr_auc);
        }
        vec![
            Score::new("roc_auc", mean_of_defined(areas.iter().map(|(roc, _)| *roc))),
            Score::new("pr_auc", mean_of_defined(areas.iter().map(|(_, precision)| *precision))),
        ]
    }

    fn clear(&mut self) {
        *self = Self::new(self.classes);
    }
}

#[cfg(test)]
mod tests {
    use vision_types::ClassScores;

    use super::*;
    use crate::Metric;

    /// Two classes, the second with the given scores.
    fn ranked(scores: &[f32], targets: &[ClassId]) -> OneVsRest {
        let mut metric = OneVsRest::new(2);
        let predictions: Vec<_> = scores.iter().map(|&score| ClassScores(vec![1.0 - score, score])).collect();
        metric.update(&predictions, targets).unwrap();
        metric
    }

    #[test]
    fn areas_by_hand() {
        // By falling score: 0.75 (positive), 0.5 (negative), 0.5 (positive), 0.25 (negative).
        let metric = ranked(&[0.75, 0.5, 0.5, 0.25], &[1, 0, 1, 0]);
        let (roc, precision) = metric.areas(1);
        // Four pairs: 0.75 beats both negatives, 0.5 ties with one and beats one: 3.5 of 4.
        assert_eq!(roc, Some(3.5 / 4.0));
        // Recall rises by 1/2 at precision 1/1 and by 1/2 at precision 2/3.
        assert_eq!(precision, Some((1.0 + 2.0 / 3.0) / 2.0));
    }

    #[test]
    fn curves_by_hand() {
        let metric = ranked(&[0.75, 0.5, 0.5, 0.25], &[1, 0, 1, 0]);
        let roc: Vec<_> =
            metric.roc_curve(1).unwrap().iter().map(|p| (p.false_positive_rate, p.true_positive_rate)).collect();
        assert_eq!(roc, [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
        let curve: Vec<_> = metric.precision_recall_curve(1).unwrap().iter().map(|p| (p.recall, p.precision)).collect();
        assert_eq!(curve, [(0.0, 1.0), (0.5, 1.0), (1.0, 2.0 / 3.0), (1.0, 0.5)]);
    }

    #[test]
    fn a_class_without_samples_has_no_curve_and_does_not_count() {
        let mut metric = OneVsRest::new(3);
        let scores = [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]].map(|scores| ClassScores(scores.to_vec()));
        metric.update(&scores, &[0, 1]).unwrap();
        assert_eq!(metric.areas(2), (None, None));
        assert!(metric.roc_curve(2).is_none() && metric.precision_recall_curve(2).is_none());
        assert_eq!(metric.roc_auc(), Some(1.0));
        assert_eq!(metric.pr_auc(), Some(1.0));
    }

    #[test]
    fn a_class_that_has_every_sample_has_precision_but_no_roc() {
        let metric = ranked(&[0.5, 0.25], &[1, 1]);
        assert_eq!(metric.areas(1), (None, Some(1.0)));
        assert_eq!(metric.compute()[0], Score::new("roc_auc", None));
    }

    #[test]
    fn the_two_zeros_are_one_score() {
        let metric = ranked(&[0.0, -0.0], &[0, 1]);
        assert_eq!(metric.areas(1).0, Some(0.5));
    }
}
