//! Optimiser steps.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;

use super::{primitive, tensor};
use crate::kernels::optimizer::{AdamStep, SgdStep};

/// Steps do not care for the shape: all tensors are flat here.
pub(crate) fn sgd<B: Backend>(
    parameter: FloatTensor<B>,
    gradient: FloatTensor<B>,
    velocity: Option<FloatTensor<B>>,
    step: SgdStep,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let parameter = tensor::<B, 1>(parameter);
    let gradient = tensor::<B, 1>(gradient) + parameter.clone() * step.weight_decay;
    let velocity = match velocity {
        Some(velocity) => tensor::<B, 1>(velocity) * step.momentum + gradient.clone() * (1.0 - step.dampening),
        None => gradient.clone(),
    };
    let direction = if step.nesterov { gradient + velocity.clone() * step.momentum } else { velocity.clone() };
    (primitive(parameter - direction * step.rate), primitive(velocity))
}

/// Parameter, and the means of gradients and of their squares.
type AdamResult<B> = (FloatTensor<B>, (FloatTensor<B>, FloatTensor<B>));

pub(crate) fn adam<B: Backend>(
    parameter: FloatTensor<B>,
    gradient: FloatTensor<B>,
    state: Option<(FloatTensor<B>, FloatTensor<B>)>,
    step: AdamStep,
) -> AdamResult<B> {
    let AdamStep { rate, beta_1, beta_2, epsilon, weight_decay, decoupled, number } = step;
    let (mut parameter, mut gradient) = (tensor::<B, 1>(parameter), tensor::<B, 1>(gradient));
    if decoupled {
        parameter = parameter * (1.0 - rate * weight_decay);
    } else {
        gradient = gradient + parameter.clone() * weight_decay;
    }
    let (mean, square): (Tensor<B, 1>, Tensor<B, 1>) = match state {
        Some((mean, square)) => (tensor(mean), tensor(square)),
        None => (gradient.zeros_like(), gradient.zeros_like()),
    };
    let mean = mean * beta_1 + gradient.clone() * (1.0 - beta_1);
    let square = square * beta_2 + gradient.square() * (1.0 - beta_2);
    let correction = |beta: f32| 1.0 - f64::from(beta).powf(number as f64);
    let denominator = square.clone().sqrt() / correction(beta_2).sqrt() + epsilon;
    let direction = mean.clone() / denominator * (f64::from(rate) / correction(beta_1));
    (primitive(parameter - direction), (primitive(mean), primitive(square)))
}
