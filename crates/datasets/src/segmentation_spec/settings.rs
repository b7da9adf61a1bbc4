//! What each kind of data for semantic segmentation can be told.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::masks::{ClassColor, CrowdMask, MaskEncoding};
use crate::{DEFAULT_VALIDATION_SPLIT, EmptyImages};

/// Settings of `auto`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentationFolderSpec {
    /// The folder; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Share set aside for validation where the data have no such split; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where the data have no such split; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for SegmentationFolderSpec {
    fn default() -> Self {
        Self { path: None, validation_split: DEFAULT_VALIDATION_SPLIT, test_split: 0.0, split_seed: 0 }
    }
}

/// What becomes of images without masks and masks without images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unpaired {
    /// They are an error.
    #[default]
    Error,
    /// They are left out.
    Skip,
}

/// Settings of `folder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskFolderSpec {
    /// The folder; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Folder of the images, in the path or in the folders of splits; by default `images` or another usual name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<PathBuf>,
    /// Folder of the masks; by default `masks` or another usual name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<PathBuf>,
    /// What the file name of a mask has behind that of its image, before the extension.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mask_suffix: String,
    /// What becomes of images without masks and masks without images: `error` or `skip`.
    pub unpaired: Unpaired,
    /// How masks name classes: `auto`, `index`, `binary` or `colors`.
    pub encoding: MaskEncoding,
    /// Names of the classes, in the order of their numbers; by default the numbers or colours, or `background` and
    /// `foreground`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// The level or palette position of each class; by default its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<u16>>,
    /// The colour of each class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colors: Option<Vec<ClassColor>>,
    /// The level or palette position of pixels to ignore; by default 255 where that is no class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_index: Option<u16>,
    /// The colour of pixels to ignore; by default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_color: Option<[u8; 3]>,
    /// Share set aside for validation where there is no folder for it; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where there is no folder for it; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for MaskFolderSpec {
    fn default() -> Self {
        Self {
            path: None,
            images: None,
            masks: None,
            mask_suffix: String::new(),
            unpaired: Unpaired::Error,
            encoding: MaskEncoding::Auto,
            classes: None,
            values: None,
            colors: None,
            ignore_index: None,
            ignore_color: None,
            validation_split: DEFAULT_VALIDATION_SPLIT,
            test_split: 0.0,
            split_seed: 0,
        }
    }
}

/// Settings of `voc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VocMasksSpec {
    /// The folder with `JPEGImages` and `SegmentationClass`; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Names of the classes, in the order of their numbers; by default the 21 published ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// Share set aside for validation where there is no list for it; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where there is no list for it; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for VocMasksSpec {
    fn default() -> Self {
        Self { path: None, classes: None, validation_split: DEFAULT_VALIDATION_SPLIT, test_split: 0.0, split_seed: 0 }
    }
}

/// Settings of `coco`. Files and folders are relative to the path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CocoMasksSpec {
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
    /// The categories that are classes, without the background; by default all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// What becomes of groups of objects (`iscrowd`): `ignore`, `paint` or `drop`.
    pub crowd: CrowdMask,
    /// What becomes of training images without objects: `keep` or `drop`.
    pub empty_images: EmptyImages,
    /// Share set aside for validation where there is no file for it; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where there is no file for it; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for CocoMasksSpec {
    fn default() -> Self {
        Self {
            path: None,
            train_annotations: None,
            train_images: None,
            val_annotations: None,
            val_images: None,
            test_annotations: None,
            test_images: None,
            classes: None,
            crowd: CrowdMask::Ignore,
            empty_images: EmptyImages::Keep,
            validation_split: DEFAULT_VALIDATION_SPLIT,
            test_split: 0.0,
            split_seed: 0,
        }
    }
}

/// Settings of `instances`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstanceMasksSpec {
    /// The folder; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Folder of the image, in the folder of each image.
    pub images: PathBuf,
    /// Folder of the masks of its objects, in the folder of each image.
    pub masks: PathBuf,
    /// What becomes of images without a folder of masks: `error` or `skip`.
    pub unpaired: Unpaired,
    /// Names of background and foreground, and of the border where there is one; by default these words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// Pixels with two or more objects at most so many columns and rows away are a third class; 0 for none.
    pub border: u32,
    /// Share set aside for validation where there is no folder for it; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where there is no folder for it; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for InstanceMasksSpec {
    fn default() -> Self {
        Self {
            path: None,
            images: PathBuf::from("images"),
            masks: PathBuf::from("masks"),
            unpaired: Unpaired::Error,
            classes: None,
            border: 0,
            validation_split: DEFAULT_VALIDATION_SPLIT,
            test_split: 0.0,
            split_seed: 0,
        }
    }
}

/// Settings of `shapes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskScenesSpec {
    /// Number of training pictures.
    pub train: usize,
    /// Number of validation pictures; 0 for none.
    pub validation: usize,
    /// Number of test pictures; 0 for none.
    pub test: usize,
    /// Width and height in pixels.
    pub size: u32,
    /// How many of the eight shapes occur; the background is one class more.
    pub classes: usize,
    /// Most shapes in a picture; there is always one.
    pub max_objects: usize,
    /// Largest change of a colour value by noise, in `0..=255`.
    pub noise: f64,
    /// Seed of the pictures; the splits never share one.
    pub seed: u64,
}

impl Default for MaskScenesSpec {
    /// Small enough that a network learns them in minutes on a CPU.
    fn default() -> Self {
        Self { train: 800, validation: 100, test: 100, size: 64, classes: 4, max_objects: 4, noise: 24.0, seed: 0 }
    }
}
