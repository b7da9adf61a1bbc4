//! ARM's 128-bit vectors.

use std::arch::aarch64::*;

use super::{Kernel, Simd};

/// 4 lanes, 32 registers.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

// SAFETY (all blocks of this file): NEON is part of every AArch64 target; pointers are valid for the elements read or
// written by the trait's contract.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one argument for all, above")]
impl Simd for Neon {
    const LANES: usize = 4;
    const ACCUMULATORS: usize = 24;
    type Vector = float32x4_t;

    #[inline(always)]
    unsafe fn call<K: Kernel>(kernel: K) -> K::Output {
        #[target_feature(enable = "neon")]
        unsafe fn with_features<K: Kernel>(kernel: K) -> K::Output {
            unsafe { kernel.run::<Neon>() }
        }
        unsafe { with_features(kernel) }
    }

    #[inline(always)]
    unsafe fn zero() -> float32x4_t {
        unsafe { vdupq_n_f32(0.0) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(source) }
    }

    #[inline(always)]
    unsafe fn load_first(source: *const f32, count: usize) -> float32x4_t {
        let mut lanes = [0.0f32; 4];
        unsafe {
            std::ptr::copy_nonoverlapping(source, lanes.as_mut_ptr(), count);
            vld1q_f32(lanes.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(target: *mut f32, vector: float32x4_t) {
        unsafe { vst1q_f32(target, vector) }
    }

    #[inline(always)]
    unsafe fn store_first(target: *mut f32, count: usize, vector: float32x4_t) {
        let mut lanes = [0.0f32; 4];
        unsafe {
            vst1q_f32(lanes.as_mut_ptr(), vector);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), target, count);
        }
    }

    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vsubq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn rectify(gate: float32x4_t, value: float32x4_t) -> float32x4_t {
        unsafe { vbslq_f32(vcleq_f32(gate, vdupq_n_f32(0.0)), vdupq_n_f32(0.0), value) }
    }
}
