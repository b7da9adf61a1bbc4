//! Mean reciprocal rank.

use vision_types::ClassId;

use crate::figure::{Figure, Shown};
use crate::{ClassRow, ClassifierMetric, RunningMean, Score};

/// The mean of `1 / rank` of the true class, where the class with the highest score has rank 1. Equal scores rank in
/// the order of the classes. The score is called `mean_reciprocal_rank`.
#[derive(Debug, Clone)]
pub struct MeanReciprocalRank {
    classes: usize,
    mean: RunningMean,
}

impl ClassifierMetric for MeanReciprocalRank {
    const FIGURES: &'static [Figure] = &[Figure::higher("mean_reciprocal_rank").shown(Shown::Epoch)];

    fn for_classes(classes: usize) -> Self {
        Self { classes, mean: RunningMean::new() }
    }

    fn expected_scores(&self) -> Option<usize> {
        Some(self.classes)
    }

    fn add(&mut self, scores: &[f32], target: ClassId) {
        let own = scores[target];
        let before = scores.iter().enumerate().filter(|&(class, &score)| score > own || (score == own && class < target));
        self.mean.add(1.0 / (before.count() + 1) as f64, 1);
    }

    fn scores(&self, _rows: &mut [ClassRow]) -> Vec<Score> {
        vec![Score::new("mean_reciprocal_rank", self.mean.value())]
    }

    fn clear(&mut self) {
        *self = Self::for_classes(self.classes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_reciprocal_rank_of_ranks_one_and_three_is_the_mean_of_one_and_a_third() {
        let mut metric = MeanReciprocalRank::for_classes(3);
        metric.add(&[0.5, 0.3, 0.2], 0);
        metric.add(&[0.5, 0.3, 0.2], 2);
        assert_eq!(metric.scores(&mut [])[0].value, Some((1.0 + 1.0 / 3.0) / 2.0));
    }
}
