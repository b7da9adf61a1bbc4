//! Projective maps of the image plane.

use serde::{Deserialize, Serialize};

/// A projective map of the continuous plane, `[x', y', w'] = m · [x, y, 1]`, with pixel (0, 0) covering `0..1` ×
/// `0..1`.
///
/// The last row is `[0, 0, 1]` for an affine map.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Projection(pub [[f64; 3]; 3]);

impl Projection {
    /// The map that moves nothing.
    pub const IDENTITY: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);

    /// `(x, y)` to `(scale_x · x + shift_x, scale_y · y + shift_y)`.
    pub const fn scale_then_shift(scale_x: f64, scale_y: f64, shift_x: f64, shift_y: f64) -> Self {
        Self([[scale_x, 0.0, shift_x], [0.0, scale_y, shift_y], [0.0, 0.0, 1.0]])
    }

    /// First `self`, then `next`.
    pub fn then(&self, next: &Self) -> Self {
        let mut product = [[0.0; 3]; 3];
        for (row, out) in next.0.iter().zip(&mut product) {
            for (column, value) in out.iter_mut().enumerate() {
                *value = (0..3).map(|k| row[k] * self.0[k][column]).sum();
            }
        }
        Self(product)
    }

    /// The image of the point `(x, y)`.
    pub fn map(&self, x: f64, y: f64) -> (f64, f64) {
        let [u, v, w] = self.0.map(|row| row[0] * x + row[1] * y + row[2]);
        (u / w, v / w)
    }

    /// Whether straight, parallel lines stay parallel.
    pub fn is_affine(&self) -> bool {
        self.0[2] == [0.0, 0.0, 1.0]
    }

    /// The factor by which an affine map changes lengths: the square root of the one for areas.
    pub(crate) fn magnification(&self) -> f64 {
        let [[a, b, _], [c, d, _], _] = self.0;
        (a * d - b * c).abs().sqrt()
    }

    /// The map that undoes this one; `None` when it flattens the plane to a line or a point.
    pub fn inverse(&self) -> Option<Self> {
        let m = &self.0;
        let cofactor = |r0: usize, c0: usize, r1: usize, c1: usize| m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0];
        let adjugate = [
            [cofactor(1, 1, 2, 2), -cofactor(0, 1, 2, 2), cofactor(0, 1, 1, 2)],
            [-cofactor(1, 0, 2, 2), cofactor(0, 0, 2, 2), -cofactor(0, 0, 1, 2)],
            [cofactor(1, 0, 2, 1), -cofactor(0, 0, 2, 1), cofactor(0, 0, 1, 1)],
        ];
        let determinant: f64 = (0..3).map(|k| m[0][k] * adjugate[k][0]).sum();
        if determinant == 0.0 || !determinant.is_finite() {
            return None;
        }
        let mut inverse = adjugate.map(|row| row.map(|value| value / determinant));
        if self.is_affine() {
            inverse[2] = [0.0, 0.0, 1.0];
        }
        Some(Self(inverse))
    }

    /// The map that takes the unit square's corners (0, 0), (1, 0), (1, 1), (0, 1) to `quad`, in this order.
    ///
    /// P. Heckbert, "Fundamentals of Texture Mapping and Image Warping" (1989), section 2.2.3. `None` when three
    /// corners are in line.
    pub fn from_unit_square(quad: [(f64, f64); 4]) -> Option<Self> {
        let [(x0, y0), (x1, y1), (x2, y2), (x3, y3)] = quad;
        let (dx1, dy1, dx2, dy2) = (x1 - x2, y1 - y2, x3 - x2, y3 - y2);
        let (sum_x, sum_y) = (x0 - x1 + x2 - x3, y0 - y1 + y2 - y3);
        let denominator = dx1 * dy2 - dx2 * dy1;
        if denominator == 0.0 {
            return None;
        }
        let g = (sum_x * dy2 - dx2 * sum_y) / denominator;
        let h = (dx1 * sum_y - sum_x * dy1) / denominator;
        Some(Self([[x1 - x0 + g * x1, x3 - x0 + h * x3, x0], [y1 - y0 + g * y1, y3 - y0 + h * y3, y0], [g, h, 1.0]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close((x, y): (f64, f64), (u, v): (f64, f64)) {
        assert!((x - u).abs() < 1e-9 && (y - v).abs() < 1e-9, "({x}, {y}) is not ({u}, {v})");
    }

    #[test]
    fn the_square_reaches_the_corners_asked_for_and_returns() {
        let quad = [(1.0, 2.0), (9.0, 1.0), (8.0, 7.0), (2.0, 10.0)];
        let map = Projection::from_unit_square(quad).expect("a convex quadrilateral");
        let inverse = map.inverse().expect("no three corners in line");
        for (corner, target) in [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].into_iter().zip(quad) {
            assert_close(map.map(corner.0, corner.1), target);
            assert_close(inverse.map(target.0, target.1), corner);
        }
        assert!(Projection::from_unit_square([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]).is_none());
    }

    #[test]
    fn maps_follow_one_another_in_the_order_written() {
        let double = Projection::scale_then_shift(2.0, 2.0, 0.0, 0.0);
        let shift = Projection::scale_then_shift(1.0, 1.0, 3.0, 5.0);
        assert_close(double.then(&shift).map(1.0, 1.0), (5.0, 7.0));
        assert_close(shift.then(&double).map(1.0, 1.0), (8.0, 12.0));
        assert!(Projection::scale_then_shift(0.0, 1.0, 0.0, 0.0).inverse().is_none());
    }
}
