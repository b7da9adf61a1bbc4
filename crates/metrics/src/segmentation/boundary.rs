//! How well the boundaries of regions agree: the boundary F1 and the Hausdorff distance.

use vision_types::Mask;
use vision_types::distance::squared_distances;

use super::SegmentationClassRow;
use super::metric::{Judged, Picture, SegmentationMetric};
use crate::figure::Figure;
use crate::{ConfusionMatrix, Score};

/// Largest distance of boundary pixels that agree, as a share of the picture's diagonal (Csurka et al. 2013, section
/// 4).
const TOLERANCE: f64 = 0.0075;
/// The percentile of the robust Hausdorff distance, as a fraction.
const PERCENTILE: f64 = 0.95;

/// `boundary_f1` and `hd95`: sums of the boundary figures of each class.
#[derive(Debug, Clone)]
pub(crate) struct Boundaries(Vec<Sums>);

/// Sums of one class's boundary figures.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    predicted: [u64; 2],
    labelled: [u64; 2],
    distances: f64,
    images: u64,
}

impl SegmentationMetric for Boundaries {
    const FIGURES: &'static [Figure] = &[Figure::higher("boundary_f1"), Figure::lower("hd95")];

    /// Of each class; `None` for the background and for classes that are not in the picture.
    type Measured = Vec<Option<BoundaryMatch>>;

    fn for_classes(classes: usize) -> Self {
        Self(vec![Sums::default(); classes])
    }

    fn measure(&self, picture: &Picture<'_>) -> Self::Measured {
        let &Picture { prediction, target, counts, classes, background } = picture;
        let (width, height) = (target.width() as usize, target.height() as usize);
        let there = |class: usize| {
            (0..classes).any(|other| counts[class * classes + other] + counts[other * classes + class] > 0)
        };
        let region = |mask: &Mask, class: usize| -> Vec<bool> {
            let pixels = mask.pixels().iter().zip(target.pixels());
            pixels.map(|(found, labelled)| *labelled != Mask::IGNORE && usize::from(*found) == class).collect()
        };
        let of_class = |class: usize| {
            let wanted = Some(class) != background && there(class);
            wanted.then(|| compare(&region(prediction, class), &region(target, class), width, height)).flatten()
        };
        (0..classes).map(of_class).collect()
    }

    fn add(&mut self, measured: Self::Measured) {
        for (sums, found) in self.0.iter_mut().zip(measured) {
            if let Some(found) = found {
                sums.add(found);
            }
        }
    }

    fn columns(&self, _pixels: &ConfusionMatrix, rows: &mut [SegmentationClassRow]) {
        for row in rows {
            let sums = self.0[row.class_id];
            row.boundary_f1 = sums.f1();
            row.hd95 = (sums.images > 0).then(|| sums.distances / sums.images as f64);
        }
    }

    fn scores(&self, judged: &Judged<'_>) -> Vec<Score> {
        vec![
            Score::new("boundary_f1", judged.foreground_mean(|row| row.boundary_f1)),
            Score::new("hd95", judged.foreground_mean(|row| row.hd95)),
        ]
    }

    fn clear(&mut self) {
        self.0.fill(Sums::default());
    }
}

impl Sums {
    fn add(&mut self, found: BoundaryMatch) {
        for place in 0..2 {
            self.predicted[place] += found.predicted[place];
            self.labelled[place] += found.labelled[place];
        }
        self.distances += found.distance;
        self.images += 1;
    }

    /// Harmonic mean of the near parts of both boundaries; 0 where only one of them is there.
    fn f1(self) -> Option<f64> {
        if self.images == 0 {
            return None;
        }
        let part = |[all, near]: [u64; 2]| if all == 0 { 0.0 } else { near as f64 / all as f64 };
        let (precision, recall) = (part(self.predicted), part(self.labelled));
        Some(if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) })
    }
}

/// A region's boundary: its pixels that share a side with a pixel outside the region or with the picture's border
/// (scipy's `region & ~binary_erosion(region)`).
fn boundary(region: &[bool], width: usize, height: usize) -> Vec<bool> {
    let inside = |x: usize, y: usize| x < width && y < height && region[y * width + x];
    let touches = |x: usize, y: usize| {
        // 0 - 1 wraps to a column or row beyond the picture.
        let (left, above) = (x.wrapping_sub(1), y.wrapping_sub(1));
        !(inside(left, y) && inside(x + 1, y) && inside(x, above) && inside(x, y + 1))
    };
    (0..region.len()).map(|pixel| region[pixel] && touches(pixel % width, pixel / width)).collect()
}

/// How the boundaries of one class in one picture agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BoundaryMatch {
    /// Boundary pixels of the prediction, and those of them near the truth's boundary.
    predicted: [u64; 2],
    /// Boundary pixels of the truth, and those of them near the prediction's.
    labelled: [u64; 2],
    /// Robust Hausdorff distance in pixels; the picture's diagonal where only one of them has a boundary.
    distance: f64,
}

/// Compares two regions; `None` where both are empty.
fn compare(predicted: &[bool], labelled: &[bool], width: usize, height: usize) -> Option<BoundaryMatch> {
    let (predicted, labelled) = (boundary(predicted, width, height), boundary(labelled, width, height));
    let count = |edge: &[bool]| edge.iter().filter(|marked| **marked).count() as u64;
    let counts = [count(&predicted), count(&labelled)];
    let diagonal = (width as f64).hypot(height as f64);
    match counts {
        [0, 0] => return None,
        [0, _] | [_, 0] => {
            return Some(BoundaryMatch { predicted: [counts[0], 0], labelled: [counts[1], 0], distance: diagonal });
        }
        _ => {}
    }
    let tolerance = (TOLERANCE * diagonal).powi(2);
    let side = |from: &[bool], to: &[bool]| {
        let field = squared_distances(to, width, height);
        let mut distances: Vec<f64> =
            from.iter().zip(field).filter(|(marked, _)| **marked).map(|(_, distance)| distance).collect();
        let near = distances.iter().filter(|distance| **distance <= tolerance).count() as u64;
        distances.sort_by(f64::total_cmp);
        (near, percentile(&distances))
    };
    let (predicted_near, forth) = side(&predicted, &labelled);
    let (labelled_near, back) = side(&labelled, &predicted);
    Some(BoundaryMatch {
        predicted: [counts[0], predicted_near],
        labelled: [counts[1], labelled_near],
        distance: forth.max(back),
    })
}

/// The 95th percentile of distances whose squares are given in rising order, between two of them by linear
/// interpolation, as numpy's `percentile`.
fn percentile(squares: &[f64]) -> f64 {
    let position = PERCENTILE * (squares.len() - 1) as f64;
    let below = position.floor() as usize;
    let [low, high] = [below, (below + 1).min(squares.len() - 1)].map(|index| squares[index].sqrt());
    low + (high - low) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(rows: &[&str]) -> Vec<bool> {
        rows.iter().flat_map(|row| row.bytes().map(|pixel| pixel == b'#')).collect()
    }

    #[test]
    fn a_boundary_is_a_pixel_wide() {
        let found = boundary(&region(&[".....", ".###.", ".###.", ".###.", "....."]), 5, 5);
        assert_eq!(found, region(&[".....", ".###.", ".#.#.", ".###.", "....."]));
        // The picture's border is one.
        let found = boundary(&region(&["###", "###", "###", "###"]), 3, 4);
        assert_eq!(found, region(&["###", "#.#", "#.#", "###"]));
    }

    #[test]
    fn distances_by_hand() {
        // One pixel each, 3 columns and 4 rows apart: 5 pixels, far beyond 0.75 % of the diagonal.
        let a = region(&["#...", "....", "....", "....", "...."]);
        let b = region(&["....", "....", "....", "....", "...#"]);
        let found = compare(&a, &b, 4, 5).expect("both are there");
        assert_eq!(found, BoundaryMatch { predicted: [1, 0], labelled: [1, 0], distance: 5.0 });
        let found = compare(&a, &a, 4, 5).expect("both are there");
        assert_eq!(found, BoundaryMatch { predicted: [1, 1], labelled: [1, 1], distance: 0.0 });
        assert_eq!(compare(&[false; 20], &[false; 20], 4, 5), None);
        let found = compare(&a, &[false; 20], 4, 5).expect("one is there");
        assert_eq!((found.predicted, found.labelled), ([1, 0], [0, 0]));
        assert_eq!(found.distance, 41f64.sqrt());
    }

    #[test]
    fn a_percentile_lies_between_two_distances() {
        // Distances 0, 1 … 10: position 9.5.
        let squares: Vec<f64> = (0..11).map(|distance| f64::from(distance * distance)).collect();
        assert_eq!(percentile(&squares), 9.5);
        assert_eq!(percentile(&[4.0]), 2.0);
    }
}
