//! Boxes, masks and labels drawn on pictures: for contact sheets, predictions and reports.

mod masks;

use image::{Rgb, RgbImage};
use imageproc::drawing::draw_filled_rect_mut;
use imageproc::rect::Rect;
use vision_types::{BBox, ClassId, ClassNames, DetectedObject, Instance};

pub use self::masks::{mask, mask_contours, mask_overlay, shape};
use crate::colour::{class_colour, ink};
use crate::font;

/// Width of a line as a share of the mean of the picture's width and height: 2 pixels at 640 × 480.
const LINE_SHARE: f32 = 0.003;

/// Pixels around the text of a label, for each pixel of the font.
const LABEL_MARGIN: u32 = 2;

/// Width in pixels of a line that suits a picture of `width` × `height` pixels, at least 1. Text is enlarged by the
/// same number.
pub fn line_width(width: u32, height: u32) -> u32 {
    ((width as f32 + height as f32) / 2.0 * LINE_SHARE).round().max(1.0) as u32
}

/// Draws boxes with their labels on `image`, in the given order; labels lie above all boxes. A label stands on the
/// upper edge of its box, or inside where the picture ends there; an empty one is left out. What leaves the picture is
/// cut off, and boxes with edges that are no numbers are left out.
pub fn detections<L: AsRef<str>>(image: &mut RgbImage, boxes: &[(BBox, L, Rgb<u8>)]) {
    let width = line_width(image.width(), image.height());
    for (bbox, _, colour) in boxes {
        frame(image, *bbox, width, *colour);
    }
    for (bbox, text, colour) in boxes {
        label(image, *bbox, text.as_ref(), width, *colour);
    }
}

/// Draws what a model found, each with its class and score ("cat 87%"), the surest above the others: masks first, where
/// there are any, then boxes and key points. A mask of another size than the picture is left out.
pub fn predictions(image: &mut RgbImage, found: &[DetectedObject], classes: &ClassNames) {
    let mut ordered: Vec<&DetectedObject> = found.iter().collect();
    ordered.sort_by(|a, b| a.score.total_cmp(&b.score));
    for object in &ordered {
        if let Some(pixels) = object.mask.as_ref().filter(|mask| (mask.width, mask.height) == image.dimensions()) {
            mask(image, &pixels.to_mask(), class_colour(object.class));
        }
    }
    let boxes: Vec<(BBox, String, Rgb<u8>)> = ordered
        .iter()
        .map(|detection| {
            let name = class_name(classes, detection.class);
            let text = format!("{name} {:.0}%", detection.score * 100.0);
            (detection.bbox, text, class_colour(detection.class))
        })
        .collect();
    let points = boxes.iter().zip(&ordered).flat_map(|((_, _, colour), object)| {
        object.keypoints.iter().flatten().map(|point| (point.x, point.y, *colour))
    });
    for (x, y, colour) in points.collect::<Vec<_>>() {
        dot(image, x, y, colour);
    }
    detections(image, &boxes);
}

/// Fills a square of twice a line's width around a point.
fn dot(image: &mut RgbImage, x: f32, y: f32, colour: Rgb<u8>) {
    let reach = line_width(image.width(), image.height()) as f32;
    let bbox = BBox::from_xyxy(x - reach, y - reach, x + reach, y + reach);
    if let Some([left, top, right, bottom]) = covered(bbox, image) {
        for (x, y) in (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y))) {
            image.put_pixel(x, y, colour);
        }
    }
}

/// Draws annotated objects with the names of their classes: masks and outlines first, then boxes. Groups of objects
/// ("crowd") are named as such. A mask of another size than the picture is left out.
pub fn instances(image: &mut RgbImage, objects: &[Instance], classes: &ClassNames) {
    for object in objects {
        if let Some(segmentation) = &object.segmentation {
            shape(image, segmentation, class_colour(object.class));
        }
    }
    let boxes: Vec<(BBox, String, Rgb<u8>)> = objects
        .iter()
        .map(|object| {
            let name = class_name(classes, object.class);
            let text = if object.crowd { format!("{name} (crowd)") } else { name };
            (object.bbox, text, class_colour(object.class))
        })
        .collect();
    detections(image, &boxes);
}

fn class_name(classes: &ClassNames, class: ClassId) -> String {
    classes.get(class).map_or_else(|| format!("class {class}"), str::to_owned)
}

/// Pixel columns and rows `[left, top, right, bottom]` (the last two not included) that a box covers, cut to the
/// picture.
fn covered(bbox: BBox, image: &RgbImage) -> Option<[u32; 4]> {
    let edges = [bbox.x1, bbox.y1, bbox.x2, bbox.y2];
    if edges.iter().any(|edge| !edge.is_finite()) || image.width() == 0 || image.height() == 0 {
        return None;
    }
    let (width, height) = image.dimensions();
    let outside = bbox.x2 < 0.0 || bbox.y2 < 0.0 || bbox.x1 > width as f32 || bbox.y1 > height as f32;
    if outside || bbox.x2 < bbox.x1 || bbox.y2 < bbox.y1 {
        return None;
    }
    // A box around no pixel at all is shown as one around a single pixel.
    let left = (bbox.x1.round().max(0.0) as u32).min(width - 1);
    let top = (bbox.y1.round().max(0.0) as u32).min(height - 1);
    let right = (bbox.x2.round().max(0.0) as u32).clamp(left + 1, width);
    let bottom = (bbox.y2.round().max(0.0) as u32).clamp(top + 1, height);
    Some([left, top, right, bottom])
}

/// The edge of a box, inside of it.
fn frame(image: &mut RgbImage, bbox: BBox, line: u32, colour: Rgb<u8>) {
    let Some([left, top, right, bottom]) = covered(bbox, image) else { return };
    let across = line.min(right - left);
    let down = line.min(bottom - top);
    fill(image, [left, top, right, top + down], colour);
    fill(image, [left, bottom - down, right, bottom], colour);
    fill(image, [left, top, left + across, bottom], colour);
    fill(image, [right - across, top, right, bottom], colour);
}

/// Fills the columns from `left` to `right` and the rows from `top` to `bottom` (the last ones not included), as far as
/// they lie in the picture.
fn fill(image: &mut RgbImage, [left, top, right, bottom]: [u32; 4], colour: Rgb<u8>) {
    let (right, bottom) = (right.min(image.width()), bottom.min(image.height()));
    if left < right && top < bottom {
        let area = Rect::at(left as i32, top as i32).of_size(right - left, bottom - top);
        draw_filled_rect_mut(image, area, colour);
    }
}

fn label(image: &mut RgbImage, bbox: BBox, text: &str, scale: u32, colour: Rgb<u8>) {
    let Some([left, top, ..]) = covered(bbox, image) else { return };
    if text.is_empty() {
        return;
    }
    let margin = LABEL_MARGIN * scale;
    let width = font::text_width(text.chars().count()).saturating_mul(scale).saturating_add(2 * margin);
    let height = font::HEIGHT * scale + 2 * margin;
    let left = left.min(image.width().saturating_sub(width));
    let top = top.checked_sub(height).unwrap_or(top);
    fill(image, [left, top, left.saturating_add(width), top + height], colour);
    font::draw_enlarged_text(image, text, left + margin, top + margin, scale, ink(colour));
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Rgb<u8> = Rgb([255, 0, 0]);
    const BLACK: Rgb<u8> = Rgb([0; 3]);

    fn coloured(image: &RgbImage, colour: Rgb<u8>) -> Vec<(u32, u32)> {
        image.enumerate_pixels().filter(|(_, _, pixel)| **pixel == colour).map(|(x, y, _)| (x, y)).collect()
    }

    #[test]
    fn a_frame_lies_on_the_outermost_pixels_of_its_box() {
        let mut image = RgbImage::new(10, 8);
        detections(&mut image, &[(BBox::from_xyxy(2.0, 1.0, 5.0, 4.0), "", RED)]);
        // Three by three pixels without the middle one.
        let expected = [(2, 1), (3, 1), (4, 1), (2, 2), (4, 2), (2, 3), (3, 3), (4, 3)];
        assert_eq!(coloured(&image, RED), expected);
    }

    #[test]
    fn lines_grow_with_the_picture() {
        // (640 + 480) / 2 · 0.003 = 1.68; (128 + 128) / 2 · 0.003 = 0.38; (4000 + 3000) / 2 · 0.003 = 10.5.
        assert_eq!([line_width(640, 480), line_width(128, 128), line_width(4000, 3000)], [2, 1, 11]);
    }

    #[test]
    fn labels_stand_on_their_box_or_inside_and_within_the_picture() {
        let mut image = RgbImage::new(60, 60);
        // "I" is 5 pixels wide, with its margins 9 by 11.
        detections(&mut image, &[(BBox::from_xyxy(20.0, 30.0, 50.0, 50.0), "I", RED)]);
        assert_eq!(image.get_pixel(20, 19), &RED);
        assert_eq!(image.get_pixel(28, 29), &RED);
        assert_eq!(image.get_pixel(29, 29), &BLACK);
        assert_eq!(image.get_pixel(20, 18), &BLACK);
        // White text on red, whose brightness is 0.299 · 255 = 76: the stem of the I.
        assert_eq!(image.get_pixel(20 + 2 + 2, 19 + 2 + 3), &Rgb([255; 3]));

        let mut image = RgbImage::new(60, 60);
        detections(&mut image, &[(BBox::from_xyxy(56.0, 2.0, 60.0, 40.0), "I", RED)]);
        assert_eq!(image.get_pixel(51, 2), &RED);
        assert_eq!(image.get_pixel(51, 12), &RED);
        assert_eq!(image.get_pixel(51, 13), &BLACK);
    }

    #[test]
    fn boxes_outside_and_without_numbers_leave_the_picture_alone() {
        let mut image = RgbImage::new(10, 10);
        let nowhere = [
            BBox::from_xyxy(-9.0, -9.0, -2.0, -2.0),
            BBox::from_xyxy(20.0, 2.0, 30.0, 5.0),
            BBox::from_xyxy(f32::NAN, 2.0, 30.0, 5.0),
            BBox::from_xyxy(0.0, 0.0, f32::INFINITY, 5.0),
            BBox::from_xyxy(8.0, 8.0, 2.0, 2.0),
        ];
        detections(&mut image, &nowhere.map(|bbox| (bbox, "far away", RED)));
        assert_eq!(image, RgbImage::new(10, 10));
        detections(&mut image, &[(BBox::from_xyxy(-1e30, -5.0, 1e30, 1e9), "", RED)]);
        // All 36 pixels along the border.
        assert_eq!(coloured(&image, RED).len(), 36);
    }
}
