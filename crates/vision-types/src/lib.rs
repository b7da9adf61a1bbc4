//! Plain data shared by every crate of the pipeline: boxes, masks, samples, detections and class names.
//!
//! Nothing here knows about tensors, files or training. One representation inside: boxes are `xyxy` in pixels with the
//! origin in the upper left corner, images are 8-bit RGB, classes count from 0. Other formats are converted where they
//! enter or leave, in functions whose names state the format.

mod anchor_point;
mod bbox;
mod class_names;
pub mod distance;
mod mask;
mod nearest_name;
pub mod nms;
mod regions;
mod rle;
mod sample;
mod segmentation;

pub use anchor_point::AnchorPoint;
pub use bbox::BBox;
pub use class_names::{ClassId, ClassNames};
pub use mask::Mask;
pub use nearest_name::{did_you_mean, nearest_name};
pub use regions::{Connectivity, Region, Regions};
pub use rle::{Rle, RleError};
pub use sample::{ClassScores, DetectedKeypoint, DetectedObject, Instance, Sample};
pub use segmentation::Segmentation;
