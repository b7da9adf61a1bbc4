//! What a configuration says about its data: the list of kinds of each task.

mod classification;
mod detection;
mod segmentation;

pub use classification::DatasetSpec;
pub use detection::DetectionSpec;
pub use segmentation::SegmentationSpec;
