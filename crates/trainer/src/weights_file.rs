//! Named tensors in safetensors files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tensor_backend::state_dict::NamedTensor;
use thiserror::Error;

/// The one metadata entry Okulo writes; its value is JSON, because the order of several entries is not fixed and the
/// same weights are to give the same bytes.
const METADATA_KEY: &str = "okulo";

/// What can be wrong with a weights file.
#[derive(Debug, Error)]
pub enum WeightsFileError {
    /// The file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// It is not a safetensors file, or a damaged one.
    #[error("{} is not a readable safetensors file: {reason}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A tensor is of a type that weights are not kept in.
    #[error("{}: tensor {name} has values of type {dtype}, expected F32", .path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
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
    let format = |reason: String| WeightsFileError::Format { path: path.to_owned(), reason };
    let description = serde_json::to_string(description).map_err(|error| format(error.to_string()))?;
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|(tensor, bytes)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(|e| format(e.to_string()))?;
            Ok((tensor.name.as_str(), view))
        })
        .collect::<Result<Vec<_>, WeightsFileError>>()?;
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), description)]);
    let file = safetensors::serialize(views, Some(metadata)).map_err(|error| format(error.to_string()))?;
    std::fs::write(path, file).map_err(|source| WeightsFileError::File { path: path.to_owned(), source })
}

/// Reads all tensors of a file.
///
/// # Errors
///
/// When the file is missing, damaged, or holds anything but f32 values.
pub fn read(path: &Path) -> Result<Vec<NamedTensor>, WeightsFileError> {
    let bytes = read_bytes(path)?;
    let file = parse(path, &bytes)?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            let (name, dtype) = (name.to_owned(), format!("{:?}", view.dtype()));
            return Err(WeightsFileError::Type { path: path.to_owned(), name, dtype });
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        tensors.push(NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values });
    }
    Ok(tensors)
}

/// Reads the description that [`write()`] put into a file.
///
/// # Errors
///
/// When the file is missing or damaged, or its description is not of type `T`.
pub fn read_description<T: DeserializeOwned>(path: &Path) -> Result<T, WeightsFileError> {
    let bytes = read_bytes(path)?;
    let metadata_error = |reason: String| WeightsFileError::Metadata { path: path.to_owned(), reason };
    let (_, metadata) = SafeTensors::read_metadata(&bytes)
        .map_err(|error| WeightsFileError::Format { path: path.to_owned(), reason: error.to_string() })?;
    let description = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get(METADATA_KEY))
        .ok_or_else(|| metadata_error(format!("it has no metadata entry `{METADATA_KEY}`")))?;
    serde_json::from_str(description).map_err(|error| metadata_error(error.to_string()))
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, WeightsFileError> {
    std::fs::read(path).map_err(|source| WeightsFileError::File { path: path.to_owned(), source })
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, WeightsFileError> {
    SafeTensors::deserialize(bytes)
        .map_err(|error| WeightsFileError::Format { path: path.to_owned(), reason: error.to_string() })
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
}
