//! The number format of products.

use std::cell::Cell;

use serde::{Deserialize, Serialize};

/// What the operands of convolutions and linear layers are rounded to before they are multiplied. Sums, results,
/// gradients and parameters are `f32` either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits of precision: not rounded.
    #[default]
    F32,
    /// bfloat16: 8 bits of precision with the exponents of `f32`. Backends without kernels of their own compute in
    /// `f32`, and so do ours where that is faster (see `docs/performance.md`).
    Bf16,
}

thread_local! {
    static CURRENT: Cell<Precision> = const { Cell::new(Precision::F32) };
}

/// Sets a thread's precision back, also when the work panics.
struct Restore(Precision);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Does `work` with `precision` for all convolutions and linear layers that this thread calls meanwhile. Backward passes
/// have the precision of their forward pass, wherever they run.
pub fn with_precision<R>(precision: Precision, work: impl FnOnce() -> R) -> R {
    let _restore = Restore(CURRENT.replace(precision));
    work()
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// The name in files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }

    /// The one set by [`with_precision`] if it is lower.
    pub(crate) fn or_current(self) -> Self {
        match (self, CURRENT.get()) {
            (Precision::F32, Precision::F32) => Precision::F32,
            (Precision::Bf16, _) | (_, Precision::Bf16) => Precision::Bf16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_precision_counts_inside_and_only_inside() {
        assert_eq!(Precision::F32.or_current(), Precision::F32);
        assert_eq!(Precision::Bf16.or_current(), Precision::Bf16);
        with_precision(Precision::Bf16, || {
            assert_eq!(Precision::F32.or_current(), Precision::Bf16);
            with_precision(Precision::F32, || assert_eq!(Precision::F32.or_current(), Precision::F32));
            assert_eq!(Precision::F32.or_current(), Precision::Bf16);
        });
        let panicked = std::panic::catch_unwind(|| with_precision(Precision::Bf16, || panic!("of the work")));
        assert!(panicked.is_err());
        assert_eq!(Precision::F32.or_current(), Precision::F32);
    }
}
