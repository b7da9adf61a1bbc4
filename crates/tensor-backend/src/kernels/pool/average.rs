//! Average pooling and its gradient.

use rayon::prelude::*;

use super::super::simd::{Kernel, Simd, dispatch};
use super::windows::PoolShape;

/// The mean of each window; zero without any pixel.
///
/// # Panics
///
/// When a slice's length does not fit `shape`.
pub fn average(shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    assert_eq!([input.len(), output.len()], [shape.input_len(), shape.output_len()], "{shape:?}");
    if input.is_empty() {
        return output.fill(0.0);
    }
    let image = (shape.input[0] * shape.input[1] * shape.channels).max(1);
    let out_image = (shape.output()[0] * shape.output()[1] * shape.channels).max(1);
    output.par_chunks_mut(out_image).zip(input.par_chunks(image)).for_each(|(output, input)| {
        dispatch!(average_image(shape, input, output));
    });
}

fn average_image<S: Simd>(shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    // SAFETY: `dispatch` chose an instruction set that the processor has; the kernel uses slices only.
    unsafe { S::call(Average { shape, input, output }) };
}

struct Average<'a> {
    shape: &'a PoolShape,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Average<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, channels) = (self.shape.input[1], self.shape.channels);
        let [rows, columns] = &self.shape.windows;
        let mut pixels = self.output.chunks_exact_mut(channels);
        for row in rows {
            for column in columns {
                let sums = pixels.next().expect("one output pixel for each window");
                sums.fill(0.0);
                for y in row.pixels.clone() {
                    let line = &self.input[(y * width + column.pixels.start) * channels..];
                    for source in line[..column.pixels.len() * channels].chunks_exact(channels) {
                        for (sum, value) in sums.iter_mut().zip(source) {
                            *sum += value;
                        }
                    }
                }
                let factor = 1.0 / (row.count * column.count).max(1) as f32;
                sums.iter_mut().for_each(|sum| *sum *= factor);
            }
        }
    }
}

/// The gradient of [`average`]'s input.
///
/// # Panics
///
/// When a slice's length does not fit `shape`.
pub fn average_gradient(shape: &PoolShape, output_gradient: &[f32], input_gradient: &mut [f32]) {
    assert_eq!([input_gradient.len(), output_gradient.len()], [shape.input_len(), shape.output_len()], "{shape:?}");
    if output_gradient.is_empty() {
        return input_gradient.fill(0.0);
    }
    let image = (shape.input[0] * shape.input[1] * shape.channels).max(1);
    let out_image = (shape.output()[0] * shape.output()[1] * shape.channels).max(1);
    input_gradient.par_chunks_mut(image).zip(output_gradient.par_chunks(out_image)).for_each(|(target, gradient)| {
        dispatch!(average_gradient_image(shape, gradient, target));
    });
}

fn average_gradient_image<S: Simd>(shape: &PoolShape, gradient: &[f32], target: &mut [f32]) {
    // SAFETY: as in `average_image`.
    unsafe { S::call(AverageGradient { shape, gradient, target }) };
}

struct AverageGradient<'a> {
    shape: &'a PoolShape,
    gradient: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for AverageGradient<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, channels) = (self.shape.input[1], self.shape.channels);
        let [rows, columns] = &self.shape.windows;
        self.target.fill(0.0);
        let mut pixels = self.gradient.chunks_exact(channels);
        for row in rows {
            for column in columns {
                let gradient = pixels.next().expect("one output pixel for each window");
                let factor = 1.0 / (row.count * column.count).max(1) as f32;
                for y in row.pixels.clone() {
                    let line = &mut self.target[(y * width + column.pixels.start) * channels..];
                    for target in line[..column.pixels.len() * channels].chunks_exact_mut(channels) {
                        for (target, value) in target.iter_mut().zip(gradient) {
                            *target += value * factor;
                        }
                    }
                }
            }
        }
    }
}
