//! The colours that classes are shown in.

use image::Rgb;
use vision_types::{ClassId, Mask};

/// Colour of pixels to ignore.
const IGNORED: Rgb<u8> = Rgb([224; 3]);

/// The colour of a class: always the same, unlike those of the classes before and after, and bright enough for
/// pictures.
///
/// Hues are a golden section of the circle apart, which spreads any number of them evenly; brightness and saturation
/// take turns, so that hues that come close later on still differ.
pub fn class_colour(class: ClassId) -> Rgb<u8> {
    /// (√5 - 1) / 2.
    const GOLDEN_SECTION: f64 = 0.618_033_988_749_894_9;
    /// Saturation and value, taken in turn.
    const SHADES: [(f64, f64); 3] = [(0.85, 1.0), (0.6, 1.0), (0.9, 0.75)];
    /// Beyond this, products with the golden section lose digits; colours then repeat, which nobody sees.
    const DISTINCT: usize = 1 << 20;
    let class = class % DISTINCT;
    let hue = (class as f64 * GOLDEN_SECTION).fract();
    let (saturation, value) = SHADES[class % SHADES.len()];
    // The channels of a hue are one trapezoid, shifted by thirds of the circle.
    Rgb([0.0, 2.0 / 3.0, 1.0 / 3.0].map(|shift: f64| {
        let position = (hue + shift).fract() * 6.0;
        let strength = ((position - 3.0).abs() - 1.0).clamp(0.0, 1.0);
        (255.0 * value * (1.0 - saturation * (1.0 - strength))).round() as u8
    }))
}

/// The colour of a class number of a mask: that of [`class_colour`], a light grey for 255.
pub fn mask_colour(class: u8) -> Rgb<u8> {
    if class == Mask::IGNORE { IGNORED } else { class_colour(usize::from(class)) }
}

/// Black or white, whichever stands out more against `colour`.
pub(crate) fn ink(colour: Rgb<u8>) -> Rgb<u8> {
    /// Weights of red, green and blue in brightness (ITU-R BT.601), in thousandths.
    const WEIGHTS: [u32; 3] = [299, 587, 114];
    let brightness: u32 = colour.0.iter().zip(WEIGHTS).map(|(&value, weight)| u32::from(value) * weight).sum();
    if brightness >= 128_000 { Rgb([0; 3]) } else { Rgb([255; 3]) }
}

/// Mixes `colour` into `pixel`, `opacity` of it in `0..=1`.
pub(crate) fn blend(pixel: &mut Rgb<u8>, colour: Rgb<u8>, opacity: f32) {
    for (value, new) in pixel.0.iter_mut().zip(colour.0) {
        *value = (f32::from(*value) + (f32::from(new) - f32::from(*value)) * opacity).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_eighty_classes_have_colours_of_their_own() {
        let colours: Vec<[u8; 3]> = (0..80).map(|class| class_colour(class).0).collect();
        for (number, colour) in colours.iter().enumerate() {
            for (other, another) in colours.iter().enumerate().take(number) {
                let distance: u32 = colour.iter().zip(another).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                assert!(distance >= 4, "classes {other} and {number} are {distance} apart");
                assert!(number - other > 3 || distance > 100, "classes {other} and {number} are {distance} apart");
            }
        }
    }

    #[test]
    fn hues_are_where_the_colour_circle_has_them() {
        // Class 0: hue 0 at saturation 0.85 and full value: red, and 255 · 0.15 = 38 of the others.
        assert_eq!(class_colour(0), Rgb([255, 38, 38]));
    }
}
