//! Concatenation, rows of pixels, squares as channels.

use super::HostTensor;
use crate::kernels::concatenate::{self, ImageOrder};

pub(crate) fn channels<T: HostTensor>(inputs: Vec<T>) -> T {
    let inputs: Vec<T> = inputs.into_iter().map(T::pixels).collect();
    let shapes: Vec<[usize; 4]> = inputs.iter().map(T::dims).collect();
    let sources: Vec<(&[f32], usize)> =
        inputs.iter().zip(&shapes).map(|(input, shape)| (input.elements(), shape[1])).collect();
    let [batch, _, height, width] = shapes[0];
    let total = shapes.iter().map(|shape| shape[1]).sum();
    let mut target = T::buffer(batch * total * height * width);
    concatenate::join_channels(&sources, &mut target);
    T::from_pixels(target, [batch, total, height, width])
}

pub(crate) fn channels_gradient<T: HostTensor>(output_gradient: T, offset: usize, channels: usize) -> T {
    let [batch, total, height, width] = output_gradient.dims();
    let gradient = output_gradient.pixels();
    let mut target = T::buffer(batch * channels * height * width);
    concatenate::take_channels(gradient.elements(), total, offset, &mut target, channels);
    T::from_pixels(target, [batch, channels, height, width])
}

pub(crate) fn rows<T: HostTensor>(inputs: Vec<T>) -> T {
    // Stored pixel by pixel, an image is one run of the output: the images are its "pixels", their elements "channels".
    let inputs: Vec<T> = inputs.into_iter().map(T::pixels).collect();
    let shapes: Vec<[usize; 4]> = inputs.iter().map(T::dims).collect();
    let sources: Vec<(&[f32], usize)> =
        inputs.iter().zip(&shapes).map(|(input, shape)| (input.elements(), shape[1..].iter().product())).collect();
    let [batch, channels, ..] = shapes[0];
    let pixels: usize = shapes.iter().map(|shape| shape[2] * shape[3]).sum();
    let mut target = T::buffer(batch * pixels * channels);
    concatenate::join_channels(&sources, &mut target);
    T::from_dense(target, &[batch, pixels, channels])
}

pub(crate) fn rows_gradient<T: HostTensor>(output_gradient: T, first_row: usize, input_shape: [usize; 4]) -> T {
    let [_, rows, channels] = output_gradient.dims();
    let gradient = output_gradient.dense();
    let image = input_shape[1..].iter().product();
    let mut target = T::buffer(input_shape.iter().product());
    concatenate::take_channels(gradient.elements(), rows * channels, first_row * channels, &mut target, image);
    T::from_pixels(target, input_shape)
}

pub(crate) fn space_to_depth<T: HostTensor>(input: T) -> T {
    let [batch, channels, height, width] = input.dims();
    let (input, order) = if input.is_stored_as(&[0, 2, 3, 1]) {
        (input, ImageOrder::Pixels)
    } else {
        (input.dense(), ImageOrder::Channels)
    };
    let mut target = T::buffer(batch * channels * height * width);
    concatenate::space_to_depth(input.elements(), order, channels, [height, width], &mut target);
    T::from_pixels(target, [batch, 4 * channels, height / 2, width / 2])
}

pub(crate) fn space_to_depth_gradient<T: HostTensor>(output_gradient: T) -> T {
    let [batch, channels, height, width] = output_gradient.dims();
    let shape = [batch, channels / 4, 2 * height, 2 * width];
    let gradient = output_gradient.pixels();
    let mut target = T::buffer(shape.iter().product());
    concatenate::depth_to_space(gradient.elements(), shape[1], [shape[2], shape[3]], &mut target);
    T::from_pixels(target, shape)
}
