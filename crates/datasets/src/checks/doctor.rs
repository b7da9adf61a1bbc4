//! Looking for what spoils a training run: unreadable files, copies, wrong extensions, tiny images, rare classes.

use serde::Serialize;
use vision_types::ClassId;

pub use super::survey::{ClassCount, IMBALANCE, TINY, TinyImage, Unreadable, WrongExtension};
use super::survey::{FileFinding, across_splits, imbalance_of, no_counts, survey};
use crate::{ClassificationSamples, Dataset, DatasetError, SplitName, Splits};

/// What was found. Lists are in the order of the samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DoctorReport {
    /// Number of samples looked at.
    pub checked: usize,
    /// Samples that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Samples with the same bytes.
    pub duplicates: Vec<Duplicates>,
    /// Files whose extension stands for another format than their content.
    pub wrong_extensions: Vec<WrongExtension>,
    /// Images with a side below [`TINY`].
    pub tiny: Vec<TinyImage>,
    /// Samples of each class in each split.
    pub class_counts: Vec<ClassCount>,
    /// Samples of the largest training class for each of the smallest.
    pub imbalance: f64,
    /// Files that were passed over: hidden, or without an image extension.
    pub ignored_files: usize,
}

impl DoctorReport {
    /// Whether there is nothing that needs a person's attention. Copies within one split and class, imbalance, and
    /// files passed over are no illness.
    pub fn is_healthy(&self) -> bool {
        self.unreadable.is_empty()
            && self.wrong_extensions.is_empty()
            && self.tiny.is_empty()
            && self.duplicates.iter().all(|copies| !copies.across_splits && !copies.across_classes)
    }

    /// Whether training classes differ by more than [`IMBALANCE`].
    pub fn is_imbalanced(&self) -> bool {
        self.imbalance > IMBALANCE
    }
}

/// Samples with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicates {
    /// The samples, at least two.
    pub samples: Vec<Copied>,
    /// They lie in different splits: figures on one are flattered by training on the other.
    pub across_splits: bool,
    /// They have different classes: at least one label is wrong.
    pub across_classes: bool,
}

/// One of several equal samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Its split.
    pub split: SplitName,
    /// Its class.
    pub class: String,
    /// Where it comes from.
    pub source: String,
}

/// Reads every sample of every split. `progress` is told the number of samples done and of all, from any thread.
///
/// # Errors
///
/// Only those of [`Dataset::annotation`]: a sample that cannot be read goes into the report.
pub fn doctor(splits: &Splits, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<DoctorReport, DatasetError> {
    let mut class_counts = no_counts(&splits.classes);
    let class = |samples: &ClassificationSamples, index, _: &FileFinding| samples.annotation(index);
    let survey = survey(splits, progress, class, |split, _, class| {
        if let Some(count) = class_counts.get_mut(class) {
            count.add(split);
        }
    })?;
    let name = |class: ClassId| splits.classes.get(class).map_or_else(|| class.to_string(), str::to_owned);
    let mut duplicates = Vec::new();
    for group in survey.copies() {
        let classes = group
            .iter()
            .map(|(split, index)| splits.get(*split)?.annotation(*index))
            .collect::<Result<Vec<ClassId>, DatasetError>>()?;
        duplicates.push(Duplicates {
            across_splits: across_splits(&group),
            across_classes: classes.iter().any(|class| *class != classes[0]),
            samples: group
                .iter()
                .zip(classes)
                .map(|(&(split, index), class)| {
                    Ok(Copied { split, class: name(class), source: splits.get(split)?.source(index) })
                })
                .collect::<Result<_, DatasetError>>()?,
        });
    }
    Ok(DoctorReport {
        checked: survey.checked,
        duplicates,
        unreadable: survey.unreadable,
        wrong_extensions: survey.wrong_extensions,
        tiny: survey.tiny,
        imbalance: imbalance_of(&class_counts),
        class_counts,
        ignored_files: splits.ignored_files,
    })
}
