//! The kinds of recognition: the only place where models, losses, metrics, data and augmentation meet.

pub mod classification;
pub mod detection;
pub mod segmentation;
