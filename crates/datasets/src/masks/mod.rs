//! Data for semantic segmentation: images with a class number for every pixel.

pub(crate) mod coco;
mod data;
mod encoding;
mod files;
pub(crate) mod folder;
pub(crate) mod instances;
pub(crate) mod painted;
pub(crate) mod voc;

pub use data::{SegmentationData, SegmentationFolderSpec, Unpaired};
pub use encoding::{ClassColor, MaskEncoding};
pub use files::{MaskFiles, MaskPair};
pub use instances::InstanceMasks;
pub use painted::{CrowdMask, PaintedObjects};
pub use voc::VOC_CLASSES;

pub(crate) use encoding::{EncodingSettings, MaskCode, settle};

/// Class numbers are bytes, and the last one stands for pixels to ignore.
const MOST_CLASSES: usize = vision_types::Mask::IGNORE as usize;
