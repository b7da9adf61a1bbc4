//! Mean reciprocal rank.

use vision_types::{ClassId, ClassScores};

use crate::check::check_scores;
use crate::figure::{Figure, Shown};
use crate::{Metric, MetricError, Score};

/// The figures of [`MeanReciprocalRank`].
pub(crate) const FIGURES: &[Figure] = &[Figure::higher("mean_reciprocal_rank").shown(Shown::Epoch)];

/// The mean of `1 / rank` of the true class, where the class with the highest score has rank 1. Equal scores rank in
/// the order of the classes.
#[derive(Debug, Clone)]
pub struct MeanReciprocalRank {
    classes: usize,
    sum: f64,
    samples: u64,
}

impl MeanReciprocalRank {
    /// For predictions of `classes` scores each.
    pub fn new(classes: usize) -> Self {
        Self { classes, sum: 0.0, samples: 0 }
    }

    /// The mean; `None` without samples.
    pub fn value(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.sum / self.samples as f64)
    }
}

impl Metric<ClassScores, ClassId> for MeanReciprocalRank {
    fn update(&mut self, predictions: &[ClassScores], targets: &[ClassId]) -> Result<(), MetricError> {
        check_scores(predictions, targets, self.classes)?;
        for (prediction, target) in predictions.iter().zip(targets) {
            let before = prediction.ranked().iter().take_while(|class| *class != target).count();
            self.sum += 1.0 / (before + 1) as f64;
            self.samples += 1;
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        vec![Score::new("mean_reciprocal_rank", self.value())]
    }

    fn reset(&mut self) {
        *self = Self::new(self.classes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_one_and_three_have_the_mean_of_one_and_a_third() {
        let mut metric = MeanReciprocalRank::new(3);
        let scores = || ClassScores(vec![0.5, 0.3, 0.2]);
        metric.update(&[scores(), scores()], &[0, 2]).expect("two predictions for two targets");
        assert_eq!(metric.value(), Some((1.0 + 1.0 / 3.0) / 2.0));
    }
}
