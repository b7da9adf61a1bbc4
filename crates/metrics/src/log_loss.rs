//! Logarithmic loss: how good the probabilities themselves are.

use vision_types::ClassId;

use crate::figure::Figure;
use crate::{ClassRow, ClassifierMetric, RunningMean, Score};

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

    /// The loss; `None` without samples.
    pub fn value(&self) -> Option<f64> {
        self.mean.value()
    }
}

impl ClassifierMetric for LogLoss {
    const FIGURES: &'static [Figure] = &[Figure::lower("log_loss")];

    fn for_classes(classes: usize) -> Self {
        Self::new(classes)
    }

    fn expected_scores(&self) -> Option<usize> {
        Some(self.classes)
    }

    fn add(&mut self, scores: &[f32], target: ClassId) {
        let probability = f64::from(scores[target]).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        self.mean.add(-probability.ln(), 1);
    }

    fn scores(&self, _rows: &mut [ClassRow]) -> Vec<Score> {
        vec![Score::new("log_loss", self.value())]
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
