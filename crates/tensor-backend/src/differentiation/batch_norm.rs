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
use crate::kernels::batch_norm::NormStatistics;
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

/// What is normalised, its scale and its shift.
type Normalised<T> = [T; 3];

pub(super) fn forward<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    weight: Tracked<B>,
    bias: Tracked<B>,
    residual: Option<Tracked<B>>,
    activation: NormActivation,
    epsilon: f64,
) -> BatchNormForward<Tracked<B>> {
    let (output, [mean, variance, inverse_deviation]) =
        tracked::<B, C, _>([input, weight, bias], residual, |[input, weight, bias], residual| {
            let keeps_output = activation == NormActivation::Relu && residual.is_some();
            let BatchNormForward { output, mean, variance, inverse_deviation } =
                B::vision_batch_norm(input.clone(), weight.clone(), bias.clone(), residual, activation, epsilon);
            let saved = BatchNormSaved {
                input,
                mean: mean.clone(),
                inverse_deviation: inverse_deviation.clone(),
                weight,
                bias,
                output: keeps_output.then(|| output.clone()),
                activation,
                statistics: NormStatistics::Batch,
            };
            (output, saved, [mean, variance, inverse_deviation])
        });
    let constant = <Autodiff<B> as AutodiffBackend>::from_inner;
    BatchNormForward {
        output,
        mean: constant(mean),
        variance: constant(variance),
        inverse_deviation: constant(inverse_deviation),
    }
}

/// Normalisation by given statistics, which get no gradient.
#[allow(clippy::too_many_arguments, reason = "the parameters of the operation, as in its definition")]
pub(super) fn by_given_statistics<B: VisionBackend, C: CheckpointStrategy>(
    input: Tracked<B>,
    weight: Tracked<B>,
    bias: Tracked<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    residual: Option<Tracked<B>>,
    activation: NormActivation,
    epsilon: f64,
) -> Tracked<B> {
    let (output, ()) = tracked::<B, C, _>([input, weight, bias], residual, |[input, weight, bias], residual| {
        let keeps_output = activation == NormActivation::Relu && residual.is_some();
        let output = B::vision_batch_norm_inference(
            input.clone(),
            weight.clone(),
            bias.clone(),
            mean.clone(),
            variance.clone(),
            residual,
            activation,
            epsilon,
        );
        let saved = BatchNormSaved {
            input,
            mean,
            inverse_deviation: B::float_recip(B::float_sqrt(B::float_add_scalar(variance, epsilon.into()))),
            weight,
            bias,
            output: keeps_output.then(|| output.clone()),
            activation,
            statistics: NormStatistics::Given,
        };
        (output, saved, ())
    });
    output
}

/// The output of `normalise` as a node of the graph, and what else it gives.
fn tracked<B: VisionBackend, C: CheckpointStrategy, R>(
    inputs: Normalised<Tracked<B>>,
    residual: Option<Tracked<B>>,
    normalise: impl FnOnce(
        Normalised<FloatTensor<B>>,
        Option<FloatTensor<B>>,
    ) -> (FloatTensor<B>, BatchNormSaved<FloatTensor<B>>, R),
) -> (Tracked<B>, R) {
    let [input, weight, bias] = inputs.each_ref().map(|tensor| tensor.node.clone());
    let (residual, residual_node) = residual.map(|residual| (residual.primitive, residual.node)).unzip();
    let (output, saved, rest) = normalise(inputs.map(|tensor| tensor.primitive), residual);
    let output = match residual_node {
        Some(residual) => {
            let nodes = [input, weight, bias, residual];
            match Backward::<B, 4>::prepare::<C>(BatchNorm, nodes).compute_bound().stateful() {
                OpsKind::Tracked(preparation) => preparation.finish(saved, output),
                OpsKind::UnTracked(preparation) => preparation.finish(output),
            }
        }
        None => {
            let nodes = [input, weight, bias];
            match Backward::<B, 3>::prepare::<C>(BatchNorm, nodes).compute_bound().stateful() {
                OpsKind::Tracked(preparation) => preparation.finish(saved, output),
                OpsKind::UnTracked(preparation) => preparation.finish(output),
            }
        }
    };
    (output, rest)
}
