//! Precision, recall and F1 of one class, and their averages over classes.

use serde::{Deserialize, Serialize};

/// How well one class is told from all others.
///
/// A ratio whose denominator is zero is 0, scikit-learn's default (`zero_division`): the precision of a class that is
/// never predicted, the recall of a class without samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// Samples of the class that were predicted right (true positives).
    pub correct: u64,
    /// Number of samples of the class.
    pub support: u64,
    /// How often the class was predicted, right or wrong.
    pub predicted: u64,
    /// The part of its predictions that is right.
    pub precision: f64,
    /// The part of its samples that is found.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

impl ClassFigures {
    /// The figures of a class with `correct` true positives among `support` samples and `predicted` predictions.
    pub fn from_counts(correct: u64, support: u64, predicted: u64) -> Self {
        let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        Self {
            correct,
            support,
            predicted,
            precision: ratio(correct, predicted),
            recall: ratio(correct, support),
            f1: ratio(2 * correct, support + predicted),
        }
    }
}

/// How the figures of classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Average {
    /// The plain mean over the classes that have samples or predictions; a class with neither is left out, as in
    /// scikit-learn (labels found in the data) and torchmetrics.
    Macro,
    /// From counts summed over all classes. With one label a sample, precision, recall and F1 then equal the accuracy.
    Micro,
    /// The mean over classes weighted by their supports.
    Weighted,
}

impl Average {
    /// The ending of a score's name: `macro`, `micro` or `weighted`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Macro => "macro",
            Self::Micro => "micro",
            Self::Weighted => "weighted",
        }
    }

    /// The averages `[precision, recall, f1]`; `None` without samples.
    pub fn of(self, classes: &[ClassFigures]) -> Option<[f64; 3]> {
        let sum = |count: fn(&ClassFigures) -> u64| classes.iter().map(count).sum::<u64>();
        let support = sum(|class| class.support);
        if support == 0 {
            return None;
        }
        Some(match self {
            Self::Micro => {
                let pooled =
                    ClassFigures::from_counts(sum(|class| class.correct), support, sum(|class| class.predicted));
                [pooled.precision, pooled.recall, pooled.f1]
            }
            Self::Macro => weighted_mean(classes, |class| f64::from(u8::from(class.support + class.predicted > 0))),
            Self::Weighted => weighted_mean(classes, |class| class.support as f64),
        })
    }
}

/// The means of precision, recall and F1 with the given weight a class.
fn weighted_mean(classes: &[ClassFigures], weight: impl Fn(&ClassFigures) -> f64) -> [f64; 3] {
    let mut sums = [0.0; 3];
    let mut weights = 0.0;
    for class in classes {
        let weight = weight(class);
        weights += weight;
        for (sum, figure) in sums.iter_mut().zip([class.precision, class.recall, class.f1]) {
            *sum += weight * figure;
        }
    }
    sums.map(|sum| sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_never_predicted_has_precision_zero() {
        let figures = ClassFigures::from_counts(0, 4, 0);
        assert_eq!((figures.precision, figures.recall, figures.f1), (0.0, 0.0, 0.0));
    }

    #[test]
    fn averages_by_hand() {
        // Class 0: precision 2/2, recall 2/3, F1 4/5. Class 1: 2/4, 2/2, 4/6. Class 2: 0, 0/1, 0. Class 3: no trace.
        let classes = [(2, 3, 2), (2, 2, 4), (0, 1, 0), (0, 0, 0)]
            .map(|(correct, support, predicted)| ClassFigures::from_counts(correct, support, predicted));
        let close = |found: Option<[f64; 3]>, expected: [f64; 3]| {
            let found = found.expect("there are samples");
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?} against {expected:?}");
        };
        // Three classes count: (1 + 1/2 + 0) / 3, (2/3 + 1 + 0) / 3, (4/5 + 2/3 + 0) / 3.
        close(Average::Macro.of(&classes), [0.5, 5.0 / 9.0, 22.0 / 45.0]);
        // 4 right of 6 samples and 6 predictions.
        close(Average::Micro.of(&classes), [2.0 / 3.0; 3]);
        // (3·1 + 2·1/2 + 1·0) / 6, (3·2/3 + 2·1 + 0) / 6, (3·4/5 + 2·2/3 + 0) / 6.
        close(Average::Weighted.of(&classes), [4.0 / 6.0, 4.0 / 6.0, 56.0 / 90.0]);
    }
}
