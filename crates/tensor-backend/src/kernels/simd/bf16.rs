//! x86's 512-bit vectors with products of bfloat16 pairs (AVX512-BF16).

use std::arch::x86_64::*;

use super::{Avx512, Kernel, Level, Simd, level};

/// [`Avx512`] whose [`Simd::product`] takes a lane of 32 bits as two bf16 numbers: twice the products of an `f32`
/// multiply-add. Sums are `f32`, and so is everything else.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Bf16;

impl Avx512Bf16 {
    /// Whether the processor has it and the level in use allows it.
    pub(crate) fn is_available() -> bool {
        level() == Level::Avx512 && is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512bw")
    }
}

/// Implements the functions of [`Simd`] that are [`Avx512`]'s.
macro_rules! as_avx512 {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)?;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($($argument: $kind),*) $(-> $result)? {
                // SAFETY: the trait's contract is the same.
                unsafe { Avx512::$name($($argument),*) }
            }
        )*
    };
}

impl Simd for Avx512Bf16 {
    const LANES: usize = Avx512::LANES;
    const ACCUMULATORS: usize = Avx512::ACCUMULATORS;
    type Vector = __m512;

    #[inline(always)]
    unsafe fn call<K: Kernel>(kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512bf16,avx2,fma")]
        unsafe fn with_features<K: Kernel>(kernel: K) -> K::Output {
            // SAFETY: the caller's.
            unsafe { kernel.run::<Avx512Bf16>() }
        }
        // SAFETY: the caller's promise that the processor has the instruction set.
        unsafe { with_features(kernel) }
    }

    #[inline(always)]
    unsafe fn product(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the processor has AVX512-BF16; both types are 512 bits without invalid values.
        unsafe {
            _mm512_dpbf16_ps(c, std::mem::transmute::<__m512, __m512bh>(a), std::mem::transmute::<__m512, __m512bh>(b))
        }
    }

    as_avx512! {
        fn zero() -> __m512;
        fn splat(value: f32) -> __m512;
        fn load(source: *const f32) -> __m512;
        fn load_first(source: *const f32, count: usize) -> __m512;
        fn store(target: *mut f32, vector: __m512);
        fn store_first(target: *mut f32, count: usize, vector: __m512);
        fn add(a: __m512, b: __m512) -> __m512;
        fn sub(a: __m512, b: __m512) -> __m512;
        fn mul(a: __m512, b: __m512) -> __m512;
        fn fma(a: __m512, b: __m512, c: __m512) -> __m512;
        fn rectify(gate: __m512, value: __m512) -> __m512;
    }
}

/// Rounds 16 pairs, the lower half of each from `low` and the upper from `high`.
#[inline(always)]
pub(crate) unsafe fn pair_lanes(low: __m512, high: __m512) -> __m512 {
    // SAFETY: the caller has AVX512-BF16 and AVX512-BW.
    unsafe {
        let halves = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low));
        // Word i of the low half beside word i of the high half.
        let order = _mm512_set_epi16(
            31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17,
            1, 16, 0,
        );
        _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, halves))
    }
}

/// `target[i]` gets the pair (`low[i]`, `high[i]`); without `high`, zeros.
///
/// # Safety
///
/// The processor has AVX512-BF16 and AVX512-BW; all pointers are valid for `count` elements.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(crate) unsafe fn interleave(low: *const f32, high: Option<*const f32>, target: *mut f32, count: usize) {
    let mut index = 0;
    while index < count {
        let left = (count - index).min(16);
        let mask = ((1u32 << left) - 1) as __mmask16;
        // SAFETY: masked lanes are not accessed, the others are inside `count` elements.
        unsafe {
            let a = _mm512_maskz_loadu_ps(mask, low.add(index));
            let b = high.map_or(_mm512_setzero_ps(), |high| _mm512_maskz_loadu_ps(mask, high.add(index)));
            _mm512_mask_storeu_ps(target.add(index), mask, pair_lanes(a, b));
        }
        index += 16;
    }
}

/// Rounds `count` numbers, and one zero more if `count` is odd, to `target`: pairs of neighbours.
///
/// # Safety
///
/// The processor has AVX512-BF16 and AVX512-BW; `source` is valid for `count` elements and `target` for half as many,
/// rounded up.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(crate) unsafe fn neighbours(source: *const f32, target: *mut f32, count: usize) {
    let mut index = 0;
    // SAFETY: whole vectors first, then masked ones; both stay inside the stated lengths.
    unsafe {
        while index + 32 <= count {
            let (a, b) = (_mm512_loadu_ps(source.add(index)), _mm512_loadu_ps(source.add(index + 16)));
            let pairs = std::mem::transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(b, a));
            _mm512_storeu_ps(target.add(index / 2), pairs);
            index += 32;
        }
        while index < count {
            let left = (count - index).min(16);
            let values = _mm512_maskz_loadu_ps(((1u32 << left) - 1) as __mmask16, source.add(index));
            let pairs = std::mem::transmute::<__m256bh, __m256>(_mm512_cvtneps_pbh(values));
            let mask = ((1u32 << left.div_ceil(2)) - 1) as __mmask16;
            _mm512_mask_storeu_ps(target.add(index / 2), mask, _mm512_castps256_ps512(pairs));
            index += 16;
        }
    }
}
