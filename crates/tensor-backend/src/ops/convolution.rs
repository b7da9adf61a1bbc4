//! Two-dimensional convolution and transposed convolution.

use burn::tensor::Tensor;

use super::{Activation, Precision, primitive, tensor};
use crate::{InferenceNorm, Prepared, VisionBackend};

/// How a convolution's window moves; `[vertical, horizontal]`, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Step between windows.
    pub stride: [usize; 2],
    /// Zeros added on each side.
    pub padding: [usize; 2],
    /// Step between the taps of one window.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see one another.
    pub groups: usize,
    /// What the operands are rounded to; [`with_precision`](super::with_precision) may lower it.
    pub precision: Precision,
}

impl Default for Conv2dOptions {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1, precision: Precision::F32 }
    }
}

/// Cross-correlation of `input` with `weight`, PyTorch's `conv2d`.
///
/// # Shapes
///
/// - `input`: `[batch, channels_in, height, width]`
/// - `weight`: `[channels_out, channels_in / groups, kernel_height, kernel_width]`
/// - `bias`: `[channels_out]`
/// - output: `[batch, channels_out, height_out, width_out]` with
///   `height_out = (height + 2 · padding - dilation · (kernel_height - 1) - 1) / stride + 1`
pub fn conv2d<B: VisionBackend>(
    input: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Option<Tensor<B, 1>>,
    options: Conv2dOptions,
) -> Tensor<B, 4> {
    let bias = bias.map(primitive);
    let options = Conv2dOptions { precision: options.precision.or_current(), ..options };
    tensor(B::vision_conv2d(primitive(input), primitive(weight), bias, options))
}

/// `activation(norm(conv2d(input, weight, bias)) + residual)` for inference: backends with kernels of their own fold the
/// normalisation into the weights, keep these in `prepared`, and do the rest before the sums go to memory.
///
/// Differs from the operations one after another by rounding alone. Gradients flow through it like through them, but
/// nothing is folded then.
///
/// # Shapes
///
/// - `input`, `weight`, `bias`: as for [`conv2d`]
/// - `norm`: `[channels_out]` each
/// - `residual`, output: `[batch, channels_out, height_out, width_out]`
#[allow(clippy::too_many_arguments, reason = "the parameters of the operation, as in its definition")]
pub fn conv2d_inference<B: VisionBackend>(
    input: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Option<Tensor<B, 1>>,
    norm: Option<InferenceNorm<Tensor<B, 1>>>,
    residual: Option<Tensor<B, 4>>,
    activation: Activation,
    options: Conv2dOptions,
    prepared: &Prepared,
) -> Tensor<B, 4> {
    let norm = norm.map(|InferenceNorm { weight, bias, mean, variance, epsilon }| InferenceNorm {
        weight: primitive(weight),
        bias: primitive(bias),
        mean: primitive(mean),
        variance: primitive(variance),
        epsilon,
    });
    let options = Conv2dOptions { precision: options.precision.or_current(), ..options };
    let (bias, residual) = (bias.map(primitive), residual.map(primitive));
    let (input, weight) = (primitive(input), primitive(weight));
    tensor(B::vision_conv2d_inference(input, weight, bias, norm, residual, activation, options, prepared))
}

/// How a transposed convolution's window moves; `[vertical, horizontal]`, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvTranspose2dOptions {
    /// Step between windows in the output.
    pub stride: [usize; 2],
    /// Pixels cut from each side of the output.
    pub padding: [usize; 2],
    /// Pixels added to one side of the output.
    pub output_padding: [usize; 2],
    /// Step between the taps of one window.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see one another.
    pub groups: usize,
    /// What the operands are rounded to; [`with_precision`](super::with_precision) may lower it.
    pub precision: Precision,
}

impl Default for ConvTranspose2dOptions {
    fn default() -> Self {
        Self {
            stride: [1, 1],
            padding: [0, 0],
            output_padding: [0, 0],
            dilation: [1, 1],
            groups: 1,
            precision: Precision::F32,
        }
    }
}

/// The gradient of [`conv2d`] with respect to its input, PyTorch's `conv_transpose2d`.
///
/// # Shapes
///
/// - `input`: `[batch, channels_in, height, width]`
/// - `weight`: `[channels_in, channels_out / groups, kernel_height, kernel_width]`
/// - `bias`: `[channels_out]`
/// - output: `[batch, channels_out, height_out, width_out]`
pub fn conv_transpose2d<B: VisionBackend>(
    input: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Option<Tensor<B, 1>>,
    options: ConvTranspose2dOptions,
) -> Tensor<B, 4> {
    let bias = bias.map(primitive);
    let options = ConvTranspose2dOptions { precision: options.precision.or_current(), ..options };
    tensor(B::vision_conv_transpose2d(primitive(input), primitive(weight), bias, options))
}
