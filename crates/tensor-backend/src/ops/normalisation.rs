//! Batch normalisation, with an optional residual sum and activation in the same operation.

use burn::tensor::Tensor;

use super::{Activation, activate};
use crate::VisionBackend;

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
    let [batch, channels, height, width] = input.dims();
    let count = (batch * height * width) as f64;
    let per_channel = |tensor: Tensor<B, 4>| {
        tensor.swap_dims(0, 1).reshape([channels, batch * height * width]).mean_dim(1).reshape([1, channels, 1, 1])
    };
    let mean = per_channel(input.clone());
    let centred = input - mean.clone();
    let variance = per_channel(centred.clone().square());
    let normalised = centred / variance.clone().add_scalar(epsilon).sqrt();
    let scaled = normalised * weight.reshape([1, channels, 1, 1]) + bias.reshape([1, channels, 1, 1]);
    let sum = match residual {
        Some(residual) => scaled + residual,
        None => scaled,
    };
    BatchNormOutput {
        output: activate(sum, activation),
        mean: mean.detach().reshape([channels]),
        variance: variance.detach().reshape([channels]).mul_scalar(count / (count - 1.0).max(1.0)),
    }
}

/// Normalises each channel by given statistics, adds `residual` and applies `activation`.
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
    let channels = input.dims()[1];
    let scale = weight / variance.add_scalar(epsilon).sqrt();
    let shift = bias - mean * scale.clone();
    let scaled = input * scale.reshape([1, channels, 1, 1]) + shift.reshape([1, channels, 1, 1]);
    let sum = match residual {
        Some(residual) => scaled + residual,
        None => scaled,
    };
    activate(sum, activation)
}
