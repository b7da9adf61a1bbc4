//! The direct algorithm: forward and input gradient for every shape.

use rayon::prelude::*;

use super::super::memory::Block;
use super::super::raw::SharedMut;
use super::super::simd::{Simd, dispatch};
use super::depthwise;
use super::gather::{Finishing, Gather, GatherTap, Initial};
use super::pack::{PackedWeights, WeightOrder};
use super::shape::ConvShape;
use super::winograd_forward::{self, Direction};

/// Convolves `input` `[batch, height, width, channels_in]` with `weight`
/// `[channels_out, channels_in / groups, kernel_height, kernel_width]` into `output`
/// `[batch, height_out, width_out, channels_out]`.
///
/// Without input channels or pixels the output is the bias, or zero.
///
/// # Panics
///
/// When `shape` contradicts itself, or a slice's length does not fit it.
pub fn forward(shape: &ConvShape, input: &[f32], weight: &[f32], bias: Option<&[f32]>, output: &mut [f32]) {
    shape.check(input.len(), weight.len(), output.len());
    assert!(bias.is_none_or(|bias| bias.len() == shape.channels_out), "bias of {shape:?}");
    if shape.sums_nothing() {
        return fill_with_bias(bias, output);
    }
    dispatch!(forward_with(shape, input, weight, bias, output));
}

/// The bias in each pixel of `output`, or zero: what sums of nothing give.
pub(crate) fn fill_with_bias(bias: Option<&[f32]>, output: &mut [f32]) {
    match bias {
        Some(bias) if !bias.is_empty() => output.chunks_exact_mut(bias.len()).for_each(|p| p.copy_from_slice(bias)),
        _ => output.fill(0.0),
    }
}

fn forward_with<S: Simd>(shape: &ConvShape, input: &[f32], weight: &[f32], bias: Option<&[f32]>, output: &mut [f32]) {
    if depthwise::applies(shape) {
        depthwise::forward::<S>(shape, input, weight, bias, output);
        return;
    }
    if uses_winograd(shape) {
        winograd_forward::run::<S>(shape, Direction::Forward, input, weight, bias, output, false);
        return;
    }
    forward_direct::<S>(shape, input, weight, bias, output);
}

/// The gather of a forward pass, and where it finds its weights.
pub(crate) fn forward_gather(shape: &ConvShape) -> (Gather, WeightOrder) {
    let [stride, padding, dilation] = [shape.stride, shape.padding, shape.dilation];
    let mut taps = Vec::with_capacity(shape.taps());
    for y in 0..shape.kernel[0] {
        for x in 0..shape.kernel[1] {
            let offset = |axis: usize, tap: usize| (tap * dilation[axis]) as isize - padding[axis] as isize;
            taps.push(GatherTap { offset: [offset(0, y), offset(1, x)], index: taps.len() });
        }
    }
    let gather = Gather {
        batch: shape.batch,
        groups: shape.groups,
        source: shape.input,
        source_channels: shape.channels_in,
        depth: shape.group_in(),
        source_step: stride,
        taps,
        output: shape.output,
        output_channels: shape.channels_out,
        columns: shape.group_out(),
        grid: shape.output,
        grid_step: [1, 1],
        grid_origin: [0, 0],
    };
    let order = WeightOrder {
        groups: shape.groups,
        columns: shape.group_out(),
        depth: shape.group_in(),
        taps: shape.taps(),
        group_step: shape.group_out() * shape.group_in() * shape.taps(),
        column_step: shape.group_in() * shape.taps(),
        depth_step: shape.taps(),
    };
    (gather, order)
}

/// The forward pass by the direct algorithm, whatever else would serve the shape.
pub(crate) fn forward_direct<S: Simd>(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    let initial = bias.map_or(Initial::Zero, Initial::Bias);
    forward_packed::<S>(shape, input, &pack_forward::<S>(shape, weight), initial, Finishing::default(), output);
}

/// The weights as [`forward_packed`] reads them.
pub(crate) fn pack_forward<S: Simd>(shape: &ConvShape, weight: &[f32]) -> PackedWeights {
    let (_, order) = forward_gather(shape);
    if merges_columns(shape) {
        let depth = shape.kernel[1] * shape.channels_in;
        let order = WeightOrder { depth, taps: shape.kernel[0], depth_step: shape.kernel[0], ..order };
        return PackedWeights::new::<S>(&transpose_taps(shape, weight), order);
    }
    PackedWeights::new::<S>(weight, order)
}

/// The forward pass by the direct algorithm with weights of [`pack_forward`] for the same channels and window.
pub(crate) fn forward_packed<S: Simd>(
    shape: &ConvShape,
    input: &[f32],
    packed: &PackedWeights,
    initial: Initial<'_>,
    finishing: Finishing<'_>,
    output: &mut [f32],
) {
    let (mut gather, _) = forward_gather(shape);
    let target = SharedMut::new(output);
    if merges_columns(shape) {
        // The taps of a window's row are one run of kernel_width · channels elements in an image with its border.
        let padded = pad_input(shape, input);
        gather.source = [shape.input[0] + 2 * shape.padding[0], shape.input[1] + 2 * shape.padding[1]];
        gather.depth = shape.kernel[1] * shape.channels_in;
        gather.taps = (0..shape.kernel[0])
            .map(|y| GatherTap { offset: [(y * shape.dilation[0]) as isize, 0], index: y })
            .collect();
        // SAFETY: the padded image has the stated size and the lengths of the others were checked; a window's last
        // run ends inside its row because every window lies inside the padded image.
        unsafe { gather.run::<S>(&padded, packed, initial, finishing, target) };
    } else {
        // SAFETY: the lengths were checked, and the output is borrowed mutably.
        unsafe { gather.run::<S>(input, packed, initial, finishing, target) };
    }
}

/// Channels up to which the taps of a window's row are merged into one run.
const MERGED_CHANNELS: usize = 8;

/// Whether a window's row is read as one run from a padded copy of the input: with few channels, the copy is small
/// beside the output and the tile kernel has longer runs.
pub(crate) fn merges_columns(shape: &ConvShape) -> bool {
    shape.groups == 1 && shape.channels_in <= MERGED_CHANNELS && shape.dilation[1] == 1 && shape.kernel[1] > 1
}

/// The input with its border of zeros.
pub(crate) fn pad_input(shape: &ConvShape, input: &[f32]) -> Block {
    let [height, width] = shape.input;
    let [top, left] = shape.padding;
    let channels = shape.channels_in;
    let padded_row = (width + 2 * left) * channels;
    let padded_image = (height + 2 * top) * padded_row;
    let mut padded = Block::new(shape.batch * padded_image);
    let images = padded.par_chunks_mut(padded_image).zip(input.par_chunks(height * width * channels));
    images.for_each(|(padded, image)| {
        padded.fill(0.0);
        let rows = padded[top * padded_row..].chunks_exact_mut(padded_row);
        for (row, source) in rows.zip(image.chunks_exact(width * channels)) {
            row[left * channels..][..source.len()].copy_from_slice(source);
        }
    });
    padded
}

/// `[out][in][y][x]` as `[out][x][in][y]`, so that (x, in) is the depth and y the tap.
fn transpose_taps(shape: &ConvShape, weight: &[f32]) -> Vec<f32> {
    let [height, width] = shape.kernel;
    let channels = shape.channels_in;
    let mut out = vec![0.0; weight.len()];
    for k in 0..shape.channels_out {
        for c in 0..channels {
            for y in 0..height {
                for x in 0..width {
                    out[((k * width + x) * channels + c) * height + y] =
                        weight[((k * channels + c) * height + y) * width + x];
                }
            }
        }
    }
    out
}

/// The gradient with respect to the input: `input_gradient` gets, or with `accumulate` is increased by, the
/// convolution's transpose applied to `output_gradient`. Layouts as in [`forward`].
///
/// Without output channels or pixels it is zero.
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
    if shape.sums_nothing() {
        return add_nothing(input_gradient, accumulate);
    }
    dispatch!(either_input_gradient(shape, output_gradient, weight, input_gradient, accumulate));
}

/// A gradient of sums of nothing: zero, or added to what is there.
pub(crate) fn add_nothing(gradient: &mut [f32], accumulate: bool) {
    if !accumulate {
        gradient.fill(0.0);
    }
}

fn either_input_gradient<S: Simd>(
    shape: &ConvShape,
    output_gradient: &[f32],
    weight: &[f32],
    input_gradient: &mut [f32],
    accumulate: bool,
) {
    if uses_winograd(shape) {
        let direction = Direction::InputGradient;
        winograd_forward::run::<S>(shape, direction, output_gradient, weight, None, input_gradient, accumulate);
    } else {
        let initial = if accumulate { Initial::Output } else { Initial::Zero };
        input_gradient_with::<S>(shape, output_gradient, weight, initial, input_gradient);
    }
}

/// Whether Winograd's algorithm serves this shape, and is faster than the direct one.
pub(crate) fn uses_winograd(shape: &ConvShape) -> bool {
    shape.kernel == [3, 3]
        && shape.stride == [1, 1]
        && shape.dilation == [1, 1]
        && shape.groups == 1
        && shape.padding[0] <= 2
        && shape.padding[1] <= 2
        && shape.channels_in >= 8
        && shape.channels_out >= 8
        && shape.output[0] >= 3
        && shape.output[1] >= 3
}

/// The transposed convolution: [`input_gradient`] as an operation of its own, of `input` with the sizes of `shape`'s
/// output, with a bias for each of `shape`'s input channels.
///
/// # Panics
///
/// When `shape` contradicts itself, or a slice's length does not fit it.
pub fn transposed(shape: &ConvShape, input: &[f32], weight: &[f32], bias: Option<&[f32]>, output: &mut [f32]) {
    shape.check(output.len(), weight.len(), input.len());
    assert!(bias.is_none_or(|bias| bias.len() == shape.channels_in), "bias of {shape:?}");
    if shape.sums_nothing() {
        return fill_with_bias(bias, output);
    }
    let initial = bias.map_or(Initial::Zero, Initial::Bias);
    dispatch!(input_gradient_with(shape, input, weight, initial, output));
}

/// The input's gradient with a start of the caller's choice.
pub(crate) fn input_gradient_with<S: Simd>(
    shape: &ConvShape,
    output_gradient: &[f32],
    weight: &[f32],
    initial: Initial<'_>,
    input_gradient: &mut [f32],
) {
    if depthwise::applies(shape) {
        let accumulate = matches!(initial, Initial::Output);
        let bias = if let Initial::Bias(bias) = initial { Some(bias) } else { None };
        depthwise::input_gradient::<S>(shape, output_gradient, weight, bias, input_gradient, accumulate);
        return;
    }
    input_gradient_direct::<S>(shape, output_gradient, weight, initial, input_gradient);
}

/// The input's gradient by the direct algorithm, whatever else would serve the shape.
pub(crate) fn input_gradient_direct<S: Simd>(
    shape: &ConvShape,
    output_gradient: &[f32],
    weight: &[f32],
    initial: Initial<'_>,
    input_gradient: &mut [f32],
) {
    let (gathers, order) = input_gradient_gathers(shape);
    let packed = PackedWeights::new::<S>(weight, order);
    let target = SharedMut::new(input_gradient);
    for gather in gathers {
        // SAFETY: the lengths were checked by the callers, the output is borrowed mutably, phases run one by one.
        unsafe { gather.run::<S>(output_gradient, &packed, initial, Finishing::default(), target) };
    }
}

/// The gathers of an input gradient, and where they find their weights. Input pixels with the same remainder modulo the
/// stride see the same taps: each such phase is a gather of its own.
pub(crate) fn input_gradient_gathers(shape: &ConvShape) -> (Vec<Gather>, WeightOrder) {
    let order = WeightOrder {
        groups: shape.groups,
        columns: shape.group_in(),
        depth: shape.group_out(),
        taps: shape.taps(),
        group_step: shape.group_out() * shape.group_in() * shape.taps(),
        column_step: shape.taps(),
        depth_step: shape.group_in() * shape.taps(),
    };
    let mut gathers = Vec::with_capacity(shape.stride[0] * shape.stride[1]);
    for phase_y in 0..shape.stride[0].min(shape.input[0]) {
        for phase_x in 0..shape.stride[1].min(shape.input[1]) {
            let mut taps = Vec::new();
            for y in 0..shape.kernel[0] {
                for x in 0..shape.kernel[1] {
                    let offsets = (phase_offset(shape, 0, phase_y, y), phase_offset(shape, 1, phase_x, x));
                    if let (Some(offset_y), Some(offset_x)) = offsets {
                        taps.push(GatherTap { offset: [offset_y, offset_x], index: y * shape.kernel[1] + x });
                    }
                }
            }
            gathers.push(Gather {
                batch: shape.batch,
                groups: shape.groups,
                source: shape.output,
                source_channels: shape.channels_out,
                depth: shape.group_out(),
                source_step: [1, 1],
                taps,
                output: shape.input,
                output_channels: shape.channels_in,
                columns: shape.group_in(),
                grid: [
                    (shape.input[0] - phase_y).div_ceil(shape.stride[0]),
                    (shape.input[1] - phase_x).div_ceil(shape.stride[1]),
                ],
                grid_step: shape.stride,
                grid_origin: [phase_y, phase_x],
            });
        }
    }
    (gathers, order)
}

/// Input pixel `stride · i + phase` meets tap `tap` in output pixel `i + offset`, if in any.
fn phase_offset(shape: &ConvShape, axis: usize, phase: usize, tap: usize) -> Option<isize> {
    let distance = (phase + shape.padding[axis]) as isize - (tap * shape.dilation[axis]) as isize;
    let stride = shape.stride[axis] as isize;
    (distance.rem_euclid(stride) == 0).then(|| distance.div_euclid(stride))
}
