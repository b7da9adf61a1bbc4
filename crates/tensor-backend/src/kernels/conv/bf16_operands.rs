//! Operands rounded to bf16, and brought into the pairs that one lane of a product takes.
//!
//! Pairs are stored in slices of `f32`, two bf16 numbers in the bits of each element, so that an image of pairs is an
//! image of half as many channels (or half as many images) to everything that only moves elements.

use rayon::prelude::*;

use super::super::memory::Block;
use super::super::parallel::TASK_ELEMENTS;

/// `value` rounded to the nearest bf16, ties to even. Not a number stays one.
pub(crate) fn round(value: f32) -> f32 {
    let bits = value.to_bits();
    if value.is_nan() {
        return f32::from_bits((bits | 1 << 22) & 0xFFFF_0000);
    }
    // Half of the last place kept, less one where that place is even.
    let half = 0x7FFF + (bits >> 16 & 1);
    f32::from_bits(bits.wrapping_add(half) & 0xFFFF_0000)
}

/// All values rounded, as `f32`.
pub(crate) fn rounded(values: &[f32]) -> Block {
    let mut block = Block::new(values.len());
    let pieces = block.par_chunks_mut(TASK_ELEMENTS).zip(values.par_chunks(TASK_ELEMENTS));
    pieces.for_each(|(target, source)| {
        for (target, &value) in target.iter_mut().zip(source) {
            *target = round(value);
        }
    });
    block
}

/// The bits of a pair as an element.
pub(crate) fn pair(low: f32, high: f32) -> f32 {
    f32::from_bits(round(low).to_bits() >> 16 | round(high).to_bits())
}

/// Pairs along the second of three axes, `[outer][axis][inner]` to `[outer][axis / 2, rounded up][inner]`; an odd last
/// element is paired with zero. For weights: nothing here is vectorised.
pub(crate) fn pair_axis(values: &[f32], outer: usize, axis: usize, inner: usize) -> Block {
    let pairs = axis.div_ceil(2);
    let mut block = Block::new(outer * pairs * inner);
    let parts = block.par_chunks_mut((pairs * inner).max(1)).zip(values.par_chunks((axis * inner).max(1)));
    parts.for_each(|(target, source)| {
        for (target, source) in target.chunks_exact_mut(inner).zip(source.chunks(2 * inner)) {
            let (low, high) = source.split_at(inner);
            for (index, (target, &low)) in target.iter_mut().zip(low).enumerate() {
                *target = pair(low, high.get(index).copied().unwrap_or(0.0));
            }
        }
    });
    block
}

#[cfg(target_arch = "x86_64")]
pub(crate) use native::{channel_pairs, image_pairs};

#[cfg(target_arch = "x86_64")]
mod native {
    use super::super::super::raw::SharedMut;
    use super::super::super::simd::bf16::{Avx512Bf16, interleave, neighbours};
    use super::*;

    /// Pairs of neighbouring channels: `[pixels][groups][channels]` to `[pixels][groups][channels / 2, rounded up]`.
    ///
    /// # Panics
    ///
    /// When the processor has no bf16 instructions, or `channels` does not divide the length.
    pub(crate) fn channel_pairs(values: &[f32], channels: usize) -> Block {
        assert!(Avx512Bf16::is_available(), "bf16 instructions");
        assert!(values.len().is_multiple_of(channels), "{} elements, {channels} channels", values.len());
        let pairs = channels.div_ceil(2);
        let runs = values.len() / channels;
        let mut block = Block::new(runs * pairs);
        let target = SharedMut::new(&mut block);
        let per_task = (TASK_ELEMENTS / channels).max(1);
        (0..runs.div_ceil(per_task)).into_par_iter().for_each(|task| {
            let (first, end) = (task * per_task, ((task + 1) * per_task).min(runs));
            // SAFETY: runs first..end are inside both slices, and no other task has them.
            unsafe {
                let (source, target) = (values.as_ptr().add(first * channels), target.get().add(first * pairs));
                if channels.is_multiple_of(2) {
                    neighbours(source, target, (end - first) * channels);
                } else {
                    for run in 0..end - first {
                        neighbours(source.add(run * channels), target.add(run * pairs), channels);
                    }
                }
            }
        });
        block
    }

    /// Pairs of the same element in neighbouring images: `[images][elements]` to `[images / 2, rounded up][elements]`;
    /// an odd last image is paired with zeros.
    ///
    /// # Panics
    ///
    /// When the processor has no bf16 instructions, or `elements` does not divide the length.
    pub(crate) fn image_pairs(values: &[f32], elements: usize) -> Block {
        assert!(Avx512Bf16::is_available(), "bf16 instructions");
        assert!(values.len().is_multiple_of(elements), "{} elements, {elements} an image", values.len());
        let images = values.len() / elements;
        let mut block = Block::new(images.div_ceil(2) * elements);
        let pieces = elements.div_ceil(TASK_ELEMENTS);
        let target = SharedMut::new(&mut block);
        (0..images.div_ceil(2) * pieces).into_par_iter().for_each(|task| {
            let (pair, piece) = (task / pieces, task % pieces);
            let (first, end) = (elements * piece / pieces, elements * (piece + 1) / pieces);
            // SAFETY: these elements are inside both images, and no other task has them.
            unsafe {
                let low = values.as_ptr().add(2 * pair * elements + first);
                let high = (2 * pair + 1 < images).then(|| low.wrapping_add(elements));
                interleave(low, high, target.get().add(pair * elements + first), end - first);
            }
        });
        block
    }
}
