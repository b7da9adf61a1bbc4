//! The parts of the loss in one image, and their gradient.

use vision_types::{AnchorPoint, BBox};

use super::assignment::Match;
use super::{BOX_VALUES, BoxTarget, IOU_WEIGHT, YoloxLoss};

/// What is added to a union of areas, as the reference does.
const UNION_EPSILON: f64 = 1e-16;
/// What is added to a side in strides before its logarithm is taken, as the reference does.
const SIDE_EPSILON: f64 = 1e-8;
/// `exp` of this many strides is far from overflow when squared.
const LARGEST_EXPONENT: f64 = 80.0;

/// Sums over anchor points, before weighting.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) iou: f64,
    pub(super) objectness: f64,
    pub(super) class: f64,
    pub(super) l1: f64,
}

impl Sums {
    pub(super) fn plus(self, other: &Self) -> Self {
        Self {
            iou: self.iou + other.iou,
            objectness: self.objectness + other.objectness,
            class: self.class + other.class,
            l1: self.l1 + other.l1,
        }
    }
}

/// The sums over one image's anchor points. The gradient of their weighted sum, times the factor given, goes to the
/// slice given, which holds zeros and is `[anchors, 5 + classes]` as `raw` is.
pub(super) fn image_sums(
    loss: &YoloxLoss,
    raw: &[f32],
    points: &[AnchorPoint],
    targets: &[BoxTarget],
    matches: &[Match],
    gradient: Option<(&mut [f32], f64)>,
) -> Sums {
    let row = BOX_VALUES + loss.classes;
    let mut none = [];
    let (gradient, factor) = gradient.unwrap_or((&mut none, 0.0));
    let wanted = !gradient.is_empty();
    let mut sums = Sums::default();
    let mut matches = matches.iter().peekable();
    for (anchor, (values, point)) in raw.chunks_exact(row).zip(points).enumerate() {
        let found = matches.next_if(|found| found.anchor == anchor);
        let (value, slope) = binary_cross_entropy(values[4], if found.is_some() { 1.0 } else { 0.0 });
        sums.objectness += value;
        if wanted {
            gradient[anchor * row + 4] = (slope * factor) as f32;
        }
        let Some(&Match { target, iou, .. }) = found else { continue };
        let BoxTarget { bbox, class } = targets[target];
        let raw_box = [values[0], values[1], values[2], values[3]].map(f64::from);
        let (value, mut slopes) = squared_iou_loss(raw_box, *point, bbox);
        sums.iou += value;
        slopes = slopes.map(|slope| IOU_WEIGHT * slope);
        if loss.l1 {
            for ((slope, found), wanted) in slopes.iter_mut().zip(raw_box).zip(raw_target(*point, bbox)) {
                let error = found - wanted;
                sums.l1 += error.abs();
                *slope += if error == 0.0 { 0.0 } else { error.signum() };
            }
        }
        if wanted {
            for (gradient, slope) in gradient[anchor * row..].iter_mut().zip(slopes) {
                *gradient = (slope * factor) as f32;
            }
        }
        for (index, &logit) in values[BOX_VALUES..].iter().enumerate() {
            let (value, slope) = binary_cross_entropy(logit, if index == class { f64::from(iou) } else { 0.0 });
            sums.class += value;
            if wanted {
                gradient[anchor * row + BOX_VALUES + index] = (slope * factor) as f32;
            }
        }
    }
    sums
}

/// `-t · ln σ(x) - (1 - t) · ln (1 - σ(x))` and its derivative by `x`, `σ(x) - t`.
fn binary_cross_entropy(logit: f32, target: f64) -> (f64, f64) {
    let x = f64::from(logit);
    // e is at most 1: nothing overflows.
    let e = (-x.abs()).exp();
    let sigmoid = if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
    (x.max(0.0) - target * x + e.ln_1p(), sigmoid - target)
}

/// `1 - IoU²` of the box that raw outputs stand for, and its derivatives by them. What is not a number stays one: the
/// least and greatest of two numbers, used below, would leave it out.
fn squared_iou_loss([x, y, w, h]: [f64; 4], point: AnchorPoint, target: BBox) -> (f64, [f64; 4]) {
    if [x, y, w, h].iter().any(|value| value.is_nan()) {
        return (f64::NAN, [f64::NAN; 4]);
    }
    let stride = f64::from(point.stride);
    let side = |exponent: f64| exponent.min(LARGEST_EXPONENT).exp() * stride;
    let (width, height) = (side(w), side(h));
    let centre = [(x + f64::from(point.x)) * stride, (y + f64::from(point.y)) * stride];
    let horizontal = Overlap::new(centre[0], width, f64::from(target.x1), f64::from(target.x2));
    let vertical = Overlap::new(centre[1], height, f64::from(target.y1), f64::from(target.y2));
    if horizontal.length <= 0.0 || vertical.length <= 0.0 {
        return (1.0, [0.0; 4]);
    }
    let area = width * height;
    let target_area = f64::from(target.x2 - target.x1) * f64::from(target.y2 - target.y1);
    let intersection = horizontal.length * vertical.length;
    let union = area + target_area - intersection + UNION_EPSILON;
    let iou = intersection / union;
    // d IoU = (d intersection · (union + intersection) - intersection · d area) / union².
    let by_intersection = (union + intersection) / (union * union);
    let by_area = -intersection / (union * union);
    let outer = -2.0 * iou;
    let slopes = [
        by_intersection * horizontal.by_centre * vertical.length * stride,
        by_intersection * vertical.by_centre * horizontal.length * stride,
        by_intersection * horizontal.by_side * vertical.length * width + by_area * area,
        by_intersection * vertical.by_side * horizontal.length * height + by_area * area,
    ];
    (1.0 - iou * iou, slopes.map(|slope| outer * slope))
}

/// What two intervals share, and its derivatives by the first one's centre and length.
struct Overlap {
    length: f64,
    by_centre: f64,
    by_side: f64,
}

impl Overlap {
    fn new(centre: f64, side: f64, target_low: f64, target_high: f64) -> Self {
        let (low, high) = (centre - side / 2.0, centre + side / 2.0);
        let length = high.min(target_high) - low.max(target_low);
        let by_high = if high < target_high { 1.0 } else { 0.0 };
        let by_low = if low > target_low { -1.0 } else { 0.0 };
        Self { length, by_centre: by_high + by_low, by_side: (by_high - by_low) / 2.0 }
    }
}

/// The raw outputs that stand for `bbox`, as the reference has them.
fn raw_target(point: AnchorPoint, bbox: BBox) -> [f64; 4] {
    let [x1, y1, x2, y2] = [bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(f64::from);
    let stride = f64::from(point.stride);
    let side = |length: f64| (length / stride + SIDE_EPSILON).ln();
    [
        (x1 + x2) / 2.0 / stride - f64::from(point.x),
        (y1 + y2) / 2.0 / stride - f64::from(point.y),
        side(x2 - x1),
        side(y2 - y1),
    ]
}
