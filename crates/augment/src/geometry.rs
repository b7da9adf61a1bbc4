//! One geometric map for image, boxes and masks.

use image::RgbImage;
use vision_types::{BBox, Mask};

use crate::flip::{flip_columns, flip_rows};
use crate::letterbox::Letterbox;
use crate::resize::{Filter, Rectangle, resize, resize_mask_into};
use crate::warp::{Sampling, warp_image, warp_mask};
use crate::window::Window;
use crate::{Border, ImageSize, Projection};

/// Where every point of an image goes: the whole outcome of a geometric draw, applied to an image and to all that is
/// annotated on it.
#[derive(Debug, Clone, PartialEq)]
pub enum GeometricMap {
    /// A rectangle of the image, resampled to `output`.
    Resize {
        /// The part of the image that is kept.
        part: Rectangle,
        /// Its new size.
        output: ImageSize,
        /// How it is resampled.
        filter: Filter,
    },
    /// The whole image at a place of a canvas.
    Letterbox {
        /// The place and the sizes of image and canvas.
        place: Letterbox,
        /// How it is resampled.
        filter: Filter,
        /// Colour around the image, red, green and blue.
        fill: [u8; 3],
    },
    /// A window over the continued image: crop, pad, or both.
    Window(Window),
    /// Left and right exchanged.
    FlipHorizontal,
    /// Top and bottom exchanged.
    FlipVertical,
    /// An affine or perspective map.
    Warp {
        /// Takes a point of the output to its point in the image.
        inverse: Projection,
        /// Takes a point of the image to its point in the output.
        forward: Projection,
        /// Size of the output.
        output: ImageSize,
        /// What lies beyond the image.
        border: Border,
        /// How the image is read between pixels.
        sampling: Sampling,
    },
}

/// A box after a geometric map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MovedBox {
    /// The axis-aligned box around the moved corners, clipped to the image; degenerate when it left the image.
    pub bbox: BBox,
    /// The share of the moved box that is still inside the image, in `0..=1`.
    pub visible: f32,
}

impl GeometricMap {
    /// A warp by `forward`, which takes points of the image to points of the output; `None` when it flattens the plane.
    pub fn warp(forward: Projection, output: ImageSize, border: Border, sampling: Sampling) -> Option<Self> {
        let inverse = forward.inverse()?;
        Some(Self::Warp { inverse, forward, output, border, sampling })
    }

    /// Size of what an image of `input` becomes.
    pub fn output_size(&self, input: ImageSize) -> ImageSize {
        match self {
            Self::Resize { output, .. } | Self::Warp { output, .. } => *output,
            Self::Letterbox { place, .. } => place.target(),
            Self::Window(window) => window.output,
            Self::FlipHorizontal | Self::FlipVertical => input,
        }
    }

    /// Where a point of an image of `input` goes, in continuous coordinates (pixel (0, 0) covers `0..1` × `0..1`).
    pub fn forward(&self, input: ImageSize) -> Projection {
        match self {
            Self::Resize { part, output, .. } => {
                let scale_x = f64::from(output.width) / f64::from(part.width);
                let scale_y = f64::from(output.height) / f64::from(part.height);
                let (shift_x, shift_y) = (-f64::from(part.x) * scale_x, -f64::from(part.y) * scale_y);
                Projection::scale_then_shift(scale_x, scale_y, shift_x, shift_y)
            }
            Self::Letterbox { place, .. } => place.projection(),
            Self::Window(window) => Projection::scale_then_shift(1.0, 1.0, -(window.left as f64), -(window.top as f64)),
            Self::FlipHorizontal => Projection::scale_then_shift(-1.0, 1.0, f64::from(input.width), 0.0),
            Self::FlipVertical => Projection::scale_then_shift(1.0, -1.0, 0.0, f64::from(input.height)),
            Self::Warp { forward, .. } => *forward,
        }
    }

    /// The image after the map.
    ///
    /// # Panics
    ///
    /// When the image has no pixels, or is smaller than the rectangle that a resize takes from it.
    pub fn apply_image(&self, mut image: RgbImage) -> RgbImage {
        match self {
            Self::Resize { part, output, filter } => resize(image, *part, *output, *filter),
            Self::Letterbox { place, filter, fill } => place.paint(&image, *filter, *fill),
            Self::Window(window) => window.apply_image(&image),
            Self::FlipHorizontal => {
                let width = image.width() as usize;
                flip_rows(image.as_chunks_mut::<3>().0, width);
                image
            }
            Self::FlipVertical => {
                let stride = image.width() as usize * 3;
                flip_columns(&mut image, stride);
                image
            }
            Self::Warp { inverse, output, border, sampling, .. } => {
                warp_image(&image, inverse, *output, *border, *sampling)
            }
        }
    }

    /// The mask after the map, by nearest pixel; `fill` stands where a constant border shows, [`Mask::IGNORE`] or the
    /// background as the task wants.
    ///
    /// # Panics
    ///
    /// When the mask is smaller than the rectangle that a resize takes from it.
    pub fn apply_mask(&self, mask: &Mask, fill: u8) -> Mask {
        let input = ImageSize::new(mask.width(), mask.height());
        match self {
            Self::Resize { part, output, .. } => {
                let mut resized = Mask::filled(output.width, output.height, fill);
                resize_mask_into(mask, *part, &mut resized, Rectangle::whole(*output));
                resized
            }
            Self::Letterbox { place, .. } => {
                assert_eq!(place.input(), input, "the mask is not of the size that the place was made for");
                place.apply_mask(mask, fill)
            }
            Self::Window(window) => window.apply_mask(mask, fill),
            Self::FlipHorizontal => {
                let mut flipped = mask.clone();
                if input.width > 0 {
                    flipped.pixels_mut().chunks_exact_mut(input.width as usize).for_each(<[_]>::reverse);
                }
                flipped
            }
            Self::FlipVertical => {
                let mut flipped = mask.clone();
                flip_columns(flipped.pixels_mut(), input.width as usize);
                flipped
            }
            Self::Warp { inverse, output, border, .. } => warp_mask(mask, inverse, *output, border.mode, fill),
        }
    }

    /// The same map with another border.
    pub(crate) fn with_border(&self, border: Border) -> Self {
        match self.clone() {
            Self::Window(window) => Self::Window(Window { border, ..window }),
            Self::Warp { inverse, forward, output, sampling, .. } => {
                Self::Warp { inverse, forward, output, border, sampling }
            }
            map => map,
        }
    }

    /// The box around the four moved corners of `bbox` in an image of `input`, clipped to the output.
    ///
    /// Mirrored and repeated copies that a border shows are not annotated.
    pub fn apply_box(&self, bbox: BBox, input: ImageSize) -> MovedBox {
        let forward = self.forward(input);
        let output = self.output_size(input);
        let corners = [(bbox.x1, bbox.y1), (bbox.x2, bbox.y1), (bbox.x2, bbox.y2), (bbox.x1, bbox.y2)]
            .map(|(x, y)| forward.map(f64::from(x), f64::from(y)));
        let extent = |values: [f64; 4]| {
            (values.into_iter().fold(f64::INFINITY, f64::min), values.into_iter().fold(f64::NEG_INFINITY, f64::max))
        };
        let (x1, x2) = extent(corners.map(|(x, _)| x));
        let (y1, y2) = extent(corners.map(|(_, y)| y));
        let moved = BBox::from_xyxy(x1 as f32, y1 as f32, x2 as f32, y2 as f32);
        let clipped = moved.clip(output.width as f32, output.height as f32);
        let visible = if moved.area() > 0.0 { (clipped.area() / moved.area()).min(1.0) } else { 0.0 };
        MovedBox { bbox: clipped, visible }
    }
}
