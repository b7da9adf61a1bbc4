//! Elementwise work on long slices.

use rayon::prelude::*;

/// Elements of one task: small enough to balance threads, large enough that starting one costs nothing beside it.
pub(crate) const TASK_ELEMENTS: usize = if cfg!(miri) { 1 << 10 } else { 32 << 10 };

/// Calls `work` with matching pieces of `target` and `source`.
pub(crate) fn map_pieces(target: &mut [f32], source: &[f32], work: impl Fn(&mut [f32], &[f32]) + Send + Sync) {
    assert_eq!(target.len(), source.len(), "as many elements on both sides");
    let pieces = target.par_chunks_mut(TASK_ELEMENTS).zip(source.par_chunks(TASK_ELEMENTS));
    pieces.for_each(|(target, source)| work(target, source));
}
