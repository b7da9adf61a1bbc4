//! A number that was computed outside the graph, together with its gradient.

use burn::tensor::Tensor;

use super::{primitive, tensor};
use crate::VisionBackend;

/// `value`, a function of `input` that was computed elsewhere, whose gradient with respect to `input` is `gradient`: for
/// losses that are found on the host, where their gradient comes with them.
///
/// The gradients of whatever is computed from the result flow into `input` as if the function had been made of tensor
/// operations: scaled and added up exactly as the chain rule says. They do not flow into `value` and `gradient`.
///
/// # Shapes
///
/// - `input`, `gradient`: any, the same
/// - `value`, output: `[1]`
///
/// # Panics
///
/// When the shapes disagree.
pub fn known_gradient<B: VisionBackend, const D: usize>(
    input: Tensor<B, D>,
    value: Tensor<B, 1>,
    gradient: Tensor<B, D>,
) -> Tensor<B, 1> {
    assert_eq!(input.dims(), gradient.dims(), "an input and its gradient have one shape");
    assert_eq!(value.dims(), [1], "a known gradient is that of one number");
    tensor(B::vision_known_gradient(primitive(input), primitive(value), primitive(gradient)))
}
