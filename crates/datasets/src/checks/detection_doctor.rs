//! Looking for what spoils the training of a detector: what [`doctor`](crate::doctor) looks for, and annotations that
//! cannot be right.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use crate::doctor::{ClassCount, FileFinding, IMBALANCE, TINY, TinyImage, Unreadable, WrongExtension, examine_file};
use crate::{AnnotationProblem, Dataset, DatasetError, DetectionData, ProblemKind, SplitName};

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
    /// Images with a side below [`TINY`].
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
        let mut counts = BTreeMap::new();
        for problem in &self.problems {
            *counts.entry(problem.kind).or_insert(0) += 1;
        }
        counts
    }
}

/// Images with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SameImage {
    /// The images, at least two, each with its split.
    pub samples: Vec<(SplitName, String)>,
    /// They lie in different splits: figures on one are flattered by training on the other.
    pub across_splits: bool,
    /// They have different objects: at least one annotation is wrong or incomplete.
    pub annotations_differ: bool,
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
    let total = splits.iter().map(|(_, samples)| samples.len()).sum();
    let done = AtomicUsize::new(0);
    let count = |class: &str| ClassCount { class: class.to_owned(), train: 0, val: 0, test: 0 };
    let mut report = DetectionDoctorReport {
        checked: total,
        unreadable: Vec::new(),
        duplicates: Vec::new(),
        wrong_extensions: Vec::new(),
        tiny: Vec::new(),
        size_mismatches: Vec::new(),
        problems: data.problems.clone(),
        class_counts: splits.classes.iter().map(count).collect(),
        imbalance: 1.0,
        ignored_files: splits.ignored_files,
    };
    let mut copies: BTreeMap<[u8; 32], Vec<(SplitName, usize)>> = BTreeMap::new();
    for (split, samples) in splits.iter() {
        let findings: Vec<FileFinding> = (0..samples.len())
            .into_par_iter()
            .map(|index| {
                let finding = examine_file(samples, index);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                finding
            })
            .collect();
        for (index, finding) in findings.into_iter().enumerate() {
            let source = || samples.source(index);
            for object in samples.annotation(index)? {
                if let Some(count) = report.class_counts.get_mut(object.class) {
                    count.add(split);
                }
            }
            if let Some(digest) = finding.digest {
                copies.entry(digest).or_default().push((split, index));
            }
            if let Some((extension, content)) = finding.mismatch {
                report.wrong_extensions.push(WrongExtension { source: source(), extension, content });
            }
            match finding.size {
                Err(problem) => report.unreadable.push(Unreadable { split, source: source(), problem }),
                Ok(actual) => {
                    if actual.0.min(actual.1) < TINY {
                        report.tiny.push(TinyImage { source: source(), width: actual.0, height: actual.1 });
                    }
                    if let Some(stated) = samples.stated_size(index).filter(|stated| *stated != actual) {
                        report.size_mismatches.push(SizeMismatch { source: source(), stated, actual });
                    }
                }
            }
        }
    }
    let mut groups: Vec<Vec<(SplitName, usize)>> = copies.into_values().filter(|group| group.len() > 1).collect();
    groups.sort();
    for group in groups {
        let annotation = |&(split, index): &(SplitName, usize)| splits.get(split)?.annotation(index);
        let first = annotation(&group[0])?;
        let mut annotations_differ = false;
        let mut samples = Vec::with_capacity(group.len());
        for copy in &group {
            annotations_differ |= annotation(copy)? != first;
            samples.push((copy.0, splits.get(copy.0)?.source(copy.1)));
        }
        let across_splits = group.iter().any(|(split, _)| *split != group[0].0);
        report.duplicates.push(SameImage { samples, across_splits, annotations_differ });
    }
    let train_counts = || report.class_counts.iter().map(|count| count.train);
    if let (Some(most), Some(least)) = (train_counts().max(), train_counts().min()) {
        report.imbalance = most as f64 / least.max(1) as f64;
    }
    Ok(report)
}
