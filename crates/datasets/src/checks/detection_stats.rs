//! Figures about a detection data set: how many objects, of what size and shape.

use std::collections::BTreeMap;

use serde::Serialize;
use vision_types::Instance;

use super::stats::{ImageStats, image_stats};
use crate::annotations::annotation_problem::problem_counts;
use crate::{Dataset, DatasetError, DetectionData, DetectionSamples, ProblemKind, SplitName};

/// Areas in square pixels below which an object is small or medium: 32² and 96² (COCO's `areaRng`).
pub const AREA_RANGES: [f64; 2] = [32.0 * 32.0, 96.0 * 96.0];

/// Figures about a detection data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectionStats {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Each split, in order.
    pub splits: Vec<DetectionSplitStats>,
    /// Figures about training images.
    pub images: ImageStats,
    /// How often each sort of problem was met reading the annotations.
    pub problems: BTreeMap<ProblemKind, usize>,
    /// Objects marked as difficult (Pascal VOC).
    pub difficult: usize,
    /// Files that were passed over.
    pub ignored_files: usize,
}

/// Figures about one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectionSplitStats {
    /// The split.
    pub split: SplitName,
    /// Number of images.
    pub images: usize,
    /// Images without an object.
    pub images_without_objects: usize,
    /// Number of objects, groups among them.
    pub objects: usize,
    /// Groups of objects (COCO's crowd).
    pub crowd: usize,
    /// Objects with an outline or mask.
    pub with_shape: usize,
    /// Figures about each class, in the order of the classes.
    pub per_class: Vec<ClassFigures>,
    /// Objects by their area, at the limits of [`AREA_RANGES`].
    pub areas: AreaCounts,
    /// Objects an image.
    pub objects_per_image: Quantiles,
    /// Widths of boxes in pixels.
    pub width: Quantiles,
    /// Heights of boxes in pixels.
    pub height: Quantiles,
    /// Width of boxes divided by their height.
    pub aspect_ratio: Quantiles,
}

/// Figures about one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ClassFigures {
    /// Number of objects.
    pub objects: usize,
    /// Images with at least one of them.
    pub images: usize,
}

/// Objects by their area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct AreaCounts {
    /// Below 32² pixels.
    pub small: usize,
    /// From 32² to below 96² pixels.
    pub medium: usize,
    /// From 96² pixels.
    pub large: usize,
}

/// Five numbers that show how values are spread; all 0 where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Quantiles {
    /// Smallest.
    pub min: f64,
    /// A quarter is no larger than this.
    pub lower_quartile: f64,
    /// Half is no larger than this.
    pub median: f64,
    /// Three quarters are no larger than this.
    pub upper_quartile: f64,
    /// Largest.
    pub max: f64,
}

impl Quantiles {
    /// The values at the places `⌊p · (n - 1)⌋` of all `n`, sorted.
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let Some(last) = values.len().checked_sub(1) else { return Self::default() };
        let at = |quarters: usize| values[last * quarters / 4];
        Self { min: at(0), lower_quartile: at(1), median: at(2), upper_quartile: at(3), max: at(4) }
    }
}

/// Counts every object, and reads at most `read_at_most` training images (chosen at random, always the same) for sizes
/// and colours.
///
/// # Errors
///
/// The first error met reading a sample, and [`DatasetError::InvalidSetting`] if `read_at_most` is 0.
pub fn detection_stats(data: &DetectionData, read_at_most: usize) -> Result<DetectionStats, DatasetError> {
    let splits = &data.splits;
    Ok(DetectionStats {
        classes: splits.classes.as_slice().to_vec(),
        splits: splits
            .iter()
            .map(|(split, samples)| split_stats(split, samples, splits.classes.len()))
            .collect::<Result<_, DatasetError>>()?,
        images: image_stats(&splits.train, read_at_most)?,
        problems: problem_counts(&data.problems),
        difficult: data.difficult,
        ignored_files: splits.ignored_files,
    })
}

fn split_stats(
    split: SplitName,
    samples: &DetectionSamples,
    classes: usize,
) -> Result<DetectionSplitStats, DatasetError> {
    let mut all: Vec<Instance> = Vec::new();
    let mut per_class = vec![ClassFigures::default(); classes];
    let mut per_image = Vec::with_capacity(samples.len());
    for index in 0..samples.len() {
        let objects = samples.annotation(index)?;
        per_image.push(objects.len() as f64);
        let mut present: Vec<usize> = objects.iter().map(|object| object.class).collect();
        for &class in &present {
            class_figures(&mut per_class, class, samples, index)?.objects += 1;
        }
        present.sort_unstable();
        present.dedup();
        for class in present {
            class_figures(&mut per_class, class, samples, index)?.images += 1;
        }
        // Shapes are not needed any more, only whether there are any.
        all.extend(objects);
    }
    let mut areas = AreaCounts::default();
    for object in &all {
        match object.area {
            area if area < AREA_RANGES[0] => areas.small += 1,
            area if area < AREA_RANGES[1] => areas.medium += 1,
            _ => areas.large += 1,
        }
    }
    let spread = |value: fn(&Instance) -> f64| Quantiles::of(all.iter().map(value).collect());
    Ok(DetectionSplitStats {
        split,
        images: samples.len(),
        images_without_objects: per_image.iter().filter(|&&count| count == 0.0).count(),
        objects: all.len(),
        crowd: all.iter().filter(|object| object.crowd).count(),
        with_shape: all.iter().filter(|object| object.segmentation.is_some()).count(),
        per_class,
        areas,
        width: spread(|object| f64::from(object.bbox.width())),
        height: spread(|object| f64::from(object.bbox.height())),
        aspect_ratio: spread(|object| f64::from(object.bbox.width()) / f64::from(object.bbox.height())),
        objects_per_image: Quantiles::of(per_image),
    })
}

fn class_figures<'a>(
    figures: &'a mut [ClassFigures],
    class: usize,
    samples: &DetectionSamples,
    index: usize,
) -> Result<&'a mut ClassFigures, DatasetError> {
    let classes = figures.len();
    figures.get_mut(class).ok_or_else(|| DatasetError::Format {
        path: samples.source(index).into(),
        detail: format!("class number {class}, expected one below {classes}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_known_values() {
        // Nine values: places 0, 2, 4, 6 and 8.
        let quantiles = Quantiles::of(vec![9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0]);
        let expected = Quantiles { min: 1.0, lower_quartile: 3.0, median: 5.0, upper_quartile: 7.0, max: 9.0 };
        assert_eq!(quantiles, expected);
        assert_eq!(Quantiles::of(vec![]), Quantiles::default());
    }
}
