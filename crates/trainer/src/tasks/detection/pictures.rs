//! The pictures of a detection run.

use augment::AugmentKey;
use datasets::{DetectionSamples, Splits};
use image::RgbImage;
use pictures::draw;
use vision_types::{ClassNames, DetectedObject, Instance};

use super::{Detection, DetectionTask, ImageOutcome};
use crate::report::{Gallery, GalleryItem};
use crate::tasks::definition::{SplitEvaluation, TaskDefinition};
use crate::tasks::pictures::{
    Answers, TrainingPicture, WIDE_ITEMS, WIDE_SIDE, answer_galleries, fitted, short_name, side_by_side,
};

/// Detections below this confidence are not shown; what `predict` shows unless told otherwise.
const SHOWN_CONFIDENCE: f32 = 0.3;
/// Overlap at which a detection counts as right.
const RIGHT_IOU: f32 = 0.5;

pub(super) fn training_picture(
    task: &DetectionTask,
    samples: &DetectionSamples,
    index: usize,
    key: AugmentKey,
) -> Option<TrainingPicture> {
    let (image, instances) = task.augmented(&**samples, index, key, task.input().image_size()).ok()?;
    let source = samples.source(index);
    Some(TrainingPicture {
        image: annotated(&image, &instances, task.classes(), Detection::PICTURES.cell),
        caption: short_name(&source).to_owned(),
        label: None,
        source,
    })
}

/// How an image was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    right: usize,
    missed: usize,
    wrong: usize,
}

impl Tally {
    /// Matches the shown detections, the most confident first, with the objects of their class; crowds are neither
    /// missed nor does it count against a detection to lie in one.
    fn of(outcome: &ImageOutcome) -> Self {
        let mut free: Vec<&Instance> = outcome.instances.iter().filter(|instance| !instance.crowd).collect();
        let (mut right, mut wrong) = (0, 0);
        for detection in shown(&outcome.found) {
            let overlap = |instance: &Instance| match instance.class == detection.class {
                true => instance.bbox.iou(detection.bbox),
                false => 0.0,
            };
            let best = (0..free.len()).max_by(|&a, &b| overlap(free[a]).total_cmp(&overlap(free[b])));
            match best.filter(|&best| overlap(free[best]) >= RIGHT_IOU) {
                Some(best) => {
                    free.swap_remove(best);
                    right += 1;
                }
                None => {
                    let inside = |crowd: &Instance| {
                        crowd.crowd
                            && crowd.class == detection.class
                            && crowd.bbox.intersection(detection.bbox) >= RIGHT_IOU * detection.bbox.area()
                    };
                    wrong += usize::from(!outcome.instances.iter().any(inside));
                }
            }
        }
        Self { right, missed: free.len(), wrong }
    }

    /// F1, 1 where there was nothing to find and nothing was found.
    fn score(self) -> f64 {
        let Self { right, missed, wrong } = self;
        let all = 2 * right + missed + wrong;
        if all == 0 { 1.0 } else { 2.0 * right as f64 / all as f64 }
    }

    fn describe(self) -> String {
        let Self { right, missed, wrong } = self;
        format!("{right} right, {missed} missed, {wrong} wrong")
    }
}

fn shown(found: &[DetectedObject]) -> impl Iterator<Item = &DetectedObject> {
    found.iter().filter(|detection| detection.score >= SHOWN_CONFIDENCE)
}

/// The worst and the best answers of an evaluation.
pub(super) fn galleries(
    classes: &ClassNames,
    splits: &Splits<Vec<Instance>>,
    judged: &SplitEvaluation<Detection>,
) -> Vec<Gallery> {
    let Ok(samples) = splits.get(judged.split) else { return Vec::new() };
    let mut tallies: Vec<(Tally, &ImageOutcome)> =
        judged.outcomes.iter().map(|outcome| (Tally::of(outcome), outcome)).collect();
    // Among images of equal score, those with more objects say more.
    tallies.sort_by(|(a, _), (b, _)| {
        a.score()
            .total_cmp(&b.score())
            .then((b.missed + b.wrong).cmp(&(a.missed + a.wrong)))
            .then(a.right.cmp(&b.right))
    });
    let worst: Vec<_> = tallies.iter().filter(|(tally, _)| tally.missed + tally.wrong > 0).take(WIDE_ITEMS).collect();
    let best: Vec<_> = tallies.iter().rev().filter(|(tally, _)| tally.right > 0).take(WIDE_ITEMS).collect();
    let note = format!(
        "left what is annotated, right what was found with a confidence of {SHOWN_CONFIDENCE} and above; right or wrong \
         at an IoU of {RIGHT_IOU}"
    );
    let answers = [("Worst", worst), ("Best", best)].map(|(title, shown)| Answers {
        title: format!("{title} {} images", judged.split),
        note: note.clone(),
        shown: shown.into_iter().map(|answer| (answer.1.index, answer)).collect(),
    });
    answer_galleries(samples, true, answers, |sample, (tally, outcome)| GalleryItem {
        image: side_by_side(&[
            annotated(&sample.image, &outcome.instances, classes, WIDE_SIDE),
            found(&sample.image, &outcome.found, classes),
        ]),
        true_label: Some(tally.describe()),
        ..GalleryItem::default()
    })
}

/// `image`, its longer side `side` pixels, with what is annotated.
fn annotated(image: &RgbImage, instances: &[Instance], classes: &ClassNames, side: u32) -> RgbImage {
    let (mut picture, place) = fitted(image, side);
    let boxes: Vec<Instance> = instances
        .iter()
        .map(|instance| Instance {
            crowd: instance.crowd,
            ..Instance::from_box(place.forward(instance.bbox), instance.class)
        })
        .collect();
    draw::instances(&mut picture, &boxes, classes);
    picture
}

/// `image` for a gallery, with what was found.
fn found(image: &RgbImage, found: &[DetectedObject], classes: &ClassNames) -> RgbImage {
    let (mut picture, place) = fitted(image, WIDE_SIDE);
    let objects: Vec<DetectedObject> = shown(found).map(|object| place.forward_object(object.clone())).collect();
    draw::predictions(&mut picture, &objects, classes);
    picture
}

#[cfg(test)]
mod tests {
    use vision_types::BBox;

    use super::*;

    #[test]
    fn detections_are_matched_with_objects_of_their_class() {
        let at = |x: f32| BBox::from_xyxy(x, 0.0, x + 10.0, 10.0);
        let found = |x, class, score| DetectedObject::new(at(x), class, score);
        let crowd = Instance { crowd: true, ..Instance::from_box(BBox::from_xyxy(200.0, 0.0, 260.0, 10.0), 0) };
        let outcome = ImageOutcome {
            index: 0,
            instances: vec![Instance::from_box(at(0.0), 0), Instance::from_box(at(50.0), 1), crowd],
            found: vec![
                found(1.0, 0, 0.9),   // right: IoU 9 / 11
                found(0.0, 0, 0.8),   // wrong: the object is taken
                found(50.0, 0, 0.7),  // wrong: another class, so that the object is missed
                found(210.0, 0, 0.6), // inside the crowd
                found(50.0, 1, 0.1),  // not shown
            ],
        };
        let tally = Tally::of(&outcome);
        assert_eq!(tally, Tally { right: 1, missed: 1, wrong: 2 });
        // 2 · 1 / (2 · 1 + 1 + 2)
        assert!((tally.score() - 0.4).abs() < 1e-12);
    }
}
