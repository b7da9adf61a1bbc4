//! Maximum pooling and its gradient.

use rayon::prelude::*;

use super::super::simd::{Kernel, Simd, dispatch};
use super::windows::{PoolShape, Window};

/// The maximum of each window; NaN where a window holds one. The border never wins; without any pixel the maximum is
/// -infinity.
///
/// # Panics
///
/// When a slice's length does not fit `shape`.
pub fn maximum(shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    assert_eq!([input.len(), output.len()], [shape.input_len(), shape.output_len()], "{shape:?}");
    if input.is_empty() {
        return output.fill(f32::NEG_INFINITY);
    }
    let image = (shape.input[0] * shape.input[1] * shape.channels).max(1);
    let out_image = (shape.output()[0] * shape.output()[1] * shape.channels).max(1);
    output.par_chunks_mut(out_image).zip(input.par_chunks(image)).for_each(|(output, input)| {
        dispatch!(maximum_image(shape, input, output));
    });
}

fn maximum_image<S: Simd>(shape: &PoolShape, input: &[f32], output: &mut [f32]) {
    // SAFETY: `dispatch` chose an instruction set that the processor has; the kernel uses slices only.
    unsafe { S::call(Maximum { shape, input, output }) };
}

struct Maximum<'a> {
    shape: &'a PoolShape,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Maximum<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, channels) = (self.shape.input[1], self.shape.channels);
        let [rows, columns] = &self.shape.windows;
        let mut pixels = self.output.chunks_exact_mut(channels);
        for row in rows {
            for column in columns {
                let most = pixels.next().expect("one output pixel for each window");
                most.fill(f32::NEG_INFINITY);
                for y in row.pixels.clone() {
                    let line = &self.input[(y * width + column.pixels.start) * channels..];
                    for source in line[..column.pixels.len() * channels].chunks_exact(channels) {
                        for (most, &value) in most.iter_mut().zip(source) {
                            *most = if value > *most || value.is_nan() { value } else { *most };
                        }
                    }
                }
            }
        }
    }
}

/// The gradient of [`maximum`]'s input: the first pixel of each window, row by row, that equals the maximum gets the
/// window's gradient, or the last one that is not a number where there is such a pixel, as in PyTorch. `output` is what
/// [`maximum`] gave for `input`.
///
/// # Panics
///
/// When a slice's length does not fit `shape`.
pub fn maximum_gradient(
    shape: &PoolShape,
    input: &[f32],
    output: &[f32],
    output_gradient: &[f32],
    input_gradient: &mut [f32],
) {
    assert_eq!([input.len(), output.len()], [shape.input_len(), shape.output_len()], "{shape:?}");
    assert_eq!([input_gradient.len(), output_gradient.len()], [input.len(), output.len()], "gradients of {shape:?}");
    let image = (shape.input[0] * shape.input[1] * shape.channels).max(1);
    let out_image = (shape.output()[0] * shape.output()[1] * shape.channels).max(1);
    if output.is_empty() {
        return input_gradient.fill(0.0);
    }
    let inputs = input_gradient.par_chunks_mut(image).zip(input.par_chunks(image));
    let outputs = output.par_chunks(out_image).zip(output_gradient.par_chunks(out_image));
    inputs.zip(outputs).for_each(|((target, input), (output, gradient))| {
        dispatch!(maximum_gradient_image(shape, input, output, gradient, target));
    });
}

fn maximum_gradient_image<S: Simd>(
    shape: &PoolShape,
    input: &[f32],
    output: &[f32],
    gradient: &[f32],
    target: &mut [f32],
) {
    // SAFETY: as in `maximum_image`.
    unsafe { S::call(MaximumGradient { shape, input, output, gradient, target }) };
}

struct MaximumGradient<'a> {
    shape: &'a PoolShape,
    input: &'a [f32],
    output: &'a [f32],
    gradient: &'a [f32],
    target: &'a mut [f32],
}

/// Channels treated at a time: their gradients that are still to be given away stay in registers.
const BLOCK: usize = 32;

impl Kernel for MaximumGradient<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        self.target.fill(0.0);
        let channels = self.shape.channels;
        for first in (0..channels / BLOCK * BLOCK).step_by(BLOCK) {
            self.block::<BLOCK>(first);
        }
        for first in channels / BLOCK * BLOCK..channels {
            self.block::<1>(first);
        }
    }
}

impl MaximumGradient<'_> {
    /// Gives the gradients of a window's maxima that are not numbers, and so equal nothing, to its last such pixels.
    #[cold]
    fn give_to_last_nan(&mut self, row: &Window, column: &Window, most: &[f32], pixel: usize, first: usize) {
        let (width, channels) = (self.shape.input[1], self.shape.channels);
        for lane in (0..most.len()).filter(|&lane| most[lane].is_nan()) {
            let pixels = row.pixels.clone().flat_map(|y| column.pixels.clone().map(move |x| y * width + x));
            let mut places = pixels.map(|pixel| pixel * channels + first + lane);
            if let Some(last) = places.rfind(|&place| self.input[place].is_nan()) {
                self.target[last] += self.gradient[pixel + lane];
            }
        }
    }

    #[inline(always)]
    fn block<const LENGTH: usize>(&mut self, first: usize) {
        let (width, channels) = (self.shape.input[1], self.shape.channels);
        let shape = self.shape;
        let [rows, columns] = &shape.windows;
        for (index_y, row) in rows.iter().enumerate() {
            for (index_x, column) in columns.iter().enumerate() {
                let pixel = (index_y * columns.len() + index_x) * channels + first;
                let mut most = [0.0f32; LENGTH];
                let mut left = [0.0f32; LENGTH];
                most.copy_from_slice(&self.output[pixel..pixel + LENGTH]);
                left.copy_from_slice(&self.gradient[pixel..pixel + LENGTH]);
                for y in row.pixels.clone() {
                    for x in column.pixels.clone() {
                        let start = (y * width + x) * channels + first;
                        let input = &self.input[start..start + LENGTH];
                        let target = &mut self.target[start..start + LENGTH];
                        for lane in 0..LENGTH {
                            // A gradient once given away is zero: adding it again changes nothing.
                            let hit = input[lane] == most[lane];
                            target[lane] += if hit { left[lane] } else { 0.0 };
                            left[lane] = if hit { 0.0 } else { left[lane] };
                        }
                    }
                }
                // Looked for without an early end, which vectors do not have.
                if most.iter().fold(false, |found, value| found | value.is_nan()) {
                    self.give_to_last_nan(row, column, &most, pixel, first);
                }
            }
        }
    }
}
