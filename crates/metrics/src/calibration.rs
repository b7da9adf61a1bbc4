//! Expected calibration error and the reliability diagram behind it.

use serde::{Deserialize, Serialize};
use vision_types::ClassId;

use crate::check::best_class;
use crate::figure::Figure;
use crate::{ClassRow, ClassifierMetric, Score};

/// Number of bins by default: that of Guo et al. 2017 and of torchmetrics.
pub const CALIBRATION_BINS: usize = 15;

/// Expected calibration error: how far the confidence of the best class lies from its accuracy, averaged over bins of
/// confidence weighted by their samples (Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 5).
/// The score is called `ece`.
///
/// Equal to torchmetrics' `MulticlassCalibrationError(n_bins, norm="l1")`, with sums in `f64` where torchmetrics rounds
/// to `f32`. As there, bins include their lower edge, so a confidence of exactly 1 falls into a bin of its own.
#[derive(Debug, Clone)]
pub struct CalibrationError {
    classes: usize,
    /// One entry a bin, then the one for confidence 1.
    bins: Vec<Bin>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    count: u64,
    correct: u64,
    confidence_sum: f64,
}

/// One bar of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Lowest confidence of the bin, inclusive.
    pub lower: f64,
    /// Highest confidence of the bin, exclusive; equal to `lower` in the last bin, which holds confidence 1 alone.
    pub upper: f64,
    /// Number of samples in it.
    pub count: u64,
    /// Mean confidence of its samples; `None` when there are none.
    pub confidence: Option<f64>,
    /// The part of its samples that was predicted right; `None` when there are none.
    pub accuracy: Option<f64>,
}

impl CalibrationError {
    /// For `classes` classes, with [`CALIBRATION_BINS`] bins.
    pub fn new(classes: usize) -> Self {
        Self::with_bins(classes, CALIBRATION_BINS)
    }

    /// For `classes` classes, with `bins` bins of equal width.
    ///
    /// # Panics
    ///
    /// When `bins` is zero.
    pub fn with_bins(classes: usize, bins: usize) -> Self {
        assert!(bins > 0, "a calibration error needs at least one bin");
        Self { classes, bins: vec![Bin::default(); bins + 1] }
    }

    /// The error, from 0 to 1; `None` without samples.
    pub fn value(&self) -> Option<f64> {
        let total: u64 = self.bins.iter().map(|bin| bin.count).sum();
        // |accuracy − confidence| · count / total, with the count cancelled.
        let gaps: f64 = self.bins.iter().map(|bin| (bin.correct as f64 - bin.confidence_sum).abs()).sum();
        (total > 0).then(|| gaps / total as f64)
    }

    /// The reliability diagram, from low to high confidence.
    pub fn reliability(&self) -> Vec<ReliabilityBin> {
        let widths = self.bins.len() - 1;
        let edge = |index: usize| index.min(widths) as f64 / widths as f64;
        let bar = |(index, bin): (usize, &Bin)| ReliabilityBin {
            lower: edge(index),
            upper: edge(index + 1),
            count: bin.count,
            confidence: (bin.count > 0).then(|| bin.confidence_sum / bin.count as f64),
            accuracy: (bin.count > 0).then(|| bin.correct as f64 / bin.count as f64),
        };
        self.bins.iter().enumerate().map(bar).collect()
    }
}

impl ClassifierMetric for CalibrationError {
    const FIGURES: &'static [Figure] = &[Figure::lower("ece")];

    fn for_classes(classes: usize) -> Self {
        Self::new(classes)
    }

    fn expected_scores(&self) -> Option<usize> {
        Some(self.classes)
    }

    fn add(&mut self, scores: &[f32], target: ClassId) {
        let predicted = best_class(scores);
        let confidence = f64::from(scores[predicted]);
        let widths = (self.bins.len() - 1) as f64;
        // The cast rounds down and saturates, so tolerated values just outside 0..=1 fall into the outer bins.
        let index = ((confidence * widths) as usize).min(self.bins.len() - 1);
        let bin = &mut self.bins[index];
        bin.count += 1;
        bin.correct += u64::from(predicted == target);
        bin.confidence_sum += confidence;
    }

    fn scores(&self, _rows: &mut [ClassRow]) -> Vec<Score> {
        vec![Score::new("ece", self.value())]
    }

    fn clear(&mut self) {
        self.bins.fill(Bin::default());
    }
}

#[cfg(test)]
mod tests {
    use vision_types::ClassScores;

    use super::*;
    use crate::Metric;

    #[test]
    fn error_and_bins_by_hand() {
        let mut calibration = CalibrationError::with_bins(2, 4);
        let scores = |first: f32| ClassScores(vec![first, 1.0 - first]);
        // Bin 0.5..0.75: confidences 0.5 (right) and 0.625 (wrong). Bin 0.75..1: 0.75 (right). Bin of 1: one, right.
        calibration.update(&[scores(0.5), scores(0.625), scores(0.75), scores(1.0)], &[0, 1, 0, 0]).unwrap();
        // (|1 − 1.125| + |1 − 0.75| + |1 − 1|) / 4 = 0.375 / 4.
        assert_eq!(calibration.value(), Some(0.375 / 4.0));
        let bins = calibration.reliability();
        assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [0, 0, 2, 1, 1]);
        assert_eq!((bins[2].lower, bins[2].upper), (0.5, 0.75));
        assert_eq!((bins[2].confidence, bins[2].accuracy), (Some(0.5625), Some(0.5)));
        assert_eq!((bins[4].lower, bins[4].upper), (1.0, 1.0));
        assert_eq!((bins[0].confidence, bins[0].accuracy), (None, None));
    }
}
