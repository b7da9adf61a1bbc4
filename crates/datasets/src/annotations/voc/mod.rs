//! Pascal VOC: one XML file an image, lists of the images of each split.
//!
//! ```text
//! root/Annotations/000001.xml            or (as Roboflow exports)  root/train/a.jpg
//! root/JPEGImages/000001.jpg                                       root/train/a.xml
//! root/ImageSets/Main/train.txt, val.txt, test.txt (optional)      root/valid/b.jpg …
//! ```
//!
//! Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010, and the development kit of VOC 2012.

mod annotation_file;
mod folder;

pub use annotation_file::{VocAnnotation, VocObject, parse};
pub(crate) use folder::{open, recognise};

use serde::{Deserialize, Serialize};

use crate::annotated_files::Cut;

/// What becomes of objects that are marked as difficult.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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

/// How Pascal VOC files are read.
#[derive(Debug, Clone)]
pub(crate) struct VocOptions {
    pub(crate) classes: Option<Vec<String>>,
    pub(crate) difficult: Difficult,
    pub(crate) one_based: bool,
    pub(crate) cut: Cut,
}
