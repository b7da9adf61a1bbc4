//! The operations vision models are made of, on tensors of any [`VisionBackend`](crate::VisionBackend).
//!
//! Every function here is differentiable when its backend is. Images are `[batch, channels, height, width]`.

mod activation;
mod concatenate;
mod convolution;
mod cross_entropy;
mod known_gradient;
mod linear;
mod normalisation;
pub mod optim;
mod pooling;
mod precision;
mod reshape;
mod resize;

pub use activation::{Activation, activate, add, dropout};
pub use concatenate::{concatenate_channels, pixel_rows, space_to_depth};
pub use convolution::{Conv2dOptions, ConvTranspose2dOptions, conv_transpose2d, conv2d, conv2d_inference};
pub use cross_entropy::softmax_cross_entropy;
pub use known_gradient::known_gradient;
pub use linear::linear;
pub use normalisation::{BatchNormOutput, batch_norm_inference, batch_norm_train};
pub use pooling::{Pool2dOptions, adaptive_avg_pool2d, avg_pool2d, global_avg_pool2d, max_pool2d};
pub use precision::{Precision, with_precision};
pub use reshape::{flatten, reshape};
pub use resize::{Interpolation, resize};

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorPrimitive};

fn tensor<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

fn primitive<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}
