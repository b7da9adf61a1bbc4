//! Vectors of `f32` on the instruction sets we know, and the choice between them at run time.
//!
//! A kernel is a `Kernel`: a struct of arguments whose `Kernel::run` is generic over the vector type. Calling it
//! through `Simd::call` compiles that body once for each instruction set, with the set's target features on.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
pub(crate) mod bf16;
mod level;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use level::dispatch;
pub use level::{Level, force_level, level};
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use portable::Portable;

/// A vector instruction set.
///
/// # Safety
///
/// All functions may be called only on a processor that has the instruction set, and pointers must be valid for
/// [`Simd::LANES`] elements (or the stated count), without any need of alignment.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// Elements of a vector.
    const LANES: usize;
    /// Vectors that a kernel may keep as accumulators, leaving registers for its operands.
    const ACCUMULATORS: usize;
    /// Most vectors of a panel of weights. Accumulators, one row of the panel and a value of the other operand must fit
    /// into the registers, or the innermost loop spills.
    const PANEL_VECTORS: usize = 4;
    /// A vector.
    type Vector: Copy;

    /// Runs `kernel` with the target features of this instruction set.
    unsafe fn call<K: Kernel>(kernel: K) -> K::Output;
    /// All lanes zero.
    unsafe fn zero() -> Self::Vector;
    /// All lanes `value`.
    unsafe fn splat(value: f32) -> Self::Vector;
    /// `LANES` elements from `source`.
    unsafe fn load(source: *const f32) -> Self::Vector;
    /// The first `count < LANES` elements from `source`, zeros in the other lanes; reads nothing beyond `count`.
    unsafe fn load_first(source: *const f32, count: usize) -> Self::Vector;
    /// Writes all lanes to `target`.
    unsafe fn store(target: *mut f32, vector: Self::Vector);
    /// Writes the first `count < LANES` lanes to `target`.
    unsafe fn store_first(target: *mut f32, count: usize, vector: Self::Vector);
    /// `a + b`.
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`.
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b`.
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b + c`, rounded once where the hardware can.
    unsafe fn fma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Zero where `gate <= 0`, `value` elsewhere: also where the gate is not a number, as in PyTorch's rectifier, so that
    /// a broken number is not taken for a negative one.
    unsafe fn rectify(gate: Self::Vector, value: Self::Vector) -> Self::Vector;

    /// What the product kernels (tiles and outer products) accumulate with: [`Simd::fma`], or where the operands' lanes
    /// are pairs of shorter numbers, `c` plus both products of a pair.
    #[inline(always)]
    unsafe fn product(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: as required of the caller.
        unsafe { Self::fma(a, b, c) }
    }

    /// `count <= LANES` elements from `source`.
    #[inline(always)]
    unsafe fn load_upto(source: *const f32, count: usize) -> Self::Vector {
        // SAFETY: as required of the caller.
        unsafe { if count >= Self::LANES { Self::load(source) } else { Self::load_first(source, count) } }
    }

    /// Writes `count <= LANES` lanes to `target`.
    #[inline(always)]
    unsafe fn store_upto(target: *mut f32, count: usize, vector: Self::Vector) {
        // SAFETY: as required of the caller.
        unsafe {
            if count >= Self::LANES { Self::store(target, vector) } else { Self::store_first(target, count, vector) }
        }
    }
}

/// A piece of work compiled for every instruction set.
pub(crate) trait Kernel {
    /// What it gives.
    type Output;

    /// Does the work. Implementations are `#[inline(always)]`, and so is all they call.
    ///
    /// # Safety
    ///
    /// Only through [`Simd::call`], on a processor that has `S`, and with pointers in `self` as the kernel documents.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}
