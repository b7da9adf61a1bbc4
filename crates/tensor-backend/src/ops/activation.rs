//! Elementwise activations and dropout.

use burn::tensor::Tensor;

use super::{primitive, tensor};
use crate::{VisionBackend, random};

/// An elementwise activation.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Activation {
    /// `x`.
    #[default]
    Identity,
    /// `max(x, 0)`; not a number stays one, as in PyTorch.
    Relu,
    /// `x` where positive, `slope · x` elsewhere.
    LeakyRelu {
        /// Slope for negative inputs.
        slope: f64,
    },
    /// `x · sigmoid(x)`, also called swish.
    Silu,
    /// `tanh(x)`.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

/// Applies `activation` to every element.
pub fn activate<B: VisionBackend, const D: usize>(input: Tensor<B, D>, activation: Activation) -> Tensor<B, D> {
    if activation == Activation::Identity {
        return input;
    }
    tensor(B::vision_activate(primitive(input), activation))
}

/// `first + second`, of one shape. Unlike `+`, it is fast for tensors that other operations here have made.
///
/// # Panics
///
/// When the shapes differ.
pub fn add<B: VisionBackend, const D: usize>(first: Tensor<B, D>, second: Tensor<B, D>) -> Tensor<B, D> {
    assert_eq!(first.dims(), second.dims(), "tensors to add have one shape");
    tensor(B::vision_add(primitive(first), primitive(second)))
}

/// Sets each element to zero with probability `probability` and scales the others by `1 / (1 - probability)`, while
/// training; the identity on a backend without gradients.
///
/// The mask comes from this thread's generator, see [`random::seed`].
///
/// Source: Srivastava et al. 2014; scaled at training time as in PyTorch's `nn.Dropout`.
///
/// # Panics
///
/// When `probability` is outside `0..1`.
pub fn dropout<B: VisionBackend, const D: usize>(input: Tensor<B, D>, probability: f64) -> Tensor<B, D> {
    assert!((0.0..1.0).contains(&probability), "a dropout probability lies in 0..1, found {probability}");
    let device = input.device();
    if probability == 0.0 || !B::ad_enabled(&device) {
        return input;
    }
    let keep = 1.0 - probability;
    let mask = random::bernoulli(input.dims(), keep as f32, &device);
    input * mask.mul_scalar(1.0 / keep)
}
