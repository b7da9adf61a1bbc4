//! The pictures of a detection run.

use augment::{AugmentKey, Filter, ImageSize, Letterbox, Rectangle};
use datasets::{DetectionSamples, Splits};
use image::{Rgb, RgbImage, imageops};
use pictures::draw;
use vision_types::{ClassNames, Detection, Instance};

use super::{Detection as DetectionKind, DetectionTask, ImageOutcome};
use crate::config::RunConfig;
use crate::recognition::SplitEvaluation;
use crate::report::{Gallery, GalleryItem};
use crate::sampler::{Sampling, order};
use crate::tasks::short_name;

/// Pictures of a contact sheet and of the training gallery.
const TRAINING_ITEMS: usize = 12;
/// Columns of a contact sheet.
const SHEET_COLUMNS: usize = 4;
/// Pixels of a contact sheet's cell.
const SHEET_CELL: u32 = 320;
/// Pictures of each gallery of predictions.
const PREDICTED_ITEMS: usize = 9;
/// Pixels of the longer side of a picture in a gallery of the report.
const PICTURE_SIDE: u32 = 300;
/// Pixels between what is annotated and what was predicted.
const GAP: u32 = 6;
/// Detections below this confidence are not shown; what `predict` shows unless told otherwise.
const SHOWN_CONFIDENCE: f32 = 0.3;
/// Overlap at which a detection counts as right.
const RIGHT_IOU: f32 = 0.5;

/// The first samples of the first epoch, as the network sees them: picture, objects, source.
fn training_batch(
    task: &DetectionTask,
    train: &DetectionSamples,
    config: &RunConfig<DetectionKind>,
) -> Vec<(RgbImage, String)> {
    let classes = vec![0; train.len()];
    let mut shown = Vec::new();
    for index in order(Sampling::Shuffled, config.seed, 0, &classes) {
        if shown.len() == TRAINING_ITEMS {
            break;
        }
        // A sample that cannot be read is told of where it matters, in training.
        let key = AugmentKey { seed: config.seed, epoch: 0, index: index as u64 };
        let Ok((image, instances)) = task.augmented(&**train, index, key, task.input_size()) else { continue };
        let picture = annotated(&image, &instances, task.classes(), SHEET_CELL);
        shown.push((picture, train.source(index)));
    }
    shown
}

/// A contact sheet of augmented training samples.
pub(super) fn training_sheet(
    task: &DetectionTask,
    splits: &Splits<Vec<Instance>>,
    config: &RunConfig<DetectionKind>,
) -> Option<RgbImage> {
    let samples = training_batch(task, &splits.train, config);
    let pictures: Vec<(&RgbImage, String)> =
        samples.iter().map(|(picture, source)| (picture, short_name(source).to_owned())).collect();
    (!pictures.is_empty()).then(|| pictures::captioned_sheet(&pictures, SHEET_COLUMNS, SHEET_CELL))
}

/// The galleries of the report.
pub(super) fn galleries(
    task: &DetectionTask,
    splits: &Splits<Vec<Instance>>,
    config: &RunConfig<DetectionKind>,
    judged: Option<&SplitEvaluation<DetectionKind>>,
) -> Vec<Gallery> {
    let mut galleries = Vec::new();
    if let Some(judged) = judged {
        galleries.extend(outcome_galleries(task.classes(), splits, judged));
    }
    let items = training_batch(task, &splits.train, config).into_iter().map(|(image, caption)| GalleryItem {
        image,
        caption,
        ..GalleryItem::default()
    });
    galleries.push(Gallery {
        title: "Training samples".to_owned(),
        note: "as the network sees them in the first epoch, augmented".to_owned(),
        wide: true,
        items: items.collect(),
    });
    galleries
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
        for detection in shown(&outcome.detections) {
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

fn shown(detections: &[Detection]) -> impl Iterator<Item = &Detection> {
    detections.iter().filter(|detection| detection.score >= SHOWN_CONFIDENCE)
}

/// The worst and the best answers of an evaluation.
fn outcome_galleries(
    classes: &ClassNames,
    splits: &Splits<Vec<Instance>>,
    judged: &SplitEvaluation<DetectionKind>,
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
    let worst = tallies.iter().filter(|(tally, _)| tally.missed + tally.wrong > 0).take(PREDICTED_ITEMS);
    let best = tallies.iter().rev().filter(|(tally, _)| tally.right > 0).take(PREDICTED_ITEMS);
    let legend = format!(
        "left what is annotated, right what was found with a confidence of {SHOWN_CONFIDENCE} and above; right or wrong \
         at an IoU of {RIGHT_IOU}"
    );
    [
        (format!("Worst {} images", judged.split), predicted_items(classes, samples, worst)),
        (format!("Best {} images", judged.split), predicted_items(classes, samples, best)),
    ]
    .into_iter()
    .filter(|(_, items)| !items.is_empty())
    .map(|(title, items)| Gallery { title, note: legend.clone(), wide: true, items })
    .collect()
}

fn predicted_items<'a>(
    classes: &ClassNames,
    samples: &DetectionSamples,
    outcomes: impl Iterator<Item = &'a (Tally, &'a ImageOutcome)>,
) -> Vec<GalleryItem> {
    outcomes
        .map(|(tally, outcome)| {
            // The sample was read a moment ago; if it is gone, an empty picture still tells the rest.
            let image = samples.get(outcome.index).map_or_else(|_| RgbImage::new(1, 1), |sample| sample.image);
            GalleryItem {
                image: side_by_side(&image, outcome, classes),
                caption: samples.source(outcome.index),
                true_label: Some(tally.describe()),
                ..GalleryItem::default()
            }
        })
        .collect()
}

/// What is annotated on the left, what was found on the right.
fn side_by_side(image: &RgbImage, outcome: &ImageOutcome, classes: &ClassNames) -> RgbImage {
    let left = annotated(image, &outcome.instances, classes, PICTURE_SIDE);
    let (mut right, place) = fitted(image, PICTURE_SIDE);
    let found: Vec<Detection> = shown(&outcome.detections)
        .map(|detection| Detection { bbox: place.forward(detection.bbox), ..*detection })
        .collect();
    draw::predictions(&mut right, &found, classes);
    let mut both = RgbImage::from_pixel(left.width() * 2 + GAP, left.height(), Rgb([255; 3]));
    imageops::replace(&mut both, &left, 0, 0);
    imageops::replace(&mut both, &right, i64::from(left.width() + GAP), 0);
    both
}

/// `image`, its longer side `side` pixels, with boxes around `instances`.
fn annotated(image: &RgbImage, instances: &[Instance], classes: &ClassNames, side: u32) -> RgbImage {
    let (mut picture, place) = fitted(image, side);
    let boxes: Vec<Instance> = instances
        .iter()
        .map(|instance| {
            let bbox = place.forward(instance.bbox);
            Instance { crowd: instance.crowd, ..Instance::from_box(bbox, instance.class) }
        })
        .collect();
    draw::instances(&mut picture, &boxes, classes);
    picture
}

/// `image` scaled so that its longer side has `side` pixels.
fn fitted(image: &RgbImage, side: u32) -> (RgbImage, Letterbox) {
    let size = ImageSize::of(image);
    let Rectangle { width, height, .. } = Letterbox::top_left(size, ImageSize::new(side, side)).place();
    let target = ImageSize::new(width, height);
    let place = Letterbox::placed(size, target, Rectangle::whole(target));
    (place.apply_image(image, Filter::Bilinear, 0), place)
}

#[cfg(test)]
mod tests {
    use vision_types::BBox;

    use super::*;

    #[test]
    fn detections_are_matched_with_objects_of_their_class() {
        let at = |x: f32| BBox::from_xyxy(x, 0.0, x + 10.0, 10.0);
        let found = |x, class, score| Detection { bbox: at(x), class, score };
        let crowd = Instance { crowd: true, ..Instance::from_box(BBox::from_xyxy(200.0, 0.0, 260.0, 10.0), 0) };
        let outcome = ImageOutcome {
            index: 0,
            instances: vec![Instance::from_box(at(0.0), 0), Instance::from_box(at(50.0), 1), crowd],
            detections: vec![
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
