//! The backward passes of the vision operations.

mod batch_norm;
mod convolution;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::Ops;
use burn::tensor::backend::BackendTypes;
use burn::tensor::ops::FloatTensor;

use crate::VisionBackend;
use crate::ops::{Conv2dOptions, ConvTranspose2dOptions};
use crate::vision_backend::BatchNormForward;

/// The primitive of `Autodiff<B>`: a primitive of `B` and its place in the graph.
type Tracked<B> = <Autodiff<B> as BackendTypes>::FloatTensorPrimitive;

/// Takes the gradient that earlier steps of the backward pass left for parent number `index`, so that the next one can
/// be added to it in place. `model` is any tensor of the right element type and device.
fn take_gradient<B: VisionBackend, S, const N: usize>(
    ops: &Ops<S, N>,
    index: usize,
    grads: &mut Gradients,
    model: &FloatTensor<B>,
) -> Option<FloatTensor<B>> {
    let parent = ops.parents[index].clone()?;
    let mut probe = Tracked::<B>::new(model.clone());
    probe.node = parent;
    grads.remove::<B>(&probe)
}

impl<B: VisionBackend, C: CheckpointStrategy> VisionBackend for Autodiff<B, C> {
    fn vision_conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self> {
        convolution::conv2d::<B, C>(input, weight, bias, options)
    }

    fn vision_conv_transpose2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        options: ConvTranspose2dOptions,
    ) -> FloatTensor<Self> {
        convolution::conv_transpose2d::<B, C>(input, weight, bias, options)
    }

    fn vision_batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        relu: bool,
        epsilon: f64,
    ) -> BatchNormForward<FloatTensor<Self>> {
        batch_norm::forward::<B, C>(input, weight, bias, residual, relu, epsilon)
    }
}
