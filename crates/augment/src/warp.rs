//! Sampling an image along a projective map.

use std::ops::Range;

use image::RgbImage;
use serde::{Deserialize, Serialize};
use vision_types::Mask;

use crate::window::Pixels;
use crate::{Border, FillMode, ImageSize, Projection};

/// How a warp reads between pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
/// Half a step of a weight, added so that cutting off rounds.
const HALF_STEP: f64 = 0.5 / (1 << AXIS_BITS) as f64;
/// Bits of the product of both weights, so that a weight still fits 16 signed bits.
const WEIGHT_BITS: u32 = 14;
/// Bits behind the point of the coordinates that a row steps through: over 2^14 columns the error stays below 2^-19.
const FRACTION_BITS: u32 = 32;

/// The image seen through `inverse`, which takes a point of the output to its point in the image.
///
/// As in Pillow, a point outside the image's rectangle shows the border; with a constant border, points inside it but
/// less than half a pixel from the edge blend with the edge pixel alone, so that no dark seam appears.
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
                _ if inverse.is_affine() => source.affine_row(inverse, sampling, y, 0, row),
                Sampling::Nearest => walk(inverse, y, row.len(), |x, u, v| row[x] = source.nearest(u, v)),
                Sampling::Bilinear => walk(inverse, y, row.len(), |x, u, v| row[x] = source.bilinear(u, v)),
            }
        }
    }
    RgbImage::from_raw(output.width, output.height, warped.into_flattened()).expect("the output has its size in pixels")
}

/// An image of the same size whose pixels show the points of `image` that `points` gives for each row, with its number.
pub(crate) fn sample_image(
    image: &RgbImage,
    border: Border,
    sampling: Sampling,
    points: impl Fn(usize, &mut [(f64, f64)]),
) -> RgbImage {
    let size = ImageSize::of(image);
    let source = Source { pixels: image.as_chunks_of_pixels(), size, border };
    let mut sampled = vec![[0; 3]; size.area() as usize];
    let mut under = vec![(0.0, 0.0); size.width as usize];
    for (y, row) in sampled.chunks_exact_mut(size.width.max(1) as usize).enumerate() {
        points(y, &mut under);
        for (pixel, &(u, v)) in row.iter_mut().zip(&under) {
            *pixel = match sampling {
                Sampling::Nearest => source.nearest(u, v),
                Sampling::Bilinear => source.bilinear(u, v),
            };
        }
    }
    RgbImage::from_raw(size.width, size.height, sampled.into_flattened()).expect("the output has its size in pixels")
}

/// A mask of the same size as [`sample_image`] makes an image, of the class of the pixel that holds each point.
pub(crate) fn sample_mask(mask: &Mask, mode: FillMode, fill: u8, points: impl Fn(usize, &mut [(f64, f64)])) -> Mask {
    let (width, height) = (mask.width(), mask.height());
    let mut sampled = Mask::filled(width, height, fill);
    let mut under = vec![(0.0, 0.0); width as usize];
    for (y, row) in sampled.pixels_mut().chunks_exact_mut(width.max(1) as usize).enumerate() {
        points(y, &mut under);
        for (pixel, &(u, v)) in row.iter_mut().zip(&under) {
            if let (Some(column), Some(line)) = (mode.source(floor(u), width), mode.source(floor(v), height)) {
                *pixel = mask.pixels()[line * width as usize + column];
            }
        }
    }
    sampled
}

/// A rectangle of an image in continuous coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// From its left to its right edge.
    pub(crate) x: Range<f64>,
    /// From its upper to its lower edge.
    pub(crate) y: Range<f64>,
}

/// Draws `part` of `image`, seen through the affine `inverse`, over `canvas`, bilinearly; pixels whose centres show
/// nothing of it stay as they are.
pub(crate) fn warp_into(canvas: &mut RgbImage, image: &RgbImage, inverse: &Projection, part: &Part) {
    let width = canvas.width() as usize;
    if width == 0 || ImageSize::of(image).area() == 0 {
        return;
    }
    let border = Border { mode: FillMode::Nearest, fill: [0; 3] };
    let source = Source { pixels: image.as_chunks_of_pixels(), size: ImageSize::of(image), border };
    let [[a, b, c], [d, e, f], _] = inverse.0;
    for (y, row) in canvas.as_chunks_mut::<3>().0.chunks_exact_mut(width).enumerate() {
        let line = y as f64 + 0.5;
        let across = columns_within(a, b * line + c, &part.x, width);
        let down = columns_within(d, e * line + f, &part.y, width);
        let (from, to) = (across.start.max(down.start), across.end.min(down.end));
        if from < to {
            source.affine_row(inverse, Sampling::Bilinear, y, from, &mut row[from..to]);
        }
    }
}

/// The columns of `0..width` whose centres `x` have `slope · x + start` within `range`: contiguous, as it is linear.
fn columns_within(slope: f64, start: f64, range: &Range<f64>, width: usize) -> Range<usize> {
    if slope == 0.0 {
        return if range.contains(&start) { 0..width } else { 0..0 };
    }
    let crossing = |target: f64| (target - start) / slope - 0.5;
    let (one, other) = (crossing(range.start), crossing(range.end));
    // The range is half open, and so are the columns, on the side of its end.
    let (from, to) = if slope > 0.0 { (one.ceil(), other.ceil()) } else { (other.floor() + 1.0, one.floor() + 1.0) };
    let column = |position: f64| position.clamp(0.0, width as f64) as usize;
    column(from)..column(to)
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
    let coordinate = coordinate.clamp(-FAR, FAR);
    // Without SSE4.1 `f64::floor` is a call; cutting off the fraction is one instruction.
    let whole = coordinate as i64;
    whole - i64::from(coordinate < whole as f64)
}

struct Source<'a> {
    pixels: &'a [[u8; 3]],
    size: ImageSize,
    border: Border,
}

impl Source<'_> {
    /// The pixel that holds the point (`u`, `v`).
    fn nearest(&self, u: f64, v: f64) -> [u8; 3] {
        let mode = self.border.mode;
        match (mode.source(floor(u), self.size.width), mode.source(floor(v), self.size.height)) {
            (Some(x), Some(y)) => self.pixels[y * self.size.width as usize + x],
            _ => self.border.fill,
        }
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
        let (u, v) = (u - 0.5 + HALF_STEP, v - 0.5 + HALF_STEP);
        let (x, y) = (floor(u), floor(v));
        let weight = |coordinate: f64, whole: i64| -> i32 {
            let fraction = (coordinate - whole as f64) * f64::from(1 << AXIS_BITS);
            (fraction as i32).clamp(0, (1 << AXIS_BITS) - 1)
        };
        let (weight_x, weight_y) = (weight(u, x), weight(v, y));
        let (width, height) = (self.size.width, self.size.height);
        if (0..i64::from(width) - 1).contains(&x) && (0..i64::from(height) - 1).contains(&y) {
            let corner = y as usize * width as usize + x as usize;
            return blend_inside(self.pixels, corner, width as usize, weight_x, weight_y);
        }
        let weights = corner_weights(weight_x, weight_y);
        let columns = [x, x + 1].map(|x| mode.source(x, width).unwrap_or(0));
        let rows = [y, y + 1].map(|y| mode.source(y, height).unwrap_or(0) * width as usize);
        let corner = |row: usize, column: usize| self.pixels[rows[row] + columns[column]];
        blend([corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1)], weights)
    }

    /// The pixels of row `y` of an affine warp from column `first` on: those inside the image take the fast path.
    fn affine_row(&self, inverse: &Projection, sampling: Sampling, y: usize, first: usize, row: &mut [[u8; 3]]) {
        let [[a, b, c], [d, e, f], _] = inverse.0;
        let one = (1u64 << FRACTION_BITS) as f64;
        // Bilinear sampling counts from the centres of pixels and needs the next pixel too.
        let (offset, neighbours) = match sampling {
            Sampling::Nearest => (0.0, 0),
            Sampling::Bilinear => (HALF_STEP - 0.5, 1),
        };
        let (line, column) = (y as f64 + 0.5, first as f64 + 0.5);
        let fixed = |coordinate: f64| (coordinate * one).round() as i64;
        let axis = |slope: f64, start: f64, side: u32| Axis {
            start: fixed(slope * column + start + offset),
            step: fixed(slope),
            last: i64::from(side) - 1 - neighbours,
        };
        let axis_u = axis(a, b * line + c, self.size.width);
        let axis_v = axis(d, e * line + f, self.size.height);
        let (from_u, to_u) = axis_u.inside(row.len());
        let (from_v, to_v) = axis_v.inside(row.len());
        let from = from_u.max(from_v);
        let to = to_u.min(to_v).max(from);

        let width = self.size.width as usize;
        let (mut u, mut v) = (axis_u.at(from), axis_v.at(from));
        let whole = |coordinate: i64| (coordinate >> FRACTION_BITS) as usize;
        for pixel in &mut row[from..to] {
            let corner = whole(v) * width + whole(u);
            *pixel = match sampling {
                Sampling::Nearest => self.pixels[corner],
                Sampling::Bilinear => blend_inside(self.pixels, corner, width, axis_weight(u), axis_weight(v)),
            };
            u += axis_u.step;
            v += axis_v.step;
        }
        for x in (0..from).chain(to..row.len()) {
            let column = column + x as f64;
            let (u, v) = (a * column + b * line + c, d * column + e * line + f);
            row[x] = match sampling {
                Sampling::Nearest => self.nearest(u, v),
                Sampling::Bilinear => self.bilinear(u, v),
            };
        }
    }
}

/// A coordinate of the source along a row of the output, in fixed point.
struct Axis {
    start: i64,
    step: i64,
    /// The last whole coordinate that counts as inside.
    last: i64,
}

impl Axis {
    fn at(&self, x: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(x as i64))
    }

    fn is_inside(&self, x: usize) -> bool {
        (0..=self.last).contains(&(self.at(x) >> FRACTION_BITS))
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
        let (zero, last) = (crossing(0.0), crossing(self.last as f64 + 1.0));
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

/// The weight of the next pixel along one axis.
#[inline(always)]
fn axis_weight(coordinate: i64) -> i32 {
    (coordinate >> (FRACTION_BITS - AXIS_BITS)) as i32 & ((1 << AXIS_BITS) - 1)
}

/// The weighted mean of four pixels, rounded to the nearest level.
#[inline(always)]
fn blend(corners: [[u8; 3]; 4], weights: [i32; 4]) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let sum: i32 = (0..4).map(|k| weights[k] * i32::from(corners[k][channel])).sum();
        ((sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS) as u8
    })
}

/// [`blend`] of pixel `corner` of an image `width` pixels wide, the one to its right, and the two below.
#[inline(always)]
fn blend_inside(pixels: &[[u8; 3]], corner: usize, width: usize, weight_x: i32, weight_y: i32) -> [u8; 3] {
    let weights = corner_weights(weight_x, weight_y);
    #[cfg(target_arch = "x86_64")]
    {
        let bytes = pixels.as_flattened();
        let pair = |pixel: usize| bytes.get(3 * pixel..3 * pixel + 8).and_then(|eight| eight.try_into().ok());
        // Two pixels are read as 8 bytes, which the last pair of the image does not have.
        if let (Some(upper), Some(lower)) = (pair(corner), pair(corner + width)) {
            // SAFETY: every x86-64 processor has SSE2.
            return unsafe { blend_pairs(u64::from_le_bytes(upper), u64::from_le_bytes(lower), weights) };
        }
    }
    let below = corner + width;
    blend([pixels[corner], pixels[corner + 1], pixels[below], pixels[below + 1]], weights)
}

/// [`blend`] in the vector registers that every x86-64 processor has. Each argument holds two pixels in its lowest six
/// bytes. The sums are the same integers, so the result is too.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn blend_pairs(upper: u64, lower: u64, weights: [i32; 4]) -> [u8; 3] {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_cvtsi64_si128, _mm_cvtsi128_si32, _mm_madd_epi16, _mm_packs_epi32,
        _mm_packus_epi16, _mm_set1_epi32, _mm_setzero_si128, _mm_srai_epi32, _mm_srli_epi64, _mm_unpacklo_epi8,
    };

    /// The weighted sum of two pixels, 32 bits a channel.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn sum(pair: u64, left: i32, right: i32) -> __m128i {
        let pair = _mm_cvtsi64_si128(pair as i64);
        // Left and right level of each channel side by side, then 16 bits each; the weights, below 2^15, likewise.
        let levels = _mm_unpacklo_epi8(pair, _mm_srli_epi64::<24>(pair));
        _mm_madd_epi16(_mm_unpacklo_epi8(levels, _mm_setzero_si128()), _mm_set1_epi32(left | (right << 16)))
    }

    let sums = _mm_add_epi32(sum(upper, weights[0], weights[1]), sum(lower, weights[2], weights[3]));
    let half = _mm_set1_epi32(1 << (WEIGHT_BITS - 1));
    let rounded = _mm_srai_epi32::<{ WEIGHT_BITS as i32 }>(_mm_add_epi32(sums, half));
    let words = _mm_packs_epi32(rounded, rounded);
    let [red, green, blue, _] = _mm_cvtsi128_si32(_mm_packus_epi16(words, words)).to_le_bytes();
    [red, green, blue]
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn the_vector_registers_hold_the_same_sums() {
        let corners = [[0, 255, 10], [255, 1, 200], [7, 255, 255], [128, 0, 255]];
        let pair = |left: [u8; 3], right: [u8; 3]| {
            // The last two bytes belong to the next pixel and must not matter.
            u64::from_le_bytes([left[0], left[1], left[2], right[0], right[1], right[2], 99, 177])
        };
        for weight_x in 0..1 << AXIS_BITS {
            for weight_y in (0..1 << AXIS_BITS).step_by(31) {
                let weights = corner_weights(weight_x, weight_y);
                assert_eq!(weights.iter().sum::<i32>(), 1 << WEIGHT_BITS);
                // SAFETY: every x86-64 processor has SSE2.
                let found = unsafe { blend_pairs(pair(corners[0], corners[1]), pair(corners[2], corners[3]), weights) };
                assert_eq!(found, blend(corners, weights), "{weight_x} {weight_y}");
            }
        }
    }
}
