//! What a configuration says about data for detection, and how they are opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vision_types::{ClassNames, Instance};

use crate::annotated_files::{Cut, DetectionData, EmptyImages};
use crate::coco::dataset::{self as coco_dataset, CocoFiles, CocoOptions};
use crate::detect::detect_annotated;
use crate::generated::Generated;
use crate::shape_scenes::{ScenesStyle, ShapeScenes};
use crate::split::{SplitFractions, SplitName, Splits};
use crate::voc::{self, Difficult, VocOptions};
use crate::yolo::{self, YoloOptions};
use crate::{DEFAULT_VALIDATION_SPLIT, DatasetError, DetectionSamples};

/// A detection data set, as written in a configuration. Every field but `kind` has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DetectionSpec {
    /// Whatever lies at the path: COCO, Pascal VOC or YOLO files.
    Auto(AnnotatedFolderSpec),
    /// COCO: JSON files, see [`coco`](crate::coco).
    Coco(CocoSpec),
    /// Pascal VOC: XML files, see [`voc`].
    Voc(VocSpec),
    /// YOLO: text files, see [`yolo`].
    Yolo(YoloSpec),
    /// Generated pictures of several shapes; needs no files.
    Shapes(ScenesSpec),
}

/// Settings of `auto`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnnotatedFolderSpec {
    /// The folder; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// What becomes of training images without objects: `keep` or `drop`.
    pub empty_images: EmptyImages,
    /// Share set aside for validation where the data have no such split; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where the data have no such split; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for AnnotatedFolderSpec {
    fn default() -> Self {
        Self {
            path: None,
            empty_images: EmptyImages::Keep,
            validation_split: DEFAULT_VALIDATION_SPLIT,
            test_split: 0.0,
            split_seed: 0,
        }
    }
}

/// Settings of `coco`. Files and folders are relative to the path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CocoSpec {
    /// The folder, or an annotation file; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Annotations for training; by default looked for, as `annotations/instances_train2017.json` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_annotations: Option<PathBuf>,
    /// Folder of the training images; by default looked for, as `train2017` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_images: Option<PathBuf>,
    /// Annotations for validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_annotations: Option<PathBuf>,
    /// Folder of the validation images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_images: Option<PathBuf>,
    /// Annotations for testing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_annotations: Option<PathBuf>,
    /// Folder of the test images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_images: Option<PathBuf>,
    /// What becomes of training images without objects: `keep` or `drop`.
    pub empty_images: EmptyImages,
    /// Share set aside for validation where there is no file for it; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where there is no file for it; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for CocoSpec {
    fn default() -> Self {
        Self {
            path: None,
            train_annotations: None,
            train_images: None,
            val_annotations: None,
            val_images: None,
            test_annotations: None,
            test_images: None,
            empty_images: EmptyImages::Keep,
            validation_split: DEFAULT_VALIDATION_SPLIT,
            test_split: 0.0,
            split_seed: 0,
        }
    }
}

/// Settings of `yolo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct YoloSpec {
    /// The folder, or a data file (`data.yaml`); the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Names of the classes; by default those of the data file, `classes.txt` or a `.names` file, or else their numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// What becomes of training images without objects: `keep` or `drop`.
    pub empty_images: EmptyImages,
    /// Share set aside for validation where there is no folder for it; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where there is no folder for it; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for YoloSpec {
    fn default() -> Self {
        Self {
            path: None,
            classes: None,
            empty_images: EmptyImages::Keep,
            validation_split: DEFAULT_VALIDATION_SPLIT,
            test_split: 0.0,
            split_seed: 0,
        }
    }
}

/// Settings of `voc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VocSpec {
    /// The folder; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Names of the classes; by default those in the training annotations, sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// What becomes of objects marked as difficult: `keep`, `crowd` or `drop`.
    pub difficult: Difficult,
    /// Corners are the first and last pixels of a box, counted from 1, as in Pascal VOC's own files; otherwise they are
    /// positions on the image plane, counted from 0.
    pub one_based: bool,
    /// What becomes of training images without objects: `keep` or `drop`.
    pub empty_images: EmptyImages,
    /// Share set aside for validation where there is no list or folder for it; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where there is no list or folder for it; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for VocSpec {
    fn default() -> Self {
        Self {
            path: None,
            classes: None,
            difficult: Difficult::Keep,
            one_based: true,
            empty_images: EmptyImages::Keep,
            validation_split: DEFAULT_VALIDATION_SPLIT,
            test_split: 0.0,
            split_seed: 0,
        }
    }
}

/// Settings of `shapes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScenesSpec {
    /// Number of training pictures.
    pub train: usize,
    /// Number of validation pictures; 0 for none.
    pub validation: usize,
    /// Number of test pictures; 0 for none.
    pub test: usize,
    /// Width and height in pixels.
    pub size: u32,
    /// How many of the eight shapes occur.
    pub classes: usize,
    /// Most shapes in a picture; there is always one.
    pub max_objects: usize,
    /// Largest change of a colour value by noise, in `0..=255`.
    pub noise: f64,
    /// Seed of the pictures; the splits never share one.
    pub seed: u64,
}

impl Default for ScenesSpec {
    fn default() -> Self {
        let ScenesStyle { size, classes, max_objects, noise } = ScenesStyle::default();
        Self { train: 1000, validation: 200, test: 200, size, classes, max_objects, noise, seed: 0 }
    }
}

impl Default for DetectionSpec {
    /// Generated shapes.
    fn default() -> Self {
        Self::Shapes(ScenesSpec::default())
    }
}

impl DetectionSpec {
    /// The value of `kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Auto(_) => "auto",
            Self::Coco(_) => "coco",
            Self::Voc(_) => "voc",
            Self::Yolo(_) => "yolo",
            Self::Shapes(_) => "shapes",
        }
    }

    /// The path in the configuration.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Auto(spec) => spec.path.as_deref(),
            Self::Coco(spec) => spec.path.as_deref(),
            Self::Voc(spec) => spec.path.as_deref(),
            Self::Yolo(spec) => spec.path.as_deref(),
            Self::Shapes(_) => None,
        }
    }

    /// Opens the data set at `root`, or where the configuration says if `root` is `None`. Annotations are read, images
    /// are only listed.
    ///
    /// # Errors
    ///
    /// [`DatasetError::PathRequired`] if neither names a path, otherwise the errors of the reader.
    pub fn open(&self, root: Option<&Path>) -> Result<Splits<Vec<Instance>>, DatasetError> {
        Ok(self.read(root)?.splits)
    }

    /// Opens the data set as [`DetectionSpec::open`] and tells what is wrong with its annotations as well.
    ///
    /// # Errors
    ///
    /// Those of [`DetectionSpec::open`].
    pub fn read(&self, root: Option<&Path>) -> Result<DetectionData, DatasetError> {
        let path = || root.or(self.path()).ok_or(DatasetError::PathRequired { kind: self.kind() });
        let cut = |validation, test, seed, empty_images| {
            let fractions = SplitFractions { validation, test, seed };
            Cut { fractions, empty_images }
        };
        match self {
            Self::Auto(spec) => detect_annotated(path()?, spec)?.read(None),
            Self::Coco(spec) => {
                let files = |annotations: &Option<PathBuf>, images: &Option<PathBuf>| CocoFiles {
                    annotations: annotations.clone(),
                    images: images.clone(),
                };
                let options = CocoOptions {
                    files: [
                        files(&spec.train_annotations, &spec.train_images),
                        files(&spec.val_annotations, &spec.val_images),
                        files(&spec.test_annotations, &spec.test_images),
                    ],
                    cut: cut(spec.validation_split, spec.test_split, spec.split_seed, spec.empty_images),
                };
                coco_dataset::open(path()?, &options)
            }
            Self::Yolo(spec) => {
                let options = YoloOptions {
                    classes: spec.classes.clone(),
                    cut: cut(spec.validation_split, spec.test_split, spec.split_seed, spec.empty_images),
                };
                yolo::open(path()?, &options)
            }
            Self::Voc(spec) => {
                let options = VocOptions {
                    classes: spec.classes.clone(),
                    difficult: spec.difficult,
                    one_based: spec.one_based,
                    cut: cut(spec.validation_split, spec.test_split, spec.split_seed, spec.empty_images),
                };
                voc::open(path()?, &options)
            }
            Self::Shapes(spec) => Ok(DetectionData::flawless(spec.open()?)),
        }
    }

    /// Opens the data set as [`DetectionSpec::open`] and gives one split with the class names.
    ///
    /// # Errors
    ///
    /// Those of [`DetectionSpec::open`], and [`DatasetError::NoSuchSplit`].
    pub fn open_split(
        &self,
        root: Option<&Path>,
        split: SplitName,
    ) -> Result<(DetectionSamples, ClassNames), DatasetError> {
        let splits = self.open(root)?;
        Ok((Arc::clone(splits.get(split)?), splits.classes))
    }
}

impl ScenesSpec {
    fn open(&self) -> Result<Splits<Vec<Instance>>, DatasetError> {
        let Self { size, classes, max_objects, noise, seed, .. } = *self;
        let style = ScenesStyle { size, classes, max_objects, noise };
        style.check()?;
        let lengths = [self.train, self.validation, self.test];
        let generated = Generated { lengths, size, seed, classes: ShapeScenes::classes(style) };
        generated.open(|seed, length| ShapeScenes::new(style, seed, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DetectionSpec, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn every_kind_has_defaults_and_survives_a_round_trip() {
        for kind in ["auto", "coco", "voc", "yolo", "shapes"] {
            let spec = parse(&format!("kind = \"{kind}\"")).unwrap();
            assert_eq!(spec.kind(), kind);
            assert_eq!(parse(&toml::to_string(&spec).unwrap()).unwrap(), spec);
            if kind != "shapes" {
                assert!(matches!(spec.open(None), Err(DatasetError::PathRequired { kind: k }) if k == kind));
            }
        }
    }

    #[test]
    fn shapes_have_the_asked_sizes_and_share_no_picture_between_splits() {
        let spec = parse("kind = \"shapes\"\ntrain = 16\nvalidation = 8\ntest = 0\nclasses = 3").unwrap();
        let splits = spec.open(None).unwrap();
        assert_eq!((splits.train.len(), splits.validation.as_ref().unwrap().len()), (16, 8));
        assert_eq!(splits.classes.as_slice(), ["circle", "square", "triangle"]);
        assert_ne!(splits.train.get(0).unwrap().image, splits.validation.as_ref().unwrap().get(0).unwrap().image);
        let error = splits.get(SplitName::Test).unwrap_err().to_string();
        assert_eq!(error, "there is no test split; this data set has: train, val");
    }
}
