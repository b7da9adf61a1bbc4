//! Activations and cross-entropy.

use burn::tensor::activation;
use burn::tensor::backend::{Backend, get_device_settings};
use burn::tensor::ops::FloatTensor;

use super::{primitive, tensor};
use crate::ops::Activation;

/// Zero where `gate <= 0`, `value` elsewhere: also where the gate is not a number, which burn's own rectifiers make zero
/// of on some backends.
pub(crate) fn rectify<B: Backend>(gate: FloatTensor<B>, value: FloatTensor<B>) -> FloatTensor<B> {
    let bool_type = get_device_settings::<B>(&B::float_device(&gate)).bool_dtype;
    let closed = B::float_lower_equal_elem(gate, 0.0f32.into(), bool_type);
    B::float_mask_fill(value, closed, 0.0f32.into())
}

/// The activation of a tensor of any rank: an elementwise function does not care for the shape, and a flat view of it
/// costs nothing.
pub(crate) fn activate<B: Backend>(input: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
    match activation {
        Activation::Identity => input,
        Activation::Relu => rectify::<B>(input.clone(), input),
        Activation::LeakyRelu { slope } => B::leaky_relu(input, slope.into()),
        Activation::Silu => B::float_mul(input.clone(), B::sigmoid(input)),
        Activation::Tanh => B::float_tanh(input),
        Activation::Sigmoid => B::sigmoid(input),
    }
}

/// `output_gradient · activation'(input)`.
pub(crate) fn activation_gradient<B: Backend>(
    input: FloatTensor<B>,
    output_gradient: FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    let one_minus = |tensor| B::float_add_scalar(B::float_neg(tensor), 1.0f32.into());
    match activation {
        Activation::Identity => output_gradient,
        Activation::Relu => rectify::<B>(input, output_gradient),
        Activation::LeakyRelu { slope } => {
            // The slope everywhere, and the rest of one where the input is positive.
            let positive = rectify::<B>(input, output_gradient.clone());
            let positive = B::float_mul_scalar(positive, (1.0 - slope).into());
            B::float_add(positive, B::float_mul_scalar(output_gradient, slope.into()))
        }
        Activation::Silu => {
            // s + x · s · (1 - s)
            let s = B::sigmoid(input.clone());
            let slope = B::float_add(s.clone(), B::float_mul(B::float_mul(input, s.clone()), one_minus(s)));
            B::float_mul(output_gradient, slope)
        }
        Activation::Tanh => {
            let value = B::float_tanh(input);
            B::float_mul(output_gradient, one_minus(B::float_mul(value.clone(), value)))
        }
        Activation::Sigmoid => B::sigmoid_backward(B::sigmoid(input), output_gradient),
    }
}

/// `gradient · (softmax(logits) · Σ targets - targets)`, row by row.
pub(crate) fn softmax_cross_entropy_gradient<B: Backend>(
    logits: FloatTensor<B>,
    targets: FloatTensor<B>,
    output_gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let targets = tensor::<B, 2>(targets);
    let probabilities = activation::softmax(tensor::<B, 2>(logits), 1);
    let gradient = tensor::<B, 1>(output_gradient).unsqueeze_dim::<2>(1);
    primitive((probabilities * targets.clone().sum_dim(1) - targets) * gradient)
}

pub(crate) fn softmax_cross_entropy<B: Backend>(logits: FloatTensor<B>, targets: FloatTensor<B>) -> FloatTensor<B> {
    let logits = tensor::<B, 2>(logits);
    let [rows, _] = logits.dims();
    let products = activation::log_softmax(logits, 1) * tensor::<B, 2>(targets);
    primitive(products.sum_dim(1).reshape([rows]).neg())
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Tensor;

    use super::*;

    #[test]
    fn rectifiers_of_burns_operations_keep_nan_and_its_gradient() {
        let values = || primitive(Tensor::<Flex, 1>::from_data([-1.0, 0.0, f32::NAN, 2.0], &Default::default()));
        let numbers = |found| tensor::<Flex, 1>(found).into_data().to_vec::<f32>().expect("f32");
        let output = numbers(activate::<Flex>(values(), Activation::Relu));
        assert_eq!([output[0], output[1], output[3]], [0.0, 0.0, 2.0]);
        assert!(output[2].is_nan());
        let ones = primitive(Tensor::<Flex, 1>::from_data([1.0; 4], &Default::default()));
        let gradient = numbers(activation_gradient::<Flex>(values(), ones, Activation::Relu));
        assert_eq!(gradient, [0.0, 0.0, 1.0, 1.0]);
    }
}
