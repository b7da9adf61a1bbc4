//! PyTorch's files before version 1.6: a pickled magic number, protocol version and description of the machine, the
//! pickled object, the pickled list of storage keys, and the storages in that order, each a count of 8 bytes and its
//! values.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Storages, materialise};
use crate::error::ContentError;
use crate::pickle::{self, Value};
use crate::select;
use crate::tensor::{DType, WeightTensor};

/// The first pickle of a file, little-endian: `torch.serialization.MAGIC_NUMBER`.
const MAGIC: [u8; 10] = 0x1950_a86a_20f9_469c_fc6c_u128.to_le_bytes().first_chunk::<10>().copied().unwrap();
/// `torch.serialization.PROTOCOL_VERSION`.
const PROTOCOL: i64 = 1001;

/// Whether a file begins as one of this form, or as another pickle.
pub(crate) fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..])
}

/// Tensors of a file, and the key they were under.
pub(crate) fn parse(bytes: &[u8], key: Option<&str>) -> Result<(Vec<WeightTensor>, Option<String>), ContentError> {
    let mut rest = bytes;
    let mut next = || {
        let pickle = pickle::load(rest)?;
        rest = &rest[pickle.length..];
        Ok::<_, ContentError>(pickle)
    };
    let (magic, protocol, machine) = (next()?, next()?, next()?);
    if magic.root() != &Value::LongInt(&MAGIC) {
        let reason = "it is not PyTorch's: its first value is not PyTorch's magic number".to_owned();
        return Err(ContentError::Pickle { offset: 0, reason });
    }
    if protocol.root() != &Value::Int(PROTOCOL) {
        let reason = format!("PyTorch's format is {:?}, expected {PROTOCOL}", protocol.root());
        return Err(ContentError::Pickle { offset: magic.length, reason });
    }
    if let Value::Dict(entries) = machine.root() {
        let order = entries.iter().find(|(key, _)| machine.get(*key) == &Value::Str("little_endian"));
        if order.is_some_and(|(_, value)| machine.get(*value) == &Value::Bool(false)) {
            return Err(ContentError::Storage("its values are big-endian, expected little-endian".to_owned()));
        }
    }
    let object = next()?;
    let keys = next()?;

    let mut dtypes: HashMap<&str, DType> = HashMap::new();
    for storage in object.storages() {
        let dtype = storage.dtype.unwrap_or(DType::U8);
        if *dtypes.entry(storage.key).or_insert(dtype) != dtype {
            return Err(ContentError::Storage(format!("storage {} is of two types", storage.key)));
        }
    }
    let Value::List(keys_in_order) = keys.root() else {
        return Err(ContentError::Storage("no list of keys after the object".to_owned()));
    };
    let mut storages: Storages<'_> = HashMap::new();
    for key in keys_in_order {
        let Value::Str(key) = keys.get(*key) else {
            return Err(ContentError::Storage("a key that is no text".to_owned()));
        };
        let Some(dtype) = dtypes.get(key) else {
            return Err(ContentError::Storage(format!("storage {key} is of unknown type")));
        };
        let length = rest.split_first_chunk::<8>().and_then(|(count, values)| {
            let length = usize::try_from(u64::from_le_bytes(*count)).ok()?.checked_mul(dtype.size())?;
            values.split_at_checked(length)
        });
        let Some((values, after)) = length else {
            return Err(ContentError::Storage(format!("the file ends within storage {key}")));
        };
        storages.insert(key, Cow::Borrowed(values));
        rest = after;
    }
    let chosen = select::state_dict(&object, key)?;
    let mut storage = |key: &str, name: &str| {
        storages.get(key).cloned().ok_or_else(|| ContentError::Tensor {
            name: name.to_owned(),
            reason: format!("its storage {key} is not in the file"),
        })
    };
    let tensors = materialise(&object, &chosen.tensors, bytes.len() as u64, &mut storage)?;
    Ok((tensors, chosen.key))
}
