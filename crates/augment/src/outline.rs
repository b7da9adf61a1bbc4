//! Outlines moved by a projective map and cut off at the edges of an image.

use vision_types::BBox;

use crate::{ImageSize, Projection};

/// Area inside a closed outline in square pixels, by the shoelace formula; parts that turn the other way round
/// subtract.
pub(crate) fn area(points: &[[f64; 2]]) -> f64 {
    let next = points.iter().cycle().skip(1);
    let doubled: f64 = points.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
    doubled.abs() / 2.0
}

/// The outline after `map`.
pub(crate) fn moved(points: &[[f64; 2]], map: &Projection) -> Vec<[f64; 2]> {
    points.iter().map(|&[x, y]| <[f64; 2]>::from(map.map(x, y))).collect()
}

/// The part of the outline within an image of `size` (I. Sutherland, G. Hodgman, "Reentrant Polygon Clipping", 1974).
///
/// Where an outline leaves the image and returns, the parts stay joined along the edge, which adds no area.
pub(crate) fn clipped(points: Vec<[f64; 2]>, size: ImageSize) -> Vec<[f64; 2]> {
    let limits = [f64::from(size.width), f64::from(size.height)];
    if points.iter().all(|point| (0..2).all(|axis| (0.0..=limits[axis]).contains(&point[axis]))) {
        return points;
    }
    let mut points = points;
    for (axis, limit) in limits.into_iter().enumerate() {
        points = cut(&points, axis, 0.0, |coordinate| coordinate >= 0.0);
        points = cut(&points, axis, limit, |coordinate| coordinate <= limit);
    }
    points
}

/// The part of the outline on the inner side of the line where coordinate `axis` is `limit`.
fn cut(points: &[[f64; 2]], axis: usize, limit: f64, is_inside: impl Fn(f64) -> bool) -> Vec<[f64; 2]> {
    let mut kept = Vec::with_capacity(points.len() + 4);
    for (index, &point) in points.iter().enumerate() {
        let previous = points[(index + points.len() - 1) % points.len()];
        if is_inside(point[axis]) != is_inside(previous[axis]) {
            let share = (limit - previous[axis]) / (point[axis] - previous[axis]);
            let other = 1 - axis;
            let mut crossing = [limit; 2];
            crossing[other] = previous[other] + share * (point[other] - previous[other]);
            kept.push(crossing);
        }
        if is_inside(point[axis]) {
            kept.push(point);
        }
    }
    kept
}

/// The smallest box around all outlines; `None` where there is no point.
pub(crate) fn bounds(outlines: &[Vec<[f64; 2]>]) -> Option<BBox> {
    let points = || outlines.iter().flatten();
    points().next()?;
    let lowest = |axis: usize| points().map(|point| point[axis]).fold(f64::INFINITY, f64::min) as f32;
    let highest = |axis: usize| points().map(|point| point[axis]).fold(f64::NEG_INFINITY, f64::max) as f32;
    Some(BBox::from_xyxy(lowest(0), lowest(1), highest(0), highest(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triangle_is_cut_at_the_edges() {
        let triangle = vec![[-2.0, 0.0], [4.0, 0.0], [-2.0, 6.0]];
        assert_eq!(area(&triangle), 18.0);
        let part = clipped(triangle, ImageSize::new(10, 10));
        // The part right of x = 0 is the triangle (0, 0), (4, 0), (0, 4).
        assert_eq!(area(&part), 8.0);
        assert_eq!(bounds(&[part]), Some(BBox::from_xyxy(0.0, 0.0, 4.0, 4.0)));
    }

    #[test]
    fn an_outline_in_two_parts_has_the_area_of_both() {
        // A U of arms 2 × 4 and a floor 6 × 2, whose floor lies below the image.
        let shape =
            vec![[0.0, 0.0], [2.0, 0.0], [2.0, 4.0], [4.0, 4.0], [4.0, 0.0], [6.0, 0.0], [6.0, 6.0], [0.0, 6.0]];
        assert_eq!(area(&shape), 28.0);
        assert_eq!(area(&clipped(shape, ImageSize::new(9, 4))), 16.0);
    }

    #[test]
    fn nothing_is_left_of_an_outline_outside() {
        assert!(clipped(vec![[20.0, 1.0], [30.0, 1.0], [30.0, 5.0]], ImageSize::new(10, 10)).is_empty());
        assert!(clipped(Vec::new(), ImageSize::new(10, 10)).is_empty());
        assert_eq!(bounds(&[]), None);
        assert_eq!(area(&[]), 0.0);
    }
}
