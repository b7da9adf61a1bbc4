//! What a metric of a classifier has to say of itself.

use vision_types::{ClassId, ClassScores};

use crate::check::check_scores;
use crate::{ClassRow, Figure, Metric, MetricError, Score};

/// A metric of a classifier's scores, gathered sample by sample: what a line of the list in `classification.rs` needs.
/// [`Metric`] follows from it.
pub trait ClassifierMetric: Send {
    /// Its figures, in the order in which they are shown.
    const FIGURES: &'static [Figure];

    /// The figure that its scores stand behind among those of [`ClassificationMetrics`](crate::ClassificationMetrics);
    /// `None` for behind everything before it in the list.
    const BEHIND: Option<&'static str> = None;

    /// Fewest classes for which it says anything; with fewer, an optional metric of the list is left out.
    const LEAST_CLASSES: usize = 0;

    /// With nothing gathered, for `classes` classes.
    fn for_classes(classes: usize) -> Self;

    /// How many scores a prediction must have; `None` where any number will do.
    fn expected_scores(&self) -> Option<usize>;

    /// Takes in one sample whose scores and target have been checked: probabilities, as many as
    /// [`expected_scores`](Self::expected_scores) says, and a class below that.
    fn add(&mut self, scores: &[f32], target: ClassId);

    /// The scores of everything taken in. `rows` has a row for each class, in whose columns the metric writes its
    /// figures of the class; it is empty where nobody asks for them.
    fn scores(&self, rows: &mut [ClassRow]) -> Vec<Score>;

    /// Forgets everything taken in.
    fn clear(&mut self);
}

impl<M: ClassifierMetric> Metric<ClassScores, ClassId> for M {
    fn update(&mut self, predictions: &[ClassScores], targets: &[ClassId]) -> Result<(), MetricError> {
        if let Some(classes) = self.expected_scores() {
            check_scores(predictions, targets, classes)?;
        }
        for (ClassScores(scores), &target) in predictions.iter().zip(targets) {
            self.add(scores, target);
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        self.scores(&mut [])
    }

    fn reset(&mut self) {
        self.clear();
    }
}

/// A metric that may be left out, and then takes in nothing and has no scores.
impl<M: ClassifierMetric> ClassifierMetric for Option<M> {
    const FIGURES: &'static [Figure] = M::FIGURES;
    const BEHIND: Option<&'static str> = M::BEHIND;

    fn for_classes(classes: usize) -> Self {
        (classes >= M::LEAST_CLASSES).then(|| M::for_classes(classes))
    }

    fn expected_scores(&self) -> Option<usize> {
        self.as_ref()?.expected_scores()
    }

    fn add(&mut self, scores: &[f32], target: ClassId) {
        if let Some(metric) = self {
            metric.add(scores, target);
        }
    }

    fn scores(&self, rows: &mut [ClassRow]) -> Vec<Score> {
        self.as_ref().map_or_else(Vec::new, |metric| metric.scores(rows))
    }

    fn clear(&mut self) {
        if let Some(metric) = self {
            metric.clear();
        }
    }
}
