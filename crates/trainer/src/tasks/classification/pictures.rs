//! The pictures of a classification run.

use augment::AugmentKey;
use datasets::{ClassificationSamples, Splits};
use vision_types::{ClassId, ClassNames};

use super::{Classification, ClassificationTask, SampleOutcome};
use crate::report::{Gallery, GalleryItem};
use crate::tasks::definition::SplitEvaluation;
use crate::tasks::pictures::{Answers, TrainingPicture, answer_galleries};

/// Wrong answers shown.
const WORST: usize = 24;
/// Right answers shown.
const MOST_CERTAIN: usize = 12;

pub(super) fn training_picture(
    task: &ClassificationTask,
    samples: &ClassificationSamples,
    index: usize,
    key: AugmentKey,
) -> Option<TrainingPicture> {
    let sample = samples.get(index).ok()?;
    let label = class_name(task.classes(), sample.annotation);
    Some(TrainingPicture {
        image: task.prepare(sample.image, task.train_pipeline(), key),
        caption: label.clone().unwrap_or_else(|| format!("class {}", sample.annotation)),
        label,
        source: sample.source,
    })
}

/// The worst and the most certain answers of an evaluation.
pub(super) fn galleries(
    classes: &ClassNames,
    splits: &Splits,
    judged: &SplitEvaluation<Classification>,
) -> Vec<Gallery> {
    let Ok(samples) = splits.get(judged.split) else { return Vec::new() };
    let mut by_target_score: Vec<&SampleOutcome> = judged.outcomes.iter().collect();
    by_target_score.sort_by(|a, b| a.target_score.total_cmp(&b.target_score));
    let wrong = by_target_score.iter().filter(|outcome| outcome.predicted != outcome.target);
    let right = by_target_score.iter().rev().filter(|outcome| outcome.predicted == outcome.target);
    let groups = [
        Answers {
            title: format!("Worst {} samples", judged.split),
            note: "wrong answers, those with the lowest probability of the true class first".to_owned(),
            shown: wrong.take(WORST).map(|outcome| (outcome.index, *outcome)).collect(),
        },
        Answers {
            title: format!("Most certain {} samples", judged.split),
            note: "right answers, those with the highest probability first".to_owned(),
            shown: right.take(MOST_CERTAIN).map(|outcome| (outcome.index, *outcome)).collect(),
        },
    ];
    answer_galleries(samples, false, groups, |sample, outcome| GalleryItem {
        image: sample.image,
        true_label: class_name(classes, outcome.target),
        predicted_label: class_name(classes, outcome.predicted),
        score: Some(outcome.score),
        ..GalleryItem::default()
    })
}

fn class_name(classes: &ClassNames, class: ClassId) -> Option<String> {
    classes.get(class).map(str::to_owned)
}
