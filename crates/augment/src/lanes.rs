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

/// Clips to `0..=255` and cuts off the fraction; 0 for what is not a number.
///
/// Plain `as u8` does the same, but the compiler turns it into several instructions a lane.
#[inline(always)]
pub(crate) fn to_level(value: f32) -> u8 {
    // Written as comparisons, each of them a single instruction; a comparison with NaN is false and gives 0.
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // SAFETY: the value is a number from 0 to 255, which an i32 can hold.
    let whole: i32 = unsafe { value.to_int_unchecked() };
    whole as u8
}

/// The larger of two numbers, in one instruction, as neither is NaN.
#[inline(always)]
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The smaller of two numbers, in one instruction, as neither is NaN.
#[inline(always)]
pub(crate) fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// Replaces each pixel by `change` of its channels, whose results are clipped and cut off to levels.
///
/// Interleaved channels are spread over planes for a short stretch at a time, where `change` is vectorised.
#[inline(always)]
pub(crate) fn change_pixels(pixels: &mut [[u8; 3]], change: impl Fn(f32, f32, f32) -> (f32, f32, f32)) {
    const STRETCH: usize = 64;
    let mut planes = [[0.0f32; STRETCH]; 3];
    for stretch in pixels.chunks_mut(STRETCH) {
        let [reds, greens, blues] = &mut planes;
        for (((pixel, red), green), blue) in stretch.iter().zip(&mut *reds).zip(&mut *greens).zip(&mut *blues) {
            (*red, *green, *blue) = (f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2]));
        }
        for ((red, green), blue) in reds.iter_mut().zip(&mut *greens).zip(&mut *blues) {
            (*red, *green, *blue) = change(*red, *green, *blue);
        }
        for (((pixel, red), green), blue) in stretch.iter_mut().zip(reds).zip(greens).zip(blues) {
            *pixel = [to_level(*red), to_level(*green), to_level(*blue)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::to_level;

    #[test]
    fn levels_are_what_a_saturating_cast_gives() {
        for value in [-1e30, -0.5, 0.0, 0.99, 1.0, 127.5, 254.99, 255.0, 256.0, 1e30, f32::NAN, f32::INFINITY] {
            assert_eq!(to_level(value), value as u8, "{value}");
        }
    }
}
