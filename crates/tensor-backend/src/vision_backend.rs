//! The backend trait that models are generic over.

use burn::tensor::backend::{AutodiffBackend, Backend};

/// A backend with the operations that vision models spend their time in.
///
/// Every default body is made of burn's own operations, so any backend can be used with an empty `impl`.
pub trait VisionBackend: Backend {}

/// A [`VisionBackend`] with gradients, whose inner backend is one too.
pub trait AutodiffVisionBackend: VisionBackend + AutodiffBackend<InnerBackend: VisionBackend> {}

impl<B> AutodiffVisionBackend for B where B: VisionBackend + AutodiffBackend<InnerBackend: VisionBackend> {}

#[cfg(feature = "cpu")]
impl VisionBackend for burn::backend::Flex {}

#[cfg(feature = "ndarray")]
impl VisionBackend for burn::backend::NdArray {}

#[cfg(feature = "cuda")]
impl VisionBackend for burn::backend::Cuda {}

impl<B: VisionBackend> VisionBackend for burn::backend::Autodiff<B> {}
