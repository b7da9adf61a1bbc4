//! Elementwise activations and their gradients.

use rayon::prelude::*;

use super::parallel::{TASK_ELEMENTS, map_pieces};
use super::simd::{Kernel, Simd, dispatch};
use crate::elementary::sigmoid;

/// A function of one variable whose derivative can be had from its argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// `max(x, 0)`; not a number stays one.
    Relu,
    /// `x` where positive, `slope · x` elsewhere.
    LeakyRelu {
        /// Slope for negative arguments.
        slope: f32,
    },
    /// `x · sigmoid(x)`.
    Silu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

/// `target[i] = function(source[i])`.
///
/// # Panics
///
/// When the lengths differ.
pub fn apply(function: Function, source: &[f32], target: &mut [f32]) {
    map_pieces(target, source, |target, source| dispatch!(apply_piece(function, target, Some(source))));
}

/// `values[i] = function(values[i])`.
pub fn apply_in_place(function: Function, values: &mut [f32]) {
    values.par_chunks_mut(TASK_ELEMENTS).for_each(|piece| dispatch!(apply_piece(function, piece, None)));
}

/// `gradient[i] *= function'(input[i])`.
///
/// # Panics
///
/// When the lengths differ.
pub fn gradient_in_place(function: Function, input: &[f32], gradient: &mut [f32]) {
    map_pieces(gradient, input, |gradient, input| dispatch!(gradient_piece(function, gradient, input)));
}

/// `target[i] += source[i]`.
///
/// # Panics
///
/// When the lengths differ.
pub fn add(target: &mut [f32], source: &[f32]) {
    map_pieces(target, source, |target, source| {
        for (target, source) in target.iter_mut().zip(source) {
            *target += source;
        }
    });
}

fn apply_piece<S: Simd>(function: Function, target: &mut [f32], source: Option<&[f32]>) {
    if let Some(source) = source {
        target.copy_from_slice(source);
    }
    // SAFETY: `dispatch` chose an instruction set that the processor has; the kernel uses slices only.
    unsafe { S::call(Apply { function, values: target }) };
}

/// `values[i] = function(values[i])` on one thread.
pub(crate) struct Apply<'a> {
    pub(crate) function: Function,
    pub(crate) values: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        match self.function {
            Function::Relu => {
                self.values.iter_mut().for_each(|value| *value = if *value <= 0.0 { 0.0 } else { *value })
            }
            Function::LeakyRelu { slope } => {
                self.values.iter_mut().for_each(|value| *value *= if *value > 0.0 { 1.0 } else { slope });
            }
            Function::Silu => self.values.iter_mut().for_each(|value| *value *= sigmoid(*value)),
            Function::Sigmoid => self.values.iter_mut().for_each(|value| *value = sigmoid(*value)),
        }
    }
}

fn gradient_piece<S: Simd>(function: Function, gradient: &mut [f32], input: &[f32]) {
    // SAFETY: as in `apply_piece`.
    unsafe { S::call(Gradient { function, gradient, input }) };
}

/// `gradient[i] *= function'(input[i])`, on this thread.
pub(super) struct Gradient<'a> {
    pub(super) function: Function,
    pub(super) gradient: &'a mut [f32],
    pub(super) input: &'a [f32],
}

impl Kernel for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let pairs = self.gradient.iter_mut().zip(self.input);
        match self.function {
            // As PyTorch's `threshold_backward`: a gradient behind what is not a number is kept.
            Function::Relu => pairs.for_each(|(g, &x)| *g = if x <= 0.0 { 0.0 } else { *g }),
            Function::LeakyRelu { slope } => pairs.for_each(|(g, &x)| *g *= if x > 0.0 { 1.0 } else { slope }),
            Function::Silu => pairs.for_each(|(g, &x)| {
                let s = sigmoid(x);
                *g *= s + x * s * (1.0 - s);
            }),
            Function::Sigmoid => pairs.for_each(|(g, &x)| {
                let s = sigmoid(x);
                *g *= s * (1.0 - s);
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Numbers, at_every_level};
    use super::*;

    #[test]
    fn functions_and_derivatives_equal_their_definition_at_every_level() {
        let inputs: Vec<f32> = Numbers::new(3).values(1003).iter().map(|value| value * 9.0).collect();
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        at_every_level(|level| {
            for function in [Function::Relu, Function::LeakyRelu { slope: 0.25 }, Function::Silu, Function::Sigmoid] {
                let (mut output, mut gradient) = (vec![0.0; inputs.len()], vec![2.0; inputs.len()]);
                apply(function, &inputs, &mut output);
                gradient_in_place(function, &inputs, &mut gradient);
                let mut in_place = inputs.clone();
                apply_in_place(function, &mut in_place);
                assert_eq!(in_place, output);
                for (index, &input) in inputs.iter().enumerate() {
                    let x = f64::from(input);
                    let s = sigmoid(x);
                    let (value, slope) = match function {
                        Function::Relu => (x.max(0.0), if x > 0.0 { 1.0 } else { 0.0 }),
                        Function::LeakyRelu { .. } => (x.max(0.25 * x), if x > 0.0 { 1.0 } else { 0.25 }),
                        Function::Silu => (x * s, s * (1.0 + x * (1.0 - s))),
                        Function::Sigmoid => (s, s * (1.0 - s)),
                    };
                    assert!(
                        (f64::from(output[index]) - value).abs() < 1e-6 * (1.0 + x.abs()),
                        "{function:?}({x}) {level:?}"
                    );
                    assert!((f64::from(gradient[index]) - 2.0 * slope).abs() < 4e-6, "{function:?}'({x}) {level:?}");
                }
            }
        });
    }

    #[test]
    fn the_sigmoid_has_the_same_bits_at_every_level_and_alone() {
        // What is computed on the host beside another backend's tensors must not depend on who does it.
        let inputs: Vec<f32> = Numbers::new(9).values(1003).iter().map(|value| value * 90.0).collect();
        let alone: Vec<u32> = inputs.iter().map(|&x| sigmoid(x).to_bits()).collect();
        at_every_level(|level| {
            let mut output = inputs.clone();
            apply_in_place(Function::Sigmoid, &mut output);
            assert_eq!(output.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), alone, "{level:?}");
        });
    }
}
