//! The weights files of runs: named tensors in safetensors files, with a description of the model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tensor_backend::state_dict::NamedTensor;
use thiserror::Error;
use weights_io::{DESCRIPTION_KEY, WeightTensor, WeightsError};

/// What can be wrong with a weights file.
#[derive(Debug, Error)]
pub enum WeightsFileError {
    /// The file could not be read or written, or is damaged.
    #[error(transparent)]
    Content(#[from] WeightsError),
    /// The description that Okulo writes into its files is missing or of another version.
    #[error("{} does not describe its model: {reason}", .path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Writes `tensors` with a description of what they are.
///
/// # Errors
///
/// When the file cannot be written. It is written in place: use it inside
/// [`replace_folder`](crate::atomic_file::replace_folder).
pub fn write(path: &Path, tensors: &[NamedTensor], description: &impl Serialize) -> Result<(), WeightsFileError> {
    let description = serde_json::to_string(description)
        .map_err(|error| WeightsFileError::Metadata { path: path.to_owned(), reason: error.to_string() })?;
    let tensors: Vec<WeightTensor> = tensors
        .iter()
        .map(|tensor| WeightTensor::from_f32(tensor.name.as_str(), &tensor.shape, &tensor.values))
        .collect();
    Ok(weights_io::write_safetensors(path, &tensors, &BTreeMap::from([(DESCRIPTION_KEY.to_owned(), description)]))?)
}

/// Reads all tensors of a file, of any format and in any order.
///
/// # Errors
///
/// When the file is missing or damaged.
pub fn read(path: &Path) -> Result<Vec<NamedTensor>, WeightsFileError> {
    let tensors = weights_io::read(path, None)?.tensors;
    Ok(tensors.into_iter().filter(|tensor| !is_batch_count(&tensor.name)).map(named).collect())
}

/// Reads the description that [`write()`] put into a file.
///
/// # Errors
///
/// When the file is missing or damaged, or its description is not of type `T`.
pub fn read_description<T: DeserializeOwned>(path: &Path) -> Result<T, WeightsFileError> {
    find_description(path)?.ok_or_else(|| WeightsFileError::Metadata {
        path: path.to_owned(),
        reason: format!("it has no metadata entry `{DESCRIPTION_KEY}`"),
    })
}

/// As [`read_description`]; `None` where the file has none, because another program has written it.
///
/// # Errors
///
/// As [`read_description`].
pub fn find_description<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, WeightsFileError> {
    let metadata = weights_io::read_metadata(path)?;
    let Some(description) = metadata.get(DESCRIPTION_KEY) else { return Ok(None) };
    let parsed = serde_json::from_str(description);
    parsed.map(Some).map_err(|error| WeightsFileError::Metadata { path: path.to_owned(), reason: error.to_string() })
}

/// Whether a tensor is the count of steps that PyTorch keeps beside running statistics, and reads only where their
/// momentum is `None`.
pub fn is_batch_count(name: &str) -> bool {
    name == BATCH_COUNT || name.strip_suffix(BATCH_COUNT).is_some_and(|layer| layer.ends_with('.'))
}

/// PyTorch's name of the count.
pub const BATCH_COUNT: &str = "num_batches_tracked";

/// A tensor in single precision.
pub(crate) fn named(tensor: WeightTensor) -> NamedTensor {
    let values = tensor.to_f32();
    NamedTensor { name: tensor.name, shape: tensor.shape, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors() -> Vec<NamedTensor> {
        let tensor = |name: &str, shape: &[usize], values: &[f32]| NamedTensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        vec![tensor("a.weight", &[2, 1], &[1.5, f32::MIN_POSITIVE / 2.0]), tensor("b", &[1], &[-0.0])]
    }

    #[test]
    fn values_and_description_come_back_exactly_and_bytes_repeat() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("model.safetensors");
        let description = vec!["cat".to_owned(), "dog".to_owned()];
        write(&path, &tensors(), &description).expect("written");
        let mut back = read(&path).expect("readable");
        back.sort_by(|a, b| a.name.cmp(&b.name));
        for (back, original) in back.iter().zip(&tensors()) {
            assert_eq!((&back.name, &back.shape), (&original.name, &original.shape));
            let bits = |tensor: &NamedTensor| tensor.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(back), bits(original));
        }
        assert_eq!(read_description::<Vec<String>>(&path).expect("described"), description);
        let first = std::fs::read(&path).expect("readable");
        write(&path, &tensors(), &description).expect("written again");
        assert_eq!(std::fs::read(&path).expect("readable"), first);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, b"not weights").expect("written");
        let message = read(&path).expect_err("damaged").to_string();
        assert!(message.contains("model.safetensors"), "{message}");
    }

    #[test]
    fn counts_of_batches_are_told_from_weights() {
        assert!(is_batch_count("layer1.0.bn1.num_batches_tracked") && is_batch_count("num_batches_tracked"));
        assert!(!is_batch_count("layer1.0.bn1.weight") && !is_batch_count("my_num_batches_tracked"));
    }
}
