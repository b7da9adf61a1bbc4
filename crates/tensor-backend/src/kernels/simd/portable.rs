//! Vectors as arrays, for the compiler to make the best of.

use super::{Kernel, Simd};

/// 8 lanes: two 128-bit registers each.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// Applies a function lane by lane.
#[inline(always)]
fn each(a: [f32; 8], b: [f32; 8], function: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    let mut out = [0.0; 8];
    for lane in 0..8 {
        out[lane] = function(a[lane], b[lane]);
    }
    out
}

impl Simd for Portable {
    const LANES: usize = 8;
    const ACCUMULATORS: usize = 12;
    type Vector = [f32; 8];

    #[inline(always)]
    unsafe fn call<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: no instruction set is needed; the kernel's pointers are the caller's duty.
        unsafe { kernel.run::<Portable>() }
    }

    #[inline(always)]
    unsafe fn zero() -> [f32; 8] {
        [0.0; 8]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; 8] {
        [value; 8]
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> [f32; 8] {
        // SAFETY: the caller gives 8 readable elements.
        unsafe { source.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_first(source: *const f32, count: usize) -> [f32; 8] {
        let mut out = [0.0; 8];
        // SAFETY: the caller gives `count < 8` readable elements.
        unsafe { std::ptr::copy_nonoverlapping(source, out.as_mut_ptr(), count) };
        out
    }

    #[inline(always)]
    unsafe fn store(target: *mut f32, vector: [f32; 8]) {
        // SAFETY: the caller gives 8 writable elements.
        unsafe { target.cast::<[f32; 8]>().write_unaligned(vector) }
    }

    #[inline(always)]
    unsafe fn store_first(target: *mut f32, count: usize, vector: [f32; 8]) {
        // SAFETY: the caller gives `count < 8` writable elements.
        unsafe { std::ptr::copy_nonoverlapping(vector.as_ptr(), target, count) };
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(a, b, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(a, b, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        each(a, b, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn fma(a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        // Two roundings: without the instruction, a fused one is a slow library call.
        each(each(a, b, |a, b| a * b), c, |product, c| product + c)
    }

    #[inline(always)]
    unsafe fn rectify(gate: [f32; 8], value: [f32; 8]) -> [f32; 8] {
        each(gate, value, |gate, value| if gate <= 0.0 { 0.0 } else { value })
    }
}
