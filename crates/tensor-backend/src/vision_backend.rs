//! The backend trait that models are generic over.

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::ops::FloatTensor;

use crate::fallback;
use crate::ops::{Conv2dOptions, ConvTranspose2dOptions};

/// A backend with the operations that vision models spend their time in.
///
/// Every default body is made of burn's own operations, so any backend can be used with an empty `impl`. The functions
/// work on tensor primitives; models call them through [`ops`](crate::ops), which has the definitions. Gradients are
/// functions of their own, for the backward passes of [`Autodiff`](burn::backend::Autodiff).
pub trait VisionBackend: Backend {
    /// [`ops::conv2d`](crate::ops::conv2d).
    fn vision_conv2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self> {
        fallback::convolution::conv2d::<Self>(input, weight, bias, options)
    }

    /// The gradient of a convolution's input of shape `input_shape`, plus `present` if there is one.
    fn vision_conv2d_input_gradient(
        input_shape: [usize; 4],
        weight: FloatTensor<Self>,
        output_gradient: FloatTensor<Self>,
        options: Conv2dOptions,
        present: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        fallback::convolution::input_gradient::<Self>(input_shape, weight, output_gradient, options, present)
    }

    /// The gradient of a convolution's weight of shape `weight_shape`.
    fn vision_conv2d_weight_gradient(
        input: FloatTensor<Self>,
        weight_shape: [usize; 4],
        output_gradient: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self> {
        fallback::convolution::weight_gradient::<Self>(input, weight_shape, output_gradient, options)
    }

    /// The sum of `[batch, channels, height, width]` over all pixels, `[channels]`: a bias's gradient.
    fn vision_channel_sum(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        fallback::convolution::channel_sum::<Self>(gradient)
    }

    /// [`ops::conv_transpose2d`](crate::ops::conv_transpose2d).
    fn vision_conv_transpose2d(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        options: ConvTranspose2dOptions,
    ) -> FloatTensor<Self> {
        fallback::convolution::conv_transpose2d::<Self>(input, weight, bias, options)
    }

    /// The gradient of a transposed convolution's input of shape `input_shape`.
    fn vision_conv_transpose2d_input_gradient(
        input_shape: [usize; 4],
        weight: FloatTensor<Self>,
        output_gradient: FloatTensor<Self>,
        options: ConvTranspose2dOptions,
    ) -> FloatTensor<Self> {
        fallback::convolution::transposed_input_gradient::<Self>(input_shape, weight, output_gradient, options)
    }

    /// The gradient of a transposed convolution's weight of shape `weight_shape`.
    fn vision_conv_transpose2d_weight_gradient(
        input: FloatTensor<Self>,
        weight_shape: [usize; 4],
        output_gradient: FloatTensor<Self>,
        options: ConvTranspose2dOptions,
    ) -> FloatTensor<Self> {
        fallback::convolution::transposed_weight_gradient::<Self>(input, weight_shape, output_gradient, options)
    }

    /// [`ops::batch_norm_train`](crate::ops::batch_norm_train), with a rectifier or nothing for an activation.
    fn vision_batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        relu: bool,
        epsilon: f64,
    ) -> BatchNormForward<FloatTensor<Self>> {
        fallback::batch_norm::forward::<Self>(input, weight, bias, residual, relu, epsilon)
    }

    /// The gradients of [`VisionBackend::vision_batch_norm`]; the residual's only if `with_residual`.
    fn vision_batch_norm_gradient(
        saved: BatchNormSaved<FloatTensor<Self>>,
        output_gradient: FloatTensor<Self>,
        with_residual: bool,
    ) -> BatchNormGradient<FloatTensor<Self>> {
        fallback::batch_norm::backward::<Self>(saved, output_gradient, with_residual)
    }

    /// [`ops::batch_norm_inference`](crate::ops::batch_norm_inference), with a rectifier or nothing for an activation.
    #[allow(clippy::too_many_arguments, reason = "the parameters of the operation, as in its definition")]
    fn vision_batch_norm_inference(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        relu: bool,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        fallback::batch_norm::inference::<Self>(input, weight, bias, mean, variance, residual, relu, epsilon)
    }
}

/// What batch normalisation gives, as primitives.
#[derive(Debug, Clone)]
pub struct BatchNormForward<T> {
    /// `[batch, channels, height, width]`.
    pub output: T,
    /// Mean over the batch, `[channels]`.
    pub mean: T,
    /// Unbiased variance over the batch, `[channels]`.
    pub variance: T,
    /// `1 / sqrt(biased variance + epsilon)`, `[channels]`, for the backward pass.
    pub inverse_deviation: T,
}

/// What the backward pass of batch normalisation needs.
#[derive(Debug, Clone)]
pub struct BatchNormSaved<T> {
    /// The forward pass's input.
    pub input: T,
    /// [`BatchNormForward::mean`].
    pub mean: T,
    /// [`BatchNormForward::inverse_deviation`].
    pub inverse_deviation: T,
    /// The scale parameter.
    pub weight: T,
    /// The shift parameter.
    pub bias: T,
    /// The forward pass's output, where it had both a residual and a rectifier.
    pub output: Option<T>,
    /// Whether there was a rectifier.
    pub relu: bool,
}

/// The gradients of batch normalisation.
#[derive(Debug, Clone)]
pub struct BatchNormGradient<T> {
    /// Of the input.
    pub input: T,
    /// Of the scale.
    pub weight: T,
    /// Of the shift.
    pub bias: T,
    /// Of the residual, if asked for.
    pub residual: Option<T>,
}

/// A [`VisionBackend`] with gradients, whose inner backend is one too.
pub trait AutodiffVisionBackend: VisionBackend + AutodiffBackend<InnerBackend: VisionBackend> {}

impl<B> AutodiffVisionBackend for B where B: VisionBackend + AutodiffBackend<InnerBackend: VisionBackend> {}

#[cfg(feature = "cuda")]
impl VisionBackend for burn::backend::Cuda {}
