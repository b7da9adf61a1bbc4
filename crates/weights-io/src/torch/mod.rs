//! PyTorch's files.

pub(crate) mod legacy;
mod storage;
pub(crate) mod zip_archive;

pub(crate) use storage::{Storages, materialise};
