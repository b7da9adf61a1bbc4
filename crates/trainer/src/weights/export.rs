//! Weights for other programs, with the names of the reference implementation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use weights_io::{DESCRIPTION_KEY, FileFormat, WeightTensor};

use crate::config::Normalization;
use crate::error::TrainError;
use crate::run::directory::RunDirectory;
use crate::weights::file::{BATCH_COUNT, WeightsFileError, find_description, is_batch_count};

/// The tensor whose presence says that PyTorch keeps a [`BATCH_COUNT`] beside it.
const RUNNING_MEAN: &str = ".running_mean";

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Where the weights came from.
    pub source: PathBuf,
    /// Tensors written.
    pub tensors: usize,
    /// Numbers in them.
    pub values: usize,
    /// Whether the file says what its model is; a file of another program does not, nor does what becomes of it.
    pub described: bool,
}

/// The format that a file name asks for.
///
/// `.safetensors`, or `.pth`, `.pt` and `.th` for PyTorch; `None` for others.
pub fn format_of(path: &Path) -> Option<FileFormat> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "safetensors" => Some(FileFormat::Safetensors),
        "pth" | "pt" | "th" => Some(FileFormat::TorchZip),
        _ => None,
    }
}

/// Writes the weights of `source`, a run or a weights file, to `to` in `format`. `key` chooses among several sets of
/// tensors in a PyTorch file.
///
/// PyTorch's `load_state_dict(strict=True)` takes the result as it is: names are the reference implementation's, and
/// batch normalisation has its count of steps. The file also says what the model is: with the entry `okulo` (in a PyTorch
/// file a record of its own), and in safetensors with `task`, `model`, `classes`, `input_size`, `mean` and `std` for
/// others to read.
///
/// # Errors
///
/// When the source cannot be read, or `to` cannot be written; a file that was there then stays as it was.
pub fn export(source: &Path, key: Option<&str>, to: &Path, format: FileFormat) -> Result<Exported, TrainError> {
    let file = if source.is_dir() { RunDirectory::open(source)?.weights_file()? } else { source.to_owned() };
    let weights = weights_io::read(&file, key).map_err(WeightsFileError::from)?;
    let description: Option<Value> = find_description(&file)?;
    let tensors = with_batch_counts(weights.tensors);
    let metadata = description.clone().map(metadata).unwrap_or_default();

    let temporary = temporary_name(to);
    let written = match format {
        FileFormat::Safetensors => weights_io::write_safetensors(&temporary, &tensors, &metadata),
        FileFormat::TorchZip | FileFormat::TorchPickle => weights_io::write_torch(&temporary, &tensors, &metadata),
    };
    let finished = written.map_err(|error| WeightsFileError::from(error).into()).and_then(|()| {
        let synced = std::fs::File::open(&temporary).and_then(|file| file.sync_all());
        synced.and_then(|()| std::fs::rename(&temporary, to)).map_err(TrainError::file(to))
    });
    if let Err(error) = finished {
        // Nothing of it is of use; the error says what happened.
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    let values = tensors.iter().map(|tensor| tensor.bytes.len() / tensor.dtype.size()).sum();
    Ok(Exported { source: file, tensors: tensors.len(), values, described: description.is_some() })
}

/// A name beside `to` for a file that is not complete.
fn temporary_name(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.partial", std::process::id()));
    to.with_file_name(name)
}

/// The tensors, and after each running variance the count of steps that PyTorch keeps with it, where there is none.
fn with_batch_counts(tensors: Vec<WeightTensor>) -> Vec<WeightTensor> {
    if tensors.iter().any(|tensor| is_batch_count(&tensor.name)) {
        return tensors;
    }
    let mut result = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let count = tensor.name.strip_suffix(RUNNING_MEAN).map(|layer| format!("{layer}.{BATCH_COUNT}"));
        result.push(tensor);
        result.extend(count.map(|name| WeightTensor::scalar_i64(name, 0)));
    }
    result
}

/// Numbers as JSON with their shortest digits; a JSON value would hold them as doubles, with more.
fn list(numbers: &[f32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// The description with means and deviations by value, and its parts for others.
fn metadata(mut description: Value) -> BTreeMap<String, String> {
    let mut metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    if let Some(normalize) = description.pointer_mut("/input/normalize")
        && let Ok(normalization) = serde_json::from_value::<Normalization>(normalize.clone())
    {
        let values = normalization.values();
        metadata.insert("mean".to_owned(), list(&values.mean));
        metadata.insert("std".to_owned(), list(&values.std));
        *normalize = serde_json::json!(values);
    }
    let parts = [("task", "/task"), ("model", "/model/name"), ("classes", "/classes"), ("input_size", "/input/size")];
    for (name, pointer) in parts {
        let text = match description.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => continue,
        };
        metadata.insert(name.to_owned(), text);
    }
    metadata.insert(DESCRIPTION_KEY.to_owned(), description.to_string());
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_running_means_unless_there_are_some() {
        let tensor = |name: &str| WeightTensor::from_f32(name, &[1], &[1.0]);
        let names = |tensors: Vec<WeightTensor>| -> Vec<String> {
            with_batch_counts(tensors).into_iter().map(|tensor| tensor.name).collect()
        };
        let plain = vec![tensor("bn1.weight"), tensor("bn1.running_mean"), tensor("bn1.running_var")];
        assert_eq!(
            names(plain.clone()),
            ["bn1.weight", "bn1.running_mean", "bn1.num_batches_tracked", "bn1.running_var"]
        );
        let counted = [plain, vec![WeightTensor::scalar_i64("bn1.num_batches_tracked", 5)]].concat();
        assert_eq!(with_batch_counts(counted.clone()), counted);
    }

    #[test]
    fn metadata_states_the_normalisation_by_value() {
        let description = serde_json::json!({
            "task": "classification", "classes": ["a", "b"], "eval": [], "model": { "name": "cnn" },
            "input": { "size": 32, "channels": 3, "normalize": "imagenet" }
        });
        let metadata = metadata(description);
        assert_eq!(metadata["classes"], "[\"a\",\"b\"]");
        assert_eq!((metadata["task"].as_str(), metadata["model"].as_str()), ("classification", "cnn"));
        assert_eq!(metadata["input_size"], "32");
        assert_eq!(metadata["mean"], "[0.485,0.456,0.406]");
        let own: Value = serde_json::from_str(&metadata["okulo"]).expect("JSON");
        assert_eq!(own.pointer("/input/normalize/std/0"), Some(&serde_json::json!(0.229f32)));
    }

    #[test]
    fn endings_tell_formats() {
        assert_eq!(format_of(Path::new("a/b.safetensors")), Some(FileFormat::Safetensors));
        for name in ["a.pth", "a.PT", "a.th"] {
            assert_eq!(format_of(Path::new(name)), Some(FileFormat::TorchZip));
        }
        assert_eq!(format_of(Path::new("a.onnx")), None);
        assert_eq!(format_of(Path::new("pth")), None);
    }
}
