//! The gradients of one optimiser step, by parameter name.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{ElementConversion, Tensor};
use tensor_backend::AutodiffVisionBackend;
use tensor_backend::ops::reshape;
use tensor_backend::state_dict::TensorPath;

/// Gradients by parameter name, flattened; several backward passes add up.
#[derive(Debug, Clone)]
pub struct Gradients<B: AutodiffVisionBackend> {
    by_name: BTreeMap<String, Tensor<B::InnerBackend, 1>>,
}

impl<B: AutodiffVisionBackend> Default for Gradients<B> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new() }
    }
}

/// How gradients are held in bounds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Clipping {
    /// Largest Euclidean norm of all gradients together (PyTorch's `clip_grad_norm_`).
    pub norm: Option<f64>,
    /// Largest magnitude of each entry (PyTorch's `clip_grad_value_`).
    pub value: Option<f64>,
}

impl<B: AutodiffVisionBackend> Gradients<B> {
    /// Adds the gradients that a backward pass left for the parameters of `module`.
    pub fn add<M: Module<B>>(&mut self, module: &M, gradients: &mut B::Gradients) {
        struct Collector<'a, B: AutodiffVisionBackend> {
            path: TensorPath,
            gradients: &'a mut B::Gradients,
            by_name: &'a mut BTreeMap<String, Tensor<B::InnerBackend, 1>>,
        }
        impl<B: AutodiffVisionBackend> ModuleVisitor<B> for Collector<'_, B> {
            fn enter_module(&mut self, name: &str, container_type: &str) {
                self.path.enter(name, container_type);
            }
            fn exit_module(&mut self, _name: &str, container_type: &str) {
                self.path.exit(container_type);
            }
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
                let Some(gradient) = param.val().grad_remove(self.gradients) else { return };
                let gradient = reshape(gradient, [param.shape().num_elements()]);
                let sum = match self.by_name.remove(&self.path.name()) {
                    Some(earlier) => earlier + gradient,
                    None => gradient,
                };
                self.by_name.insert(self.path.name(), sum);
            }
        }
        module.visit(&mut Collector::<B> { path: TensorPath::default(), gradients, by_name: &mut self.by_name });
    }

    /// The gradient of a parameter, if it got one.
    pub fn remove(&mut self, name: &str) -> Option<Tensor<B::InnerBackend, 1>> {
        self.by_name.remove(name)
    }

    /// The Euclidean norm of all gradients together.
    pub fn norm(&self) -> f64 {
        // Squares are summed in f64 in the order of the names: the same bits in every run.
        self.by_name
            .values()
            .map(|gradient| gradient.clone().square().sum().into_scalar().elem::<f64>())
            .sum::<f64>()
            .sqrt()
    }

    /// Clips by value first, then by norm. Gives the norm before the second, if it was needed.
    pub fn clip(&mut self, clipping: Clipping) -> Option<f64> {
        if let Some(value) = clipping.value {
            self.map(|gradient| gradient.clamp(-value, value));
        }
        let limit = clipping.norm?;
        let norm = self.norm();
        // The small constant is PyTorch's, against division by zero.
        let factor = limit / (norm + 1e-6);
        if factor < 1.0 {
            self.map(|gradient| gradient.mul_scalar(factor));
        }
        Some(norm)
    }

    /// Multiplies every gradient with `factor`.
    pub fn scale(&mut self, factor: f64) {
        self.map(|gradient| gradient.mul_scalar(factor));
    }

    fn map(&mut self, change: impl Fn(Tensor<B::InnerBackend, 1>) -> Tensor<B::InnerBackend, 1>) {
        let entries = std::mem::take(&mut self.by_name);
        self.by_name = entries.into_iter().map(|(name, gradient)| (name, change(gradient))).collect();
    }
}
