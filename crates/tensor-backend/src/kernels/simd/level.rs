//! Which instruction set to use.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set that kernels are compiled for, widest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the compiler makes of plain Rust.
    Portable = 1,
    /// ARM's 128-bit vectors.
    Neon = 2,
    /// x86's 256-bit vectors with fused multiply-add.
    Avx2 = 3,
    /// x86's 512-bit vectors.
    Avx512 = 4,
}

impl Level {
    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            Level::Portable => true,
            Level::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Level::Avx2 | Level::Avx512 => false,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "portable" => Some(Level::Portable),
            "neon" => Some(Level::Neon),
            "avx2" => Some(Level::Avx2),
            "avx512" => Some(Level::Avx512),
            _ => None,
        }
    }
}

/// 0 while nothing is forced, otherwise the forced level's number.
static FORCED: AtomicU8 = AtomicU8::new(0);

/// Makes every later kernel of this process use `level`, or the detected one again with `None`. Meant for tests and
/// measurements: results of different levels differ in rounding.
///
/// # Panics
///
/// When this processor does not have `level`.
pub fn force_level(level: Option<Level>) {
    if let Some(level) = level {
        assert!(level.is_available(), "this processor does not have {level:?}");
    }
    FORCED.store(level.map_or(0, |level| level as u8), Ordering::Relaxed);
}

/// The level in use: the forced one, or else the one named by the environment variable `OKULO_SIMD` (`portable`,
/// `neon`, `avx2` or `avx512`) if this processor has it, or else the widest it has.
pub fn level() -> Level {
    match FORCED.load(Ordering::Relaxed) {
        1 => Level::Portable,
        2 => Level::Neon,
        3 => Level::Avx2,
        4 => Level::Avx512,
        _ => detected(),
    }
}

fn detected() -> Level {
    static DETECTED: OnceLock<Level> = OnceLock::new();
    *DETECTED.get_or_init(|| {
        let named = std::env::var("OKULO_SIMD").ok().and_then(|name| Level::from_name(&name));
        named.filter(|level| level.is_available()).unwrap_or_else(|| {
            [Level::Avx512, Level::Avx2, Level::Neon]
                .into_iter()
                .find(|level| level.is_available())
                .unwrap_or(Level::Portable)
        })
    })
}

/// Calls a function that is generic over [`Simd`](super::Simd) with the vector type of the level in use, or of one that
/// was in use before: `dispatch!(at level, function(..))`.
macro_rules! dispatch {
    ($($function:ident)::+ ( $($argument:expr),* $(,)? )) => {
        $crate::kernels::simd::dispatch!(at $crate::kernels::simd::level(), $($function)::+ ( $($argument),* ))
    };
    (at $level:expr, $($function:ident)::+ ( $($argument:expr),* $(,)? )) => {
        match $level {
            #[cfg(target_arch = "x86_64")]
            $crate::kernels::simd::Level::Avx512 => $($function)::+::<$crate::kernels::simd::Avx512>($($argument),*),
            #[cfg(target_arch = "x86_64")]
            $crate::kernels::simd::Level::Avx2 => $($function)::+::<$crate::kernels::simd::Avx2>($($argument),*),
            #[cfg(target_arch = "aarch64")]
            $crate::kernels::simd::Level::Neon => $($function)::+::<$crate::kernels::simd::Neon>($($argument),*),
            _ => $($function)::+::<$crate::kernels::simd::Portable>($($argument),*),
        }
    };
}
pub(crate) use dispatch;
