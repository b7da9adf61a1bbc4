//! Two-dimensional convolution and transposed convolution.

use burn::tensor::Tensor;

use super::{Precision, primitive, tensor};
use crate::VisionBackend;

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
