//! The weight's gradient by the direct algorithm: for each tap, outer products of input and output gradient summed over
//! all pixels.

use rayon::prelude::*;

use super::super::memory::Block;
use super::super::outer::Outer;
use super::super::raw::SharedMut;
use super::super::simd::{Simd, dispatch};
use super::super::tile::padded;
use super::depthwise;
use super::direct::{merges_columns, pad_input, uses_winograd};
use super::shape::ConvShape;
use super::winograd_weight;

/// `weight_gradient` gets the gradient of the weight, `[channels_out, channels_in / groups, kernel_height,
/// kernel_width]`, from the input and the output's gradient, both `[batch, height, width, channels]`.
///
/// Without images, channels or pixels it is zero.
///
/// # Panics
///
/// When `shape` contradicts itself, or a slice's length does not fit it.
pub fn weight_gradient(shape: &ConvShape, input: &[f32], output_gradient: &[f32], weight_gradient: &mut [f32]) {
    shape.check(input.len(), weight_gradient.len(), output_gradient.len());
    if shape.sums_nothing() {
        return weight_gradient.fill(0.0);
    }
    dispatch!(weight_gradient_with(shape, input, output_gradient, weight_gradient));
}

/// The sum of the output's gradient over all pixels, `[channels_out]`.
///
/// # Panics
///
/// When the lengths do not fit.
pub fn bias_gradient(output_gradient: &[f32], bias_gradient: &mut [f32]) {
    let channels = bias_gradient.len();
    assert!(output_gradient.len().is_multiple_of(channels), "{} elements, {channels} channels", output_gradient.len());
    if output_gradient.is_empty() {
        return bias_gradient.fill(0.0);
    }
    // A fixed number of partial sums, each over whole pixels.
    let pixels = output_gradient.len() / channels;
    let per_part = pixels.div_ceil(BIAS_PARTS).max(1);
    let parts: Vec<Vec<f32>> = output_gradient
        .par_chunks(per_part * channels)
        .map(|part| {
            let mut sums = vec![0.0f32; channels];
            for pixel in part.chunks_exact(channels) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += value;
                }
            }
            sums
        })
        .collect();
    bias_gradient.fill(0.0);
    for part in parts {
        for (sum, value) in bias_gradient.iter_mut().zip(part) {
            *sum += value;
        }
    }
}

/// Parts that a sum over all pixels is cut into.
const BIAS_PARTS: usize = 16;

fn weight_gradient_with<S: Simd>(shape: &ConvShape, input: &[f32], output_gradient: &[f32], target: &mut [f32]) {
    if depthwise::applies(shape) {
        depthwise::weight_gradient::<S>(shape, input, output_gradient, target);
    } else if uses_winograd(shape) {
        winograd_weight::run::<S>(shape, input, output_gradient, target);
    } else {
        weight_gradient_direct::<S>(shape, input, output_gradient, target);
    }
}

/// The weight's gradient by the direct algorithm, whatever else would serve the shape.
pub(crate) fn weight_gradient_direct<S: Simd>(
    shape: &ConvShape,
    input: &[f32],
    output_gradient: &[f32],
    target: &mut [f32],
) {
    if merges_columns(shape) {
        let padded = pad_input(shape, input);
        let size = [shape.input[0] + 2 * shape.padding[0], shape.input[1] + 2 * shape.padding[1]];
        let merged = ConvShape { input: size, padding: [0, 0], kernel: [shape.kernel[0], 1], ..*shape };
        let depth = shape.kernel[1] * shape.channels_in;
        Sum { shape: &merged, depth, input: &padded, output_gradient }.run::<S>(target, |_group, tap, d, k| {
            let (x, channel) = (d / shape.channels_in, d % shape.channels_in);
            ((k * shape.channels_in + channel) * shape.kernel[0] + tap) * shape.kernel[1] + x
        });
    } else {
        let (depth, taps, columns_in_group) = (shape.group_in(), shape.taps(), shape.group_out());
        Sum { shape, depth, input, output_gradient }
            .run::<S>(target, |group, tap, d, k| ((group * columns_in_group + k) * depth + d) * taps + tap);
    }
}

/// Pixels whose input and gradient a task works on at once: with 32 channels of each they fit a first-level cache.
const CHUNK_PIXELS: usize = 128;
/// Input channels of one task.
const TASK_DEPTH: usize = 96;
/// Output channels of one task.
const TASK_COLUMNS: usize = 64;
/// Tasks below which the batch is divided too; each part then has sums of its own, added in order.
const ENOUGH_TASKS: usize = 8;

/// The sum over all pixels, tap by tap.
struct Sum<'a> {
    shape: &'a ConvShape,
    /// Elements that a tap reads from a pixel on: a group's channels, or several pixels' where taps were merged.
    depth: usize,
    input: &'a [f32],
    output_gradient: &'a [f32],
}

impl Sum<'_> {
    /// Computes all sums and writes them to `gradient`, each where `place` says for its group, tap, depth and column.
    fn run<S: Simd>(&self, gradient: &mut [f32], place: impl Fn(usize, usize, usize, usize) -> usize + Sync) {
        let shape = self.shape;
        let (groups, taps, columns) = (shape.groups, shape.taps(), shape.group_out());
        let depth_parts = self.depth.div_ceil(TASK_DEPTH);
        let column_parts = columns.div_ceil(TASK_COLUMNS);
        let split = groups * depth_parts * column_parts;
        let batch_parts = ENOUGH_TASKS.div_ceil(split).min(shape.batch).max(1);
        let width = padded::<S>(columns);
        let part_len = groups * taps * self.depth * width;
        let mut sums = Block::zeroed(batch_parts * part_len);
        let target = SharedMut::new(&mut sums);
        (0..batch_parts * split).into_par_iter().for_each(|task| {
            let batch_part = task / split;
            let group = task % split / (depth_parts * column_parts);
            let depth_part = task / column_parts % depth_parts;
            let column_part = task % column_parts;
            let images = shape.batch * batch_part / batch_parts..shape.batch * (batch_part + 1) / batch_parts;
            let task = Task {
                sum: self,
                group,
                depth: depth_part * TASK_DEPTH..((depth_part + 1) * TASK_DEPTH).min(self.depth),
                columns: column_part * TASK_COLUMNS..((column_part + 1) * TASK_COLUMNS).min(columns),
                width,
                // SAFETY: each part of the batch has `part_len` sums of its own.
                target: unsafe { target.get().add(batch_part * part_len) },
            };
            task.run::<S>(images);
        });
        let sums = &sums;
        let gradient_len = gradient.len();
        let gradient = SharedMut::new(gradient);
        let blocks = self.depth.div_ceil(FINISH_DEPTH);
        (0..groups * blocks).into_par_iter().for_each(|task| {
            let (group, block) = (task / blocks, task % blocks);
            let mut row = vec![0.0f32; columns];
            for d in block * FINISH_DEPTH..((block + 1) * FINISH_DEPTH).min(self.depth) {
                for tap in 0..taps {
                    let index = ((group * taps + tap) * self.depth + d) * width;
                    row.copy_from_slice(&sums[index..index + columns]);
                    for part in 1..batch_parts {
                        let part = &sums[part * part_len + index..][..columns];
                        row.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
                    }
                    for (k, &sum) in row.iter().enumerate() {
                        let place = place(group, tap, d, k);
                        assert!(place < gradient_len, "element {place} of {gradient_len}");
                        // SAFETY: inside the gradient; tasks differ in group or depth, and `place` gives each sum a
                        // place of its own.
                        unsafe { *gradient.get().add(place) = sum };
                    }
                }
            }
        });
    }
}

/// Depths whose sums one task writes to the gradient: the lines that it writes element by element fit a first-level cache.
const FINISH_DEPTH: usize = 16;

struct Task<'a> {
    sum: &'a Sum<'a>,
    group: usize,
    depth: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    width: usize,
    target: *mut f32,
}

/// The output positions along one axis at which a tap meets the image.
pub(crate) fn valid(shape: &ConvShape, axis: usize, tap: usize) -> std::ops::Range<usize> {
    let offset = tap * shape.dilation[axis];
    let (padding, stride) = (shape.padding[axis], shape.stride[axis]);
    let first = padding.saturating_sub(offset).div_ceil(stride);
    let end = (shape.input[axis] + padding).saturating_sub(offset).div_ceil(stride);
    first..end.min(shape.output[axis])
}

impl Task<'_> {
    fn run<S: Simd>(&self, images: std::ops::Range<usize>) {
        let shape = self.sum.shape;
        // Small images: many images at one row; large ones: some rows of one image.
        let pixels = shape.output[0] * shape.output[1];
        if pixels < CHUNK_PIXELS && shape.batch > 1 {
            let per_chunk = (CHUNK_PIXELS / shape.output[1]).max(1);
            for first in images.clone().step_by(per_chunk) {
                let chunk = first..(first + per_chunk).min(images.end);
                for row in 0..shape.output[0] {
                    self.chunk::<S>(chunk.clone(), row..row + 1);
                }
            }
        } else {
            let per_chunk = (CHUNK_PIXELS / shape.output[1].max(1)).max(1);
            for image in images {
                for first in (0..shape.output[0]).step_by(per_chunk) {
                    self.chunk::<S>(image..image + 1, first..(first + per_chunk).min(shape.output[0]));
                }
            }
        }
    }

    /// Adds the outer products of some rows of some images: one of the two ranges has length one.
    fn chunk<S: Simd>(&self, images: std::ops::Range<usize>, rows: std::ops::Range<usize>) {
        let shape = self.sum.shape;
        let [height, width] = shape.input;
        let [out_height, out_width] = shape.output;
        let depth_start = self.group * self.sum.depth + self.depth.start;
        let column_start = self.group * shape.group_out() + self.columns.start;
        for tap_y in 0..shape.kernel[0] {
            let valid_rows = valid(shape, 0, tap_y);
            let rows = rows.start.max(valid_rows.start)..rows.end.min(valid_rows.end);
            if rows.is_empty() {
                continue;
            }
            for tap_x in 0..shape.kernel[1] {
                let xs = valid(shape, 1, tap_x);
                if xs.is_empty() {
                    continue;
                }
                let y = rows.start * shape.stride[0] + tap_y * shape.dilation[0] - shape.padding[0];
                let x = xs.start * shape.stride[1] + tap_x * shape.dilation[1] - shape.padding[1];
                let left = ((images.start * height + y) * width + x) * shape.channels_in + depth_start;
                let right = ((images.start * out_height + rows.start) * out_width + xs.start) * shape.channels_out
                    + column_start;
                let left_row = shape.stride[0] * width * shape.channels_in;
                let left_image = height * width * shape.channels_in;
                let right_row = out_width * shape.channels_out;
                let (outer_count, left_outer, right_outer) = if images.len() > 1 {
                    (images.len(), left_image, right_row * out_height)
                } else {
                    (rows.len(), left_row, right_row)
                };
                let (left_inner, right_inner) = (shape.stride[1] * shape.channels_in, shape.channels_out);
                // The longer of the two loops goes inside.
                let swap = outer_count > xs.len();
                let order = |outer: usize, inner: usize| if swap { [inner, outer] } else { [outer, inner] };
                let tap = tap_y * shape.kernel[1] + tap_x;
                let sums = ((self.group * shape.taps() + tap) * self.sum.depth + self.depth.start) * self.width
                    + self.columns.start;
                let kernel = Outer {
                    left: self.sum.input[left..].as_ptr(),
                    left_steps: order(left_outer, left_inner),
                    right: self.sum.output_gradient[right..].as_ptr(),
                    right_steps: order(right_outer, right_inner),
                    counts: order(outer_count, xs.len()),
                    rows: self.depth.len(),
                    columns: self.columns.len(),
                    sums: self.target.wrapping_add(sums),
                    sums_step: self.width,
                    accumulate: true,
                };
                // SAFETY: `valid` keeps all pixels inside the images; the sums of this group, depth and columns are
                // this task's alone, and task columns start at multiples of the vector length.
                unsafe { S::call(kernel) };
            }
        }
    }
}
