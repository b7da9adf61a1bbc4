//! Proper scoring rules: how good the probabilities themselves are.

use vision_types::{ClassId, ClassScores};

use crate::check::check_scores;
use crate::figure::Figure;
use crate::{Metric, MetricError, RunningMean, Score};

/// The figures of [`LogLoss`] and [`BrierScore`].
pub(crate) const FIGURES: &[Figure] = &[Figure::lower("log_loss"), Figure::lower("brier")];

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

    /// Takes in one sample that has been checked.
    pub(crate) fn add(&mut self, scores: &[f32], target: ClassId) {
        let square = |(class, &score): (usize, &f32)| {
            let truth = if class == target { 1.0 } else { 0.0 };
            (f64::from(score) - truth).powi(2)
        };
        let sum: f64 = scores.iter().enumerate().map(square).sum();
        self.mean.add(if self.classes == 2 { sum / 2.0 } else { sum }, 1);
    }

    /// The score; `None` without samples.
    pub fn value(&self) -> Option<f64> {
        self.mean.value()
    }
}

impl Metric<ClassScores, ClassId> for BrierScore {
    fn update(&mut self, predictions: &[ClassScores], targets: &[ClassId]) -> Result<(), MetricError> {
        check_scores(predictions, targets, self.classes)?;
        for (prediction, &target) in predictions.iter().zip(targets) {
            self.add(&prediction.0, target);
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        vec![Score::new("brier", self.value())]
    }

    fn reset(&mut self) {
        *self = Self::new(self.classes);
    }
}

/// Logarithmic loss: the mean negative natural logarithm of the true class's probability (scikit-learn's `log_loss` on
/// `f64` input). Probabilities are clipped to `ε..=1 − ε` with `f64`'s ε = 2.2e-16, so one impossible truth costs 36
/// and not infinity. The score is called `log_loss`.
#[derive(Debug, Clone)]
pub struct LogLoss {
    classes: usize,
    mean: RunningMean,
}

impl LogLoss {
    /// For `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, mean: RunningMean::new() }
    }

    /// Takes in one sample that has been checked.
    pub(crate) fn add(&mut self, scores: &[f32], target: ClassId) {
        let probability = f64::from(scores[target]).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        self.mean.add(-probability.ln(), 1);
    }

    /// The loss; `None` without samples.
    pub fn value(&self) -> Option<f64> {
        self.mean.value()
    }
}

impl Metric<ClassScores, ClassId> for LogLoss {
    fn update(&mut self, predictions: &[ClassScores], targets: &[ClassId]) -> Result<(), MetricError> {
        check_scores(predictions, targets, self.classes)?;
        for (prediction, &target) in predictions.iter().zip(targets) {
            self.add(&prediction.0, target);
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        vec![Score::new("log_loss", self.value())]
    }

    fn reset(&mut self) {
        *self = Self::new(self.classes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn log_loss_by_hand() {
        // −(ln 1/2 + ln 1/4) / 2 = 1.5 ln 2.
        let mut loss = LogLoss::new(2);
        loss.update(&[ClassScores(vec![0.5, 0.5]), ClassScores(vec![0.75, 0.25])], &[0, 1]).unwrap();
        assert!((loss.value().unwrap() - 1.5 * std::f64::consts::LN_2).abs() < 1e-15);
        // An impossible truth: −ln 2⁻⁵² = 52 ln 2.
        let mut loss = LogLoss::new(2);
        loss.update(&[ClassScores(vec![1.0, 0.0])], &[1]).unwrap();
        assert!((loss.value().unwrap() - 52.0 * std::f64::consts::LN_2).abs() < 1e-12);
    }
}
