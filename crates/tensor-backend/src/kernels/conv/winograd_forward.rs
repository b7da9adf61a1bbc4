//! Winograd convolution: forward, and the input gradient as the forward pass with turned weights.

use rayon::prelude::*;

use super::super::memory::{Block, with_scratch};
use super::super::raw::SharedMut;
use super::super::simd::{Kernel, Simd};
use super::super::tile::{Panel, ROW_SLOTS, Start, Tile, padded, panels};
use super::shape::ConvShape;
use super::winograd::{
    POINTS, TILE, TileGrid, both_axes, output_transform, plane_stride, transform_patch, weight_transform,
};

/// Which of the two passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From input to output.
    Forward,
    /// From the output's gradient to the input's.
    InputGradient,
}

/// Bytes of transformed input and products that a task works on at once: they are written and read again soon, so they
/// should stay in the second-level cache (1 MiB on the processors this was tuned on).
const TASK_BYTES: usize = 640 << 10;
/// Most tiles of one task.
const TASK_TILES: usize = 48;
/// Tasks below which tiles are divided more finely, so that a few threads have work.
const ENOUGH_TASKS: usize = 4;

/// Winograd convolution of `source` with `weight` in one direction, into `target` or added to it.
pub(crate) fn run<S: Simd>(
    shape: &ConvShape,
    direction: Direction,
    source: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    target: &mut [f32],
    accumulate: bool,
) {
    let pass = match direction {
        Direction::Forward => Pass {
            source_size: shape.input,
            target_size: shape.output,
            depth: shape.channels_in,
            columns: shape.channels_out,
            padding: shape.padding.map(|padding| padding as isize),
        },
        Direction::InputGradient => Pass {
            source_size: shape.output,
            target_size: shape.input,
            depth: shape.channels_out,
            columns: shape.channels_in,
            padding: shape.padding.map(|padding| 2 - padding as isize),
        },
    };
    let grid = TileGrid::new(shape.batch, pass.target_size);
    let panels = panels::<S>(pass.columns);
    let transformed = transform_weights::<S>(shape, direction, weight, &panels, &pass);
    let per_tile = POINTS * (padded::<S>(pass.depth) + padded::<S>(pass.columns)) * size_of::<f32>();
    let most = (TASK_BYTES / per_tile).clamp(12, TASK_TILES);
    let tasks = grid.count.div_ceil(most).max(ENOUGH_TASKS.min(grid.count.div_ceil(12)));
    let output = SharedMut::new(target);
    (0..tasks).into_par_iter().for_each(|task| {
        let first = grid.count * task / tasks;
        let count = grid.count * (task + 1) / tasks - first;
        let source_plane = plane_stride(count * padded::<S>(pass.depth));
        let product_plane = plane_stride(count * padded::<S>(pass.columns));
        with_scratch(POINTS * (source_plane + product_plane), |scratch| {
            let (patches, products) = scratch.split_at_mut(POINTS * source_plane);
            let kernel = TileBlock {
                pass: &pass,
                grid: &grid,
                panels: &panels,
                weights: &transformed,
                source: source.as_ptr(),
                bias,
                target: output.get(),
                accumulate,
                first,
                count,
                patches: patches.as_mut_ptr(),
                source_plane,
                products: products.as_mut_ptr(),
                product_plane,
            };
            // SAFETY: the caller checked the lengths; tasks differ in tiles and so write different pixels; the two
            // parts of the scratch memory hold 36 planes of `count` tiles each.
            unsafe { S::call(kernel) };
        });
    });
}

/// Sizes of a pass.
struct Pass {
    source_size: [usize; 2],
    target_size: [usize; 2],
    depth: usize,
    columns: usize,
    padding: [isize; 2],
}

/// `G g Gᵀ` for all pairs of channels, as `[point][panel][depth][column in panel]`.
fn transform_weights<S: Simd>(
    shape: &ConvShape,
    direction: Direction,
    weight: &[f32],
    panels: &[Panel],
    pass: &Pass,
) -> Block {
    let plane = pass.depth * padded::<S>(pass.columns);
    let mut transformed = Block::new(POINTS * plane);
    let target = SharedMut::new(&mut transformed);
    let blocks = pass.depth.div_ceil(DEPTH_BLOCK);
    (0..panels.len() * blocks).into_par_iter().for_each(|task| {
        let panel = panels[task / blocks];
        let first = task % blocks * DEPTH_BLOCK;
        let kernel = WeightBlock {
            weight,
            channels_in: shape.channels_in,
            direction,
            panel,
            columns: pass.columns,
            depth: first..(first + DEPTH_BLOCK).min(pass.depth),
            // SAFETY: the panel starts inside each plane.
            target: unsafe { target.get().add(panel.first_column::<S>() * pass.depth) },
            plane,
        };
        // SAFETY: the caller checked the weight's length; tasks differ in panel or depth.
        unsafe { S::call(kernel) };
    });
    transformed
}

/// Depths whose weights one task transforms.
const DEPTH_BLOCK: usize = 8;

struct WeightBlock<'a> {
    weight: &'a [f32],
    channels_in: usize,
    direction: Direction,
    panel: Panel,
    columns: usize,
    depth: std::ops::Range<usize>,
    target: *mut f32,
    plane: usize,
}

/// The most lanes of any instruction set.
const MOST_LANES: usize = 16;

impl Kernel for WeightBlock<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.panel.vectors * S::LANES;
        for vector in 0..self.panel.vectors {
            let first = (self.panel.first_vector + vector) * S::LANES;
            let count = (self.columns - first).min(S::LANES);
            for depth in self.depth.clone() {
                // The lanes are columns, which lie far apart in memory: gather them, turned by 180° for the gradient.
                let mut taps = [[0.0f32; MOST_LANES]; 9];
                for lane in 0..count {
                    let start = match self.direction {
                        Direction::Forward => ((first + lane) * self.channels_in + depth) * 9,
                        Direction::InputGradient => (depth * self.channels_in + first + lane) * 9,
                    };
                    let window = &self.weight[start..start + 9];
                    for (tap, values) in taps.iter_mut().enumerate() {
                        values[lane] = match self.direction {
                            Direction::Forward => window[tap],
                            Direction::InputGradient => window[8 - tap],
                        };
                    }
                }
                // SAFETY: `taps` holds at least LANES elements a tap; the target's planes hold this panel and depth.
                unsafe {
                    let mut half = [[S::zero(); 3]; 6];
                    for x in 0..3 {
                        let column = [0, 1, 2].map(|y: usize| taps[y * 3 + x].as_ptr());
                        let loaded = [S::load(column[0]), S::load(column[1]), S::load(column[2])];
                        let transformed = weight_transform::<S>(loaded);
                        for y in 0..6 {
                            half[y][x] = transformed[y];
                        }
                    }
                    for (y, row) in half.iter().enumerate() {
                        let transformed = weight_transform::<S>(*row);
                        for (x, &value) in transformed.iter().enumerate() {
                            let offset = (y * 6 + x) * self.plane + depth * width + vector * S::LANES;
                            S::store(self.target.add(offset), value);
                        }
                    }
                }
            }
        }
    }
}

/// Some tiles, from source pixels to target pixels.
struct TileBlock<'a> {
    pass: &'a Pass,
    grid: &'a TileGrid,
    panels: &'a [Panel],
    weights: &'a [f32],
    source: *const f32,
    bias: Option<&'a [f32]>,
    target: *mut f32,
    accumulate: bool,
    first: usize,
    count: usize,
    patches: *mut f32,
    source_plane: usize,
    products: *mut f32,
    product_plane: usize,
}

impl Kernel for TileBlock<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller's promises.
        unsafe {
            self.transform_source::<S>();
            self.multiply::<S>();
            self.transform_products::<S>();
        }
    }
}

impl TileBlock<'_> {
    #[inline(always)]
    unsafe fn transform_source<S: Simd>(&self) {
        let padded_depth = padded::<S>(self.pass.depth);
        let [height, width] = self.pass.source_size;
        let channels = self.pass.depth;
        for tile in 0..self.count {
            let [image, y, x] = self.grid.origin(self.first + tile);
            let origin = [y as isize - self.pass.padding[0], x as isize - self.pass.padding[1]];
            for channel in (0..channels).step_by(S::LANES) {
                // SAFETY: the image and these channels are inside the source, the target inside the planes.
                unsafe {
                    let start = self.source.add(image * height * width * channels + channel);
                    let target = self.patches.add(tile * padded_depth + channel);
                    let count = channels - channel;
                    transform_patch::<S>(start, [height, width], channels, origin, count, target, self.source_plane);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn multiply<S: Simd>(&self) {
        let padded_depth = padded::<S>(self.pass.depth);
        let padded_columns = padded::<S>(self.pass.columns);
        for point in 0..POINTS {
            for &panel in self.panels {
                let offset = point * self.pass.depth * padded_columns + panel.first_column::<S>() * self.pass.depth;
                let weights = self.weights[offset..].as_ptr();
                let pieces = self.count.div_ceil(panel.tile_rows::<S>());
                for piece in 0..pieces {
                    let first = self.count * piece / pieces;
                    let row_count = self.count * (piece + 1) / pieces - first;
                    let mut rows = [std::ptr::null::<f32>(); ROW_SLOTS];
                    let mut outputs = [std::ptr::null_mut::<f32>(); ROW_SLOTS];
                    for row in 0..row_count {
                        let offset = point * self.source_plane + (first + row) * padded_depth;
                        rows[row] = self.patches.wrapping_add(offset);
                        let offset = point * self.product_plane + (first + row) * padded_columns;
                        outputs[row] = self.products.wrapping_add(offset + panel.first_column::<S>());
                    }
                    let kernel = Tile {
                        taps: 1,
                        depth: self.pass.depth,
                        rows: rows.as_ptr(),
                        row_count,
                        weights: &weights,
                        vectors: panel.vectors,
                        outputs: outputs.as_ptr(),
                        columns: panel.vectors * S::LANES,
                        start: Start::Zero,
                    };
                    // SAFETY: rows and outputs lie inside this point's planes, the weights in its panel.
                    unsafe { S::call(kernel) };
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn transform_products<S: Simd>(&self) {
        let padded_columns = padded::<S>(self.pass.columns);
        let [height, width] = self.pass.target_size;
        let channels = self.pass.columns;
        for tile in 0..self.count {
            let [image, y, x] = self.grid.origin(self.first + tile);
            let rows = (height - y).min(TILE);
            let columns = (width - x).min(TILE);
            for channel in (0..channels).step_by(S::LANES) {
                let count = (channels - channel).min(S::LANES);
                // SAFETY: reads lie inside the planes; writes inside the image, for the channels that exist.
                unsafe {
                    let mut points = [[S::zero(); 6]; 6];
                    for (row, values) in points.iter_mut().enumerate() {
                        for (column, value) in values.iter_mut().enumerate() {
                            let offset = (row * 6 + column) * self.product_plane + tile * padded_columns + channel;
                            *value = S::load(self.products.add(offset));
                        }
                    }
                    let outputs = transform_output::<S>(points);
                    let bias = match self.bias {
                        Some(bias) => S::load_upto(bias.as_ptr().add(channel), count),
                        None => S::zero(),
                    };
                    let start = self.target.add(((image * height + y) * width + x) * channels + channel);
                    if rows == TILE && columns == TILE && count == S::LANES && !self.accumulate {
                        for (row, values) in outputs.iter().enumerate() {
                            for (column, &value) in values.iter().enumerate() {
                                S::store(start.add((row * width + column) * channels), S::add(value, bias));
                            }
                        }
                    } else {
                        for (row, values) in outputs.iter().enumerate().take(rows) {
                            for (column, &value) in values.iter().enumerate().take(columns) {
                                let target = start.add((row * width + column) * channels);
                                let mut value = S::add(value, bias);
                                if self.accumulate {
                                    value = S::add(value, S::load_upto(target, count));
                                }
                                S::store_upto(target, count, value);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `Aᵀ M A`.
#[inline(always)]
unsafe fn transform_output<S: Simd>(points: [[S::Vector; 6]; 6]) -> [[S::Vector; 4]; 4] {
    // SAFETY: only arithmetic.
    unsafe { both_axes!(S, output_transform, points, 6, 4) }
}
