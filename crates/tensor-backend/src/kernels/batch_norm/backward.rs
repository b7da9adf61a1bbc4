//! The gradients of batch normalisation.

use std::ops::Range;

use rayon::prelude::*;

use super::super::memory::Block;
use super::super::raw::SharedMut;
use super::super::simd::{Kernel, Simd, dispatch};
use super::silu::{self, GradientOfNormalised};
use super::{STRIP, tasks};

/// What the forward pass did behind the normalisation.
#[derive(Debug, Clone, Copy)]
pub enum Gate<'a> {
    /// Everywhere: no activation.
    Open,
    /// Where this output of the forward pass is not zero (or is not a number).
    Output(&'a [f32]),
    /// Where `input · scale + shift` is not `<= 0`: the output, computed again because without a residual that is
    /// cheaper than keeping and reading it.
    Recomputed {
        /// One factor a channel.
        scale: &'a [f32],
        /// One summand a channel.
        shift: &'a [f32],
    },
    /// SiLU of `input · scale + shift`, without a residual.
    Silu {
        /// One factor a channel.
        scale: &'a [f32],
        /// One summand a channel.
        shift: &'a [f32],
    },
}

/// Where mean and deviation come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormStatistics {
    /// The batch itself: gradients go through them.
    Batch,
    /// Elsewhere, as the running ones of a frozen layer.
    Given,
}

/// What the backward pass needs besides the output's gradient.
#[derive(Debug, Clone, Copy)]
pub struct BatchNormGradients<'a> {
    /// The forward pass's input, `[pixels, channels]`.
    pub input: &'a [f32],
    /// Mean of each channel.
    pub mean: &'a [f32],
    /// `1 / sqrt(variance + epsilon)` of each channel; the batch's variance is the biased one.
    pub inverse_deviation: &'a [f32],
    /// The scale parameter.
    pub weight: &'a [f32],
    /// Where the forward pass let values through.
    pub gate: Gate<'a>,
    /// Whether mean and deviation are those of the input, and move with it, or constants.
    pub statistics: NormStatistics,
}

/// `input_gradient` gets the gradient of the input, `residual_gradient` that of the residual (`output_gradient` behind
/// the gate). Gives the gradients of weight and bias.
///
/// # Panics
///
/// When the lengths do not agree, or a residual's gradient is asked for behind SiLU.
pub fn backward(
    forward: BatchNormGradients<'_>,
    output_gradient: &[f32],
    input_gradient: &mut [f32],
    residual_gradient: Option<&mut [f32]>,
) -> (Vec<f32>, Vec<f32>) {
    assert_eq!(input_gradient.len(), output_gradient.len(), "input gradient");
    let target = SharedMut::new(input_gradient);
    // SAFETY: the slices are what the function asks for.
    unsafe { dispatch_backward(forward, output_gradient.as_ptr(), output_gradient.len(), target, residual_gradient) }
}

/// The same with `gradient` being the output's gradient before and the input's after.
///
/// # Panics
///
/// When the lengths do not agree.
pub fn backward_in_place(
    forward: BatchNormGradients<'_>,
    gradient: &mut [f32],
    residual_gradient: Option<&mut [f32]>,
) -> (Vec<f32>, Vec<f32>) {
    let length = gradient.len();
    let target = SharedMut::new(gradient);
    // SAFETY: each element is read before it is written, by the same task.
    unsafe { dispatch_backward(forward, target.get(), length, target, residual_gradient) }
}

/// # Safety
///
/// `output_gradient` is readable and `target` writable for `length` elements; they are the same or do not overlap.
unsafe fn dispatch_backward(
    forward: BatchNormGradients<'_>,
    output_gradient: *const f32,
    length: usize,
    target: SharedMut,
    residual_gradient: Option<&mut [f32]>,
) -> (Vec<f32>, Vec<f32>) {
    let channels = forward.mean.len();
    assert!(channels > 0 && length.is_multiple_of(channels), "{length} elements, {channels} channels");
    assert_eq!(forward.input.len(), length, "input");
    assert!([forward.inverse_deviation.len(), forward.weight.len()] == [channels; 2], "parameters");
    match forward.gate {
        Gate::Open => {}
        Gate::Output(output) => assert_eq!(output.len(), length, "output"),
        Gate::Recomputed { scale, shift } | Gate::Silu { scale, shift } => {
            assert!([scale.len(), shift.len()] == [channels; 2], "parameters");
        }
    }
    let is_silu = matches!(forward.gate, Gate::Silu { .. });
    assert!(!(is_silu && residual_gradient.is_some()), "SiLU has no residual");
    assert!(residual_gradient.as_ref().is_none_or(|gradient| gradient.len() == length), "residual gradient");
    let residual = residual_gradient.map(SharedMut::new);
    let output_gradient = SharedConst(output_gradient);
    dispatch!(backward_with(forward, output_gradient, length, target, residual))
}

/// A pointer that tasks read through.
#[derive(Clone, Copy)]
struct SharedConst(*const f32);

// SAFETY: only dereferenced by kernels, under the promises of `dispatch_backward`.
unsafe impl Send for SharedConst {}
// SAFETY: as above.
unsafe impl Sync for SharedConst {}

impl SharedConst {
    fn get(self) -> *const f32 {
        self.0
    }
}

fn backward_with<S: Simd>(
    forward: BatchNormGradients<'_>,
    output_gradient: SharedConst,
    length: usize,
    target: SharedMut,
    residual: Option<SharedMut>,
) -> (Vec<f32>, Vec<f32>) {
    let channels = forward.mean.len();
    let pixels = length / channels;
    let tasks: Vec<Range<usize>> = tasks(pixels, channels).collect();
    let mut partial = Block::new(tasks.len() * 2 * channels);
    let partial_target = SharedMut::new(&mut partial);
    // Behind SiLU the gradient of what it was given goes to the target first; from there on nothing is gated.
    let silu = match forward.gate {
        Gate::Silu { scale, shift } => Some((scale, shift)),
        _ => None,
    };
    let (gated, forward) = match silu {
        Some(_) => (SharedConst(target.get()), BatchNormGradients { gate: Gate::Open, ..forward }),
        None => (output_gradient, forward),
    };
    tasks.par_iter().enumerate().for_each(|(index, pixels)| {
        if let Some((scale, shift)) = silu {
            let mut scratch = silu::scratch(channels);
            let kernel = GradientOfNormalised {
                rows: silu::Rows { pixels: pixels.clone(), scale, shift, input: forward.input },
                output_gradient: output_gradient.get(),
                target: target.get(),
                scratch: scratch.as_mut_ptr(),
            };
            // SAFETY: as below.
            unsafe { S::call(kernel) };
        }
        let kernel = Sums {
            rows: Rows::new(&forward, gated.get(), pixels),
            target: partial_target.get().wrapping_add(index * 2 * channels),
        };
        // SAFETY: the task's pixels are inside all slices, its partial sums are its own.
        unsafe { S::call(kernel) };
    });
    let mut weight_gradient = Vec::with_capacity(channels);
    let mut bias_gradient = Vec::with_capacity(channels);
    let mut factors = Block::new(3 * channels);
    for channel in 0..channels {
        let sum = |offset: usize| {
            let parts = partial.chunks_exact(2 * channels);
            parts.map(|part| f64::from(part[offset + channel])).sum::<f64>()
        };
        let (gradient, centred) = (sum(0), sum(channels));
        let inverse = f64::from(forward.inverse_deviation[channel]);
        let scale = f64::from(forward.weight[channel]) * inverse;
        let count = (pixels as f64).max(1.0);
        // dx = scale · (g - mean(g) - (x - mean) · inverse² · mean(g · (x - mean))), or scale · g by given statistics.
        let through = match forward.statistics {
            NormStatistics::Batch => scale / count,
            NormStatistics::Given => 0.0,
        };
        factors[channel] = scale as f32;
        factors[channels + channel] = (-through * inverse * inverse * centred) as f32;
        factors[2 * channels + channel] = (-through * gradient) as f32;
        weight_gradient.push((centred * inverse) as f32);
        bias_gradient.push(gradient as f32);
    }
    tasks.par_iter().for_each(|pixels| {
        let start = pixels.start * channels;
        let kernel = Values {
            rows: Rows::new(&forward, gated.get(), pixels),
            factors: factors.as_ptr(),
            target: target.get().wrapping_add(start),
            residual: residual.map(|residual| residual.get().wrapping_add(start)),
        };
        // SAFETY: the task's pixels are inside all slices, and no other task has them.
        unsafe { S::call(kernel) };
    });
    (weight_gradient, bias_gradient)
}

/// The rows of a task: what is read.
#[derive(Clone, Copy)]
struct Rows {
    input: *const f32,
    output_gradient: *const f32,
    mean: *const f32,
    gate: RowGate,
    pixels: usize,
    channels: usize,
}

#[derive(Clone, Copy)]
enum RowGate {
    Open,
    Output(*const f32),
    Recomputed(*const f32, *const f32),
}

const OPEN: u8 = 0;
const OUTPUT: u8 = 1;
const RECOMPUTED: u8 = 2;

impl Rows {
    fn new(forward: &BatchNormGradients<'_>, output_gradient: *const f32, pixels: &Range<usize>) -> Self {
        let channels = forward.mean.len();
        let start = pixels.start * channels;
        Self {
            input: forward.input[start..].as_ptr(),
            output_gradient: output_gradient.wrapping_add(start),
            mean: forward.mean.as_ptr(),
            gate: match forward.gate {
                Gate::Open => RowGate::Open,
                Gate::Output(output) => RowGate::Output(output[start..].as_ptr()),
                Gate::Recomputed { scale, shift } => RowGate::Recomputed(scale.as_ptr(), shift.as_ptr()),
                Gate::Silu { .. } => unreachable!("replaced by an open gate behind the gradient of SiLU"),
            },
            pixels: pixels.len(),
            channels,
        }
    }

    /// The gated gradient and the input of `count` channels from `channel` on, at element `row + channel`.
    #[inline(always)]
    unsafe fn load<S: Simd, const GATE: u8>(&self, row: usize, channel: usize, count: usize) -> (S::Vector, S::Vector) {
        // SAFETY: the caller's channels exist in all arrays.
        unsafe {
            let gradient = S::load_upto(self.output_gradient.add(row + channel), count);
            let input = S::load_upto(self.input.add(row + channel), count);
            let gradient = match (GATE, self.gate) {
                (OUTPUT, RowGate::Output(output)) => {
                    S::rectify(S::load_upto(output.add(row + channel), count), gradient)
                }
                (RECOMPUTED, RowGate::Recomputed(scale, shift)) => {
                    let scale = S::load_upto(scale.add(channel), count);
                    let shift = S::load_upto(shift.add(channel), count);
                    S::rectify(S::fma(input, scale, shift), gradient)
                }
                _ => gradient,
            };
            (gradient, input)
        }
    }
}

/// Sums of the gated gradient, and of its products with the centred input, `[2, channels]`.
struct Sums {
    rows: Rows,
    target: *mut f32,
}

impl Kernel for Sums {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.rows.gate {
                RowGate::Open => self.gated::<S, OPEN>(),
                RowGate::Output(_) => self.gated::<S, OUTPUT>(),
                RowGate::Recomputed(..) => self.gated::<S, RECOMPUTED>(),
            }
        }
    }
}

impl Sums {
    #[inline(always)]
    unsafe fn gated<S: Simd, const GATE: u8>(&self) {
        let channels = self.rows.channels;
        let mut channel = 0;
        while channel < channels {
            let left = channels - channel;
            // SAFETY: a strip touches the channels from `channel` on that exist.
            unsafe {
                if left >= STRIP * S::LANES {
                    self.strip::<S, GATE, STRIP>(channel, S::LANES);
                    channel += STRIP * S::LANES;
                } else {
                    self.strip::<S, GATE, 1>(channel, left.min(S::LANES));
                    channel += S::LANES;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn strip<S: Simd, const GATE: u8, const V: usize>(&self, channel: usize, last: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut means = [S::zero(); V];
            for (index, mean) in means.iter_mut().enumerate() {
                *mean = S::load_upto(self.rows.mean.add(channel + index * S::LANES), last);
            }
            let mut sums = [S::zero(); V];
            let mut products = [S::zero(); V];
            for pixel in 0..self.rows.pixels {
                for index in 0..V {
                    let first = channel + index * S::LANES;
                    let (gradient, input) = self.rows.load::<S, GATE>(pixel * self.rows.channels, first, last);
                    sums[index] = S::add(sums[index], gradient);
                    products[index] = S::fma(gradient, S::sub(input, means[index]), products[index]);
                }
            }
            for index in 0..V {
                let target = self.target.add(channel + index * S::LANES);
                S::store_upto(target, last, sums[index]);
                S::store_upto(target.add(self.rows.channels), last, products[index]);
            }
        }
    }
}

/// `factors[0] · gradient + factors[1] · (input - mean) + factors[2]`, and the gated gradient for the residual.
struct Values {
    rows: Rows,
    factors: *const f32,
    target: *mut f32,
    residual: Option<*mut f32>,
}

impl Kernel for Values {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.rows.gate, self.residual.is_some()) {
                (RowGate::Open, false) => self.gated::<S, OPEN, false>(),
                (RowGate::Open, true) => self.gated::<S, OPEN, true>(),
                (RowGate::Output(_), false) => self.gated::<S, OUTPUT, false>(),
                (RowGate::Output(_), true) => self.gated::<S, OUTPUT, true>(),
                (RowGate::Recomputed(..), false) => self.gated::<S, RECOMPUTED, false>(),
                (RowGate::Recomputed(..), true) => self.gated::<S, RECOMPUTED, true>(),
            }
        }
    }
}

impl Values {
    #[inline(always)]
    unsafe fn gated<S: Simd, const GATE: u8, const RESIDUAL: bool>(&self) {
        let channels = self.rows.channels;
        let residual = self.residual.unwrap_or(self.target);
        for pixel in 0..self.rows.pixels {
            let row = pixel * channels;
            let mut channel = 0;
            while channel < channels {
                let count = (channels - channel).min(S::LANES);
                // SAFETY: `count` channels from here on exist.
                unsafe {
                    let (gradient, input) = self.rows.load::<S, GATE>(row, channel, count);
                    let factor = |index: usize| S::load_upto(self.factors.add(index * channels + channel), count);
                    let mean = S::load_upto(self.rows.mean.add(channel), count);
                    let centred = S::fma(factor(1), S::sub(input, mean), factor(2));
                    if RESIDUAL {
                        S::store_upto(residual.add(row + channel), count, gradient);
                    }
                    S::store_upto(self.target.add(row + channel), count, S::fma(factor(0), gradient, centred));
                }
                channel += S::LANES;
            }
        }
    }
}
