//! Safetensors files.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::{ContentError, WeightsError};
use crate::tensor::{DType, WeightTensor};

/// Whether a file begins as one of this format: the length of the header, and a JSON object.
pub(crate) fn is_safetensors(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, _, _, _, _, b'{', ..])
}

/// Tensors and metadata.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Vec<WeightTensor>, BTreeMap<String, String>), ContentError> {
    let damaged = |error: safetensors::SafeTensorError| ContentError::Safetensors(error.to_string());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
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
    let metadata = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
    Ok((tensors, metadata))
}

/// Writes `tensors` with `metadata` as a safetensors file, in place.
///
/// The same tensors and one entry of metadata at most give the same bytes; the order of several entries varies.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_safetensors(
    path: &Path,
    tensors: &[WeightTensor],
    metadata: &BTreeMap<String, String>,
) -> Result<(), WeightsError> {
    let content = |error: safetensors::SafeTensorError| WeightsError::Content {
        path: path.to_owned(),
        source: ContentError::Safetensors(error.to_string()),
    };
    let views = tensors
        .iter()
        .map(|tensor| {
            let view = TensorView::new(stored_dtype(tensor.dtype), tensor.shape.clone(), &tensor.bytes);
            Ok((tensor.name.as_str(), view.map_err(content)?))
        })
        .collect::<Result<Vec<_>, WeightsError>>()?;
    let metadata: HashMap<String, String> = metadata.iter().map(|(key, text)| (key.clone(), text.clone())).collect();
    let file = safetensors::serialize(views, (!metadata.is_empty()).then_some(metadata)).map_err(content)?;
    std::fs::write(path, file).map_err(|source| WeightsError::File { path: path.to_owned(), source })
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

const fn stored_dtype(dtype: DType) -> Dtype {
    match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::BOOL,
    }
}
