//! x86's 256-bit vectors with fused multiply-add.

use std::arch::x86_64::*;

use super::{Kernel, Simd};

/// 8 lanes, 16 registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

/// `MASK[8 - n..]` selects the first `n` lanes.
static MASK: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

#[inline(always)]
unsafe fn first(count: usize) -> __m256i {
    debug_assert!(count <= 8);
    // SAFETY: with at most 8 lanes selected, 8 elements from `MASK[8 - count]` on are inside the array.
    unsafe { _mm256_loadu_si256(MASK.as_ptr().add(8 - count).cast()) }
}

// SAFETY (all blocks of this file): the trait's contract, that the processor has AVX2 and FMA and that pointers are
// valid for the elements read or written, is what the intrinsics need; masked lanes are not accessed.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one argument for all, above")]
impl Simd for Avx2 {
    const LANES: usize = 8;
    const ACCUMULATORS: usize = 12;
    // 6 rows of 2 vectors, 2 vectors of weights and 1 value: 15 of 16 registers. 3 rows of 4 would need 17.
    const PANEL_VECTORS: usize = 2;
    type Vector = __m256;

    #[inline(always)]
    unsafe fn call<K: Kernel>(kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        unsafe fn with_features<K: Kernel>(kernel: K) -> K::Output {
            unsafe { kernel.run::<Avx2>() }
        }
        unsafe { with_features(kernel) }
    }

    #[inline(always)]
    unsafe fn zero() -> __m256 {
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn load_first(source: *const f32, count: usize) -> __m256 {
        unsafe { _mm256_maskload_ps(source, first(count)) }
    }

    #[inline(always)]
    unsafe fn store(target: *mut f32, vector: __m256) {
        unsafe { _mm256_storeu_ps(target, vector) }
    }

    #[inline(always)]
    unsafe fn store_first(target: *mut f32, count: usize, vector: __m256) {
        unsafe { _mm256_maskstore_ps(target, first(count), vector) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn rectify(gate: __m256, value: __m256) -> __m256 {
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(gate, _mm256_setzero_ps()), value) }
    }
}
