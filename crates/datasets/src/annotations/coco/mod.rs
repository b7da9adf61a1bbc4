//! Files of the COCO format: annotations and the results of detectors.
//!
//! The format is described at <https://cocodataset.org/#format-data> and <https://cocodataset.org/#format-results>.
//! Everything is kept as it is written: ids need not be contiguous, boxes are `[x, y, width, height]` in pixels,
//! keypoints are `x, y, visibility` in turn. [`AnnotationFile`] and [`ResultsFile`] only read; what the numbers mean is
//! decided by those who use them.

pub mod annotation_file;
mod array;
pub(crate) mod dataset;
mod file_bytes;
mod json;
pub mod outline;
pub mod results_file;

pub use annotation_file::{Annotation, AnnotationFile, Category, Image, Parts};
pub use outline::Outline;
pub use results_file::{ResultEntry, ResultLayout, ResultsFile};
