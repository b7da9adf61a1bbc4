//! The backend trait that models are generic over.

use burn::tensor::Shape;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::ops::FloatTensor;

use crate::kernels::batch_norm::NormStatistics;
use crate::kernels::optimizer::{AdamStep, SgdStep};
use crate::ops::{Activation, Conv2dOptions, ConvTranspose2dOptions, Interpolation, Pool2dOptions};
use crate::{Prepared, fallback};

/// A backend with the operations that vision models spend their time in.
///
/// Every default body is made of burn's own operations, so any backend can be used with an empty `impl`. The functions
/// work on tensor primitives; models call them through [`ops`](crate::ops), which has the definitions. Gradients are
/// functions of their own, for the backward passes of [`Autodiff`](burn::backend::Autodiff).
pub trait VisionBackend: Backend {
    /// Whether this backend has kernels of its own for tensors of `tensor`'s element type.
    fn has_vision_kernels(_tensor: &FloatTensor<Self>) -> bool {
        false
    }

    /// On a backend with gradients: says that `tensors` belong to one graph; see
    /// [`join_graphs`](crate::join_graphs). Nothing to do on others.
    fn vision_join_graphs(_tensors: &[FloatTensor<Self>]) {}

    /// [`ops::reshape`](crate::ops::reshape).
    fn vision_reshape(tensor: FloatTensor<Self>, shape: Shape) -> FloatTensor<Self> {
        Self::float_reshape(tensor, shape)
    }

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

    /// [`ops::batch_norm_train`](crate::ops::batch_norm_train), with one of the activations that it does itself.
    ///
    /// # Panics
    ///
    /// When a residual comes with [`NormActivation::Silu`].
    fn vision_batch_norm(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        activation: NormActivation,
        epsilon: f64,
    ) -> BatchNormForward<FloatTensor<Self>> {
        fallback::batch_norm::forward::<Self>(input, weight, bias, residual, activation, epsilon)
    }

    /// The gradients of [`VisionBackend::vision_batch_norm`], or of
    /// [`VisionBackend::vision_batch_norm_inference`] where the statistics were given; the residual's only if
    /// `with_residual`.
    fn vision_batch_norm_gradient(
        saved: BatchNormSaved<FloatTensor<Self>>,
        output_gradient: FloatTensor<Self>,
        with_residual: bool,
    ) -> BatchNormGradient<FloatTensor<Self>> {
        fallback::batch_norm::backward::<Self>(saved, output_gradient, with_residual)
    }

    /// [`ops::batch_norm_inference`](crate::ops::batch_norm_inference), with one of the activations that it does itself.
    /// On a backend with gradients it has them, for input, scale, shift and residual.
    ///
    /// # Panics
    ///
    /// When a residual comes with [`NormActivation::Silu`].
    #[allow(clippy::too_many_arguments, reason = "the parameters of the operation, as in its definition")]
    fn vision_batch_norm_inference(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        residual: Option<FloatTensor<Self>>,
        activation: NormActivation,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        fallback::batch_norm::inference::<Self>(input, weight, bias, mean, variance, residual, activation, epsilon)
    }

    /// [`ops::conv2d_inference`](crate::ops::conv2d_inference).
    #[allow(clippy::too_many_arguments, reason = "the parameters of the operation, as in its definition")]
    fn vision_conv2d_inference(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        norm: Option<InferenceNorm<FloatTensor<Self>>>,
        residual: Option<FloatTensor<Self>>,
        activation: Activation,
        options: Conv2dOptions,
        _prepared: &Prepared,
    ) -> FloatTensor<Self> {
        fallback::convolution::inference::<Self>(input, weight, bias, norm, residual, activation, options)
    }

    /// [`ops::activate`](crate::ops::activate), for a tensor of any rank.
    fn vision_activate(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        fallback::elementwise::activate::<Self>(input, activation)
    }

    /// The gradient of [`VisionBackend::vision_activate`]'s input.
    fn vision_activate_gradient(
        input: FloatTensor<Self>,
        output_gradient: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        fallback::elementwise::activation_gradient::<Self>(input, output_gradient, activation)
    }

    /// [`ops::add`](crate::ops::add), for tensors of any rank and one shape.
    fn vision_add(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_add(first, second)
    }

    /// [`ops::concatenate_channels`](crate::ops::concatenate_channels).
    fn vision_concatenate_channels(inputs: Vec<FloatTensor<Self>>) -> FloatTensor<Self> {
        fallback::concatenate::channels::<Self>(inputs)
    }

    /// The gradient of one input of [`VisionBackend::vision_concatenate_channels`], which became `channels` channels from
    /// `offset` on.
    fn vision_concatenate_gradient(
        output_gradient: FloatTensor<Self>,
        offset: usize,
        channels: usize,
    ) -> FloatTensor<Self> {
        fallback::concatenate::channels_gradient::<Self>(output_gradient, offset, channels)
    }

    /// [`ops::pixel_rows`](crate::ops::pixel_rows).
    fn vision_pixel_rows(inputs: Vec<FloatTensor<Self>>) -> FloatTensor<Self> {
        fallback::concatenate::rows::<Self>(inputs)
    }

    /// The gradient of one input of shape `input_shape` of [`VisionBackend::vision_pixel_rows`], which became the rows
    /// from `first_row` on.
    fn vision_pixel_rows_gradient(
        output_gradient: FloatTensor<Self>,
        first_row: usize,
        input_shape: [usize; 4],
    ) -> FloatTensor<Self> {
        fallback::concatenate::rows_gradient::<Self>(output_gradient, first_row, input_shape)
    }

    /// [`ops::space_to_depth`](crate::ops::space_to_depth).
    fn vision_space_to_depth(input: FloatTensor<Self>) -> FloatTensor<Self> {
        fallback::concatenate::space_to_depth::<Self>(input)
    }

    /// The gradient of [`VisionBackend::vision_space_to_depth`]'s input.
    fn vision_space_to_depth_gradient(output_gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        fallback::concatenate::space_to_depth_gradient::<Self>(output_gradient)
    }

    /// [`ops::max_pool2d`](crate::ops::max_pool2d).
    fn vision_max_pool2d(input: FloatTensor<Self>, options: Pool2dOptions) -> FloatTensor<Self> {
        fallback::pooling::max_pool2d::<Self>(input, options)
    }

    /// The gradient of [`VisionBackend::vision_max_pool2d`]'s input, which gave `output`.
    fn vision_max_pool2d_gradient(
        input: FloatTensor<Self>,
        _output: FloatTensor<Self>,
        output_gradient: FloatTensor<Self>,
        options: Pool2dOptions,
    ) -> FloatTensor<Self> {
        fallback::pooling::max_pool2d_gradient::<Self>(input, output_gradient, options)
    }

    /// [`ops::avg_pool2d`](crate::ops::avg_pool2d) and [`ops::adaptive_avg_pool2d`](crate::ops::adaptive_avg_pool2d).
    fn vision_average_pool(input: FloatTensor<Self>, pool: AveragePool) -> FloatTensor<Self> {
        fallback::pooling::average_pool::<Self>(input, pool)
    }

    /// The gradient of [`VisionBackend::vision_average_pool`]'s input of shape `input_shape`.
    fn vision_average_pool_gradient(
        input_shape: [usize; 4],
        output_gradient: FloatTensor<Self>,
        pool: AveragePool,
    ) -> FloatTensor<Self> {
        fallback::pooling::average_pool_gradient::<Self>(input_shape, output_gradient, pool)
    }

    /// [`ops::resize`](crate::ops::resize).
    fn vision_resize(input: FloatTensor<Self>, size: [usize; 2], kind: Interpolation) -> FloatTensor<Self> {
        fallback::resizing::resize::<Self>(input, size, kind)
    }

    /// The gradient of [`VisionBackend::vision_resize`]'s input of shape `input_shape`.
    fn vision_resize_gradient(
        input_shape: [usize; 4],
        output_gradient: FloatTensor<Self>,
        kind: Interpolation,
    ) -> FloatTensor<Self> {
        fallback::resizing::resize_gradient::<Self>(input_shape, output_gradient, kind)
    }

    /// [`ops::softmax_cross_entropy`](crate::ops::softmax_cross_entropy).
    fn vision_softmax_cross_entropy(logits: FloatTensor<Self>, targets: FloatTensor<Self>) -> FloatTensor<Self> {
        fallback::elementwise::softmax_cross_entropy::<Self>(logits, targets)
    }

    /// The gradient of [`VisionBackend::vision_softmax_cross_entropy`]'s logits.
    fn vision_softmax_cross_entropy_gradient(
        logits: FloatTensor<Self>,
        targets: FloatTensor<Self>,
        output_gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        fallback::elementwise::softmax_cross_entropy_gradient::<Self>(logits, targets, output_gradient)
    }

    /// [`ops::known_gradient`](crate::ops::known_gradient).
    fn vision_known_gradient(
        _input: FloatTensor<Self>,
        value: FloatTensor<Self>,
        _gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        value
    }

    /// [`ops::optim::sgd`](crate::ops::optim::sgd) on flat tensors.
    fn vision_sgd(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: Option<FloatTensor<Self>>,
        step: SgdStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        fallback::optimizer::sgd::<Self>(parameter, gradient, velocity, step)
    }

    /// [`ops::optim::adam`](crate::ops::optim::adam) on flat tensors; the state is the means of gradients and squares.
    fn vision_adam(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        state: Option<(FloatTensor<Self>, FloatTensor<Self>)>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, (FloatTensor<Self>, FloatTensor<Self>)) {
        fallback::optimizer::adam::<Self>(parameter, gradient, state, step)
    }
}

/// Which windows an average pooling takes the mean of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AveragePool {
    /// Windows of one size at even steps.
    Sliding {
        /// How the window moves.
        options: Pool2dOptions,
        /// Whether the border counts, as zeros.
        count_border: bool,
    },
    /// Nearly equal windows that cover the image.
    Adaptive {
        /// Their numbers, `[vertical, horizontal]`.
        size: [usize; 2],
    },
}

/// Batch normalisation by given statistics, `weight · (x - mean) / sqrt(variance + epsilon) + bias`: all `[channels]`.
#[derive(Debug, Clone)]
pub struct InferenceNorm<T> {
    /// Scale.
    pub weight: T,
    /// Shift.
    pub bias: T,
    /// Running mean.
    pub mean: T,
    /// Running variance.
    pub variance: T,
    /// Addend to the variance.
    pub epsilon: f64,
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
    /// [`BatchNormForward::mean`], or the given one.
    pub mean: T,
    /// [`BatchNormForward::inverse_deviation`], or that of the given variance.
    pub inverse_deviation: T,
    /// The scale parameter.
    pub weight: T,
    /// The shift parameter.
    pub bias: T,
    /// The forward pass's output, where it had both a residual and a rectifier.
    pub output: Option<T>,
    /// What was applied to the sum.
    pub activation: NormActivation,
    /// Whether gradients go through the statistics.
    pub statistics: NormStatistics,
}

/// The activations that batch normalisation does in the same operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormActivation {
    /// None.
    Identity,
    /// `max(x, 0)`; not a number stays one.
    Relu,
    /// `x · sigmoid(x)`; only without a residual.
    Silu,
}

impl NormActivation {
    /// The part of `activation` that the normalisation does itself, and what is left to do after it.
    pub fn split(activation: Activation, with_residual: bool) -> (Self, Activation) {
        match activation {
            Activation::Relu => (Self::Relu, Activation::Identity),
            Activation::Silu if !with_residual => (Self::Silu, Activation::Identity),
            other => (Self::Identity, other),
        }
    }
}

/// What is wrong with a residual in front of SiLU.
pub(crate) const SILU_WITH_RESIDUAL: &str = "batch normalisation does SiLU itself only without a residual";

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
