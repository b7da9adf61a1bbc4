//! The backward passes of the vision operations.

mod batch_norm;
mod concatenate;
mod convolution;
mod graph;
mod sum;
mod unary;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::Ops;
use burn::tensor::Shape;
use burn::tensor::backend::BackendTypes;
use burn::tensor::ops::FloatTensor;

use crate::VisionBackend;
use crate::ops::{Activation, Conv2dOptions, ConvTranspose2dOptions, Interpolation, Pool2dOptions};
use crate::vision_backend::{AveragePool, BatchNormForward, NormActivation};

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

/// Registers `gradient` for parent number `index`, added to what earlier steps of the backward pass left for it: burn's
/// own sum is slow for tensors that are stored by pixel.
fn add_gradient<B: VisionBackend, S, const N: usize>(
    ops: &Ops<S, N>,
    index: usize,
    grads: &mut Gradients,
    gradient: FloatTensor<B>,
) {
    let present = take_gradient::<B, _, N>(ops, index, grads, &gradient);
    if let Some(parent) = &ops.parents[index] {
        let sum = match present {
            Some(present) => B::vision_add(present, gradient),
            None => gradient,
        };
        grads.register::<B>(parent.id, sum);
    }
}

impl<B: VisionBackend, C: CheckpointStrategy> VisionBackend for Autodiff<B, C> {
    fn has_vision_kernels(tensor: &FloatTensor<Self>) -> bool {
        B::has_vision_kernels(&tensor.primitive)
    }

    fn vision_join_graphs(tensors: &[FloatTensor<Self>]) {
        graph::join::<B, C>(tensors);
    }

    fn vision_reshape(tensor: FloatTensor<Self>, shape: Shape) -> FloatTensor<Self> {
        unary::reshape::<B, C>(tensor, shape)
    }

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
        activation: NormActivation,
        epsilon: f64,
    ) -> BatchNormForward<FloatTensor<Self>> {
        batch_norm::forward::<B, C>(input, weight, bias, residual, activation, epsilon)
    }

    fn vision_batch_norm_inference(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        activation: NormActivation,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let (mean, variance) = (mean.primitive, variance.primitive);
        batch_norm::by_given_statistics::<B, C>(input, weight, bias, mean, variance, residual, activation, epsilon)
    }

    fn vision_activate(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        unary::activate::<B, C>(input, activation)
    }

    fn vision_add(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        sum::add::<B, C>(first, second)
    }

    fn vision_concatenate_channels(inputs: Vec<FloatTensor<Self>>) -> FloatTensor<Self> {
        concatenate::channels::<B, C>(inputs)
    }

    fn vision_pixel_rows(inputs: Vec<FloatTensor<Self>>) -> FloatTensor<Self> {
        concatenate::rows::<B, C>(inputs)
    }

    fn vision_space_to_depth(input: FloatTensor<Self>) -> FloatTensor<Self> {
        unary::space_to_depth::<B, C>(input)
    }

    fn vision_max_pool2d(input: FloatTensor<Self>, options: Pool2dOptions) -> FloatTensor<Self> {
        unary::max_pool2d::<B, C>(input, options)
    }

    fn vision_average_pool(input: FloatTensor<Self>, pool: AveragePool) -> FloatTensor<Self> {
        unary::average_pool::<B, C>(input, pool)
    }

    fn vision_resize(input: FloatTensor<Self>, size: [usize; 2], kind: Interpolation) -> FloatTensor<Self> {
        unary::resize::<B, C>(input, size, kind)
    }

    fn vision_softmax_cross_entropy(logits: FloatTensor<Self>, targets: FloatTensor<Self>) -> FloatTensor<Self> {
        unary::softmax_cross_entropy::<B, C>(logits, targets)
    }

    fn vision_known_gradient(
        input: FloatTensor<Self>,
        value: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        unary::known_gradient::<B, C>(input, value, gradient)
    }
}
