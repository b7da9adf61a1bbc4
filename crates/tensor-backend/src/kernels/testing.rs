//! What the kernels' tests share: numbers, and the convolution's definition in `f64`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::conv::ConvShape;
use super::simd::{Level, force_level};

/// A small generator (Marsaglia 2003, "Xorshift RNGs"), so that a test's inputs are the same everywhere.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A whole number in `low..=high`.
    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() >> 33) as usize % (high - low + 1)
    }

    /// `count` values in -1..1.
    pub(crate) fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect()
    }
}

/// How many of `count` random cases a test goes through: Miri takes a thousand times as long for each.
pub(crate) const fn cases(count: usize) -> usize {
    if cfg!(miri) { count.div_ceil(10) } else { count }
}

/// Whether a test of about so many multiplications is for Miri too.
pub(crate) const fn is_affordable(operations: usize) -> bool {
    !cfg!(miri) || operations < 150_000
}

/// Held by tests that force a level or compare results of several calls: the level belongs to the whole process.
pub(crate) fn level_lock() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    // A failed test leaves a poisoned lock and perhaps a forced level behind.
    let guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    force_level(None);
    guard
}

/// Runs `test` with each level that this processor has.
pub(crate) fn at_every_level(mut test: impl FnMut(Level)) {
    let _lock = level_lock();
    for level in [Level::Portable, Level::Neon, Level::Avx2, Level::Avx512] {
        if level.is_available() {
            force_level(Some(level));
            test(level);
        }
    }
    force_level(None);
}

/// Largest difference, relative to the largest expected magnitude.
pub(crate) fn relative_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1e-12f64, |scale, value| scale.max(value.abs()));
    let difference = found.iter().zip(expected).map(|(&found, &expected)| (f64::from(found) - expected).abs());
    difference.fold(0.0, |most, difference| if difference.is_nan() { f64::NAN } else { most.max(difference) }) / scale
}

/// Calls `visit` with the indices of input, weight and output of every product of a convolution.
pub(crate) fn for_each_product(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [height, width] = shape.input;
    let [out_height, out_width] = shape.output;
    for n in 0..shape.batch {
        for k in 0..shape.channels_out {
            let group = k / shape.group_out();
            for (oy, ox) in (0..out_height).flat_map(|oy| (0..out_width).map(move |ox| (oy, ox))) {
                for c in 0..shape.group_in() {
                    for (ky, kx) in (0..shape.kernel[0]).flat_map(|ky| (0..shape.kernel[1]).map(move |kx| (ky, kx))) {
                        let y = (oy * shape.stride[0] + ky * shape.dilation[0]).wrapping_sub(shape.padding[0]);
                        let x = (ox * shape.stride[1] + kx * shape.dilation[1]).wrapping_sub(shape.padding[1]);
                        if y < height && x < width {
                            visit(
                                ((n * height + y) * width + x) * shape.channels_in + group * shape.group_in() + c,
                                ((k * shape.group_in() + c) * shape.kernel[0] + ky) * shape.kernel[1] + kx,
                                ((n * out_height + oy) * out_width + ox) * shape.channels_out + k,
                            );
                        }
                    }
                }
            }
        }
    }
}
