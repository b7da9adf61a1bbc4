//! Four images in one, and the random warp that follows.

use image::{Rgb, RgbImage};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use vision_types::Instance;

use crate::error::{require, require_probability};
use crate::key::Domain;
use crate::letterbox::Letterbox;
use crate::resize::resize_into;
use crate::spread::uniform;
use crate::warp::{Part, warp_into};
use crate::{
    AugmentError, AugmentKey, Border, Drawn, Filter, GeometricMap, ImageSize, Projection, Rectangle, Sampling,
};

/// Mosaic: four images around a random centre of a canvas of twice the input's sides, and a random rotation, zoom,
/// shear and shift about the middle of that canvas (Bochkovskiy et al., "YOLOv4", section 3.4; Ge et al., "YOLOX",
/// section 2.1). The defaults are those of YOLOX-S and larger; YOLOX-Nano and -Tiny use `scale = [0.5, 1.5]`.
///
/// Geometry and order are those of YOLOX (`MosaicDetection` and `random_perspective` of its release 0.1), with two
/// deviations. Every image is warped from its own pixels into the result at once, where YOLOX resizes it into the
/// canvas first and warps that; an image that becomes smaller than half its size is shrunk by an antialiased filter
/// before. And boxes follow the rounded sides of the resized images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Mosaic {
    /// Chance of a mosaic instead of the image alone, `0..=1`; 1 by default.
    pub probability: f64,
    /// Magnification of the canvas, `[lowest, highest]`; `[0.1, 2]` by default.
    pub scale: (f64, f64),
    /// Rotation by up to so many degrees to either side; 10 by default.
    pub degrees: f64,
    /// Shift by up to this share of the input's sides to either side; 0.1 by default.
    pub translate: f64,
    /// Shear along each axis by up to so many degrees to either side; 2 by default.
    pub shear: f64,
    /// Share of an object that must stay visible for it to be kept, `0..=1`; 0.2 by default (`box_candidates`).
    pub min_visible: f32,
    /// Colour where there is no image, red, green and blue; grey of level 114 by default.
    pub fill: [u8; 3],
}

impl Default for Mosaic {
    fn default() -> Self {
        Self {
            probability: 1.0,
            scale: (0.1, 2.0),
            degrees: 10.0,
            translate: 0.1,
            shear: 2.0,
            min_visible: 0.2,
            fill: [GREY; 3],
        }
    }
}

/// The grey around images, as YOLOX pads.
pub(crate) const GREY: u8 = 114;

/// Everything random about one mosaic, already decided.
#[derive(Debug, Clone, PartialEq)]
pub struct MosaicDraw {
    partners: [usize; 3],
    size: ImageSize,
    /// Where the four images meet, in whole pixels of the canvas.
    centre: (u32, u32),
    /// Takes a point of the canvas to its point in the result.
    forward: Projection,
    fill: [u8; 3],
    min_visible: f32,
}

impl Mosaic {
    /// Checks every setting against its range.
    ///
    /// # Errors
    ///
    /// With the first setting out of range.
    pub fn validate(&self) -> Result<(), AugmentError> {
        let kind = "mosaic";
        require_probability(kind, self.probability)?;
        require_scale(kind, self.scale)?;
        require((0.0..=360.0).contains(&self.degrees), kind, "degrees", self.degrees, "degrees from 0 to 360")?;
        require((0.0..=1.0).contains(&self.translate), kind, "translate", self.translate, "a share from 0 to 1")?;
        require((0.0..45.0).contains(&self.shear), kind, "shear", self.shear, "degrees from 0 to below 45")?;
        let share = self.min_visible;
        require((0.0..=1.0).contains(&share), kind, "min_visible", share, "a share from 0 to 1")
    }

    /// Draws a mosaic of `size` around sample `key.index` of a data set of `dataset_len`; `None` where chance leaves
    /// the sample alone, or there is nothing to draw from.
    pub fn draw(&self, key: AugmentKey, dataset_len: usize, size: ImageSize) -> Option<MosaicDraw> {
        let mut generator = key.generator(Domain::Mosaic, 0);
        if dataset_len == 0 || size.area() == 0 || generator.random::<f64>() >= self.probability {
            return None;
        }
        let mut centre = |side: u32| uniform(&mut generator, (0.5 * f64::from(side), 1.5 * f64::from(side))) as u32;
        let centre = (centre(size.width), centre(size.height));
        let partners = std::array::from_fn(|_| generator.random_range(0..dataset_len));
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let mut around_zero = |reach: f64| uniform(&mut generator, (-reach, reach));
        let angle = around_zero(self.degrees).to_radians();
        let (shear_x, shear_y) =
            (around_zero(self.shear).to_radians().tan(), around_zero(self.shear).to_radians().tan());
        let shift = (around_zero(self.translate) * width, around_zero(self.translate) * height);
        let zoom = uniform(&mut generator, self.scale);
        let (sine, cosine) = (zoom * angle.sin(), zoom * angle.cos());
        let forward = Projection::scale_then_shift(1.0, 1.0, -width, -height)
            .then(&Projection([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]]))
            .then(&Projection([[1.0, shear_x, 0.0], [shear_y, 1.0, 0.0], [0.0, 0.0, 1.0]]))
            .then(&Projection::scale_then_shift(1.0, 1.0, width / 2.0 + shift.0, height / 2.0 + shift.1));
        Some(MosaicDraw { partners, size, centre, forward, fill: self.fill, min_visible: self.min_visible })
    }
}

/// Fails unless `scale` is a range of magnifications.
pub(crate) fn require_scale(kind: &'static str, scale: (f64, f64)) -> Result<(), AugmentError> {
    let (lowest, highest) = scale;
    let allowed = 0.01 <= lowest && lowest <= highest && highest <= 100.0;
    require(allowed, kind, "scale", format!("[{lowest}, {highest}]"), "[lowest, highest] from 0.01 to 100")
}

/// Below this magnification an image is shrunk by an antialiased filter before it is warped: from here on a bilinear
/// warp would skip pixels.
const SMALLEST_MAGNIFICATION: f64 = 0.5;

impl MosaicDraw {
    /// The samples beside the first, in the order that [`MosaicDraw::apply`] wants; one can occur twice.
    pub fn partners(&self) -> [usize; 3] {
        self.partners
    }

    /// The mosaic of four samples: upper left, upper right, lower left, lower right.
    ///
    /// Objects keep this order; those of which too little is left are dropped.
    ///
    /// # Panics
    ///
    /// When an image has no pixels.
    pub fn apply(&self, samples: [(RgbImage, Vec<Instance>); 4]) -> (RgbImage, Vec<Instance>) {
        let mut image = RgbImage::from_pixel(self.size.width, self.size.height, Rgb(self.fill));
        let mut instances = Vec::with_capacity(samples.iter().map(|(_, instances)| instances.len()).sum());
        for (quarter, (picture, annotated)) in samples.into_iter().enumerate() {
            let size = ImageSize::of(&picture);
            let place = self.place(quarter, size);
            self.paint(&picture, &place, &mut image);
            instances.extend(self.moves(&place).apply_instances(annotated, size, self.min_visible));
        }
        (image, instances)
    }

    fn canvas(&self) -> ImageSize {
        ImageSize::new(2 * self.size.width, 2 * self.size.height)
    }

    /// Takes a point of the image of `size` in this quarter to its point on the canvas.
    fn place(&self, quarter: usize, size: ImageSize) -> Projection {
        let fitted = Letterbox::top_left(size, self.size).place();
        let (width, height) = (f64::from(fitted.width), f64::from(fitted.height));
        let left = f64::from(self.centre.0) - if quarter.is_multiple_of(2) { width } else { 0.0 };
        let top = f64::from(self.centre.1) - if quarter < 2 { height } else { 0.0 };
        Projection::scale_then_shift(width / f64::from(size.width), height / f64::from(size.height), left, top)
    }

    /// The way of an object: cut off at the edges of the canvas, then warped.
    fn moves(&self, place: &Projection) -> Drawn {
        let warp = |map: &Projection, output| {
            GeometricMap::warp(*map, output, Border::default(), Sampling::Bilinear)
                .map_or(Drawn::Identity, Drawn::Geometric)
        };
        Drawn::Sequence(vec![warp(place, self.canvas()), warp(&self.forward, self.size)])
    }

    fn paint(&self, picture: &RgbImage, place: &Projection, image: &mut RgbImage) {
        let size = ImageSize::of(picture);
        let magnification = place.then(&self.forward).magnification();
        if magnification < SMALLEST_MAGNIFICATION {
            let side = |side: u32| (f64::from(side) * magnification).ceil().max(1.0) as u32;
            let smaller = ImageSize::new(side(size.width), side(size.height));
            let mut shrunk = RgbImage::new(smaller.width, smaller.height);
            resize_into(picture, Rectangle::whole(size), &mut shrunk, Rectangle::whole(smaller), Filter::Bilinear);
            let stretch = Projection::scale_then_shift(
                f64::from(size.width) / f64::from(smaller.width),
                f64::from(size.height) / f64::from(smaller.height),
                0.0,
                0.0,
            );
            self.warp(&shrunk, &stretch.then(place), image);
        } else {
            self.warp(picture, place, image);
        }
    }

    /// Draws the part of `picture` that lies on the canvas.
    fn warp(&self, picture: &RgbImage, place: &Projection, image: &mut RgbImage) {
        let (Some(to_picture), Some(to_canvas)) = (place.inverse(), self.forward.inverse()) else { return };
        let canvas = self.canvas();
        let (left, top) = to_picture.map(0.0, 0.0);
        let (right, bottom) = to_picture.map(f64::from(canvas.width), f64::from(canvas.height));
        let part = Part {
            x: left.max(0.0)..right.min(f64::from(picture.width())),
            y: top.max(0.0)..bottom.min(f64::from(picture.height())),
        };
        warp_into(image, picture, &to_canvas.then(&to_picture), &part);
    }
}
