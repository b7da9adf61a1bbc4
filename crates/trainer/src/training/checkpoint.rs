//! Everything that a run needs to go on exactly where it stopped.

use std::path::Path;

use burn::module::{AutodiffModule, Module};
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::AutodiffVisionBackend;
use tensor_backend::state_dict::{load_state_dict, state_dict};

use crate::atomic_file;
use crate::error::TrainError;
use crate::task::BadSample;
use crate::training::early_stopping::Progress;
use crate::training::history::HistoryRow;
use crate::training::optim::Optimizer;
use crate::training::schedule::PlateauState;
use crate::weights::file as weights_file;

/// The weights of a checkpoint.
pub const MODEL_FILE: &str = "model.safetensors";
/// Their moving average, where the run keeps one.
const AVERAGE_FILE: &str = "average.safetensors";
/// The optimiser's state.
const OPTIMIZER_FILE: &str = "optimizer.safetensors";
/// Counters and histories.
const STATE_FILE: &str = "state.json";

/// Raised whenever the meaning of a checkpoint's files changes.
const FORMAT_VERSION: u32 = 1;

/// Counters and histories of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    version: u32,
    /// The current epoch, from 0.
    pub epoch: usize,
    /// Batches of the current epoch that were learnt from.
    pub batches_done: usize,
    /// Optimiser steps made.
    pub step: u64,
    /// Sums over the current epoch.
    pub running: RunningSums,
    /// Seconds spent on the current epoch's training.
    pub epoch_seconds: f64,
    /// Seconds spent on training, evaluations included.
    pub train_seconds: f64,
    /// Rows of finished epochs.
    pub history: Vec<HistoryRow>,
    /// The best epoch.
    pub progress: Progress,
    /// The schedule's state.
    pub plateau: PlateauState,
    /// Samples that were left out so far, each once.
    pub bad_samples: Vec<BadSample>,
}

impl Default for RunState {
    fn default() -> Self {
        Self {
            version: FORMAT_VERSION,
            epoch: 0,
            batches_done: 0,
            step: 0,
            running: RunningSums::default(),
            epoch_seconds: 0.0,
            train_seconds: 0.0,
            history: Vec::new(),
            progress: Progress::default(),
            plateau: PlateauState::default(),
            bad_samples: Vec::new(),
        }
    }
}

/// Sums over the training batches of an epoch, divided once at its end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunningSums {
    /// Samples learnt from.
    pub samples: u64,
    /// Sum of their losses.
    pub loss: f64,
    /// Other figures: name and sum.
    pub scores: Vec<(String, f64)>,
}

impl RunningSums {
    /// Adds a batch.
    pub fn add(&mut self, samples: usize, mean_loss: f64, scores: &[(&'static str, f64)]) {
        self.samples += samples as u64;
        self.loss += mean_loss * samples as f64;
        for (name, sum) in scores {
            match self.scores.iter_mut().find(|(known, _)| known == name) {
                Some((_, total)) => *total += sum,
                None => self.scores.push(((*name).to_owned(), *sum)),
            }
        }
    }

    /// The mean loss; `None` before the first sample.
    pub fn mean_loss(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.loss / self.samples as f64)
    }

    /// Means of the other figures.
    pub fn means(&self) -> impl Iterator<Item = (&str, f64)> {
        self.scores.iter().map(|(name, sum)| (name.as_str(), sum / self.samples.max(1) as f64))
    }
}

/// A network with all that its training needs.
#[derive(Debug)]
pub struct Training<B: AutodiffVisionBackend, N: AutodiffModule<B>> {
    /// The network being trained.
    pub network: N,
    /// Its moving average, where the run keeps one.
    pub average: Option<N::InnerModule>,
    /// The optimiser.
    pub optimizer: Optimizer<B>,
    /// Counters and histories.
    pub state: RunState,
}

impl<B: AutodiffVisionBackend, N: AutodiffModule<B>> Training<B, N> {
    /// Replaces the checkpoint in `folder`.
    ///
    /// # Errors
    ///
    /// When a file cannot be written; the checkpoint that was there then stays.
    pub fn save(&self, folder: &Path, description: &impl Serialize) -> Result<(), TrainError> {
        atomic_file::replace_folder(folder, |folder| -> Result<(), SaveError> {
            weights_file::write(&folder.join(MODEL_FILE), &state_dict(&self.network), description)?;
            if let Some(average) = &self.average {
                weights_file::write(&folder.join(AVERAGE_FILE), &state_dict(average), description)?;
            }
            weights_file::write(&folder.join(OPTIMIZER_FILE), &self.optimizer.state(), &FORMAT_VERSION)?;
            std::fs::write(folder.join(STATE_FILE), serde_json::to_vec_pretty(&self.state)?)?;
            Ok(())
        })
        .map_err(|error| error.at(folder))
    }

    /// Goes on from the checkpoint in `folder`.
    ///
    /// # Errors
    ///
    /// When a file is missing or damaged, or the weights are of another network.
    pub fn load(mut self, folder: &Path, device: &B::Device) -> Result<Self, TrainError> {
        atomic_file::recover_folder(folder).map_err(TrainError::file(folder))?;
        let state_file = folder.join(STATE_FILE);
        let text = std::fs::read_to_string(&state_file).map_err(TrainError::file(&state_file))?;
        let damaged = |reason: String| TrainError::Format { path: state_file.clone(), reason };
        self.state = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if self.state.version != FORMAT_VERSION {
            return Err(damaged(format!("its version is {}, this program reads {FORMAT_VERSION}", self.state.version)));
        }
        self.network = load_weights(self.network, &folder.join(MODEL_FILE))?;
        if let Some(average) = self.average.take() {
            let file = folder.join(AVERAGE_FILE);
            self.average = Some(if file.exists() { load_weights(average, &file)? } else { self.network.valid() });
        }
        self.optimizer.restore(weights_file::read(&folder.join(OPTIMIZER_FILE))?, device);
        Ok(self)
    }
}

/// Replaces the weights in `folder` (a checkpoint without the state for going on).
///
/// # Errors
///
/// When the file cannot be written; the weights that were there then stay.
pub fn save_weights<B: Backend, M: Module<B>>(
    network: &M,
    folder: &Path,
    description: &impl Serialize,
) -> Result<(), TrainError> {
    atomic_file::replace_folder(folder, |folder| -> Result<(), SaveError> {
        Ok(weights_file::write(&folder.join(MODEL_FILE), &state_dict(network), description)?)
    })
    .map_err(|error| error.at(folder))
}

/// `network` with the weights of a file.
///
/// # Errors
///
/// When the file is missing or damaged, or its weights are of another network.
pub fn load_weights<B: Backend, M: Module<B>>(network: M, file: &Path) -> Result<M, TrainError> {
    let tensors = weights_file::read(file)?;
    load_state_dict(network, &tensors).map_err(|source| TrainError::StateDict { path: file.to_owned(), source })
}

/// An error while a checkpoint is written.
enum SaveError {
    Io(std::io::Error),
    Weights(weights_file::WeightsFileError),
}

impl SaveError {
    fn at(self, folder: &Path) -> TrainError {
        match self {
            Self::Io(source) => TrainError::File { path: folder.to_owned(), source },
            Self::Weights(error) => TrainError::Weights(error),
        }
    }
}

impl From<std::io::Error> for SaveError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<serde_json::Error> for SaveError {
    fn from(error: serde_json::Error) -> Self {
        Self::Io(error.into())
    }
}

impl From<weights_file::WeightsFileError> for SaveError {
    fn from(error: weights_file::WeightsFileError) -> Self {
        Self::Weights(error)
    }
}
