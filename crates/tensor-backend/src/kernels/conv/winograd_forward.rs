//! Winograd convolution: forward, and the input gradient as the forward pass with turned weights.

use std::ops::Range;

use rayon::prelude::*;

use super::super::activation::Apply;
use super::super::memory::{Block, with_scratch};
use super::super::raw::SharedMut;
use super::super::simd::{Kernel, Simd};
use super::super::tile::{Finish, Panel, ROW_SLOTS, Start, Tile, padded, panels, panels_up_to};
use super::gather::Finishing;
use super::shape::ConvShape;
use super::winograd::{POINTS, TILE, TileGrid, both_axes, output_transform, plane_stride, transform_patch};
use super::winograd_kernel::{WeightBlock, transform_weights};

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
/// Bytes of transformed weights above which they are made panel by panel instead of all at once: beyond this, writing
/// them to memory and reading them for every block of tiles costs more than the products.
const MOST_WEIGHT_BYTES: usize = if cfg!(miri) { SMALL_FOR_MIRI } else { 4 << 20 };
/// Miri, too slow for so many weights, is to walk both ways.
const SMALL_FOR_MIRI: usize = 16 << 10;
/// Vectors of a panel whose weights are made by the task that uses them.
const DEEP_PANEL: usize = 2;
/// Bytes of transformed input held at once beside such panels: it is read for every panel, so it should stay in the
/// third-level cache.
const STAGE_BYTES: usize = 8 << 20;

/// Sizes of a pass.
pub(crate) struct Pass {
    pub(crate) direction: Direction,
    pub(crate) source_size: [usize; 2],
    pub(crate) target_size: [usize; 2],
    /// Channels of the source.
    pub(crate) depth: usize,
    /// Channels of the target.
    pub(crate) columns: usize,
    pub(crate) padding: [isize; 2],
}

/// What a pass reads and writes.
#[derive(Clone, Copy)]
struct Images<'a> {
    source: &'a [f32],
    bias: Option<&'a [f32]>,
    finishing: Finishing<'a>,
    target: SharedMut,
    accumulate: bool,
}

/// Weights in the Winograd domain that are used again and again.
pub(crate) struct Transformed {
    values: Block,
    panels: Vec<Panel>,
}

/// The weights of a pass.
#[derive(Clone, Copy)]
enum Weights<'a> {
    /// As the layer has them.
    Raw(&'a [f32]),
    /// Transformed before.
    Transformed(&'a Transformed),
}

/// Bytes of the transformed weights of a pass from `depth` to `columns` channels.
fn weight_bytes<S: Simd>(depth: usize, columns: usize) -> usize {
    POINTS * depth * padded::<S>(columns) * size_of::<f32>()
}

/// Whether the weights are used panel by panel.
fn is_deep<S: Simd>(depth: usize, columns: usize) -> bool {
    weight_bytes::<S>(depth, columns) > MOST_WEIGHT_BYTES
}

/// Transforms `weight` for [`run_transformed`]; `None` where that would take more than `most_bytes`.
pub(crate) fn transform<S: Simd>(shape: &ConvShape, weight: &[f32], most_bytes: usize) -> Option<Transformed> {
    let pass = Pass::forward(shape);
    if weight_bytes::<S>(pass.depth, pass.columns) > most_bytes {
        return None;
    }
    let panels = match is_deep::<S>(pass.depth, pass.columns) {
        true => panels_up_to::<S>(pass.columns, DEEP_PANEL),
        false => panels::<S>(pass.columns),
    };
    Some(Transformed { values: transform_weights::<S>(&pass, weight, &panels), panels })
}

/// The forward pass with weights of [`transform`].
pub(crate) fn run_transformed<S: Simd>(
    shape: &ConvShape,
    source: &[f32],
    weight: &Transformed,
    bias: Option<&[f32]>,
    finishing: Finishing<'_>,
    target: &mut [f32],
) {
    let target = SharedMut::new(target);
    let images = Images { source, bias, finishing, target, accumulate: false };
    run_images::<S>(&Pass::forward(shape), shape.batch, Weights::Transformed(weight), images);
}

/// The forward pass with an end of the caller's choice.
pub(crate) fn run_finished<S: Simd>(
    shape: &ConvShape,
    source: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    finishing: Finishing<'_>,
    target: &mut [f32],
) {
    let target = SharedMut::new(target);
    let images = Images { source, bias, finishing, target, accumulate: false };
    run_images::<S>(&Pass::forward(shape), shape.batch, Weights::Raw(weight), images);
}

impl Pass {
    fn forward(shape: &ConvShape) -> Self {
        Self {
            direction: Direction::Forward,
            source_size: shape.input,
            target_size: shape.output,
            depth: shape.channels_in,
            columns: shape.channels_out,
            padding: shape.padding.map(|padding| padding as isize),
        }
    }
}

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
        Direction::Forward => Pass::forward(shape),
        Direction::InputGradient => Pass {
            direction,
            source_size: shape.output,
            target_size: shape.input,
            depth: shape.channels_out,
            columns: shape.channels_in,
            padding: shape.padding.map(|padding| 2 - padding as isize),
        },
    };
    let finishing = Finishing::default();
    let images = Images { source, bias, finishing, target: SharedMut::new(target), accumulate };
    run_images::<S>(&pass, shape.batch, Weights::Raw(weight), images);
}

fn run_images<S: Simd>(pass: &Pass, batch: usize, weights: Weights<'_>, images: Images<'_>) {
    let grid = TileGrid::new(batch, pass.target_size);
    if is_deep::<S>(pass.depth, pass.columns) {
        run_by_panel::<S>(pass, &grid, weights, images);
    } else {
        run_by_tile::<S>(pass, &grid, weights, images);
    }
}

/// All weights first, then each block of tiles from source to target: for few channels and many tiles.
fn run_by_tile<S: Simd>(pass: &Pass, grid: &TileGrid, weights: Weights<'_>, images: Images<'_>) {
    let made;
    let Transformed { values: transformed, panels } = match weights {
        Weights::Transformed(weights) => weights,
        Weights::Raw(weight) => {
            let panels = panels::<S>(pass.columns);
            made = Transformed { values: transform_weights::<S>(pass, weight, &panels), panels };
            &made
        }
    };
    let [depth, columns] = [padded::<S>(pass.depth), padded::<S>(pass.columns)];
    let per_tile = POINTS * (depth + columns) * size_of::<f32>();
    let most = (TASK_BYTES / per_tile).clamp(12, TASK_TILES);
    let tasks = grid.count.div_ceil(most).max(ENOUGH_TASKS.min(grid.count.div_ceil(12)));
    (0..tasks).into_par_iter().for_each(|task| {
        let tiles = grid.count * task / tasks..grid.count * (task + 1) / tasks;
        let source_plane = plane_stride(tiles.len() * depth);
        let product_plane = plane_stride(tiles.len() * columns);
        with_scratch(POINTS * (source_plane + product_plane), |scratch| {
            let (patches, products) = scratch.split_at_mut(POINTS * source_plane);
            // One pointer for those who write and those who read: a second borrow would end the first.
            let patches = patches.as_mut_ptr();
            let sources = Sources {
                pass,
                grid,
                source: images.source.as_ptr(),
                tiles: tiles.clone(),
                patches,
                plane: source_plane,
            };
            let products = Products {
                pass,
                grid,
                images,
                panels,
                weights: transformed.as_ptr(),
                weight_plane: pass.depth * columns,
                tiles: tiles.clone(),
                patches: patches.cast_const(),
                source_plane,
                products: products.as_mut_ptr(),
                product_plane,
            };
            // SAFETY: the caller checked the lengths; tasks differ in tiles and so write different pixels; the two
            // parts of the scratch memory hold 36 planes of these tiles each.
            unsafe {
                S::call(sources);
                S::call(products);
            }
        });
    });
}

/// A stage of tiles to the Winograd domain, then each panel's weights and products by one task: for many channels.
fn run_by_panel<S: Simd>(pass: &Pass, grid: &TileGrid, weights: Weights<'_>, images: Images<'_>) {
    let panels = panels_up_to::<S>(pass.columns, DEEP_PANEL);
    let depth = padded::<S>(pass.depth);
    let stage = (STAGE_BYTES / (POINTS * depth * size_of::<f32>())).max(TASK_TILES).min(grid.count);
    let source_plane = plane_stride(stage * depth);
    let mut patches = Block::new(POINTS * source_plane);
    for first in (0..grid.count).step_by(stage) {
        let end = (first + stage).min(grid.count);
        let shared = SharedMut::new(&mut patches);
        (0..(end - first).div_ceil(SOURCE_TILES)).into_par_iter().for_each(|task| {
            let start = first + task * SOURCE_TILES;
            let sources = Sources {
                pass,
                grid,
                source: images.source.as_ptr(),
                tiles: start..(start + SOURCE_TILES).min(end),
                patches: shared.get().wrapping_add((start - first) * depth),
                plane: source_plane,
            };
            // SAFETY: the caller checked the lengths; the planes hold the stage's tiles, and tasks differ in tiles.
            unsafe { S::call(sources) };
        });
        let patches = &patches;
        panels.par_iter().for_each(|panel| {
            let width = panel.vectors * S::LANES;
            let product_plane = plane_stride(TASK_TILES * width);
            let own_plane = match weights {
                Weights::Raw(_) => plane_stride(pass.depth * width),
                Weights::Transformed(_) => 0,
            };
            with_scratch(POINTS * (own_plane + product_plane), |scratch| {
                let (own, products) = scratch.split_at_mut(POINTS * own_plane);
                let (panel_weights, weight_plane) = match weights {
                    Weights::Raw(weight) => {
                        let (target, plane) = (own.as_mut_ptr(), own_plane);
                        let block = WeightBlock { pass, weight, panel: *panel, depth: 0..pass.depth, target, plane };
                        // SAFETY: the caller checked the weight's length, and the planes hold this panel.
                        unsafe { S::call(block) };
                        (target.cast_const(), plane)
                    }
                    Weights::Transformed(weights) => {
                        let start = panel.first_column::<S>() * pass.depth;
                        (weights.values[start..].as_ptr(), pass.depth * padded::<S>(pass.columns))
                    }
                };
                let pieces = (end - first).div_ceil(TASK_TILES);
                for piece in 0..pieces {
                    let [from, to] = [piece, piece + 1].map(|piece| (end - first) * piece / pieces);
                    let products = Products {
                        pass,
                        grid,
                        images,
                        panels: std::slice::from_ref(panel),
                        weights: panel_weights,
                        weight_plane,
                        tiles: first + from..first + to,
                        patches: patches[from * depth..].as_ptr(),
                        source_plane,
                        products: products.as_mut_ptr(),
                        product_plane,
                    };
                    // SAFETY: as above; tasks differ in panels and so write different channels.
                    unsafe { S::call(products) };
                }
            });
        });
    }
}

/// Tiles that one task transforms.
const SOURCE_TILES: usize = 8;

/// Transforms the source pixels under some tiles, to planes of `[tile][depth]`.
struct Sources<'a> {
    pass: &'a Pass,
    grid: &'a TileGrid,
    source: *const f32,
    tiles: Range<usize>,
    patches: *mut f32,
    plane: usize,
}

impl Kernel for Sources<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let padded_depth = padded::<S>(self.pass.depth);
        let [height, width] = self.pass.source_size;
        let channels = self.pass.depth;
        for (index, tile) in self.tiles.clone().enumerate() {
            let [image, y, x] = self.grid.origin(tile);
            let origin = [y as isize - self.pass.padding[0], x as isize - self.pass.padding[1]];
            for channel in (0..channels).step_by(S::LANES) {
                // SAFETY: the image and these channels are inside the source, the target inside the planes.
                unsafe {
                    let start = self.source.add(image * height * width * channels + channel);
                    let target = self.patches.add(index * padded_depth + channel);
                    let count = channels - channel;
                    transform_patch::<S>(start, [height, width], channels, origin, count, target, self.plane);
                }
            }
        }
    }
}

/// Multiplies some tiles with the weights of some neighbouring panels, and turns the products into target pixels.
struct Products<'a> {
    pass: &'a Pass,
    grid: &'a TileGrid,
    images: Images<'a>,
    panels: &'a [Panel],
    /// The panels' weights, at steps of `weight_plane` for each point.
    weights: *const f32,
    weight_plane: usize,
    tiles: Range<usize>,
    /// The tiles' transformed sources, `source_plane` apart for each point.
    patches: *const f32,
    source_plane: usize,
    /// Memory for the products, `product_plane` apart for each point.
    products: *mut f32,
    product_plane: usize,
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller's promises.
        unsafe {
            self.multiply::<S>();
            self.transform::<S>();
        }
    }
}

impl Products<'_> {
    /// The first column of the panels, and the columns that they have, existing or not.
    #[inline(always)]
    fn columns<S: Simd>(&self) -> (usize, usize) {
        let first = self.panels[0].first_column::<S>();
        let last = self.panels[self.panels.len() - 1];
        (first, last.first_column::<S>() + last.vectors * S::LANES - first)
    }

    #[inline(always)]
    unsafe fn multiply<S: Simd>(&self) {
        let padded_depth = padded::<S>(self.pass.depth);
        let (first_column, width) = self.columns::<S>();
        let count = self.tiles.len();
        for point in 0..POINTS {
            for &panel in self.panels {
                let column = panel.first_column::<S>() - first_column;
                let weights = self.weights.wrapping_add(point * self.weight_plane + column * self.pass.depth);
                let pieces = count.div_ceil(panel.tile_rows::<S>());
                for piece in 0..pieces {
                    let first = count * piece / pieces;
                    let row_count = count * (piece + 1) / pieces - first;
                    let mut rows = [std::ptr::null::<f32>(); ROW_SLOTS];
                    let mut outputs = [std::ptr::null_mut::<f32>(); ROW_SLOTS];
                    let source = self.patches.wrapping_add(point * self.source_plane + first * padded_depth);
                    let target = self.products.wrapping_add(point * self.product_plane + first * width + column);
                    for row in 0..row_count {
                        rows[row] = source.wrapping_add(row * padded_depth);
                        outputs[row] = target.wrapping_add(row * width);
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
                        finish: Finish::PLAIN,
                    };
                    // SAFETY: rows and outputs lie inside this point's planes, the weights in its panel.
                    unsafe { S::call(kernel) };
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn transform<S: Simd>(&self) {
        let [height, width] = self.pass.target_size;
        let channels = self.pass.columns;
        let (first_column, product_width) = self.columns::<S>();
        for (index, tile) in self.tiles.clone().enumerate() {
            let [image, y, x] = self.grid.origin(tile);
            let rows = (height - y).min(TILE);
            let columns = (width - x).min(TILE);
            for channel in (first_column..channels.min(first_column + product_width)).step_by(S::LANES) {
                let count = (channels - channel).min(S::LANES);
                // SAFETY: reads lie inside the planes; writes inside the image, for the channels that exist.
                unsafe {
                    let product = self.products.add(index * product_width + channel - first_column);
                    let plane = self.product_plane;
                    let bias = match self.images.bias {
                        Some(bias) => S::load_upto(bias.as_ptr().add(channel), count),
                        None => S::zero(),
                    };
                    let first = ((image * height + y) * width + x) * channels + channel;
                    let start = self.images.target.get().add(first);
                    let row_step = width * channels;
                    let accumulate = self.images.accumulate;
                    let (residual, relu) = (self.images.finishing.residual, self.images.finishing.rectifies());
                    let is_whole = rows == TILE && columns == TILE && count == S::LANES && !accumulate;
                    if let (true, Some(residual)) = (is_whole, residual) {
                        let residual = residual.as_ptr().add(first);
                        both_axes!(
                            S, output_transform, 6 => 4,
                            |y, x| S::load(product.add((y * 6 + x) * plane)),
                            |y, x, value| {
                                let at = y * row_step + x * channels;
                                let mut value = S::add(S::add(value, bias), S::load(residual.add(at)));
                                if relu {
                                    value = S::rectify(value, value);
                                }
                                S::store(start.add(at), value)
                            },
                        );
                    } else if is_whole && relu {
                        both_axes!(
                            S, output_transform, 6 => 4,
                            |y, x| S::load(product.add((y * 6 + x) * plane)),
                            |y, x, value| {
                                let value = S::add(value, bias);
                                S::store(start.add(y * row_step + x * channels), S::rectify(value, value))
                            },
                        );
                    } else if is_whole {
                        both_axes!(
                            S, output_transform, 6 => 4,
                            |y, x| S::load(product.add((y * 6 + x) * plane)),
                            |y, x, value| S::store(start.add(y * row_step + x * channels), S::add(value, bias)),
                        );
                    } else {
                        both_axes!(
                            S, output_transform, 6 => 4,
                            |y, x| S::load(product.add((y * 6 + x) * plane)),
                            |y, x, value| if y < rows && x < columns {
                                let at = y * row_step + x * channels;
                                let target = start.add(at);
                                let mut value = S::add(value, bias);
                                if accumulate {
                                    value = S::add(value, S::load_upto(target, count));
                                }
                                if let Some(residual) = residual {
                                    value = S::add(value, S::load_upto(residual.as_ptr().add(first + at), count));
                                }
                                if relu {
                                    value = S::rectify(value, value);
                                }
                                S::store_upto(target, count, value);
                            },
                        );
                    }
                }
            }
            if let Some(function) = self.images.finishing.afterwards() {
                let last_column = channels.min(first_column + product_width);
                for row in 0..rows {
                    let first = (image * height + y + row) * width + x;
                    for pixel in first..first + columns {
                        // SAFETY: these elements are this task's, and were stored just now.
                        unsafe {
                            let start = self.images.target.get().add(pixel * channels + first_column);
                            let values = std::slice::from_raw_parts_mut(start, last_column - first_column);
                            S::call(Apply { function, values });
                        }
                    }
                }
            }
        }
    }
}
