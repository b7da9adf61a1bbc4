//! The assignment against a literal reading of the paper, the gradient against differences of the loss.

use vision_types::{AnchorPoint, BBox};

use super::assignment::{Match, assign};
use super::terms::image_sums;
use super::{BOX_VALUES, BoxTarget, IOU_WEIGHT, YoloxLoss};

/// Uniform numbers in 0..1, from SplitMix64.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.next()
    }
}

const CLASSES: usize = 4;
const ROW: usize = BOX_VALUES + CLASSES;
const HEIGHT: usize = 96;
const WIDTH: usize = 128;

/// Raw outputs and objects of an image of 96×128 pixels; some of the points already answer near an object.
fn scene(seed: u64, objects: usize) -> (Vec<AnchorPoint>, Vec<f32>, Vec<BoxTarget>) {
    let mut uniform = Uniform(seed);
    let points = AnchorPoint::grid(HEIGHT, WIDTH, &[8, 16, 32]);
    let targets: Vec<BoxTarget> = (0..objects)
        .map(|_| {
            let (x, y) = (uniform.between(-10.0, WIDTH as f32), uniform.between(-10.0, HEIGHT as f32));
            let (width, height) = (uniform.between(3.0, 70.0), uniform.between(3.0, 70.0));
            BoxTarget { bbox: BBox::from_xywh(x, y, width, height), class: (uniform.next() * 4.0) as usize }
        })
        .collect();
    let mut raw = Vec::new();
    for (anchor, point) in points.iter().enumerate() {
        let near = (!targets.is_empty()).then(|| point.encode(targets[anchor % targets.len()].bbox));
        match near {
            Some(exact) if uniform.next() < 0.5 => {
                raw.extend(exact.iter().map(|value| value + uniform.between(-0.4, 0.4)));
            }
            _ => raw.extend([(); 4].map(|()| uniform.between(-0.5, 1.5))),
        }
        raw.extend([(); 1 + CLASSES].map(|()| uniform.between(-4.0, 3.0)));
    }
    (points, raw, targets)
}

fn sigmoid(x: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(x)).exp())
}

/// Ge et al. 2021, section 2.1, step by step with whole matrices, in double precision.
fn literal(points: &[AnchorPoint], raw: &[f32], targets: &[BoxTarget]) -> Vec<(usize, usize)> {
    let centre = |bbox: BBox| [f64::from(bbox.x1 + bbox.x2) / 2.0, f64::from(bbox.y1 + bbox.y2) / 2.0];
    let holds = |target: &BoxTarget, point: &AnchorPoint| {
        let [x, y] = point.centre();
        x > target.bbox.x1 && x < target.bbox.x2 && y > target.bbox.y1 && y < target.bbox.y2
    };
    let near = |target: &BoxTarget, point: &AnchorPoint| {
        let ([x, y], [cx, cy]) = (point.centre(), centre(target.bbox));
        let radius = 2.5 * f64::from(point.stride);
        (f64::from(x) - cx).abs() < radius && (f64::from(y) - cy).abs() < radius
    };
    let candidates: Vec<usize> = (0..points.len())
        .filter(|&anchor| targets.iter().any(|t| holds(t, &points[anchor]) || near(t, &points[anchor])))
        .collect();
    let row = |candidate: usize| &raw[candidates[candidate] * ROW..][..ROW];
    let iou = |target: &BoxTarget, candidate: usize| {
        let values = row(candidate);
        let found = points[candidates[candidate]].decode([values[0], values[1], values[2], values[3]]);
        f64::from(found.iou(target.bbox))
    };
    let cost = |target: &BoxTarget, candidate: usize| {
        let values = row(candidate);
        let class: f64 = (0..CLASSES)
            .map(|class| {
                let probability = (sigmoid(values[4]) * sigmoid(values[5 + class])).sqrt();
                if class == target.class { -probability.ln() } else { -(1.0 - probability).ln() }
            })
            .sum();
        let point = &points[candidates[candidate]];
        let outside = if holds(target, point) && near(target, point) { 0.0 } else { 1e5 };
        class - 3.0 * (iou(target, candidate) + 1e-8).ln() + outside
    };
    // Rows are objects, columns candidates.
    let mut matching = vec![vec![false; candidates.len()]; targets.len()];
    for (target, matching) in targets.iter().zip(&mut matching) {
        let mut overlaps: Vec<f64> = (0..candidates.len()).map(|candidate| iou(target, candidate)).collect();
        overlaps.sort_by(|a, b| b.total_cmp(a));
        let wanted = (overlaps.iter().take(10).sum::<f64>() as usize).max(1);
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by(|&a, &b| cost(target, a).total_cmp(&cost(target, b)));
        for &candidate in order.iter().take(wanted) {
            matching[candidate] = true;
        }
    }
    let mut found = Vec::new();
    for candidate in 0..candidates.len() {
        let wanting: Vec<usize> = (0..targets.len()).filter(|&target| matching[target][candidate]).collect();
        let cheapest = || {
            (0..targets.len()).min_by(|&a, &b| cost(&targets[a], candidate).total_cmp(&cost(&targets[b], candidate)))
        };
        match wanting[..] {
            [] => {}
            [target] => found.push((candidates[candidate], target)),
            _ => found.push((candidates[candidate], cheapest().expect("objects"))),
        }
    }
    found
}

#[test]
fn the_assignment_is_that_of_the_paper() {
    let mut assigned = 0;
    let mut several = 0;
    for seed in 0..60 {
        let objects = seed as usize % 12;
        let (points, raw, targets) = scene(seed, objects);
        let found: Vec<(usize, usize)> =
            assign(&raw, &points, &targets, CLASSES).iter().map(|found| (found.anchor, found.target)).collect();
        assert_eq!(found, literal(&points, &raw, &targets), "seed {seed}");
        assigned += found.len();
        several +=
            (0..objects).filter(|object| found.iter().filter(|(_, target)| target == object).count() > 1).count();
    }
    // The scenes have what is to be tested: objects with more than one point each.
    assert!(assigned > 500 && several > 100, "{assigned} {several}");
}

#[test]
fn without_a_point_in_reach_nothing_is_assigned() {
    let (points, raw, _) = scene(1, 0);
    let far = BoxTarget { bbox: BBox::from_xyxy(-500.0, -500.0, -400.0, -400.0), class: 0 };
    assert_eq!(assign(&raw, &points, &[], CLASSES), []);
    assert_eq!(assign(&raw, &points, &[far], CLASSES), []);
}

#[test]
fn an_object_takes_as_many_points_as_its_overlaps_sum_to() {
    // One object, all points answer exactly with its box: ten overlaps of 1 make ten points.
    let (points, mut raw, _) = scene(2, 0);
    let target = BoxTarget { bbox: BBox::from_xyxy(30.0, 20.0, 100.0, 80.0), class: 2 };
    for (row, point) in raw.chunks_exact_mut(ROW).zip(&points) {
        row[..4].copy_from_slice(&point.encode(target.bbox));
    }
    let found = assign(&raw, &points, &[target], CLASSES);
    // Roundings of decoded boxes may leave the sum just below ten.
    assert!((9..=10).contains(&found.len()), "{}", found.len());
    assert!(found.iter().all(|found| found.iou > 0.9999));
    // They all lie inside the box and near its centre (65, 50).
    for Match { anchor, .. } in found {
        let ([x, y], radius) = (points[anchor].centre(), 2.5 * points[anchor].stride);
        assert!((x - 65.0).abs() < radius && (y - 50.0).abs() < radius, "{x} {y}");
    }
}

/// The weighted sum of one image's terms.
fn weighted(loss: &YoloxLoss, points: &[AnchorPoint], raw: &[f32], targets: &[BoxTarget], matches: &[Match]) -> f64 {
    let sums = image_sums(loss, raw, points, targets, matches, None);
    IOU_WEIGHT * sums.iou + sums.objectness + sums.class + sums.l1
}

#[test]
fn the_gradient_is_that_of_central_differences() {
    const FACTOR: f64 = 0.125;
    // Central differences are off by step² / 6 times the third derivative, here 1e-7 times some hundreds.
    const STEP: f32 = 1.0 / 1024.0;
    const TOLERANCE: f64 = 1e-4;
    for (seed, l1) in [(3, false), (4, true), (5, true)] {
        let (points, raw, targets) = scene(seed, 6);
        let loss = YoloxLoss { classes: CLASSES, l1 };
        let matches = assign(&raw, &points, &targets, CLASSES);
        assert!(matches.len() > 6);
        let mut gradient = vec![0.0; raw.len()];
        image_sums(&loss, &raw, &points, &targets, &matches, Some((&mut gradient, FACTOR)));
        let mut varied = raw.clone();
        for (index, gradient) in gradient.iter().enumerate() {
            let mut at = |value: f32| {
                varied[index] = value;
                FACTOR * weighted(&loss, &points, &varied, &targets, &matches)
            };
            let (low, high) = (raw[index] - STEP, raw[index] + STEP);
            let expected = (at(high) - at(low)) / f64::from(high - low);
            varied[index] = raw[index];
            let error = (f64::from(*gradient) - expected).abs();
            assert!(error <= TOLERANCE * expected.abs().max(1.0), "seed {seed}, {index}: {gradient} {expected}");
        }
    }
}
