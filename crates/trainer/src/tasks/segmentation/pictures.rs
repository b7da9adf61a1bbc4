//! The pictures of a segmentation run.

use augment::{AugmentKey, Filter, GeometricMap, ImageSize, Letterbox, Rectangle};
use datasets::{SegmentationSamples, Splits};
use image::{Rgb, RgbImage, imageops};
use pictures::draw;
use vision_types::{ClassNames, Mask};

use super::{MaskOutcome, Segmentation, SegmentationTask};
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
/// Pixels between the parts of a picture.
const GAP: u32 = 6;
/// How much of a class's colour covers the picture.
const OPACITY: f32 = 0.45;

/// The first samples of the first epoch, as the network sees them.
fn training_batch(
    task: &SegmentationTask,
    train: &SegmentationSamples,
    config: &RunConfig<Segmentation>,
) -> Vec<(RgbImage, String)> {
    let classes = vec![0; train.len()];
    let mut shown = Vec::new();
    for index in order(Sampling::Shuffled, config.seed, 0, &classes) {
        if shown.len() == TRAINING_ITEMS {
            break;
        }
        // A sample that cannot be read is told of where it matters, in training.
        let key = AugmentKey { seed: config.seed, epoch: 0, index: index as u64 };
        let Ok((image, mask)) = task.augmented(&**train, index, key) else { continue };
        shown.push((
            side_by_side(&[fitted(&image, None, SHEET_CELL), fitted(&image, Some(&mask), SHEET_CELL)]),
            train.source(index),
        ));
    }
    shown
}

/// A contact sheet of augmented training samples.
pub(super) fn training_sheet(
    task: &SegmentationTask,
    splits: &Splits<Mask>,
    config: &RunConfig<Segmentation>,
) -> Option<RgbImage> {
    let samples = training_batch(task, &splits.train, config);
    let pictures: Vec<(&RgbImage, String)> =
        samples.iter().map(|(picture, source)| (picture, short_name(source).to_owned())).collect();
    (!pictures.is_empty()).then(|| pictures::captioned_sheet(&pictures, SHEET_COLUMNS, SHEET_CELL))
}

/// The galleries of the report.
pub(super) fn galleries(
    task: &SegmentationTask,
    splits: &Splits<Mask>,
    config: &RunConfig<Segmentation>,
    judged: Option<&SplitEvaluation<Segmentation>>,
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
        note: "as the network sees them in the first epoch, augmented; pixels to ignore are light grey".to_owned(),
        wide: true,
        items: items.collect(),
    });
    galleries
}

/// The worst and the best answers of an evaluation.
fn outcome_galleries(
    classes: &ClassNames,
    splits: &Splits<Mask>,
    judged: &SplitEvaluation<Segmentation>,
) -> Vec<Gallery> {
    let Ok(samples) = splits.get(judged.split) else { return Vec::new() };
    let mut outcomes: Vec<(f64, &MaskOutcome)> =
        judged.outcomes.iter().filter_map(|outcome| Some((outcome.mean_iou?, outcome))).collect();
    outcomes.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let worst = outcomes.iter().filter(|(iou, _)| *iou < 1.0).take(PREDICTED_ITEMS);
    let best = outcomes.iter().rev().take(PREDICTED_ITEMS);
    let note = "the image, what is annotated, and what was answered; pixels to ignore are light grey".to_owned();
    [
        (format!("Worst {} images", judged.split), predicted_items(classes, samples, worst)),
        (format!("Best {} images", judged.split), predicted_items(classes, samples, best)),
    ]
    .into_iter()
    .filter(|(_, items)| !items.is_empty())
    .map(|(title, items)| Gallery { title, note: note.clone(), wide: true, items })
    .collect()
}

fn predicted_items<'a>(
    classes: &ClassNames,
    samples: &SegmentationSamples,
    outcomes: impl Iterator<Item = &'a (f64, &'a MaskOutcome)>,
) -> Vec<GalleryItem> {
    outcomes
        // The sample was read a moment ago; if it is gone, there is nothing to show.
        .filter_map(|(iou, outcome)| Some((iou, outcome, samples.get(outcome.index).ok()?)))
        .map(|(iou, outcome, sample)| {
            let answer = outcome.prediction.unpack();
            let parts = [None, Some(&sample.annotation), Some(&answer)];
            let mut there: Vec<u8> = sample.annotation.pixels().to_vec();
            there.sort_unstable();
            there.dedup();
            let names: Vec<&str> = there.iter().filter_map(|class| classes.get(usize::from(*class))).collect();
            GalleryItem {
                image: side_by_side(&parts.map(|mask| fitted(&sample.image, mask, PICTURE_SIDE))),
                caption: samples.source(outcome.index),
                true_label: Some(format!(
                    "mean IoU {iou:.3}, {:.1} % of the pixels right; {}",
                    100.0 * outcome.accuracy.unwrap_or_default(),
                    names.join(", ")
                )),
                ..GalleryItem::default()
            }
        })
        .collect()
}

/// Pictures of one height beside one another.
fn side_by_side(parts: &[RgbImage]) -> RgbImage {
    let height = parts.iter().map(RgbImage::height).max().unwrap_or_default();
    let width: u32 = parts.iter().map(|part| part.width() + GAP).sum::<u32>().saturating_sub(GAP);
    let mut all = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    let mut left = 0;
    for part in parts {
        imageops::replace(&mut all, part, i64::from(left), 0);
        left += part.width() + GAP;
    }
    all
}

/// `image`, its longer side `side` pixels, with the classes of `mask` in colour.
fn fitted(image: &RgbImage, mask: Option<&Mask>, side: u32) -> RgbImage {
    let size = ImageSize::of(image);
    let Rectangle { width, height, .. } = Letterbox::top_left(size, ImageSize::new(side, side)).place();
    let output = ImageSize::new(width, height);
    let map = GeometricMap::Resize { part: Rectangle::whole(size), output, filter: Filter::Bilinear };
    let mut picture = map.apply_image(image.clone());
    if let Some(mask) = mask {
        draw::mask_overlay(&mut picture, &map.apply_mask(mask, Mask::IGNORE), OPACITY);
    }
    picture
}
