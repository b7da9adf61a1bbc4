//! Batch normalisation followed by SiLU, `y = z · sigmoid(z)` with `z = input · scale + shift`.
//!
//! `z` is never kept: what is a few rows long stays in the fastest cache between one step and the next.

use std::ops::Range;

use rayon::prelude::*;

use super::super::activation::{self, Function};
use super::super::memory::Block;
use super::super::raw::SharedMut;
use super::super::simd::{Kernel, Simd, dispatch};
use super::forward::Apply;
use super::tasks;

/// Elements that are normalised before the activation goes over them: 8 KiB.
const BLOCK_ELEMENTS: usize = 2 << 10;

/// Rows of `channels` elements that make up a block.
fn block_rows(channels: usize) -> usize {
    (BLOCK_ELEMENTS / channels).max(1)
}

/// `output = silu(input · scale + shift)`; `scale` and `shift` hold one value a channel.
///
/// # Panics
///
/// When the lengths do not agree.
pub fn apply_silu(input: &[f32], scale: &[f32], shift: &[f32], output: &mut [f32]) {
    let channels = scale.len();
    assert!(channels > 0 && input.len().is_multiple_of(channels), "{} elements, {channels} channels", input.len());
    assert_eq!(shift.len(), channels, "one shift a channel");
    assert_eq!(output.len(), input.len(), "output");
    dispatch!(apply_with(input, scale, shift, SharedMut::new(output)));
}

fn apply_with<S: Simd>(input: &[f32], scale: &[f32], shift: &[f32], target: SharedMut) {
    let channels = scale.len();
    let tasks: Vec<Range<usize>> = tasks(input.len() / channels, channels).collect();
    tasks.par_iter().for_each(|pixels| {
        let rows = Rows { pixels: pixels.clone(), scale, shift, input };
        // SAFETY: the task's pixels are inside both slices, and no other task has them.
        unsafe { S::call(Forward { rows, target: target.get() }) };
    });
}

/// The pixels of a task, and how they are normalised.
pub(super) struct Rows<'a> {
    pub(super) pixels: Range<usize>,
    pub(super) scale: &'a [f32],
    pub(super) shift: &'a [f32],
    pub(super) input: &'a [f32],
}

impl Rows<'_> {
    /// Pixels that are gone through together, as ranges of elements.
    #[inline(always)]
    fn blocks(&self) -> impl Iterator<Item = Range<usize>> {
        let (channels, end) = (self.scale.len(), self.pixels.end);
        let rows = block_rows(channels);
        self.pixels.clone().step_by(rows).map(move |row| row * channels..(row + rows).min(end) * channels)
    }

    /// `target = input · scale + shift` for elements that make up whole rows.
    ///
    /// # Safety
    ///
    /// `target` is writable for as many elements.
    #[inline(always)]
    unsafe fn normalise<S: Simd>(&self, elements: Range<usize>, target: *mut f32) {
        let channels = self.scale.len();
        let kernel = Apply {
            input: self.input[elements.clone()].as_ptr(),
            scale: self.scale.as_ptr(),
            shift: self.shift.as_ptr(),
            residual: None,
            relu: false,
            output: target,
            pixels: elements.len() / channels,
            channels,
        };
        // SAFETY: the elements exist in the input, and the caller's promise.
        unsafe { kernel.run::<S>() };
    }
}

struct Forward<'a> {
    rows: Rows<'a>,
    target: *mut f32,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for elements in self.rows.blocks() {
            // SAFETY: the task's rows of the target are its own.
            unsafe {
                let target = self.target.add(elements.start);
                self.rows.normalise::<S>(elements.clone(), target);
                let values = std::slice::from_raw_parts_mut(target, elements.len());
                activation::Apply { function: Function::Silu, values }.run::<S>();
            }
        }
    }
}

/// `target = output_gradient · silu'(z)`: the gradient of `z`. The two may be the same memory.
pub(super) struct GradientOfNormalised<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) output_gradient: *const f32,
    pub(super) target: *mut f32,
    /// At least [`scratch_elements`] long, and the task's own.
    pub(super) scratch: *mut f32,
}

/// Length of [`GradientOfNormalised::scratch`].
pub(super) fn scratch_elements(channels: usize) -> usize {
    block_rows(channels) * channels
}

/// Memory for a task's [`GradientOfNormalised::scratch`].
pub(super) fn scratch(channels: usize) -> Block {
    Block::new(scratch_elements(channels))
}

impl Kernel for GradientOfNormalised<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for elements in self.rows.blocks() {
            let length = elements.len();
            // SAFETY: the task's rows of gradient and target are its own, and the scratch holds a block.
            unsafe {
                self.rows.normalise::<S>(elements.clone(), self.scratch);
                let target = self.target.add(elements.start);
                std::ptr::copy(self.output_gradient.add(elements.start), target, length);
                let input = std::slice::from_raw_parts(self.scratch, length);
                let gradient = std::slice::from_raw_parts_mut(target, length);
                activation::Gradient { function: Function::Silu, gradient, input }.run::<S>();
            }
        }
    }
}
