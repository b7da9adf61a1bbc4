//! The fully connected layer.

use burn::tensor::Tensor;

use super::{Conv2dOptions, conv2d, primitive, reshape, tensor};
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
    let ([batch, features], [outputs, _]) = (input.dims(), weight.dims());
    let input_primitive = primitive(input);
    if B::has_vision_kernels(&input_primitive) {
        // A convolution of images of one pixel.
        let input = reshape(tensor::<B, 2>(input_primitive), [batch, features, 1, 1]);
        let weight = reshape(weight, [outputs, features, 1, 1]);
        return reshape(conv2d(input, weight, bias, Conv2dOptions::default()), [batch, outputs]);
    }
    let product = tensor::<B, 2>(input_primitive).matmul(weight.transpose());
    match bias {
        Some(bias) => product + bias.unsqueeze(),
        None => product,
    }
}
