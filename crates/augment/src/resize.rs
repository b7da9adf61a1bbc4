//! Resampling a rectangle of an image to another size, as Pillow does.

use std::cell::RefCell;

use fast_image_resize::images::{TypedCroppedImage, TypedCroppedImageMut, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use serde::{Deserialize, Serialize};
use vision_types::Mask;

use crate::ImageSize;

/// The interpolation of a resize.
///
/// All but `nearest` and `bilinear-interpolation` widen with the scale when shrinking, so that nothing is skipped
/// ("antialias"), as in Pillow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// The pixel under the centre of the new one.
    Nearest,
    /// Triangle, support 1.
    #[default]
    Bilinear,
    /// The weighted mean of the four pixels around the point, also when shrinking, where others are skipped: what
    /// OpenCV calls `INTER_LINEAR`, and what networks trained with it expect.
    BilinearInterpolation,
    /// Catmull-Rom (a = −0.5), support 2.
    Bicubic,
    /// Windowed sinc, support 3.
    Lanczos3,
}

/// A rectangle of an image, in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rectangle {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Number of columns, at least 1.
    pub width: u32,
    /// Number of rows, at least 1.
    pub height: u32,
}

impl Rectangle {
    /// The whole of an image of `size`.
    pub const fn whole(size: ImageSize) -> Self {
        Self { x: 0, y: 0, width: size.width, height: size.height }
    }

    /// Whether the rectangle lies within an image of `size` and holds at least one pixel.
    pub fn fits(self, size: ImageSize) -> bool {
        let within = |start: u32, length: u32, side: u32| length > 0 && start <= side && length <= side - start;
        within(self.x, self.width, size.width) && within(self.y, self.height, size.height)
    }
}

/// `part` of `image` as an image of `output` pixels, in one pass and without a copy of the part.
///
/// # Panics
///
/// When `part` does not lie within the image, or `output` has a zero side.
pub(crate) fn resize(image: RgbImage, part: Rectangle, output: ImageSize, filter: Filter) -> RgbImage {
    let size = ImageSize::of(&image);
    if part == Rectangle::whole(size) && output == size {
        return image;
    }
    assert!(output.area() > 0, "an image of {output} cannot be resized to");
    let mut resized = RgbImage::new(output.width, output.height);
    resize_into(&image, part, &mut resized, Rectangle::whole(output), filter);
    resized
}

/// Overwrites `place` of `canvas` with `part` of `image`, in one pass and without a copy of either.
///
/// # Panics
///
/// When `part` does not lie within the image, or `place` within the canvas.
pub(crate) fn resize_into(image: &RgbImage, part: Rectangle, canvas: &mut RgbImage, place: Rectangle, filter: Filter) {
    thread_local! {
        // A resizer keeps its buffers between images.
        static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
    }
    let (size, canvas_size) = (ImageSize::of(image), ImageSize::of(canvas));
    assert!(part.fits(size), "{part:?} is not within an image of {size}");
    assert!(place.fits(canvas_size), "{place:?} is not within a canvas of {canvas_size}");
    if (part.width, part.height) == (place.width, place.height) {
        copy_into(image, part, canvas, place);
        return;
    }
    let algorithm = match filter {
        Filter::Nearest => {
            let (stride, canvas_stride) = (3 * size.width as usize, 3 * canvas_size.width as usize);
            show_nearest::<3>((&**image, stride), part, (&mut **canvas, canvas_stride), place);
            return;
        }
        Filter::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
        Filter::BilinearInterpolation => ResizeAlg::Interpolation(FilterType::Bilinear),
        Filter::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
        Filter::Lanczos3 => ResizeAlg::Convolution(FilterType::Lanczos3),
    };
    let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false);
    let source = TypedImageRef::<U8x3>::from_buffer(size.width, size.height, image.as_raw())
        .expect("an image's buffer has its size");
    // A view rather than the resizer's own crop option, which lets pixels beyond the rectangle into its edges.
    let source = TypedCroppedImage::from_ref(&source, part.x, part.y, part.width, part.height)
        .expect("the rectangle lies within the image");
    let target = TypedImage::<U8x3>::from_buffer(canvas_size.width, canvas_size.height, canvas)
        .expect("an image's buffer has its size");
    let mut target = TypedCroppedImageMut::new(target, place.x, place.y, place.width, place.height)
        .expect("the rectangle lies within the canvas");
    RESIZER
        .with_borrow_mut(|resizer| resizer.resize_typed(&source, &mut target, &options))
        .expect("source and target have pixels");
}

/// Overwrites `place` of `canvas` with `part` of `mask`, by the nearest pixel: the same as [`resize_into`] shows of an
/// image.
///
/// # Panics
///
/// When `part` does not lie within the mask, or `place` within the canvas.
pub(crate) fn resize_mask_into(mask: &Mask, part: Rectangle, canvas: &mut Mask, place: Rectangle) {
    let (size, canvas_size) =
        (ImageSize::new(mask.width(), mask.height()), ImageSize::new(canvas.width(), canvas.height()));
    assert!(part.fits(size), "{part:?} is not within a mask of {size}");
    assert!(place.fits(canvas_size), "{place:?} is not within a canvas of {canvas_size}");
    let (stride, canvas_stride) = (size.width as usize, canvas_size.width as usize);
    show_nearest::<1>((mask.pixels(), stride), part, (canvas.pixels_mut(), canvas_stride), place);
}

/// Overwrites `place` with the pixels of `part` nearest to its own, `N` bytes each; both come with the bytes of a row.
fn show_nearest<const N: usize>(
    (source, stride): (&[u8], usize),
    part: Rectangle,
    (target, target_stride): (&mut [u8], usize),
    place: Rectangle,
) {
    if part.width == 0 || part.height == 0 {
        return;
    }
    let columns = nearest_pixels(part.x, part.width, place.width);
    let rows = nearest_pixels(part.y, part.height, place.height);
    let left = N * place.x as usize;
    for (row, from) in target.chunks_exact_mut(target_stride.max(1)).skip(place.y as usize).zip(rows) {
        let from = &source[from * stride..][..stride];
        for (pixel, column) in row[left..].as_chunks_mut::<N>().0.iter_mut().zip(&columns) {
            pixel.copy_from_slice(&from[N * column..][..N]);
        }
    }
}

/// The pixel among `part` ones from `first` on that each of `output` shows: the one that holds the point under its
/// centre, in whole numbers, so that no rounding tells image and mask apart.
fn nearest_pixels(first: u32, part: u32, output: u32) -> Vec<usize> {
    let holds = |x: u32| (2 * u64::from(x) + 1) * u64::from(part) / (2 * u64::from(output));
    (0..output).map(|x| first as usize + holds(x) as usize).collect()
}

/// [`resize_into`] of a part and a place of one size.
fn copy_into(image: &RgbImage, part: Rectangle, canvas: &mut RgbImage, place: Rectangle) {
    let span = |x: u32, width: u32| 3 * x as usize..3 * (x + width) as usize;
    let (from, to) = (span(part.x, part.width), span(place.x, place.width));
    let stride = 3 * canvas.width() as usize;
    let source = image.chunks_exact(3 * image.width() as usize).skip(part.y as usize);
    let target = canvas.chunks_exact_mut(stride).skip(place.y as usize).take(place.height as usize);
    for (out, row) in target.zip(source) {
        out[to.clone()].copy_from_slice(&row[from.clone()]);
    }
}
