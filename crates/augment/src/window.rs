//! Whole-pixel windows: crop and pad are one copy.

use image::RgbImage;
use vision_types::Mask;

use crate::{Border, FillMode, ImageSize};

/// A window of `output` pixels over the plane on which the image continues as `border` says.
///
/// Its upper left corner is (`left`, `top`) in pixels of the image, negative where the window begins outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Column of the image shown in column 0.
    pub left: i64,
    /// Row of the image shown in row 0.
    pub top: i64,
    /// Size of the window.
    pub output: ImageSize,
    /// What lies beyond the image.
    pub border: Border,
}

impl Window {
    /// What the window shows of `image`.
    pub(crate) fn apply_image(&self, image: &RgbImage) -> RgbImage {
        let pixels =
            self.show::<3>(ImageSize::of(image), image.as_chunks_of_pixels(), self.border.fill, self.border.mode);
        RgbImage::from_raw(self.output.width, self.output.height, pixels).expect("the window has its size in pixels")
    }

    /// What the window shows of `mask`; `fill` stands where the border is constant.
    pub(crate) fn apply_mask(&self, mask: &Mask, fill: u8) -> Mask {
        let (pixels, _) = mask.pixels().as_chunks::<1>();
        let shown = self.show::<1>(ImageSize::new(mask.width(), mask.height()), pixels, [fill], self.border.mode);
        Mask::from_pixels(self.output.width, self.output.height, shown).expect("the window has its size in pixels")
    }

    fn show<const N: usize>(&self, size: ImageSize, pixels: &[[u8; N]], fill: [u8; N], mode: FillMode) -> Vec<u8> {
        let ImageSize { width, height } = size;
        let out_width = i64::from(self.output.width);
        // Columns of the window that lie on the image itself; to their left and right the border decides.
        let inside_from = (-self.left).clamp(0, out_width);
        let inside_to = (i64::from(width) - self.left).clamp(inside_from, out_width);
        let sources = |columns: std::ops::Range<i64>| -> Vec<Option<usize>> {
            columns.map(|x| mode.source(self.left + x, width)).collect()
        };
        let (before, after) = (sources(0..inside_from), sources(inside_to..out_width));
        let first = (self.left + inside_from) as usize;
        let inside = first..first + (inside_to - inside_from) as usize;

        let mut shown: Vec<[u8; N]> = Vec::with_capacity(self.output.area() as usize);
        for y in 0..i64::from(self.output.height) {
            match mode.source(self.top + y, height) {
                None => shown.extend(std::iter::repeat_n(fill, out_width as usize)),
                Some(row) => {
                    let row = &pixels[row * width as usize..][..width as usize];
                    let pick = |source: &Option<usize>| source.map_or(fill, |x| row[x]);
                    shown.extend(before.iter().map(pick));
                    if !inside.is_empty() {
                        shown.extend_from_slice(&row[inside.clone()]);
                    }
                    shown.extend(after.iter().map(pick));
                }
            }
        }
        shown.into_flattened()
    }
}

/// An image's buffer as pixels.
pub(crate) trait Pixels {
    /// The pixels, row by row.
    fn as_chunks_of_pixels(&self) -> &[[u8; 3]];
}

impl Pixels for RgbImage {
    fn as_chunks_of_pixels(&self) -> &[[u8; 3]] {
        self.as_raw().as_chunks::<3>().0
    }
}
