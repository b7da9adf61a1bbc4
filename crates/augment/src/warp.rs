//! Sampling an image along a projective map.

use image::RgbImage;
use serde::{Deserialize, Serialize};
use vision_types::Mask;

use crate::window::Pixels;
use crate::{Border, FillMode, ImageSize, Projection};

/// How a warp reads between pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// The pixel that holds the point.
    Nearest,
    /// The weighted mean of the four pixels around the point.
    #[default]
    Bilinear,
}

/// Bits of a bilinear weight along one axis: finer than a level over the steepest edge (255 / 2^10 < 1/4).
const AXIS_BITS: u32 = 10;
/// Bits of the product of both weights, so that a weight still fits 16 signed bits.
const WEIGHT_BITS: u32 = 14;
/// Bits behind the point of the coordinates that a row steps through: over 2^14 columns the error stays below 2^-19.
const FRACTION_BITS: u32 = 32;

/// The image seen through `inverse`, which takes a point of the output to its point in the image.
///
/// As in Pillow, a point outside the image's rectangle shows the border; with a constant border, points inside it but less
/// than half a pixel from the edge blend with the edge pixel alone, so that no dark seam appears.
pub(crate) fn warp_image(
    image: &RgbImage,
    inverse: &Projection,
    output: ImageSize,
    border: Border,
    sampling: Sampling,
) -> RgbImage {
    let source = Source { pixels: image.as_chunks_of_pixels(), size: ImageSize::of(image), border };
    let mut warped = vec![[0; 3]; output.area() as usize];
    if output.area() > 0 {
        for (y, row) in warped.chunks_exact_mut(output.width as usize).enumerate() {
            match sampling {
                Sampling::Nearest => walk(inverse, y, row.len(), |x, u, v| row[x] = source.nearest(u, v)),
                Sampling::Bilinear if inverse.is_affine() => source.bilinear_row(inverse, y, row),
                Sampling::Bilinear => walk(inverse, y, row.len(), |x, u, v| row[x] = source.bilinear(u, v)),
            }
        }
    }
    RgbImage::from_raw(output.width, output.height, warped.into_flattened()).expect("the output has its size in pixels")
}

/// The mask seen through `inverse`: the class of the pixel that holds the point, `fill` where a constant border shows.
pub(crate) fn warp_mask(mask: &Mask, inverse: &Projection, output: ImageSize, mode: FillMode, fill: u8) -> Mask {
    let mut warped = Mask::filled(output.width, output.height, fill);
    let (width, height) = (mask.width(), mask.height());
    if output.area() > 0 {
        for (y, row) in warped.pixels_mut().chunks_exact_mut(output.width as usize).enumerate() {
            walk(inverse, y, row.len(), |x, u, v| {
                if let (Some(column), Some(line)) = (mode.source(floor(u), width), mode.source(floor(v), height)) {
                    row[x] = mask.pixels()[line * width as usize + column];
                }
            });
        }
    }
    warped
}

/// Calls `visit` with each column of row `y` and the point of the source under the centre of its pixel.
fn walk(inverse: &Projection, y: usize, columns: usize, mut visit: impl FnMut(usize, f64, f64)) {
    for x in 0..columns {
        let (u, v) = inverse.map(x as f64 + 0.5, y as f64 + 0.5);
        visit(x, u, v);
    }
}

/// Rounds down; a point at infinity lands far outside the image.
fn floor(coordinate: f64) -> i64 {
    // Stays clear of the ends of `i64`, where adding a pixel would overflow.
    const FAR: f64 = 1e15;
    coordinate.clamp(-FAR, FAR).floor() as i64
}

struct Source<'a> {
    pixels: &'a [[u8; 3]],
    size: ImageSize,
    border: Border,
}

impl Source<'_> {
    fn pixel(&self, x: i64, y: i64, mode: FillMode) -> [u8; 3] {
        match (mode.source(x, self.size.width), mode.source(y, self.size.height)) {
            (Some(x), Some(y)) => self.pixels[y * self.size.width as usize + x],
            _ => self.border.fill,
        }
    }

    fn nearest(&self, u: f64, v: f64) -> [u8; 3] {
        self.pixel(floor(u), floor(v), self.border.mode)
    }

    /// The value at the point (`u`, `v`), anywhere on the plane.
    fn bilinear(&self, u: f64, v: f64) -> [u8; 3] {
        let mut mode = self.border.mode;
        if mode == FillMode::Constant {
            let inside = |x: f64, side: u32| x >= 0.0 && x < f64::from(side);
            if !inside(u, self.size.width) || !inside(v, self.size.height) {
                return self.border.fill;
            }
            mode = FillMode::Nearest;
        }
        // Weights count from the centres of pixels.
        let half_step = 0.5 / f64::from(1 << AXIS_BITS);
        let (u, v) = (u - 0.5 + half_step, v - 0.5 + half_step);
        let (x, y) = (floor(u), floor(v));
        let weight = |coordinate: f64, whole: i64| -> i32 {
            let fraction = (coordinate - whole as f64) * f64::from(1 << AXIS_BITS);
            (fraction as i32).clamp(0, (1 << AXIS_BITS) - 1)
        };
        let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| self.pixel(x + dx, y + dy, mode));
        blend(corners, weight(u, x), weight(v, y))
    }

    /// One row of an affine warp: the columns whose four pixels all lie inside the image take the fast path.
    fn bilinear_row(&self, inverse: &Projection, y: usize, row: &mut [[u8; 3]]) {
        let [[a, b, c], [d, e, f], _] = inverse.0;
        let one = (1u64 << FRACTION_BITS) as f64;
        let half_step = 0.5 / f64::from(1 << AXIS_BITS);
        let line = y as f64 + 0.5;
        let fixed = |coordinate: f64| (coordinate * one) as i64;
        let axis_u =
            Axis { start: fixed(a * 0.5 + b * line + c - 0.5 + half_step), step: fixed(a), side: self.size.width };
        let axis_v =
            Axis { start: fixed(d * 0.5 + e * line + f - 0.5 + half_step), step: fixed(d), side: self.size.height };
        let (from_u, to_u) = axis_u.inside(row.len());
        let (from_v, to_v) = axis_v.inside(row.len());
        let from = from_u.max(from_v);
        let to = to_u.min(to_v).max(from);

        let width = self.size.width as usize;
        let bytes = self.pixels.as_flattened();
        let (mut u, mut v) = (axis_u.at(from), axis_v.at(from));
        for pixel in &mut row[from..to] {
            let weight = |coordinate: i64| (coordinate >> (FRACTION_BITS - AXIS_BITS)) as i32 & ((1 << AXIS_BITS) - 1);
            let corner = ((v >> FRACTION_BITS) as usize * width + (u >> FRACTION_BITS) as usize) * 3;
            *pixel = blend_inside(bytes, corner, width * 3, weight(u), weight(v));
            u += axis_u.step;
            v += axis_v.step;
        }
        for x in (0..from).chain(to..row.len()) {
            let (u, v) = inverse.map(x as f64 + 0.5, line);
            row[x] = self.bilinear(u, v);
        }
    }
}

/// A coordinate of the source along a row of the output, in fixed point.
struct Axis {
    start: i64,
    step: i64,
    /// Number of pixels of the source along this axis.
    side: u32,
}

impl Axis {
    fn at(&self, x: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(x as i64))
    }

    /// Whether column `x` lies between the centres of the first and the last pixel.
    fn is_inside(&self, x: usize) -> bool {
        let whole = self.at(x) >> FRACTION_BITS;
        whole >= 0 && whole + 1 < i64::from(self.side)
    }

    /// The columns `from..to` of `0..columns` inside the source: contiguous, as the coordinate is linear.
    fn inside(&self, columns: usize) -> (usize, usize) {
        if self.step == 0 {
            return if self.is_inside(0) { (0, columns) } else { (0, 0) };
        }
        // Solved in floating point, then corrected against the exact fixed-point test.
        let crossing = |target: f64| {
            ((target * (1u64 << FRACTION_BITS) as f64 - self.start as f64) / self.step as f64)
                .clamp(0.0, columns as f64) as usize
        };
        let (zero, last) = (crossing(0.0), crossing(f64::from(self.side) - 1.0));
        let mut from = zero.min(last).saturating_sub(1);
        let mut to = (zero.max(last) + 2).min(columns);
        while from < to && !self.is_inside(from) {
            from += 1;
        }
        while to > from && !self.is_inside(to - 1) {
            to -= 1;
        }
        (from, to)
    }
}

/// The weights of the four pixels, in the order upper left, upper right, lower left, lower right.
#[inline(always)]
fn corner_weights(weight_x: i32, weight_y: i32) -> [i32; 4] {
    const EXTRA: u32 = 2 * AXIS_BITS - WEIGHT_BITS;
    let lower_right = (weight_x * weight_y + (1 << (EXTRA - 1))) >> EXTRA;
    let upper_right = (weight_x << (WEIGHT_BITS - AXIS_BITS)) - lower_right;
    let lower_left = (weight_y << (WEIGHT_BITS - AXIS_BITS)) - lower_right;
    [(1 << WEIGHT_BITS) - upper_right - lower_left - lower_right, upper_right, lower_left, lower_right]
}

/// The weighted mean of four pixels, rounded to the nearest level.
#[inline(always)]
fn blend(corners: [[u8; 3]; 4], weight_x: i32, weight_y: i32) -> [u8; 3] {
    let weights = corner_weights(weight_x, weight_y);
    std::array::from_fn(|channel| {
        let sum: i32 = (0..4).map(|k| weights[k] * i32::from(corners[k][channel])).sum();
        ((sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS) as u8
    })
}

/// [`blend`] of the pixels at byte `corner` of an image with `stride` bytes a row, the one to its right, and the two below.
#[inline(always)]
fn blend_inside(bytes: &[u8], corner: usize, stride: usize, weight_x: i32, weight_y: i32) -> [u8; 3] {
    let pixel = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2]];
    blend([pixel(corner), pixel(corner + 3), pixel(corner + stride), pixel(corner + stride + 3)], weight_x, weight_y)
}
