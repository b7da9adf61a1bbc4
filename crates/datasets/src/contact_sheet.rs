//! Many small pictures with captions on one sheet.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use vision_types::{BBox, ClassId, ClassNames, Instance, Mask, Rle, Sample, Segmentation};

use crate::{draw, font};

/// Background of the sheet.
pub(crate) const BACKGROUND: Rgb<u8> = Rgb([255; 3]);
/// Background of a cell that its picture does not fill.
const CELL: Rgb<u8> = Rgb([235; 3]);
/// Captions.
pub(crate) const INK: Rgb<u8> = Rgb([20; 3]);
/// Pixels between cells and around them.
pub(crate) const GAP: u32 = 6;
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

/// A sheet of `samples` with their objects drawn on them, each with its file name below it, otherwise as
/// [`contact_sheet`].
///
/// # Panics
///
/// When `columns` or `cell` is 0.
pub fn annotated_sheet(samples: &[Sample<Vec<Instance>>], classes: &ClassNames, columns: usize, cell: u32) -> RgbImage {
    let pictures: Vec<(RgbImage, String)> = samples
        .iter()
        .map(|sample| {
            // Objects are drawn on the scaled picture, so that lines and names keep their size.
            let mut picture = fit(&sample.image, cell);
            let objects: Vec<Instance> = sample
                .annotation
                .iter()
                .map(|object| scaled(object, sample.image.dimensions(), picture.dimensions()))
                .collect();
            draw::instances(&mut picture, &objects, classes);
            let name = sample.source.rsplit(['/', '\\']).next().unwrap_or_default();
            (picture, name.to_owned())
        })
        .collect();
    let pictures: Vec<(&RgbImage, String)> = pictures.iter().map(|(picture, name)| (picture, name.clone())).collect();
    captioned_sheet(&pictures, columns, cell)
}

/// An object of a picture of size `from`, in the same picture scaled to size `to`.
fn scaled(object: &Instance, from: (u32, u32), to: (u32, u32)) -> Instance {
    let (across, down) = (f64::from(to.0) / f64::from(from.0), f64::from(to.1) / f64::from(from.1));
    let edges = object.bbox;
    let side = |edge: f32, scale: f64| (f64::from(edge) * scale) as f32;
    let bbox =
        BBox::from_xyxy(side(edges.x1, across), side(edges.y1, down), side(edges.x2, across), side(edges.y2, down));
    let segmentation = object.segmentation.as_ref().map(|shape| match shape {
        Segmentation::Polygons(outlines) => Segmentation::Polygons(
            outlines.iter().map(|points| points.iter().map(|[x, y]| [x * across, y * down]).collect()).collect(),
        ),
        Segmentation::Rle(mask) => {
            let pixels = mask.to_mask();
            let mut smaller = Mask::filled(to.0, to.1, 0);
            let nearest = |at: u32, scale: f64, last: u32| (((f64::from(at) + 0.5) / scale) as u32).min(last);
            for (place, value) in smaller.pixels_mut().iter_mut().enumerate() {
                let (x, y) = (place as u32 % to.0, place as u32 / to.0);
                if mask.width > 0 && mask.height > 0 {
                    *value = pixels.get(nearest(x, across, mask.width - 1), nearest(y, down, mask.height - 1));
                }
            }
            Segmentation::Rle(Rle::from_mask(&smaller))
        }
    });
    Instance { bbox, segmentation, ..object.clone() }
}

/// A sheet as [`contact_sheet`] makes it, of any pictures with any captions. A caption that is too long is cut and ends
/// in two full stops; characters beyond ASCII are shown as question marks.
///
/// # Panics
///
/// When `columns` or `cell` is 0.
pub fn captioned_sheet(pictures: &[(&RgbImage, String)], columns: usize, cell: u32) -> RgbImage {
    assert!(columns > 0 && cell > 0, "a sheet of {columns} columns of {cell} pixels has no room");
    let columns = columns.min(pictures.len()).max(1) as u32;
    let rows = (pictures.len() as u32).div_ceil(columns);
    let row_height = cell + CAPTION_GAP + font::HEIGHT + GAP;
    let mut sheet = RgbImage::from_pixel(GAP + columns * (cell + GAP), GAP + rows * row_height, BACKGROUND);
    for (number, (picture, caption)) in pictures.iter().enumerate() {
        let (column, row) = (number as u32 % columns, number as u32 / columns);
        let (left, top) = (GAP + column * (cell + GAP), GAP + row * row_height);
        imageops::replace(&mut sheet, &RgbImage::from_pixel(cell, cell, CELL), i64::from(left), i64::from(top));
        let fitted = fit(picture, cell);
        let (inset_x, inset_y) = ((cell - fitted.width()) / 2, (cell - fitted.height()) / 2);
        imageops::replace(&mut sheet, &fitted, i64::from(left + inset_x), i64::from(top + inset_y));

        let caption = shorten(caption, font::fitting(cell));
        let caption_left = left + (cell.saturating_sub(font::text_width(caption.chars().count()))) / 2;
        font::draw_text(&mut sheet, &caption, caption_left, top + cell + CAPTION_GAP, INK);
    }
    sheet
}

/// Scales so that the longer side has `cell` pixels. Small pictures are enlarged without smoothing, to show their pixels.
pub(crate) fn fit(picture: &RgbImage, cell: u32) -> RgbImage {
    let longer = picture.width().max(picture.height()).max(1);
    let side =
        |side: u32| ((u64::from(side) * u64::from(cell) + u64::from(longer) / 2) / u64::from(longer)).max(1) as u32;
    let filter = if longer <= cell { FilterType::Nearest } else { FilterType::Triangle };
    imageops::resize(picture, side(picture.width()), side(picture.height()), filter)
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
    fn objects_are_drawn_where_they_lie_in_the_scaled_picture() {
        let classes = ClassNames::new([""]);
        // The right half of the picture: columns 2 and 3 of 4 become columns 20 to 39 of 40.
        let mask = Segmentation::Rle(Rle { width: 4, height: 2, counts: vec![4, 4] });
        let bbox = BBox::from_xyxy(2.0, 0.0, 4.0, 2.0);
        let object = Instance { segmentation: Some(mask), ..Instance::from_box(bbox, 0) };
        let sample = Sample { image: RgbImage::new(4, 2), annotation: vec![object], source: "a/b.png".to_owned() };
        let sheet = annotated_sheet(&[sample], &classes, 1, 40);
        // The picture is 40 × 20, ten pixels below the upper edge of its cell at (6, 6).
        let red = draw::class_colour(0);
        assert_eq!(sheet.get_pixel(6 + 19, 6 + 10 + 5), &Rgb([0; 3]));
        assert_eq!(sheet.get_pixel(6 + 20, 6 + 10 + 5), &red);
        assert_eq!(sheet.get_pixel(6 + 39, 6 + 10 + 5), &red);
        // Inside: 0.35 of the colour.
        let inside = red.0.map(|value| (f32::from(value) * 0.35).round() as u8);
        assert_eq!(sheet.get_pixel(6 + 30, 6 + 10 + 10), &Rgb(inside));
    }

    #[test]
    fn long_captions_are_cut() {
        assert_eq!(shorten("airplane", 8), "airplane");
        assert_eq!(shorten("airplanes", 8), "airpla..");
        assert_eq!(shorten("airplane", 1), ".");
    }
}
