//! The same elements in another shape.

use burn::tensor::{Shape, Tensor};

use super::{primitive, tensor};
use crate::VisionBackend;

/// The elements of `tensor`, in row-major order, in another shape. Unlike burn's own method, it copies no row-major
/// `f32` tensor on any backend of the processor, so that a parameter may change its shape in every step.
///
/// # Panics
///
/// When `shape` has another number of elements.
pub fn reshape<B: VisionBackend, const D: usize, const E: usize>(
    tensor: Tensor<B, D>,
    shape: [usize; E],
) -> Tensor<B, E> {
    self::tensor(B::vision_reshape(primitive(tensor), Shape::from(shape)))
}

/// Channels and pixels of each image in one dimension, PyTorch's `flatten(1)`.
///
/// # Shapes
///
/// - `images`: `[batch, channels, height, width]`
/// - output: `[batch, channels · height · width]`
pub fn flatten<B: VisionBackend>(images: Tensor<B, 4>) -> Tensor<B, 2> {
    let [batch, channels, height, width] = images.dims();
    reshape(images, [batch, channels * height * width])
}
