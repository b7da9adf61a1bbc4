//! How well outlines agree: the boundary F1 and the Hausdorff distance.

use vision_types::distance::squared_distances;

/// Part of a picture's diagonal by which boundaries may lie apart and still agree (Csurka et al. 2013, section 4).
const TOLERANCE: f64 = 0.0075;
/// The percentile of the robust Hausdorff distance, as a fraction.
const PERCENTILE: f64 = 0.95;

/// A region's boundary: its pixels that touch a pixel outside, or the picture's border, with one of their four sides
/// (scipy's `region & ~binary_erosion(region)`).
pub(super) fn boundary(region: &[bool], width: usize, height: usize) -> Vec<bool> {
    let inside = |x: usize, y: usize| x < width && y < height && region[y * width + x];
    let touches = |x: usize, y: usize| {
        // 0 - 1 wraps to a column or row beyond the picture.
        let (left, above) = (x.wrapping_sub(1), y.wrapping_sub(1));
        !(inside(left, y) && inside(x + 1, y) && inside(x, above) && inside(x, y + 1))
    };
    (0..region.len()).map(|pixel| region[pixel] && touches(pixel % width, pixel / width)).collect()
}

/// What the boundaries of one class in one picture say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BoundaryMatch {
    /// Boundary pixels of the prediction, and those of them near the truth's boundary.
    pub(super) predicted: [u64; 2],
    /// Boundary pixels of the truth, and those of them near the prediction's.
    pub(super) labelled: [u64; 2],
    /// Robust Hausdorff distance in pixels; the picture's diagonal where only one of them has a boundary.
    pub(super) distance: f64,
}

/// Compares two regions; `None` where both are empty.
pub(super) fn compare(predicted: &[bool], labelled: &[bool], width: usize, height: usize) -> Option<BoundaryMatch> {
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
