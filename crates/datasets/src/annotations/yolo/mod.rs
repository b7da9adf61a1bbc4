//! YOLO text files: one line an object, beside the images in folders called `labels` and `images`.
//!
//! ```text
//! root/data.yaml (optional)         or (as Roboflow exports)  root/data.yaml
//! root/images/train/a.jpg                                     root/train/images/a.jpg
//! root/labels/train/a.txt                                     root/train/labels/a.txt
//! root/images/val/b.jpg …                                     root/valid/images/b.jpg …
//! ```
//!
//! A line is `class x y width height`, the centre and size of a box as fractions of the image's width and height, or
//! `class x y x y x y …`, an outline. The format is that of the darknet program (Redmon, pjreddie.com/darknet/yolo);
//! the folders, outlines and data files are those of its successors.

mod data_file;
mod folder;
mod label_file;
mod yaml;

pub use label_file::{YoloObject, parse};

use std::path::Path;

use super::annotated_files::{AnnotatedFolderSpec, DetectionData, EmptyImages};
use crate::DatasetError;
use crate::kind::{DataKind, FileSettings, data_settings, has_extension};

data_settings! {
    /// Settings of `yolo`; the path may also be a data file (`data.yaml`).
    pub struct YoloSpec from files {
        /// Names of the classes; by default those of the data file, `classes.txt` or a `.names` file, or else their
        /// numbers.
        pub classes: Option<Vec<String>> = None, omit "Option::is_none";
        /// What becomes of training images without objects: `keep` or `drop`.
        pub empty_images: EmptyImages = EmptyImages::Keep;
    } with validation_split, test_split
}

impl DataKind for YoloSpec {
    type Data = DetectionData;
    type Auto = AnnotatedFolderSpec;
    const LOOKS_LIKE: &'static str = "YOLO files (data.yaml, images and labels)";

    fn open(&self, root: &Path) -> Result<DetectionData, DatasetError> {
        folder::open(root, self)
    }

    fn recognise(place: &Path, auto: &AnnotatedFolderSpec) -> Result<Option<Self>, DatasetError> {
        let found = || Self { empty_images: auto.empty_images, ..Self::at(place, auto.fractions()) };
        let here = match place.is_file() {
            true => has_extension(place, &["yaml", "yml"]),
            false => folder::recognise(place)?,
        };
        Ok(here.then(found))
    }
}
