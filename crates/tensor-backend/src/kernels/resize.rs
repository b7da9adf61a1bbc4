//! Resizing `[batch, height, width, channels]`, and its gradient.

use rayon::prelude::*;

use super::simd::{Kernel, Simd, dispatch};

/// Where an output position along one axis takes its value from: `(1 - weight)` of `first` and `weight` of `second`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Source {
    /// The nearer source position to the left or above.
    pub first: usize,
    /// The one after it, or the same at the border.
    pub second: usize,
    /// How much of the second.
    pub weight: f32,
}

/// How positions are mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// The nearest position, PyTorch's `nearest`.
    Nearest,
    /// Linear between pixel centres, PyTorch's `bilinear` with `align_corners=False`.
    Linear,
    /// Linear with first and last pixels on one another, `align_corners=True`.
    LinearAligned,
}

/// The sources of `target` positions among `source`.
///
/// # Panics
///
/// When there is nothing to take from.
pub fn sources(mapping: Mapping, source: usize, target: usize) -> Vec<Source> {
    assert!(source > 0 || target == 0, "{target} pixels cannot be made from none");
    let linear = |position: f64| {
        let first = (position.floor() as usize).min(source - 1);
        Source { first, second: (first + 1).min(source - 1), weight: (position - first as f64) as f32 }
    };
    let at = |index: usize| match mapping {
        Mapping::Nearest => {
            let nearest = index * source / target;
            Source { first: nearest, second: nearest, weight: 0.0 }
        }
        Mapping::Linear => linear(((index as f64 + 0.5) * source as f64 / target as f64 - 0.5).max(0.0)),
        Mapping::LinearAligned => linear(match target {
            1 => 0.0,
            _ => index as f64 * (source - 1) as f64 / (target - 1) as f64,
        }),
    };
    (0..target).map(at).collect()
}

/// A resize's sizes and sources.
#[derive(Debug, Clone, PartialEq)]
pub struct ResizeShape {
    /// Images.
    pub batch: usize,
    /// Channels.
    pub channels: usize,
    /// Size of the input image.
    pub input: [usize; 2],
    /// Sources of each output row and column.
    pub sources: [Vec<Source>; 2],
}

impl ResizeShape {
    fn image_lens(&self) -> [usize; 2] {
        let [rows, columns] = &self.sources;
        [self.input[0] * self.input[1] * self.channels, rows.len() * columns.len() * self.channels]
    }
}

/// The resized images.
///
/// # Panics
///
/// When a slice's length does not fit `shape`.
pub fn resize(shape: &ResizeShape, input: &[f32], output: &mut [f32]) {
    let [image, out_image] = shape.image_lens();
    assert_eq!([input.len(), output.len()], [image * shape.batch, out_image * shape.batch], "{shape:?}");
    let rows = shape.sources[0].len();
    let row_len = out_image / rows.max(1);
    output.par_chunks_mut(row_len.max(1)).enumerate().for_each(|(index, output)| {
        let input = &input[index / rows * image..][..image];
        dispatch!(resize_row(shape, input, shape.sources[0][index % rows], output));
    });
}

fn resize_row<S: Simd>(shape: &ResizeShape, input: &[f32], row: Source, output: &mut [f32]) {
    // SAFETY: `dispatch` chose an instruction set that the processor has; the kernel uses slices only.
    unsafe { S::call(Row { shape, input, row, output }) };
}

struct Row<'a> {
    shape: &'a ResizeShape,
    input: &'a [f32],
    row: Source,
    output: &'a mut [f32],
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, channels) = (self.shape.input[1], self.shape.channels);
        let pixel = |y: usize, x: usize| &self.input[(y * width + x) * channels..][..channels];
        for (column, output) in self.shape.sources[1].iter().zip(self.output.chunks_exact_mut(channels)) {
            let corners = [
                pixel(self.row.first, column.first),
                pixel(self.row.first, column.second),
                pixel(self.row.second, column.first),
                pixel(self.row.second, column.second),
            ];
            for (channel, output) in output.iter_mut().enumerate() {
                let [a, b, c, d] = corners.map(|corner| corner[channel]);
                let above = a * (1.0 - column.weight) + b * column.weight;
                let below = c * (1.0 - column.weight) + d * column.weight;
                *output = above * (1.0 - self.row.weight) + below * self.row.weight;
            }
        }
    }
}

/// The gradient of [`resize`]'s input.
///
/// # Panics
///
/// When a slice's length does not fit `shape`.
pub fn resize_gradient(shape: &ResizeShape, output_gradient: &[f32], input_gradient: &mut [f32]) {
    let [image, out_image] = shape.image_lens();
    let lengths = [input_gradient.len(), output_gradient.len()];
    assert_eq!(lengths, [image * shape.batch, out_image * shape.batch], "{shape:?}");
    let images = input_gradient.par_chunks_mut(image.max(1)).zip(output_gradient.par_chunks(out_image.max(1)));
    images.for_each(|(target, gradient)| dispatch!(gradient_image(shape, gradient, target)));
}

fn gradient_image<S: Simd>(shape: &ResizeShape, gradient: &[f32], target: &mut [f32]) {
    // SAFETY: as in `resize_row`.
    unsafe { S::call(Image { shape, gradient, target }) };
}

struct Image<'a> {
    shape: &'a ResizeShape,
    gradient: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for Image<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, channels) = (self.shape.input[1], self.shape.channels);
        let [rows, columns] = &self.shape.sources;
        self.target.fill(0.0);
        let mut pixels = self.gradient.chunks_exact(channels);
        for row in rows {
            for column in columns {
                let gradient = pixels.next().expect("one gradient for each output pixel");
                for (y, row_weight) in [(row.first, 1.0 - row.weight), (row.second, row.weight)] {
                    for (x, column_weight) in [(column.first, 1.0 - column.weight), (column.second, column.weight)] {
                        let weight = row_weight * column_weight;
                        if weight == 0.0 {
                            continue;
                        }
                        let target = &mut self.target[(y * width + x) * channels..][..channels];
                        for (target, gradient) in target.iter_mut().zip(gradient) {
                            *target += gradient * weight;
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Numbers, at_every_level};
    use super::*;

    #[test]
    fn sources_are_pytorchs() {
        let positions = |mapping, source, target| {
            sources(mapping, source, target).iter().map(|s| s.first as f32 + s.weight).collect::<Vec<_>>()
        };
        assert_eq!(positions(Mapping::Nearest, 3, 6), [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(positions(Mapping::Linear, 2, 4), [0.0, 0.25, 0.75, 1.25]);
        assert_eq!(positions(Mapping::LinearAligned, 3, 5), [0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(sources(Mapping::Linear, 2, 4)[3].second, 1);
    }

    #[test]
    fn a_resize_follows_its_sources_and_the_gradient_is_its_transpose() {
        at_every_level(|level| {
            for mapping in [Mapping::Nearest, Mapping::Linear, Mapping::LinearAligned] {
                let (batch, channels, input_size, output_size) = (2, 19, [5, 4], [7, 9]);
                let axis = |axis: usize| sources(mapping, input_size[axis], output_size[axis]);
                let shape = ResizeShape { batch, channels, input: input_size, sources: [axis(0), axis(1)] };
                let mut numbers = Numbers::new(6);
                let input = numbers.values(batch * channels * 20);
                let gradient = numbers.values(batch * channels * 63);
                let (mut output, mut input_gradient) = (vec![f32::NAN; gradient.len()], vec![f32::NAN; input.len()]);
                resize(&shape, &input, &mut output);
                resize_gradient(&shape, &gradient, &mut input_gradient);
                let value = |n: usize, y: usize, x: usize, c: usize| input[((n * 5 + y) * 4 + x) * channels + c];
                for (index, &found) in output.iter().enumerate() {
                    let (n, pixel, c) = (index / channels / 63, index / channels % 63, index % channels);
                    let (row, column) = (shape.sources[0][pixel / 9], shape.sources[1][pixel % 9]);
                    let line = |y| {
                        let (left, right) = (value(n, y, column.first, c), value(n, y, column.second, c));
                        left + (right - left) * column.weight
                    };
                    let expected = line(row.first) + (line(row.second) - line(row.first)) * row.weight;
                    assert!((found - expected).abs() < 1e-6, "{mapping:?} at {level:?}");
                }
                // <resize(x), g> = <x, resizeᵀ(g)>.
                let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a * b)).sum::<f64>();
                let difference = product(&output, &gradient) - product(&input, &input_gradient);
                assert!(difference.abs() < 1e-4, "{mapping:?} at {level:?}: {difference:e}");
            }
        });
    }
}
