//! Looking for what spoils the training of a segmentation network: what [`doctor`](crate::doctor) looks for, and images
//! and masks that do not belong together.

use serde::Serialize;
use vision_types::Mask;

use super::segmentation_stats::count_classes;
use super::survey::{
    ClassCount, FileFinding, IMBALANCE, SameImage, TinyImage, Unreadable, WrongExtension, no_counts, survey,
};
use crate::{AnnotationProblem, Dataset, DatasetError, SegmentationData, SegmentationSamples, SplitName};

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
    /// Images with a side below [`TINY`](crate::doctor::TINY).
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

/// Pixels of each class number of a mask, or what is wrong with it.
type MaskFinding = Result<[u64; 256], String>;

fn examine(samples: &SegmentationSamples, index: usize, image: &FileFinding) -> MaskFinding {
    // With the image, so that the sizes are compared; an image that cannot be read says nothing about its mask.
    let mask = match &image.size {
        Ok(_) => samples.get(index).map(|sample| count_classes(&sample.annotation)),
        Err(_) => samples.annotation(index).map(|mask| count_classes(&mask)),
    };
    mask.map_err(|error| error.to_string())
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
    let mut class_counts = no_counts(&splits.classes);
    let (mut bad_masks, mut all_ignored) = (Vec::new(), Vec::new());
    let mut pixels = vec![0u64; splits.classes.len()];
    let look = |samples: &SegmentationSamples, index, image: &FileFinding| Ok(examine(samples, index, image));
    let survey = survey(splits, progress, look, |split, (samples, index, _), mask: MaskFinding| {
        let source = || samples.source(index);
        let counts = match mask {
            Ok(counts) => counts,
            Err(problem) => return bad_masks.push(Unreadable { split, source: source(), problem }),
        };
        if counts[..usize::from(Mask::IGNORE)].iter().all(|&count| count == 0) {
            all_ignored.push(source());
        }
        for (class, (count, pixels)) in class_counts.iter_mut().zip(&mut pixels).enumerate() {
            if counts[class] > 0 {
                count.add(split);
            }
            if split == SplitName::Train {
                *pixels += counts[class];
            }
        }
    })?;
    // Absent classes are named as such.
    pixels.retain(|&count| count > 0);
    let imbalance = match (pixels.iter().max(), pixels.iter().min()) {
        (Some(&most), Some(&least)) => most as f64 / least as f64,
        _ => 1.0,
    };
    Ok(SegmentationDoctorReport {
        checked: survey.checked,
        duplicates: survey.same_images(splits)?,
        unreadable: survey.unreadable,
        bad_masks,
        wrong_extensions: survey.wrong_extensions,
        tiny: survey.tiny,
        all_ignored,
        problems: data.problems.clone(),
        class_counts,
        imbalance,
        ignored_files: splits.ignored_files,
    })
}
