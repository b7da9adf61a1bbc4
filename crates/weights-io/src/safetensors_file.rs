//! Safetensors files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};
use serde::Serialize;

use crate::error::{ContentError, WeightsError};
use crate::tensor::{DType, WeightTensor};

/// Whether a file begins as one of this format: the length of the header, and a JSON object.
pub(crate) fn is_safetensors(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, _, _, _, _, b'{', ..])
}

/// Tensors and metadata.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Vec<WeightTensor>, BTreeMap<String, String>), ContentError> {
    let damaged = |error: safetensors::SafeTensorError| ContentError::Safetensors(error.to_string());
    let metadata = parse_metadata(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        let dtype = dtype(view.dtype()).ok_or_else(|| ContentError::Tensor {
            name: name.to_owned(),
            reason: format!("values of type {:?}, which weights are not read from", view.dtype()),
        })?;
        let (shape, bytes) = (view.shape().to_vec(), view.data().to_vec());
        tensors.push(WeightTensor { name: name.to_owned(), shape, dtype, bytes });
    }
    Ok((tensors, metadata))
}

/// Only the metadata.
pub(crate) fn parse_metadata(bytes: &[u8]) -> Result<BTreeMap<String, String>, ContentError> {
    let (_, header) =
        SafeTensors::read_metadata(bytes).map_err(|error| ContentError::Safetensors(error.to_string()))?;
    Ok(header.metadata().clone().unwrap_or_default().into_iter().collect())
}

/// The header's entry of metadata.
const METADATA: &str = "__metadata__";
/// The header's length is a multiple of this, so that values are aligned.
const ALIGNMENT: usize = 8;

#[derive(Serialize)]
struct HeaderEntry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

/// Writes `tensors` with `metadata` as a safetensors file, in place.
///
/// Tensors of large types come first, those of one type by name; so the same tensors and metadata give the same bytes.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_safetensors(
    path: &Path,
    tensors: &[WeightTensor],
    metadata: &BTreeMap<String, String>,
) -> Result<(), WeightsError> {
    let failed = |source: std::io::Error| WeightsError::File { path: path.to_owned(), source };
    let mut sorted: Vec<&WeightTensor> = tensors.iter().collect();
    sorted.sort_by(|a, b| b.dtype.size().cmp(&a.dtype.size()).then_with(|| a.name.cmp(&b.name)));

    let mut header = serde_json::Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA.to_owned(), serde_json::json!(metadata));
    }
    let mut offset = 0;
    for tensor in &sorted {
        let data_offsets = [offset, offset + tensor.bytes.len()];
        offset = data_offsets[1];
        let entry = HeaderEntry { dtype: stored_name(tensor.dtype), shape: &tensor.shape, data_offsets };
        header.insert(tensor.name.clone(), serde_json::json!(entry));
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');

    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    file.write_all(&(header.len() as u64).to_le_bytes()).map_err(failed)?;
    file.write_all(&header).map_err(failed)?;
    for tensor in sorted {
        file.write_all(&tensor.bytes).map_err(failed)?;
    }
    file.flush().map_err(failed)
}

const fn dtype(stored: Dtype) -> Option<DType> {
    Some(match stored {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::I16 => DType::I16,
        Dtype::I8 => DType::I8,
        Dtype::U64 => DType::U64,
        Dtype::U32 => DType::U32,
        Dtype::U16 => DType::U16,
        Dtype::U8 => DType::U8,
        Dtype::BOOL => DType::Bool,
        _ => return None,
    })
}

const fn stored_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F64 => "F64",
        DType::F32 => "F32",
        DType::F16 => "F16",
        DType::BF16 => "BF16",
        DType::I64 => "I64",
        DType::I32 => "I32",
        DType::I16 => "I16",
        DType::I8 => "I8",
        DType::U64 => "U64",
        DType::U32 => "U32",
        DType::U16 => "U16",
        DType::U8 => "U8",
        DType::Bool => "BOOL",
    }
}
