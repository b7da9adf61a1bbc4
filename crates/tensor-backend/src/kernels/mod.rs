//! CPU kernels: plain functions on slices, vectorised for the processor at run time and parallel with rayon.
//!
//! Images lie in memory as `[batch, height, width, channels]` ("NHWC"), so that vectors run along channels whatever the
//! image's width, and a window's tap is a contiguous run. Every result is independent of the number of threads: work
//! is cut by shape alone and partial sums are added in a fixed order.

pub mod activation;
pub mod batch_norm;
pub mod concatenate;
pub mod conv;
pub mod cross_entropy;
pub mod layout;
pub mod memory;
#[cfg(test)]
mod nan_tests;
pub mod optimizer;
mod outer;
pub(crate) mod parallel;
pub mod pool;
pub(crate) mod raw;
pub mod resize;
pub mod simd;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod thread_tests;
mod tile;
