//! What can end a run.

use std::path::PathBuf;

use tensor_backend::state_dict::StateDictError;
use thiserror::Error;

use crate::config::ConfigError;
use crate::task::TaskError;
use crate::weights::file::WeightsFileError;
use crate::weights::initial::Mismatch;

/// What can end a run.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Samples or predictions are wrong.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The data set is wrong.
    #[error(transparent)]
    Dataset(#[from] datasets::DatasetError),
    /// The model cannot be built.
    #[error(transparent)]
    Model(#[from] models::ModelError),
    /// Weights could not be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsFileError),
    /// Weights are of another model.
    #[error("{}: {source}", .path.display())]
    StateDict {
        /// The weights file.
        path: PathBuf,
        /// What does not fit.
        source: StateDictError,
    },
    /// The weights to start from are of another model.
    #[error("{}: {mismatch}", .path.display())]
    InitialWeights {
        /// The weights file.
        path: PathBuf,
        /// What does not fit.
        mismatch: Mismatch,
    },
    /// A file of the run directory could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// A file of the run directory does not hold what it should.
    #[error("{} is damaged or of another version: {reason}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The loss is no longer a number.
    #[error(
        "the loss became {value} at step {step} (epoch {epoch}, learning rate {lr:e}). Checkpoints written so far are \
         intact. Usual causes: a learning rate that is too high (try `--set optim.lr={suggested:e}` or \
         `--set optim.clip_norm=1.0`) or a damaged image"
    )]
    NonFiniteLoss {
        /// The loss.
        value: f64,
        /// Optimiser steps made.
        step: u64,
        /// The epoch, from 1.
        epoch: usize,
        /// The learning rate.
        lr: f64,
        /// A tenth of `optim.lr`.
        suggested: f64,
    },
    /// There is nothing to learn from.
    #[error("the training split has no samples")]
    NoSamples,
    /// The monitored figure does not exist.
    #[error("train.monitor names `{name}`, which this run does not measure{nearest}; it measures: {available}", nearest = suggestion(.nearest))]
    UnknownMonitor {
        /// The figure's name.
        name: String,
        /// The most similar figure.
        nearest: Option<String>,
        /// The figures there are.
        available: String,
    },
    /// The data has other classes than the model.
    #[error("the data has the classes {found}, but the model was trained for {expected}")]
    ClassesChanged {
        /// Classes of the data.
        found: String,
        /// Classes of the model.
        expected: String,
    },
    /// A new run would overwrite an earlier one.
    #[error(
        "{} holds a run already. Choose another folder with --out, go on with `--resume {}`, or start anew with \
         --overwrite",
        .path.display(), .path.display()
    )]
    RunExists {
        /// The run directory.
        path: PathBuf,
    },
    /// There is no run to go on with.
    #[error("{} is not a run directory: {reason}", .path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        reason: String,
    },
    /// The data differs from what the run was started with.
    #[error(
        "the data at {} differs from what this run was started with (fingerprint {found}, expected {expected}); an \
         exact resume needs the same files. Point --data at them, or start a new run",
        .path.display()
    )]
    DataChanged {
        /// Where the data was looked for.
        path: PathBuf,
        /// The fingerprint now.
        found: String,
        /// The fingerprint then.
        expected: String,
    },
}

/// ` (did you mean …?)`, or nothing.
pub(crate) fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!(" (did you mean `{nearest}`?)")).unwrap_or_default()
}

impl TrainError {
    /// For use with `map_err`: an input/output error of `path`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
