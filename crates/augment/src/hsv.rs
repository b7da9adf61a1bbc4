//! Shifts of hue, saturation and value.

use image::RgbImage;

use crate::hue::{from_hexagon, turned_hexagon};
use crate::lanes::{change_pixels, larger, smaller, widest_lanes};

/// Turns the hue by `hue` 180ths of a turn and adds `saturation` and `value` levels, clipped to `0..=255`, on the HSV
/// hexagon.
///
/// The arithmetic of OpenCV's conversions for 8-bit images, in floating point and rounded once at the end, where OpenCV
/// rounds the hue to 180 and saturation and value to 256 steps in between. As there, grey has the hue of red, so that
/// more saturation tints it.
pub(crate) fn shift(image: &mut RgbImage, hue: f32, saturation: f32, value: f32) {
    // 180ths of a turn in sixths, brought to 0..6.
    let sextants = (hue / 30.0).rem_euclid(6.0);
    shift_pixels(image.as_chunks_mut::<3>().0, sextants, saturation, value);
}

widest_lanes! {
    fn shift_pixels(pixels: &mut [[u8; 3]], sextants: f32, saturation_shift: f32, value_shift: f32) {
        change_pixels(pixels, |r, g, b| {
            let (turned, chroma, value) = turned_hexagon(r, g, b, sextants);
            let saturation = chroma * 255.0 / larger(value, 1.0) + saturation_shift;
            let saturation = smaller(larger(saturation, 0.0), 255.0);
            let value = smaller(larger(value + value_shift, 0.0), 255.0);
            from_hexagon(turned, value * saturation * (1.0 / 255.0), value)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shifted(pixel: [u8; 3], hue: f32, saturation: f32, value: f32) -> [u8; 3] {
        let mut image = RgbImage::from_pixel(1, 1, image::Rgb(pixel));
        shift(&mut image, hue, saturation, value);
        image.get_pixel(0, 0).0
    }

    #[test]
    fn each_shift_does_what_it_says() {
        // A third of a turn, 60 of 180, takes red to green; so does it backwards from blue.
        assert_eq!(shifted([200, 10, 10], 60.0, 0.0, 0.0), [10, 200, 10]);
        assert_eq!(shifted([10, 10, 200], -60.0, 0.0, 0.0), [10, 200, 10]);
        // Saturation 255 · 100 / 200 = 127.5 and 51 more, so the chroma is 200 · 178.5 / 255 = 140.
        assert_eq!(shifted([200, 100, 100], 0.0, 51.0, 0.0), [200, 60, 60]);
        assert_eq!(shifted([200, 100, 100], 0.0, -255.0, 0.0), [200, 200, 200]);
        // Value 100 of 200: half of each.
        assert_eq!(shifted([200, 100, 50], 0.0, 0.0, -100.0), [100, 50, 25]);
        assert_eq!(shifted([200, 100, 50], 0.0, 0.0, -255.0), [0, 0, 0]);
        assert_eq!(shifted([77, 77, 77], 90.0, 0.0, 0.0), [77, 77, 77]);
        assert_eq!(shifted([0, 0, 0], 0.0, 30.0, 0.0), [0, 0, 0]);
    }
}
