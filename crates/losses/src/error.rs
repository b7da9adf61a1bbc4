//! Why a loss cannot be used.

use thiserror::Error;

/// Why a loss cannot be used with given settings or targets.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LossError {
    /// A list with one value a class has another length.
    #[error("`{key}` has {found} values, expected one for each of the {expected} classes")]
    WeightCount {
        /// Key of the setting.
        key: &'static str,
        /// Values in the list.
        found: usize,
        /// Number of classes.
        expected: usize,
    },
    /// A weight is negative, infinite or not a number.
    #[error("`{key}[{index}]` is {found}, expected a finite number that is not negative")]
    InvalidWeight {
        /// Key of the setting.
        key: &'static str,
        /// Position in the list, from 0.
        index: usize,
        /// The weight.
        found: f32,
    },
    /// No weight is above zero, so no target would count.
    #[error("`{key}` holds only zeros, expected at least one weight above 0")]
    AllWeightsZero {
        /// Key of the setting.
        key: &'static str,
    },
    /// A setting lies outside its range.
    #[error("`{key}` is {found}, expected {expected}")]
    OutOfRange {
        /// Key of the setting.
        key: &'static str,
        /// The value.
        found: f64,
        /// The range, in words.
        expected: &'static str,
    },
    /// A target names a class that does not exist.
    #[error("target {index} is class {found}, expected one of the {classes} classes 0..{classes}")]
    ClassOutOfRange {
        /// Position among the targets, from 0.
        index: usize,
        /// The class number.
        found: usize,
        /// Number of classes.
        classes: usize,
    },
    /// Masks of one batch differ in size.
    #[error(
        "mask {mask} of the batch has {}×{} pixels, expected {}×{} as the first (width × height)",
        .found[1], .found[0], .expected[1], .expected[0]
    )]
    MaskSize {
        /// Position in the batch, from 0.
        mask: usize,
        /// Its height and width in pixels.
        found: [usize; 2],
        /// Those of the first mask.
        expected: [usize; 2],
    },
    /// A pixel has a class that does not exist.
    #[error(
        "pixel ({x}, {y}) of mask {mask} of the batch is class {found}, expected one of the {classes} classes \
         0..{classes}, or 255 for a pixel to ignore"
    )]
    PixelClassOutOfRange {
        /// Position in the batch, from 0.
        mask: usize,
        /// Column, from 0.
        x: usize,
        /// Row, from 0.
        y: usize,
        /// The class number.
        found: usize,
        /// Number of classes.
        classes: usize,
    },
    /// Not every mask has a picture of pixel weights.
    #[error("{found} pictures of pixel weights, expected one for each of the {expected} masks")]
    WeightMapCount {
        /// Number of pictures.
        found: usize,
        /// Number of masks.
        expected: usize,
    },
    /// A picture of pixel weights has another size than the masks.
    #[error("the weights of mask {mask} of the batch are {found}, expected one for each of its {expected} pixels")]
    WeightMapSize {
        /// Position in the batch, from 0.
        mask: usize,
        /// Number of weights.
        found: usize,
        /// Number of pixels.
        expected: usize,
    },
    /// `ignore_index` was set where targets are probabilities, which have no class number to ignore.
    #[error(
        "`ignore_index` is {found}, expected none: a classifier's targets are probabilities a class, without a number \
         to ignore"
    )]
    IgnoreIndexOfProbabilities {
        /// The setting.
        found: usize,
    },
}

/// Checks that `weights` holds `classes` finite, non-negative values, not all zero.
pub(crate) fn check_weights(key: &'static str, weights: &[f32], classes: usize) -> Result<(), LossError> {
    if weights.len() != classes {
        return Err(LossError::WeightCount { key, found: weights.len(), expected: classes });
    }
    if let Some((index, &found)) = weights.iter().enumerate().find(|(_, weight)| !weight.is_finite() || **weight < 0.0)
    {
        return Err(LossError::InvalidWeight { key, index, found });
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        return Err(LossError::AllWeightsZero { key });
    }
    Ok(())
}

/// Checks `accepted`, which must be false when `found` is not a number.
pub(crate) fn check_range(
    key: &'static str,
    found: f64,
    accepted: bool,
    expected: &'static str,
) -> Result<(), LossError> {
    if accepted { Ok(()) } else { Err(LossError::OutOfRange { key, found, expected }) }
}
