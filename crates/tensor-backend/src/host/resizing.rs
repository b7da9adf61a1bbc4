//! Resizing.

use super::HostTensor;
use crate::kernels::resize::{self, Mapping, ResizeShape, sources};
use crate::ops::Interpolation;

fn shape_of([batch, channels, height, width]: [usize; 4], size: [usize; 2], kind: Interpolation) -> ResizeShape {
    let mapping = match kind {
        Interpolation::Nearest => Mapping::Nearest,
        Interpolation::Bilinear => Mapping::Linear,
        Interpolation::BilinearAlignedCorners => Mapping::LinearAligned,
    };
    assert!(height > 0 && width > 0, "an image without pixels cannot be resized");
    let sources = [sources(mapping, height, size[0]), sources(mapping, width, size[1])];
    ResizeShape { batch, channels, input: [height, width], sources }
}

pub(crate) fn resize<T: HostTensor>(input: T, size: [usize; 2], kind: Interpolation) -> T {
    let [batch, channels, height, width] = input.dims();
    let shape = shape_of([batch, channels, height, width], size, kind);
    let input = input.pixels();
    let mut output = T::buffer(batch * channels * size[0] * size[1]);
    resize::resize(&shape, input.elements(), &mut output);
    T::from_pixels(output, [batch, channels, size[0], size[1]])
}

pub(crate) fn resize_gradient<T: HostTensor>(input_shape: [usize; 4], output_gradient: T, kind: Interpolation) -> T {
    let [_, _, height, width] = output_gradient.dims();
    let shape = shape_of(input_shape, [height, width], kind);
    let gradient = output_gradient.pixels();
    let mut target = T::buffer(input_shape.iter().product());
    resize::resize_gradient(&shape, gradient.elements(), &mut target);
    T::from_pixels(target, input_shape)
}
