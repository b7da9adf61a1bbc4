//! Masks painted from the outlines and run lengths of COCO files.

use std::path::Path;
use std::sync::Arc;

use vision_types::{ClassNames, did_you_mean, nearest_name};

use super::{CrowdMask, MOST_CLASSES, PaintedObjects, SegmentationData};
use crate::coco::dataset::{self as coco_dataset, CocoOptions};
use crate::{Dataset, DatasetError, DetectionSamples, SegmentationSamples, Splits};

/// The name of class 0.
const BACKGROUND: &str = "background";

/// Opens the COCO files below `root`, or the single file that it is, as masks: class 0 is the background, the categories
/// follow in the order of their numbers, or those of `classes` in the order given; objects of other categories are left
/// out.
///
/// # Errors
///
/// Those of the reader of COCO files, [`DatasetError::InvalidSetting`] for a class that is no category, and
/// [`DatasetError::Format`] for an object that is a box alone.
pub(crate) fn open(
    root: &Path,
    options: &CocoOptions,
    classes: Option<&[String]>,
    crowd: CrowdMask,
) -> Result<SegmentationData, DatasetError> {
    let data = coco_dataset::open(root, options)?;
    let categories = &data.splits.classes;
    let selected: Vec<usize> = match classes {
        None => (0..categories.len()).collect(),
        Some(names) => names.iter().map(|name| category(name, categories)).collect::<Result<_, _>>()?,
    };
    // One number is the background's.
    if !(1..MOST_CLASSES).contains(&selected.len()) {
        return Err(DatasetError::InvalidSetting {
            key: "classes",
            found: format!("{} categories", selected.len()),
            expected: format!("1 to {}", MOST_CLASSES - 1),
        });
    }
    let mut numbers = vec![None; categories.len()];
    for (&category, number) in selected.iter().zip(1..) {
        numbers[category] = Some(number);
    }
    let paint = |samples: &DetectionSamples| -> Result<SegmentationSamples, DatasetError> {
        require_shapes(samples)?;
        Ok(Arc::new(PaintedObjects::new(Arc::clone(samples), numbers.clone(), crowd)))
    };
    let names = selected.iter().filter_map(|&category| categories.get(category));
    let splits = Splits {
        train: paint(&data.splits.train)?,
        validation: data.splits.validation.as_ref().map(paint).transpose()?,
        test: data.splits.test.as_ref().map(paint).transpose()?,
        classes: ClassNames::new(std::iter::once(BACKGROUND).chain(names)),
        ignored_files: data.splits.ignored_files,
    };
    Ok(SegmentationData { splits, problems: data.problems })
}

fn category(name: &str, categories: &ClassNames) -> Result<usize, DatasetError> {
    categories.id_of(name).ok_or_else(|| {
        let hint = did_you_mean(nearest_name(name, categories.iter()).as_deref());
        DatasetError::InvalidSetting {
            key: "classes",
            found: format!("`{name}`"),
            expected: format!("names of categories in the training annotations, without the background{hint}"),
        }
    })
}

/// Fails for the first object that cannot be painted.
fn require_shapes(samples: &DetectionSamples) -> Result<(), DatasetError> {
    for index in 0..samples.len() {
        if samples.annotation(index)?.iter().any(|object| object.segmentation.is_none()) {
            return Err(DatasetError::Format {
                path: samples.source(index).into(),
                detail: "an object of it is annotated as a box alone, expected a `segmentation`".to_owned(),
            });
        }
    }
    Ok(())
}
