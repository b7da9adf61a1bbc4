//! Weights of networks in the files that other programs keep them in.
//!
//! [`read`] takes PyTorch's files in both of their forms (a zip archive since 1.6, a plain pickle before) and
//! safetensors, and gives [`WeightTensor`]s by name. [`write_torch`] and [`write_safetensors`] go the other way.
//!
//! A pickle is a program, and running one that a stranger wrote runs the stranger's code. Here it is only ever
//! interpreted: a small [machine](pickle) knows the instructions that build plain values and a closed list of names
//! (`OrderedDict`, `torch._utils._rebuild_tensor_v2`, storages, …) that stand for what it builds itself; any other
//! name is an error that says which. Memory stays in proportion to the file, whatever sizes the file claims.

mod error;
pub mod pickle;
mod read;
mod safetensors_file;
mod select;
mod tensor;
mod torch;
mod write;

pub use error::{ContentError, WeightsError};
pub use read::{FileFormat, Weights, parse, read, read_metadata};
pub use safetensors_file::write_safetensors;
pub use tensor::{DType, WeightTensor};
pub use write::{DESCRIPTION_KEY, write_torch};
