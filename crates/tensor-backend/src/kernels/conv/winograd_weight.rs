//! The weight's gradient by the transpose of Winograd's algorithm: `dg = Gᵀ [Σ_tiles (A dY Aᵀ) ⊙ (Bᵀ d B)] G`.

use rayon::prelude::*;

use super::super::memory::Block;
use super::super::outer::Outer;
use super::super::raw::SharedMut;
use super::super::simd::{Kernel, Simd};
use super::super::tile::padded;
use super::shape::ConvShape;
use super::winograd::{
    POINTS, TILE, TileGrid, both_axes, output_gradient_transform, plane_stride, transform_patch,
    weight_gradient_transform,
};

/// Bytes of transformed input and gradient held at once: they are written by one set of tasks and read by another, so
/// they should stay in the third-level cache.
const STAGE_BYTES: usize = 6 << 20;
/// Tiles that one task transforms.
const TRANSFORM_TILES: usize = 8;
/// Tiles whose outer products are summed before they are added to the total: what they read fits a first-level cache
/// for the channels of one kernel call.
const SUM_TILES: usize = 96;

/// Writes the gradient of `shape`'s weight.
pub(crate) fn run<S: Simd>(shape: &ConvShape, input: &[f32], output_gradient: &[f32], target: &mut [f32]) {
    let grid = TileGrid::new(shape.batch, shape.output);
    let [depth, columns] = [padded::<S>(shape.channels_in), padded::<S>(shape.channels_out)];
    let per_tile = POINTS * (depth + columns) * size_of::<f32>();
    let stage = (STAGE_BYTES / per_tile).max(2 * TRANSFORM_TILES).min(grid.count);
    let mut sums = Block::new(POINTS * shape.channels_in * columns);
    let [left_plane, right_plane] = [plane_stride(stage * depth), plane_stride(stage * columns)];
    let mut left = Block::new(POINTS * left_plane);
    let mut right = Block::new(POINTS * right_plane);
    for first in (0..grid.count).step_by(stage) {
        let count = stage.min(grid.count - first);
        let [left_target, right_target] = [SharedMut::new(&mut left), SharedMut::new(&mut right)];
        (0..count.div_ceil(TRANSFORM_TILES)).into_par_iter().for_each(|task| {
            let tiles = task * TRANSFORM_TILES..((task + 1) * TRANSFORM_TILES).min(count);
            let kernel = Transform {
                shape,
                grid: &grid,
                input: input.as_ptr(),
                output_gradient: output_gradient.as_ptr(),
                first,
                tiles,
                left: left_target.get(),
                left_plane,
                right: right_target.get(),
                right_plane,
            };
            // SAFETY: the caller checked the lengths; tasks differ in tiles; the planes hold `stage` tiles.
            unsafe { S::call(kernel) };
        });
        let sums_target = SharedMut::new(&mut sums);
        let (left, right) = (&left, &right);
        let row_parts = shape.channels_in.div_ceil(SUM_ROWS);
        (0..POINTS * row_parts).into_par_iter().for_each(|task| {
            let (point, row_part) = (task / row_parts, task % row_parts);
            let rows = row_part * SUM_ROWS..((row_part + 1) * SUM_ROWS).min(shape.channels_in);
            for from in (0..count).step_by(SUM_TILES) {
                for column in (0..columns).step_by(SUM_COLUMNS) {
                    let kernel = Outer {
                        left: left[point * left_plane + from * depth + rows.start..].as_ptr(),
                        left_steps: [0, depth],
                        right: right[point * right_plane + from * columns + column..].as_ptr(),
                        right_steps: [0, columns],
                        counts: [1, SUM_TILES.min(count - from)],
                        rows: rows.len(),
                        columns: SUM_COLUMNS.min(columns - column),
                        sums: sums_target
                            .get()
                            .wrapping_add((point * shape.channels_in + rows.start) * columns + column),
                        sums_step: columns,
                        accumulate: first + from > 0,
                    };
                    // SAFETY: the planes hold these tiles; tasks differ in point or rows and so in their sums.
                    unsafe { S::call(kernel) };
                }
            }
        });
    }
    let gradient = SharedMut::new(target);
    let blocks = shape.channels_in.div_ceil(FINISH_ROWS);
    (0..blocks).into_par_iter().for_each(|task| {
        let rows = task * FINISH_ROWS..((task + 1) * FINISH_ROWS).min(shape.channels_in);
        let kernel = Finish { shape, sums: &sums, columns, rows, target: gradient.get() };
        // SAFETY: the target has the weight's length; tasks differ in input channels.
        unsafe { S::call(kernel) };
    });
}

/// Input channels of one summing task.
const SUM_ROWS: usize = 96;
/// Output channels of one kernel call.
const SUM_COLUMNS: usize = 64;
/// Input channels of one task that turns sums into gradients.
const FINISH_ROWS: usize = 4;

/// Transforms some tiles of the input and of the output's gradient.
struct Transform<'a> {
    shape: &'a ConvShape,
    grid: &'a TileGrid,
    input: *const f32,
    output_gradient: *const f32,
    first: usize,
    tiles: std::ops::Range<usize>,
    left: *mut f32,
    left_plane: usize,
    right: *mut f32,
    right_plane: usize,
}

impl Kernel for Transform<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let shape = self.shape;
        let [depth, columns] = [padded::<S>(shape.channels_in), padded::<S>(shape.channels_out)];
        for tile in self.tiles.clone() {
            let [image, y, x] = self.grid.origin(self.first + tile);
            let origin = [y as isize - shape.padding[0] as isize, x as isize - shape.padding[1] as isize];
            for channel in (0..shape.channels_in).step_by(S::LANES) {
                // SAFETY: the image and these channels are inside the input, the tile inside the planes.
                unsafe {
                    let pixels = shape.input[0] * shape.input[1];
                    let start = self.input.add(image * pixels * shape.channels_in + channel);
                    let target = self.left.add(tile * depth + channel);
                    let (channels, count) = (shape.channels_in, shape.channels_in - channel);
                    transform_patch::<S>(start, shape.input, channels, origin, count, target, self.left_plane);
                }
            }
            for channel in (0..shape.channels_out).step_by(S::LANES) {
                // SAFETY: as above.
                unsafe {
                    let pixel = (image * shape.output[0] + y) * shape.output[1] + x;
                    let start = self.output_gradient.add(pixel * shape.channels_out + channel);
                    let target = self.right.add(tile * columns + channel);
                    let room = [shape.output[0] - y, shape.output[1] - x];
                    self.transform_gradient::<S>(start, room, shape.channels_out - channel, target);
                }
            }
        }
    }
}

impl Transform<'_> {
    #[inline(always)]
    unsafe fn transform_gradient<S: Simd>(&self, start: *const f32, room: [usize; 2], count: usize, target: *mut f32) {
        let channels = self.shape.channels_out;
        let row_step = self.shape.output[1] * channels;
        // SAFETY: only pixels and channels that exist are read; the target is the caller's promise.
        unsafe {
            let plane = self.right_plane;
            if room[0] >= TILE && room[1] >= TILE && count >= S::LANES {
                both_axes!(
                    S, output_gradient_transform, 4 => 6,
                    |y, x| S::load(start.add(y * row_step + x * channels)),
                    |y, x, value| S::store(target.add((y * 6 + x) * plane), value),
                );
            } else {
                both_axes!(
                    S, output_gradient_transform, 4 => 6,
                    |y, x| if y < room[0] && x < room[1] {
                        S::load_upto(start.add(y * row_step + x * channels), count)
                    } else {
                        S::zero()
                    },
                    |y, x, value| S::store(target.add((y * 6 + x) * plane), value),
                );
            }
        }
    }
}

/// Turns the sums of some input channels into gradients.
struct Finish<'a> {
    shape: &'a ConvShape,
    sums: &'a [f32],
    columns: usize,
    rows: std::ops::Range<usize>,
    target: *mut f32,
}

/// The most lanes of any instruction set.
const MOST_LANES: usize = 16;

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (channels_in, channels_out) = (self.shape.channels_in, self.shape.channels_out);
        for row in self.rows.clone() {
            for column in (0..channels_out).step_by(S::LANES) {
                let mut lanes = [[0.0f32; MOST_LANES]; 9];
                // SAFETY: the sums hold 36 planes of channels_in × columns.
                unsafe {
                    let sums = self.sums.as_ptr().add(row * self.columns + column);
                    let plane = channels_in * self.columns;
                    both_axes!(
                        S, weight_gradient_transform, 6 => 3,
                        |y, x| S::load(sums.add((y * 6 + x) * plane)),
                        |y, x, value| S::store(lanes[y * 3 + x].as_mut_ptr(), value),
                    );
                }
                for lane in 0..(channels_out - column).min(S::LANES) {
                    let start = ((column + lane) * channels_in + row) * 9;
                    for (tap, values) in lanes.iter().enumerate() {
                        // SAFETY: inside the weight, at an input channel of this task.
                        unsafe { *self.target.add(start + tap) = values[lane] };
                    }
                }
            }
        }
    }
}
