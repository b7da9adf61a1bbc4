//! Batch normalisation, with an optional residual sum and activation in the same operation.

use burn::tensor::Tensor;

use super::{Activation, activate, primitive, tensor};
use crate::VisionBackend;
use crate::vision_backend::NormActivation;

/// What [`batch_norm_train`] gives.
#[derive(Debug, Clone)]
pub struct BatchNormOutput<B: VisionBackend> {
    /// `activation(weight · (x - mean) / sqrt(variance + epsilon) + bias + residual)`, of the input's shape.
    pub output: Tensor<B, 4>,
    /// Mean of each channel over the batch, `[channels]`, without gradient.
    pub mean: Tensor<B, 1>,
    /// Unbiased variance of each channel over the batch (divided by n - 1), `[channels]`, without gradient: what
    /// PyTorch feeds its running variance with.
    pub variance: Tensor<B, 1>,
}

/// Normalises each channel by its statistics over the batch, adds `residual` and applies `activation`.
///
/// Source: Ioffe and Szegedy 2015, algorithm 1; the biased variance normalises, as in PyTorch's `batch_norm`.
///
/// # Shapes
///
/// - `input`, `residual`: `[batch, channels, height, width]`
/// - `weight`, `bias`: `[channels]`
pub fn batch_norm_train<B: VisionBackend>(
    input: Tensor<B, 4>,
    weight: Tensor<B, 1>,
    bias: Tensor<B, 1>,
    residual: Option<Tensor<B, 4>>,
    activation: Activation,
    epsilon: f64,
) -> BatchNormOutput<B> {
    let (fused, rest) = NormActivation::split(activation, residual.is_some());
    let residual = residual.map(primitive);
    let result = B::vision_batch_norm(primitive(input), primitive(weight), primitive(bias), residual, fused, epsilon);
    BatchNormOutput {
        output: activate(tensor(result.output), rest),
        mean: tensor(result.mean),
        variance: tensor(result.variance),
    }
}

/// Normalises each channel by given statistics, adds `residual` and applies `activation`. It has gradients, but for the
/// statistics: it is how a layer is trained, or only passed, whose running statistics are frozen.
///
/// # Shapes
///
/// - `input`, `residual`: `[batch, channels, height, width]`
/// - `weight`, `bias`, `mean`, `variance`: `[channels]`
#[allow(clippy::too_many_arguments, reason = "the parameters of the operation, as in its definition")]
pub fn batch_norm_inference<B: VisionBackend>(
    input: Tensor<B, 4>,
    weight: Tensor<B, 1>,
    bias: Tensor<B, 1>,
    mean: Tensor<B, 1>,
    variance: Tensor<B, 1>,
    residual: Option<Tensor<B, 4>>,
    activation: Activation,
    epsilon: f64,
) -> Tensor<B, 4> {
    let (fused, rest) = NormActivation::split(activation, residual.is_some());
    let output = tensor(B::vision_batch_norm_inference(
        primitive(input),
        primitive(weight),
        primitive(bias),
        primitive(mean),
        primitive(variance),
        residual.map(primitive),
        fused,
        epsilon,
    ));
    activate(output, rest)
}
