//! Top-k accuracy.

use vision_types::{ClassId, ClassScores};

use crate::check::check_scores;
use crate::figure::{Figure, Shown};
use crate::{Metric, MetricError, Score};

/// The figures of [`TopKAccuracy`].
pub(crate) const FIGURES: &[Figure] = &[Figure::higher("top#").shown(Shown::Epoch)];

/// The part of all samples whose true class is among the `k` highest scores. Equal scores rank in the order of the
/// classes (so top-1 is the accuracy of NumPy's `argmax`); scikit-learn's `top_k_accuracy_score` ranks them the other
/// way round. The score is called `top5` for `k` = 5.
#[derive(Debug, Clone)]
pub struct TopKAccuracy {
    k: usize,
    classes: usize,
    correct: u64,
    total: u64,
}

impl TopKAccuracy {
    /// Counts a sample as right when its class is among the `k` highest of `classes` scores.
    pub fn new(k: usize, classes: usize) -> Self {
        Self { k, classes, correct: 0, total: 0 }
    }

    /// Counts one sample that has been checked.
    pub(crate) fn add(&mut self, scores: &[f32], target: ClassId) {
        let own = scores[target];
        let higher = scores.iter().filter(|&&score| score > own).count();
        let equal_before = scores[..target].iter().filter(|&&score| score == own).count();
        self.correct += u64::from(higher + equal_before < self.k);
        self.total += 1;
    }

    /// The accuracy; `None` without samples.
    pub fn value(&self) -> Option<f64> {
        (self.total > 0).then(|| self.correct as f64 / self.total as f64)
    }
}

impl Metric<ClassScores, ClassId> for TopKAccuracy {
    fn update(&mut self, predictions: &[ClassScores], targets: &[ClassId]) -> Result<(), MetricError> {
        check_scores(predictions, targets, self.classes)?;
        for (prediction, &target) in predictions.iter().zip(targets) {
            self.add(&prediction.0, target);
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        vec![Score::new(format!("top{}", self.k), self.value())]
    }

    fn reset(&mut self) {
        *self = Self::new(self.k, self.classes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_rank_in_the_order_of_the_classes() {
        let tied = ClassScores(vec![0.2, 0.3, 0.3, 0.2]);
        // Ranks: class 1, 2, 0, 3.
        for (k, right) in [(1, [0.0, 1.0, 0.0, 0.0]), (2, [0.0, 1.0, 1.0, 0.0]), (3, [1.0, 1.0, 1.0, 0.0])] {
            for (target, expected) in right.into_iter().enumerate() {
                let mut top = TopKAccuracy::new(k, 4);
                top.update(std::slice::from_ref(&tied), &[target]).unwrap();
                assert_eq!(top.value(), Some(expected), "class {target} among the top {k}");
            }
        }
    }

    #[test]
    fn its_name_says_k() {
        assert_eq!(TopKAccuracy::new(5, 10).compute(), [Score::new("top5", None)]);
    }
}
