//! Layers without parameters that act on each element.

use burn::module::Module;
use burn::tensor::Tensor;
use tensor_backend::VisionBackend;
use tensor_backend::ops::{self, Activation};

use super::trace;

/// `max(x, 0)`, PyTorch's `nn.ReLU`.
#[derive(Module, Clone, Debug, Default)]
pub struct Relu;

impl Relu {
    /// Applies the layer to a tensor of any shape.
    pub fn forward<B: VisionBackend, const D: usize>(&self, input: Tensor<B, D>) -> Tensor<B, D> {
        ops::activate(input, Activation::Relu)
    }
}

/// Dropout, PyTorch's `nn.Dropout`: acts on a backend with gradients only.
#[derive(Module, Clone, Debug)]
pub struct Dropout {
    /// Share of the elements set to zero, in `0..1`.
    pub probability: f64,
}

impl Dropout {
    /// Applies the layer to a tensor of any shape; the mask comes from the calling thread's generator.
    pub fn forward<B: VisionBackend, const D: usize>(&self, input: Tensor<B, D>) -> Tensor<B, D> {
        // Following the shapes must not draw from the generator.
        if trace::is_active() { input } else { ops::dropout(input, self.probability) }
    }
}
