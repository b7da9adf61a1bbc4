//! Looking for what spoils the training of a detector: what [`doctor`](crate::doctor) looks for, and annotations that
//! cannot be right.

use std::collections::BTreeMap;

use serde::Serialize;

pub use super::survey::SameImage;
use super::survey::{
    ClassCount, FileFinding, IMBALANCE, TinyImage, Unreadable, WrongExtension, imbalance_of, no_counts, survey,
};
use crate::annotations::annotation_problem::problem_counts;
use crate::{AnnotationProblem, Dataset, DatasetError, DetectionData, DetectionSamples, ProblemKind};

/// What was found. Lists are in the order of the samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectionDoctorReport {
    /// Number of images looked at.
    pub checked: usize,
    /// Images that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Images with the same bytes.
    pub duplicates: Vec<SameImage>,
    /// Files whose extension stands for another format than their content.
    pub wrong_extensions: Vec<WrongExtension>,
    /// Images with a side below [`TINY`](crate::doctor::TINY).
    pub tiny: Vec<TinyImage>,
    /// Images that are not of the size that their annotation says.
    pub size_mismatches: Vec<SizeMismatch>,
    /// What is wrong with annotations.
    pub problems: Vec<AnnotationProblem>,
    /// Objects of each class in each split.
    pub class_counts: Vec<ClassCount>,
    /// Objects of the largest training class for each of the smallest.
    pub imbalance: f64,
    /// Files that were passed over: hidden, or without an image extension.
    pub ignored_files: usize,
}

impl DetectionDoctorReport {
    /// Whether there is nothing that needs a person's attention. Copies within one split with equal annotations,
    /// imbalance, and files passed over are no illness.
    pub fn is_healthy(&self) -> bool {
        self.unreadable.is_empty()
            && self.wrong_extensions.is_empty()
            && self.tiny.is_empty()
            && self.size_mismatches.is_empty()
            && self.problems.is_empty()
            && self.duplicates.iter().all(|copies| !copies.across_splits && !copies.annotations_differ)
    }

    /// Whether training classes differ by more than [`IMBALANCE`].
    pub fn is_imbalanced(&self) -> bool {
        self.imbalance > IMBALANCE
    }

    /// How often each sort of annotation problem occurs.
    pub fn problem_counts(&self) -> BTreeMap<ProblemKind, usize> {
        problem_counts(&self.problems)
    }
}

/// An image of another size than its annotation says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SizeMismatch {
    /// Where it comes from.
    pub source: String,
    /// Width and height by the annotation.
    pub stated: (u32, u32),
    /// Width and height of the image, upright.
    pub actual: (u32, u32),
}

/// Reads every image of every split. `progress` is told the number of images done and of all, from any thread.
///
/// # Errors
///
/// Only those of [`Dataset::annotation`]: an image that cannot be read goes into the report.
pub fn detection_doctor(
    data: &DetectionData,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<DetectionDoctorReport, DatasetError> {
    let splits = &data.splits;
    let mut class_counts = no_counts(&splits.classes);
    let mut size_mismatches = Vec::new();
    let objects = |samples: &DetectionSamples, index, _: &FileFinding| samples.annotation(index);
    let survey = survey(splits, progress, objects, |split, (samples, index, finding), objects| {
        for object in objects {
            if let Some(count) = class_counts.get_mut(object.class) {
                count.add(split);
            }
        }
        if let (Ok(actual), Some(stated)) = (&finding.size, samples.stated_size(index))
            && stated != *actual
        {
            size_mismatches.push(SizeMismatch { source: samples.source(index), stated, actual: *actual });
        }
    })?;
    Ok(DetectionDoctorReport {
        checked: survey.checked,
        duplicates: survey.same_images(splits)?,
        unreadable: survey.unreadable,
        wrong_extensions: survey.wrong_extensions,
        tiny: survey.tiny,
        size_mismatches,
        problems: data.problems.clone(),
        imbalance: imbalance_of(&class_counts),
        class_counts,
        ignored_files: splits.ignored_files,
    })
}
