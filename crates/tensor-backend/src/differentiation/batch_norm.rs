//! Batch normalisation with its residual and activation.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::ops::FloatTensor;

use super::Tracked;
use crate::VisionBackend;
use crate::vision_backend::{BatchNormForward, BatchNormSaved, NormActivation};

/// Batch normalisation, with parents input, weight, bias and perhaps residual.
#[derive(Debug)]
struct BatchNorm;

impl<B: VisionBackend, const N: usize> Backward<B, N> for BatchNorm {
    type State = BatchNormSaved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let residual = ops.parents.get(3).and_then(Option::as_ref);
        let gradients = B::vision_batch_norm_gradient(ops.state, gradient, residual.is_some());
        if let (Some(parent), Some(gradient)) = (residual, gradients.residual) {
            grads.register::<B>(parent.id, gradient);
        }
        for (parent, gradient) in ops.parents.iter().zip([gradients.input, gradients.weight, gradients.bias]) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}

pub(super) fn forward<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    weight: Tracked<B>,
    bias: Tracked<B>,
    residual: Option<Tracked<B>>,
    activation: NormActivation,
    epsilon: f64,
) -> BatchNormForward<Tracked<B>> {
    let (residual, residual_node) = residual.map(|residual| (residual.primitive, residual.node)).unzip();
    let result = B::vision_batch_norm(
        input.primitive.clone(),
        weight.primitive.clone(),
        bias.primitive.clone(),
        residual,
        activation,
        epsilon,
    );
    let saved = BatchNormSaved {
        input: input.primitive,
        mean: result.mean.clone(),
        inverse_deviation: result.inverse_deviation.clone(),
        weight: weight.primitive,
        bias: bias.primitive,
        output: (activation == NormActivation::Relu && residual_node.is_some()).then(|| result.output.clone()),
        activation,
    };
    let nodes = (input.node, weight.node, bias.node);
    let output = match residual_node {
        Some(residual) => {
            let nodes = [nodes.0, nodes.1, nodes.2, residual];
            match Backward::<B, 4>::prepare::<C>(BatchNorm, nodes).compute_bound().stateful() {
                OpsKind::Tracked(preparation) => preparation.finish(saved, result.output),
                OpsKind::UnTracked(preparation) => preparation.finish(result.output),
            }
        }
        None => {
            let nodes = [nodes.0, nodes.1, nodes.2];
            match Backward::<B, 3>::prepare::<C>(BatchNorm, nodes).compute_bound().stateful() {
                OpsKind::Tracked(preparation) => preparation.finish(saved, result.output),
                OpsKind::UnTracked(preparation) => preparation.finish(result.output),
            }
        }
    };
    let constant = <Autodiff<B> as AutodiffBackend>::from_inner;
    BatchNormForward {
        output,
        mean: constant(result.mean),
        variance: constant(result.variance),
        inverse_deviation: constant(result.inverse_deviation),
    }
}
