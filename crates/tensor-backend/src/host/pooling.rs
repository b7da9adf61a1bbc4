//! Pooling.

use super::HostTensor;
use crate::kernels::pool::{self, PoolShape, adaptive_windows, sliding_windows};
use crate::ops::Pool2dOptions;
use crate::vision_backend::AveragePool;

fn shape_of(input: [usize; 4], options: Pool2dOptions, count_border: bool) -> PoolShape {
    let [batch, channels, height, width] = input;
    let Pool2dOptions { kernel, stride, padding, ceil_mode } = options;
    let windows = |axis: usize, size: usize| {
        let windows = sliding_windows(size, kernel[axis], stride[axis], padding[axis], ceil_mode, count_border);
        assert!(!windows.is_empty(), "an image of {height} × {width} pixels is too small for {options:?}");
        windows
    };
    PoolShape { batch, channels, input: [height, width], windows: [windows(0, height), windows(1, width)] }
}

fn average_shape(input: [usize; 4], pool: AveragePool) -> PoolShape {
    let [batch, channels, height, width] = input;
    match pool {
        AveragePool::Sliding { options, count_border } => shape_of(input, options, count_border),
        AveragePool::Adaptive { size } => PoolShape {
            batch,
            channels,
            input: [height, width],
            windows: [adaptive_windows(height, size[0]), adaptive_windows(width, size[1])],
        },
    }
}

fn output_shape(shape: &PoolShape) -> [usize; 4] {
    let [height, width] = shape.output();
    [shape.batch, shape.channels, height, width]
}

pub(crate) fn max_pool2d<T: HostTensor>(input: T, options: Pool2dOptions) -> T {
    let shape = shape_of(input.dims(), options, false);
    let input = input.pixels();
    let mut output = T::buffer(shape.output_len());
    pool::maximum(&shape, input.elements(), &mut output);
    T::from_pixels(output, output_shape(&shape))
}

pub(crate) fn max_pool2d_gradient<T: HostTensor>(input: T, output: T, output_gradient: T, options: Pool2dOptions) -> T {
    let dims = input.dims();
    let shape = shape_of(dims, options, false);
    let [input, output, gradient] = [input, output, output_gradient].map(T::pixels);
    let mut target = T::buffer(shape.input_len());
    pool::maximum_gradient(&shape, input.elements(), output.elements(), gradient.elements(), &mut target);
    T::from_pixels(target, dims)
}

pub(crate) fn average_pool<T: HostTensor>(input: T, pool: AveragePool) -> T {
    let shape = average_shape(input.dims(), pool);
    let input = input.pixels();
    let mut output = T::buffer(shape.output_len());
    pool::average(&shape, input.elements(), &mut output);
    T::from_pixels(output, output_shape(&shape))
}

pub(crate) fn average_pool_gradient<T: HostTensor>(
    input_shape: [usize; 4],
    output_gradient: T,
    pool: AveragePool,
) -> T {
    let shape = average_shape(input_shape, pool);
    let gradient = output_gradient.pixels();
    let mut target = T::buffer(shape.input_len());
    pool::average_gradient(&shape, gradient.elements(), &mut target);
    T::from_pixels(target, input_shape)
}
