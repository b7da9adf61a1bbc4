//! A mask of one object as lengths of runs.
//!
//! The arithmetic is that of the COCO API (`common/maskApi.c` of github.com/cocodataset/cocoapi), so that outlines
//! cover the same pixels and overlaps are the same fractions as there.

use thiserror::Error;

use crate::{BBox, Mask};

/// Points of an outline are placed on a grid this many times finer than the pixels (`rleFrPoly`).
const OUTLINE_SCALE: i64 = 5;

/// A run-length encoded mask in COCO's order: column by column, starting with a run of background (which may be empty).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rle {
    /// Width of the image in pixels.
    pub width: u32,
    /// Height of the image in pixels.
    pub height: u32,
    /// Lengths of the runs, background and object in turn; together `width · height`.
    pub counts: Vec<u32>,
}

/// Why runs are not a mask.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RleError {
    /// The runs do not fill the image.
    #[error("the runs cover {found} pixels, but a mask of height {height} and width {width} has {expected}")]
    PixelCount {
        /// Sum of the lengths.
        found: u64,
        /// Height times width.
        expected: u64,
        /// Height of the image in pixels.
        height: u32,
        /// Width of the image in pixels.
        width: u32,
    },
    /// A byte that COCO's compressed strings never hold.
    #[error("byte {byte:#04x} at position {position} of the compressed runs, expected one of `0` to `o`")]
    Byte {
        /// The byte.
        byte: u8,
        /// Its place in the string.
        position: usize,
    },
    /// A compressed run that is negative, too long, or cut off at the end of the string.
    #[error("run {run} of the compressed runs is cut off, negative or too long")]
    Run {
        /// Its number, counted from 0.
        run: usize,
    },
    /// Two masks of images of different sizes.
    #[error("masks of {}×{} and {}×{} pixels (width × height), expected one size", .first.0, .first.1, .second.0, .second.1)]
    SizeMismatch {
        /// Width and height of the first mask.
        first: (u32, u32),
        /// Width and height of the other mask.
        second: (u32, u32),
    },
}

impl Rle {
    /// A mask without an object pixel.
    pub fn empty(height: u32, width: u32) -> Self {
        // A mask has at most 2^32 - 1 pixels here; larger ones are split into several runs of the same kind.
        let mut counts = Vec::new();
        push_run(&mut counts, u64::from(width) * u64::from(height));
        Self { width, height, counts }
    }

    /// A mask from the lengths of its runs, as uncompressed COCO files write them (`counts`).
    ///
    /// # Errors
    ///
    /// When the lengths do not add up to `height · width`.
    pub fn from_counts(counts: Vec<u32>, height: u32, width: u32) -> Result<Self, RleError> {
        let found = counts.iter().map(|&count| u64::from(count)).sum();
        let expected = u64::from(height) * u64::from(width);
        if found == expected {
            Ok(Self { width, height, counts })
        } else {
            Err(RleError::PixelCount { found, expected, height, width })
        }
    }

    /// A mask from the compressed string of COCO files and results: five bits a character, and from the fourth run on
    /// the difference to the run before the last (`rleFrString`).
    ///
    /// # Errors
    ///
    /// When the string is not one that COCO's tools write, or its runs do not add up to `height · width`.
    pub fn from_compressed(compressed: impl AsRef<[u8]>, height: u32, width: u32) -> Result<Self, RleError> {
        let bytes = compressed.as_ref();
        let mut counts: Vec<u32> = Vec::with_capacity(bytes.len() / 2 + 1);
        let mut position = 0;
        while position < bytes.len() {
            let run = counts.len();
            let (mut value, mut shift) = (0_i64, 0);
            loop {
                let Some(&byte) = bytes.get(position) else { return Err(RleError::Run { run }) };
                if !(48..48 + 64).contains(&byte) {
                    return Err(RleError::Byte { byte, position });
                }
                let bits = i64::from(byte - 48);
                position += 1;
                // Ten groups of five bits hold more than any run.
                if shift >= 50 {
                    return Err(RleError::Run { run });
                }
                value |= (bits & 0x1f) << shift;
                shift += 5;
                if bits & 0x20 == 0 {
                    if bits & 0x10 != 0 {
                        value |= -1 << shift;
                    }
                    break;
                }
            }
            if run > 2 {
                value += i64::from(counts[run - 2]);
            }
            counts.push(u32::try_from(value).map_err(|_| RleError::Run { run })?);
        }
        Self::from_counts(counts, height, width)
    }

    /// The compressed string of COCO files and results (`rleToString`).
    pub fn to_compressed(&self) -> String {
        let mut compressed = String::new();
        for (run, &count) in self.counts.iter().enumerate() {
            let mut value = i64::from(count);
            if run > 2 {
                value -= i64::from(self.counts[run - 2]);
            }
            loop {
                let bits = (value & 0x1f) as u8;
                value >>= 5;
                let more = if bits & 0x10 == 0 { value != 0 } else { value != -1 };
                compressed.push(char::from(bits + if more { 0x20 } else { 0 } + 48));
                if !more {
                    break;
                }
            }
        }
        compressed
    }

    /// The object is every pixel of `mask` that is not 0.
    pub fn from_mask(mask: &Mask) -> Self {
        Self::from_mask_pixels(mask.pixels(), mask.height(), mask.width()).expect("a mask has a pixel for every place")
    }

    /// The object is every value that is not 0 among `pixels`, given row by row; `None` unless there are
    /// `height · width` of them.
    pub fn from_mask_pixels(pixels: &[u8], height: u32, width: u32) -> Option<Self> {
        let (rows, columns) = (height as usize, width as usize);
        if pixels.len() != rows * columns {
            return None;
        }
        let mut counts = Vec::new();
        let (mut inside, mut run) = (false, 0);
        for x in 0..columns {
            for y in 0..rows {
                if (pixels[y * columns + x] != 0) != inside {
                    push_run(&mut counts, run);
                    (inside, run) = (!inside, 0);
                }
                run += 1;
            }
        }
        push_run(&mut counts, run);
        Some(Self { width, height, counts })
    }

    /// A picture of the image's size with 1 where the object is and 0 elsewhere.
    pub fn to_mask(&self) -> Mask {
        let mut mask = Mask::filled(self.width, self.height, 0);
        let (rows, columns) = (self.height as usize, self.width as usize);
        let pixels = mask.pixels_mut();
        for (start, end) in self.object_runs() {
            for position in start as usize..(end as usize).min(rows * columns) {
                pixels[position % rows * columns + position / rows] = 1;
            }
        }
        mask
    }

    /// Number of pixels of the object.
    pub fn area(&self) -> u64 {
        self.counts.iter().skip(1).step_by(2).map(|&count| u64::from(count)).sum()
    }

    /// The smallest box around the object's pixels; all zero where there are none.
    pub fn bbox(&self) -> BBox {
        self.bounds().map_or(BBox::from_xyxy(0.0, 0.0, 0.0, 0.0), |[x1, y1, x2, y2]| {
            BBox::from_xyxy(x1 as f32, y1 as f32, x2 as f32, y2 as f32)
        })
    }

    /// The smallest box around the object's pixels as `[x1, y1, x2, y2]`, whose right and lower edges lie behind the
    /// last pixel; `None` where there are no pixels.
    fn bounds(&self) -> Option<[u64; 4]> {
        let height = u64::from(self.height);
        let mut bounds: Option<[u64; 4]> = None;
        for (start, end) in self.object_runs() {
            let (first, last) = (start / height, (end - 1) / height);
            // A run that reaches into another column passes the lower edge and the upper one.
            let (top, bottom) = if first < last { (0, height) } else { (start % height, (end - 1) % height + 1) };
            let [x1, y1, x2, y2] = bounds.unwrap_or([first, top, last + 1, bottom]);
            bounds = Some([x1.min(first), y1.min(top), x2.max(last + 1), y2.max(bottom)]);
        }
        bounds
    }

    /// Start and end of each run of the object that is not empty, counted in pixels column by column.
    fn object_runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts
            .iter()
            .scan(0_u64, |end, &count| {
                let start = *end;
                *end += u64::from(count);
                Some((start, *end))
            })
            .skip(1)
            .step_by(2)
            .filter(|(start, end)| start < end)
    }

    /// The pixels inside a closed outline of `[x, y]` points in pixels, exactly those of COCO's tools (`rleFrPoly`):
    /// the edges are drawn on a grid of five by five points a pixel, and a column of pixels belongs to the object from
    /// one crossing of its middle to the next. Fewer than three points enclose nothing.
    pub fn from_polygon(points: &[[f64; 2]], height: u32, width: u32) -> Self {
        if height == 0 || width == 0 || points.is_empty() {
            return Self::empty(height, width);
        }
        // Truncated towards zero like the cast in C; what does not fit there is clipped here.
        let fine = |value: f64| i64::from((OUTLINE_SCALE as f64 * value + 0.5) as i32);
        let vertices: Vec<(i64, i64)> = points.iter().map(|&[x, y]| (fine(x), fine(y))).collect();
        let pixels = u64::from(height) * u64::from(width);
        let mut crossings = Vec::new();
        let mut before = None;
        for (index, &start) in vertices.iter().enumerate() {
            let end = vertices[(index + 1) % vertices.len()];
            draw_edge(start, end, [width, height], |u, v| {
                if let Some((u_before, v_before)) = before.replace((u, v))
                    && u != u_before
                {
                    crossings.extend(crossing((u_before, v_before), (u, v), height, width));
                }
            });
        }
        crossings.push(pixels);
        crossings.sort_unstable();

        let mut runs: Vec<u64> = Vec::new();
        let mut position = 0;
        let mut lengths = crossings.into_iter().map(|crossing| {
            let length = crossing - position;
            position = crossing;
            length
        });
        runs.extend(lengths.next());
        while let Some(length) = lengths.next() {
            if length > 0 {
                runs.push(length);
            } else if let (Some(last), Some(length)) = (runs.last_mut(), lengths.next()) {
                // Two crossings in one place cancel each other.
                *last += length;
            }
        }
        let mut counts: Vec<u32> = Vec::with_capacity(runs.len());
        runs.into_iter().for_each(|length| push_run(&mut counts, length));
        Self { width, height, counts }
    }

    /// The pixels that belong to any of the masks; `None` for an empty list (`rleMerge`).
    ///
    /// # Errors
    ///
    /// When the masks are of different sizes.
    pub fn union(masks: &[Self]) -> Result<Option<Self>, RleError> {
        let Some((first, others)) = masks.split_first() else { return Ok(None) };
        let mut union = first.clone();
        for other in others {
            if (union.width, union.height) != (other.width, other.height) {
                return Err(RleError::SizeMismatch {
                    first: (union.width, union.height),
                    second: (other.width, other.height),
                });
            }
            let mut counts = Vec::with_capacity(union.counts.len() + other.counts.len());
            let (mut inside, mut run) = (false, 0_u64);
            walk(&union.counts, &other.counts, |length, in_first, in_second| {
                let now = in_first || in_second;
                if now != inside {
                    push_run(&mut counts, run);
                    (inside, run) = (now, 0);
                }
                run += u64::from(length);
            });
            push_run(&mut counts, run);
            union.counts = counts;
        }
        Ok(Some(union))
    }

    /// Pixels shared with `other` divided by the pixels of either, in `0..=1`; with `crowd`, where `other` is a group
    /// of objects, divided by the pixels of `self` alone (`rleIou`). Zero for masks of different sizes.
    pub fn iou(&self, other: &Self, crowd: bool) -> f64 {
        if (self.width, self.height) != (other.width, other.height) {
            return 0.0;
        }
        let (mut intersection, mut union) = (0_u64, 0_u64);
        walk(&self.counts, &other.counts, |length, in_self, in_other| {
            let length = u64::from(length);
            union += if in_self || in_other { length } else { 0 };
            intersection += if in_self && in_other { length } else { 0 };
        });
        match (intersection, crowd) {
            (0, _) => 0.0,
            (_, false) => intersection as f64 / union as f64,
            (_, true) => intersection as f64 / self.area() as f64,
        }
    }
}

/// Adds a run; one that no `u32` holds becomes several with empty runs between them.
pub(crate) fn push_run(counts: &mut Vec<u32>, mut length: u64) {
    while length > u64::from(u32::MAX) {
        counts.extend([u32::MAX, 0]);
        length -= u64::from(u32::MAX);
    }
    counts.push(length as u32);
}

/// Calls `visit(length, in a, in b)` for the stretches in which neither list changes between background and object.
fn walk(a: &[u32], b: &[u32], mut visit: impl FnMut(u32, bool, bool)) {
    let (mut left_a, mut left_b) = (0, 0);
    let (mut next_a, mut next_b) = (0, 0);
    loop {
        while left_a == 0 && next_a < a.len() {
            left_a = a[next_a];
            next_a += 1;
        }
        while left_b == 0 && next_b < b.len() {
            left_b = b[next_b];
            next_b += 1;
        }
        let length = left_a.min(left_b);
        if length == 0 {
            return;
        }
        // Run number 0 is background, and `next` is one past the current run.
        visit(length, next_a % 2 == 0, next_b % 2 == 0);
        left_a -= length;
        left_b -= length;
    }
}

/// Calls `visit(u, v)` for the points of the fine grid on an edge, from start to end, both included, as far as they
/// matter to an image of `[width, height]` pixels: points left and right of it are left out, and of a long steep edge
/// all but those beside a step to another fine column. So the number of calls is bounded by the image, however far away
/// an end lies.
fn draw_edge(start: (i64, i64), end: (i64, i64), [width, height]: [u32; 2], mut visit: impl FnMut(i64, i64)) {
    let (dx, dy) = ((end.0 - start.0).abs(), (end.1 - start.1).abs());
    let flat = dx >= dy;
    // Always drawn in the direction of growing coordinates, so that both neighbours of a shared edge round alike.
    let flip = if flat { start.0 > end.0 } else { start.1 > end.1 };
    let (from, to) = if flip { (end, start) } else { (start, end) };
    let steps = dx.max(dy);
    let slope = match (steps, flat) {
        (0, _) => 0.0,
        (_, true) => (to.1 - from.1) as f64 / dx as f64,
        (_, false) => (to.0 - from.0) as f64 / dy as f64,
    };
    let point = |step: i64| {
        let t = if flip { steps - step } else { step };
        if flat {
            (from.0 + t, (from.1 as f64 + slope * t as f64 + 0.5) as i64)
        } else {
            ((from.0 as f64 + slope * t as f64 + 0.5) as i64, from.1 + t)
        }
    };
    // Twice around the image on the fine grid: shorter edges are drawn point by point.
    let around = 4 * OUTLINE_SCALE * (i64::from(width) + i64::from(height));
    if steps <= around {
        (0..=steps).for_each(|step| {
            let (u, v) = point(step);
            visit(u, v);
        });
        return;
    }
    // Fine columns beyond which no middle of a column of pixels is crossed, whichever point came before.
    let (leftmost, rightmost) = (-1, OUTLINE_SCALE * i64::from(width) + OUTLINE_SCALE / 2 + 1);
    // Columns along an edge never turn back, so the part within is in one piece.
    let rising = end.0 >= start.0;
    let reached =
        |column: i64| first_step(steps, |step| if rising { point(step).0 >= column } else { point(step).0 <= column });
    let (entry, exit) = if rising { (leftmost, rightmost + 1) } else { (rightmost, leftmost - 1) };
    let (first, behind) = (reached(entry), reached(exit));
    if first >= behind {
        return;
    }
    let mut call = |step: i64| {
        let (u, v) = point(step);
        visit(u, v);
    };
    if flat {
        (first..behind).for_each(call);
        return;
    }
    call(first);
    let mut step = first;
    loop {
        let next = reached(point(step).0 + if rising { 1 } else { -1 });
        if next >= behind {
            break;
        }
        call(next - 1);
        call(next);
        step = next;
    }
    call(behind - 1);
}

/// The first of the steps `0..=steps` at which `holds`, which then holds for all that follow; `steps + 1` where there
/// is none.
fn first_step(steps: i64, holds: impl Fn(i64) -> bool) -> i64 {
    let (mut low, mut high) = (0, steps + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// Where a step between two neighbouring fine columns crosses the middle of a column of pixels: the place in COCO's
/// order from which pixels change sides.
fn crossing(before: (i64, i64), now: (i64, i64), height: u32, width: u32) -> Option<u64> {
    let half = OUTLINE_SCALE / 2;
    let fine_x = if now.0 < before.0 { now.0 } else { now.0 - 1 } - half;
    if fine_x < 0 || fine_x % OUTLINE_SCALE != 0 || fine_x / OUTLINE_SCALE >= i64::from(width) {
        return None;
    }
    let fine_y = now.1.min(before.1) - half;
    // Rounded up to whole pixels.
    let y = (fine_y + OUTLINE_SCALE - 1).div_euclid(OUTLINE_SCALE).clamp(0, i64::from(height));
    Some((fine_x / OUTLINE_SCALE) as u64 * u64::from(height) + y as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows `0110`, `0100`, `0001`: columns 000, 110, 100, 001.
    fn sample() -> Rle {
        Rle::from_mask_pixels(&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1], 3, 4).expect("12 pixels")
    }

    #[test]
    fn runs_go_column_by_column_and_return_as_pixels() {
        let rle = sample();
        assert_eq!(rle.counts, [3, 2, 1, 1, 4, 1]);
        assert_eq!(rle.area(), 4);
        assert_eq!(rle.bbox(), BBox::from_xyxy(1.0, 0.0, 4.0, 3.0));
        assert_eq!(Rle::from_mask(&rle.to_mask()), rle);
        assert_eq!(Rle::empty(3, 4).counts, [12]);
        assert_eq!(Rle::empty(3, 4).bbox(), BBox::from_xyxy(0.0, 0.0, 0.0, 0.0));
        assert!(Rle::from_mask_pixels(&[0; 11], 3, 4).is_none());
    }

    #[test]
    fn strings_return_and_broken_ones_are_refused() {
        let rle = Rle::from_counts(vec![0, 40, 7, 1, 100_000, 3], 11, 9096 + 1).unwrap_err();
        assert_eq!(rle, RleError::PixelCount { found: 100_051, expected: 100_067, height: 11, width: 9097 });
        let rle = Rle::from_counts(vec![0, 40, 7, 1, 100_000, 2], 10_005, 10).expect("fits");
        assert_eq!(Rle::from_compressed(rle.to_compressed(), 10_005, 10), Ok(rle.clone()));
        assert_eq!(Rle::from_compressed("0!", 1, 1), Err(RleError::Byte { byte: b'!', position: 1 }));
        // A character that promises another one.
        assert_eq!(Rle::from_compressed("0P", 1, 1), Err(RleError::Run { run: 1 }));
        // -1 as the first run.
        assert_eq!(Rle::from_compressed("O", 1, 1), Err(RleError::Run { run: 0 }));
        assert_eq!(Rle::from_compressed("oooooooooooo0", 1, 1), Err(RleError::Run { run: 0 }));
    }

    #[test]
    fn union_and_overlap_by_hand() {
        let a = Rle::from_mask_pixels(&[1, 1, 0, 0], 1, 4).expect("4 pixels");
        let b = Rle::from_mask_pixels(&[0, 1, 1, 0], 1, 4).expect("4 pixels");
        assert_eq!(Rle::union(&[a.clone(), b.clone()]).unwrap().unwrap().counts, [0, 3, 1]);
        assert_eq!(a.iou(&b, false), 1.0 / 3.0);
        assert_eq!(a.iou(&b, true), 0.5);
        let other = Rle::empty(4, 1);
        assert_eq!(a.iou(&other, false), 0.0);
        assert!(Rle::union(&[a, other]).unwrap_err().to_string().contains("4×1 and 1×4"));
        assert_eq!(Rle::union(&[]), Ok(None));
    }

    #[test]
    fn a_square_outline_covers_its_pixels() {
        let square = [[1.0, 1.0], [4.0, 1.0], [4.0, 3.0], [1.0, 3.0]];
        let rle = Rle::from_polygon(&square, 5, 6);
        assert_eq!(rle.bbox(), BBox::from_xyxy(1.0, 1.0, 4.0, 3.0));
        assert_eq!(rle.area(), 6);
        assert_eq!(Rle::from_polygon(&square[..2], 5, 6).area(), 0);
        assert_eq!(Rle::from_polygon(&[], 5, 6), Rle::empty(5, 6));
    }

    /// [`Rle::from_polygon`] with every point of every edge, as `rleFrPoly` draws them.
    fn drawn_point_by_point(points: &[[f64; 2]], height: u32, width: u32) -> Mask {
        let fine = |value: f64| i64::from((OUTLINE_SCALE as f64 * value + 0.5) as i32);
        let vertices: Vec<(i64, i64)> = points.iter().map(|&[x, y]| (fine(x), fine(y))).collect();
        let (mut crossings, mut before) = (Vec::new(), None);
        for (index, &start) in vertices.iter().enumerate() {
            let end = vertices[(index + 1) % vertices.len()];
            // In an image as large as the edge is long nothing is left out.
            let reach = ((end.0 - start.0).abs() + (end.1 - start.1).abs()) as u32 + 1;
            draw_edge(start, end, [reach, reach], |u, v| {
                if let Some(last) = before.replace((u, v))
                    && u != last.0
                {
                    crossings.extend(crossing(last, (u, v), height, width));
                }
            });
        }
        crossings.sort_unstable();
        let mut mask = Mask::filled(width, height, 0);
        for (place, inside) in (0..u64::from(width) * u64::from(height)).map(|place| {
            // Inside behind an odd number of crossings.
            (place, crossings.partition_point(|&crossing| crossing <= place) % 2 == 1)
        }) {
            let (x, y) = (place / u64::from(height), place % u64::from(height));
            mask.pixels_mut()[(y * u64::from(width) + x) as usize] = u8::from(inside);
        }
        mask
    }

    #[test]
    fn edges_that_leave_the_image_cover_the_same_pixels() {
        let mut state = 1_u64;
        let mut random = |reach: f64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as f64 / f64::from(1u32 << 31) - 0.5) * 2.0 * reach
        };
        for round in 0..600 {
            let reach = [8.0, 60.0, 700.0, 5000.0][round % 4];
            let (height, width) = (1 + round as u32 % 9, 1 + round as u32 % 7);
            let mut points: Vec<[f64; 2]> = (0..3 + round % 4).map(|_| [random(reach), random(reach)]).collect();
            // Upright and level edges through the image, and a corner in it.
            if round % 3 == 0 {
                points.push([random(6.0), random(6.0)]);
                let [x, _] = points[0];
                points[1] = [x, random(reach)];
            }
            let expected = drawn_point_by_point(&points, height, width);
            assert_eq!(Rle::from_polygon(&points, height, width).to_mask(), expected, "{points:?}, {width}×{height}");
        }
    }

    #[test]
    fn points_far_away_take_no_longer() {
        // The triangle below the diagonal of a huge square, whose edges have 4·10⁹ points on the fine grid; in the
        // image it looks as that of a square of 400 pixels does.
        let far = 4e8;
        let triangle = |far: f64| [[-far, -far], [far, far], [-far, far]];
        let rle = Rle::from_polygon(&triangle(far), 30, 40);
        assert_eq!(rle.to_mask(), drawn_point_by_point(&triangle(200.0), 30, 40));
        let all = Rle::from_polygon(&[[-far, -far], [far, -far], [far, far], [-far, far]], 40, 30);
        assert_eq!(all.counts, [0, 1200]);
        assert_eq!(Rle::from_polygon(&[[far, -far], [f64::MAX, 0.0], [far, f64::INFINITY]], 40, 30).area(), 0);
    }

    #[test]
    fn runs_beyond_four_billion_pixels_keep_their_lengths() {
        // 70,000² = 4.9·10⁹ pixels, of which an outline of one pixel leaves two runs of background above 2³².
        for points in [
            [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
            [[69_999.0, 69_999.0], [70_000.0, 69_999.0], [70_000.0, 70_000.0], [69_999.0, 70_000.0]],
        ] {
            let rle = Rle::from_polygon(&points, 70_000, 70_000);
            assert_eq!(rle.counts.iter().map(|&count| u64::from(count)).sum::<u64>(), 4_900_000_000);
            assert_eq!(rle.area(), 1);
        }
        assert_eq!(Rle::empty(70_000, 70_000).area(), 0);
    }
}
