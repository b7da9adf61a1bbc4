//! The inner kernel of weight gradients: a sum of outer products over pixels.

use super::simd::{Kernel, Simd};

/// `sums[r][c] (+)= Σ_outer Σ_inner left[outer][inner][r] · right[outer][inner][c]` for `rows` × `columns` sums.
///
/// # Safety
///
/// - `left` and `right` are valid at `outer · outer_step + inner · inner_step` for `rows` (`columns`) elements, for all
///   `outer < outer_count` and `inner < inner_count`;
/// - `sums` points to `rows` rows of whole vectors covering `columns`, `sums_step` elements apart, used by nobody else.
#[derive(Clone, Copy)]
pub(crate) struct Outer {
    pub(crate) left: *const f32,
    pub(crate) left_steps: [usize; 2],
    pub(crate) right: *const f32,
    pub(crate) right_steps: [usize; 2],
    pub(crate) counts: [usize; 2],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) sums: *mut f32,
    pub(crate) sums_step: usize,
    /// Whether the sums are added to what is there.
    pub(crate) accumulate: bool,
}

impl Kernel for Outer {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let mut column = 0;
        while column < self.columns {
            let left = self.columns - column;
            // SAFETY: `strip` stays within rows, and within the vectors that cover the columns.
            unsafe {
                if left > S::LANES {
                    self.strip::<S, 2>(column);
                    column += 2 * S::LANES;
                } else {
                    self.strip::<S, 1>(column);
                    column += S::LANES;
                }
            }
        }
    }
}

impl Outer {
    /// All rows of `V` vectors of columns.
    #[inline(always)]
    unsafe fn strip<S: Simd, const V: usize>(&self, column: usize) {
        let mut row = 0;
        while row < self.rows {
            let left = self.rows - row;
            // SAFETY: `R <= left` in each branch.
            unsafe {
                row += if left >= 12 && 12 * V <= S::ACCUMULATORS {
                    self.sized::<S, 12, V>(row, column)
                } else if left >= 8 && 8 * V <= S::ACCUMULATORS {
                    self.sized::<S, 8, V>(row, column)
                } else if left >= 6 && 6 * V <= S::ACCUMULATORS && 8 * V > S::ACCUMULATORS {
                    self.sized::<S, 6, V>(row, column)
                } else if left >= 4 {
                    self.sized::<S, 4, V>(row, column)
                } else if left >= 2 {
                    self.sized::<S, 2, V>(row, column)
                } else {
                    self.sized::<S, 1, V>(row, column)
                };
            }
        }
    }

    /// `R` rows and `V` vectors with all sums in registers; gives `R`.
    #[inline(always)]
    unsafe fn sized<S: Simd, const R: usize, const V: usize>(&self, row: usize, column: usize) -> usize {
        let lanes = S::LANES;
        let last = (self.columns - column - (V - 1) * lanes).min(lanes);
        // SAFETY: the type's contract.
        unsafe {
            let target = self.sums.add(row * self.sums_step + column);
            let mut sums = [[S::zero(); V]; R];
            let outer_count = if self.counts[1] == 0 { 0 } else { self.counts[0] };
            for outer in 0..outer_count {
                let mut left = self.left.add(outer * self.left_steps[0] + row);
                let mut right = self.right.add(outer * self.right_steps[0] + column);
                if last == lanes {
                    // Left only at its end, as in `Tile`.
                    let mut inner = 0;
                    loop {
                        let mut factors = [S::zero(); V];
                        for (index, factor) in factors.iter_mut().enumerate() {
                            *factor = S::load(right.add(index * lanes));
                        }
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let value = S::splat(*left.add(r));
                            for (sum, &factor) in sums.iter_mut().zip(&factors) {
                                *sum = S::product(value, factor, *sum);
                            }
                        }
                        left = left.wrapping_add(self.left_steps[1]);
                        right = right.wrapping_add(self.right_steps[1]);
                        inner += 1;
                        if inner >= self.counts[1] {
                            break;
                        }
                    }
                } else {
                    // Left only at its end, as in `Tile`.
                    let mut inner = 0;
                    loop {
                        let mut factors = [S::zero(); V];
                        for (index, factor) in factors.iter_mut().enumerate() {
                            let count = if index + 1 == V { last } else { lanes };
                            *factor = S::load_upto(right.add(index * lanes), count);
                        }
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let value = S::splat(*left.add(r));
                            for (sum, &factor) in sums.iter_mut().zip(&factors) {
                                *sum = S::product(value, factor, *sum);
                            }
                        }
                        left = left.wrapping_add(self.left_steps[1]);
                        right = right.wrapping_add(self.right_steps[1]);
                        inner += 1;
                        if inner >= self.counts[1] {
                            break;
                        }
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                for (index, &sum) in sums.iter().enumerate() {
                    let target = target.add(r * self.sums_step + index * lanes);
                    S::store(target, if self.accumulate { S::add(sum, S::load(target)) } else { sum });
                }
            }
        }
        R
    }
}
