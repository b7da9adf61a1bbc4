//! Images with their objects: the formats in which boxes and outlines are written.

pub(crate) mod annotated_files;
pub(crate) mod annotation_problem;
pub mod coco;
pub mod voc;
pub mod yolo;
