//! Convolution with operands rounded to bf16 (8 bits of precision, the exponents of `f32`) and sums in `f32`.
//!
//! Two bf16 numbers share a lane, so that AVX512-BF16 does twice the products of `f32`. To the direct algorithm pairs
//! of channels (forward and input gradient) or of images (weight gradient) are elements like any others: only the
//! innermost product differs. Without these instructions operands are rounded all the same and multiplied as `f32`;
//! results then differ by the order of summation alone.
//!
//! Shapes where Winograd's algorithm with `f32` is faster stay with it, and are the more exact for it.

use super::super::simd::dispatch;
use super::bf16_operands::rounded;
use super::depthwise;
use super::direct::{self, forward_direct, input_gradient_direct, uses_winograd};
use super::gather::Initial;
use super::shape::ConvShape;
use super::weight_gradient::{self as weight, weight_gradient_direct};

/// How a pass of some shape is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// As in `f32`: depthwise convolution, which is bound by memory, and Winograd's where that is faster.
    Single,
    /// The direct sum of bf16 products.
    Direct,
}

/// Channels from which Winograd's algorithm in `f32` passes the direct one in bf16.
const WINOGRAD_CHANNELS: usize = 8;

/// The algorithm of all passes of `shape`.
pub(crate) fn algorithm(shape: &ConvShape) -> Algorithm {
    let wide = shape.channels_in >= WINOGRAD_CHANNELS && shape.channels_out >= WINOGRAD_CHANNELS;
    if depthwise::applies(shape) || uses_winograd(shape) && wide { Algorithm::Single } else { Algorithm::Direct }
}

/// [`forward`](super::forward) of `input` and `weight` rounded to bf16.
///
/// # Panics
///
/// When `shape` contradicts itself, or a slice's length does not fit it.
pub fn forward(shape: &ConvShape, input: &[f32], weight: &[f32], bias: Option<&[f32]>, output: &mut [f32]) {
    shape.check(input.len(), weight.len(), output.len());
    if shape.sums_nothing() || algorithm(shape) == Algorithm::Single {
        return direct::forward(shape, input, weight, bias, output);
    }
    assert!(bias.is_none_or(|bias| bias.len() == shape.channels_out), "bias of {shape:?}");
    #[cfg(target_arch = "x86_64")]
    if native::is_available() {
        return native::forward(shape, input, weight, bias, output);
    }
    let (input, weight) = (rounded(input), rounded(weight));
    dispatch!(forward_direct(shape, &input, &weight, bias, output));
}

/// [`input_gradient`](super::input_gradient) of `output_gradient` and `weight` rounded to bf16.
///
/// # Panics
///
/// When `shape` contradicts itself, or a slice's length does not fit it.
pub fn input_gradient(
    shape: &ConvShape,
    output_gradient: &[f32],
    weight: &[f32],
    input_gradient: &mut [f32],
    accumulate: bool,
) {
    shape.check(input_gradient.len(), weight.len(), output_gradient.len());
    if shape.sums_nothing() || algorithm(shape) == Algorithm::Single {
        return direct::input_gradient(shape, output_gradient, weight, input_gradient, accumulate);
    }
    let initial = if accumulate { Initial::Output } else { Initial::Zero };
    #[cfg(target_arch = "x86_64")]
    if native::is_available() {
        return native::input_gradient(shape, output_gradient, weight, initial, input_gradient);
    }
    let (output_gradient, weight) = (rounded(output_gradient), rounded(weight));
    dispatch!(input_gradient_direct(shape, &output_gradient, &weight, initial, input_gradient));
}

/// [`transposed`](super::transposed) of `input` and `weight` rounded to bf16.
///
/// # Panics
///
/// When `shape` contradicts itself, or a slice's length does not fit it.
pub fn transposed(shape: &ConvShape, input: &[f32], weight: &[f32], bias: Option<&[f32]>, output: &mut [f32]) {
    shape.check(output.len(), weight.len(), input.len());
    if shape.sums_nothing() || depthwise::applies(shape) {
        return direct::transposed(shape, input, weight, bias, output);
    }
    assert!(bias.is_none_or(|bias| bias.len() == shape.channels_in), "bias of {shape:?}");
    let initial = bias.map_or(Initial::Zero, Initial::Bias);
    #[cfg(target_arch = "x86_64")]
    if native::is_available() {
        return native::input_gradient(shape, input, weight, initial, output);
    }
    let (input, weight) = (rounded(input), rounded(weight));
    dispatch!(input_gradient_direct(shape, &input, &weight, initial, output));
}

/// [`weight_gradient`](super::weight_gradient) of `input` and `output_gradient` rounded to bf16.
///
/// # Panics
///
/// When `shape` contradicts itself, or a slice's length does not fit it.
pub fn weight_gradient(shape: &ConvShape, input: &[f32], output_gradient: &[f32], weight_gradient: &mut [f32]) {
    shape.check(input.len(), weight_gradient.len(), output_gradient.len());
    if shape.sums_nothing() || algorithm(shape) == Algorithm::Single {
        return weight::weight_gradient(shape, input, output_gradient, weight_gradient);
    }
    #[cfg(target_arch = "x86_64")]
    if native::is_available() {
        return native::weight_gradient(shape, input, output_gradient, weight_gradient);
    }
    let (input, output_gradient) = (rounded(input), rounded(output_gradient));
    dispatch!(weight_gradient_direct(shape, &input, &output_gradient, weight_gradient));
}

/// The passes on a processor with bf16 instructions.
#[cfg(target_arch = "x86_64")]
mod native {
    use super::super::super::simd::bf16::Avx512Bf16;
    use super::super::bf16_operands::{channel_pairs, image_pairs, pair_axis};
    use super::*;

    pub(super) fn is_available() -> bool {
        Avx512Bf16::is_available()
    }

    pub(super) fn forward(shape: &ConvShape, input: &[f32], weight: &[f32], bias: Option<&[f32]>, output: &mut [f32]) {
        let paired = ConvShape { channels_in: shape.groups * shape.group_in().div_ceil(2), ..*shape };
        let weight = pair_axis(weight, shape.channels_out, shape.group_in(), shape.taps());
        let input = channel_pairs(input, shape.group_in());
        forward_direct::<Avx512Bf16>(&paired, &input, &weight, bias, output);
    }

    pub(super) fn input_gradient(
        shape: &ConvShape,
        output_gradient: &[f32],
        weight: &[f32],
        initial: Initial<'_>,
        input_gradient: &mut [f32],
    ) {
        let paired = ConvShape { channels_out: shape.groups * shape.group_out().div_ceil(2), ..*shape };
        let weight = pair_axis(weight, shape.groups, shape.group_out(), shape.group_in() * shape.taps());
        let output_gradient = channel_pairs(output_gradient, shape.group_out());
        input_gradient_direct::<Avx512Bf16>(&paired, &output_gradient, &weight, initial, input_gradient);
    }

    pub(super) fn weight_gradient(shape: &ConvShape, input: &[f32], output_gradient: &[f32], target: &mut [f32]) {
        let paired = ConvShape { batch: shape.batch.div_ceil(2), ..*shape };
        let input = image_pairs(input, shape.input_len() / shape.batch);
        let output_gradient = image_pairs(output_gradient, shape.output_len() / shape.batch);
        weight_gradient_direct::<Avx512Bf16>(&paired, &input, &output_gradient, target);
    }
}
