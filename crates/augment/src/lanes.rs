//! Kernels compiled for the widest vectors that the processor has.

/// Defines a function whose body is compiled twice on x86-64, plainly and for AVX2, and picks one when called.
///
/// The body is ordinary code that the compiler vectorises. Both versions give the same bits: no fused multiply-add is
/// enabled, and the compiler never reorders floating-point sums.
macro_rules! widest_lanes {
    ($(#[$attribute:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$attribute])*
        fn $name($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            fn body($($argument: $kind),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn with_avx2($($argument: $kind),*) $(-> $result)? {
                    body($($argument),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2, the function's only requirement.
                    return unsafe { with_avx2($($argument),*) };
                }
            }
            body($($argument),*)
        }
    };
}

pub(crate) use widest_lanes;
