//! Many small pictures with captions on one sheet.

mod masks;
mod objects;

use std::borrow::Borrow;

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use vision_types::{ClassId, ClassNames, Mask, Sample};

pub use self::masks::mask_sheet;
pub use self::objects::annotated_sheet;
use crate::font;

/// Background of the sheet.
const BACKGROUND: Rgb<u8> = Rgb([255; 3]);
/// Background of a cell that its picture does not fill.
const CELL: Rgb<u8> = Rgb([235; 3]);
/// Captions.
const INK: Rgb<u8> = Rgb([20; 3]);
/// Pixels between cells and around them.
const GAP: u32 = 6;
/// Pixels between a picture and its caption.
const CAPTION_GAP: u32 = 3;

/// A sheet of `samples`, row by row in `columns` columns, each with the name of its class below it. Pictures keep their
/// proportions and fill a square of `cell` pixels as far as these allow.
///
/// # Panics
///
/// When `columns` or `cell` is 0.
pub fn contact_sheet(samples: &[Sample<ClassId>], classes: &ClassNames, columns: usize, cell: u32) -> RgbImage {
    let pictures: Vec<(&RgbImage, String)> = samples
        .iter()
        .map(|sample| {
            let name = classes.get(sample.annotation);
            (&sample.image, name.map_or_else(|| format!("class {}", sample.annotation), str::to_owned))
        })
        .collect();
    captioned_sheet(&pictures, columns, cell)
}

/// A sheet as [`contact_sheet`] makes it, of any pictures with any captions. A caption that is too long is cut and ends
/// in two full stops; characters beyond ASCII are shown as question marks.
///
/// # Panics
///
/// When `columns` or `cell` is 0.
pub fn captioned_sheet<P: Borrow<RgbImage>>(pictures: &[(P, String)], columns: usize, cell: u32) -> RgbImage {
    assert!(columns > 0 && cell > 0, "a sheet of {columns} columns of {cell} pixels has no room");
    let columns = columns.min(pictures.len()).max(1) as u32;
    let rows = (pictures.len() as u32).div_ceil(columns);
    let row_height = cell + CAPTION_GAP + font::HEIGHT + GAP;
    let mut sheet = RgbImage::from_pixel(GAP + columns * (cell + GAP), GAP + rows * row_height, BACKGROUND);
    for (number, (picture, caption)) in pictures.iter().enumerate() {
        let (column, row) = (number as u32 % columns, number as u32 / columns);
        let (left, top) = (GAP + column * (cell + GAP), GAP + row * row_height);
        imageops::replace(&mut sheet, &RgbImage::from_pixel(cell, cell, CELL), i64::from(left), i64::from(top));
        let fitted = fit(picture.borrow(), cell);
        let (inset_x, inset_y) = ((cell - fitted.width()) / 2, (cell - fitted.height()) / 2);
        imageops::replace(&mut sheet, &fitted, i64::from(left + inset_x), i64::from(top + inset_y));

        let caption = shorten(caption, font::fitting(cell));
        let caption_left = left + (cell.saturating_sub(font::text_width(caption.chars().count()))) / 2;
        font::draw_text(&mut sheet, &caption, caption_left, top + cell + CAPTION_GAP, INK);
    }
    sheet
}

/// Scales so that the longer side has `cell` pixels. Small pictures are enlarged without smoothing, to show their
/// pixels.
fn fit(picture: &RgbImage, cell: u32) -> RgbImage {
    let longer = picture.width().max(picture.height()).max(1);
    let side =
        |side: u32| ((u64::from(side) * u64::from(cell) + u64::from(longer) / 2) / u64::from(longer)).max(1) as u32;
    let filter = if longer <= cell { FilterType::Nearest } else { FilterType::Triangle };
    imageops::resize(picture, side(picture.width()), side(picture.height()), filter)
}

/// The mask at another size, by the nearest pixel; empty where it has no pixels.
fn scaled_mask(mask: &Mask, (width, height): (u32, u32)) -> Mask {
    let mut other = Mask::filled(width, height, 0);
    if mask.pixels().is_empty() || width == 0 {
        return other;
    }
    let nearest = |at: usize, from: u32, to: u32| ((at as u64 * 2 + 1) * u64::from(from) / (u64::from(to) * 2)) as u32;
    for (y, row) in other.pixels_mut().chunks_exact_mut(width as usize).enumerate() {
        let from_y = nearest(y, mask.height(), height);
        for (x, pixel) in row.iter_mut().enumerate() {
            *pixel = mask.get(nearest(x, mask.width(), width), from_y);
        }
    }
    other
}

/// The last part of a source: the file's name.
fn file_name(source: &str) -> String {
    source.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}

fn shorten(caption: &str, fitting: usize) -> String {
    const MARK: &str = "..";
    if caption.chars().count() <= fitting {
        return caption.to_owned();
    }
    let kept = fitting.saturating_sub(MARK.len());
    caption.chars().take(kept).chain(MARK.chars()).take(fitting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_in_their_cells_with_captions_below() {
        let red = RgbImage::from_pixel(8, 8, Rgb([255, 0, 0]));
        let wide = RgbImage::from_pixel(40, 20, Rgb([0, 0, 255]));
        let pictures = [(&red, "a".to_owned()), (&red, String::new()), (&wide, "I".to_owned())];
        let sheet = captioned_sheet(&pictures, 2, 20);
        // Two columns: 6 + 2 · (20 + 6); two rows: 6 + 2 · (20 + 3 + 7 + 6).
        assert_eq!(sheet.dimensions(), (58, 78));
        assert_eq!(sheet.get_pixel(6, 6), &Rgb([255, 0, 0]));
        assert_eq!(sheet.get_pixel(25, 25), &Rgb([255, 0, 0]));
        assert_eq!(sheet.get_pixel(26, 6), &BACKGROUND);
        // The wide picture fills 20 × 10 pixels in the middle of its cell, which begins at (6, 42).
        assert_eq!(sheet.get_pixel(6, 46), &CELL);
        assert_eq!(sheet.get_pixel(6, 47), &Rgb([0, 0, 255]));
        assert_eq!(sheet.get_pixel(25, 56), &Rgb([0, 0, 255]));
        assert_eq!(sheet.get_pixel(25, 57), &CELL);
        // The stem of the I: (20 - 5) / 2 = 7 to the left of its five columns, row 42 + 20 + 3.
        assert_eq!(sheet.get_pixel(6 + 7 + 2, 65), &INK);
        assert_eq!(sheet.get_pixel(6 + 7, 65), &BACKGROUND);
    }

    #[test]
    fn long_captions_are_cut() {
        assert_eq!(shorten("airplane", 8), "airplane");
        assert_eq!(shorten("airplanes", 8), "airpla..");
        assert_eq!(shorten("airplane", 1), ".");
    }
}
