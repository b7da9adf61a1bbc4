//! The fully connected layer.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::{VisionBackend, ops};

use super::Initialisation;
use super::trace::{self, LayerKind, LayerTrace};

/// Makes a [`Linear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearConfig {
    /// Features in and out.
    pub features: [usize; 2],
    /// Initial values.
    pub initialisation: Initialisation,
}

impl LinearConfig {
    /// A layer with a bias and PyTorch's initial values.
    pub fn new(features_in: usize, features_out: usize) -> Self {
        Self { features: [features_in, features_out], initialisation: Initialisation::default() }
    }

    /// The same with other initial values.
    pub fn with_initialisation(mut self, initialisation: Initialisation) -> Self {
        self.initialisation = initialisation;
        self
    }

    /// The layer, its values drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Linear<B> {
        let [features_in, features_out] = self.features;
        Linear {
            weight: self.initialisation.weight([features_out, features_in], features_in, features_out, device),
            bias: self.initialisation.bias(features_out, features_in, device),
        }
    }
}

/// A fully connected layer, PyTorch's `nn.Linear`: its weight is `[out, in]`, unlike burn's.
#[derive(Module, Debug)]
pub struct Linear<B: Backend> {
    /// `[features_out, features_in]`.
    pub weight: Param<Tensor<B, 2>>,
    /// `[features_out]`.
    pub bias: Param<Tensor<B, 1>>,
}

impl<B: VisionBackend> Linear<B> {
    /// Applies the layer.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, features_in]`
    /// - output: `[batch, features_out]`
    pub fn forward(&self, input: Tensor<B, 2>) -> Tensor<B, 2> {
        if trace::is_active() {
            return self.trace(input);
        }
        ops::linear(input, self.weight.val(), Some(self.bias.val()))
    }

    fn trace(&self, input: Tensor<B, 2>) -> Tensor<B, 2> {
        let [batch, found] = input.dims();
        let [features_out, features_in] = self.weight.dims();
        assert_eq!(found, features_in, "a dense layer of {features_in} features was given {found}");
        trace::record(LayerTrace {
            kind: LayerKind::Linear,
            parameter: Some(self.weight.id),
            output: vec![batch, features_out],
            multiply_accumulates: (batch * features_in * features_out) as u64,
        });
        Tensor::zeros([batch, features_out], &input.device())
    }
}
