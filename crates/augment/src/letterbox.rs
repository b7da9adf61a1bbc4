//! A whole image scaled into a part of a canvas, and back.

use image::{Rgb, RgbImage};
use vision_types::{BBox, DetectedKeypoint, DetectedObject, Instance, Mask, Rle};

use crate::resize::{Rectangle, resize_into, resize_mask_into};
use crate::{Filter, GeometricMap, ImageSize, Projection};

/// Where an image lies that was scaled, with its aspect ratio, into an input of fixed size.
///
/// The sides are rounded down to whole pixels, as YOLOX does, and never below one pixel; boxes follow the pixels, so
/// the scales of both axes can differ by that rounding (YOLOX multiplies boxes by one scale for both).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letterbox {
    input: ImageSize,
    target: ImageSize,
    place: Rectangle,
}

impl Letterbox {
    /// An image of `input` as large as it fits into `target`, in the upper left corner (YOLOX).
    ///
    /// # Panics
    ///
    /// When a size has no pixels.
    pub fn top_left(input: ImageSize, target: ImageSize) -> Self {
        let fitted = fitted(input, target);
        Self::placed(input, target, Rectangle { x: 0, y: 0, width: fitted.width, height: fitted.height })
    }

    /// An image of `input` as large as it fits into `target`, in the middle; an odd pixel goes to the right and below.
    ///
    /// # Panics
    ///
    /// When a size has no pixels.
    pub fn centred(input: ImageSize, target: ImageSize) -> Self {
        let ImageSize { width, height } = fitted(input, target);
        Self::placed(
            input,
            target,
            Rectangle { x: (target.width - width) / 2, y: (target.height - height) / 2, width, height },
        )
    }

    /// An image of `input` at `place` of a canvas of `target`; the aspect ratio is that of `place`.
    ///
    /// # Panics
    ///
    /// When a size has no pixels or `place` is not within the canvas.
    pub fn placed(input: ImageSize, target: ImageSize, place: Rectangle) -> Self {
        assert!(input.area() > 0, "an image of {input} cannot be scaled");
        assert!(place.fits(target), "{place:?} is not within a canvas of {target}");
        Self { input, target, place }
    }

    /// Size of the original image.
    pub fn input(&self) -> ImageSize {
        self.input
    }

    /// Size of the canvas.
    pub fn target(&self) -> ImageSize {
        self.target
    }

    /// The part of the canvas that shows the image.
    pub fn place(&self) -> Rectangle {
        self.place
    }

    /// Takes a point of the original image to its point on the canvas.
    pub fn projection(&self) -> Projection {
        let scale_x = f64::from(self.place.width) / f64::from(self.input.width);
        let scale_y = f64::from(self.place.height) / f64::from(self.input.height);
        Projection::scale_then_shift(scale_x, scale_y, f64::from(self.place.x), f64::from(self.place.y))
    }

    /// The canvas: `image` resampled into its place, grey of level `pad` around it.
    ///
    /// # Panics
    ///
    /// When the image is not of the size that the place was made for.
    pub fn apply_image(&self, image: &RgbImage, filter: Filter, pad: u8) -> RgbImage {
        self.paint(image, filter, [pad; 3])
    }

    /// A mask of the canvas' size with `mask` at its place, by the nearest pixel, and `fill` around it.
    pub fn apply_mask(&self, mask: &Mask, fill: u8) -> Mask {
        let mut canvas = Mask::filled(self.target.width, self.target.height, fill);
        resize_mask_into(mask, Rectangle::whole(self.input), &mut canvas, self.place);
        canvas
    }

    /// [`Letterbox::apply_image`] with a colour around the image.
    pub(crate) fn paint(&self, image: &RgbImage, filter: Filter, fill: [u8; 3]) -> RgbImage {
        assert_eq!(ImageSize::of(image), self.input, "the image is not of the size that the place was made for");
        let mut canvas = if self.place == Rectangle::whole(self.target) {
            RgbImage::new(self.target.width, self.target.height)
        } else {
            RgbImage::from_pixel(self.target.width, self.target.height, Rgb(fill))
        };
        resize_into(image, Rectangle::whole(self.input), &mut canvas, self.place, filter);
        canvas
    }

    /// An object of the original image on the canvas, with its outline or pixels.
    pub fn forward_instance(&self, instance: Instance) -> Instance {
        GeometricMap::Letterbox { place: *self, filter: Filter::default(), fill: [0; 3] }
            .apply_instance(instance, self.input)
            .instance
    }

    /// A box of the original image on the canvas.
    pub fn forward(&self, bbox: BBox) -> BBox {
        let map = self.projection();
        let corner = |x: f32, y: f32| map.map(f64::from(x), f64::from(y));
        let ((x1, y1), (x2, y2)) = (corner(bbox.x1, bbox.y1), corner(bbox.x2, bbox.y2));
        BBox::from_xyxy(x1 as f32, y1 as f32, x2 as f32, y2 as f32)
    }

    /// A box of the canvas on the original image, cut off at its edges.
    pub fn inverse(&self, bbox: BBox) -> BBox {
        let map = self.projection().inverse().expect("image and place have pixels");
        let corner = |x: f32, y: f32| map.map(f64::from(x), f64::from(y));
        let ((x1, y1), (x2, y2)) = (corner(bbox.x1, bbox.y1), corner(bbox.x2, bbox.y2));
        BBox::from_xyxy(x1 as f32, y1 as f32, x2 as f32, y2 as f32)
            .clip(self.input.width as f32, self.input.height as f32)
    }

    /// A detected object of the canvas on the original image, its box cut off at the edges.
    pub fn inverse_object(&self, object: DetectedObject) -> DetectedObject {
        let map = self.projection().inverse().expect("image and place have pixels");
        DetectedObject {
            bbox: self.inverse(object.bbox),
            mask: object.mask.map(|mask| self.inverse_mask(&mask)),
            keypoints: object.keypoints.map(|points| moved(points, &map)),
            ..object
        }
    }

    /// A detected object of the original image on the canvas.
    pub fn forward_object(&self, object: DetectedObject) -> DetectedObject {
        DetectedObject {
            bbox: self.forward(object.bbox),
            mask: object.mask.map(|mask| Rle::from_mask(&self.apply_mask(&mask.to_mask(), 0))),
            keypoints: object.keypoints.map(|points| moved(points, &self.projection())),
            ..object
        }
    }

    /// An object's pixels on the canvas as pixels of the original image: each is the object's where the canvas is at its
    /// centre.
    fn inverse_mask(&self, mask: &Rle) -> Rle {
        let (target, found) = (self.target, (mask.width, mask.height));
        assert_eq!(found, (target.width, target.height), "a mask on the canvas has its size");
        let canvas = mask.to_mask();
        let map = self.projection();
        let centre = |position: u32| f64::from(position) + 0.5;
        let column = |x: u32| map.map(centre(x), 0.0).0.clamp(0.0, f64::from(target.width - 1)) as u32;
        let row = |y: u32| map.map(0.0, centre(y)).1.clamp(0.0, f64::from(target.height - 1)) as u32;
        let columns: Vec<u32> = (0..self.input.width).map(column).collect();
        let pixels = (0..self.input.height).flat_map(|y| {
            let y = row(y);
            columns.iter().map(move |x| (*x, y))
        });
        let pixels: Vec<u8> = pixels.map(|(x, y)| canvas.get(x, y)).collect();
        Rle::from_mask_pixels(&pixels, self.input.height, self.input.width).expect("a value for each pixel")
    }
}

/// Key points where `map` takes them.
fn moved(mut points: Vec<DetectedKeypoint>, map: &Projection) -> Vec<DetectedKeypoint> {
    for point in &mut points {
        let (x, y) = map.map(f64::from(point.x), f64::from(point.y));
        (point.x, point.y) = (x as f32, y as f32);
    }
    points
}

/// The largest size with the aspect ratio of `input` within `target`, the shorter side rounded down.
fn fitted(input: ImageSize, target: ImageSize) -> ImageSize {
    let (width, height) = (u64::from(input.width), u64::from(input.height));
    let (target_width, target_height) = (u64::from(target.width), u64::from(target.height));
    let side = |length: u64| length.max(1) as u32;
    if target_width * height <= target_height * width {
        ImageSize::new(target.width, side(height * target_width / width.max(1)))
    } else {
        ImageSize::new(side(width * target_height / height.max(1)), target.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_fits_and_the_other_is_rounded_down() {
        let place = Letterbox::top_left(ImageSize::new(640, 427), ImageSize::new(416, 416));
        // 427 · 416 / 640 = 277.55.
        assert_eq!(place.place(), Rectangle { x: 0, y: 0, width: 416, height: 277 });
        let place = Letterbox::centred(ImageSize::new(427, 640), ImageSize::new(416, 416));
        // (416 − 277) / 2 = 69.5: 69 pixels to the left, 70 to the right.
        assert_eq!(place.place(), Rectangle { x: 69, y: 0, width: 277, height: 416 });
        let sliver = Letterbox::top_left(ImageSize::new(5000, 1), ImageSize::new(32, 64));
        assert_eq!(sliver.place(), Rectangle { x: 0, y: 0, width: 32, height: 1 });
    }

    #[test]
    fn objects_come_back_with_masks_and_points() {
        // 4×2 pixels twice as large on a canvas of 8×8: rows 4 to 7 of it are padding.
        let place = Letterbox::top_left(ImageSize::new(4, 2), ImageSize::new(8, 8));
        let mut canvas = Mask::filled(8, 8, 0);
        for (x, y) in [(2, 0), (3, 0), (2, 1), (3, 1), (6, 2), (7, 2), (6, 3), (7, 3), (0, 6)] {
            canvas.pixels_mut()[y * 8 + x] = 1;
        }
        let found = DetectedObject {
            mask: Some(Rle::from_mask(&canvas)),
            keypoints: Some(vec![DetectedKeypoint { x: 6.0, y: 2.0, score: 0.5 }]),
            ..DetectedObject::new(BBox::from_xyxy(2.0, 0.0, 8.0, 4.0), 1, 0.75)
        };
        let back = place.inverse_object(found);
        let mask = back.mask.as_ref().expect("it had one");
        assert_eq!((mask.width, mask.height), (4, 2));
        assert_eq!(mask.to_mask().pixels(), [0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(back.keypoints, Some(vec![DetectedKeypoint { x: 3.0, y: 1.0, score: 0.5 }]));
        assert_eq!((back.bbox, back.class, back.score), (BBox::from_xyxy(1.0, 0.0, 4.0, 2.0), 1, 0.75));
        let there = place.forward_object(back);
        // What lay in the padding is lost.
        canvas.pixels_mut()[6 * 8] = 0;
        assert_eq!(there.mask.map(|mask| mask.to_mask()), Some(canvas));
        assert_eq!(there.bbox, BBox::from_xyxy(2.0, 0.0, 8.0, 4.0));
    }

    #[test]
    fn boxes_go_there_and_back_and_end_at_the_image() {
        let place = Letterbox::centred(ImageSize::new(100, 50), ImageSize::new(200, 200));
        // Doubled, with (200 − 100) / 2 = 50 pixels above.
        let bbox = BBox::from_xyxy(10.0, 20.0, 30.0, 40.0);
        assert_eq!(place.forward(bbox), BBox::from_xyxy(20.0, 90.0, 60.0, 130.0));
        assert_eq!(place.inverse(place.forward(bbox)), bbox);
        assert_eq!(place.inverse(BBox::from_xyxy(-9.0, 0.0, 500.0, 100.0)), BBox::from_xyxy(0.0, 0.0, 100.0, 25.0));
    }
}
