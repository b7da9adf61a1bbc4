//! Brightness, contrast, saturation and grey, with Pillow's arithmetic.

use image::RgbImage;

use crate::lanes::{change_pixels, to_level, widest_lanes};

/// Luma weights of ITU-R 601-2 in 1/65536, as in Pillow's `convert("L")`: 0.299, 0.587, 0.114.
pub(crate) const LUMA_WEIGHTS: [u32; 3] = [19_595, 38_470, 7_471];
/// One half in 1/65536, to round to the nearest level.
const LUMA_HALF: u32 = 1 << 15;

/// The luma of a pixel, rounded, as in Pillow's `convert("L")`.
#[inline(always)]
pub(crate) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = u32::from(red) * LUMA_WEIGHTS[0] + u32::from(green) * LUMA_WEIGHTS[1] + u32::from(blue) * LUMA_WEIGHTS[2];
    ((sum + LUMA_HALF) >> 16) as u8
}

/// From `degenerate` (factor 0) over `value` (factor 1) and beyond: Pillow's `Image.blend`, which clips and then cuts
/// off the fraction.
#[inline(always)]
pub(crate) fn blend(degenerate: u8, value: u8, factor: f32) -> u8 {
    let degenerate = f32::from(degenerate);
    to_level(degenerate + factor * (f32::from(value) - degenerate))
}

widest_lanes! {
    /// Every byte blended with one level.
    fn blend_with_level(bytes: &mut [u8], level: u8, factor: f32) {
        for value in bytes {
            *value = blend(level, *value, factor);
        }
    }
}

/// [`luma`] of channels in floating point: all sums are whole numbers below 2^24, so they are exact.
#[inline(always)]
fn luma_of_planes(red: f32, green: f32, blue: f32) -> f32 {
    let [of_red, of_green, of_blue] = LUMA_WEIGHTS.map(|weight| weight as f32);
    let sum = red * of_red + green * of_green + blue * of_blue + LUMA_HALF as f32;
    // Dividing by a power of two is exact too, and the fraction is cut off.
    f32::from(to_level(sum / 65_536.0))
}

widest_lanes! {
    /// Every pixel blended with its own grey.
    fn blend_with_grey(pixels: &mut [[u8; 3]], factor: f32) {
        change_pixels(pixels, |red, green, blue| {
            let grey = luma_of_planes(red, green, blue);
            (grey + factor * (red - grey), grey + factor * (green - grey), grey + factor * (blue - grey))
        });
    }
}

widest_lanes! {
    /// Every pixel replaced by its grey.
    fn replace_by_grey(pixels: &mut [[u8; 3]]) {
        change_pixels(pixels, |red, green, blue| {
            let grey = luma_of_planes(red, green, blue);
            (grey, grey, grey)
        });
    }
}

widest_lanes! {
    /// Sum of the lumas of a stretch of pixels short enough not to overflow.
    fn sum_of_lumas(pixels: &[[u8; 3]]) -> u32 {
        pixels.iter().map(|pixel| u32::from(luma(*pixel))).sum()
    }
}

/// The mean luma, rounded half up; 0 for an image without pixels.
fn mean_luma(pixels: &[[u8; 3]]) -> u8 {
    /// 2^16 pixels of level 255 stay below 2^32.
    const STRETCH: usize = 1 << 16;
    let sum: u64 = pixels.chunks(STRETCH).map(|stretch| u64::from(sum_of_lumas(stretch))).sum();
    let count = pixels.len().max(1) as f64;
    (sum as f64 / count + 0.5) as u8
}

/// Blends with black: 0 is black, 1 the image, 2 twice as bright (`ImageEnhance.Brightness`).
pub(crate) fn brightness(image: &mut RgbImage, factor: f32) {
    blend_with_level(image, 0, factor);
}

/// Blends with the mean grey: 0 is plain grey, 1 the image (`ImageEnhance.Contrast`).
pub(crate) fn contrast(image: &mut RgbImage, factor: f32) {
    let mean = mean_luma(image.as_chunks::<3>().0);
    blend_with_level(image, mean, factor);
}

/// Blends with the grey image: 0 is grey, 1 the image (`ImageEnhance.Color`).
pub(crate) fn saturation(image: &mut RgbImage, factor: f32) {
    blend_with_grey(image.as_chunks_mut::<3>().0, factor);
}

/// The grey image, in three equal channels.
pub(crate) fn grey(image: &mut RgbImage) {
    replace_by_grey(image.as_chunks_mut::<3>().0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_in_floating_point_is_luma() {
        for red in 0..=255u8 {
            for (green, blue) in (0..=255u8).zip((0..=255u8).map(|level| level.wrapping_mul(91).wrapping_add(red))) {
                let planes = luma_of_planes(f32::from(red), f32::from(green), f32::from(blue));
                assert_eq!(planes, f32::from(luma([red, green, blue])), "{red} {green} {blue}");
            }
        }
    }
}
