//! Sharpness.

use image::RgbImage;

use crate::colour::blend;
use crate::lanes::widest_lanes;

/// Blends with a smoothed image: 0 is smoothed, 1 the image, 2 sharpened (`ImageEnhance.Sharpness`).
///
/// The smoothing is Pillow's `SMOOTH` kernel, (1 1 1; 1 5 1; 1 1 1) / 13, rounded; the outermost pixels stay as they
/// are.
pub(crate) fn sharpness(image: &mut RgbImage, factor: f32) {
    let stride = image.width() as usize * 3;
    let height = image.height() as usize;
    if image.width() < 3 || height < 3 {
        return;
    }
    // The row above and the row itself as they were before this pass overwrote them.
    let mut above = image.as_raw()[..stride].to_vec();
    let mut current = image.as_raw()[stride..2 * stride].to_vec();
    let bytes: &mut [u8] = image;
    for y in 1..height - 1 {
        let (upper, lower) = bytes.split_at_mut((y + 1) * stride);
        let below = &lower[..stride];
        sharpen_row(&above, &current, below, factor, &mut upper[y * stride..]);
        std::mem::swap(&mut above, &mut current);
        current.copy_from_slice(below);
    }
}

widest_lanes! {
    fn sharpen_row(above: &[u8], current: &[u8], below: &[u8], factor: f32, out: &mut [u8]) {
        let inner = out.len() - 6;
        for i in 0..inner {
            let column = |row: &[u8], at: usize| u16::from(row[at]);
            let ring = column(above, i) + column(above, i + 3) + column(above, i + 6)
                + column(current, i) + column(current, i + 6)
                + column(below, i) + column(below, i + 3) + column(below, i + 6);
            let value = current[i + 3];
            let smoothed = (ring + 5 * u16::from(value) + 6) / 13;
            out[i + 3] = blend(smoothed as u8, value, factor);
        }
    }
}
