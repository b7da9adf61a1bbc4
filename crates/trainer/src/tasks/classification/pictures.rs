//! The pictures of a classification run.

use augment::AugmentKey;
use datasets::{ClassificationSamples, Dataset, Splits};
use image::RgbImage;
use vision_types::{ClassId, ClassNames, Sample};

use super::{Classification, ClassificationTask, SampleOutcome};
use crate::config::RunConfig;
use crate::recognition::{Findings, SplitEvaluation};
use crate::report::{Evaluation, Gallery, GalleryItem};
use crate::sampler::order;

/// Pictures in a gallery of the report.
const GALLERY_ITEMS: usize = 24;
/// Columns of a contact sheet.
const SHEET_COLUMNS: usize = 8;
/// Pixels of a contact sheet's cell.
const SHEET_CELL: u32 = 96;

/// The first samples of the first epoch, as the network sees them.
fn training_batch(
    task: &ClassificationTask,
    train: &ClassificationSamples,
    config: &RunConfig<Classification>,
) -> Vec<Sample<ClassId>> {
    let classes = vec![0; train.len()];
    let mut shown = Vec::new();
    for index in order(crate::sampler::Sampling::Shuffled, config.seed, 0, &classes) {
        if shown.len() == GALLERY_ITEMS {
            break;
        }
        // A sample that cannot be read is told of where it matters, in training.
        let Ok(sample) = train.get(index) else { continue };
        let key = AugmentKey { seed: config.seed, epoch: 0, index: index as u64 };
        let image = task.prepare(sample.image, task.train_pipeline(), key);
        shown.push(Sample { image, ..sample });
    }
    shown
}

/// A contact sheet of augmented training samples.
pub(super) fn training_sheet(
    task: &ClassificationTask,
    splits: &Splits,
    config: &RunConfig<Classification>,
) -> Option<RgbImage> {
    let samples = training_batch(task, &splits.train, config);
    (!samples.is_empty()).then(|| pictures::contact_sheet(&samples, task.classes(), SHEET_COLUMNS, SHEET_CELL))
}

/// The closer look at one split and the galleries of the report.
pub(super) fn findings(
    task: &ClassificationTask,
    splits: &Splits,
    config: &RunConfig<Classification>,
    judged: Option<&SplitEvaluation<Classification>>,
) -> Findings {
    let classes = task.classes();
    let mut galleries = Vec::new();
    if let Some(judged) = judged {
        galleries.extend(outcome_galleries(classes, splits, judged));
    }
    galleries.push(Gallery {
        title: "Training samples".to_owned(),
        note: "as the network sees them in the first epoch, augmented".to_owned(),
        wide: false,
        items: training_batch(task, &splits.train, config)
            .into_iter()
            .map(|sample| GalleryItem {
                true_label: class_name(classes, sample.annotation),
                image: sample.image,
                caption: sample.source,
                ..GalleryItem::default()
            })
            .collect(),
    });
    Findings {
        evaluation: judged.map(|judged| Evaluation::from_metrics(judged.split.as_str(), &judged.metrics)),
        galleries,
        ..Findings::default()
    }
}

/// The worst and the most certain answers of an evaluation.
fn outcome_galleries(classes: &ClassNames, splits: &Splits, judged: &SplitEvaluation<Classification>) -> Vec<Gallery> {
    let Ok(samples) = splits.get(judged.split) else { return Vec::new() };
    let mut by_target_score: Vec<&SampleOutcome> = judged.outcomes.iter().collect();
    by_target_score.sort_by(|a, b| a.target_score.total_cmp(&b.target_score));
    let wrong = by_target_score.iter().filter(|outcome| outcome.predicted != outcome.target).copied();
    let right = by_target_score.iter().rev().filter(|outcome| outcome.predicted == outcome.target).copied();
    [
        (
            format!("Worst {} samples", judged.split),
            "wrong answers, those with the lowest probability of the true class first",
            gallery_items(classes, samples, wrong.take(GALLERY_ITEMS)),
        ),
        (
            format!("Most certain {} samples", judged.split),
            "right answers, those with the highest probability first",
            gallery_items(classes, samples, right.take(GALLERY_ITEMS / 2)),
        ),
    ]
    .into_iter()
    .filter(|(_, _, items)| !items.is_empty())
    .map(|(title, note, items)| Gallery { title, note: note.to_owned(), wide: false, items })
    .collect()
}

fn gallery_items<'a>(
    classes: &ClassNames,
    samples: &ClassificationSamples,
    outcomes: impl Iterator<Item = &'a SampleOutcome>,
) -> Vec<GalleryItem> {
    outcomes
        .map(|outcome| {
            // The sample was read a moment ago; if it is gone, an empty picture still tells the rest.
            let image = samples.get(outcome.index).map_or_else(|_| RgbImage::new(1, 1), |sample| sample.image);
            GalleryItem {
                image,
                caption: samples.source(outcome.index),
                true_label: class_name(classes, outcome.target),
                predicted_label: class_name(classes, outcome.predicted),
                score: Some(outcome.score),
            }
        })
        .collect()
}

fn class_name(classes: &ClassNames, class: ClassId) -> Option<String> {
    classes.get(class).map(str::to_owned)
}
