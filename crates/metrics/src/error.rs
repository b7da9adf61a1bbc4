//! What can be wrong with the input of a metric.

use thiserror::Error;

/// Input that a metric refuses. A refused batch leaves the metric as it was.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MetricError {
    /// A batch whose predictions and targets do not pair up.
    #[error("{predictions} predictions for {targets} targets: there must be one prediction a target")]
    LengthMismatch {
        /// Number of predictions in the batch.
        predictions: usize,
        /// Number of targets in the batch.
        targets: usize,
    },
    /// A true class that does not exist.
    #[error("target {index} of the batch is class {target}, but the classes are numbered below {classes}")]
    TargetOutOfRange {
        /// Position in the batch, from 0.
        index: usize,
        /// The class number found.
        target: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A predicted class that does not exist.
    #[error("prediction {index} of the batch is class {prediction}, but the classes are numbered below {classes}")]
    PredictionOutOfRange {
        /// Position in the batch, from 0.
        index: usize,
        /// The class number found.
        prediction: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A prediction with too few or too many scores.
    #[error("prediction {index} of the batch has {found} scores, expected one for each of the {classes} classes")]
    ScoreCount {
        /// Position in the batch, from 0.
        index: usize,
        /// Number of scores found.
        found: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A score that is no probability: NaN, infinite, or outside `0..=1`.
    #[error("prediction {index} of the batch scores class {class} with {value}, expected a probability from 0 to 1")]
    NotAProbability {
        /// Position in the batch, from 0.
        index: usize,
        /// The class that was scored.
        class: usize,
        /// The score found.
        value: f32,
    },
    /// A number that is NaN or infinite.
    #[error("{what} {index} of the batch is {value}, expected a finite number")]
    NotFinite {
        /// `prediction` or `target`.
        what: &'static str,
        /// Position in the batch, from 0.
        index: usize,
        /// The number found.
        value: f64,
    },
    /// A predicted mask of another size than the true one.
    #[error(
        "prediction {index} of the batch has {}×{} pixels, its target {}×{} (width × height)",
        .prediction[0], .prediction[1], .target[0], .target[1]
    )]
    MaskSize {
        /// Position in the batch, from 0.
        index: usize,
        /// Width and height of the prediction in pixels.
        prediction: [u32; 2],
        /// Width and height of the target in pixels.
        target: [u32; 2],
    },
    /// A pixel of a class that does not exist.
    #[error(
        "pixel ({x}, {y}) of {what} {index} of the batch is class {class}, but the classes are numbered below {classes}"
    )]
    PixelOutOfRange {
        /// `prediction` or `target`.
        what: &'static str,
        /// Position in the batch, from 0.
        index: usize,
        /// Column, from 0.
        x: usize,
        /// Row, from 0.
        y: usize,
        /// The class number found.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// Rows of a stored confusion matrix that do not form a square.
    #[error("row {row} of the confusion matrix has {found} counts, expected {expected} as there are rows")]
    NotSquare {
        /// Position of the row, from 0.
        row: usize,
        /// Number of counts found in it.
        found: usize,
        /// Number of rows.
        expected: usize,
    },
}
