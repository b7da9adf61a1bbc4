//! Pictures with their annotated objects on one sheet.

use image::RgbImage;
use vision_types::{BBox, ClassNames, Instance, Rle, Sample, Segmentation};

use super::{captioned_sheet, file_name, fit, scaled_mask};
use crate::draw;

/// A sheet of `samples` with their objects drawn on them, each with its file name below it, otherwise as
/// [`contact_sheet`](crate::contact_sheet).
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
            (picture, file_name(&sample.source))
        })
        .collect();
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
        Segmentation::Rle(mask) => Segmentation::Rle(Rle::from_mask(&scaled_mask(&mask.to_mask(), to))),
    });
    Instance { bbox, segmentation, ..object.clone() }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::class_colour;

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
        let red = class_colour(0);
        assert_eq!(sheet.get_pixel(6 + 19, 6 + 10 + 5), &Rgb([0; 3]));
        assert_eq!(sheet.get_pixel(6 + 20, 6 + 10 + 5), &red);
        assert_eq!(sheet.get_pixel(6 + 39, 6 + 10 + 5), &red);
        // Inside: 0.35 of the colour.
        let inside = red.0.map(|value| (f32::from(value) * 0.35).round() as u8);
        assert_eq!(sheet.get_pixel(6 + 30, 6 + 10 + 10), &Rgb(inside));
    }
}
