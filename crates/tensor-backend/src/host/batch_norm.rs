//! Batch normalisation.

use super::HostTensor;
use crate::kernels::batch_norm::{self, BatchNormGradients, Gate};
use crate::vision_backend::{BatchNormForward, BatchNormGradient, BatchNormSaved, NormActivation, SILU_WITH_RESIDUAL};

pub(crate) fn forward<T: HostTensor>(
    input: T,
    weight: T,
    bias: T,
    residual: Option<T>,
    activation: NormActivation,
    epsilon: f64,
) -> BatchNormForward<T> {
    let shape: [usize; 4] = input.dims();
    let [batch, channels, height, width] = shape;
    let (input, weight, bias, residual) = (input.pixels(), weight.dense(), bias.dense(), residual.map(T::pixels));
    let (mean, biased) = batch_norm::statistics(input.elements(), channels);
    let inverse = inverse_deviation(&biased, epsilon);
    let (scale, shift) = scale_and_shift(weight.elements(), bias.elements(), &mean, &inverse);
    let mut output = T::buffer(input.elements().len());
    let residual = residual.as_ref().map(|residual| residual.elements());
    match (activation, residual) {
        (NormActivation::Silu, Some(_)) => panic!("{SILU_WITH_RESIDUAL}"),
        (NormActivation::Silu, None) => batch_norm::apply_silu(input.elements(), &scale, &shift, &mut output),
        (NormActivation::Identity | NormActivation::Relu, residual) => {
            let relu = activation == NormActivation::Relu;
            batch_norm::apply(input.elements(), &scale, &shift, residual, relu, &mut output);
        }
    }
    let count = (batch * height * width) as f64;
    let unbiased = count / (count - 1.0).max(1.0);
    let variance: Vec<f32> = biased.iter().map(|&variance| (f64::from(variance) * unbiased) as f32).collect();
    BatchNormForward {
        output: T::from_pixels(output, shape),
        mean: T::vector(&mean),
        variance: T::vector(&variance),
        inverse_deviation: T::vector(&inverse),
    }
}

pub(super) fn inverse_deviation(variance: &[f32], epsilon: f64) -> Vec<f32> {
    variance.iter().map(|&variance| (1.0 / (f64::from(variance) + epsilon).sqrt()) as f32).collect()
}

/// `weight · (x - mean) · inverse + bias` as `x · scale + shift`.
pub(super) fn scale_and_shift(weight: &[f32], bias: &[f32], mean: &[f32], inverse: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> = weight.iter().zip(inverse).map(|(weight, inverse)| weight * inverse).collect();
    let shift = scale.iter().zip(mean).zip(bias);
    let shift = shift.map(|((&scale, &mean), &bias)| (f64::from(bias) - f64::from(mean) * f64::from(scale)) as f32);
    let shift = shift.collect();
    (scale, shift)
}

pub(crate) fn backward<T: HostTensor>(
    saved: BatchNormSaved<T>,
    output_gradient: T,
    with_residual: bool,
) -> BatchNormGradient<T> {
    let shape: [usize; 4] = output_gradient.dims();
    let input = saved.input.pixels();
    let mut gradient = output_gradient.pixels();
    let [mean, inverse, weight, bias] = [saved.mean, saved.inverse_deviation, saved.weight, saved.bias].map(T::dense);
    let output = saved.output.map(T::pixels);
    let (scale, shift) = scale_and_shift(weight.elements(), bias.elements(), mean.elements(), inverse.elements());
    let forward = BatchNormGradients {
        input: input.elements(),
        mean: mean.elements(),
        inverse_deviation: inverse.elements(),
        weight: weight.elements(),
        gate: match (&output, saved.activation) {
            (_, NormActivation::Identity) => Gate::Open,
            (Some(output), NormActivation::Relu) => Gate::Output(output.elements()),
            (None, NormActivation::Relu) => Gate::Recomputed { scale: &scale, shift: &shift },
            (_, NormActivation::Silu) => Gate::Silu { scale: &scale, shift: &shift },
        },
        statistics: saved.statistics,
    };
    let length = input.elements().len();
    let relu = saved.activation == NormActivation::Relu;
    let mut residual = (with_residual && relu).then(|| T::buffer(length));
    // Without an activation, the residual's gradient is the output's: the same tensor serves.
    let shared = (with_residual && !relu).then(|| gradient.clone());
    let in_place =
        gradient.elements_mut().map(|values| batch_norm::backward_in_place(forward, values, residual.as_deref_mut()));
    let (weight_gradient, bias_gradient) = in_place.unwrap_or_else(|| {
        let mut target = T::buffer(length);
        let sums = batch_norm::backward(forward, gradient.elements(), &mut target, residual.as_deref_mut());
        gradient = T::from_pixels(target, shape);
        sums
    });
    BatchNormGradient {
        input: gradient,
        weight: T::vector(&weight_gradient),
        bias: T::vector(&bias_gradient),
        residual: shared.or_else(|| residual.map(|residual| T::from_pixels(residual, shape))),
    }
}

#[allow(clippy::too_many_arguments, reason = "the parameters of the operation, as in its definition")]
pub(crate) fn inference<T: HostTensor>(
    input: T,
    weight: T,
    bias: T,
    mean: T,
    variance: T,
    residual: Option<T>,
    activation: NormActivation,
    epsilon: f64,
) -> T {
    assert!(activation != NormActivation::Silu || residual.is_none(), "{SILU_WITH_RESIDUAL}");
    let shape: [usize; 4] = input.dims();
    let (mut input, residual) = (input.pixels(), residual.map(T::pixels));
    let [weight, bias, mean, variance] = [weight, bias, mean, variance].map(T::dense);
    let inverse = inverse_deviation(variance.elements(), epsilon);
    let (scale, shift) = scale_and_shift(weight.elements(), bias.elements(), mean.elements(), &inverse);
    if activation == NormActivation::Silu {
        let mut output = T::buffer(input.elements().len());
        batch_norm::apply_silu(input.elements(), &scale, &shift, &mut output);
        return T::from_pixels(output, shape);
    }
    let relu = activation == NormActivation::Relu;
    let residual = residual.as_ref().map(|residual| residual.elements());
    if let Some(in_place) = input.elements_mut() {
        batch_norm::apply_in_place(in_place, &scale, &shift, residual, relu);
        return input;
    }
    let mut output = T::buffer(input.elements().len());
    batch_norm::apply(input.elements(), &scale, &shift, residual, relu, &mut output);
    T::from_pixels(output, shape)
}
