//! Maps of levels: posterize, solarize, invert, autocontrast, equalize (Pillow's `ImageOps`).

use image::RgbImage;

/// What each level of each channel becomes.
type Tables = [[u8; 256]; 3];

fn apply(image: &mut RgbImage, tables: &Tables) {
    for [red, green, blue] in image.as_chunks_mut::<3>().0 {
        *red = tables[0][usize::from(*red)];
        *green = tables[1][usize::from(*green)];
        *blue = tables[2][usize::from(*blue)];
    }
}

fn histograms(image: &RgbImage) -> [[u32; 256]; 3] {
    let mut histograms = [[0; 256]; 3];
    for pixel in image.as_chunks::<3>().0 {
        for (histogram, &level) in histograms.iter_mut().zip(pixel) {
            histogram[usize::from(level)] += 1;
        }
    }
    histograms
}

/// Keeps the `bits` highest bits of each level.
pub(crate) fn posterize(image: &mut RgbImage, bits: u8) {
    let mask = !(0xffu8.checked_shr(u32::from(bits)).unwrap_or(0));
    image.iter_mut().for_each(|level| *level &= mask);
}

/// Inverts the levels at or above `threshold`.
pub(crate) fn solarize(image: &mut RgbImage, threshold: f32) {
    let table: [u8; 256] =
        std::array::from_fn(|level| if (level as f32) < threshold { level as u8 } else { 255 - level as u8 });
    image.iter_mut().for_each(|level| *level = table[usize::from(*level)]);
}

/// Inverts every level.
pub(crate) fn invert(image: &mut RgbImage) {
    image.iter_mut().for_each(|level| *level = 255 - *level);
}

/// Stretches each channel so that its darkest level becomes 0 and its brightest 255; a channel of one level stays.
pub(crate) fn autocontrast(image: &mut RgbImage) {
    let tables = histograms(image).map(|histogram| {
        let lowest = histogram.iter().position(|&count| count > 0).unwrap_or(0);
        let highest = histogram.iter().rposition(|&count| count > 0).unwrap_or(0);
        if highest <= lowest {
            return std::array::from_fn(|level| level as u8);
        }
        let scale = 255.0 / (highest - lowest) as f64;
        let offset = -(lowest as f64) * scale;
        std::array::from_fn(|level| (level as f64 * scale + offset).clamp(0.0, 255.0) as u8)
    });
    apply(image, &tables);
}

/// Spreads the levels of each channel so that each is about equally frequent.
///
/// Pillow's rule: one step is the number of pixels, less those of the brightest level present, over 255; a level's new
/// value is the number of darker pixels plus half a step, in whole steps.
pub(crate) fn equalize(image: &mut RgbImage) {
    let tables = histograms(image).map(|histogram| {
        let total: u32 = histogram.iter().sum();
        let brightest = histogram.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
        let step = (total - brightest) / 255;
        if step == 0 {
            return std::array::from_fn(|level| level as u8);
        }
        let mut darker = step / 2;
        std::array::from_fn(|level| {
            let equalized = (darker / step).min(255) as u8;
            darker += histogram[level];
            equalized
        })
    });
    apply(image, &tables);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posterize_keeps_the_highest_bits() {
        for (bits, expected) in [(0, 0), (1, 0b1000_0000), (4, 0b1011_0000), (8, 0b1011_0111)] {
            let mut image = RgbImage::from_pixel(1, 1, image::Rgb([0b1011_0111; 3]));
            posterize(&mut image, bits);
            assert_eq!(image.as_raw(), &[expected; 3], "{bits} bits");
        }
    }
}
