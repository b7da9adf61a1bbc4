//! Concatenation, rows of pixels, squares as channels.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;

use super::{primitive, tensor};

pub(crate) fn channels<B: Backend>(inputs: Vec<FloatTensor<B>>) -> FloatTensor<B> {
    primitive(Tensor::cat(inputs.into_iter().map(tensor::<B, 4>).collect(), 1))
}

pub(crate) fn channels_gradient<B: Backend>(
    output_gradient: FloatTensor<B>,
    offset: usize,
    channels: usize,
) -> FloatTensor<B> {
    primitive(tensor::<B, 4>(output_gradient).narrow(1, offset, channels))
}

pub(crate) fn rows<B: Backend>(inputs: Vec<FloatTensor<B>>) -> FloatTensor<B> {
    let rows = inputs.into_iter().map(|input| tensor::<B, 4>(input).flatten::<3>(2, 3).swap_dims(1, 2));
    primitive(Tensor::cat(rows.collect(), 1))
}

pub(crate) fn rows_gradient<B: Backend>(
    output_gradient: FloatTensor<B>,
    first_row: usize,
    input_shape: [usize; 4],
) -> FloatTensor<B> {
    let rows = tensor::<B, 3>(output_gradient).narrow(1, first_row, input_shape[2] * input_shape[3]);
    primitive(rows.swap_dims(1, 2).reshape(input_shape))
}

pub(crate) fn space_to_depth<B: Backend>(input: FloatTensor<B>) -> FloatTensor<B> {
    let input = tensor::<B, 4>(input);
    let [batch, channels, height, width] = input.dims();
    let squares = input.reshape([batch, channels, height / 2, 2, width / 2, 2]).permute([0, 5, 3, 1, 2, 4]);
    primitive(squares.reshape([batch, 4 * channels, height / 2, width / 2]))
}

pub(crate) fn space_to_depth_gradient<B: Backend>(output_gradient: FloatTensor<B>) -> FloatTensor<B> {
    let gradient = tensor::<B, 4>(output_gradient);
    let [batch, channels, height, width] = gradient.dims();
    let squares = gradient.reshape([batch, 2, 2, channels / 4, height, width]).permute([0, 3, 4, 2, 5, 1]);
    primitive(squares.reshape([batch, channels / 4, 2 * height, 2 * width]))
}
