//! Optimisers over named parameters, with the formulas of PyTorch.
//!
//! State is kept by the parameter's name, so that a checkpoint can be read by people and by other programs, and each
//! parameter is updated as one flat tensor.

mod gradients;
mod groups;
mod optimizer;

pub use gradients::{Clipping, Gradients};
pub use groups::ParameterGroup;
pub use optimizer::{Optimizer, OptimizerConfig, OptimizerKind};
