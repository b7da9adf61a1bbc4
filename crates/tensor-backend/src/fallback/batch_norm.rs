//! Batch normalisation.

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, activation};

use super::elementwise::rectify;
use super::{primitive, tensor};
use crate::kernels::batch_norm::NormStatistics;
use crate::vision_backend::{BatchNormForward, BatchNormGradient, BatchNormSaved, NormActivation, SILU_WITH_RESIDUAL};

fn channel_mean<B: Backend>(values: Tensor<B, 4>) -> Tensor<B, 4> {
    let [_, channels, _, _] = values.dims();
    values.swap_dims(0, 1).reshape([channels as i32, -1]).mean_dim(1).reshape([1, channels, 1, 1])
}

/// `[channels]` as `[1, channels, 1, 1]`.
fn spread<B: Backend>(values: FloatTensor<B>) -> Tensor<B, 4> {
    let values = tensor::<B, 1>(values);
    let [channels] = values.dims();
    values.reshape([1, channels, 1, 1])
}

pub(crate) fn forward<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    residual: Option<FloatTensor<B>>,
    follows: NormActivation,
    epsilon: f64,
) -> BatchNormForward<FloatTensor<B>> {
    let input = tensor::<B, 4>(input);
    let [batch, channels, height, width] = input.dims();
    let count = (batch * height * width) as f64;
    let mean = channel_mean(input.clone());
    let centred = input - mean.clone();
    let variance = channel_mean(centred.clone().square());
    let inverse = variance.clone().add_scalar(epsilon).sqrt().recip();
    let scaled = centred * (inverse.clone() * spread::<B>(weight)) + spread::<B>(bias);
    BatchNormForward {
        output: finish(scaled, residual, follows),
        mean: primitive(mean.reshape([channels])),
        variance: primitive(variance.reshape([channels]).mul_scalar(count / (count - 1.0).max(1.0))),
        inverse_deviation: primitive(inverse.reshape([channels])),
    }
}

fn finish<B: Backend>(
    scaled: Tensor<B, 4>,
    residual: Option<FloatTensor<B>>,
    follows: NormActivation,
) -> FloatTensor<B> {
    assert!(follows != NormActivation::Silu || residual.is_none(), "{SILU_WITH_RESIDUAL}");
    let sum = match residual {
        Some(residual) => scaled + tensor::<B, 4>(residual),
        None => scaled,
    };
    match follows {
        NormActivation::Identity => primitive(sum),
        NormActivation::Relu => rectify::<B>(primitive(sum.clone()), primitive(sum)),
        NormActivation::Silu => primitive(activation::silu(sum)),
    }
}

pub(crate) fn backward<B: Backend>(
    saved: BatchNormSaved<FloatTensor<B>>,
    output_gradient: FloatTensor<B>,
    with_residual: bool,
) -> BatchNormGradient<FloatTensor<B>> {
    let centred = tensor::<B, 4>(saved.input) - spread::<B>(saved.mean);
    let inverse = spread::<B>(saved.inverse_deviation);
    let normalised = centred * inverse.clone();
    let weight = spread::<B>(saved.weight);
    let mut gradient = tensor::<B, 4>(output_gradient);
    let [batch, channels, height, width] = gradient.dims();
    let scaled = || normalised.clone() * weight.clone() + spread::<B>(saved.bias);
    match saved.activation {
        NormActivation::Identity => {}
        NormActivation::Relu => {
            let output = saved.output.map_or_else(scaled, tensor::<B, 4>);
            gradient = tensor(rectify::<B>(primitive(output), primitive(gradient)));
        }
        NormActivation::Silu => {
            let scaled = scaled();
            let sigmoid = activation::sigmoid(scaled.clone());
            // σ · (1 + z · (1 - σ))
            let slope = sigmoid.clone() * (scaled * sigmoid.neg().add_scalar(1.0)).add_scalar(1.0);
            gradient = gradient * slope;
        }
    }
    let mean_gradient = channel_mean(gradient.clone());
    let mean_product = channel_mean(gradient.clone() * normalised.clone());
    let count = (batch * height * width) as f64;
    let sum = |mean: Tensor<B, 4>| primitive(mean.mul_scalar(count).reshape([channels]));
    BatchNormGradient {
        weight: sum(mean_product.clone()),
        bias: sum(mean_gradient.clone()),
        residual: with_residual.then(|| primitive(gradient.clone())),
        input: primitive(match saved.statistics {
            NormStatistics::Batch => (gradient - mean_gradient - normalised * mean_product) * (weight * inverse),
            NormStatistics::Given => gradient * (weight * inverse),
        }),
    }
}

#[allow(clippy::too_many_arguments, reason = "the parameters of the operation, as in its definition")]
pub(crate) fn inference<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    residual: Option<FloatTensor<B>>,
    activation: NormActivation,
    epsilon: f64,
) -> FloatTensor<B> {
    let scale = spread::<B>(weight) / spread::<B>(variance).add_scalar(epsilon).sqrt();
    let shift = spread::<B>(bias) - spread::<B>(mean) * scale.clone();
    finish(tensor::<B, 4>(input) * scale + shift, residual, activation)
}
