//! Checks that a whole batch must pass before any of it is counted.

use vision_types::{ClassId, ClassScores};

use crate::MetricError;

/// How far a probability may stray outside `0..=1`: a softmax in `f32` sums some thousand rounded exponentials, so it
/// can exceed 1 by a few units in the last place (1.2e-7 each).
const PROBABILITY_TOLERANCE: f32 = 1e-5;

/// Checks that there is one prediction a target.
pub(crate) fn check_lengths(predictions: usize, targets: usize) -> Result<(), MetricError> {
    if predictions == targets { Ok(()) } else { Err(MetricError::LengthMismatch { predictions, targets }) }
}

/// Checks that every target is below `classes`.
pub(crate) fn check_targets(targets: &[ClassId], classes: usize) -> Result<(), MetricError> {
    match targets.iter().position(|&target| target >= classes) {
        None => Ok(()),
        Some(index) => Err(MetricError::TargetOutOfRange { index, target: targets[index], classes }),
    }
}

/// Checks lengths, targets, the number of scores in each prediction, and that each score is a probability. That they
/// sum to 1 is not checked: a head of independent sigmoids is ranked just as well.
pub(crate) fn check_scores(
    predictions: &[ClassScores],
    targets: &[ClassId],
    classes: usize,
) -> Result<(), MetricError> {
    check_lengths(predictions.len(), targets.len())?;
    check_targets(targets, classes)?;
    for (index, ClassScores(scores)) in predictions.iter().enumerate() {
        if scores.len() != classes {
            return Err(MetricError::ScoreCount { index, found: scores.len(), classes });
        }
        let allowed = -PROBABILITY_TOLERANCE..=1.0 + PROBABILITY_TOLERANCE;
        if let Some(class) = scores.iter().position(|score| !allowed.contains(score)) {
            return Err(MetricError::NotAProbability { index, class, value: scores[class] });
        }
    }
    Ok(())
}

/// The class with the highest score; the lowest number wins a tie, as in [`ClassScores::best`].
pub(crate) fn best_class(scores: &[f32]) -> ClassId {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best
}
