//! Pooling of `[batch, height, width, channels]`: each output pixel takes the maximum or mean of a window.

mod average;
mod maximum;
#[cfg(test)]
mod tests;
mod windows;

pub use average::{average, average_gradient};
pub use maximum::{maximum, maximum_gradient};
pub use windows::{PoolShape, Window, adaptive_windows, sliding_windows};
