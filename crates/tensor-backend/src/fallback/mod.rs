//! The vision operations made of burn's own, for backends without kernels of ours and for element types other than
//! `f32`.

pub(crate) mod batch_norm;
pub(crate) mod concatenate;
pub(crate) mod convolution;
pub(crate) mod elementwise;
pub(crate) mod optimizer;
pub(crate) mod pooling;
pub(crate) mod resizing;

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Shape, Tensor, TensorMetadata, TensorPrimitive};

fn tensor<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

fn primitive<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

/// A tensor like `model` but of `shape`, for functions of burn's that want a tensor where its shape would do.
fn empty_like<B: Backend>(model: &FloatTensor<B>, shape: [usize; 4]) -> FloatTensor<B> {
    B::float_empty(Shape::from(shape), &B::float_device(model), model.dtype().into())
}
