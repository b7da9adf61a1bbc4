//! Winograd's minimal filtering F(4×4, 3×3): 36 products for each 16 outputs instead of 144.
//!
//! An output tile is `Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` with `d` the 6 × 6 input tile under it. Source: Lavin and Gray 2016,
//! "Fast algorithms for convolutional neural networks", equations 12 and 22 with the matrices of its F(4×4, 3×3). The
//! interpolation points are 0, ±1, ±2 and infinity; rounding errors grow to some ten times those of the direct sum
//! (the tests state the bound).

use super::super::simd::Simd;

/// Rows and columns of an output tile.
pub(crate) const TILE: usize = 4;
/// Rows and columns of an input tile and of a product tile.
pub(crate) const PATCH: usize = 6;
/// Products of a tile, one for each pair of interpolation points.
pub(crate) const POINTS: usize = PATCH * PATCH;

/// `Bᵀ` applied to six values.
#[inline(always)]
pub(crate) unsafe fn input_transform<S: Simd>(d: [S::Vector; 6]) -> [S::Vector; 6] {
    // SAFETY: only arithmetic; the caller has the instruction set.
    unsafe {
        let four = S::splat(4.0);
        let minus_four = S::splat(-4.0);
        let minus_five = S::splat(-5.0);
        let two = S::splat(2.0);
        let minus_two = S::splat(-2.0);
        let even = S::fma(minus_four, d[2], d[4]);
        let odd = S::fma(minus_four, d[1], d[3]);
        let even_near = S::sub(d[4], d[2]);
        let odd_near = S::sub(d[3], d[1]);
        [
            S::fma(four, d[0], S::fma(minus_five, d[2], d[4])),
            S::add(even, odd),
            S::sub(even, odd),
            S::fma(two, odd_near, even_near),
            S::fma(minus_two, odd_near, even_near),
            S::fma(four, d[1], S::fma(minus_five, d[3], d[5])),
        ]
    }
}

/// `Aᵀ` applied to six values.
#[inline(always)]
pub(crate) unsafe fn output_transform<S: Simd>(m: [S::Vector; 6]) -> [S::Vector; 4] {
    // SAFETY: only arithmetic; the caller has the instruction set.
    unsafe {
        let sum_one = S::add(m[1], m[2]);
        let difference_one = S::sub(m[1], m[2]);
        let sum_two = S::add(m[3], m[4]);
        let difference_two = S::sub(m[3], m[4]);
        [
            S::add(S::add(m[0], sum_one), sum_two),
            S::fma(S::splat(2.0), difference_two, difference_one),
            S::fma(S::splat(4.0), sum_two, sum_one),
            S::add(S::fma(S::splat(8.0), difference_two, difference_one), m[5]),
        ]
    }
}

/// `A` applied to four values, the transpose of [`output_transform`].
#[inline(always)]
pub(crate) unsafe fn output_gradient_transform<S: Simd>(y: [S::Vector; 4]) -> [S::Vector; 6] {
    // SAFETY: only arithmetic; the caller has the instruction set.
    unsafe {
        let even_one = S::add(y[0], y[2]);
        let odd_one = S::add(y[1], y[3]);
        let even_two = S::fma(S::splat(4.0), y[2], y[0]);
        let odd_two = S::fma(S::splat(8.0), y[3], S::mul(S::splat(2.0), y[1]));
        [
            y[0],
            S::add(even_one, odd_one),
            S::sub(even_one, odd_one),
            S::add(even_two, odd_two),
            S::sub(even_two, odd_two),
            y[3],
        ]
    }
}

/// `G` applied to three values.
#[inline(always)]
pub(crate) unsafe fn weight_transform<S: Simd>(g: [S::Vector; 3]) -> [S::Vector; 6] {
    // SAFETY: only arithmetic; the caller has the instruction set.
    unsafe {
        let sixth = S::splat(1.0 / 6.0);
        let outer = S::add(g[0], g[2]);
        let scaled_outer = S::mul(S::splat(-1.0 / 6.0), outer);
        let scaled_middle = S::mul(sixth, g[1]);
        let even = S::fma(S::splat(1.0 / 24.0), g[0], S::mul(sixth, g[2]));
        let odd = S::mul(S::splat(1.0 / 12.0), g[1]);
        [
            S::mul(S::splat(0.25), g[0]),
            S::sub(scaled_outer, scaled_middle),
            S::add(scaled_outer, scaled_middle),
            S::add(even, odd),
            S::sub(even, odd),
            g[2],
        ]
    }
}

/// `Gᵀ` applied to six values, the transpose of [`weight_transform`].
#[inline(always)]
pub(crate) unsafe fn weight_gradient_transform<S: Simd>(u: [S::Vector; 6]) -> [S::Vector; 3] {
    // SAFETY: only arithmetic; the caller has the instruction set.
    unsafe {
        let minus_sixth = S::splat(-1.0 / 6.0);
        let sum_one = S::add(u[1], u[2]);
        let difference_one = S::sub(u[1], u[2]);
        let sum_two = S::add(u[3], u[4]);
        let difference_two = S::sub(u[3], u[4]);
        let near = S::mul(minus_sixth, sum_one);
        [
            S::fma(S::splat(1.0 / 24.0), sum_two, S::fma(S::splat(0.25), u[0], near)),
            S::fma(S::splat(1.0 / 12.0), difference_two, S::mul(minus_sixth, difference_one)),
            S::fma(S::splat(1.0 / 6.0), sum_two, S::add(near, u[5])),
        ]
    }
}

/// Applies a transform to the columns of a square of vectors and then to its rows, `M X Mᵀ`: reads element (y, x) by the
/// first expression and hands the result's elements to the second. Nothing but the half-way square is kept in memory.
macro_rules! both_axes {
    (
        $simd:ident, $transform:ident, $from:literal => $to:literal,
        |$load_y:ident, $load_x:ident| $load:expr,
        |$store_y:ident, $store_x:ident, $value:ident| $store:expr $(,)?
    ) => {{
        let mut half = [[::std::mem::MaybeUninit::<$simd::Vector>::uninit(); $from]; $to];
        for $load_x in 0..$from {
            let mut column = [$simd::zero(); $from];
            for $load_y in 0..$from {
                column[$load_y] = $load;
            }
            let transformed = $transform::<$simd>(column);
            for y in 0..$to {
                half[y][$load_x].write(transformed[y]);
            }
        }
        for $store_y in 0..$to {
            let mut row = [$simd::zero(); $from];
            for x in 0..$from {
                // All columns were written just above.
                row[x] = half[$store_y][x].assume_init();
            }
            let transformed = $transform::<$simd>(row);
            for $store_x in 0..$to {
                let $value = transformed[$store_x];
                $store;
            }
        }
    }};
}
pub(crate) use both_axes;

/// The tiles of a batch of images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TileGrid {
    /// Tiles of one image, `[rows, columns]`.
    pub(crate) tiles: [usize; 2],
    /// All tiles.
    pub(crate) count: usize,
}

impl TileGrid {
    /// Tiles that cover `batch` images of `size` output pixels.
    pub(crate) fn new(batch: usize, size: [usize; 2]) -> Self {
        let tiles = size.map(|pixels| pixels.div_ceil(TILE));
        Self { tiles, count: batch * tiles[0] * tiles[1] }
    }

    /// Image, and first output row and column, of a tile.
    #[inline(always)]
    pub(crate) fn origin(&self, tile: usize) -> [usize; 3] {
        let [rows, columns] = self.tiles;
        [tile / (rows * columns), tile / columns % rows * TILE, tile % columns * TILE]
    }
}

/// Elements between the planes of two points when each holds `elements`: one cache line more, so that the 36 stores of
/// a tile do not fall on the same sets of a cache.
pub(crate) fn plane_stride(elements: usize) -> usize {
    elements.next_multiple_of(16) + 16
}

/// Transforms the 6 × 6 patch at (`y`, `x`) of an image, for `LANES` channels or `count` if fewer, and writes one vector
/// a point, `stride` elements apart.
///
/// # Safety
///
/// `image` points to the first of these channels in an image of `size` pixels with `channels` channels; `target` to
/// 36 writable vectors at steps of `stride`.
#[inline(always)]
pub(crate) unsafe fn transform_patch<S: Simd>(
    image: *const f32,
    size: [usize; 2],
    channels: usize,
    [y, x]: [isize; 2],
    count: usize,
    target: *mut f32,
    stride: usize,
) {
    // SAFETY: pixels outside the image are not read; the rest is the caller's promise.
    unsafe {
        let inside = y >= 0 && x >= 0 && y as usize + PATCH <= size[0] && x as usize + PATCH <= size[1];
        if inside && count >= S::LANES {
            let start = image.add((y as usize * size[1] + x as usize) * channels);
            let row_step = size[1] * channels;
            both_axes!(
                S, input_transform, 6 => 6,
                |row, column| S::load(start.add(row * row_step + column * channels)),
                |row, column, value| S::store(target.add((row * PATCH + column) * stride), value),
            );
        } else {
            let pixel = |row: usize, column: usize| {
                let (y, x) = (y.wrapping_add_unsigned(row) as usize, x.wrapping_add_unsigned(column) as usize);
                (y < size[0] && x < size[1]).then(|| image.wrapping_add((y * size[1] + x) * channels))
            };
            both_axes!(
                S, input_transform, 6 => 6,
                |row, column| match pixel(row, column) {
                    Some(pixel) => S::load_upto(pixel, count),
                    None => S::zero(),
                },
                |row, column, value| S::store(target.add((row * PATCH + column) * stride), value),
            );
        }
    }
}
