//! The Brier score: how good the probabilities themselves are.

use vision_types::ClassId;

use crate::figure::Figure;
use crate::{ClassRow, ClassifierMetric, RunningMean, Score};

/// Brier score: the mean over samples of the summed squared differences between the probabilities and the one-hot truth
/// (Brier 1950), from 0 (perfect) to 2; halved for two classes, so that it is the usual `(p − y)²` there. This is
/// scikit-learn's `brier_score_loss` with `scale_by_half="auto"`. The score is called `brier`.
#[derive(Debug, Clone)]
pub struct BrierScore {
    classes: usize,
    mean: RunningMean,
}

impl BrierScore {
    /// For `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, mean: RunningMean::new() }
    }

    /// The score; `None` without samples.
    pub fn value(&self) -> Option<f64> {
        self.mean.value()
    }
}

impl ClassifierMetric for BrierScore {
    const FIGURES: &'static [Figure] = &[Figure::lower("brier")];

    fn for_classes(classes: usize) -> Self {
        Self::new(classes)
    }

    fn expected_scores(&self) -> Option<usize> {
        Some(self.classes)
    }

    fn add(&mut self, scores: &[f32], target: ClassId) {
        let square = |(class, &score): (usize, &f32)| {
            let truth = if class == target { 1.0 } else { 0.0 };
            (f64::from(score) - truth).powi(2)
        };
        let sum: f64 = scores.iter().enumerate().map(square).sum();
        self.mean.add(if self.classes == 2 { sum / 2.0 } else { sum }, 1);
    }

    fn scores(&self, _rows: &mut [ClassRow]) -> Vec<Score> {
        vec![Score::new("brier", self.value())]
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

    #[test]
    fn brier_by_hand() {
        // Exactly representable: (0.5 − 1)² + 0.25² + 0.25² = 0.375 and 0.25² + 0.75² + 0.5² = 0.875.
        let mut brier = BrierScore::new(3);
        brier.update(&[ClassScores(vec![0.5, 0.25, 0.25]), ClassScores(vec![0.25, 0.25, 0.5])], &[0, 1]).unwrap();
        assert_eq!(brier.value(), Some((0.375 + 0.875) / 2.0));
        // Two classes: ((0.75 − 1)² + 0.25²) / 2 = 0.0625.
        let mut brier = BrierScore::new(2);
        brier.update(&[ClassScores(vec![0.25, 0.75])], &[1]).unwrap();
        assert_eq!(brier.value(), Some(0.0625));
    }
}
