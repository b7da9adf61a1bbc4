//! Masks of class numbers drawn on pictures.

use image::{Rgb, RgbImage};
use vision_types::Mask;

use crate::draw::class_colour;

/// Colour of pixels to ignore.
const IGNORED: Rgb<u8> = Rgb([224; 3]);

/// The class that is not drawn.
const BACKGROUND: u8 = 0;

/// The colour of a class number of a mask: that of [`class_colour`], a light grey for 255.
pub fn mask_colour(class: u8) -> Rgb<u8> {
    if class == Mask::IGNORE { IGNORED } else { class_colour(usize::from(class)) }
}

/// Covers every pixel of a class other than 0 with the colour of its class ([`mask_colour`]), `alpha` of it in `0..=1`;
/// the background stays as it is.
///
/// # Panics
///
/// When `mask` is not of the picture's size.
pub fn mask_overlay(image: &mut RgbImage, mask: &Mask, alpha: f32) {
    check_size(image, mask);
    for (pixel, &class) in image.pixels_mut().zip(mask.pixels()) {
        if class == BACKGROUND {
            continue;
        }
        for (value, new) in pixel.0.iter_mut().zip(mask_colour(class).0) {
            *value = (f32::from(*value) + (f32::from(new) - f32::from(*value)) * alpha).round() as u8;
        }
    }
}

/// Paints the pixels of a class other than 0 that have a neighbour (above, below, left or right) of another class in the
/// colour of their class. The edge of the picture is no contour.
///
/// # Panics
///
/// When `mask` is not of the picture's size.
pub fn mask_contours(image: &mut RgbImage, mask: &Mask) {
    check_size(image, mask);
    let (width, height) = image.dimensions();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let class = mask.get(x, y);
        let differs = |x: u32, y: u32| mask.get(x, y) != class;
        let on_contour = (x > 0 && differs(x - 1, y))
            || (x + 1 < width && differs(x + 1, y))
            || (y > 0 && differs(x, y - 1))
            || (y + 1 < height && differs(x, y + 1));
        if class != BACKGROUND && on_contour {
            *pixel = mask_colour(class);
        }
    }
}

fn check_size(image: &RgbImage, mask: &Mask) {
    assert_eq!((mask.width(), mask.height()), image.dimensions(), "a mask has the size of its picture");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of class 1 in rows and columns 1 to 3 of 6, and a column of ignored pixels at the right edge.
    fn mask() -> Mask {
        let mut mask = Mask::filled(6, 5, 0);
        for y in 0..5 {
            for x in 0..6 {
                let class = match (x, y) {
                    (1..=3, 1..=3) => 1,
                    (5, _) => 255,
                    _ => 0,
                };
                mask.pixels_mut()[y * 6 + x] = class;
            }
        }
        mask
    }

    #[test]
    fn an_overlay_mixes_the_colour_of_each_class_and_leaves_the_background() {
        let mut image = RgbImage::from_pixel(6, 5, Rgb([100, 50, 0]));
        mask_overlay(&mut image, &mask(), 0.5);
        assert_eq!(image.get_pixel(0, 0), &Rgb([100, 50, 0]));
        let half = |channel: usize, value: u8| {
            (f32::midpoint(f32::from(value), f32::from(class_colour(1).0[channel]))).round() as u8
        };
        assert_eq!(image.get_pixel(2, 2), &Rgb([half(0, 100), half(1, 50), half(2, 0)]));
        assert_eq!(image.get_pixel(5, 4), &Rgb([162, 137, 112]));
        let mut untouched = RgbImage::from_pixel(6, 5, Rgb([100, 50, 0]));
        mask_overlay(&mut untouched, &mask(), 0.0);
        assert!(untouched.pixels().all(|pixel| pixel == &Rgb([100, 50, 0])));
    }

    #[test]
    fn contours_are_the_outermost_pixels_of_a_class() {
        let mut image = RgbImage::new(6, 5);
        mask_contours(&mut image, &mask());
        let painted: Vec<(u32, u32)> = image
            .enumerate_pixels()
            .filter(|(_, _, pixel)| **pixel == class_colour(1))
            .map(|(x, y, _)| (x, y))
            .collect();
        assert_eq!(painted, [(1, 1), (2, 1), (3, 1), (1, 2), (3, 2), (1, 3), (2, 3), (3, 3)]);
        assert_eq!(image.get_pixel(5, 2), &IGNORED);
        assert_eq!(image.get_pixel(4, 2), &Rgb([0; 3]));
    }
}
