//! Everything that is usually asked of a classifier, in one metric.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use vision_types::{ClassId, ClassNames, ClassScores};

use crate::check::{best_class, check_scores};
use crate::ranking::mean_of_defined;
use crate::{
    BrierScore, CalibrationError, ConfusionMatrix, LogLoss, Metric, MetricError, OneVsRest, Score, TopKAccuracy,
};

/// The `k` of the top-k accuracy: that of the ImageNet challenge (Russakovsky et al. 2015).
const TOP_K: usize = 5;

/// Gathers all figures of a classifier: those of [`ConfusionMatrix`], `top5` (with more than five classes),
/// [`OneVsRest`], [`BrierScore`], [`LogLoss`] and [`CalibrationError`].
#[derive(Debug, Clone)]
pub struct ClassificationMetrics {
    names: ClassNames,
    confusion: ConfusionMatrix,
    top: Option<TopKAccuracy>,
    ranking: Option<OneVsRest>,
    brier: BrierScore,
    log_loss: LogLoss,
    calibration: CalibrationError,
}

/// The figures of one class, for a table or for JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassRow {
    /// Name of the class.
    pub class: String,
    /// Number of the class.
    pub class_id: ClassId,
    /// Number of samples of the class.
    pub support: u64,
    /// How often it was predicted, right or wrong.
    pub predicted: u64,
    /// The part of its predictions that is right; 0 when it is never predicted.
    pub precision: f64,
    /// The part of its samples that is found; 0 without samples.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// Area under its ROC curve against the rest; `None` when not defined or not asked for.
    pub roc_auc: Option<f64>,
    /// Its average precision; `None` when not defined or not asked for.
    pub pr_auc: Option<f64>,
}

/// All figures of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassificationSummary {
    /// Number of samples.
    pub samples: u64,
    /// The figures over all classes, in fixed order; in JSON an object from name to figure or `null`.
    #[serde(rename = "metrics", serialize_with = "serialize_scores")]
    pub scores: Vec<Score>,
    /// One row a class, in the order of the classes.
    pub per_class: Vec<ClassRow>,
    /// Rows are true classes, columns predicted ones.
    pub confusion_matrix: ConfusionMatrix,
}

impl ClassificationMetrics {
    /// For classes of the given names.
    pub fn new(names: ClassNames) -> Self {
        let classes = names.len();
        Self {
            names,
            confusion: ConfusionMatrix::new(classes),
            top: (classes > TOP_K).then(|| TopKAccuracy::new(TOP_K, classes)),
            ranking: Some(OneVsRest::new(classes)),
            brier: BrierScore::new(classes),
            log_loss: LogLoss::new(classes),
            calibration: CalibrationError::new(classes),
        }
    }

    /// The same without `roc_auc`, `pr_auc` and their curves, the only figures that must keep every score (4 bytes ×
    /// samples × classes): for large training sets.
    pub fn without_ranking(names: ClassNames) -> Self {
        Self { ranking: None, ..Self::new(names) }
    }

    /// Names of the classes.
    pub fn names(&self) -> &ClassNames {
        &self.names
    }

    /// The confusion matrix so far.
    pub fn confusion_matrix(&self) -> &ConfusionMatrix {
        &self.confusion
    }

    /// The calibration so far, with its reliability diagram.
    pub fn calibration(&self) -> &CalibrationError {
        &self.calibration
    }

    /// ROC and precision-recall curves so far; `None` [without ranking](Self::without_ranking).
    pub fn ranking(&self) -> Option<&OneVsRest> {
        self.ranking.as_ref()
    }

    /// One row a class, in the order of the classes.
    pub fn per_class(&self) -> Vec<ClassRow> {
        self.rows(&self.areas())
    }

    /// Scores, per-class rows and the confusion matrix at once.
    pub fn summary(&self) -> ClassificationSummary {
        let areas = self.areas();
        ClassificationSummary {
            samples: self.confusion.total(),
            scores: self.scores(&areas),
            per_class: self.rows(&areas),
            confusion_matrix: self.confusion.clone(),
        }
    }

    /// The ranking areas of every class, `None`s without ranking.
    fn areas(&self) -> Vec<(Option<f64>, Option<f64>)> {
        self.ranking.as_ref().map_or_else(|| vec![(None, None); self.names.len()], OneVsRest::all_areas)
    }

    fn rows(&self, areas: &[(Option<f64>, Option<f64>)]) -> Vec<ClassRow> {
        let figures = self.confusion.per_class();
        let rows = self.names.iter().zip(figures).zip(areas).enumerate();
        rows.map(|(class_id, ((name, figures), &(roc_auc, pr_auc)))| ClassRow {
            class: name.to_owned(),
            class_id,
            support: figures.support,
            predicted: figures.predicted,
            precision: figures.precision,
            recall: figures.recall,
            f1: figures.f1,
            roc_auc,
            pr_auc,
        })
        .collect()
    }

    fn scores(&self, areas: &[(Option<f64>, Option<f64>)]) -> Vec<Score> {
        let mut scores = self.confusion.compute();
        if let Some(top) = &self.top {
            // Right after the accuracy.
            scores.splice(1..1, top.compute());
        }
        if self.ranking.is_some() {
            scores.push(Score::new("roc_auc", mean_of_defined(areas.iter().map(|(roc, _)| *roc))));
            scores.push(Score::new("pr_auc", mean_of_defined(areas.iter().map(|(_, precision)| *precision))));
        }
        scores.extend(self.brier.compute());
        scores.extend(self.log_loss.compute());
        scores.extend(self.calibration.compute());
        scores
    }
}

impl Metric<ClassScores, ClassId> for ClassificationMetrics {
    fn update(&mut self, predictions: &[ClassScores], targets: &[ClassId]) -> Result<(), MetricError> {
        check_scores(predictions, targets, self.names.len())?;
        for (ClassScores(scores), &target) in predictions.iter().zip(targets) {
            self.confusion.add(target, best_class(scores));
            if let Some(top) = &mut self.top {
                top.add(scores, target);
            }
            if let Some(ranking) = &mut self.ranking {
                ranking.add(scores, target);
            }
            self.brier.add(scores, target);
            self.log_loss.add(scores, target);
            self.calibration.add(scores, target);
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        self.scores(&self.areas())
    }

    fn reset(&mut self) {
        self.confusion.clear();
        if let Some(top) = &mut self.top {
            top.reset();
        }
        if let Some(ranking) = &mut self.ranking {
            ranking.reset();
        }
        self.brier.reset();
        self.log_loss.reset();
        self.calibration.reset();
    }
}

impl ClassificationSummary {
    /// The figure called `name`; `None` when there is none or it is not defined for the data.
    pub fn score(&self, name: &str) -> Option<f64> {
        self.scores.iter().find(|score| score.name == name)?.value
    }
}

/// Writes scores as an object from name to figure, in their order.
fn serialize_scores<S: Serializer>(scores: &[Score], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(scores.len()))?;
    for score in scores {
        map.serialize_entry(&score.name, &score.value)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::direction;

    fn names(classes: usize) -> ClassNames {
        ClassNames::new((0..classes).map(|class| format!("class {class}")))
    }

    #[test]
    fn every_score_has_a_direction_and_its_own_name() {
        let scores = ClassificationMetrics::new(names(10)).compute();
        for (index, score) in scores.iter().enumerate() {
            assert!(direction(&score.name).is_some(), "{}", score.name);
            assert!(scores[..index].iter().all(|other| other.name != score.name), "{} twice", score.name);
        }
        assert_eq!(scores.len(), 19);
        assert_eq!((scores[0].name.as_str(), scores[1].name.as_str()), ("accuracy", "top5"));
        // Five classes are always among the top five, so nothing is said about them.
        let few = ClassificationMetrics::new(names(5)).compute();
        assert!(few.iter().all(|score| score.name != "top5"));
    }

    #[test]
    fn without_samples_json_says_null() {
        let json = serde_json::to_value(ClassificationMetrics::new(names(6)).summary()).unwrap();
        assert_eq!(json["samples"], 0);
        let metrics = json["metrics"].as_object().unwrap();
        assert_eq!(metrics.len(), 19);
        assert!(metrics.values().all(serde_json::Value::is_null), "{metrics:?}");
        assert_eq!(json["per_class"][5]["class"], "class 5");
        assert_eq!(json["per_class"][5]["f1"], 0.0);
        assert_eq!(json["confusion_matrix"][0], serde_json::json!([0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn a_refused_batch_leaves_no_trace() {
        let mut metrics = ClassificationMetrics::new(names(2));
        metrics.update(&[ClassScores(vec![0.75, 0.25])], &[0]).unwrap();
        let before = metrics.summary();
        let good = ClassScores(vec![0.5, 0.5]);
        let cases = [
            (vec![good.clone()], vec![0, 1], "1 predictions for 2 targets: there must be one prediction a target"),
            (
                vec![good.clone(), good.clone()],
                vec![0, 2],
                "target 1 of the batch is class 2, but the classes are numbered below 2",
            ),
            (
                vec![good.clone(), ClassScores(vec![1.0])],
                vec![0, 1],
                "prediction 1 of the batch has 1 scores, expected one for each of the 2 classes",
            ),
            (
                vec![good.clone(), ClassScores(vec![0.5, f32::NAN])],
                vec![0, 1],
                "prediction 1 of the batch scores class 1 with NaN, expected a probability from 0 to 1",
            ),
            (
                vec![ClassScores(vec![2.5, -1.5])],
                vec![0],
                "prediction 0 of the batch scores class 0 with 2.5, expected a probability from 0 to 1",
            ),
        ];
        for (predictions, targets, message) in cases {
            assert_eq!(metrics.update(&predictions, &targets).unwrap_err().to_string(), message);
            assert_eq!(metrics.summary(), before);
        }
    }

    #[test]
    fn reset_forgets_everything_and_ranking_can_be_left_out() {
        for mut metrics in [ClassificationMetrics::new(names(6)), ClassificationMetrics::without_ranking(names(6))] {
            let fresh = metrics.summary();
            metrics.update(&[ClassScores(vec![0.5, 0.1, 0.1, 0.1, 0.1, 0.1])], &[3]).unwrap();
            assert_eq!(metrics.summary().score("roc_auc"), None);
            assert_eq!(metrics.summary().score("top5"), Some(1.0));
            metrics.reset();
            assert_eq!(metrics.summary(), fresh);
        }
    }
}
