//! The pictures of a segmentation run.

use augment::AugmentKey;
use datasets::{SegmentationSamples, Splits};
use image::RgbImage;
use pictures::draw;
use vision_types::{ClassNames, Mask};

use super::{MaskOutcome, Segmentation, SegmentationTask};
use crate::report::{Gallery, GalleryItem};
use crate::tasks::definition::{SplitEvaluation, TaskDefinition};
use crate::tasks::pictures::{
    Answers, TrainingPicture, WIDE_ITEMS, WIDE_SIDE, answer_galleries, fitted, short_name, side_by_side,
};

/// How much of a class's colour covers the picture.
const OPACITY: f32 = 0.45;

pub(super) fn training_picture(
    task: &SegmentationTask,
    samples: &SegmentationSamples,
    index: usize,
    key: AugmentKey,
) -> Option<TrainingPicture> {
    let (image, mask) = task.augmented(&**samples, index, key).ok()?;
    let source = samples.source(index);
    let parts = [None, Some(&mask)].map(|mask| overlaid(&image, mask, Segmentation::PICTURES.cell));
    Some(TrainingPicture { image: side_by_side(&parts), caption: short_name(&source).to_owned(), label: None, source })
}

/// The worst and the best answers of an evaluation.
pub(super) fn galleries(
    classes: &ClassNames,
    splits: &Splits<Mask>,
    judged: &SplitEvaluation<Segmentation>,
) -> Vec<Gallery> {
    let Ok(samples) = splits.get(judged.split) else { return Vec::new() };
    let mut outcomes: Vec<(f64, &MaskOutcome)> =
        judged.outcomes.iter().filter_map(|outcome| Some((outcome.mean_iou?, outcome))).collect();
    outcomes.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let worst: Vec<_> = outcomes.iter().filter(|(iou, _)| *iou < 1.0).take(WIDE_ITEMS).collect();
    let best: Vec<_> = outcomes.iter().rev().take(WIDE_ITEMS).collect();
    let answers = [("Worst", worst), ("Best", best)].map(|(title, shown)| Answers {
        title: format!("{title} {} images", judged.split),
        note: "the image, what is annotated, and what was answered; pixels to ignore are light grey".to_owned(),
        shown: shown.into_iter().map(|answer| (answer.1.index, answer)).collect(),
    });
    answer_galleries(samples, true, answers, |sample, (iou, outcome)| {
        let answer = outcome.prediction.unpack();
        let parts = [None, Some(&sample.annotation), Some(&answer)];
        let mut there: Vec<u8> = sample.annotation.pixels().to_vec();
        there.sort_unstable();
        there.dedup();
        let names: Vec<&str> = there.iter().filter_map(|class| classes.get(usize::from(*class))).collect();
        GalleryItem {
            image: side_by_side(&parts.map(|mask| overlaid(&sample.image, mask, WIDE_SIDE))),
            true_label: Some(format!(
                "mean IoU {iou:.3}, {:.1} % of the pixels right; {}",
                100.0 * outcome.accuracy.unwrap_or_default(),
                names.join(", ")
            )),
            ..GalleryItem::default()
        }
    })
}

/// `image`, its longer side `side` pixels, with the classes of `mask` in colour.
fn overlaid(image: &RgbImage, mask: Option<&Mask>, side: u32) -> RgbImage {
    let (mut picture, place) = fitted(image, side);
    if let Some(mask) = mask {
        draw::mask_overlay(&mut picture, &place.apply_mask(mask, Mask::IGNORE), OPACITY);
    }
    picture
}
