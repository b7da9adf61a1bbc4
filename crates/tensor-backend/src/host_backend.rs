//! The CPU backends' own vision operations, on `f32` tensors; burn's serve the other element types.

use burn::tensor::ops::FloatTensor;

use crate::host::{self, HostTensor};
use crate::ops::{Conv2dOptions, ConvTranspose2dOptions};
use crate::vision_backend::{BatchNormForward, BatchNormGradient, BatchNormSaved};
use crate::{VisionBackend, fallback};

/// Implements [`VisionBackend`] for a backend whose primitive is a [`HostTensor`].
macro_rules! host_backend {
    ($backend:ty) => {
        impl VisionBackend for $backend {
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
                relu: bool,
                epsilon: f64,
            ) -> BatchNormForward<FloatTensor<Self>> {
                if input.is_f32() && weight.is_f32() {
                    host::batch_norm::forward(input, weight, bias, residual, relu, epsilon)
                } else {
                    fallback::batch_norm::forward::<Self>(input, weight, bias, residual, relu, epsilon)
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
                relu: bool,
                epsilon: f64,
            ) -> FloatTensor<Self> {
                if input.is_f32() && weight.is_f32() {
                    host::batch_norm::inference(input, weight, bias, mean, variance, residual, relu, epsilon)
                } else {
                    let statistics = (mean, variance);
                    fallback::batch_norm::inference::<Self>(
                        input,
                        weight,
                        bias,
                        statistics.0,
                        statistics.1,
                        residual,
                        relu,
                        epsilon,
                    )
                }
            }
        }
    };
}

#[cfg(feature = "cpu")]
host_backend!(burn::backend::Flex);

#[cfg(feature = "ndarray")]
host_backend!(burn::backend::NdArray);
