//! Tensors of a pickle with the values of their storages.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::error::ContentError;
use crate::pickle::{TensorRef, Unpickled, Value};
use crate::tensor::WeightTensor;

/// The bytes of each storage, by its key.
pub(crate) type Storages<'a> = HashMap<&'a str, Cow<'a, [u8]>>;

/// The bytes of the storage of a key, for the tensor of a name.
pub(crate) type StorageOf<'f, 'a> = dyn FnMut(&'a str, &str) -> Result<Cow<'a, [u8]>, ContentError> + 'f;

/// How many times the size of the file its tensors may have together: storages may be shared between tensors, as a tied
/// embedding is, and `expand` makes a large tensor of a small storage.
const MOST_SHARING: u64 = 4;
/// Bytes that tensors may have together, however small the file.
const ALWAYS_ACCEPTED: u64 = 16 << 20;

/// The tensors called `tensors`, with their values. `file_size`: bytes of the file.
pub(crate) fn materialise<'a>(
    pickle: &Unpickled<'a>,
    tensors: &[(&str, &TensorRef)],
    file_size: u64,
    storage_of: &mut StorageOf<'_, 'a>,
) -> Result<Vec<WeightTensor>, ContentError> {
    let limit = file_size.saturating_mul(MOST_SHARING).saturating_add(ALWAYS_ACCEPTED);
    let mut total = 0u64;
    let mut storages: Storages<'a> = HashMap::new();
    let mut result = Vec::new();
    for (name, tensor) in tensors {
        let problem = |reason: String| ContentError::Tensor { name: (*name).to_owned(), reason };
        let Value::Storage(storage) = pickle.get(tensor.storage) else {
            return Err(problem("it has no storage".to_owned()));
        };
        let layout = Layout::new(pickle, tensor, storage.view_offset).map_err(problem)?;
        total = total.saturating_add(layout.bytes());
        if total > limit {
            return Err(ContentError::TooLarge { what: "bytes of all tensors together", found: total, limit });
        }
        let bytes = match storages.get(storage.key) {
            Some(bytes) => bytes,
            None => {
                let bytes = storage_of(storage.key, name)?;
                storages.entry(storage.key).or_insert(bytes)
            }
        };
        let bytes = layout.gather(bytes).map_err(problem)?;
        result.push(WeightTensor { name: (*name).to_owned(), shape: layout.shape, dtype: tensor.dtype, bytes });
    }
    Ok(result)
}

/// Where the values of a tensor lie in a storage.
struct Layout {
    shape: Vec<usize>,
    stride: Vec<usize>,
    offset: usize,
    /// Values.
    count: usize,
    /// Bytes of one value.
    size: usize,
}

impl Layout {
    fn new(pickle: &Unpickled<'_>, tensor: &TensorRef, view_offset: u64) -> Result<Self, String> {
        let sizes = |id| -> Option<Vec<usize>> {
            pickle.counts(id)?.into_iter().map(|count| usize::try_from(count).ok()).collect()
        };
        let (Some(shape), Some(stride)) = (sizes(tensor.shape), sizes(tensor.stride)) else {
            return Err("its shape is no tuple of counts".to_owned());
        };
        if shape.len() != stride.len() {
            return Err(format!("it has {} dimensions but {} strides", shape.len(), stride.len()));
        }
        let size = tensor.dtype.size();
        let count = shape.iter().try_fold(1usize, |count, side| count.checked_mul(*side));
        let offset = tensor.offset.checked_add(view_offset).and_then(|offset| usize::try_from(offset).ok());
        match (count, offset) {
            (Some(count), Some(offset))
                if count.checked_mul(size).is_some_and(|bytes| bytes <= isize::MAX as usize) =>
            {
                Ok(Self { shape, stride, offset, count, size })
            }
            _ => Err(format!("shape {shape:?} at {} is larger than memory can be", tensor.offset)),
        }
    }

    const fn bytes(&self) -> u64 {
        (self.count * self.size) as u64
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1usize;
        self.shape.iter().zip(&self.stride).rev().all(|(side, stride)| {
            let fits = *side == 1 || *stride == expected;
            expected = expected.saturating_mul(*side);
            fits
        })
    }

    /// The values in row-major order.
    fn gather(&self, storage: &[u8]) -> Result<Vec<u8>, String> {
        if self.count == 0 {
            return Ok(Vec::new());
        }
        let held = storage.len() / self.size;
        // The position of the last value; the others lie before it, because strides are not negative.
        let last =
            self.shape.iter().zip(&self.stride).try_fold(self.offset, |position, (side, stride)| {
                position.checked_add((side - 1).checked_mul(*stride)?)
            });
        if last.is_none_or(|last| last >= held) {
            return Err(format!(
                "shape {:?} with strides {:?} at {} reaches beyond its storage of {held} values",
                self.shape, self.stride, self.offset
            ));
        }
        if self.is_contiguous() {
            let start = self.offset * self.size;
            return Ok(storage[start..start + self.count * self.size].to_vec());
        }
        let mut gathered = Vec::with_capacity(self.count * self.size);
        let mut index = vec![0usize; self.shape.len()];
        let mut position = self.offset;
        loop {
            gathered.extend_from_slice(&storage[position * self.size..(position + 1) * self.size]);
            // Counts up like a mileage counter: the last axis moves fastest.
            let mut axis = self.shape.len();
            loop {
                if axis == 0 {
                    return Ok(gathered);
                }
                axis -= 1;
                if index[axis] + 1 < self.shape[axis] {
                    index[axis] += 1;
                    position += self.stride[axis];
                    break;
                }
                position -= index[axis] * self.stride[axis];
                index[axis] = 0;
            }
        }
    }
}
