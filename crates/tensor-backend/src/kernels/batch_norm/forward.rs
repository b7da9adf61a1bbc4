//! Statistics, and the normalisation itself.

use std::ops::Range;

use rayon::prelude::*;

use super::super::memory::Block;
use super::super::raw::SharedMut;
use super::super::simd::{Kernel, Simd, dispatch};
use super::{STRIP, tasks};

/// Mean and biased variance (divided by n) of each channel of `input` `[pixels, channels]`.
///
/// Each task sums differences from its first pixel, so that a large mean does not cancel the variance; tasks are
/// combined in `f64` (Chan, Golub and LeVeque 1983).
///
/// # Panics
///
/// When `channels` does not divide the input's length.
pub fn statistics(input: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    assert!(channels > 0 && input.len().is_multiple_of(channels), "{} elements, {channels} channels", input.len());
    dispatch!(statistics_with(input, channels))
}

fn statistics_with<S: Simd>(input: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let pixels = input.len() / channels;
    let tasks: Vec<Range<usize>> = tasks(pixels, channels).collect();
    let mut partial = Block::new(tasks.len() * 2 * channels);
    let target = SharedMut::new(&mut partial);
    tasks.par_iter().enumerate().for_each(|(index, pixels)| {
        let kernel = Moments {
            input: input[pixels.start * channels..].as_ptr(),
            pixels: pixels.len(),
            channels,
            target: target.get().wrapping_add(index * 2 * channels),
        };
        // SAFETY: the task's pixels are inside the input, its partial sums are its own.
        unsafe { S::call(kernel) };
    });
    let mut means = Vec::with_capacity(channels);
    let mut variances = Vec::with_capacity(channels);
    for channel in 0..channels {
        let part = |index: usize, pixels: &Range<usize>| {
            let sums = &partial[index * 2 * channels..];
            let count = pixels.len() as f64;
            let (sum, squares) = (f64::from(sums[channel]), f64::from(sums[channels + channel]));
            let pivot = f64::from(input[pixels.start * channels + channel]);
            (count, pivot + sum / count, (squares - sum * sum / count).max(0.0))
        };
        let parts = || tasks.iter().enumerate().map(|(index, pixels)| part(index, pixels));
        let total = (pixels as f64).max(1.0);
        let mean = parts().map(|(count, mean, _)| count * mean).sum::<f64>() / total;
        let spread = parts().map(|(count, part, spread)| spread + count * (part - mean).powi(2)).sum::<f64>();
        means.push(mean as f32);
        variances.push((spread / total) as f32);
    }
    (means, variances)
}

/// Sums of differences from the first pixel and of their squares, `[2, channels]`.
struct Moments {
    input: *const f32,
    pixels: usize,
    channels: usize,
    target: *mut f32,
}

impl Kernel for Moments {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let mut channel = 0;
        while channel < self.channels {
            let left = self.channels - channel;
            // SAFETY: a strip touches the channels from `channel` on that exist.
            unsafe {
                if left >= STRIP * S::LANES {
                    self.strip::<S, STRIP>(channel, S::LANES);
                    channel += STRIP * S::LANES;
                } else {
                    self.strip::<S, 1>(channel, left.min(S::LANES));
                    channel += S::LANES;
                }
            }
        }
    }
}

impl Moments {
    /// `V` vectors of channels, of which the last has `last` channels.
    #[inline(always)]
    unsafe fn strip<S: Simd, const V: usize>(&self, channel: usize, last: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut pivots = [S::zero(); V];
            let mut sums = [S::zero(); V];
            let mut squares = [S::zero(); V];
            let mut row = self.input.add(channel);
            for (index, pivot) in pivots.iter_mut().enumerate() {
                *pivot = S::load_upto(row.add(index * S::LANES), last);
            }
            for _ in 0..self.pixels {
                for index in 0..V {
                    let value = S::sub(S::load_upto(row.add(index * S::LANES), last), pivots[index]);
                    sums[index] = S::add(sums[index], value);
                    squares[index] = S::fma(value, value, squares[index]);
                }
                row = row.wrapping_add(self.channels);
            }
            for index in 0..V {
                let target = self.target.add(channel + index * S::LANES);
                S::store_upto(target, last, sums[index]);
                S::store_upto(target.add(self.channels), last, squares[index]);
            }
        }
    }
}

/// `output = input · scale + shift + residual`, rectified if `relu`; `scale` and `shift` hold one value a channel.
///
/// # Panics
///
/// When the lengths do not agree.
pub fn apply(input: &[f32], scale: &[f32], shift: &[f32], residual: Option<&[f32]>, relu: bool, output: &mut [f32]) {
    let channels = scale.len();
    assert!(channels > 0 && input.len().is_multiple_of(channels), "{} elements, {channels} channels", input.len());
    assert_eq!(shift.len(), channels, "one shift a channel");
    assert_eq!(output.len(), input.len(), "output");
    assert!(residual.is_none_or(|residual| residual.len() == input.len()), "residual");
    let source = Source::Slice(input);
    dispatch!(apply_with(source, input.len(), scale, shift, residual, relu, SharedMut::new(output)));
}

/// [`apply`] with the output in the place of the input.
///
/// # Panics
///
/// When the lengths do not agree.
pub fn apply_in_place(values: &mut [f32], scale: &[f32], shift: &[f32], residual: Option<&[f32]>, relu: bool) {
    let channels = scale.len();
    assert!(channels > 0 && values.len().is_multiple_of(channels), "{} elements, {channels} channels", values.len());
    assert_eq!(shift.len(), channels, "one shift a channel");
    assert!(residual.is_none_or(|residual| residual.len() == values.len()), "residual");
    let length = values.len();
    dispatch!(apply_with(Source::Target, length, scale, shift, residual, relu, SharedMut::new(values)));
}

/// What [`apply_with`] reads.
#[derive(Clone, Copy)]
enum Source<'a> {
    Slice(&'a [f32]),
    /// What it writes to; each element is read first, by the same task.
    Target,
}

fn apply_with<S: Simd>(
    source: Source<'_>,
    length: usize,
    scale: &[f32],
    shift: &[f32],
    residual: Option<&[f32]>,
    relu: bool,
    target: SharedMut,
) {
    let channels = scale.len();
    let tasks: Vec<Range<usize>> = tasks(length / channels, channels).collect();
    tasks.par_iter().for_each(|pixels| {
        let start = pixels.start * channels;
        let kernel = Apply {
            input: match source {
                Source::Slice(input) => input[start..].as_ptr(),
                Source::Target => target.get().wrapping_add(start),
            },
            scale: scale.as_ptr(),
            shift: shift.as_ptr(),
            residual: residual.map(|residual| residual[start..].as_ptr()),
            relu,
            output: target.get().wrapping_add(start),
            pixels: pixels.len(),
            channels,
        };
        // SAFETY: the task's pixels are inside all slices, and no other task has them.
        unsafe { S::call(kernel) };
    });
}

/// [`apply`] to the pixels of a task.
pub(super) struct Apply {
    pub(super) input: *const f32,
    pub(super) scale: *const f32,
    pub(super) shift: *const f32,
    pub(super) residual: Option<*const f32>,
    pub(super) relu: bool,
    pub(super) output: *mut f32,
    pub(super) pixels: usize,
    pub(super) channels: usize,
}

impl Kernel for Apply {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.residual, self.relu) {
                (None, false) => self.rows::<S, false, false>(),
                (None, true) => self.rows::<S, false, true>(),
                (Some(_), false) => self.rows::<S, true, false>(),
                (Some(_), true) => self.rows::<S, true, true>(),
            }
        }
    }
}

impl Apply {
    #[inline(always)]
    unsafe fn rows<S: Simd, const RESIDUAL: bool, const RELU: bool>(&self) {
        let residual = self.residual.unwrap_or(self.input);
        for pixel in 0..self.pixels {
            let row = pixel * self.channels;
            let mut channel = 0;
            while channel < self.channels {
                let count = (self.channels - channel).min(S::LANES);
                // SAFETY: `count` channels from here on exist.
                unsafe {
                    let value = S::load_upto(self.input.add(row + channel), count);
                    let scale = S::load_upto(self.scale.add(channel), count);
                    let shift = S::load_upto(self.shift.add(channel), count);
                    let mut value = S::fma(value, scale, shift);
                    if RESIDUAL {
                        value = S::add(value, S::load_upto(residual.add(row + channel), count));
                    }
                    if RELU {
                        value = S::rectify(value, value);
                    }
                    S::store_upto(self.output.add(row + channel), count, value);
                }
                channel += S::LANES;
            }
        }
    }
}
