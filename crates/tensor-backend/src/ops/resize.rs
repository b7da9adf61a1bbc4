//! Resizing feature maps.

use burn::tensor::Tensor;

use super::{primitive, tensor};
use crate::VisionBackend;

/// How values between pixels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Bilinear, corners not aligned (PyTorch's `align_corners=False`).
    Bilinear,
    /// Bilinear, corners aligned (PyTorch's `align_corners=True`).
    BilinearAlignedCorners,
}

/// `input` at `size` = `[height, width]`.
///
/// # Shapes
///
/// - `input`: `[batch, channels, height, width]`
/// - output: `[batch, channels, size[0], size[1]]`
pub fn resize<B: VisionBackend>(input: Tensor<B, 4>, size: [usize; 2], interpolation: Interpolation) -> Tensor<B, 4> {
    tensor(B::vision_resize(primitive(input), size, interpolation))
}
