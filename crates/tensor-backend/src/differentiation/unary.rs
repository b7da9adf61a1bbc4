//! Operations with one differentiable argument.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{ElementConversion, Shape, Tensor, TensorMetadata, TensorPrimitive};

use super::{Tracked, add_gradient};
use crate::ops::{Activation, Interpolation, Pool2dOptions};
use crate::vision_backend::AveragePool;
use crate::{VisionBackend, fallback};

/// An operation and what its backward pass needs.
#[derive(Debug, Clone)]
enum Saved<T> {
    Activate { input: T, activation: Activation },
    MaxPool { input: T, output: T, options: Pool2dOptions },
    AveragePool { input_shape: [usize; 4], pool: AveragePool },
    Resize { input_shape: [usize; 4], kind: Interpolation },
    SpaceToDepth,
    Reshape { input_shape: Shape },
    CrossEntropy { logits: T, targets: T },
    Known { gradient: T },
}

/// An operation with one parent.
#[derive(Debug)]
struct Unary;

impl<B: VisionBackend> Backward<B, 1> for Unary {
    type State = Saved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        if ops.parents[0].is_none() {
            return;
        }
        let input = match ops.state.clone() {
            Saved::Activate { input, activation } => B::vision_activate_gradient(input, gradient, activation),
            Saved::MaxPool { input, output, options } => {
                B::vision_max_pool2d_gradient(input, output, gradient, options)
            }
            Saved::AveragePool { input_shape, pool } => B::vision_average_pool_gradient(input_shape, gradient, pool),
            Saved::Resize { input_shape, kind } => B::vision_resize_gradient(input_shape, gradient, kind),
            Saved::SpaceToDepth => B::vision_space_to_depth_gradient(gradient),
            Saved::Reshape { input_shape } => B::vision_reshape(gradient, input_shape),
            Saved::CrossEntropy { logits, targets } => {
                B::vision_softmax_cross_entropy_gradient(logits, targets, gradient)
            }
            Saved::Known { gradient: known } => scaled::<B>(known, gradient),
        };
        add_gradient::<B, _, 1>(&ops, 0, grads, input);
    }
}

/// `tensor` times the one number in `factor`.
fn scaled<B: VisionBackend>(tensor: FloatTensor<B>, factor: FloatTensor<B>) -> FloatTensor<B> {
    if !B::has_vision_kernels(&tensor) {
        let ones = vec![1; tensor.shape().num_dims()];
        return B::float_mul(tensor, B::float_reshape(factor, Shape::from(ones)));
    }
    // The number is in this memory, is mostly 1, and a product with it need not walk a broadcast tensor.
    let factor: f64 = Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(factor)).into_scalar().elem();
    if factor == 1.0 { tensor } else { B::float_mul_scalar(tensor, factor.into()) }
}

/// Puts `output` behind `input` in the graph. `saved` is only called if somebody wants the input's gradient.
fn step<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    operation: impl FnOnce(FloatTensor<B>) -> FloatTensor<B>,
    saved: impl FnOnce(FloatTensor<B>, &FloatTensor<B>) -> Saved<FloatTensor<B>>,
) -> Tracked<B> {
    match Backward::<B, 1>::prepare::<C>(Unary, [input.node]).compute_bound().stateful() {
        OpsKind::Tracked(preparation) => {
            let output = operation(input.primitive.clone());
            preparation.finish(saved(input.primitive, &output), output)
        }
        OpsKind::UnTracked(preparation) => preparation.finish(operation(input.primitive)),
    }
}

pub(super) fn activate<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    activation: Activation,
) -> Tracked<B> {
    if activation == Activation::Identity {
        return input;
    }
    let saved = |input, _: &FloatTensor<B>| Saved::Activate { input, activation };
    step::<B, C>(input, |input| B::vision_activate(input, activation), saved)
}

pub(super) fn max_pool2d<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    options: Pool2dOptions,
) -> Tracked<B> {
    if !B::has_vision_kernels(&input.primitive) {
        // Burn's own backward pass keeps the indices of the maxima, which the fallback would have to find again.
        return fallback::pooling::max_pool2d::<Autodiff<B, C>>(input, options);
    }
    let saved = |input, output: &FloatTensor<B>| Saved::MaxPool { input, output: output.clone(), options };
    step::<B, C>(input, |input| B::vision_max_pool2d(input, options), saved)
}

pub(super) fn average_pool<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    pool: AveragePool,
) -> Tracked<B> {
    let input_shape = input.shape().dims();
    step::<B, C>(input, |input| B::vision_average_pool(input, pool), |_, _| Saved::AveragePool { input_shape, pool })
}

pub(super) fn resize<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    size: [usize; 2],
    kind: Interpolation,
) -> Tracked<B> {
    let input_shape = input.shape().dims();
    step::<B, C>(input, |input| B::vision_resize(input, size, kind), |_, _| Saved::Resize { input_shape, kind })
}

pub(super) fn space_to_depth<B: VisionBackend, C: CheckpointStrategy>(input: Tracked<B>) -> Tracked<B> {
    step::<B, C>(input, |input| B::vision_space_to_depth(input), |_, _| Saved::SpaceToDepth)
}

pub(super) fn reshape<B: VisionBackend, C: CheckpointStrategy>(input: Tracked<B>, shape: Shape) -> Tracked<B> {
    let input_shape = input.shape();
    step::<B, C>(input, |input| B::vision_reshape(input, shape), |_, _| Saved::Reshape { input_shape })
}

pub(super) fn softmax_cross_entropy<B: VisionBackend, C: CheckpointStrategy>(
    logits: Tracked<B>,
    targets: Tracked<B>,
) -> Tracked<B> {
    if targets.is_tracked() {
        return fallback::elementwise::softmax_cross_entropy::<Autodiff<B, C>>(logits, targets);
    }
    let targets = targets.primitive;
    let kept = targets.clone();
    let operation = |logits| B::vision_softmax_cross_entropy(logits, targets);
    step::<B, C>(logits, operation, |logits, _| Saved::CrossEntropy { logits, targets: kept })
}

pub(super) fn known_gradient<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    value: Tracked<B>,
    gradient: Tracked<B>,
) -> Tracked<B> {
    let (value, gradient) = (value.primitive, gradient.primitive);
    step::<B, C>(input, |_| value, |_, _| Saved::Known { gradient })
}
