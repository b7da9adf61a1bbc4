//! Pictures with their masks on one sheet, and a legend of the classes.

use image::imageops;
use image::{Rgb, RgbImage};
use vision_types::{ClassNames, Mask, Sample};

use super::{BACKGROUND, GAP, INK, captioned_sheet, file_name, fit, scaled_mask};
use crate::draw::{mask_contours, mask_overlay};
use crate::{font, mask_colour};

/// How much of a class's colour covers the picture.
const OPACITY: f32 = 0.45;
/// Pixels between lines of the legend.
const LINE_GAP: u32 = 5;
/// Side of the square that shows a colour.
const SWATCH: u32 = font::HEIGHT + 2;
/// Pixels between a square and its name.
const NAME_GAP: u32 = 4;
/// Pixels between a name and the next square.
const ENTRY_GAP: u32 = 14;

/// A sheet of `samples`, each covered with the colours of its mask, contours in full colour, its file name below it,
/// and below all the colours of the classes that occur; otherwise as [`contact_sheet`](crate::contact_sheet). Class 0
/// is not coloured.
///
/// # Panics
///
/// When `columns` or `cell` is 0.
pub fn mask_sheet(samples: &[Sample<Mask>], classes: &ClassNames, columns: usize, cell: u32) -> RgbImage {
    let mut occurring = [false; 256];
    let mut pictures: Vec<(RgbImage, String)> = Vec::with_capacity(samples.len());
    for Sample { image, annotation, source } in samples {
        for &class in annotation.pixels() {
            occurring[usize::from(class)] = true;
        }
        // Colours are laid on the scaled picture, so that contours keep their width.
        let mut picture = fit(image, cell);
        let mask = scaled_mask(annotation, picture.dimensions());
        mask_overlay(&mut picture, &mask, OPACITY);
        mask_contours(&mut picture, &mask);
        pictures.push((picture, file_name(source)));
    }
    let sheet = captioned_sheet(&pictures, columns, cell);
    let entries: Vec<(Rgb<u8>, String)> =
        (1..=u8::MAX).filter(|&class| occurring[usize::from(class)]).map(|class| entry(class, classes)).collect();
    with_legend(sheet, &entries)
}

/// The colour and name of a class; numbers without a name show as such.
fn entry(class: u8, classes: &ClassNames) -> (Rgb<u8>, String) {
    let name = match classes.get(usize::from(class)) {
        Some(name) => name.to_owned(),
        None if class == Mask::IGNORE => "ignored".to_owned(),
        None => format!("class {class}"),
    };
    (mask_colour(class), name)
}

/// The sheet with lines of coloured squares and names added below.
fn with_legend(sheet: RgbImage, entries: &[(Rgb<u8>, String)]) -> RgbImage {
    let wide = |name: &str| SWATCH + NAME_GAP + font::text_width(name.chars().count());
    let (mut places, mut x, mut line) = (Vec::with_capacity(entries.len()), GAP, 0);
    for (_, name) in entries {
        if x > GAP && x + wide(name) + GAP > sheet.width() {
            (x, line) = (GAP, line + 1);
        }
        places.push((x, line));
        x += wide(name) + ENTRY_GAP;
    }
    let Some((_, last)) = places.last() else { return sheet };
    let height = sheet.height() + (last + 1) * (SWATCH + LINE_GAP) + GAP - LINE_GAP;
    let mut complete = RgbImage::from_pixel(sheet.width(), height, BACKGROUND);
    imageops::replace(&mut complete, &sheet, 0, 0);
    for ((colour, name), (x, line)) in entries.iter().zip(places) {
        let y = sheet.height() + line * (SWATCH + LINE_GAP);
        imageops::replace(&mut complete, &RgbImage::from_pixel(SWATCH, SWATCH, *colour), i64::from(x), i64::from(y));
        font::draw_text(&mut complete, name, x + SWATCH + NAME_GAP, y + 1, INK);
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_lie_on_their_pictures_and_their_classes_in_the_legend() {
        // The right half of the picture is class 1; enlarged tenfold it is 40 × 20 pixels.
        let mut mask = Mask::filled(4, 2, 0);
        mask.pixels_mut().copy_from_slice(&[0, 0, 1, 1, 0, 0, 1, 1]);
        let sample = Sample { image: RgbImage::new(4, 2), annotation: mask, source: "a/b.png".to_owned() };
        let classes = ClassNames::new(["background", "I"]);
        let sheet = mask_sheet(std::slice::from_ref(&sample), &classes, 1, 40);
        // One cell: 6 + 40 + 3 + 7 + 6 = 62 rows; the legend adds a square of 9 and a gap of 6.
        assert_eq!(sheet.dimensions(), (52, 62 + 9 + 6));
        let colour = mask_colour(1);
        assert_eq!(sheet.get_pixel(6 + 19, 6 + 10 + 5), &Rgb([0; 3]));
        assert_eq!(sheet.get_pixel(6 + 20, 6 + 10 + 5), &colour);
        let inside = colour.0.map(|value| (f32::from(value) * OPACITY).round() as u8);
        assert_eq!(sheet.get_pixel(6 + 30, 6 + 10 + 10), &Rgb(inside));
        assert_eq!(sheet.get_pixel(6, 62), &colour);
        assert_eq!(sheet.get_pixel(6 + 8, 62 + 8), &colour);
        // The stem of the I, two columns into its five, behind the square and the gap.
        assert_eq!(sheet.get_pixel(6 + 9 + 4 + 2, 62 + 1 + 3), &INK);
        // Without a class but the background there is nothing to explain.
        let blank = Sample { annotation: Mask::filled(4, 2, 0), ..sample };
        assert_eq!(mask_sheet(&[blank], &classes, 1, 40).dimensions(), (52, 62));
    }
}
