//! Batch normalisation with an optional residual sum and rectifier, or with SiLU, forward and backward, each in two passes
//! over the data: one for the statistics, one for the values.

mod backward;
mod forward;
mod silu;
#[cfg(test)]
mod tests;

pub use backward::{BatchNormGradients, Gate, NormStatistics, backward, backward_in_place};
pub use forward::{apply, apply_in_place, statistics};
pub use silu::apply_silu;

use std::ops::Range;

/// Elements that one task reads: small enough to balance threads, large enough that partial sums cost nothing. Part of
/// the definition of the results, because it fixes which partial sums there are.
const TASK_ELEMENTS: usize = if cfg!(miri) { 1 << 10 } else { 32 << 10 };

/// Channel vectors whose sums a kernel keeps in registers.
const STRIP: usize = 4;

/// The pixels of each task, for `pixels` pixels of `channels` channels.
fn tasks(pixels: usize, channels: usize) -> impl ExactSizeIterator<Item = Range<usize>> + Clone {
    let per_task = (TASK_ELEMENTS / channels.max(1)).max(16);
    (0..pixels.div_ceil(per_task)).map(move |task| task * per_task..((task + 1) * per_task).min(pixels))
}
