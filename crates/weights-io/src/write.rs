//! Writing PyTorch's zip archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::{ContentError, WeightsError};
use crate::tensor::{DType, WeightTensor};
use crate::torch::zip_archive::DESCRIPTION_RECORD;

/// The entry of metadata with Okulo's description of the model, as JSON; the only one that a PyTorch file has a place for.
pub const DESCRIPTION_KEY: &str = "okulo";
/// The folder that the records lie in; any name will do.
const FOLDER: &str = "archive";
/// PyTorch lays storages at multiples of this, so that they can be mapped into memory.
const ALIGNMENT: u16 = 64;
/// From this size on a record needs the 64-bit form of the zip format.
const LARGE: usize = u32::MAX as usize;

/// Writes `tensors` as a state dict in PyTorch's zip form, in place: `torch.load(path, weights_only=True)` gives an
/// `OrderedDict` of tensors. The entry `okulo` of `metadata` goes into a record of its own, which PyTorch passes over.
///
/// The same tensors give the same bytes.
///
/// # Errors
///
/// When the file cannot be written, or a tensor is of a type that PyTorch has no storage for (unsigned beyond 8 bits).
pub fn write_torch(
    path: &Path,
    tensors: &[WeightTensor],
    metadata: &BTreeMap<String, String>,
) -> Result<(), WeightsError> {
    let failed = |source: std::io::Error| WeightsError::File { path: path.to_owned(), source };
    let pickle =
        state_dict_pickle(tensors).map_err(|source| WeightsError::Content { path: path.to_owned(), source })?;
    let mut archive = ZipWriter::new(BufWriter::new(File::create(path).map_err(failed)?));
    let mut record = |name: &str, content: &[u8]| -> std::io::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .with_alignment(ALIGNMENT)
            .large_file(content.len() >= LARGE);
        archive.start_file(format!("{FOLDER}/{name}"), options)?;
        archive.write_all(content)
    };
    record("data.pkl", &pickle).map_err(failed)?;
    record("byteorder", b"little").map_err(failed)?;
    for (index, tensor) in tensors.iter().enumerate() {
        record(&format!("data/{index}"), &tensor.bytes).map_err(failed)?;
    }
    if let Some(description) = metadata.get(DESCRIPTION_KEY) {
        record(DESCRIPTION_RECORD, description.as_bytes()).map_err(failed)?;
    }
    record("version", b"3\n").map_err(failed)?;
    let mut file = archive.finish().map_err(|error| failed(error.into()))?;
    file.flush().map_err(failed)
}

/// A pickle of protocol 2 that builds the state dict, with one storage a tensor, called by its position.
fn state_dict_pickle(tensors: &[WeightTensor]) -> Result<Vec<u8>, ContentError> {
    let mut pickle = Pickle(vec![0x80, 2]);
    pickle.empty_ordered_dict();
    pickle.0.push(b'(');
    for (index, tensor) in tensors.iter().enumerate() {
        pickle.text(&tensor.name);
        pickle.global("torch._utils", "_rebuild_tensor_v2");
        pickle.0.push(b'(');
        // The storage: ('storage', type, key, location, length).
        pickle.0.push(b'(');
        pickle.text("storage");
        pickle.global("torch", storage_name(tensor)?);
        pickle.text(&index.to_string());
        pickle.text("cpu");
        pickle.int((tensor.bytes.len() / tensor.dtype.size()) as i64);
        pickle.0.extend(b"tQ");
        // Offset, size, stride, requires_grad, backward_hooks.
        pickle.int(0);
        pickle.ints(&tensor.shape);
        pickle.ints(&row_major_strides(&tensor.shape));
        pickle.0.push(0x89);
        pickle.empty_ordered_dict();
        pickle.0.extend(b"tR");
    }
    pickle.0.extend(b"u.");
    Ok(pickle.0)
}

fn storage_name(tensor: &WeightTensor) -> Result<&'static str, ContentError> {
    Ok(match tensor.dtype {
        DType::F64 => "DoubleStorage",
        DType::F32 => "FloatStorage",
        DType::F16 => "HalfStorage",
        DType::BF16 => "BFloat16Storage",
        DType::I64 => "LongStorage",
        DType::I32 => "IntStorage",
        DType::I16 => "ShortStorage",
        DType::I8 => "CharStorage",
        DType::U8 => "ByteStorage",
        DType::Bool => "BoolStorage",
        DType::U64 | DType::U32 | DType::U16 => {
            let reason = format!("PyTorch has no storage of type {:?}", tensor.dtype);
            return Err(ContentError::Tensor { name: tensor.name.clone(), reason });
        }
    })
}

fn row_major_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

struct Pickle(Vec<u8>);

impl Pickle {
    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        // Names are far from 4 GB.
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn global(&mut self, module: &str, name: &str) {
        self.0.extend(format!("c{module}\n{name}\n").as_bytes());
    }

    fn empty_ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.0.extend(b")R");
    }

    fn int(&mut self, value: i64) {
        match i32::try_from(value) {
            Ok(value) => {
                self.0.push(b'J');
                self.0.extend(value.to_le_bytes());
            }
            Err(_) => {
                self.0.extend([0x8a, 8]);
                self.0.extend(value.to_le_bytes());
            }
        }
    }

    fn ints(&mut self, values: &[usize]) {
        self.0.push(b'(');
        values.iter().for_each(|value| self.int(*value as i64));
        self.0.push(b't');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_those_of_rows() {
        assert_eq!(row_major_strides(&[2, 3, 4]), [12, 4, 1]);
        assert_eq!(row_major_strides(&[5]), [1]);
        assert!(row_major_strides(&[]).is_empty());
    }
}
