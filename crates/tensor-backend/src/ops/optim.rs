//! Optimiser steps as one pass over each parameter, with PyTorch's definitions.
//!
//! State is handed in and out: `None` before the first step. Tensors that nobody else holds are updated in place.

use burn::tensor::Tensor;

use super::{primitive, reshape, tensor};
use crate::VisionBackend;
use crate::kernels::optimizer::{AdamStep, SgdStep};

/// Stochastic gradient descent, PyTorch's `torch.optim.SGD`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub rate: f64,
    /// Factor of the velocity; 0 for none.
    pub momentum: f64,
    /// How much of the gradient the velocity leaves out.
    pub dampening: f64,
    /// Nesterov's form of momentum.
    pub nesterov: bool,
    /// Factor of the parameter that is added to its gradient.
    pub weight_decay: f64,
}

/// One step; gives the new parameter and velocity.
///
/// # Panics
///
/// When the shapes differ.
pub fn sgd<B: VisionBackend, const D: usize>(
    parameter: Tensor<B, D>,
    gradient: Tensor<B, D>,
    velocity: Option<Tensor<B, D>>,
    settings: Sgd,
) -> (Tensor<B, D>, Tensor<B, D>) {
    let shape = parameter.dims();
    assert_eq!(gradient.dims(), shape, "the gradient has the parameter's shape");
    let Sgd { rate, momentum, dampening, nesterov, weight_decay } = settings;
    let step = SgdStep {
        rate: rate as f32,
        momentum: momentum as f32,
        dampening: dampening as f32,
        nesterov,
        weight_decay: weight_decay as f32,
        first: velocity.is_none(),
    };
    let velocity = velocity.map(|velocity| primitive(flat(velocity)));
    let (parameter, velocity) = B::vision_sgd(primitive(flat(parameter)), primitive(flat(gradient)), velocity, step);
    (reshape(tensor::<B, 1>(parameter), shape), reshape(tensor::<B, 1>(velocity), shape))
}

/// Adam and AdamW, PyTorch's `torch.optim.Adam` and `AdamW` without AMSGrad.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the means of gradients and of their squares.
    pub betas: [f64; 2],
    /// Added to the denominator.
    pub epsilon: f64,
    /// Factor of the parameter: added to its gradient (Adam), or taken off the parameter (`decoupled`, AdamW).
    pub weight_decay: f64,
    /// Whether the weight decay is AdamW's.
    pub decoupled: bool,
}

/// The means that Adam keeps for a parameter.
#[derive(Debug, Clone)]
pub struct AdamState<B: VisionBackend, const D: usize> {
    /// Running mean of gradients.
    pub mean: Tensor<B, D>,
    /// Running mean of squared gradients.
    pub square: Tensor<B, D>,
    /// Steps taken.
    pub steps: u64,
}

/// One step; gives the new parameter and state.
///
/// # Panics
///
/// When the shapes differ.
pub fn adam<B: VisionBackend, const D: usize>(
    parameter: Tensor<B, D>,
    gradient: Tensor<B, D>,
    state: Option<AdamState<B, D>>,
    settings: Adam,
) -> (Tensor<B, D>, AdamState<B, D>) {
    let shape = parameter.dims();
    assert_eq!(gradient.dims(), shape, "the gradient has the parameter's shape");
    let Adam { rate, betas, epsilon, weight_decay, decoupled } = settings;
    let steps = state.as_ref().map_or(0, |state| state.steps) + 1;
    let step = AdamStep {
        rate: rate as f32,
        beta_1: betas[0] as f32,
        beta_2: betas[1] as f32,
        epsilon: epsilon as f32,
        weight_decay: weight_decay as f32,
        decoupled,
        number: steps,
    };
    let state = state.map(|state| (primitive(flat(state.mean)), primitive(flat(state.square))));
    let (parameter, (mean, square)) =
        B::vision_adam(primitive(flat(parameter)), primitive(flat(gradient)), state, step);
    let unflat = |primitive| reshape(tensor::<B, 1>(primitive), shape);
    (unflat(parameter), AdamState { mean: unflat(mean), square: unflat(square), steps })
}

/// The elements in one dimension.
fn flat<B: VisionBackend, const D: usize>(tensor: Tensor<B, D>) -> Tensor<B, 1> {
    let count: usize = tensor.dims().iter().product();
    reshape(tensor, [count])
}
