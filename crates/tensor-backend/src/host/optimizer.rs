//! Optimiser steps.

use super::HostTensor;
use crate::kernels::optimizer::{self, AdamStep, SgdStep};

/// The tensor with memory of its own, row-major.
fn own<T: HostTensor>(tensor: T) -> T {
    let mut tensor = tensor.dense();
    if tensor.elements_mut().is_some() {
        return tensor;
    }
    let shape = tensor.shape();
    let mut copy = T::buffer(tensor.elements().len());
    copy.copy_from_slice(tensor.elements());
    T::from_dense(copy, &(0..shape.num_dims()).map(|axis| shape[axis]).collect::<Vec<_>>())
}

fn zeros_like<T: HostTensor>(tensor: &T) -> T {
    let shape = tensor.shape();
    let mut zeros = T::buffer(tensor.elements().len());
    zeros.fill(0.0);
    T::from_dense(zeros, &(0..shape.num_dims()).map(|axis| shape[axis]).collect::<Vec<_>>())
}

const OWNED: &str = "the tensor was just given memory of its own";

pub(crate) fn sgd<T: HostTensor>(parameter: T, gradient: T, velocity: Option<T>, step: SgdStep) -> (T, T) {
    let (mut parameter, gradient) = (own(parameter), gradient.dense());
    let mut velocity = velocity.map_or_else(|| zeros_like(&parameter), own);
    let target = parameter.elements_mut().expect(OWNED);
    optimizer::sgd(target, gradient.elements(), velocity.elements_mut().expect(OWNED), step);
    (parameter, velocity)
}

pub(crate) fn adam<T: HostTensor>(parameter: T, gradient: T, state: Option<(T, T)>, step: AdamStep) -> (T, (T, T)) {
    let (mut parameter, gradient) = (own(parameter), gradient.dense());
    let (mut mean, mut square) = match state {
        Some((mean, square)) => (own(mean), own(square)),
        None => (zeros_like(&parameter), zeros_like(&parameter)),
    };
    let target = parameter.elements_mut().expect(OWNED);
    let (means, squares) = (mean.elements_mut().expect(OWNED), square.elements_mut().expect(OWNED));
    optimizer::adam(target, gradient.elements(), means, squares, step);
    (parameter, (mean, square))
}
