//! Figures about a data set for segmentation: how many pixels and images of each class.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;
use vision_types::Mask;

use super::stats::{ImageStats, image_stats};
use crate::annotations::annotation_problem::problem_counts;
use crate::{Dataset, DatasetError, ProblemKind, SegmentationData, SegmentationSamples, SplitName};

/// Figures about a data set for segmentation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentationStats {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Each split, in order.
    pub splits: Vec<SegmentationSplitStats>,
    /// Figures about training images.
    pub images: ImageStats,
    /// How often each sort of problem was met listing the files.
    pub problems: BTreeMap<ProblemKind, usize>,
    /// Files that were passed over.
    pub ignored_files: usize,
}

/// Figures about one split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentationSplitStats {
    /// The split.
    pub split: SplitName,
    /// Number of images.
    pub images: usize,
    /// Masks that cannot be read and are in no other figure; `data doctor` names them.
    pub unreadable_masks: usize,
    /// Figures about each class, in the order of the classes.
    pub per_class: Vec<ClassPixels>,
    /// Figures about pixels that are ignored.
    pub ignored: ClassPixels,
}

impl SegmentationSplitStats {
    /// Number of pixels of all masks, ignored ones among them.
    pub fn pixels(&self) -> u64 {
        self.per_class.iter().map(|class| class.pixels).sum::<u64>() + self.ignored.pixels
    }
}

/// Figures about one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ClassPixels {
    /// Number of pixels.
    pub pixels: u64,
    /// Images with at least one of them.
    pub images: usize,
}

/// Number of pixels of each class number of `mask`.
pub(crate) fn count_classes(mask: &Mask) -> [u64; 256] {
    let mut counts = [0; 256];
    for &class in mask.pixels() {
        counts[usize::from(class)] += 1;
    }
    counts
}

/// Reads every mask, and at most `read_at_most` training images (chosen at random, always the same) for sizes and
/// colours.
///
/// # Errors
///
/// [`DatasetError::InvalidSetting`] if `read_at_most` is 0, and the first error where not one image can be read; single
/// files that cannot are counted.
pub fn segmentation_stats(data: &SegmentationData, read_at_most: usize) -> Result<SegmentationStats, DatasetError> {
    let splits = &data.splits;
    Ok(SegmentationStats {
        classes: splits.classes.as_slice().to_vec(),
        splits: splits
            .iter()
            .map(|(split, samples)| split_stats(split, samples, splits.classes.len()))
            .collect::<Result<_, DatasetError>>()?,
        images: image_stats(&splits.train, read_at_most)?,
        problems: problem_counts(&data.problems),
        ignored_files: splits.ignored_files,
    })
}

fn split_stats(
    split: SplitName,
    samples: &SegmentationSamples,
    classes: usize,
) -> Result<SegmentationSplitStats, DatasetError> {
    let read = (0..samples.len()).into_par_iter().map(|index| match samples.annotation(index) {
        Ok(mask) => Ok(Some(count_classes(&mask))),
        Err(error) if error.is_bad_sample() => Ok(None),
        Err(error) => Err(error),
    });
    let counts: Vec<Option<[u64; 256]>> = read.collect::<Result<_, DatasetError>>()?;
    let unreadable_masks = counts.iter().filter(|counts| counts.is_none()).count();
    let mut all = vec![ClassPixels::default(); 256];
    for counts in counts.into_iter().flatten() {
        for (class, &pixels) in all.iter_mut().zip(&counts).filter(|(_, pixels)| **pixels > 0) {
            class.pixels += pixels;
            class.images += 1;
        }
    }
    let ignored = all[usize::from(Mask::IGNORE)];
    // Readers give no other numbers than those of classes.
    all.truncate(classes);
    Ok(SegmentationSplitStats { split, images: samples.len(), unreadable_masks, per_class: all, ignored })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SegmentationSpec;

    #[test]
    fn pixels_of_all_classes_are_those_of_all_images() {
        let spec: SegmentationSpec =
            toml::from_str("kind = \"shapes\"\ntrain = 12\nvalidation = 3\ntest = 0\nclasses = 2").unwrap();
        let stats = segmentation_stats(&spec.read(None).unwrap(), 5).unwrap();
        assert_eq!(stats.classes, ["background", "circle", "square"]);
        assert_eq!(stats.splits.len(), 2);
        let train = &stats.splits[0];
        assert_eq!((train.images, train.pixels(), train.ignored.pixels), (12, 12 * 64 * 64, 0));
        assert_eq!(train.per_class[0].images, 12);
        // One of the two shapes is in every picture.
        assert!(train.per_class[1].images + train.per_class[2].images >= 12);
        assert_eq!(stats.images.read, 5);
    }
}
