//! Targets made on the host from class numbers, with their range checked.

use burn::tensor::{Int, Tensor, TensorData};
use tensor_backend::VisionBackend;
use vision_types::ClassId;

use crate::LossError;

/// A row of `classes` values for each label: 1 at the label's class, 0 elsewhere; `[labels, classes]` row by row.
///
/// # Errors
///
/// [`LossError::ClassOutOfRange`] for a label that is not below `classes`.
pub fn one_hot(labels: &[ClassId], classes: usize) -> Result<Vec<f32>, LossError> {
    let mut rows = vec![0.0; labels.len() * classes];
    for (index, &found) in labels.iter().enumerate() {
        if found >= classes {
            return Err(LossError::ClassOutOfRange { index, found, classes });
        }
        rows[index * classes + found] = 1.0;
    }
    Ok(rows)
}

/// The labels as a tensor of class numbers, `[labels]`.
///
/// # Errors
///
/// [`LossError::ClassOutOfRange`] for a label that is neither below `classes` nor `ignore_index`.
pub fn class_indices<B: VisionBackend>(
    labels: &[ClassId],
    classes: usize,
    ignore_index: Option<usize>,
    device: &B::Device,
) -> Result<Tensor<B, 1, Int>, LossError> {
    let mut indices = Vec::with_capacity(labels.len());
    for (index, &found) in labels.iter().enumerate() {
        let number = i64::try_from(found).ok().filter(|_| found < classes || Some(found) == ignore_index);
        indices.push(number.ok_or(LossError::ClassOutOfRange { index, found, classes })?);
    }
    Ok(Tensor::from_data(TensorData::new(indices, [labels.len()]), device))
}

#[cfg(test)]
mod tests {
    use tensor_backend::SelectedBackend;

    use super::*;

    #[test]
    fn each_row_has_a_one_at_its_class() {
        assert_eq!(one_hot(&[2, 0], 3), Ok(vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0]));
        assert_eq!(one_hot(&[], 3), Ok(vec![]));
    }

    #[test]
    fn a_class_that_does_not_exist_is_refused() {
        let error = one_hot(&[0, 3], 3).expect_err("three classes are 0, 1 and 2");
        assert_eq!(error, LossError::ClassOutOfRange { index: 1, found: 3, classes: 3 });
        assert_eq!(error.to_string(), "target 1 is class 3, expected one of the 3 classes 0..3");
    }

    #[test]
    fn only_the_ignored_number_may_be_outside_the_classes() {
        let device = Default::default();
        let indices = class_indices::<SelectedBackend>(&[1, 255], 2, Some(255), &device).expect("255 is ignored");
        assert_eq!(indices.into_data().iter::<i64>().collect::<Vec<_>>(), [1, 255]);
        let error = class_indices::<SelectedBackend>(&[1, 254], 2, Some(255), &device).expect_err("254 is not");
        assert_eq!(error, LossError::ClassOutOfRange { index: 1, found: 254, classes: 2 });
    }
}
