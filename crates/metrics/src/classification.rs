//! The usual figures of a classifier, in one metric.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use vision_types::{ClassId, ClassNames, ClassScores};

use crate::check::check_scores;
use crate::{ClassifierMetric, Figure, Metric, MetricError, Score};

/// Makes the metrics of every classifier of their list. A line is the metric's file and its type, which implements
/// [`ClassifierMetric`] and is public under the crate's name; an `Option` can be left out.
macro_rules! classifier_metrics {
    ($($file:ident: $Metric:ty,)+) => {
        $(pub use crate::$file::*;)+

        /// The figures of every classifier: a group a metric.
        pub(crate) const FIGURES: &[&[Figure]] = &[$(<$Metric as ClassifierMetric>::FIGURES,)+];

        /// The metrics of a classifier, in the order of their scores.
        #[derive(Debug, Clone)]
        struct Listed {
            $($file: $Metric,)+
        }

        impl Listed {
            fn for_classes(classes: usize) -> Self {
                Self { $($file: ClassifierMetric::for_classes(classes),)+ }
            }

            /// Takes in one sample that has been checked.
            fn add(&mut self, scores: &[f32], target: ClassId) {
                $(self.$file.add(scores, target);)+
            }

            /// The scores of all metrics; `rows` as for [`ClassifierMetric::scores`].
            fn scores(&self, rows: &mut [ClassRow]) -> Vec<Score> {
                let mut scores = Vec::new();
                $(
                    let behind = <$Metric as ClassifierMetric>::BEHIND;
                    let place = scores.iter().position(|score: &Score| Some(score.name.as_str()) == behind);
                    let place = place.map_or(scores.len(), |place| place + 1);
                    scores.splice(place..place, self.$file.scores(rows));
                )+
                scores
            }

            fn clear(&mut self) {
                $(self.$file.clear();)+
            }
        }
    };
}

classifier_metrics! {
    confusion: ConfusionMatrix,
    top_k: Option<TopKAccuracy>,
    ranking: Option<OneVsRest>,
    brier: BrierScore,
    log_loss: LogLoss,
    calibration: CalibrationError,
}

/// Gathers all figures of a classifier: those of [`ConfusionMatrix`], [`TopKAccuracy`] (`top5`, with more than five
/// classes), [`OneVsRest`], [`BrierScore`], [`LogLoss`] and [`CalibrationError`].
#[derive(Debug, Clone)]
pub struct ClassificationMetrics {
    names: ClassNames,
    metrics: Listed,
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
        Self { metrics: Listed::for_classes(names.len()), names }
    }

    /// The same without `roc_auc`, `pr_auc` and their curves, the only figures that must keep every score (4 bytes ×
    /// samples × classes): for large training sets.
    pub fn without_ranking(names: ClassNames) -> Self {
        let mut judge = Self::new(names);
        judge.metrics.ranking = None;
        judge
    }

    /// Names of the classes.
    pub fn names(&self) -> &ClassNames {
        &self.names
    }

    /// The confusion matrix so far.
    pub fn confusion_matrix(&self) -> &ConfusionMatrix {
        &self.metrics.confusion
    }

    /// The calibration so far, with its reliability diagram.
    pub fn calibration(&self) -> &CalibrationError {
        &self.metrics.calibration
    }

    /// ROC and precision-recall curves so far; `None` [without ranking](Self::without_ranking).
    pub fn ranking(&self) -> Option<&OneVsRest> {
        self.metrics.ranking.as_ref()
    }

    /// One row a class, in the order of the classes.
    pub fn per_class(&self) -> Vec<ClassRow> {
        self.scores_and_rows().1
    }

    /// Scores, per-class rows and the confusion matrix at once.
    pub fn summary(&self) -> ClassificationSummary {
        let (scores, per_class) = self.scores_and_rows();
        let confusion_matrix = self.metrics.confusion.clone();
        ClassificationSummary { samples: confusion_matrix.total(), scores, per_class, confusion_matrix }
    }

    fn scores_and_rows(&self) -> (Vec<Score>, Vec<ClassRow>) {
        let mut rows: Vec<ClassRow> = self.names.iter().enumerate().map(|(id, name)| ClassRow::new(id, name)).collect();
        (self.metrics.scores(&mut rows), rows)
    }
}

impl ClassRow {
    /// A row without figures.
    fn new(class_id: ClassId, class: &str) -> Self {
        Self {
            class: class.to_owned(),
            class_id,
            support: 0,
            predicted: 0,
            precision: 0.0,
            recall: 0.0,
            f1: 0.0,
            roc_auc: None,
            pr_auc: None,
        }
    }
}

impl Metric<ClassScores, ClassId> for ClassificationMetrics {
    fn update(&mut self, predictions: &[ClassScores], targets: &[ClassId]) -> Result<(), MetricError> {
        check_scores(predictions, targets, self.names.len())?;
        for (ClassScores(scores), &target) in predictions.iter().zip(targets) {
            self.metrics.add(scores, target);
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        self.metrics.scores(&mut [])
    }

    fn reset(&mut self) {
        self.metrics.clear();
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

    /// How many figures the list has.
    fn figures() -> usize {
        FIGURES.iter().copied().flatten().count()
    }

    #[test]
    fn every_score_has_a_direction_and_its_own_name() {
        let scores = ClassificationMetrics::new(names(10)).compute();
        for (index, score) in scores.iter().enumerate() {
            assert!(direction(&score.name).is_some(), "{}", score.name);
            assert!(scores[..index].iter().all(|other| other.name != score.name), "{} twice", score.name);
        }
        // Each figure that the list declares is there.
        assert_eq!(scores.len(), figures());
        assert!(FIGURES.iter().copied().flatten().all(|figure| scores.iter().any(|score| figure.is(&score.name))));
        // The order in which tables and files have had them.
        let order = [
            ["accuracy", "top5", "balanced_accuracy"].as_slice(),
            &["precision_macro", "recall_macro", "f1_macro", "precision_micro", "recall_micro", "f1_micro"],
            &["precision_weighted", "recall_weighted", "f1_weighted", "cohen_kappa", "matthews"],
            &["roc_auc", "pr_auc", "brier", "log_loss", "ece"],
        ]
        .concat();
        let found: Vec<&str> = scores.iter().map(|score| score.name.as_str()).collect();
        assert_eq!(found.into_iter().filter(|name| order.contains(name)).collect::<Vec<_>>(), order);
        // Five classes are always among the top five, so nothing is said about them.
        let few = ClassificationMetrics::new(names(5)).compute();
        assert!(few.iter().all(|score| score.name != "top5"));
    }

    #[test]
    fn without_samples_json_says_null() {
        let json = serde_json::to_value(ClassificationMetrics::new(names(6)).summary()).unwrap();
        assert_eq!(json["samples"], 0);
        let metrics = json["metrics"].as_object().unwrap();
        assert_eq!(metrics.len(), figures());
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
