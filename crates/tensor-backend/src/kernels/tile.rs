//! The inner kernel of convolution, Winograd products and linear layers: a few rows times a panel of weights.

use std::mem::MaybeUninit;

use super::simd::{Kernel, Simd};

/// Slots for rows in a table of row pointers, and the most rows of one tile.
pub(crate) const ROW_SLOTS: usize = 12;

/// A panel of columns: `vectors` vectors from column `first_vector · LANES` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panel {
    /// First vector of the panel.
    pub(crate) first_vector: usize,
    /// Vectors in the panel, 1 to 4.
    pub(crate) vectors: usize,
}

impl Panel {
    /// First column.
    pub(crate) fn first_column<S: Simd>(self) -> usize {
        self.first_vector * S::LANES
    }

    /// Columns that exist, of `columns` in all; the last vector may be incomplete.
    pub(crate) fn columns<S: Simd>(self, columns: usize) -> usize {
        (columns - self.first_column::<S>()).min(self.vectors * S::LANES)
    }

    /// Rows that a tile of this panel may have.
    pub(crate) fn tile_rows<S: Simd>(self) -> usize {
        (S::ACCUMULATORS / self.vectors).min(ROW_SLOTS)
    }
}

/// `columns` rounded up to whole vectors.
pub(crate) fn padded<S: Simd>(columns: usize) -> usize {
    columns.next_multiple_of(S::LANES)
}

/// Cuts `columns` into panels as wide as possible.
pub(crate) fn panels<S: Simd>(columns: usize) -> Vec<Panel> {
    panels_up_to::<S>(columns, S::PANEL_VECTORS)
}

/// Cuts `columns` into panels of at most `most` vectors.
pub(crate) fn panels_up_to<S: Simd>(columns: usize, most: usize) -> Vec<Panel> {
    let total = columns.div_ceil(S::LANES);
    let mut panels = Vec::with_capacity(total.div_ceil(most));
    let mut first_vector = 0;
    while first_vector < total {
        let vectors = (total - first_vector).min(most);
        panels.push(Panel { first_vector, vectors });
        first_vector += vectors;
    }
    panels
}

/// What a tile starts from.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// Zero.
    Zero,
    /// This vector of `vectors · LANES` elements in every row.
    Bias(*const f32),
    /// What the output holds.
    Output,
}

/// What happens to a tile's sums on their way to memory.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// A table of pointers, one a row, to elements that are added; null for none.
    pub(crate) residual: *const *const f32,
    /// Whether what is negative becomes 0; not a number stays one.
    pub(crate) relu: bool,
}

impl Finish {
    /// Sums are stored as they are.
    pub(crate) const PLAIN: Self = Self { residual: std::ptr::null(), relu: false };
}

/// `output[row][column] = start + Σ_tap Σ_depth rows[tap][row][depth] · weights[tap][depth][column]`, finished as asked.
///
/// Sums run over taps and depth in this order, one multiplication and addition after the other, whatever the tile's size.
///
/// # Safety
///
/// - `rows` is a table of `taps` × [`ROW_SLOTS`] pointers, the first `row_count` of each tap to `depth` readable elements,
///   of which there is at least one;
/// - `weights` is a table of `taps` pointers to `depth · vectors · LANES` readable elements each;
/// - `outputs` is a table of `row_count` pointers to `columns` elements each, readable and writable, that nobody else
///   uses;
/// - `finish.residual`, unless null, is a table of `row_count` pointers to `columns` readable elements each;
/// - `row_count` is in `1..=panel.tile_rows()`, and `columns` more than `(vectors - 1) · LANES`.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub(crate) taps: usize,
    pub(crate) depth: usize,
    pub(crate) rows: *const *const f32,
    pub(crate) row_count: usize,
    pub(crate) weights: *const *const f32,
    pub(crate) vectors: usize,
    pub(crate) outputs: *const *mut f32,
    pub(crate) columns: usize,
    pub(crate) start: Start,
    pub(crate) finish: Finish,
}

/// Calls `Tile::sized` for a constant number of rows and vectors.
macro_rules! with_size {
    ($tile:expr, $simd:ident, $rows:expr, $vectors:expr; $($r:literal x $v:literal),+ $(,)?) => {
        match ($rows, $vectors) {
            // SAFETY: the caller's.
            $(($r, $v) if $r * $v <= $simd::ACCUMULATORS => unsafe { $tile.sized::<$simd, $r, $v>() },)+
            _ => unreachable!("a tile of {} rows and {} vectors", $rows, $vectors),
        }
    };
}

impl Kernel for Tile {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        with_size!(self, S, self.row_count, self.vectors;
            1 x 4, 2 x 4, 3 x 4, 4 x 4, 5 x 4, 6 x 4,
            1 x 3, 2 x 3, 3 x 3, 4 x 3, 5 x 3, 6 x 3, 7 x 3, 8 x 3,
            1 x 2, 2 x 2, 3 x 2, 4 x 2, 5 x 2, 6 x 2, 7 x 2, 8 x 2, 9 x 2, 10 x 2, 11 x 2, 12 x 2,
            1 x 1, 2 x 1, 3 x 1, 4 x 1, 5 x 1, 6 x 1, 7 x 1, 8 x 1, 9 x 1, 10 x 1, 11 x 1, 12 x 1,
        );
    }
}

impl Tile {
    /// The kernel for `R` rows and `V` vectors, all accumulators in registers.
    #[inline(always)]
    unsafe fn sized<S: Simd, const R: usize, const V: usize>(self) {
        let lanes = S::LANES;
        let last = self.columns - (V - 1) * lanes;
        // SAFETY: all accesses are those that the type's contract allows.
        unsafe {
            let mut sums = [[S::zero(); V]; R];
            match self.start {
                Start::Zero => {}
                Start::Bias(bias) => {
                    for row in &mut sums {
                        for (index, sum) in row.iter_mut().enumerate() {
                            *sum = S::load(bias.add(index * lanes));
                        }
                    }
                }
                Start::Output if last == lanes => {
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let output = (*self.outputs.add(row)).cast_const();
                        for (index, sum) in sums.iter_mut().enumerate() {
                            *sum = S::load(output.add(index * lanes));
                        }
                    }
                }
                Start::Output => {
                    let mut scratch = Scratch::new();
                    for row in 0..R {
                        let output = (*self.outputs.add(row)).cast_const();
                        for index in 0..V {
                            let count = if index + 1 == V { last } else { lanes };
                            let value = S::load_upto(output.add(index * lanes), count);
                            S::store(scratch.vector::<S, V>(row, index), value);
                        }
                    }
                    for (row, sums) in sums.iter_mut().enumerate() {
                        for (index, sum) in sums.iter_mut().enumerate() {
                            *sum = S::load(scratch.vector::<S, V>(row, index));
                        }
                    }
                }
            }
            for tap in 0..self.taps {
                let mut weights = *self.weights.add(tap);
                let table = self.rows.add(tap * ROW_SLOTS);
                let mut rows = [std::ptr::null::<f32>(); R];
                for (row, pointer) in rows.iter_mut().enumerate() {
                    *pointer = *table.add(row);
                }
                // Left only at its end: with a second way to the code behind it, the compiler copies every sum in every
                // round, and spills.
                let mut depth = 0;
                loop {
                    let mut factors = [S::zero(); V];
                    for (index, factor) in factors.iter_mut().enumerate() {
                        *factor = S::load(weights.add(index * lanes));
                    }
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let value = S::splat(*rows[row].add(depth));
                        for (sum, &factor) in sums.iter_mut().zip(&factors) {
                            *sum = S::product(value, factor, *sum);
                        }
                    }
                    weights = weights.add(V * lanes);
                    depth += 1;
                    if depth >= self.depth {
                        break;
                    }
                }
            }
            if self.finish.residual.is_null() && !self.finish.relu && last == lanes {
                for (row, sums) in sums.iter().enumerate() {
                    let output = *self.outputs.add(row);
                    for (index, &sum) in sums.iter().enumerate() {
                        S::store(output.add(index * lanes), sum);
                    }
                }
                return;
            }
            let mut scratch = Scratch::new();
            for (row, sums) in sums.iter().enumerate() {
                for (index, &sum) in sums.iter().enumerate() {
                    S::store(scratch.vector::<S, V>(row, index), sum);
                }
            }
            for row in 0..R {
                let output = *self.outputs.add(row);
                for index in 0..V {
                    let count = if index + 1 == V { last } else { lanes };
                    let mut sum = S::load(scratch.vector::<S, V>(row, index));
                    if !self.finish.residual.is_null() {
                        let residual = (*self.finish.residual.add(row)).add(index * lanes);
                        sum = S::add(sum, S::load_upto(residual, count));
                    }
                    if self.finish.relu {
                        sum = S::rectify(sum, sum);
                    }
                    S::store_upto(output.add(index * lanes), count, sum);
                }
            }
        }
    }
}

/// A tile's sums in memory, for loops that are too long to be unrolled. An array of vectors that such a loop indexes
/// would itself be in memory, and the loop over depth would store every sum in every round; so the sums go to and from
/// here by loops whose bodies are a single instruction.
struct Scratch([MaybeUninit<f32>; SCRATCH_ELEMENTS]);

/// 24 accumulators of 16 lanes.
const SCRATCH_ELEMENTS: usize = 24 * 16;

impl Scratch {
    #[inline(always)]
    fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; SCRATCH_ELEMENTS])
    }

    /// Where the vector `index` of `row` is.
    #[inline(always)]
    fn vector<S: Simd, const V: usize>(&mut self, row: usize, index: usize) -> *mut f32 {
        const { assert!(S::ACCUMULATORS * S::LANES <= SCRATCH_ELEMENTS) };
        let first = (row * V + index) * S::LANES;
        debug_assert!(first + S::LANES <= SCRATCH_ELEMENTS);
        // The bounds are those of the tile: rows times vectors are at most the accumulators.
        self.0.as_mut_ptr().cast::<f32>().wrapping_add(first)
    }
}
