//! Masks painted from the outlines and run lengths of COCO files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vision_types::{ClassNames, did_you_mean, nearest_name};

use super::{CrowdMask, MOST_CLASSES, PaintedObjects, SegmentationData, SegmentationFolderSpec, Unpaired};
use crate::annotations::annotated_files::EmptyImages;
use crate::annotations::coco::dataset::{self as coco_dataset, CocoSpec};
use crate::kind::{DataKind, FileSettings, data_settings};
use crate::{Dataset, DatasetError, DetectionSamples, SegmentationSamples, Splits};

data_settings! {
    /// Settings of `coco`; the path may also be an annotation file. Files and folders are relative to it.
    pub struct CocoMasksSpec from files {
        /// Annotations for training; by default looked for, as `annotations/instances_train2017.json` and the like.
        pub train_annotations: Option<PathBuf> = None, omit "Option::is_none";
        /// Folder of the training images; by default looked for, as `train2017` and the like.
        pub train_images: Option<PathBuf> = None, omit "Option::is_none";
        /// Annotations for validation.
        pub val_annotations: Option<PathBuf> = None, omit "Option::is_none";
        /// Folder of the validation images.
        pub val_images: Option<PathBuf> = None, omit "Option::is_none";
        /// Annotations for testing.
        pub test_annotations: Option<PathBuf> = None, omit "Option::is_none";
        /// Folder of the test images.
        pub test_images: Option<PathBuf> = None, omit "Option::is_none";
        /// The categories that are classes, without the background; by default all.
        pub classes: Option<Vec<String>> = None, omit "Option::is_none";
        /// What becomes of groups of objects (`iscrowd`): `ignore`, `paint` or `drop`.
        pub crowd: CrowdMask = CrowdMask::Ignore;
        /// What becomes of training images without objects: `keep` or `drop`.
        pub empty_images: EmptyImages = EmptyImages::Keep;
    } with validation_split, test_split
}

impl DataKind for CocoMasksSpec {
    type Data = SegmentationData;
    type Auto = SegmentationFolderSpec;
    const LOOKS_LIKE: &'static str = coco_dataset::LOOKS_LIKE;

    fn open(&self, root: &Path) -> Result<SegmentationData, DatasetError> {
        let objects = CocoSpec {
            train_annotations: self.train_annotations.clone(),
            train_images: self.train_images.clone(),
            val_annotations: self.val_annotations.clone(),
            val_images: self.val_images.clone(),
            test_annotations: self.test_annotations.clone(),
            test_images: self.test_images.clone(),
            empty_images: self.empty_images,
            ..CocoSpec::at(root, self.fractions())
        };
        open(root, &objects, self.classes.as_deref(), self.crowd)
    }

    fn recognise(place: &Path, auto: &SegmentationFolderSpec) -> Result<Option<Self>, DatasetError> {
        Ok(coco_dataset::recognise(place)?.then(|| Self::at(place, auto.fractions())))
    }
}

/// The name of class 0.
const BACKGROUND: &str = "background";

/// Opens the COCO files below `root`, or the single file that it is, as masks: class 0 is the background, the
/// categories follow in the order of their numbers, or those of `classes` in the order given; objects of other
/// categories are left out.
///
/// # Errors
///
/// Those of the reader of COCO files, [`DatasetError::InvalidSetting`] for a class that is no category, and
/// [`DatasetError::Format`] for an object that is a box alone.
fn open(
    root: &Path,
    objects: &CocoSpec,
    classes: Option<&[String]>,
    crowd: CrowdMask,
) -> Result<SegmentationData, DatasetError> {
    let data = coco_dataset::open(root, objects)?;
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
    // What annotations of COCO lack is a matter of taste; `data doctor` tells.
    Ok(SegmentationData { splits, problems: data.problems, unpaired: Unpaired::Skip })
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
