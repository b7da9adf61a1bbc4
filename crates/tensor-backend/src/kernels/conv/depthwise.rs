//! Depthwise convolution: each channel by itself, so that vectors run along channels and nothing is multiplied twice.

use std::ops::Range;

use rayon::prelude::*;

use super::super::activation::{Apply, Function};
use super::super::memory::Block;
use super::super::raw::SharedMut;
use super::super::simd::{Kernel, Simd};
use super::gather::Finishing;
use super::shape::ConvShape;

/// Whether each output channel sees one input channel, its own.
pub(crate) fn applies(shape: &ConvShape) -> bool {
    shape.groups == shape.channels_in && shape.channels_in == shape.channels_out
}

/// Output rows of one task.
const TASK_ROWS: usize = 8;
/// Parts of the batch whose weight gradients are summed apart and added in order.
const BATCH_PARTS: usize = 8;

/// `[channel][tap]` as `[tap][channel]`.
pub(crate) fn taps_first(shape: &ConvShape, weight: &[f32]) -> Block {
    let (channels, taps) = (shape.channels_in, shape.taps());
    let mut out = Block::new(weight.len());
    for channel in 0..channels {
        for tap in 0..taps {
            out[tap * channels + channel] = weight[channel * taps + tap];
        }
    }
    out
}

/// A tap and the pixel that it meets.
#[derive(Clone, Copy)]
struct Meeting {
    tap: usize,
    position: usize,
}

/// Along one axis, for each target position the taps that meet a source pixel there.
fn meetings(shape: &ConvShape, axis: usize, backward: bool) -> Vec<Vec<Meeting>> {
    let (kernel, stride, dilation) = (shape.kernel[axis], shape.stride[axis], shape.dilation[axis]);
    let padding = shape.padding[axis];
    let positions = if backward { shape.input[axis] } else { shape.output[axis] };
    let meeting = |position: usize, tap: usize| {
        let found = if backward {
            let distance = (position + padding).checked_sub(tap * dilation)?;
            distance.is_multiple_of(stride).then_some(distance / stride).filter(|&found| found < shape.output[axis])
        } else {
            let found = (position * stride + tap * dilation).checked_sub(padding)?;
            (found < shape.input[axis]).then_some(found)
        };
        found.map(|position| Meeting { tap, position })
    };
    (0..positions).map(|position| (0..kernel).filter_map(|tap| meeting(position, tap)).collect()).collect()
}

/// The forward pass.
pub(crate) fn forward<S: Simd>(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    correlate::<S>(shape, false, input, &taps_first(shape, weight), bias, Finishing::default(), output, false);
}

/// The forward pass with weights of [`taps_first`] and an end of the caller's choice.
pub(crate) fn forward_finished<S: Simd>(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    finishing: Finishing<'_>,
    output: &mut [f32],
) {
    correlate::<S>(shape, false, input, weight, bias, finishing, output, false);
}

/// The input's gradient, in the place of `target`'s contents or added to them.
pub(crate) fn input_gradient<S: Simd>(
    shape: &ConvShape,
    output_gradient: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    target: &mut [f32],
    accumulate: bool,
) {
    let weight = taps_first(shape, weight);
    correlate::<S>(shape, true, output_gradient, &weight, bias, Finishing::default(), target, accumulate);
}

#[allow(clippy::too_many_arguments, reason = "the parts of a pass, each of another kind")]
fn correlate<S: Simd>(
    shape: &ConvShape,
    backward: bool,
    source: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    finishing: Finishing<'_>,
    target: &mut [f32],
    accumulate: bool,
) {
    let [source_size, target_size] = if backward { [shape.output, shape.input] } else { [shape.input, shape.output] };
    let meetings = [meetings(shape, 0, backward), meetings(shape, 1, backward)];
    let channels = shape.channels_in;
    let row_len = target_size[1] * channels;
    let tasks_per_image = target_size[0].div_ceil(TASK_ROWS).max(1);
    let shared = SharedMut::new(target);
    (0..shape.batch * tasks_per_image).into_par_iter().for_each(|task| {
        let (image, first) = (task / tasks_per_image, task % tasks_per_image * TASK_ROWS);
        let kernel = Rows {
            source: &source[image * source_size[0] * source_size[1] * channels..],
            source_width: source_size[1],
            weight,
            kernel_width: shape.kernel[1],
            bias,
            residual: finishing.residual.map(|residual| residual[image * target_size[0] * row_len..].as_ptr()),
            rectifies: finishing.rectifies(),
            afterwards: finishing.afterwards(),
            meetings: &meetings,
            rows: first..(first + TASK_ROWS).min(target_size[0]),
            channels,
            target: shared.get().wrapping_add(image * target_size[0] * row_len),
            accumulate,
        };
        // SAFETY: the caller checked the lengths; tasks differ in image or rows.
        unsafe { S::call(kernel) };
    });
}

/// Some target rows of one image.
struct Rows<'a> {
    source: &'a [f32],
    source_width: usize,
    weight: &'a [f32],
    kernel_width: usize,
    bias: Option<&'a [f32]>,
    residual: Option<*const f32>,
    rectifies: bool,
    afterwards: Option<Function>,
    meetings: &'a [Vec<Vec<Meeting>>; 2],
    rows: Range<usize>,
    channels: usize,
    target: *mut f32,
    accumulate: bool,
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channels = self.channels;
        for y in self.rows.clone() {
            for (x, columns) in self.meetings[1].iter().enumerate() {
                let mut channel = 0;
                while channel < channels {
                    let count = (channels - channel).min(S::LANES);
                    // SAFETY: meetings name pixels of the source; `count` channels from here on exist everywhere.
                    unsafe {
                        let at = (y * self.meetings[1].len() + x) * channels + channel;
                        let target = self.target.add(at);
                        let mut sum = match self.bias {
                            Some(bias) => S::load_upto(bias.as_ptr().add(channel), count),
                            None => S::zero(),
                        };
                        if self.accumulate {
                            sum = S::add(sum, S::load_upto(target, count));
                        }
                        for row in &self.meetings[0][y] {
                            let source =
                                self.source.as_ptr().add(row.position * self.source_width * channels + channel);
                            let weight = self.weight.as_ptr().add(row.tap * self.kernel_width * channels + channel);
                            for column in columns {
                                let value = S::load_upto(source.add(column.position * channels), count);
                                let factor = S::load_upto(weight.add(column.tap * channels), count);
                                sum = S::fma(value, factor, sum);
                            }
                        }
                        if let Some(residual) = self.residual {
                            sum = S::add(sum, S::load_upto(residual.add(at), count));
                        }
                        if self.rectifies {
                            sum = S::rectify(sum, sum);
                        }
                        S::store_upto(target, count, sum);
                    }
                    channel += S::LANES;
                }
            }
            if let Some(function) = self.afterwards {
                let length = self.meetings[1].len() * channels;
                // SAFETY: this row is this task's, and was stored just now.
                unsafe {
                    let values = std::slice::from_raw_parts_mut(self.target.add(y * length), length);
                    S::call(Apply { function, values });
                }
            }
        }
    }
}

/// The weight's gradient.
pub(crate) fn weight_gradient<S: Simd>(shape: &ConvShape, input: &[f32], output_gradient: &[f32], target: &mut [f32]) {
    let (channels, taps) = (shape.channels_in, shape.taps());
    let parts = BATCH_PARTS.min(shape.batch).max(1);
    let mut sums = Block::zeroed(parts * taps * channels);
    let meetings = [meetings(shape, 0, false), meetings(shape, 1, false)];
    sums.par_chunks_mut(taps * channels).enumerate().for_each(|(part, sums)| {
        let images = shape.batch * part / parts..shape.batch * (part + 1) / parts;
        let kernel = Sums { shape, input, output_gradient, meetings: &meetings, images, sums };
        // SAFETY: the caller checked the lengths.
        unsafe { S::call(kernel) };
    });
    for channel in 0..channels {
        for tap in 0..taps {
            let parts = sums.chunks_exact(taps * channels);
            target[channel * taps + tap] = parts.map(|part| part[tap * channels + channel]).sum();
        }
    }
}

/// The weight's gradient over some images, as `[tap][channel]`.
struct Sums<'a> {
    shape: &'a ConvShape,
    input: &'a [f32],
    output_gradient: &'a [f32],
    meetings: &'a [Vec<Vec<Meeting>>; 2],
    images: Range<usize>,
    sums: &'a mut [f32],
}

impl Kernel for Sums<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channels = self.shape.channels_in;
        let [height, width] = self.shape.input;
        let [out_height, out_width] = self.shape.output;
        let sums = self.sums.as_mut_ptr();
        for image in self.images.clone() {
            for (y, rows) in self.meetings[0].iter().enumerate() {
                let gradient = ((image * out_height + y) * out_width) * channels;
                for row in rows {
                    let input = (image * height + row.position) * width * channels;
                    for tap_x in 0..self.shape.kernel[1] {
                        let mut channel = 0;
                        while channel < channels {
                            let count = (channels - channel).min(S::LANES);
                            // SAFETY: meetings name pixels of the input; `count` channels from here on exist.
                            unsafe {
                                let tap = row.tap * self.shape.kernel[1] + tap_x;
                                let target = sums.add(tap * channels + channel);
                                let gradient = self.output_gradient.as_ptr().add(gradient + channel);
                                let input = self.input.as_ptr().add(input + channel);
                                let mut sum = S::load_upto(target, count);
                                for x in super::weight_gradient::valid(self.shape, 1, tap_x) {
                                    let position = x * self.shape.stride[1] + tap_x * self.shape.dilation[1]
                                        - self.shape.padding[1];
                                    let value = S::load_upto(input.add(position * channels), count);
                                    sum = S::fma(value, S::load_upto(gradient.add(x * channels), count), sum);
                                }
                                S::store_upto(target, count, sum);
                            }
                            channel += S::LANES;
                        }
                    }
                }
            }
        }
    }
}
