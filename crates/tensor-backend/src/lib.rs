//! The tensor backends, chosen once by feature flag, and the operations vision models are made of.
//!
//! | feature | backend | for |
//! |---|---|---|
//! | `cpu` | burn's Flex | the default: our own kernels on the hot operations |
//! | `ndarray` | burn's ndarray | the same kernels on ndarray tensors |
//! | `cuda` | burn's CUDA backend, fused and autotuned | NVIDIA GPUs |
//!
//! A program that computes with ndarray should declare [`kernels::memory::PooledAllocator`] as its global allocator, as the
//! command line does: otherwise every step asks the system for its memory anew.
//!
//! Models are generic over [`VisionBackend`]; only a program's outermost layer names [`SelectedBackend`].
//! This crate knows nothing of models, losses or files.

#[cfg(any(feature = "cpu", feature = "ndarray", feature = "cuda"))]
mod backend;
mod buffer;
mod compute_threads;
mod differentiation;
pub mod elementary;
mod fallback;
#[cfg(any(feature = "cpu", feature = "ndarray"))]
mod host;
#[cfg(any(feature = "cpu", feature = "ndarray"))]
mod host_backend;
mod join_graphs;
pub mod kernels;
pub mod ops;
mod prepared;
pub mod random;
pub mod state_dict;
mod vision_backend;

#[cfg(any(feature = "cpu", feature = "ndarray", feature = "cuda"))]
pub use backend::{BACKEND_NAME, DeviceError, SelectedBackend, SelectedDevice, TrainingBackend, open_device};
pub use buffer::Buffer;
pub use compute_threads::compute_on_this_thread;
pub use join_graphs::join_graphs;
pub use prepared::Prepared;
pub use vision_backend::{
    AutodiffVisionBackend, AveragePool, BatchNormForward, BatchNormGradient, BatchNormSaved, InferenceNorm,
    NormActivation, VisionBackend,
};
