//! Weights: files of runs, files of other programs to start from, and files for other programs.

pub mod export;
pub mod file;
pub mod initial;
pub(crate) mod patterns;

pub use initial::{Freezing, InitConfig, Initialised, Lone, Mismatch, Unfreeze};
