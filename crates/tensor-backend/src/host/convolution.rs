//! Convolution and its gradients.

use super::HostTensor;
use crate::kernels::conv::{self, ConvShape};
use crate::ops::{Conv2dOptions, ConvTranspose2dOptions, Precision};

/// The sizes of a convolution of `input` `[n, c, h, w]` with `weight` `[k, c / groups, kh, kw]`.
///
/// # Panics
///
/// When channels and groups do not fit, or the window is larger than the padded image.
pub(super) fn shape_of(input: [usize; 4], weight: [usize; 4], options: Conv2dOptions) -> ConvShape {
    let [batch, channels_in, height, width] = input;
    let [channels_out, group_in, kernel_height, kernel_width] = weight;
    let Conv2dOptions { stride, padding, dilation, groups, precision: _ } = options;
    assert!(
        groups > 0 && group_in * groups == channels_in && channels_out.is_multiple_of(groups),
        "a convolution of {channels_in} channels in {groups} groups needs a weight [k · {groups}, {channels_in} / \
         {groups}, height, width], found {weight:?}"
    );
    let output = |axis: usize, size: usize, kernel: usize| {
        let output = ConvShape::output_of(size, kernel, stride[axis], padding[axis], dilation[axis]);
        assert!(
            output > 0,
            "an image of {height} × {width} pixels is too small for {options:?} with weight {weight:?}"
        );
        output
    };
    ConvShape {
        batch,
        channels_in,
        input: [height, width],
        channels_out,
        kernel: [kernel_height, kernel_width],
        stride,
        padding,
        dilation,
        groups,
        output: [output(0, height, kernel_height), output(1, width, kernel_width)],
    }
}

pub(crate) fn conv2d<T: HostTensor>(input: T, weight: T, bias: Option<T>, options: Conv2dOptions) -> T {
    let shape = shape_of(input.dims(), weight.dims(), options);
    let (input, weight, bias) = (input.pixels(), weight.dense(), bias.map(T::dense));
    let mut output = T::buffer(shape.output_len());
    let bias = bias.as_ref().map(|bias| bias.elements());
    let pass = match options.precision {
        Precision::F32 => conv::forward,
        Precision::Bf16 => conv::bf16::forward,
    };
    pass(&shape, input.elements(), weight.elements(), bias, &mut output);
    T::from_pixels(output, [shape.batch, shape.channels_out, shape.output[0], shape.output[1]])
}

/// The input's gradient, added to `present` if there is one.
pub(crate) fn conv2d_input_gradient<T: HostTensor>(
    input_shape: [usize; 4],
    weight: T,
    output_gradient: T,
    options: Conv2dOptions,
    present: Option<T>,
) -> T {
    let shape = shape_of(input_shape, weight.dims(), options);
    let (weight, output_gradient) = (weight.dense(), output_gradient.pixels());
    let pass = match options.precision {
        Precision::F32 => conv::input_gradient,
        Precision::Bf16 => conv::bf16::input_gradient,
    };
    let mut present = present.map(T::pixels);
    if let Some(target) = present.as_mut().and_then(|present| present.elements_mut()) {
        pass(&shape, output_gradient.elements(), weight.elements(), target, true);
        return present.expect("just written to");
    }
    let mut target = T::buffer(shape.input_len());
    if let Some(present) = &present {
        target.copy_from_slice(present.elements());
    }
    let accumulate = present.is_some();
    pass(&shape, output_gradient.elements(), weight.elements(), &mut target, accumulate);
    T::from_pixels(target, input_shape)
}

/// The weight gradient of a precision.
fn weight_gradient_pass(precision: Precision) -> fn(&ConvShape, &[f32], &[f32], &mut [f32]) {
    match precision {
        Precision::F32 => conv::weight_gradient,
        Precision::Bf16 => conv::bf16::weight_gradient,
    }
}

pub(crate) fn conv2d_weight_gradient<T: HostTensor>(
    input: T,
    weight_shape: [usize; 4],
    output_gradient: T,
    options: Conv2dOptions,
) -> T {
    let shape = shape_of(input.dims(), weight_shape, options);
    let (input, output_gradient) = (input.pixels(), output_gradient.pixels());
    let mut target = T::buffer(shape.weight_len());
    weight_gradient_pass(options.precision)(&shape, input.elements(), output_gradient.elements(), &mut target);
    T::from_dense(target, &weight_shape)
}

pub(crate) fn channel_sum<T: HostTensor>(gradient: T) -> T {
    let [_, channels, _, _] = gradient.dims();
    let gradient = gradient.pixels();
    let mut target = T::buffer(channels);
    conv::bias_gradient(gradient.elements(), &mut target);
    T::from_dense(target, &[channels])
}

/// The convolution whose input gradient a transposed convolution of `input` with `weight` is.
fn transposed_shape(input: [usize; 4], weight: [usize; 4], options: ConvTranspose2dOptions) -> ConvShape {
    let [batch, channels, height, width] = input;
    let [weight_channels, group_out, kernel_height, kernel_width] = weight;
    let ConvTranspose2dOptions { stride, padding, output_padding, dilation, groups, precision: _ } = options;
    assert!(
        [height, width, kernel_height, kernel_width].iter().all(|&size| size > 0),
        "a transposed convolution needs pixels and taps, found an image of {height} × {width} pixels, weight {weight:?}"
    );
    assert!(
        groups > 0 && weight_channels == channels && channels.is_multiple_of(groups),
        "a transposed convolution of {channels} channels in {groups} groups needs a weight [{channels}, k / {groups}, \
         height, width], found {weight:?}"
    );
    let target = |axis: usize, size: usize, kernel: usize| {
        let full = (size - 1) * stride[axis] + dilation[axis] * (kernel - 1) + output_padding[axis] + 1;
        assert!(full > 2 * padding[axis], "nothing is left of an image of {height} × {width} pixels with {options:?}");
        full - 2 * padding[axis]
    };
    ConvShape {
        batch,
        channels_in: group_out * groups,
        input: [target(0, height, kernel_height), target(1, width, kernel_width)],
        channels_out: channels,
        kernel: [kernel_height, kernel_width],
        stride,
        padding,
        dilation,
        groups,
        output: [height, width],
    }
}

pub(crate) fn conv_transpose2d<T: HostTensor>(
    input: T,
    weight: T,
    bias: Option<T>,
    options: ConvTranspose2dOptions,
) -> T {
    let shape = transposed_shape(input.dims(), weight.dims(), options);
    let (input, weight, bias) = (input.pixels(), weight.dense(), bias.map(T::dense));
    let mut output = T::buffer(shape.input_len());
    let bias = bias.as_ref().map(|bias| bias.elements());
    let pass = match options.precision {
        Precision::F32 => conv::transposed,
        Precision::Bf16 => conv::bf16::transposed,
    };
    pass(&shape, input.elements(), weight.elements(), bias, &mut output);
    T::from_pixels(output, [shape.batch, shape.channels_in, shape.input[0], shape.input[1]])
}

pub(crate) fn conv_transpose2d_input_gradient<T: HostTensor>(
    input_shape: [usize; 4],
    weight: T,
    output_gradient: T,
    options: ConvTranspose2dOptions,
) -> T {
    let shape = transposed_shape(input_shape, weight.dims(), options);
    let (weight, output_gradient) = (weight.dense(), output_gradient.pixels());
    let mut target = T::buffer(shape.output_len());
    let pass = match options.precision {
        Precision::F32 => conv::forward,
        Precision::Bf16 => conv::bf16::forward,
    };
    pass(&shape, output_gradient.elements(), weight.elements(), None, &mut target);
    T::from_pixels(target, input_shape)
}

pub(crate) fn conv_transpose2d_weight_gradient<T: HostTensor>(
    input: T,
    weight_shape: [usize; 4],
    output_gradient: T,
    options: ConvTranspose2dOptions,
) -> T {
    let shape = transposed_shape(input.dims(), weight_shape, options);
    let (input, output_gradient) = (input.pixels(), output_gradient.pixels());
    let mut target = T::buffer(shape.weight_len());
    weight_gradient_pass(options.precision)(&shape, output_gradient.elements(), input.elements(), &mut target);
    T::from_dense(target, &weight_shape)
}
