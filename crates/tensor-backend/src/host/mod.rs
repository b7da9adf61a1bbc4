//! Tensors in the processor's memory, and the operations on them by our kernels.
//!
//! Image tensors that come out of these operations are stored as `[batch, height, width, channels]`, and say so by their
//! strides: their shape is `[batch, channels, height, width]` as everywhere. Whatever comes in, from burn's own
//! operations or from a file, is brought into that order first.

pub(crate) mod batch_norm;
pub(crate) mod concatenate;
pub(crate) mod convolution;
pub(crate) mod cross_entropy;
pub(crate) mod elementwise;
#[cfg(feature = "cpu")]
mod flex;
pub(crate) mod inference;
#[cfg(feature = "ndarray")]
mod ndarray;
pub(crate) mod optimizer;
pub(crate) mod pooling;
pub(crate) mod resizing;

use std::ops::DerefMut;

use burn::tensor::{Shape, TensorMetadata};

use crate::kernels::layout::transpose;

/// A tensor primitive whose elements are slices in memory.
pub(crate) trait HostTensor: TensorMetadata + Clone {
    /// New memory for elements.
    type Buffer: DerefMut<Target = [f32]> + Send;

    /// Memory for `length` elements, with arbitrary contents.
    fn buffer(length: usize) -> Self::Buffer;
    /// A tensor of `shape` with row-major `elements`.
    fn from_dense(elements: Self::Buffer, shape: &[usize]) -> Self;
    /// A tensor of shape `[batch, channels, height, width]` with elements in the order batch, height, width, channel.
    fn from_pixels(elements: Self::Buffer, shape: [usize; 4]) -> Self;
    /// Whether the elements are `f32`.
    fn is_f32(&self) -> bool;
    /// The strides, in elements.
    fn element_strides(&self) -> Vec<isize>;
    /// The elements of a row-major tensor in another shape of as many; they stay where they are.
    fn with_shape(self, shape: Shape) -> Self;
    /// Row-major, by burn's own means.
    fn into_row_major(self) -> Self;
    /// The elements in storage order, for a tensor without gaps.
    fn elements(&self) -> &[f32];
    /// The same to write to, if nobody else has the tensor.
    fn elements_mut(&mut self) -> Option<&mut [f32]>;

    /// The shape as an array.
    ///
    /// # Panics
    ///
    /// When the tensor does not have `D` dimensions.
    fn dims<const D: usize>(&self) -> [usize; D] {
        self.shape().dims::<D>()
    }

    /// Whether the storage order of dimensions is `order`, slowest first, without gaps.
    fn is_stored_as(&self, order: &[usize]) -> bool {
        let shape = self.shape();
        let strides = self.element_strides();
        let mut step = 1;
        order.iter().rev().all(|&dimension| {
            let fits = shape[dimension] == 1 || strides[dimension] == step;
            step *= shape[dimension] as isize;
            fits
        })
    }

    /// The tensor with its elements in row-major order.
    fn dense(self) -> Self {
        let rank = self.shape().num_dims();
        if self.is_stored_as(&(0..rank).collect::<Vec<_>>()) {
            return self;
        }
        if rank == 4 && self.is_stored_as(&[0, 2, 3, 1]) {
            let [batch, channels, height, width] = self.dims();
            let mut target = Self::buffer(batch * channels * height * width);
            transpose(self.elements(), batch, height * width, channels, &mut target);
            return Self::from_dense(target, &[batch, channels, height, width]);
        }
        self.into_row_major()
    }

    /// The tensor in another shape, with its elements in row-major order.
    ///
    /// # Panics
    ///
    /// When the shape has another number of elements.
    fn reshaped(self, shape: Shape) -> Self {
        let present = self.shape();
        assert_eq!(present.num_elements(), shape.num_elements(), "a tensor {present:?} cannot become {shape:?}");
        self.dense().with_shape(shape)
    }

    /// The image tensor with its elements in the order batch, height, width, channel.
    fn pixels(self) -> Self {
        if self.is_stored_as(&[0, 2, 3, 1]) {
            return self;
        }
        let dense = self.dense();
        let [batch, channels, height, width] = dense.dims();
        let mut target = Self::buffer(batch * channels * height * width);
        transpose(dense.elements(), batch, channels, height * width, &mut target);
        Self::from_pixels(target, [batch, channels, height, width])
    }

    /// A one-dimensional tensor with these elements.
    fn vector(elements: &[f32]) -> Self {
        let mut buffer = Self::buffer(elements.len());
        buffer.copy_from_slice(elements);
        Self::from_dense(buffer, &[elements.len()])
    }
}
