//! Looking for what spoils the training of a segmentation network: what [`doctor`](crate::doctor) looks for, and images
//! and masks that do not belong together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::Serialize;
use vision_types::Mask;

use crate::detection_doctor::SameImage;
use crate::doctor::{ClassCount, FileFinding, IMBALANCE, TINY, TinyImage, Unreadable, WrongExtension, examine_file};
use crate::segmentation_stats::count_classes;
use crate::{AnnotationProblem, Dataset, DatasetError, SegmentationData, SplitName};

/// What was found. Lists are in the order of the samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentationDoctorReport {
    /// Number of images looked at.
    pub checked: usize,
    /// Images that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Masks that cannot be read, hold pixels of no class, or are not of the size of their image.
    pub bad_masks: Vec<Unreadable>,
    /// Images with the same bytes.
    pub duplicates: Vec<SameImage>,
    /// Image files whose extension stands for another format than their content.
    pub wrong_extensions: Vec<WrongExtension>,
    /// Images with a side below [`TINY`].
    pub tiny: Vec<TinyImage>,
    /// Images all of whose pixels are ignored: nothing can be learned from them.
    pub all_ignored: Vec<String>,
    /// Images without masks, masks without images, and what else was found listing the files.
    pub problems: Vec<AnnotationProblem>,
    /// Images that show each class, in each split.
    pub class_counts: Vec<ClassCount>,
    /// Pixels of the largest training class for each of the smallest of those that occur.
    pub imbalance: f64,
    /// Files that were passed over.
    pub ignored_files: usize,
}

impl SegmentationDoctorReport {
    /// Whether there is nothing that needs a person's attention. Copies within one split with equal masks, imbalance,
    /// and files passed over are no illness.
    pub fn is_healthy(&self) -> bool {
        self.unreadable.is_empty()
            && self.bad_masks.is_empty()
            && self.wrong_extensions.is_empty()
            && self.tiny.is_empty()
            && self.all_ignored.is_empty()
            && self.problems.is_empty()
            && self.duplicates.iter().all(|copies| !copies.across_splits && !copies.annotations_differ)
    }

    /// Whether pixels of training classes differ by more than [`IMBALANCE`].
    pub fn is_imbalanced(&self) -> bool {
        self.imbalance > IMBALANCE
    }

    /// Classes that no training image shows.
    pub fn absent_classes(&self) -> Vec<&str> {
        self.class_counts.iter().filter(|count| count.train == 0).map(|count| count.class.as_str()).collect()
    }
}

/// What one look at an image and its mask tells.
struct Finding {
    image: FileFinding,
    /// Pixels of each class number, or what is wrong.
    mask: Result<[u64; 256], String>,
}

fn examine<D: Dataset<Annotation = Mask> + ?Sized>(samples: &D, index: usize) -> Finding {
    let image = examine_file(samples, index);
    // With the image, so that the sizes are compared; an image that cannot be read says nothing about its mask.
    let mask = match &image.size {
        Ok(_) => samples.get(index).map(|sample| count_classes(&sample.annotation)),
        Err(_) => samples.annotation(index).map(|mask| count_classes(&mask)),
    };
    Finding { image, mask: mask.map_err(|error| error.to_string()) }
}

/// Reads every image and mask of every split. `progress` is told the number of images done and of all, from any thread.
///
/// # Errors
///
/// Only those of comparing the masks of equal images: what cannot be read goes into the report.
pub fn segmentation_doctor(
    data: &SegmentationData,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<SegmentationDoctorReport, DatasetError> {
    let splits = &data.splits;
    let total = splits.iter().map(|(_, samples)| samples.len()).sum();
    let done = AtomicUsize::new(0);
    let count = |class: &str| ClassCount { class: class.to_owned(), train: 0, val: 0, test: 0 };
    let mut report = SegmentationDoctorReport {
        checked: total,
        unreadable: Vec::new(),
        bad_masks: Vec::new(),
        duplicates: Vec::new(),
        wrong_extensions: Vec::new(),
        tiny: Vec::new(),
        all_ignored: Vec::new(),
        problems: data.problems.clone(),
        class_counts: splits.classes.iter().map(count).collect(),
        imbalance: 1.0,
        ignored_files: splits.ignored_files,
    };
    let mut copies: BTreeMap<[u8; 32], Vec<(SplitName, usize)>> = BTreeMap::new();
    let mut pixels = vec![0u64; splits.classes.len()];
    for (split, samples) in splits.iter() {
        let look = |index| {
            let finding = examine(samples, index);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            finding
        };
        let findings: Vec<Finding> = (0..samples.len()).into_par_iter().map(look).collect();
        for (index, Finding { image, mask }) in findings.into_iter().enumerate() {
            let source = || samples.source(index);
            if let Some(digest) = image.digest {
                copies.entry(digest).or_default().push((split, index));
            }
            if let Some((extension, content)) = image.mismatch {
                report.wrong_extensions.push(WrongExtension { source: source(), extension, content });
            }
            match image.size {
                Err(problem) => report.unreadable.push(Unreadable { split, source: source(), problem }),
                Ok((width, height)) if width.min(height) < TINY => {
                    report.tiny.push(TinyImage { source: source(), width, height });
                }
                Ok(_) => {}
            }
            match mask {
                Err(problem) => report.bad_masks.push(Unreadable { split, source: source(), problem }),
                Ok(counts) => {
                    if counts[..usize::from(Mask::IGNORE)].iter().all(|&count| count == 0) {
                        report.all_ignored.push(source());
                    }
                    for (class, (count, pixels)) in report.class_counts.iter_mut().zip(&mut pixels).enumerate() {
                        if counts[class] > 0 {
                            count.add(split);
                        }
                        if split == SplitName::Train {
                            *pixels += counts[class];
                        }
                    }
                }
            }
        }
    }
    report.duplicates = same_images(data, copies)?;
    // Absent classes are named as such.
    pixels.retain(|&count| count > 0);
    if let (Some(&most), Some(&least)) = (pixels.iter().max(), pixels.iter().min()) {
        report.imbalance = most as f64 / least as f64;
    }
    Ok(report)
}

/// The groups of more than one sample among `copies`, which have the same image each.
fn same_images(
    data: &SegmentationData,
    copies: BTreeMap<[u8; 32], Vec<(SplitName, usize)>>,
) -> Result<Vec<SameImage>, DatasetError> {
    let mut groups: Vec<Vec<(SplitName, usize)>> = copies.into_values().filter(|group| group.len() > 1).collect();
    groups.sort();
    let mut found = Vec::with_capacity(groups.len());
    for group in groups {
        let samples = |split| data.splits.get(split);
        // A mask that cannot be read is named elsewhere.
        let mask = |&(split, index): &(SplitName, usize)| -> Result<Option<Mask>, DatasetError> {
            Ok(samples(split)?.annotation(index).ok())
        };
        let first = mask(&group[0])?;
        let (mut annotations_differ, mut names) = (false, Vec::with_capacity(group.len()));
        for copy in &group {
            annotations_differ |= mask(copy)? != first;
            names.push((copy.0, samples(copy.0)?.source(copy.1)));
        }
        let across_splits = group.iter().any(|(split, _)| *split != group[0].0);
        found.push(SameImage { samples: names, across_splits, annotations_differ });
    }
    Ok(found)
}
