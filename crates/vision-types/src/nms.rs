//! Non-maximum suppression: of several detections of one object, keep the most confident.
//!
//! All functions answer with the most confident detection first. Equal scores keep the order in which they came, and
//! detections whose score is not a number are dropped, so that the result depends on nothing but the input.

use std::cmp::Reverse;

use crate::{BBox, DetectedObject};

/// Width σ of [`soft_nms`]'s Gaussian in the paper (Bodla et al. 2017, section 6.1).
pub const SOFT_SIGMA: f32 = 0.5;

/// Greedy suppression among detections of the same class: one whose IoU with a kept one of its class is above
/// `iou_threshold` goes. At most `max_detections` stay.
///
/// The rule is torchvision's `batched_nms`.
pub fn class_wise(detections: Vec<DetectedObject>, iou_threshold: f32, max_detections: usize) -> Vec<DetectedObject> {
    greedy(detections, iou_threshold, max_detections, true)
}

/// Greedy suppression whatever the classes: one whose IoU with a kept one is above `iou_threshold` goes. At most
/// `max_detections` stay.
///
/// The rule is torchvision's `nms`.
pub fn class_agnostic(
    detections: Vec<DetectedObject>,
    iou_threshold: f32,
    max_detections: usize,
) -> Vec<DetectedObject> {
    greedy(detections, iou_threshold, max_detections, false)
}

/// Soft suppression among detections of the same class: each kept one multiplies the scores of the others by
/// `exp(-iou² / sigma)`. Those whose score falls below `score_threshold` go; at most `max_detections` stay.
///
/// Source: Bodla et al. 2017, "Soft-NMS", figure 2 and equation 3 (Gaussian).
///
/// # Panics
///
/// When `sigma` is not above 0.
pub fn soft_nms(
    detections: Vec<DetectedObject>,
    sigma: f32,
    score_threshold: f32,
    max_detections: usize,
) -> Vec<DetectedObject> {
    assert!(sigma > 0.0, "the Gaussian's width is above 0, found {sigma}");
    let mut rest = ranked(detections);
    rest.retain(|detection| detection.score >= score_threshold);
    let mut kept = Vec::new();
    while kept.len() < max_detections {
        // Scores move at every step, so the list is searched again; the first of equals wins.
        let Some(best) = (0..rest.len()).max_by(|&a, &b| rest[a].score.total_cmp(&rest[b].score).then(b.cmp(&a)))
        else {
            break;
        };
        let best = rest.remove(best);
        rest.retain_mut(|other| {
            if other.class == best.class {
                let iou = best.bbox.iou(other.bbox);
                other.score *= (-iou * iou / sigma).exp();
            }
            other.score >= score_threshold
        });
        kept.push(best);
    }
    kept
}

/// The most confident first, without those whose score is not a number.
fn ranked(mut detections: Vec<DetectedObject>) -> Vec<DetectedObject> {
    detections.retain(|detection| !detection.score.is_nan());
    detections.sort_by(|a, b| b.score.total_cmp(&a.score));
    detections
}

fn greedy(detections: Vec<DetectedObject>, threshold: f32, most: usize, by_class: bool) -> Vec<DetectedObject> {
    let mut candidates = Queue::new(&detections, most);
    // The kept boxes of each class side by side: a candidate is compared with those of its own class alone.
    let mut kept_boxes: Vec<Vec<Prepared>> = Vec::new();
    let mut kept = Vec::new();
    while kept.len() < most
        && let Some(index) = candidates.next()
    {
        let candidate = &detections[index];
        let class = if by_class { candidate.class } else { 0 };
        if kept_boxes.len() <= class {
            kept_boxes.resize_with(class + 1, Vec::new);
        }
        let prepared = Prepared { bbox: candidate.bbox, area: candidate.bbox.area() };
        if kept_boxes[class].iter().all(|other| !other.overlaps(&prepared, threshold)) {
            kept_boxes[class].push(prepared);
            kept.push(index);
        }
    }
    // Masks and key points are moved, not copied.
    let mut detections: Vec<Option<DetectedObject>> = detections.into_iter().map(Some).collect();
    kept.into_iter().filter_map(|index| detections[index].take()).collect()
}

/// A box with its area.
#[derive(Clone, Copy)]
struct Prepared {
    bbox: BBox,
    area: f32,
}

impl Prepared {
    /// Whether the IoU is above `threshold`, as [`BBox::iou`] has it.
    fn overlaps(&self, other: &Self, threshold: f32) -> bool {
        let intersection = self.bbox.intersection(other.bbox);
        let union = self.area + other.area - intersection;
        let iou = if union > 0.0 { intersection / union } else { 0.0 };
        iou > threshold
    }
}

/// Positions of detections by falling score, sorted piece by piece: of thousands of candidates mostly the first few hundred are ever
/// looked at.
struct Queue {
    /// Whole numbers that fall with the score and then rise with the position, and the detection's position.
    keys: Vec<(Reverse<u32>, u32)>,
    /// How many of `keys` are sorted and in place.
    sorted: usize,
    next: usize,
    piece: usize,
}

impl Queue {
    fn new(detections: &[DetectedObject], most: usize) -> Self {
        let scores = detections.iter().enumerate().filter(|(_, detection)| !detection.score.is_nan());
        let keys = scores.map(|(index, detection)| (Reverse(order(detection.score)), index as u32)).collect();
        Self { keys, sorted: 0, next: 0, piece: most.saturating_mul(4).clamp(64, 1 << 20) }
    }
}

/// A whole number in the order of `f32::total_cmp`.
fn order(score: f32) -> u32 {
    let bits = score.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

impl Iterator for Queue {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.next == self.keys.len() {
            return None;
        }
        if self.next == self.sorted {
            let rest = &mut self.keys[self.sorted..];
            let piece = self.piece.min(rest.len());
            if piece < rest.len() {
                rest.select_nth_unstable(piece - 1);
            }
            rest[..piece].sort_unstable();
            self.sorted += piece;
            self.piece = self.piece.saturating_mul(2);
        }
        let (_, index) = self.keys[self.next];
        self.next += 1;
        Some(index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(x: f32, class: usize, score: f32) -> DetectedObject {
        DetectedObject::new(BBox::from_xyxy(x, 0.0, x + 10.0, 10.0), class, score)
    }

    #[test]
    fn an_overlapping_detection_of_the_same_class_goes() {
        // Boxes 10 wide and 2 apart share 80 of 120: IoU 2/3. 5 apart: 50 of 150, IoU 1/3.
        let all = vec![detection(5.0, 0, 0.7), detection(0.0, 0, 0.9), detection(2.0, 0, 0.8), detection(2.0, 1, 0.6)];
        let scores = |kept: Vec<DetectedObject>| kept.iter().map(|detection| detection.score).collect::<Vec<_>>();
        assert_eq!(scores(class_wise(all.clone(), 0.5, 10)), [0.9, 0.7, 0.6]);
        assert_eq!(scores(class_agnostic(all.clone(), 0.5, 10)), [0.9, 0.7]);
        assert_eq!(scores(class_wise(all.clone(), 0.7, 2)), [0.9, 0.8]);
        assert_eq!(scores(class_wise(all, 0.5, 0)), [0f32; 0]);
    }

    #[test]
    fn an_iou_equal_to_the_threshold_is_kept_and_equal_scores_keep_their_order() {
        let all = vec![detection(5.0, 0, 0.5), detection(0.0, 0, 0.5)];
        assert_eq!(class_wise(all.clone(), 1.0 / 3.0, 10), all);
        assert_eq!(class_wise(all.clone(), 0.3, 10), all[..1]);
    }

    #[test]
    fn scores_that_are_not_numbers_are_dropped() {
        let all = vec![detection(0.0, 0, f32::NAN), detection(50.0, 0, 0.5)];
        assert_eq!(class_wise(all.clone(), 0.5, 10), all[1..]);
        assert_eq!(soft_nms(all.clone(), 0.5, 0.1, 10), all[1..]);
    }

    #[test]
    fn soft_suppression_lowers_scores_by_the_gaussian_of_the_overlap() {
        let all = vec![detection(2.0, 0, 0.8), detection(0.0, 0, 0.9), detection(2.0, 1, 0.6)];
        let kept = soft_nms(all.clone(), 0.5, 0.1, 10);
        // IoU 2/3: 0.8 · exp(-(4/9) / 0.5) = 0.8 · exp(-8/9).
        let expected = 0.8 * (-8.0f32 / 9.0).exp();
        assert_eq!(kept.len(), 3);
        assert_eq!((kept[0].score, kept[1].score), (0.9, 0.6));
        assert!((kept[2].score - expected).abs() < 1e-6);
        // The threshold falls between that and the score before.
        assert_eq!(soft_nms(all, 0.5, 0.4, 10).len(), 2);
    }

    /// The definition, without any of the above's shortcuts.
    fn slow(detections: &[DetectedObject], threshold: f32, most: usize, by_class: bool) -> Vec<DetectedObject> {
        let mut rest = ranked(detections.to_vec());
        let mut kept = Vec::new();
        while !rest.is_empty() && kept.len() < most {
            let best = rest.remove(0);
            rest.retain(|other| (by_class && other.class != best.class) || best.bbox.iou(other.bbox) <= threshold);
            kept.push(best);
        }
        kept
    }

    #[test]
    fn many_detections_equal_the_definition() {
        // A linear congruential generator (Numerical Recipes) for boxes, classes and coarse, often equal scores.
        let mut state = 7u32;
        let mut draw = |range: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % range
        };
        let all: Vec<DetectedObject> = (0..3000)
            .map(|_| {
                let corner = (draw(600) as f32, draw(600) as f32);
                let size = (4 + draw(120), 4 + draw(120));
                let bbox = BBox::from_xywh(corner.0, corner.1, size.0 as f32, size.1 as f32);
                DetectedObject::new(bbox, draw(5) as usize, draw(500) as f32 / 500.0)
            })
            .collect();
        for (threshold, most) in [(0.3, 20), (0.65, 100), (0.5, 3000)] {
            assert_eq!(class_wise(all.clone(), threshold, most), slow(&all, threshold, most, true));
            assert_eq!(class_agnostic(all.clone(), threshold, most), slow(&all, threshold, most, false));
        }
    }
}
