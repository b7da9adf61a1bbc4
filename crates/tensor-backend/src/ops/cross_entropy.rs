//! Cross-entropy in one operation.

use burn::tensor::Tensor;

use super::{primitive, tensor};
use crate::VisionBackend;

/// Each sample's `-Σ_class targets · log softmax(logits)`, PyTorch's `cross_entropy` with class probabilities for
/// targets and `reduction="none"`.
///
/// # Shapes
///
/// - `logits`, `targets`: `[batch, classes]`
/// - output: `[batch]`
///
/// # Panics
///
/// When the shapes differ.
pub fn softmax_cross_entropy<B: VisionBackend>(logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 1> {
    assert_eq!(logits.dims(), targets.dims(), "one target for each logit");
    tensor(B::vision_softmax_cross_entropy(primitive(logits), primitive(targets)))
}
