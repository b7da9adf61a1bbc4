//! Pascal VOC: one XML file an image, lists of the images of each split.
//!
//! ```text
//! root/Annotations/000001.xml            or (as Roboflow exports)  root/train/a.jpg
//! root/JPEGImages/000001.jpg                                       root/train/a.xml
//! root/ImageSets/Main/train.txt, val.txt, test.txt (optional)      root/valid/b.jpg …
//! ```
//!
//! Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010, and the development kit of VOC
//! 2012.

mod annotation_file;
mod folder;

pub use annotation_file::{VocAnnotation, VocObject, parse};

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::annotated_files::{AnnotatedFolderSpec, DetectionData, EmptyImages};
use crate::DatasetError;
use crate::kind::{DataKind, FileSettings, data_settings};

/// What becomes of objects that are marked as difficult.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Difficult {
    /// They are objects like others.
    #[default]
    Keep,
    /// They become groups of objects (COCO's crowd), which neither count as found nor as missed in evaluation.
    Crowd,
    /// They are left out.
    Drop,
}

data_settings! {
    /// Settings of `voc`.
    pub struct VocSpec from files {
        /// Names of the classes; by default those in the training annotations, sorted.
        pub classes: Option<Vec<String>> = None, omit "Option::is_none";
        /// What becomes of objects marked as difficult: `keep`, `crowd` or `drop`.
        pub difficult: Difficult = Difficult::Keep;
        /// Corners are the first and last pixels of a box, counted from 1, as in Pascal VOC's own files; otherwise they
        /// are positions on the image plane, counted from 0.
        pub one_based: bool = true;
        /// What becomes of training images without objects: `keep` or `drop`.
        pub empty_images: EmptyImages = EmptyImages::Keep;
    } with validation_split, test_split
}

impl DataKind for VocSpec {
    type Data = DetectionData;
    type Auto = AnnotatedFolderSpec;
    const LOOKS_LIKE: &'static str = "Pascal VOC files (Annotations/*.xml)";

    fn open(&self, root: &Path) -> Result<DetectionData, DatasetError> {
        folder::open(root, self)
    }

    fn recognise(place: &Path, auto: &AnnotatedFolderSpec) -> Result<Option<Self>, DatasetError> {
        let found = || Self { empty_images: auto.empty_images, ..Self::at(place, auto.fractions()) };
        Ok((place.is_dir() && folder::recognise(place)?).then(found))
    }
}
