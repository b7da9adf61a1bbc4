//! Mirroring in place.

/// Reverses the order of the pixels in each row of `width` pixels.
pub(crate) fn flip_rows(pixels: &mut [[u8; 3]], width: usize) {
    if width == 0 {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("ssse3") {
        let mut original = vec![[0; 3]; width];
        for row in pixels.chunks_exact_mut(width) {
            original.copy_from_slice(row);
            // SAFETY: the processor has SSSE3, the function's only requirement.
            unsafe { reversed(&original, row) };
        }
        return;
    }
    pixels.chunks_exact_mut(width).for_each(<[_]>::reverse);
}

/// Writes `row` to `out` from its last pixel to its first, five pixels at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "ssse3")]
fn reversed(row: &[[u8; 3]], out: &mut [[u8; 3]]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_setr_epi8, _mm_shuffle_epi8, _mm_storeu_si128};

    /// Whole pixels in a register of 16 bytes.
    const PIXELS: usize = 5;
    assert_eq!(row.len(), out.len(), "both rows have the same number of pixels");
    let order = _mm_setr_epi8(13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0);
    let length = row.len();
    let mut done = 0;
    // Each step reads five pixels and the byte before them, and writes them and one byte too many, which the next step
    // or the loop below overwrites: both need a sixth pixel.
    while length - done > PIXELS {
        let from = length - done - PIXELS;
        // SAFETY: `from` is at least 1, so 16 bytes from one byte before pixel `from` lie within `row`, and
        // `done + PIXELS < length`, so 16 bytes from pixel `done` lie within `out`.
        unsafe {
            let source = row.as_ptr().cast::<u8>().add(3 * from - 1);
            let shuffled = _mm_shuffle_epi8(_mm_loadu_si128(source.cast::<__m128i>()), order);
            _mm_storeu_si128(out.as_mut_ptr().cast::<u8>().add(3 * done).cast::<__m128i>(), shuffled);
        }
        done += PIXELS;
    }
    for (out, pixel) in out[done..].iter_mut().zip(row[..length - done].iter().rev()) {
        *out = *pixel;
    }
}

/// Reverses the order of the rows of `stride` bytes.
pub(crate) fn flip_columns(bytes: &mut [u8], stride: usize) {
    if let Some(rows) = bytes.len().checked_div(stride) {
        let (upper, lower) = bytes.split_at_mut(rows / 2 * stride);
        for (above, below) in upper.chunks_exact_mut(stride).zip(lower.chunks_exact_mut(stride).rev()) {
            above.swap_with_slice(below);
        }
    }
}
