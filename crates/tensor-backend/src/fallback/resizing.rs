//! Resizing.
//!
//! Not every backend of burn's can differentiate its own interpolation, so that rows and columns are mixed by matrix
//! products here: `output = rows · input · columnsᵀ`.

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData};

use super::{primitive, tensor};
use crate::kernels::resize::{Mapping, sources};
use crate::ops::Interpolation;

/// `[target, source]`: how much each target position takes of each source position.
fn matrix<B: Backend>(source: usize, target: usize, kind: Interpolation, model: &Tensor<B, 4>) -> Tensor<B, 3> {
    let mapping = match kind {
        Interpolation::Nearest => Mapping::Nearest,
        Interpolation::Bilinear => Mapping::Linear,
        Interpolation::BilinearAlignedCorners => Mapping::LinearAligned,
    };
    let mut values = vec![0.0f32; target * source];
    for (row, from) in sources(mapping, source, target).into_iter().enumerate() {
        values[row * source + from.first] += 1.0 - from.weight;
        values[row * source + from.second] += from.weight;
    }
    Tensor::from_data(TensorData::new(values, [1, target, source]), (&model.device(), model.dtype()))
}

/// `rows · input · columnsᵀ` for each image and channel.
fn mix<B: Backend>(input: Tensor<B, 4>, rows: Tensor<B, 3>, columns: Tensor<B, 3>) -> FloatTensor<B> {
    let [batch, channels, height, width] = input.dims();
    let ([_, new_height, _], [_, new_width, _]) = (rows.dims(), columns.dims());
    let images = input.reshape([batch * channels, height, width]);
    let images = rows.matmul(images.matmul(columns.swap_dims(1, 2)));
    primitive(images.reshape([batch, channels, new_height, new_width]))
}

pub(crate) fn resize<B: Backend>(input: FloatTensor<B>, size: [usize; 2], kind: Interpolation) -> FloatTensor<B> {
    let input = tensor::<B, 4>(input);
    let [_, _, height, width] = input.dims();
    let (rows, columns) = (matrix(height, size[0], kind, &input), matrix(width, size[1], kind, &input));
    mix(input, rows, columns)
}

pub(crate) fn resize_gradient<B: Backend>(
    [_, _, height, width]: [usize; 4],
    output_gradient: FloatTensor<B>,
    kind: Interpolation,
) -> FloatTensor<B> {
    let gradient = tensor::<B, 4>(output_gradient);
    let [_, _, new_height, new_width] = gradient.dims();
    let rows = matrix(height, new_height, kind, &gradient).swap_dims(1, 2);
    let columns = matrix(width, new_width, kind, &gradient).swap_dims(1, 2);
    mix(gradient, rows, columns)
}
