//! How good a run's best model is on a split.

use std::path::Path;

use datasets::{ClassificationSamples, SplitName};
use metrics::{ClassRow, ClassificationMetrics, Score};
use models::Classifier;
use serde::Serialize;
use tensor_backend::VisionBackend;
use vision_types::{ClassId, ClassNames};

use super::ClassificationTask;
use crate::checkpoint::load_weights;
use crate::config::RunConfig;
use crate::error::TrainError;
use crate::evaluate::{EvaluateOptions, evaluate};
use crate::observer::{Observer, StopFlag};
use crate::run_directory::RunDirectory;
use crate::task::BadSample;

/// One sample's outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SampleOutcome {
    /// The sample's number.
    pub(super) index: usize,
    /// Its class.
    pub(super) target: ClassId,
    /// The most probable class.
    pub(super) predicted: ClassId,
    /// The probability of `predicted`.
    pub(super) score: f32,
    /// The probability of `target`.
    pub(super) target_score: f32,
}

/// How good a model is on a split.
#[derive(Debug)]
pub(super) struct SplitEvaluation {
    pub(super) split: SplitName,
    pub(super) loss: Option<f64>,
    pub(super) metrics: ClassificationMetrics,
    pub(super) outcomes: Vec<SampleOutcome>,
    pub(super) bad_samples: Vec<BadSample>,
    pub(super) interrupted: bool,
}

impl SplitEvaluation {
    /// The loss and every metric.
    pub(super) fn scores(&self) -> Vec<Score> {
        let mut scores = vec![Score { name: "loss".to_owned(), value: self.loss }];
        scores.extend(metrics::Metric::compute(&self.metrics));
        scores
    }
}

/// Evaluates `network` on one split.
#[allow(clippy::too_many_arguments, reason = "each is a different thing that the caller holds already")]
pub(super) fn evaluate_split<B: VisionBackend>(
    network: &Classifier<B>,
    task: &ClassificationTask,
    split: SplitName,
    samples: &ClassificationSamples,
    config: &RunConfig,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<SplitEvaluation, TrainError> {
    let options = EvaluateOptions {
        split: split.as_str(),
        batch_size: config.train.batch_size,
        workers: config.train.worker_count(),
        on_bad_sample: config.train.on_bad_sample,
    };
    let mut outcomes = Vec::with_capacity(samples.len());
    let evaluation =
        evaluate::<B, _, _>(network, task, &**samples, options, device, observer, stop, |index, scores, &target| {
            let predicted = scores.best();
            let (score, target_score) = (scores.0[predicted], scores.0[target]);
            outcomes.push(SampleOutcome { index, target, predicted, score, target_score });
        })?;
    Ok(SplitEvaluation {
        split,
        loss: evaluation.loss,
        metrics: evaluation.metrics,
        outcomes,
        bad_samples: evaluation.bad_samples,
        interrupted: evaluation.interrupted,
    })
}

/// The figures of a run's best model on one split, as `eval --json` prints them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunEvaluation {
    /// The run directory.
    pub run: String,
    /// The split's name.
    pub split: String,
    /// Samples that were judged.
    pub samples: u64,
    /// The loss and every metric; `null` where a figure is not defined.
    pub metrics: serde_json::Map<String, serde_json::Value>,
    /// One row a class.
    pub per_class: Vec<ClassRow>,
    /// Rows are true classes, columns predicted ones.
    pub confusion_matrix: Vec<Vec<u64>>,
    /// Samples that could not be read and were left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bad_samples: Vec<BadSample>,
    /// Names of the classes, in order.
    #[serde(skip)]
    pub classes: ClassNames,
}

/// Evaluates the best model of the run in `path` on `split`. `overrides` are `key=value` settings that replace those of
/// the run, such as another `data.path`.
///
/// # Errors
///
/// When the run, its weights or the data cannot be used, or a stop was asked for.
pub fn evaluate_run<B: VisionBackend>(
    path: &Path,
    split: SplitName,
    overrides: &[String],
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<Option<RunEvaluation>, TrainError> {
    let run = RunDirectory::open(path)?;
    let config = run.read_config(overrides)?;
    let weights = run.weights_file()?;
    let description: super::ModelDescription = crate::weights_file::read_description(&weights)?;
    let (samples, classes) = config.data.open_split(None, split)?;
    if classes != description.classes {
        return Err(TrainError::ClassesChanged {
            found: classes.as_slice().join(", "),
            expected: description.classes.as_slice().join(", "),
        });
    }
    let network = config.model.init::<B>(classes.len(), config.input.shape(), device)?;
    let network = load_weights(network, &weights)?;
    let task =
        ClassificationTask::new(classes.clone(), config.input.clone(), config.augment.clone(), config.loss.clone())
            .map_err(|error| crate::config::ConfigError::Invalid(format!("loss: {error}")))?;
    let evaluation = evaluate_split(&network, &task, split, &samples, &config, device, observer, stop)?;
    if evaluation.interrupted {
        return Ok(None);
    }
    let summary = evaluation.metrics.summary();
    Ok(Some(RunEvaluation {
        run: path.display().to_string(),
        split: split.to_string(),
        samples: summary.samples,
        metrics: evaluation.scores().into_iter().map(|score| (score.name, score.value.into())).collect(),
        per_class: summary.per_class,
        confusion_matrix: (0..classes.len()).map(|class| summary.confusion_matrix.row(class).to_vec()).collect(),
        bad_samples: evaluation.bad_samples,
        classes,
    }))
}
