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
//! `class x y x y x y …`, an outline. The format is that of the darknet program (Redmon, pjreddie.com/darknet/yolo); the
//! folders, outlines and data files are those of its successors.

mod data_file;
mod folder;
mod label_file;
mod yaml;

pub(crate) use folder::{open, recognise};
pub use label_file::{YoloObject, parse};

use crate::annotated_files::Cut;

/// How YOLO text files are read.
#[derive(Debug, Clone)]
pub(crate) struct YoloOptions {
    pub(crate) classes: Option<Vec<String>>,
    pub(crate) cut: Cut,
}
