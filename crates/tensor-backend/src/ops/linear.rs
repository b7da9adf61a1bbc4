//! The fully connected layer.

use burn::tensor::Tensor;

use crate::VisionBackend;

/// `input · weightᵀ + bias`, PyTorch's `linear`.
///
/// # Shapes
///
/// - `input`: `[batch, features_in]`
/// - `weight`: `[features_out, features_in]`
/// - `bias`: `[features_out]`
/// - output: `[batch, features_out]`
pub fn linear<B: VisionBackend>(input: Tensor<B, 2>, weight: Tensor<B, 2>, bias: Option<Tensor<B, 1>>) -> Tensor<B, 2> {
    let product = input.matmul(weight.transpose());
    match bias {
        Some(bias) => product + bias.unsqueeze(),
        None => product,
    }
}
