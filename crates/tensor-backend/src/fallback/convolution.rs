//! Convolution.

use burn::tensor::backend::Backend;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, FloatTensor};

use super::{empty_like, primitive, tensor};
use crate::VisionBackend;
use crate::ops::{Activation, Conv2dOptions, ConvTranspose2dOptions};
use crate::vision_backend::{InferenceNorm, NormActivation};

fn burn_options(options: Conv2dOptions) -> ConvOptions<2> {
    let Conv2dOptions { stride, padding, dilation, groups, precision: _ } = options;
    ConvOptions::new(stride, padding, dilation, groups)
}

fn burn_transposed(options: ConvTranspose2dOptions) -> ConvTransposeOptions<2> {
    let ConvTranspose2dOptions { stride, padding, output_padding, dilation, groups, precision: _ } = options;
    ConvTransposeOptions::new(stride, padding, output_padding, dilation, groups)
}

pub(crate) fn conv2d<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    options: Conv2dOptions,
) -> FloatTensor<B> {
    B::conv2d(input, weight, bias, burn_options(options))
}

pub(crate) fn input_gradient<B: Backend>(
    input_shape: [usize; 4],
    weight: FloatTensor<B>,
    output_gradient: FloatTensor<B>,
    options: Conv2dOptions,
    present: Option<FloatTensor<B>>,
) -> FloatTensor<B> {
    let input = empty_like::<B>(&output_gradient, input_shape);
    let gradient = B::conv2d_x_backward(input, weight, output_gradient, burn_options(options));
    match present {
        Some(present) => B::float_add(gradient, present),
        None => gradient,
    }
}

pub(crate) fn weight_gradient<B: Backend>(
    input: FloatTensor<B>,
    weight_shape: [usize; 4],
    output_gradient: FloatTensor<B>,
    options: Conv2dOptions,
) -> FloatTensor<B> {
    let weight = empty_like::<B>(&output_gradient, weight_shape);
    B::conv2d_weight_backward(input, weight, output_gradient, burn_options(options))
}

pub(crate) fn channel_sum<B: Backend>(gradient: FloatTensor<B>) -> FloatTensor<B> {
    let gradient = tensor::<B, 4>(gradient);
    let [_, channels, _, _] = gradient.dims();
    primitive(gradient.swap_dims(0, 1).reshape([channels as i32, -1]).sum_dim(1).reshape([channels]))
}

pub(crate) fn conv_transpose2d<B: Backend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    options: ConvTranspose2dOptions,
) -> FloatTensor<B> {
    B::conv_transpose2d(input, weight, bias, burn_transposed(options))
}

/// A transposed convolution is linear in its input, with the convolution as its transpose.
pub(crate) fn transposed_input_gradient<B: Backend>(
    _input_shape: [usize; 4],
    weight: FloatTensor<B>,
    output_gradient: FloatTensor<B>,
    options: ConvTranspose2dOptions,
) -> FloatTensor<B> {
    B::conv_transpose2d_x_backward(weight, output_gradient, burn_transposed(options))
}

pub(crate) fn transposed_weight_gradient<B: Backend>(
    input: FloatTensor<B>,
    weight_shape: [usize; 4],
    output_gradient: FloatTensor<B>,
    options: ConvTranspose2dOptions,
) -> FloatTensor<B> {
    let weight = empty_like::<B>(&output_gradient, weight_shape);
    B::conv_transpose2d_weight_backward(input, weight, output_gradient, burn_transposed(options))
}

/// Convolution, normalisation, sum and activation one after another.
pub(crate) fn inference<B: VisionBackend>(
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: Option<FloatTensor<B>>,
    norm: Option<InferenceNorm<FloatTensor<B>>>,
    residual: Option<FloatTensor<B>>,
    activation: Activation,
    options: Conv2dOptions,
) -> FloatTensor<B> {
    let output = B::vision_conv2d(input, weight, bias, options);
    let (output, rest) = match (norm, residual) {
        (Some(InferenceNorm { weight, bias, mean, variance, epsilon }), residual) => {
            let (fused, rest) = NormActivation::split(activation, residual.is_some());
            let normed = B::vision_batch_norm_inference(output, weight, bias, mean, variance, residual, fused, epsilon);
            (normed, rest)
        }
        (None, Some(residual)) => (B::vision_add(output, residual), activation),
        (None, None) => (output, activation),
    };
    if rest == Activation::Identity { output } else { B::vision_activate(output, rest) }
}
