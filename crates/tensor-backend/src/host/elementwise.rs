//! Activations and sums.

use super::HostTensor;
use crate::kernels::activation::{self, Function};
use crate::ops::Activation;

/// The kernel of an activation, for those that have one.
pub(crate) fn function(activation: Activation) -> Option<Function> {
    match activation {
        Activation::Identity | Activation::Tanh => None,
        Activation::Relu => Some(Function::Relu),
        Activation::LeakyRelu { slope } => Some(Function::LeakyRelu { slope: slope as f32 }),
        Activation::Silu => Some(Function::Silu),
        Activation::Sigmoid => Some(Function::Sigmoid),
    }
}

/// The tensor in an order without gaps: pixels if it is stored so, else row-major.
fn compact<T: HostTensor>(tensor: T) -> T {
    if tensor.shape().num_dims() == 4 && tensor.is_stored_as(&[0, 2, 3, 1]) { tensor } else { tensor.dense() }
}

/// `second` in the storage order of `first`.
fn like<T: HostTensor>(first: &T, second: T) -> T {
    if first.shape().num_dims() == 4 && first.is_stored_as(&[0, 2, 3, 1]) { second.pixels() } else { second.dense() }
}

/// A tensor of the shape and storage order of `model`.
fn with_elements<T: HostTensor>(model: &T, elements: T::Buffer) -> T {
    let shape = model.shape();
    if shape.num_dims() == 4 && model.is_stored_as(&[0, 2, 3, 1]) {
        T::from_pixels(elements, shape.dims())
    } else {
        T::from_dense(elements, &(0..shape.num_dims()).map(|axis| shape[axis]).collect::<Vec<_>>())
    }
}

pub(crate) fn activate<T: HostTensor>(input: T, function: Function) -> T {
    let mut input = compact(input);
    if let Some(values) = input.elements_mut() {
        activation::apply_in_place(function, values);
        return input;
    }
    let mut output = T::buffer(input.elements().len());
    activation::apply(function, input.elements(), &mut output);
    with_elements(&input, output)
}

pub(crate) fn activation_gradient<T: HostTensor>(input: T, output_gradient: T, function: Function) -> T {
    let input = compact(input);
    let mut gradient = like(&input, output_gradient);
    if let Some(values) = gradient.elements_mut() {
        activation::gradient_in_place(function, input.elements(), values);
        return gradient;
    }
    let mut target = T::buffer(input.elements().len());
    target.copy_from_slice(gradient.elements());
    activation::gradient_in_place(function, input.elements(), &mut target);
    with_elements(&input, target)
}

pub(crate) fn add<T: HostTensor>(first: T, second: T) -> T {
    let mut first = compact(first);
    let mut second = like(&first, second);
    if let Some(values) = first.elements_mut() {
        activation::add(values, second.elements());
        return first;
    }
    if let Some(values) = second.elements_mut() {
        activation::add(values, first.elements());
        return second;
    }
    let mut target = T::buffer(first.elements().len());
    target.copy_from_slice(first.elements());
    activation::add(&mut target, second.elements());
    with_elements(&first, target)
}
