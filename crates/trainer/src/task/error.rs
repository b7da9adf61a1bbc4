//! What can go wrong with samples, losses and metrics.

use std::path::PathBuf;

use datasets::DatasetError;
use metrics::MetricError;
use thiserror::Error;

/// What can go wrong with samples, losses and metrics.
#[derive(Debug, Error)]
pub enum TaskError {
    /// A sample could not be read.
    #[error(
        "{source_name}: {source}. `cargo xtask data doctor` lists every such file; `on_bad_sample = \"skip\"` under \
         [train] leaves them out"
    )]
    BadSample {
        /// The sample's file or name.
        source_name: String,
        /// What happened.
        source: DatasetError,
    },
    /// The data set failed as a whole.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Augmentation settings that cannot work on an image.
    #[error("{source_name}: {source}")]
    Augment {
        /// The sample's file or name.
        source_name: String,
        /// What happened.
        source: augment::AugmentError,
    },
    /// Predictions that a metric refuses.
    #[error("the predictions cannot be judged: {0}")]
    Metric(#[from] MetricError),
    /// A class number outside the model's classes.
    #[error("{source_name} is of class {class}, but the model has {classes} classes")]
    UnknownClass {
        /// The sample's file or name.
        source_name: String,
        /// Its class number.
        class: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A file of the run could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
}
