//! The layers networks are made of, with PyTorch's field names, shapes and initial values.
//!
//! Every layer's `forward` goes through [`tensor_backend::ops`], where the fast kernels are.

pub(crate) mod batch_norm;
pub(crate) mod convolution;
mod elementwise;
pub mod initialisation;
mod linear;
pub(crate) mod padding;
pub(crate) mod pooling;
pub(crate) mod sequence;
pub(crate) mod trace;
mod transposed_convolution;

pub use batch_norm::BatchNorm2d;
pub use convolution::{Conv2d, Conv2dConfig, window_positions};
pub use elementwise::{Dropout, Relu};
pub use initialisation::{Initialisation, without_random_values};
pub use linear::{Linear, LinearConfig};
pub use pooling::{MaxPool2d, global_avg_pool2d};
pub use sequence::{DenseLayer, FeatureLayer, forward_dense, forward_features};
pub use transposed_convolution::{ConvTranspose2d, ConvTranspose2dConfig};
