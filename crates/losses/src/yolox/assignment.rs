//! SimOTA: which anchor points learn which object.
//!
//! Paper: Ge et al. 2021, section 2.1 "SimOTA", after Ge et al. 2021, "OTA: optimal transport assignment". Each object
//! takes the anchor points that cost least, as many as the sum of its ten largest overlaps says.

use tensor_backend::elementary::sigmoid;
use vision_types::{AnchorPoint, BBox};

use super::{BOX_VALUES, BoxTarget};

/// Anchor points nearer than this to an object's centre, in strides along each axis, are preferred.
const CENTRE_RADIUS: f32 = 2.5;
/// How many overlaps decide how many anchor points an object gets.
const OVERLAPS: usize = 10;
/// What the overlap counts in the cost, beside the classes' 1.
const IOU_COST: f32 = 3.0;
/// The cost of not being both inside the object's box and near its centre. Added in double precision: single has less
/// than three decimals left at this size.
const OUTSIDE_COST: f64 = 100_000.0;
/// Keeps the logarithm of an overlap finite.
const IOU_EPSILON: f32 = 1e-8;
/// PyTorch's bound of the logarithms in a binary cross-entropy.
const LOG_BOUND: f32 = 100.0;
/// `exp` of this many strides is far from overflow when squared.
const LARGEST_EXPONENT: f32 = 20.0;

/// An anchor point that learns an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Match {
    /// Number of the anchor point.
    pub(super) anchor: usize,
    /// Number of the object.
    pub(super) target: usize,
    /// Overlap of the point's present box with the object's.
    pub(super) iou: f32,
}

/// What is known about an object before any output is looked at.
struct Place {
    bbox: BBox,
    centre: [f32; 2],
}

impl Place {
    fn new(bbox: BBox) -> Self {
        let [x, y, ..] = bbox.to_cxcywh();
        Self { bbox, centre: [x, y] }
    }

    fn holds(&self, [x, y]: [f32; 2]) -> bool {
        let BBox { x1, y1, x2, y2 } = self.bbox;
        x > x1 && x < x2 && y > y1 && y < y2
    }

    fn is_near(&self, [x, y]: [f32; 2], stride: f32) -> bool {
        let radius = CENTRE_RADIUS * stride;
        (x - self.centre[0]).abs() < radius && (y - self.centre[1]).abs() < radius
    }
}

/// The anchor points that learn an object, in their order; each learns one.
///
/// `raw` is `[anchors, 5 + classes]`, row by row.
pub(super) fn assign(raw: &[f32], points: &[AnchorPoint], targets: &[BoxTarget], classes: usize) -> Vec<Match> {
    let places: Vec<Place> = targets.iter().map(|target| Place::new(target.bbox)).collect();
    let candidates: Vec<usize> = (0..points.len())
        .filter(|&anchor| {
            let (centre, stride) = (points[anchor].centre(), points[anchor].stride);
            places.iter().any(|place| place.holds(centre) || place.is_near(centre, stride))
        })
        .collect();
    if candidates.is_empty() {
        return Vec::new();
    }
    let row = BOX_VALUES + classes;
    let boxes: Vec<BBox> = candidates.iter().map(|&anchor| present_box(points[anchor], &raw[anchor * row..])).collect();
    let class_costs = ClassCosts::new(raw, &candidates, classes);

    // Row by object, column by candidate.
    let count = candidates.len();
    let mut ious = vec![0.0; targets.len() * count];
    let mut costs = vec![0.0; targets.len() * count];
    // Of each candidate the objects that want it.
    let mut wanted: Vec<Wanted> = vec![Wanted::Nowhere; count];
    for (index, (place, target)) in places.iter().zip(targets).enumerate() {
        let (ious, costs) = (&mut ious[index * count..][..count], &mut costs[index * count..][..count]);
        for candidate in 0..count {
            let point = points[candidates[candidate]];
            let iou = place.bbox.iou(boxes[candidate]);
            let inside = place.holds(point.centre()) && place.is_near(point.centre(), point.stride);
            ious[candidate] = iou;
            let cost = class_costs.of(candidate, target.class) - IOU_COST * (iou + IOU_EPSILON).ln();
            costs[candidate] = f64::from(cost) + if inside { 0.0 } else { OUTSIDE_COST };
        }
        for candidate in cheapest(costs, wanted_points(ious)) {
            wanted[candidate] = match wanted[candidate] {
                Wanted::Nowhere => Wanted::By(index),
                Wanted::By(_) | Wanted::Disputed => Wanted::Disputed,
            };
        }
    }
    let matched = |(candidate, wanted): (usize, &Wanted)| {
        let target = match wanted {
            Wanted::Nowhere => return None,
            Wanted::By(target) => *target,
            // Whichever object costs least, wanting it or not.
            Wanted::Disputed => (0..targets.len())
                .min_by(|&a, &b| costs[a * count + candidate].total_cmp(&costs[b * count + candidate]))?,
        };
        Some(Match { anchor: candidates[candidate], target, iou: ious[target * count + candidate] })
    };
    wanted.iter().enumerate().filter_map(matched).collect()
}

#[derive(Debug, Clone, Copy)]
enum Wanted {
    Nowhere,
    By(usize),
    Disputed,
}

/// The box that an anchor point answers with; a very long side is cut, which changes no overlap that counts.
fn present_box(point: AnchorPoint, raw: &[f32]) -> BBox {
    let exponent = |value: f32| value.min(LARGEST_EXPONENT);
    point.decode([raw[0], raw[1], exponent(raw[2]), exponent(raw[3])])
}

/// How many anchor points an object gets: the sum of its largest overlaps, rounded down, at least one.
fn wanted_points(ious: &[f32]) -> usize {
    let mut largest = [0.0; OVERLAPS];
    for &iou in ious {
        if iou > largest[OVERLAPS - 1] {
            let place = largest.partition_point(|other| *other >= iou);
            largest.copy_within(place..OVERLAPS - 1, place + 1);
            largest[place] = iou;
        }
    }
    (largest.iter().sum::<f32>() as usize).clamp(1, ious.len())
}

/// The numbers of the `count` least of `costs`, the first of equals.
fn cheapest(costs: &[f64], count: usize) -> impl Iterator<Item = usize> {
    let mut least: Vec<(f64, usize)> = Vec::with_capacity(count + 1);
    for (index, &cost) in costs.iter().enumerate() {
        if least.len() < count || least.last().is_some_and(|last| cost.total_cmp(&last.0).is_lt()) {
            let place = least.partition_point(|other| other.0.total_cmp(&cost).is_le());
            least.insert(place, (cost, index));
            least.truncate(count);
        }
    }
    least.into_iter().map(|(_, index)| index)
}

/// The cost of a class: the binary cross-entropies of `√(objectness · class probability)` with the object's class, summed
/// over the classes.
struct ClassCosts {
    classes: usize,
    /// Of each candidate, the sum if it were of no class.
    of_none: Vec<f32>,
    /// `[candidates, classes]`: what an object's own class adds to that.
    own: Vec<f32>,
}

/// Factors, each at least `exp(-100)`, whose product a double-precision number can hold.
const FACTORS: usize = 6;

impl ClassCosts {
    fn new(raw: &[f32], candidates: &[usize], classes: usize) -> Self {
        let row = BOX_VALUES + classes;
        let objectness = candidates.iter().map(|&anchor| sigmoid(raw[anchor * row + BOX_VALUES - 1]));
        let mut own: Vec<f32> = Vec::with_capacity(candidates.len() * classes);
        for &anchor in candidates {
            own.extend(raw[anchor * row + BOX_VALUES..][..classes].iter().map(|&logit| sigmoid(logit)));
        }
        let least = f64::from(-LOG_BOUND).exp();
        let of_none = objectness.zip(own.chunks_exact_mut(classes)).map(|(objectness, probabilities)| {
            let mut sum = 0.0;
            for probabilities in probabilities.chunks_mut(FACTORS) {
                let mut product = 1.0;
                for probability in probabilities {
                    *probability = (objectness * *probability).sqrt();
                    product *= f64::from(1.0 - *probability).max(least);
                }
                sum -= product.ln();
            }
            sum as f32
        });
        let of_none = of_none.collect();
        Self { classes, of_none, own }
    }

    fn of(&self, candidate: usize, class: usize) -> f32 {
        let probability = self.own[candidate * self.classes + class];
        let bounded = |probability: f32| -probability.ln().max(-LOG_BOUND);
        self.of_none[candidate] - bounded(1.0 - probability) + bounded(probability)
    }
}
