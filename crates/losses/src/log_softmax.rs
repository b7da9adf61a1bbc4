//! The logarithm of the softmax, and the cross-entropy of both in one operation.

use burn::tensor::{Tensor, activation};
use tensor_backend::{VisionBackend, ops};

/// `ln softmax(logits)` over the classes, finite for all finite logits.
///
/// # Shapes
///
/// - `logits` and output: `[n, classes]`
pub(crate) fn log_probabilities<B: VisionBackend>(logits: Tensor<B, 2>) -> Tensor<B, 2> {
    // Shifts each row by its maximum before the exponential.
    activation::log_softmax(logits, 1)
}

/// `-Σ targets · ln softmax(logits)` over the classes of each row; the targets need not sum to 1.
///
/// # Shapes
///
/// - `logits`, `targets`: `[n, classes]`
/// - output: `[n]`
pub(crate) fn softmax_cross_entropy<B: VisionBackend>(logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 1> {
    ops::softmax_cross_entropy(logits, targets)
}
