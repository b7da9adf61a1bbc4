//! Raw outputs as detections.

use vision_types::{AnchorPoint, DetectedObject};

use super::BOX_VALUES;

/// Detections in one image, before any suppression, in the order of the anchors and classes, in pixels of the input.
///
/// A detection's score is the product of objectness and class probability. With `multi_label` an anchor point may
/// answer with several classes, otherwise with its best only. Scores below `score_threshold`, and boxes that are not
/// finite, are left out.
///
/// Source: Megvii's YOLOX, `yolox/models/yolo_head.py`, `decode_outputs`, and `yolox/utils/boxes.py`, `postprocess`.
///
/// # Shapes
///
/// - `values`: `[anchors, 5 + classes]`, one image of [`YoloxOutput::raw`](super::YoloxOutput::raw), row by row
///
/// # Panics
///
/// When `values` has another length.
pub fn decode_yolox(
    values: &[f32],
    points: &[AnchorPoint],
    classes: usize,
    score_threshold: f32,
    multi_label: bool,
) -> Vec<DetectedObject> {
    let row = BOX_VALUES + classes;
    let expected = points.len() * row;
    assert_eq!(values.len(), expected, "{} anchors of {classes} classes have {expected} values", points.len());
    let mut detections = Vec::new();
    for (values, point) in values.chunks_exact(row).zip(points) {
        let &[x, y, w, h, objectness, ref logits @ ..] = values else { unreachable!("a row has five values and more") };
        let objectness = sigmoid(objectness);
        // No class makes more of it.
        if objectness < score_threshold || objectness.is_nan() {
            continue;
        }
        let mut bbox = None;
        let mut detect = |class: usize, logit: f32| {
            let score = objectness * sigmoid(logit);
            if score >= score_threshold {
                let bbox = *bbox.get_or_insert_with(|| point.decode([x, y, w, h]));
                if [bbox.x1, bbox.y1, bbox.x2, bbox.y2].iter().all(|corner| corner.is_finite()) {
                    detections.push(DetectedObject::new(bbox, class, score));
                }
            }
        };
        if multi_label {
            for (class, logit) in logits.iter().enumerate() {
                detect(class, *logit);
            }
        } else if let Some((class, logit)) = best(logits) {
            detect(class, logit);
        }
    }
    detections
}

/// The class with the largest logit, the first of equals.
fn best(logits: &[f32]) -> Option<(usize, f32)> {
    logits.iter().copied().enumerate().reduce(|best, found| if found.1 > best.1 { found } else { best })
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [AnchorPoint; 2] =
        [AnchorPoint { x: 2.0, y: 1.0, stride: 8.0 }, AnchorPoint { x: 0.0, y: 0.0, stride: 16.0 }];

    /// Logit of 0.8: ln (0.8 / 0.2).
    const LIKELY: f32 = 1.386_294_4;

    #[test]
    fn a_score_is_objectness_times_class() {
        // Objectness 0.8 and classes 0.5, 0.8 at the first anchor; objectness 0.5 and classes 0.2, 0.5 at the second.
        let values = [0.5, 0.5, 0.0, 0.0, LIKELY, 0.0, LIKELY, 0.0, 0.0, 0.0, 0.0, 0.0, -LIKELY, 0.0];
        let scores = |threshold, multi_label| -> Vec<(usize, f32)> {
            let found = decode_yolox(&values, &POINTS, 2, threshold, multi_label);
            found.iter().map(|detection| (detection.class, (detection.score * 1e4).round() / 1e4)).collect()
        };
        assert_eq!(scores(0.0, true), [(0, 0.4), (1, 0.64), (0, 0.1), (1, 0.25)]);
        assert_eq!(scores(0.0, false), [(1, 0.64), (1, 0.25)]);
        assert_eq!(scores(0.3, true), [(0, 0.4), (1, 0.64)]);
        // Centre (2.5, 1.5) · 8 = (20, 12), sides 8.
        let bbox = decode_yolox(&values, &POINTS, 2, 0.5, false)[0].bbox;
        assert_eq!([bbox.x1, bbox.y1, bbox.x2, bbox.y2], [16.0, 8.0, 24.0, 16.0]);
    }

    #[test]
    fn what_is_not_finite_is_no_detection() {
        let mut values = [0.0; 14];
        (values[2], values[11]) = (1e4, f32::NAN);
        assert_eq!(decode_yolox(&values, &POINTS, 2, 0.0, true), []);
        assert_eq!(decode_yolox(&[f32::NAN; 14], &POINTS, 2, 0.0, true), []);
    }
}
