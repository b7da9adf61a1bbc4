//! Hue rotation.

use image::RgbImage;

use crate::lanes::widest_lanes;

/// Turns the hue by `shift` of a full turn, keeping value and saturation of the HSV hexagon.
///
/// torchvision's `adjust_hue` on tensors: in floating point, without the 8-bit HSV image in between that Pillow rounds to.
/// The result is rounded to the nearest level.
pub(crate) fn hue(image: &mut RgbImage, shift: f32) {
    rotate(image.as_chunks_mut::<3>().0, shift * 6.0);
}

widest_lanes! {
    /// Turns each pixel by `sextants` sixths of a turn.
    fn rotate(pixels: &mut [[u8; 3]], sextants: f32) {
        /// Pixels that are spread over planes at a time.
        const STRETCH: usize = 64;
        let mut planes = [[0.0f32; STRETCH]; 3];
        for stretch in pixels.chunks_mut(STRETCH) {
            for (index, pixel) in stretch.iter().enumerate() {
                planes[0][index] = f32::from(pixel[0]);
                planes[1][index] = f32::from(pixel[1]);
                planes[2][index] = f32::from(pixel[2]);
            }
            let [reds, greens, blues] = &mut planes;
            for ((red, green), blue) in reds.iter_mut().zip(greens).zip(blues) {
                let (r, g, b) = (*red, *green, *blue);
                let value = r.max(g).max(b);
                let chroma = value - r.min(g).min(b);
                let divisor = if chroma == 0.0 { 1.0 } else { chroma };
                // Position on the hexagon in sextants from red, in -1..5, then turned and brought back to 0..6.
                let position = if value == r {
                    (g - b) / divisor
                } else if value == g {
                    2.0 + (b - r) / divisor
                } else {
                    4.0 + (r - g) / divisor
                };
                let turned = position + sextants;
                let turned = if turned < 0.0 { turned + 6.0 } else { turned };
                let turned = if turned >= 6.0 { turned - 6.0 } else { turned };
                // A. R. Smith's hexagon in closed form: each channel is the value less the chroma times a trapezium.
                let channel = |offset: f32| {
                    let k = turned + offset;
                    let k = if k >= 6.0 { k - 6.0 } else { k };
                    value - chroma * k.min(4.0 - k).clamp(0.0, 1.0) + 0.5
                };
                (*red, *green, *blue) = (channel(5.0), channel(3.0), channel(1.0));
            }
            for (index, pixel) in stretch.iter_mut().enumerate() {
                *pixel = [planes[0][index] as i32 as u8, planes[1][index] as i32 as u8, planes[2][index] as i32 as u8];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_a_turn_takes_red_to_green_and_grey_to_itself() {
        let mut image = RgbImage::from_raw(3, 1, vec![200, 10, 10, 77, 77, 77, 10, 10, 200]).expect("3 pixels");
        hue(&mut image, 1.0 / 3.0);
        assert_eq!(image.as_raw(), &[10, 200, 10, 77, 77, 77, 200, 10, 10]);
        hue(&mut image, -1.0 / 3.0);
        assert_eq!(image.as_raw(), &[200, 10, 10, 77, 77, 77, 10, 10, 200]);
    }
}
