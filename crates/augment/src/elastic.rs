//! Elastic deformation: a smooth field of displacements, applied to an image and to all that is annotated on it.
//!
//! Displacements are given at the nodes of a coarse grid over the image and interpolated between them by cubic
//! convolution (O. Ronneberger, P. Fischer, T. Brox, "U-Net", 2015, section 3.1; R. Keys, "Cubic Convolution
//! Interpolation for Digital Image Processing", 1981, with a = -1/2). Beyond the image the field goes on as at its
//! edge.

use image::RgbImage;
use vision_types::{BBox, Mask};

use crate::instances::PointMap;
use crate::warp::{Sampling, sample_image, sample_mask};
use crate::{Border, ImageSize, MovedBox, outline};

/// The greatest strain of a field: what two points of the result show lies in the image further apart, or closer
/// together, by at most this share of their distance. Below 1 nothing folds over, so every point of the image has one
/// place in the result.
pub const MAX_STRAIN: f64 = 0.75;

/// A smooth map that shows at each point of the result the point of the image that is displaced from it.
#[derive(Debug, Clone, PartialEq)]
pub struct ElasticMap {
    size: ImageSize,
    /// Nodes along each side.
    nodes: usize,
    /// Displacements in pixels, row by row.
    displacements: Vec<[f64; 2]>,
    /// No displacement anywhere is longer, in pixels.
    reach: f64,
    border: Border,
    sampling: Sampling,
}

impl ElasticMap {
    /// The map of an image of `size` with `nodes` × `nodes` `displacements` in pixels (right, down), row by row, at the
    /// corners of the image, along its edges and inside, evenly spaced. Where they would strain the image by more than
    /// [`MAX_STRAIN`], all are shortened by one factor.
    ///
    /// # Panics
    ///
    /// When there are fewer than 2 × 2 nodes, another number of displacements, or the image has no pixels.
    pub fn new(
        size: ImageSize,
        nodes: usize,
        mut displacements: Vec<[f64; 2]>,
        border: Border,
        sampling: Sampling,
    ) -> Self {
        assert!(nodes >= 2 && displacements.len() == nodes * nodes, "{} for {nodes} × {nodes}", displacements.len());
        assert!(size.area() > 0, "an image of {size} has nothing to deform");
        let bounds = Bounds::of(&displacements, nodes, size);
        let shorter = if bounds.strain > MAX_STRAIN { MAX_STRAIN / bounds.strain } else { 1.0 };
        for value in displacements.as_flattened_mut() {
            *value *= shorter;
        }
        Self { size, nodes, displacements, reach: bounds.reach * shorter, border, sampling }
    }

    /// The displacement at the point (`x`, `y`) of the result, in pixels: what is shown there lies so far away in the
    /// image.
    pub fn displacement(&self, x: f64, y: f64) -> [f64; 2] {
        let column = Place::new(x, self.size.width, self.nodes);
        let row = Place::new(y, self.size.height, self.nodes);
        let mut sum = [0.0; 2];
        for (line, weight) in row.neighbours(self.nodes).into_iter().zip(row.weights) {
            for (node, across) in column.neighbours(self.nodes).into_iter().zip(column.weights) {
                let [right, down] = self.displacements[line * self.nodes + node];
                sum[0] += weight * across * right;
                sum[1] += weight * across * down;
            }
        }
        sum
    }

    /// Where the point (`x`, `y`) of the image is in the result.
    pub fn forward(&self, x: f64, y: f64) -> [f64; 2] {
        /// Pixels within which the place is found.
        const NEAR: f64 = 1e-9;
        /// Each step shrinks the error to MAX_STRAIN of it: 0.75^120 is 10^-15.
        const STEPS: usize = 120;
        let mut place = [x, y];
        // The fixed point of place = point - displacement(place).
        for _ in 0..STEPS {
            let [right, down] = self.displacement(place[0], place[1]);
            let next = [x - right, y - down];
            let change = (next[0] - place[0]).abs().max((next[1] - place[1]).abs());
            place = next;
            if change < NEAR {
                break;
            }
        }
        place
    }

    /// The image after the deformation.
    ///
    /// # Panics
    ///
    /// When the image is not of the size that the map was made for.
    pub fn apply_image(&self, image: &RgbImage) -> RgbImage {
        assert_eq!(ImageSize::of(image), self.size, "the image is not of the size that the map was made for");
        let rows = Rows::new(self);
        sample_image(image, self.border, self.sampling, |y, points| rows.points(y, points))
    }

    /// The mask after the deformation, by the nearest pixel; `fill` stands where a constant border shows.
    ///
    /// # Panics
    ///
    /// When the mask is not of the size that the map was made for.
    pub fn apply_mask(&self, mask: &Mask, fill: u8) -> Mask {
        self.mask_with_border(mask, self.border, fill)
    }

    fn mask_with_border(&self, mask: &Mask, border: Border, fill: u8) -> Mask {
        let size = ImageSize::new(mask.width(), mask.height());
        assert_eq!(size, self.size, "the mask is not of the size that the map was made for");
        let rows = Rows::new(self);
        sample_mask(mask, border.mode, fill, |y, points| rows.points(y, points))
    }

    /// The box around the moved edges of `bbox`, clipped to the image.
    pub fn apply_box(&self, bbox: BBox) -> MovedBox {
        let [x1, y1, x2, y2] = [bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(f64::from);
        let edges = self.moved_outline(&[[x1, y1], [x2, y1], [x2, y2], [x1, y2]]);
        let moved = outline::bounds(&[edges]).unwrap_or(bbox);
        let clipped = moved.clip(self.size.width as f32, self.size.height as f32);
        let visible = if moved.area() > 0.0 { (clipped.area() / moved.area()).min(1.0) } else { 0.0 };
        MovedBox { bbox: clipped, visible }
    }

    /// The closed outline after the deformation, with points added along its lines, which become curves.
    fn moved_outline(&self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        /// Pixels between two points, at most: a field of some dozen pixels between nodes bends a line of this length
        /// by far less than a pixel.
        const SPACING: f64 = 4.0;
        let mut moved = Vec::with_capacity(points.len());
        for (index, &[x, y]) in points.iter().enumerate() {
            let [next_x, next_y] = points[(index + 1) % points.len()];
            let pieces = ((next_x - x).hypot(next_y - y) / SPACING).ceil().max(1.0);
            let pieces = if pieces.is_finite() { pieces as usize } else { 1 };
            for piece in 0..pieces {
                let share = piece as f64 / pieces as f64;
                moved.push(self.forward(x + (next_x - x) * share, y + (next_y - y) * share));
            }
        }
        moved
    }
}

impl PointMap for ElasticMap {
    fn output_size(&self, input: ImageSize) -> ImageSize {
        input
    }

    fn box_after(&self, bbox: BBox, _: ImageSize) -> MovedBox {
        self.apply_box(bbox)
    }

    fn points_after(&self, points: &[[f64; 2]], _: ImageSize) -> Vec<[f64; 2]> {
        points.iter().map(|&[x, y]| self.forward(x, y)).collect()
    }

    fn outline_after(&self, points: &[[f64; 2]], _: ImageSize) -> Vec<[f64; 2]> {
        self.moved_outline(points)
    }

    fn object_after(&self, mask: &Mask) -> Mask {
        self.mask_with_border(mask, Border::default(), 0)
    }

    fn shows(&self, x: f64, y: f64, input: ImageSize) -> bool {
        let (width, height) = (f64::from(input.width), f64::from(input.height));
        // Only points near the edge can leave.
        let margin = x.min(width - x).min(y).min(height - y);
        if margin > self.reach {
            return true;
        }
        let [x, y] = self.forward(x, y);
        (0.0..width).contains(&x) && (0.0..height).contains(&y)
    }
}

/// A coordinate between the nodes along one side.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The last node before it that has another behind it.
    node: usize,
    /// Of the node before that, that node, and the two behind it.
    weights: [f64; 4],
}

impl Place {
    fn new(coordinate: f64, side: u32, nodes: usize) -> Self {
        let scaled = (coordinate / f64::from(side)).clamp(0.0, 1.0) * (nodes - 1) as f64;
        let node = (scaled as usize).min(nodes - 2);
        let t = scaled - node as f64;
        let weights = [
            t * (t * (1.0 - 0.5 * t) - 0.5),
            t * t * (1.5 * t - 2.5) + 1.0,
            t * (t * (2.0 - 1.5 * t) + 0.5),
            t * t * (0.5 * t - 0.5),
        ];
        Self { node, weights }
    }

    /// The four nodes of the weights; that at the edge stands for those beyond it.
    fn neighbours(&self, nodes: usize) -> [usize; 4] {
        [self.node.saturating_sub(1), self.node, self.node + 1, (self.node + 2).min(nodes - 1)]
    }
}

/// The field along rows of pixels: the places of columns are worked out once.
struct Rows<'a> {
    map: &'a ElasticMap,
    columns: Vec<Place>,
}

impl<'a> Rows<'a> {
    fn new(map: &'a ElasticMap) -> Self {
        let centres = (0..map.size.width).map(|x| f64::from(x) + 0.5);
        Self { map, columns: centres.map(|x| Place::new(x, map.size.width, map.nodes)).collect() }
    }

    /// The points of the image under the centres of the pixels of row `y`.
    fn points(&self, y: usize, points: &mut [(f64, f64)]) {
        let nodes = self.map.nodes;
        let centre = y as f64 + 0.5;
        let row = Place::new(centre, self.map.size.height, nodes);
        let lines = row.neighbours(nodes);
        let between = |node: usize| {
            [0, 1].map(|axis| {
                let down = lines.iter().zip(row.weights);
                down.map(|(line, weight)| weight * self.map.displacements[line * nodes + node][axis]).sum::<f64>()
            })
        };
        let along: Vec<[f64; 2]> = (0..nodes).map(between).collect();
        for (x, (point, column)) in points.iter_mut().zip(&self.columns).enumerate() {
            let mut sum = [0.0; 2];
            for (node, weight) in column.neighbours(nodes).into_iter().zip(column.weights) {
                sum[0] += weight * along[node][0];
                sum[1] += weight * along[node][1];
            }
            *point = (x as f64 + 0.5 + sum[0], centre + sum[1]);
        }
    }
}

/// What a field never exceeds, by the control points of its pieces: a cubic piece lies within the hull of its four
/// Bézier points, and its slope within three times their differences.
struct Bounds {
    /// Length of a displacement in pixels.
    reach: f64,
    /// Change of a displacement for each pixel of distance.
    strain: f64,
}

impl Bounds {
    fn of(displacements: &[[f64; 2]], nodes: usize, size: ImageSize) -> Self {
        let fine = 3 * (nodes - 1) + 1;
        let rows: Vec<Vec<[f64; 2]>> = displacements.chunks_exact(nodes).map(bezier_points).collect();
        let columns: Vec<Vec<[f64; 2]>> =
            (0..fine).map(|column| bezier_points(&rows.iter().map(|row| row[column]).collect::<Vec<_>>())).collect();
        let (mut reach, mut across, mut down) = (0.0f64, 0.0f64, 0.0f64);
        for (number, column) in columns.iter().enumerate() {
            let before = number.checked_sub(1).map(|number| &columns[number]);
            for (place, point) in column.iter().enumerate() {
                reach = reach.max(point[0].hypot(point[1]));
                if let Some(left) = before {
                    across = across.max(apart(left[place], *point));
                }
                if let Some(upper) = place.checked_sub(1) {
                    down = down.max(apart(column[upper], *point));
                }
            }
        }
        let slope = |difference: f64, side: u32| 3.0 * difference * (nodes - 1) as f64 / f64::from(side);
        Self { reach, strain: slope(across, size.width).hypot(slope(down, size.height)) }
    }
}

fn apart(a: [f64; 2], b: [f64; 2]) -> f64 {
    (b[0] - a[0]).hypot(b[1] - a[1])
}

/// The Bézier points of a cubic convolution through `values`: three for each piece, and the last value.
fn bezier_points(values: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let last = values.len() - 1;
    // A sixth of the way from the neighbour before to the one behind.
    let tangent = |index: usize| {
        let (before, behind) = (values[index.saturating_sub(1)], values[(index + 1).min(last)]);
        [0, 1].map(|axis| (behind[axis] - before[axis]) / 6.0)
    };
    let mut points = Vec::with_capacity(3 * last + 1);
    for (index, pair) in values.windows(2).enumerate() {
        let (from, to) = (tangent(index), tangent(index + 1));
        points.push(pair[0]);
        points.push([0, 1].map(|axis| pair[0][axis] + from[axis]));
        points.push([0, 1].map(|axis| pair[1][axis] - to[axis]));
    }
    points.push(values[last]);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: ImageSize = ImageSize { width: 40, height: 60 };

    fn map(displacements: &[[f64; 2]]) -> ElasticMap {
        let nodes = displacements.len().isqrt();
        ElasticMap::new(SIZE, nodes, displacements.to_vec(), Border::default(), Sampling::Bilinear)
    }

    #[test]
    fn the_field_passes_through_its_nodes_and_is_a_cubic_between_them() {
        let mut displacements = vec![[0.0; 2]; 9];
        displacements[4] = [3.0, -2.0];
        let map = map(&displacements);
        assert_eq!(map.displacement(20.0, 30.0), [3.0, -2.0]);
        for corner in [(0.0, 0.0), (40.0, 0.0), (0.0, 60.0), (20.0, 60.0), (40.0, 30.0)] {
            assert_eq!(map.displacement(corner.0, corner.1), [0.0; 2]);
        }
        // Half way between a node of 0 and one of 3 with a further 0 on both sides: weights -1/16, 9/16, 9/16, -1/16.
        let half = map.displacement(10.0, 30.0);
        assert!((half[0] - 27.0 / 16.0).abs() < 1e-12 && (half[1] + 18.0 / 16.0).abs() < 1e-12, "{half:?}");
        // Beyond the image the field goes on.
        assert_eq!(map.displacement(20.0, -9.0), map.displacement(20.0, 0.0));
    }

    #[test]
    fn strong_fields_are_shortened_and_weak_ones_are_not() {
        let weak = [[1.0, 0.0], [0.5, 0.0], [0.0, 1.0], [0.0, 0.0]];
        assert_eq!(map(&weak).displacement(0.0, 0.0), [1.0, 0.0]);
        let strong = [[100.0, 0.0], [-100.0, 0.0], [100.0, 0.0], [-100.0, 0.0]];
        let shortened = map(&strong);
        // Two nodes 40 pixels apart: the steepest slope of the cubic between them, whose ends have the slope of half
        // the way, is at most three times the largest difference of its Bézier points, 200 · 4/6 at the middle.
        let expected = 100.0 * MAX_STRAIN / (3.0 * (200.0 * 4.0 / 6.0) / 40.0);
        assert!((shortened.displacement(0.0, 0.0)[0] - expected).abs() < 1e-9);
    }

    #[test]
    fn equal_displacements_shift_the_image() {
        let map = map(&[[3.0, -2.0]; 4]);
        let [x, y] = map.forward(10.0, 20.0);
        assert!((x - 7.0).abs() < 1e-9 && (y - 22.0).abs() < 1e-9, "({x}, {y})");
        let bbox = map.apply_box(BBox::from_xyxy(10.0, 20.0, 30.0, 40.0));
        assert_eq!(bbox, MovedBox { bbox: BBox::from_xyxy(7.0, 22.0, 27.0, 42.0), visible: 1.0 });
        let image = RgbImage::from_fn(40, 60, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let moved = map.apply_image(&image);
        assert_eq!(moved.get_pixel(7, 22), &image::Rgb([10, 20, 0]));
        assert_eq!(moved.get_pixel(39, 30), &image::Rgb([0; 3]), "from beyond the right edge");
        let mask = Mask::from_pixels(40, 60, (0..2400).map(|place| (place % 40) as u8).collect()).expect("40 × 60");
        assert_eq!(map.apply_mask(&mask, 99).get(7, 22), 10);
        assert_eq!(map.apply_mask(&mask, 99).get(38, 30), 99);
    }
}
