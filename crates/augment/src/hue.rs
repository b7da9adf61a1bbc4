//! Hue rotation.

use image::RgbImage;

use crate::lanes::{change_pixels, larger, smaller, widest_lanes};

/// Turns the hue by `shift` of a full turn, keeping value and saturation of the HSV hexagon.
///
/// torchvision's `adjust_hue` on tensors: in floating point, without the 8-bit HSV image in between that Pillow rounds
/// to. The result is rounded to the nearest level.
pub(crate) fn hue(image: &mut RgbImage, shift: f32) {
    rotate(image.as_chunks_mut::<3>().0, shift * 6.0);
}

/// Position on HSV's hexagon in sixths of a turn from red, turned by `sextants` and brought to 0..6; the chroma; the
/// value.
#[inline(always)]
pub(crate) fn turned_hexagon(r: f32, g: f32, b: f32, sextants: f32) -> (f32, f32, f32) {
    let value = larger(larger(r, g), b);
    let chroma = value - smaller(smaller(r, g), b);
    // In -1..5 before it is turned.
    let (difference, corner) = if value == g { (b - r, 2.0) } else { (r - g, 4.0) };
    let (difference, corner) = if value == r { (g - b, 0.0) } else { (difference, corner) };
    let turned = corner + difference / larger(chroma, 1.0) + sextants;
    let turned = if turned < 0.0 { turned + 6.0 } else { turned };
    let turned = if turned >= 6.0 { turned - 6.0 } else { turned };
    (turned, chroma, value)
}

/// The colour at a position on the hexagon, half a level added for rounding.
///
/// A. R. Smith's hexagon in closed form: each channel is the value less the chroma times a trapezium.
#[inline(always)]
pub(crate) fn from_hexagon(turned: f32, chroma: f32, value: f32) -> (f32, f32, f32) {
    let channel = |offset: f32| {
        let k = turned + offset;
        let k = if k >= 6.0 { k - 6.0 } else { k };
        value - chroma * larger(smaller(smaller(k, 4.0 - k), 1.0), 0.0) + 0.5
    };
    (channel(5.0), channel(3.0), channel(1.0))
}

widest_lanes! {
    /// Turns each pixel by `sextants` sixths of a turn, −3 to 3.
    fn rotate(pixels: &mut [[u8; 3]], sextants: f32) {
        change_pixels(pixels, |r, g, b| {
            let (turned, chroma, value) = turned_hexagon(r, g, b, sextants);
            from_hexagon(turned, chroma, value)
        });
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
