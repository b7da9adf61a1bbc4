//! How good a run's best model is on a split.

use datasets::{Samples, SplitName, Splits};
use models::Network;
use serde::Serialize;
use tensor_backend::VisionBackend;
use vision_types::ClassNames;

use crate::checkpoint::load_weights;
use crate::config::{AnnotationOf, ConfigError, RunConfig};
use crate::error::TrainError;
use crate::evaluate::{EvaluateOptions, evaluate};
use crate::initial_weights;
use crate::observer::{Observer, StopFlag};
use crate::recognition::{NetworkOn, RecognitionOn, SplitEvaluation};
use crate::run_directory::RunDirectory;
use crate::task::{BadSample, Task};
use crate::test_time::Views;

/// Evaluates `network` on one split, perhaps on several views of each image.
#[allow(clippy::too_many_arguments, reason = "each is a different thing that the caller holds already")]
pub(super) fn evaluate_split<B: VisionBackend, K: RecognitionOn<B>>(
    network: &NetworkOn<K, B>,
    task: &K::Task,
    split: SplitName,
    samples: &Samples<AnnotationOf<K>>,
    config: &RunConfig<K>,
    views: Option<Views>,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<SplitEvaluation<K>, TrainError> {
    let options = EvaluateOptions {
        split: split.as_str(),
        batch_size: config.train.batch_size,
        workers: config.train.worker_count(),
        on_bad_sample: config.train.on_bad_sample,
    };
    let mut outcomes = Vec::with_capacity(samples.len());
    let forward = |images| {
        let Some(views) = views else { return Ok(task.forward(network, images)) };
        let outputs = views.of(images).into_iter().map(|view| network.forward(view)).collect();
        task.average(outputs).ok_or_else(|| {
            let task = K::TASK.as_str();
            ConfigError::Invalid(format!("test-time augmentation is for classification, found {task}")).into()
        })
    };
    let evaluation =
        evaluate::<B, _>(forward, task, &**samples, options, device, observer, stop, |index, prediction, target| {
            outcomes.push(K::outcome(index, prediction, target));
        })?;
    Ok(SplitEvaluation {
        split,
        loss: evaluation.loss,
        terms: evaluation.terms,
        metrics: evaluation.metrics,
        outcomes,
        bad_samples: evaluation.bad_samples,
        interrupted: evaluation.interrupted,
    })
}

/// Judges the kept weights on the validation and test splits; `None` when a stop was asked for.
pub(super) fn final_evaluations<B: VisionBackend, K: RecognitionOn<B>>(
    network: &NetworkOn<K, B>,
    task: &K::Task,
    splits: &Splits<AnnotationOf<K>>,
    config: &RunConfig<K>,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<Option<Vec<SplitEvaluation<K>>>, TrainError> {
    let mut evaluations = Vec::new();
    for (split, samples) in splits.iter().filter(|(split, _)| *split != SplitName::Train) {
        let evaluation = evaluate_split::<B, K>(network, task, split, samples, config, None, device, observer, stop)?;
        if evaluation.interrupted {
            return Ok(None);
        }
        evaluations.push(evaluation);
    }
    Ok(Some(evaluations))
}

/// The figures of a model on one split, as `eval --json` prints them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunEvaluation<D> {
    /// The run directory, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The network whose weights belong to no run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The split's name.
    pub split: String,
    /// Samples that were judged.
    pub samples: usize,
    /// The loss and every metric; `null` where a figure is not defined.
    pub metrics: serde_json::Map<String, serde_json::Value>,
    /// What else the task tells.
    #[serde(flatten)]
    pub details: D,
    /// Samples that could not be read and were left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bad_samples: Vec<BadSample>,
    /// Names of the classes, in order.
    #[serde(skip)]
    pub classes: ClassNames,
}

/// Evaluates the best model of the run in `run` on `split`. `config` is that of the run, perhaps with other settings,
/// such as another `data.path`; `views` of each image are judged together. `None` when a stop was asked for.
///
/// # Errors
///
/// When the run, its weights or the data cannot be used.
pub fn evaluate_run<B: VisionBackend, K: RecognitionOn<B>>(
    run: &RunDirectory,
    config: &RunConfig<K>,
    split: SplitName,
    views: Option<Views>,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<Option<RunEvaluation<K::Details>>, TrainError> {
    let weights = run.weights_file()?;
    let description: K::Description = crate::weights_file::read_description(&weights)?;
    let (samples, classes) = config.open_split(split)?;
    let expected = K::described_classes(&description);
    if classes != *expected {
        return Err(TrainError::ClassesChanged {
            found: classes.as_slice().join(", "),
            expected: expected.as_slice().join(", "),
        });
    }
    let network = K::network(&config.model, classes.len(), config.input.shape(), device)?;
    let network = load_weights(network, &weights)?;
    let judged = judge::<B, K>(&network, config, split, &samples, classes, views, device, observer, stop)?;
    Ok(judged.map(|judged| RunEvaluation { run: Some(run.path().display().to_string()), ..judged }))
}

/// Evaluates the weights in `config.init`, which belong to no run, in the network of `config.model`; otherwise as
/// [`evaluate_run`].
///
/// # Errors
///
/// When no weights are named, they do not fit the network and the classes of the data, or the data cannot be used.
pub fn evaluate_weights<B: VisionBackend, K: RecognitionOn<B>>(
    config: &RunConfig<K>,
    split: SplitName,
    views: Option<Views>,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<Option<RunEvaluation<K::Details>>, TrainError> {
    if config.init.from.is_none() {
        let problem = "init.from is unset, expected the weights to judge".to_owned();
        return Err(ConfigError::Invalid(problem).into());
    }
    let (samples, classes) = config.open_split(split)?;
    let network = K::network(&config.model, classes.len(), config.input.shape(), device)?;
    let (network, _) = initial_weights::load(network, &config.init)?;
    let judged = judge::<B, K>(&network, config, split, &samples, classes, views, device, observer, stop)?;
    Ok(judged.map(|judged| RunEvaluation { model: Some(K::model_name(&config.model).to_owned()), ..judged }))
}

#[allow(clippy::too_many_arguments, reason = "each is a different thing that the caller holds already")]
fn judge<B: VisionBackend, K: RecognitionOn<B>>(
    network: &NetworkOn<K, B>,
    config: &RunConfig<K>,
    split: SplitName,
    samples: &Samples<AnnotationOf<K>>,
    classes: ClassNames,
    views: Option<Views>,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<Option<RunEvaluation<K::Details>>, TrainError> {
    let task = K::task(config, classes.clone())?;
    let evaluation = evaluate_split::<B, K>(network, &task, split, samples, config, views, device, observer, stop)?;
    if evaluation.interrupted {
        return Ok(None);
    }
    Ok(Some(RunEvaluation {
        run: None,
        model: None,
        split: split.to_string(),
        samples: evaluation.outcomes.len(),
        metrics: evaluation.scores().into_iter().map(|score| (score.name, score.value.into())).collect(),
        details: K::details(&evaluation.metrics),
        bad_samples: evaluation.bad_samples,
        classes,
    }))
}
