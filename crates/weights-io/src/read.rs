//! Reading a file of any format.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{ContentError, WeightsError};
use crate::safetensors_file;
use crate::tensor::WeightTensor;
use crate::torch::{legacy, zip_archive};
use crate::write::DESCRIPTION_KEY;

/// What kind of file it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// PyTorch's zip archive.
    TorchZip,
    /// PyTorch's pickle.
    TorchPickle,
    /// Safetensors.
    Safetensors,
}

/// The content of a weights file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// The tensors, under the names that the network itself gives them: what a wrapper put before all of them is gone.
    pub tensors: Vec<WeightTensor>,
    /// What the file says besides; of a PyTorch file only what Okulo wrote into it.
    pub metadata: BTreeMap<String, String>,
    /// What kind of file it was.
    pub format: FileFormat,
    /// The key that the tensors were under, such as `state_dict`; `None` at the top.
    pub key: Option<String>,
}

/// What `DistributedDataParallel`, `DataParallel` and `AveragedModel` (`module.`) and `torch.compile` (`_orig_mod.`) put
/// before every name.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];
/// The count that `torch.optim.swa_utils.AveragedModel` keeps beside its module.
const AVERAGE_COUNT: &str = "n_averaged";

/// Reads the weights in a file. Its content tells the format, not its name.
///
/// `key` chooses among several sets of tensors in a PyTorch file: `state_dict`, `ema`, `model.backbone` …; without it the
/// only set is taken.
///
/// # Errors
///
/// When the file cannot be read, is damaged, asks for Python objects beyond tensors and plain values, or has no set of
/// tensors or several of them.
pub fn read(path: &Path, key: Option<&str>) -> Result<Weights, WeightsError> {
    let bytes = std::fs::read(path).map_err(|source| WeightsError::File { path: path.to_owned(), source })?;
    parse(&bytes, key).map_err(|source| WeightsError::Content { path: path.to_owned(), source })
}

/// What a file says beside its weights, without reading them: see [`Weights::metadata`].
///
/// # Errors
///
/// When the file cannot be read or is damaged.
pub fn read_metadata(path: &Path) -> Result<BTreeMap<String, String>, WeightsError> {
    let bytes = std::fs::read(path).map_err(|source| WeightsError::File { path: path.to_owned(), source })?;
    let metadata = if bytes.starts_with(zip_archive::MAGIC) {
        zip_archive::parse_description(&bytes).map(described)
    } else if legacy::is_pickle(&bytes) {
        Ok(BTreeMap::new())
    } else if safetensors_file::is_safetensors(&bytes) {
        safetensors_file::parse_metadata(&bytes)
    } else {
        Err(ContentError::UnknownFormat)
    };
    metadata.map_err(|source| WeightsError::Content { path: path.to_owned(), source })
}

fn described(description: Option<String>) -> BTreeMap<String, String> {
    description.map(|text| (DESCRIPTION_KEY.to_owned(), text)).into_iter().collect()
}

/// Reads the weights in the bytes of a file, as [`read`] does.
///
/// # Errors
///
/// As [`read`].
pub fn parse(bytes: &[u8], key: Option<&str>) -> Result<Weights, ContentError> {
    let (tensors, metadata, format, key) = if bytes.starts_with(zip_archive::MAGIC) {
        let content = zip_archive::parse(bytes, key)?;
        (content.tensors, described(content.description), FileFormat::TorchZip, content.key)
    } else if legacy::is_pickle(bytes) {
        let (tensors, key) = legacy::parse(bytes, key)?;
        (tensors, BTreeMap::new(), FileFormat::TorchPickle, key)
    } else if safetensors_file::is_safetensors(bytes) {
        if let Some(key) = key {
            return Err(ContentError::NoSuchKey { key: key.to_owned(), available: Vec::new() });
        }
        let (tensors, metadata) = safetensors_file::parse(bytes)?;
        (tensors, metadata, FileFormat::Safetensors, None)
    } else {
        return Err(ContentError::UnknownFormat);
    };
    Ok(Weights { tensors: unwrapped(tensors), metadata, format, key })
}

/// The tensors without the prefixes that wrappers put before all names.
fn unwrapped(mut tensors: Vec<WeightTensor>) -> Vec<WeightTensor> {
    loop {
        let is_named = |tensor: &&WeightTensor| tensor.name != AVERAGE_COUNT;
        let wrapper = WRAPPERS.into_iter().find(|wrapper| {
            let mut named = tensors.iter().filter(is_named).peekable();
            named.peek().is_some() && named.all(|tensor| tensor.name.starts_with(wrapper))
        });
        let Some(wrapper) = wrapper else { return tensors };
        tensors.retain(|tensor| tensor.name != AVERAGE_COUNT);
        for tensor in &mut tensors {
            tensor.name.drain(..wrapper.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(given: &[&str]) -> Vec<String> {
        let tensors = given.iter().map(|name| WeightTensor::from_f32(*name, &[1], &[0.0])).collect();
        unwrapped(tensors).into_iter().map(|tensor| tensor.name).collect()
    }

    #[test]
    fn prefixes_go_where_every_name_has_them() {
        assert_eq!(names(&["module.fc.weight", "module.fc.bias"]), ["fc.weight", "fc.bias"]);
        assert_eq!(names(&["_orig_mod.module.fc.weight"]), ["fc.weight"]);
        assert_eq!(names(&["n_averaged", "module.fc.weight"]), ["fc.weight"]);
        assert_eq!(names(&["module.fc.weight", "fc.bias"]), ["module.fc.weight", "fc.bias"]);
    }
}
