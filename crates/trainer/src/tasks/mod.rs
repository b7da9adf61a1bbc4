//! The tasks: the only place where models, losses, metrics, data and augmentation meet.
//!
//! A task is a folder here with a unit struct that implements [`TaskDefinition`]; [`AnyTask`](crate::config::AnyRunConfig)
//! lists them.

pub mod classification;
pub mod definition;
pub mod detection;
pub(crate) mod pictures;
mod predictor;
pub mod segmentation;

pub use definition::{InferenceOn, NetworkOn, SplitEvaluation, TaskDefinition, TrainingOn, TrainingSetup};
pub use pictures::{PictureLayout, TrainingPicture};
pub use predictor::{ModelDescription, Predictor};
