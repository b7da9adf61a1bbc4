//! What a pickle can build.

use super::globals::Global;
use crate::tensor::DType;

/// The number of a value in its arena.
pub type Id = u32;

/// A value. Text and bytes are those of the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number of more than 64 bits, little-endian.
    LongInt(&'a [u8]),
    /// A double.
    Float(f64),
    /// Text.
    Str(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A tuple.
    Tuple(Box<[Id]>),
    /// A list or a set.
    List(Vec<Id>),
    /// A dictionary, its keys in the order they were set.
    Dict(Vec<(Id, Id)>),
    /// One of the objects that the machine knows.
    Global(Global),
    /// Where values are kept.
    Storage(Box<StorageRef<'a>>),
    /// A tensor.
    Tensor(Box<TensorRef>),
    /// Something that weights do not need, such as a device.
    Opaque,
}

/// A storage that a pickle refers to; its values lie elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageRef<'a> {
    /// Its name in the file.
    pub key: &'a str,
    /// The type of its values; `None` when it is bytes.
    pub dtype: Option<DType>,
    /// Where the view begins that this refers to, in values (older form only, else 0).
    pub view_offset: u64,
}

/// A tensor: a storage, and where in it the values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorRef {
    /// Its [`Value::Storage`].
    pub storage: Id,
    /// The type of its values.
    pub dtype: DType,
    /// The first value's position.
    pub offset: u64,
    /// Its shape, a [`Value::Tuple`]; not copied, since a pickle may use one shape for any number of tensors.
    pub shape: Id,
    /// Values between neighbours along each axis, a [`Value::Tuple`].
    pub stride: Id,
}
