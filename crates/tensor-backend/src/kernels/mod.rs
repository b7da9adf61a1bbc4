//! CPU kernels: plain functions on slices, vectorised for the processor at run time and parallel with rayon.
//!
//! Images lie in memory as `[batch, height, width, channels]` ("NHWC"), so that vectors run along channels whatever the
//! image's width, and a window's tap is a contiguous run. Every result is independent of the number of threads: work
//! is cut by shape alone and partial sums are added in a fixed order.
//!
//! # Why the unsafe code is sound
//!
//! Every public function here is safe to call with any arguments. What is unsafe below them is of four kinds:
//!
//! - **Instructions.** A [`Simd`](simd) type is only named by `dispatch!`, from the level in use, and a level is only in
//!   use on a processor that has it. All levels run one text: a kernel is generic over the vector, and what differs is
//!   the number of lanes. Where fewer are left than a vector has, loads and stores are masked (or copy lane by lane) and
//!   touch nothing beyond.
//! - **Pointers in place of slices.** The public functions check that the sizes make sense and that each slice has the
//!   length that they ask for, by products that cannot overflow (`ConvShape::check` for convolution); everything behind
//!   them computes positions from those sizes alone. Loops that read before they look whether they are done need at least
//!   one channel and one pixel: shapes without never get there (`ConvShape::sums_nothing`).
//! - **Several threads in one slice.** `SharedMut` is a pointer made from a mutable slice that nobody uses otherwise until
//!   the tasks are done. Tasks write to different elements because they differ in image, rows, tiles, group, channels or
//!   panel, as said where they start; where one both reads and writes, both pointers come from this one.
//! - **Memory that is used again**, see [`memory`]: a block's contents are arbitrary but initialised.
//!
//! Two programs watch this. Miri interprets the unit tests at the portable level, with threads, and finds accesses outside
//! of an array, uninitialised values, data races and pointers that another borrow has ended. It follows the rules of Tree
//! Borrows, because rayon's queues keep to no stricter ones, and goes through fewer and smaller cases (`cfg!(miri)`):
//!
//! ```text
//! MIRIFLAGS="-Zmiri-tree-borrows -Zmiri-ignore-leaks -Zmiri-permissive-provenance" \
//!     cargo +nightly miri test -p tensor-backend --lib -- kernels::
//! ```
//!
//! Leaks are ignored because rayon's threads and their scratch memory last until the end; provenance is permissive
//! because rayon's queues make pointers of numbers. Valgrind's memcheck runs the compiled tests at the portable and the
//! AVX2 level (it has no AVX-512, which the masks of the second point are for): it sees accesses outside of what the
//! system's allocator gave, and decisions on uninitialised memory. Pieces of the pool look to it like one user's.

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
