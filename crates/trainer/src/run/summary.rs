//! The figures of a run.

use metrics::Score;
use serde::Serialize;

use super::environment;
use crate::config::{RunConfig, TaskKind};
use crate::tasks::{SplitEvaluation, TaskDefinition};
use crate::training::checkpoint::RunState;
use crate::training::{Ending, monitor_of};

/// The figures of a run, as `summary.json` holds them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// What was recognised.
    pub task: TaskKind,
    /// Epochs done.
    pub epochs_run: usize,
    /// The epoch whose weights were kept.
    pub best_epoch: Option<usize>,
    /// The figure it was chosen by.
    pub monitor: Option<String>,
    /// Whether the run ended before its last epoch.
    pub stopped_early: bool,
    /// Figures by split: those of the best epoch for `train`, of the kept weights for `val` and `test`.
    pub splits: serde_json::Map<String, serde_json::Value>,
    /// Seconds spent on training, evaluations after each epoch included.
    pub train_seconds: f64,
    /// Parameters of the network.
    pub parameters: usize,
    /// The most memory the process held, where the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// Samples that could not be read and were left out.
    pub bad_samples: usize,
}

impl Summary {
    /// Names of a split's figures.
    pub fn split_figures(&self, split: &str) -> impl Iterator<Item = &str> {
        let figures = self.splits.get(split).and_then(serde_json::Value::as_object);
        figures.into_iter().flat_map(|figures| figures.keys().map(String::as_str))
    }

    /// A figure of a split.
    pub fn figure(&self, split: &str, name: &str) -> Option<f64> {
        self.splits.get(split)?.get(name)?.as_f64()
    }
}

pub(super) fn summarise<K: TaskDefinition>(
    config: &RunConfig<K>,
    state: &RunState,
    evaluations: &[SplitEvaluation<K>],
    ending: Ending,
    parameters: usize,
) -> Summary {
    let best_epoch = state.progress.best.map(|(epoch, _)| epoch);
    let mut splits = serde_json::Map::new();
    let best_row = state.history.iter().find(|row| Some(row.epoch) == best_epoch).or(state.history.last());
    if let Some(row) = best_row {
        let figures = row
            .figures
            .iter()
            .filter_map(|(name, value)| name.strip_prefix("train.").map(|name| (name.to_owned(), (*value).into())));
        splits.insert("train".to_owned(), serde_json::Value::Object(figures.collect()));
    }
    for evaluation in evaluations {
        let figures = evaluation.scores().into_iter().map(|Score { name, value }| (name, value.into()));
        splits.insert(evaluation.split.to_string(), serde_json::Value::Object(figures.collect()));
    }
    Summary {
        task: config.task,
        epochs_run: state.history.len(),
        best_epoch,
        monitor: monitor_of(&state.history, config.train.monitor.as_deref()).map(|(name, _)| name),
        stopped_early: ending == Ending::EarlyStopped,
        splits,
        train_seconds: state.train_seconds,
        parameters,
        peak_memory_bytes: environment::peak_memory_bytes(),
        bad_samples: state.bad_samples.len(),
    }
}
