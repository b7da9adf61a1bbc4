//! Pooling.

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;

use super::empty_like;
use crate::ops::Pool2dOptions;
use crate::vision_backend::AveragePool;

pub(crate) fn max_pool2d<B: Backend>(input: FloatTensor<B>, options: Pool2dOptions) -> FloatTensor<B> {
    let Pool2dOptions { kernel, stride, padding, ceil_mode } = options;
    B::max_pool2d(input, kernel, stride, padding, [1, 1], ceil_mode)
}

pub(crate) fn average_pool<B: Backend>(input: FloatTensor<B>, pool: AveragePool) -> FloatTensor<B> {
    match pool {
        AveragePool::Sliding { options, count_border } => {
            let Pool2dOptions { kernel, stride, padding, ceil_mode } = options;
            B::avg_pool2d(input, kernel, stride, padding, count_border, ceil_mode)
        }
        AveragePool::Adaptive { size } => B::adaptive_avg_pool2d(input, size),
    }
}

pub(crate) fn max_pool2d_gradient<B: Backend>(
    input: FloatTensor<B>,
    output_gradient: FloatTensor<B>,
    options: Pool2dOptions,
) -> FloatTensor<B> {
    let Pool2dOptions { kernel, stride, padding, ceil_mode } = options;
    let indices = B::max_pool2d_with_indices(input.clone(), kernel, stride, padding, [1, 1], ceil_mode).indices;
    let gradient = output_gradient;
    B::max_pool2d_with_indices_backward(input, kernel, stride, padding, [1, 1], ceil_mode, gradient, indices).x_grad
}

pub(crate) fn average_pool_gradient<B: Backend>(
    input_shape: [usize; 4],
    output_gradient: FloatTensor<B>,
    pool: AveragePool,
) -> FloatTensor<B> {
    let input = empty_like::<B>(&output_gradient, input_shape);
    match pool {
        AveragePool::Sliding { options, count_border } => {
            let Pool2dOptions { kernel, stride, padding, ceil_mode } = options;
            B::avg_pool2d_backward(input, output_gradient, kernel, stride, padding, count_border, ceil_mode)
        }
        AveragePool::Adaptive { .. } => B::adaptive_avg_pool2d_backward(input, output_gradient),
    }
}
