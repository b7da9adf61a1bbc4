//! COCO's evaluation of boxes, masks and keypoints.
//!
//! Source: pycocotools 2.0, `cocoeval.py`: the same matching, the same order of detections with equal scores, the same
//! 101 recall levels.

mod boxes;
mod class_matching;
mod evaluation;
mod figures;
mod keypoints;
mod masks;
mod settings;

pub use boxes::{Boxes, CocoBoxes, FoundBox, KnownBox};
pub use evaluation::{CocoImage, CocoImages, CocoObjects, Facts};
pub use figures::CocoFigures;
pub use keypoints::{CocoKeypoints, FoundKeypoints, Keypoints, KnownKeypoints, PERSON_SIGMAS};
pub use masks::{CocoMasks, FoundMask, KnownMask, Masks};
pub use settings::{CocoSettings, Sizes};

pub(super) use boxes::overlap;
pub(super) use evaluation::object_counts;
pub(super) use figures::average_precision;
