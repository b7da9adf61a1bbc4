//! The CPU backends' own vision operations, on `f32` tensors; burn's serve the other element types.

use burn::tensor::Shape;
use burn::tensor::ops::{FloatTensor, FloatTensorOps};

use crate::host::{self, HostTensor};
use crate::kernels::optimizer::{AdamStep, SgdStep};
use crate::ops::{Activation, Conv2dOptions, ConvTranspose2dOptions, Interpolation, Pool2dOptions, Precision};
use crate::vision_backend::{
    AveragePool, BatchNormForward, BatchNormGradient, BatchNormSaved, InferenceNorm, NormActivation,
};
use crate::{Prepared, VisionBackend, fallback};

/// Implements [`VisionBackend`] for a backend whose primitive is a [`HostTensor`].
macro_rules! host_backend {
    ($backend:ty) => {
        impl VisionBackend for $backend {
            fn has_vision_kernels(tensor: &FloatTensor<Self>) -> bool {
                tensor.is_f32()
            }

            fn vision_reshape(tensor: FloatTensor<Self>, shape: Shape) -> FloatTensor<Self> {
                if tensor.is_f32() { tensor.reshaped(shape) } else { Self::float_reshape(tensor, shape) }
            }

            fn vision_conv2d(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: Option<FloatTensor<Self>>,
                options: Conv2dOptions,
            ) -> FloatTensor<Self> {
                if input.is_f32() && weight.is_f32() {
                    host::convolution::conv2d(input, weight, bias, options)
                } else {
                    fallback::convolution::conv2d::<Self>(input, weight, bias, options)
                }
            }

            fn vision_conv2d_input_gradient(
                input_shape: [usize; 4],
                weight: FloatTensor<Self>,
                output_gradient: FloatTensor<Self>,
                options: Conv2dOptions,
                present: Option<FloatTensor<Self>>,
            ) -> FloatTensor<Self> {
                if output_gradient.is_f32() {
                    host::convolution::conv2d_input_gradient(input_shape, weight, output_gradient, options, present)
                } else {
                    let parts = (input_shape, weight, output_gradient, options, present);
                    fallback::convolution::input_gradient::<Self>(parts.0, parts.1, parts.2, parts.3, parts.4)
                }
            }

            fn vision_conv2d_weight_gradient(
                input: FloatTensor<Self>,
                weight_shape: [usize; 4],
                output_gradient: FloatTensor<Self>,
                options: Conv2dOptions,
            ) -> FloatTensor<Self> {
                if output_gradient.is_f32() {
                    host::convolution::conv2d_weight_gradient(input, weight_shape, output_gradient, options)
                } else {
                    fallback::convolution::weight_gradient::<Self>(input, weight_shape, output_gradient, options)
                }
            }

            fn vision_channel_sum(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
                if gradient.is_f32() {
                    host::convolution::channel_sum(gradient)
                } else {
                    fallback::convolution::channel_sum::<Self>(gradient)
                }
            }

            fn vision_conv_transpose2d(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: Option<FloatTensor<Self>>,
                options: ConvTranspose2dOptions,
            ) -> FloatTensor<Self> {
                if input.is_f32() && weight.is_f32() {
                    host::convolution::conv_transpose2d(input, weight, bias, options)
                } else {
                    fallback::convolution::conv_transpose2d::<Self>(input, weight, bias, options)
                }
            }

            fn vision_conv_transpose2d_input_gradient(
                input_shape: [usize; 4],
                weight: FloatTensor<Self>,
                output_gradient: FloatTensor<Self>,
                options: ConvTranspose2dOptions,
            ) -> FloatTensor<Self> {
                if output_gradient.is_f32() {
                    host::convolution::conv_transpose2d_input_gradient(input_shape, weight, output_gradient, options)
                } else {
                    let parts = (input_shape, weight, output_gradient, options);
                    fallback::convolution::transposed_input_gradient::<Self>(parts.0, parts.1, parts.2, parts.3)
                }
            }

            fn vision_conv_transpose2d_weight_gradient(
                input: FloatTensor<Self>,
                weight_shape: [usize; 4],
                output_gradient: FloatTensor<Self>,
                options: ConvTranspose2dOptions,
            ) -> FloatTensor<Self> {
                if output_gradient.is_f32() {
                    host::convolution::conv_transpose2d_weight_gradient(input, weight_shape, output_gradient, options)
                } else {
                    let parts = (input, weight_shape, output_gradient, options);
                    fallback::convolution::transposed_weight_gradient::<Self>(parts.0, parts.1, parts.2, parts.3)
                }
            }

            fn vision_batch_norm(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                residual: Option<FloatTensor<Self>>,
                activation: NormActivation,
                epsilon: f64,
            ) -> BatchNormForward<FloatTensor<Self>> {
                if input.is_f32() && weight.is_f32() {
                    host::batch_norm::forward(input, weight, bias, residual, activation, epsilon)
                } else {
                    fallback::batch_norm::forward::<Self>(input, weight, bias, residual, activation, epsilon)
                }
            }

            fn vision_batch_norm_gradient(
                saved: BatchNormSaved<FloatTensor<Self>>,
                output_gradient: FloatTensor<Self>,
                with_residual: bool,
            ) -> BatchNormGradient<FloatTensor<Self>> {
                if output_gradient.is_f32() {
                    host::batch_norm::backward(saved, output_gradient, with_residual)
                } else {
                    fallback::batch_norm::backward::<Self>(saved, output_gradient, with_residual)
                }
            }

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
                if input.is_f32() && weight.is_f32() {
                    host::batch_norm::inference(input, weight, bias, mean, variance, residual, activation, epsilon)
                } else {
                    let statistics = (mean, variance);
                    fallback::batch_norm::inference::<Self>(
                        input,
                        weight,
                        bias,
                        statistics.0,
                        statistics.1,
                        residual,
                        activation,
                        epsilon,
                    )
                }
            }

            fn vision_conv2d_inference(
                input: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                bias: Option<FloatTensor<Self>>,
                norm: Option<InferenceNorm<FloatTensor<Self>>>,
                residual: Option<FloatTensor<Self>>,
                activation: Activation,
                options: Conv2dOptions,
                prepared: &Prepared,
            ) -> FloatTensor<Self> {
                let has_kernel = options.precision == Precision::F32 && input.is_f32() && weight.is_f32();
                let function = host::elementwise::function(activation);
                if has_kernel && (function.is_some() || activation == Activation::Identity) {
                    host::inference::conv2d(input, weight, bias, norm, residual, function, options, prepared)
                } else {
                    fallback::convolution::inference::<Self>(input, weight, bias, norm, residual, activation, options)
                }
            }

            fn vision_activate(input: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
                match host::elementwise::function(activation) {
                    Some(function) if input.is_f32() => host::elementwise::activate(input, function),
                    _ => fallback::elementwise::activate::<Self>(input, activation),
                }
            }

            fn vision_activate_gradient(
                input: FloatTensor<Self>,
                output_gradient: FloatTensor<Self>,
                activation: Activation,
            ) -> FloatTensor<Self> {
                match host::elementwise::function(activation) {
                    Some(function) if input.is_f32() => {
                        host::elementwise::activation_gradient(input, output_gradient, function)
                    }
                    _ => fallback::elementwise::activation_gradient::<Self>(input, output_gradient, activation),
                }
            }

            fn vision_add(first: FloatTensor<Self>, second: FloatTensor<Self>) -> FloatTensor<Self> {
                if first.is_f32() && second.is_f32() {
                    host::elementwise::add(first, second)
                } else {
                    Self::float_add(first, second)
                }
            }

            fn vision_concatenate_channels(inputs: Vec<FloatTensor<Self>>) -> FloatTensor<Self> {
                if inputs.iter().all(HostTensor::is_f32) {
                    host::concatenate::channels(inputs)
                } else {
                    fallback::concatenate::channels::<Self>(inputs)
                }
            }

            fn vision_concatenate_gradient(
                output_gradient: FloatTensor<Self>,
                offset: usize,
                channels: usize,
            ) -> FloatTensor<Self> {
                if output_gradient.is_f32() {
                    host::concatenate::channels_gradient(output_gradient, offset, channels)
                } else {
                    fallback::concatenate::channels_gradient::<Self>(output_gradient, offset, channels)
                }
            }

            fn vision_pixel_rows(inputs: Vec<FloatTensor<Self>>) -> FloatTensor<Self> {
                if inputs.iter().all(HostTensor::is_f32) {
                    host::concatenate::rows(inputs)
                } else {
                    fallback::concatenate::rows::<Self>(inputs)
                }
            }

            fn vision_pixel_rows_gradient(
                output_gradient: FloatTensor<Self>,
                first_row: usize,
                input_shape: [usize; 4],
            ) -> FloatTensor<Self> {
                if output_gradient.is_f32() {
                    host::concatenate::rows_gradient(output_gradient, first_row, input_shape)
                } else {
                    fallback::concatenate::rows_gradient::<Self>(output_gradient, first_row, input_shape)
                }
            }

            fn vision_space_to_depth(input: FloatTensor<Self>) -> FloatTensor<Self> {
                if input.is_f32() {
                    host::concatenate::space_to_depth(input)
                } else {
                    fallback::concatenate::space_to_depth::<Self>(input)
                }
            }

            fn vision_space_to_depth_gradient(output_gradient: FloatTensor<Self>) -> FloatTensor<Self> {
                if output_gradient.is_f32() {
                    host::concatenate::space_to_depth_gradient(output_gradient)
                } else {
                    fallback::concatenate::space_to_depth_gradient::<Self>(output_gradient)
                }
            }

            fn vision_max_pool2d(input: FloatTensor<Self>, options: Pool2dOptions) -> FloatTensor<Self> {
                if input.is_f32() {
                    host::pooling::max_pool2d(input, options)
                } else {
                    fallback::pooling::max_pool2d::<Self>(input, options)
                }
            }

            fn vision_max_pool2d_gradient(
                input: FloatTensor<Self>,
                output: FloatTensor<Self>,
                output_gradient: FloatTensor<Self>,
                options: Pool2dOptions,
            ) -> FloatTensor<Self> {
                if input.is_f32() {
                    host::pooling::max_pool2d_gradient(input, output, output_gradient, options)
                } else {
                    fallback::pooling::max_pool2d_gradient::<Self>(input, output_gradient, options)
                }
            }

            fn vision_average_pool(input: FloatTensor<Self>, pool: AveragePool) -> FloatTensor<Self> {
                if input.is_f32() {
                    host::pooling::average_pool(input, pool)
                } else {
                    fallback::pooling::average_pool::<Self>(input, pool)
                }
            }

            fn vision_average_pool_gradient(
                input_shape: [usize; 4],
                output_gradient: FloatTensor<Self>,
                pool: AveragePool,
            ) -> FloatTensor<Self> {
                if output_gradient.is_f32() {
                    return host::pooling::average_pool_gradient(input_shape, output_gradient, pool);
                }
                fallback::pooling::average_pool_gradient::<Self>(input_shape, output_gradient, pool)
            }

            fn vision_resize(input: FloatTensor<Self>, size: [usize; 2], kind: Interpolation) -> FloatTensor<Self> {
                if input.is_f32() {
                    host::resizing::resize(input, size, kind)
                } else {
                    fallback::resizing::resize::<Self>(input, size, kind)
                }
            }

            fn vision_resize_gradient(
                input_shape: [usize; 4],
                output_gradient: FloatTensor<Self>,
                kind: Interpolation,
            ) -> FloatTensor<Self> {
                if output_gradient.is_f32() {
                    host::resizing::resize_gradient(input_shape, output_gradient, kind)
                } else {
                    fallback::resizing::resize_gradient::<Self>(input_shape, output_gradient, kind)
                }
            }

            fn vision_softmax_cross_entropy(
                logits: FloatTensor<Self>,
                targets: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                if logits.is_f32() && targets.is_f32() {
                    host::cross_entropy::softmax_cross_entropy(logits, targets)
                } else {
                    fallback::elementwise::softmax_cross_entropy::<Self>(logits, targets)
                }
            }

            fn vision_softmax_cross_entropy_gradient(
                logits: FloatTensor<Self>,
                targets: FloatTensor<Self>,
                output_gradient: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                if logits.is_f32() && targets.is_f32() {
                    return host::cross_entropy::softmax_cross_entropy_gradient(logits, targets, output_gradient);
                }
                fallback::elementwise::softmax_cross_entropy_gradient::<Self>(logits, targets, output_gradient)
            }

            fn vision_sgd(
                parameter: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
                velocity: Option<FloatTensor<Self>>,
                step: SgdStep,
            ) -> (FloatTensor<Self>, FloatTensor<Self>) {
                if parameter.is_f32() && gradient.is_f32() {
                    host::optimizer::sgd(parameter, gradient, velocity, step)
                } else {
                    fallback::optimizer::sgd::<Self>(parameter, gradient, velocity, step)
                }
            }

            fn vision_adam(
                parameter: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
                state: Option<(FloatTensor<Self>, FloatTensor<Self>)>,
                step: AdamStep,
            ) -> (FloatTensor<Self>, (FloatTensor<Self>, FloatTensor<Self>)) {
                if parameter.is_f32() && gradient.is_f32() {
                    host::optimizer::adam(parameter, gradient, state, step)
                } else {
                    fallback::optimizer::adam::<Self>(parameter, gradient, state, step)
                }
            }
        }
    };
}

#[cfg(feature = "cpu")]
host_backend!(burn::backend::Flex);

#[cfg(feature = "ndarray")]
host_backend!(burn::backend::NdArray);
