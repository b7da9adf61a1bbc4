//! Two-dimensional convolution: forward, and the gradients of its input, weight and bias.

pub mod bf16;
mod bf16_operands;
mod depthwise;
mod gather;
mod pack;
mod prepared;
mod shape;

mod direct;
mod weight_gradient;
mod winograd;
mod winograd_forward;
mod winograd_kernel;
mod winograd_weight;

pub use direct::{forward, input_gradient, transposed};
pub use prepared::{Epilogue, PreparedWeights, forward_prepared};
pub use shape::ConvShape;
pub use weight_gradient::{bias_gradient, weight_gradient};

#[cfg(test)]
mod bf16_tests;
#[cfg(test)]
mod tests;
