//! Direct convolution as products of gathered pixels with packed weights.
//!
//! Each output pixel is a row, each tap of the window a pointer to the channels of an input pixel: nothing is copied,
//! and any stride, padding and dilation only changes the pointers (Dukhan 2019, "The indirect convolution algorithm").

use std::cell::RefCell;

use rayon::prelude::*;

use super::super::activation::{Apply, Function};
use super::super::memory::Block;
use super::super::raw::SharedMut;
use super::super::simd::{Kernel, Simd};
use super::super::tile::{Finish, Panel, ROW_SLOTS, Start, Tile};
use super::pack::PackedWeights;

/// A grid of output pixels, each the sum over taps of a source pixel's channels times weights.
#[derive(Debug, Clone)]
pub(crate) struct Gather {
    pub(crate) batch: usize,
    pub(crate) groups: usize,
    /// Source image: size, channels of a pixel, and channels that one group reads.
    pub(crate) source: [usize; 2],
    pub(crate) source_channels: usize,
    pub(crate) depth: usize,
    /// Step between the source pixels of neighbouring grid positions.
    pub(crate) source_step: [usize; 2],
    /// Source offset of each tap from the grid position's first pixel, and the tap's place in the packed weights.
    pub(crate) taps: Vec<GatherTap>,
    /// Output image: size, channels of a pixel, and channels that one group writes.
    pub(crate) output: [usize; 2],
    pub(crate) output_channels: usize,
    pub(crate) columns: usize,
    /// The grid: its size, and which output pixels it stands for.
    pub(crate) grid: [usize; 2],
    pub(crate) grid_step: [usize; 2],
    pub(crate) grid_origin: [usize; 2],
}

/// One tap of a [`Gather`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct GatherTap {
    pub(crate) offset: [isize; 2],
    pub(crate) index: usize,
}

/// Images up to this many pixels are gathered across the batch, so that all rows of a tile share a position and taps
/// outside the image cost nothing: 9 · 49 - 361 = 18 % of a 3 × 3 window's products at 7 × 7, more on smaller ones.
const POSITION_MAJOR_PIXELS: usize = 64;
/// Bytes of packed weights that a task works on at once: about half of a second-level cache of 512 KiB or more.
const WEIGHT_CHUNK: usize = 384 << 10;
/// Tiles of one task: enough to pay for bringing a chunk of weights into the cache.
const TASK_TILES: usize = 24;
/// Tasks below which the columns are divided too, so that a few threads have work.
const ENOUGH_TASKS: usize = 8;

/// What the output starts from.
#[derive(Clone, Copy)]
pub(crate) enum Initial<'a> {
    /// Zero.
    Zero,
    /// A bias for each output channel.
    Bias(&'a [f32]),
    /// The output's present contents.
    Output,
}

/// What is done to an output pixel once its sum is complete.
#[derive(Clone, Copy, Default)]
pub(crate) struct Finishing<'a> {
    /// Added, in the output's layout.
    pub(crate) residual: Option<&'a [f32]>,
    /// Applied last.
    pub(crate) activation: Option<Function>,
}

impl Finishing<'_> {
    /// Whether the activation is the rectifier, which is applied while the sums are in registers.
    pub(crate) fn rectifies(&self) -> bool {
        self.activation == Some(Function::Relu)
    }

    /// Any other activation: it is applied to outputs just stored, which are still in the first cache.
    pub(crate) fn afterwards(&self) -> Option<Function> {
        self.activation.filter(|_| !self.rectifies())
    }
}

/// A run of grid pixels that one tile computes, in the order of [`Gather::pixel`].
#[derive(Debug, Clone, Copy)]
struct TileRows {
    first: usize,
    count: usize,
}

impl Gather {
    fn is_position_major(&self) -> bool {
        self.grid[0] * self.grid[1] <= POSITION_MAJOR_PIXELS && self.batch >= 4
    }

    /// Image, row and column of a grid pixel.
    #[inline(always)]
    fn pixel(&self, index: usize, position_major: bool) -> [usize; 3] {
        let [height, width] = self.grid;
        if position_major {
            let position = index / self.batch;
            [index % self.batch, position / width, position % width]
        } else {
            [index / (height * width), index / width % height, index % width]
        }
    }

    /// Cuts the grid into runs of nearly equal length, each at most `most` pixels.
    fn tile_rows(&self, most: usize) -> Vec<TileRows> {
        let pixels = self.batch * self.grid[0] * self.grid[1];
        let run = if self.is_position_major() { self.batch } else { pixels };
        let mut tiles = Vec::with_capacity(pixels.div_ceil(most) + pixels / run.max(1));
        for start in (0..pixels).step_by(run.max(1)) {
            let pieces = run.div_ceil(most);
            for piece in 0..pieces {
                let (from, to) = (run * piece / pieces, run * (piece + 1) / pieces);
                tiles.push(TileRows { first: start + from, count: to - from });
            }
        }
        tiles
    }

    /// Computes all pixels of the grid.
    ///
    /// # Safety
    ///
    /// `depth` and `columns` are not zero; `source` has `batch · source size · source_channels` elements, `output` and the
    /// residual as many of their own; a tap that starts inside the source reads `depth` elements inside it; nobody else
    /// uses the output's pixels on the grid; `weights` was packed for these groups, columns and depth, and holds every
    /// tap.
    pub(crate) unsafe fn run<S: Simd>(
        &self,
        source: &[f32],
        weights: &PackedWeights,
        initial: Initial<'_>,
        finishing: Finishing<'_>,
        output: SharedMut,
    ) {
        debug_assert!(self.depth > 0 && self.columns > 0, "channels to read and write: {self:?}");
        let nothing_to_add = self.taps.is_empty() && matches!(initial, Initial::Output);
        if self.batch * self.grid[0] * self.grid[1] == 0 || nothing_to_add {
            return;
        }
        let zeros = Block::zeroed(self.depth);
        let bias = match initial {
            Initial::Bias(bias) => Some(pad_bias::<S>(bias, self.groups, self.columns)),
            _ => None,
        };
        let tiles = self.tile_rows(weights.panels[0].tile_rows::<S>());
        let tile_tasks = tiles.len().div_ceil(TASK_TILES);
        let panel_count = weights.panels.len();
        let panel_tasks = ENOUGH_TASKS.div_ceil(tile_tasks * self.groups).min(panel_count);
        let tasks = self.groups * panel_tasks * tile_tasks;
        (0..tasks).into_par_iter().for_each(|task| {
            let tile_task = task % tile_tasks;
            let panel_task = task / tile_tasks % panel_tasks;
            let group = task / tile_tasks / panel_tasks;
            let range = |index: usize, parts: usize, total: usize| total * index / parts..total * (index + 1) / parts;
            let kernel = GatherTask {
                gather: self,
                source: source.as_ptr(),
                weights,
                zeros: zeros.as_ptr(),
                bias: bias.as_ref().map(|bias| &bias[..]),
                keep: matches!(initial, Initial::Output),
                residual: finishing.residual.map(<[f32]>::as_ptr),
                rectifies: finishing.rectifies(),
                afterwards: finishing.afterwards(),
                group,
                tiles: &tiles[range(tile_task, tile_tasks, tiles.len())],
                panels: &weights.panels[range(panel_task, panel_tasks, panel_count)],
                output: output.get(),
            };
            // SAFETY: the caller's promises; tasks differ in pixels, panels or group and so write different elements.
            unsafe { S::call(kernel) };
        });
    }
}

/// The bias of each group filled up with zeros to whole vectors.
fn pad_bias<S: Simd>(bias: &[f32], groups: usize, columns: usize) -> Block {
    let width = columns.next_multiple_of(S::LANES);
    let mut block = Block::zeroed(groups * width);
    for group in 0..groups {
        block[group * width..][..columns].copy_from_slice(&bias[group * columns..][..columns]);
    }
    block
}

/// Some tiles of some panels of one group.
struct GatherTask<'a> {
    gather: &'a Gather,
    source: *const f32,
    weights: &'a PackedWeights,
    zeros: *const f32,
    bias: Option<&'a [f32]>,
    keep: bool,
    residual: Option<*const f32>,
    rectifies: bool,
    afterwards: Option<Function>,
    group: usize,
    tiles: &'a [TileRows],
    panels: &'a [Panel],
    output: *mut f32,
}

/// Tables of pointers for the tiles of a task, kept from task to task.
#[derive(Default)]
struct Tables {
    rows: Vec<*const f32>,
    taps: Vec<usize>,
    /// First element of each tile row's output pixel.
    outputs: Vec<usize>,
    /// Where each tile's rows and taps start, and how many taps it has.
    tiles: Vec<[usize; 2]>,
    weights: Vec<*const f32>,
}

thread_local! {
    static TABLES: RefCell<Tables> = RefCell::default();
}

impl Kernel for GatherTask<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        TABLES.with(|tables| {
            let tables = &mut *tables.borrow_mut();
            // SAFETY: the promises of `Gather::run`.
            unsafe { self.run_with::<S>(tables) };
        });
    }
}

impl GatherTask<'_> {
    #[inline(always)]
    unsafe fn run_with<S: Simd>(&self, tables: &mut Tables) {
        let taps = &self.gather.taps;
        let chunk = (WEIGHT_CHUNK / self.weights.tap_bytes::<S>().max(1)).max(1);
        for first in (0..taps.len().max(1)).step_by(chunk) {
            let chunk_taps = &taps[first..(first + chunk).min(taps.len())];
            let is_last = first + chunk >= taps.len();
            self.fill(tables, chunk_taps);
            for &panel in self.panels {
                let columns = panel.columns::<S>(self.gather.columns);
                let first_column = self.group * self.gather.columns + panel.first_column::<S>();
                let start = match (first > 0 || self.keep, self.bias) {
                    (true, _) => Start::Output,
                    (false, Some(bias)) => {
                        let width = self.gather.columns.next_multiple_of(S::LANES);
                        Start::Bias(bias[self.group * width + panel.first_column::<S>()..].as_ptr())
                    }
                    (false, None) => Start::Zero,
                };
                tables.weights.clear();
                tables.weights.extend(tables.taps.iter().map(|&tap| self.weights.tap::<S>(self.group, panel, tap)));
                let mut output_start = 0;
                for (tile, &[tap_start, tap_count]) in self.tiles.iter().zip(&tables.tiles) {
                    let pixels = &tables.outputs[output_start..][..tile.count];
                    output_start += tile.count;
                    let mut outputs = [std::ptr::null_mut(); ROW_SLOTS];
                    for (output, pixel) in outputs.iter_mut().zip(pixels) {
                        *output = self.output.wrapping_add(pixel + first_column);
                    }
                    let mut residuals = [std::ptr::null(); ROW_SLOTS];
                    let mut finish = Finish::PLAIN;
                    if is_last {
                        finish.relu = self.rectifies;
                        if let Some(start) = self.residual {
                            for (residual, pixel) in residuals.iter_mut().zip(pixels) {
                                *residual = start.wrapping_add(pixel + first_column);
                            }
                            finish.residual = residuals.as_ptr();
                        }
                    }
                    let kernel = Tile {
                        taps: tap_count,
                        depth: self.gather.depth,
                        rows: tables.rows.as_ptr().wrapping_add(tap_start * ROW_SLOTS),
                        row_count: tile.count,
                        weights: tables.weights.as_ptr().wrapping_add(tap_start),
                        vectors: panel.vectors,
                        outputs: outputs.as_ptr(),
                        columns,
                        start,
                        finish,
                    };
                    // SAFETY: the tables hold `tile.count` rows for each tap, all inside the source or the zeros.
                    unsafe { S::call(kernel) };
                    if let (true, Some(function)) = (is_last, self.afterwards) {
                        for &output in &outputs[..tile.count] {
                            // SAFETY: these elements are this task's, and the tile just stored them.
                            unsafe {
                                let values = std::slice::from_raw_parts_mut(output, columns);
                                S::call(Apply { function, values });
                            }
                        }
                    }
                }
            }
        }
    }

    /// Fills the tables for some taps: leaves out those that lie outside the image for all rows of a tile.
    #[inline(always)]
    fn fill(&self, tables: &mut Tables, taps: &[GatherTap]) {
        let gather = self.gather;
        let position_major = gather.is_position_major();
        let [height, width] = gather.source;
        let channel = self.group * gather.depth;
        tables.rows.clear();
        tables.taps.clear();
        tables.outputs.clear();
        tables.tiles.clear();
        for tile in self.tiles {
            let mut origins = [[0isize; 3]; ROW_SLOTS];
            for (row, origin) in origins[..tile.count].iter_mut().enumerate() {
                let [image, y, x] = gather.pixel(tile.first + row, position_major);
                *origin = [
                    (image * height * width) as isize,
                    (y * gather.source_step[0]) as isize,
                    (x * gather.source_step[1]) as isize,
                ];
                let output_y = y * gather.grid_step[0] + gather.grid_origin[0];
                let output_x = x * gather.grid_step[1] + gather.grid_origin[1];
                let pixel = (image * gather.output[0] + output_y) * gather.output[1] + output_x;
                tables.outputs.push(pixel * gather.output_channels);
            }
            let tap_start = tables.taps.len();
            for tap in taps {
                let mut pointers = [self.zeros; ROW_SLOTS];
                let mut inside = false;
                for (pointer, origin) in pointers.iter_mut().zip(&origins[..tile.count]) {
                    let y = origin[1] + tap.offset[0];
                    let x = origin[2] + tap.offset[1];
                    if (y as usize) < height && (x as usize) < width {
                        let pixel = (origin[0] + y * width as isize + x) as usize;
                        *pointer = self.source.wrapping_add(pixel * gather.source_channels + channel);
                        inside = true;
                    }
                }
                if inside {
                    tables.rows.extend_from_slice(&pointers);
                    tables.taps.push(tap.index);
                }
            }
            tables.tiles.push([tap_start, tables.taps.len() - tap_start]);
        }
    }
}
