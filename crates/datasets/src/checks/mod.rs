//! Looking at data: figures about it, and what spoils a training run.

pub mod detection_doctor;
pub mod detection_stats;
pub mod doctor;
pub mod segmentation_doctor;
pub mod segmentation_stats;
pub mod stats;
mod survey;
