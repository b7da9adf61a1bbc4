//! Between images as burn stores them, channel by channel ("NCHW"), and as the kernels want them ("NHWC").

use rayon::prelude::*;

use super::raw::SharedMut;

/// Rows and columns of the squares that are transposed at a time: one cache line of each.
const SQUARE: usize = 16;

/// Writes each of the `batch` matrices of `rows` × `columns` in `source` transposed to `target`.
///
/// With `rows` channels and `columns` pixels this turns NCHW into NHWC; the other way round, back.
///
/// # Panics
///
/// When the lengths do not fit.
pub fn transpose(source: &[f32], batch: usize, rows: usize, columns: usize, target: &mut [f32]) {
    assert_eq!(source.len(), batch * rows * columns, "source of {batch} × {rows} × {columns}");
    assert_eq!(target.len(), source.len(), "target");
    let pieces = columns.div_ceil(SQUARE);
    let shared = SharedMut::new(target);
    (0..batch * pieces).into_par_iter().with_min_len(TASK_PIECES).for_each(|task| {
        let (matrix, first) = (task / pieces, task % pieces * SQUARE);
        let count = SQUARE.min(columns - first);
        let source = &source[matrix * rows * columns..][..rows * columns];
        for row in (0..rows).step_by(SQUARE) {
            let height = SQUARE.min(rows - row);
            let mut square = [[0.0f32; SQUARE]; SQUARE];
            for (y, line) in square.iter_mut().enumerate().take(height) {
                line[..count].copy_from_slice(&source[(row + y) * columns + first..][..count]);
            }
            for x in 0..count {
                let start = matrix * rows * columns + (first + x) * rows + row;
                for (y, line) in square.iter().enumerate().take(height) {
                    // SAFETY: the element is inside the target, and no other task has this column of this matrix.
                    unsafe { *shared.get().add(start + y) = line[x] };
                }
            }
        }
    });
}

/// Column pieces that a task takes at least.
const TASK_PIECES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_moves_each_element_and_twice_is_the_identity() {
        for (batch, rows, columns) in [(1, 1, 1), (2, 3, 40), (3, 17, 16), (1, 64, 49), (2, 33, 5)] {
            let source: Vec<f32> = (0..batch * rows * columns).map(|value| value as f32).collect();
            let mut once = vec![0.0; source.len()];
            transpose(&source, batch, rows, columns, &mut once);
            for (index, &value) in source.iter().enumerate() {
                let (matrix, row, column) = (index / (rows * columns), index / columns % rows, index % columns);
                assert_eq!(once[(matrix * columns + column) * rows + row], value);
            }
            let mut twice = vec![0.0; source.len()];
            transpose(&once, batch, columns, rows, &mut twice);
            assert_eq!(twice, source);
        }
    }
}
