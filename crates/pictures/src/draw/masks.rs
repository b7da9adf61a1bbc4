//! Masks drawn on pictures: of one object, and of class numbers.

use image::{Rgb, RgbImage};
use vision_types::{Mask, Segmentation};

use crate::colour::{blend, mask_colour};

/// How much of a mask's colour covers the picture.
const MASK_OPACITY: f32 = 0.35;

/// The class that is not drawn.
const BACKGROUND: u8 = 0;

/// Fills an outline or mask with a transparent colour and draws its edge with the full one. A mask of another size than
/// the picture is left out.
pub fn shape(image: &mut RgbImage, segmentation: &Segmentation, colour: Rgb<u8>) {
    let (width, height) = image.dimensions();
    if let Ok(pixels) = segmentation.to_rle(height, width) {
        mask(image, &pixels.to_mask(), colour);
    }
}

/// Fills the pixels of `object` that are not 0 with a transparent colour, and those at its edge with the full one.
///
/// # Panics
///
/// When `object` is not of the picture's size.
pub fn mask(image: &mut RgbImage, object: &Mask, colour: Rgb<u8>) {
    check_size(image, object);
    let (width, height) = image.dimensions();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        if object.get(x, y) == 0 {
            continue;
        }
        let at_picture_edge = x == 0 || y == 0 || x + 1 == width || y + 1 == height;
        let at_edge = at_picture_edge || neighbours(object, x, y).any(|other| other == 0);
        blend(pixel, colour, if at_edge { 1.0 } else { MASK_OPACITY });
    }
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
        blend(pixel, mask_colour(class), alpha);
    }
}

/// Paints the pixels of a class other than 0 that have a neighbour (above, below, left or right) of another class in
/// the colour of their class. The edge of the picture is no contour.
///
/// # Panics
///
/// When `mask` is not of the picture's size.
pub fn mask_contours(image: &mut RgbImage, mask: &Mask) {
    check_size(image, mask);
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let class = mask.get(x, y);
        if class != BACKGROUND && neighbours(mask, x, y).any(|other| other != class) {
            *pixel = mask_colour(class);
        }
    }
}

/// The values above, below, left and right of a pixel (its 4-neighbourhood), as far as the mask reaches.
fn neighbours(mask: &Mask, x: u32, y: u32) -> impl Iterator<Item = u8> + '_ {
    let left = (x > 0).then(|| mask.get(x - 1, y));
    let right = (x + 1 < mask.width()).then(|| mask.get(x + 1, y));
    let above = (y > 0).then(|| mask.get(x, y - 1));
    let below = (y + 1 < mask.height()).then(|| mask.get(x, y + 1));
    [left, right, above, below].into_iter().flatten()
}

fn check_size(image: &RgbImage, mask: &Mask) {
    assert_eq!((mask.width(), mask.height()), image.dimensions(), "a mask has the size of its picture");
}

#[cfg(test)]
mod tests {
    use vision_types::Rle;

    use super::*;
    use crate::colour::class_colour;

    const RED: Rgb<u8> = Rgb([255, 0, 0]);

    fn coloured(image: &RgbImage, colour: Rgb<u8>) -> Vec<(u32, u32)> {
        image.enumerate_pixels().filter(|(_, _, pixel)| **pixel == colour).map(|(x, y, _)| (x, y)).collect()
    }

    #[test]
    fn a_mask_is_transparent_inside_and_solid_at_its_edge() {
        let mut image = RgbImage::new(6, 6);
        // Columns 1 to 4 of rows 1 to 4: 16 pixels, 4 of them inside.
        let counts = vec![7, 4, 2, 4, 2, 4, 2, 4, 7];
        shape(&mut image, &Segmentation::Rle(Rle { width: 6, height: 6, counts }), RED);
        assert_eq!(coloured(&image, RED).len(), 12);
        // 0.35 · 255 = 89.25.
        assert_eq!(coloured(&image, Rgb([89, 0, 0])), [(2, 2), (3, 2), (2, 3), (3, 3)]);
        let before = image.clone();
        shape(&mut image, &Segmentation::Rle(Rle { width: 5, height: 5, counts: vec![0, 25] }), RED);
        assert_eq!(image, before);
    }

    /// A square of class 1 in rows and columns 1 to 3 of 6, and a column of ignored pixels at the right edge.
    fn two_classes() -> Mask {
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
        mask_overlay(&mut image, &two_classes(), 0.5);
        assert_eq!(image.get_pixel(0, 0), &Rgb([100, 50, 0]));
        let half = |channel: usize, value: u8| {
            (f32::midpoint(f32::from(value), f32::from(class_colour(1).0[channel]))).round() as u8
        };
        assert_eq!(image.get_pixel(2, 2), &Rgb([half(0, 100), half(1, 50), half(2, 0)]));
        assert_eq!(image.get_pixel(5, 4), &Rgb([162, 137, 112]));
        let mut untouched = RgbImage::from_pixel(6, 5, Rgb([100, 50, 0]));
        mask_overlay(&mut untouched, &two_classes(), 0.0);
        assert!(untouched.pixels().all(|pixel| pixel == &Rgb([100, 50, 0])));
    }

    #[test]
    fn contours_are_the_outermost_pixels_of_a_class() {
        let mut image = RgbImage::new(6, 5);
        mask_contours(&mut image, &two_classes());
        let painted = coloured(&image, class_colour(1));
        assert_eq!(painted, [(1, 1), (2, 1), (3, 1), (1, 2), (3, 2), (1, 3), (2, 3), (3, 3)]);
        assert_eq!(image.get_pixel(5, 2), &mask_colour(Mask::IGNORE));
        assert_eq!(image.get_pixel(4, 2), &Rgb([0; 3]));
    }
}
