//! Convolution and transposed convolution.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::TensorMetadata;
use burn::tensor::ops::FloatTensor;

use super::{Tracked, take_gradient};
use crate::VisionBackend;
use crate::ops::{Conv2dOptions, ConvTranspose2dOptions};

/// What the backward pass needs. A tensor is kept only for a gradient that somebody wants.
#[derive(Debug, Clone)]
struct Saved<T, O> {
    input: Option<T>,
    input_shape: [usize; 4],
    weight: Option<T>,
    weight_shape: [usize; 4],
    options: O,
}

impl<T: TensorMetadata + Clone, O> Saved<T, O> {
    /// `wanted`: whether input and weight have gradients.
    fn new(input: &T, weight: &T, wanted: [bool; 2], options: O) -> Self {
        Self {
            input: wanted[1].then(|| input.clone()),
            input_shape: input.shape().dims(),
            weight: wanted[0].then(|| weight.clone()),
            weight_shape: weight.shape().dims(),
            options,
        }
    }
}

/// Convolution, with parents input, weight and perhaps bias.
#[derive(Debug)]
struct Conv2d;

impl<B: VisionBackend, const N: usize> Backward<B, N> for Conv2d {
    type State = Saved<FloatTensor<B>, Conv2dOptions>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let options = ops.state.options;
        if let (Some(parent), Some(input)) = (&ops.parents[1], &ops.state.input) {
            let shape = ops.state.weight_shape;
            let weight = B::vision_conv2d_weight_gradient(input.clone(), shape, gradient.clone(), options);
            grads.register::<B>(parent.id, weight);
        }
        if let Some(parent) = ops.parents.get(2).and_then(Option::as_ref) {
            grads.register::<B>(parent.id, B::vision_channel_sum(gradient.clone()));
        }
        if let (Some(parent), Some(weight)) = (&ops.parents[0], &ops.state.weight) {
            let present = take_gradient::<B, _, N>(&ops, 0, grads, &gradient);
            let shape = ops.state.input_shape;
            let input = B::vision_conv2d_input_gradient(shape, weight.clone(), gradient, options, present);
            grads.register::<B>(parent.id, input);
        }
    }
}

pub(super) fn conv2d<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    weight: Tracked<B>,
    bias: Option<Tracked<B>>,
    options: Conv2dOptions,
) -> Tracked<B> {
    let wanted = [input.is_tracked(), weight.is_tracked()];
    let saved = Saved::new(&input.primitive, &weight.primitive, wanted, options);
    let nodes = (input.node, weight.node);
    match bias {
        Some(bias) => {
            let output = B::vision_conv2d(input.primitive, weight.primitive, Some(bias.primitive), options);
            match Backward::<B, 3>::prepare::<C>(Conv2d, [nodes.0, nodes.1, bias.node]).compute_bound().stateful() {
                OpsKind::Tracked(preparation) => preparation.finish(saved, output),
                OpsKind::UnTracked(preparation) => preparation.finish(output),
            }
        }
        None => {
            let output = B::vision_conv2d(input.primitive, weight.primitive, None, options);
            match Backward::<B, 2>::prepare::<C>(Conv2d, [nodes.0, nodes.1]).compute_bound().stateful() {
                OpsKind::Tracked(preparation) => preparation.finish(saved, output),
                OpsKind::UnTracked(preparation) => preparation.finish(output),
            }
        }
    }
}

/// Transposed convolution, with parents input, weight and perhaps bias.
#[derive(Debug)]
struct ConvTranspose2d;

impl<B: VisionBackend, const N: usize> Backward<B, N> for ConvTranspose2d {
    type State = Saved<FloatTensor<B>, ConvTranspose2dOptions>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let Saved { input, input_shape, weight, weight_shape, options } = ops.state;
        if let (Some(parent), Some(input)) = (&ops.parents[1], input) {
            let gradient = gradient.clone();
            let weight = B::vision_conv_transpose2d_weight_gradient(input, weight_shape, gradient, options);
            grads.register::<B>(parent.id, weight);
        }
        if let Some(parent) = ops.parents.get(2).and_then(Option::as_ref) {
            grads.register::<B>(parent.id, B::vision_channel_sum(gradient.clone()));
        }
        if let (Some(parent), Some(weight)) = (&ops.parents[0], weight) {
            let input = B::vision_conv_transpose2d_input_gradient(input_shape, weight, gradient, options);
            grads.register::<B>(parent.id, input);
        }
    }
}

pub(super) fn conv_transpose2d<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    weight: Tracked<B>,
    bias: Option<Tracked<B>>,
    options: ConvTranspose2dOptions,
) -> Tracked<B> {
    let wanted = [input.is_tracked(), weight.is_tracked()];
    let saved = Saved::new(&input.primitive, &weight.primitive, wanted, options);
    let nodes = (input.node, weight.node);
    match bias {
        Some(bias) => {
            let output = B::vision_conv_transpose2d(input.primitive, weight.primitive, Some(bias.primitive), options);
            let nodes = [nodes.0, nodes.1, bias.node];
            match Backward::<B, 3>::prepare::<C>(ConvTranspose2d, nodes).compute_bound().stateful() {
                OpsKind::Tracked(preparation) => preparation.finish(saved, output),
                OpsKind::UnTracked(preparation) => preparation.finish(output),
            }
        }
        None => {
            let output = B::vision_conv_transpose2d(input.primitive, weight.primitive, None, options);
            let nodes = [nodes.0, nodes.1];
            match Backward::<B, 2>::prepare::<C>(ConvTranspose2d, nodes).compute_bound().stateful() {
                OpsKind::Tracked(preparation) => preparation.finish(saved, output),
                OpsKind::UnTracked(preparation) => preparation.finish(output),
            }
        }
    }
}
