//! How good a run's best model is on a split.

use datasets::{Samples, SplitName, Splits};
use serde::Serialize;
use tensor_backend::VisionBackend;
use vision_types::ClassNames;

use super::directory::RunDirectory;
use crate::config::{AnnotationOf, ConfigError, RunConfig, TrainConfig};
use crate::error::TrainError;
use crate::task::{BadSample, HostTask, Judge};
use crate::tasks::classification::Views;
use crate::tasks::definition::ViewsJudge;
use crate::tasks::{InferenceOn, ModelDescription, NetworkOn, SplitEvaluation};
use crate::training::Session;
use crate::training::checkpoint::load_weights;
use crate::training::evaluate::{EvaluateOptions, Evaluation, evaluate};
use crate::weights::{file, initial};

/// Evaluates `network` on one split with `task`, that of `K` or a wrapper around it.
fn evaluate_split<B, K, T>(
    task: &T,
    network: &NetworkOn<K, B>,
    split: SplitName,
    samples: &Samples<AnnotationOf<K>>,
    train: &TrainConfig,
    session: &mut Session<'_, B::Device>,
) -> Result<SplitEvaluation<K>, TrainError>
where
    B: VisionBackend,
    K: InferenceOn<B>,
    T: Judge<
            B,
            Network = NetworkOn<K, B>,
            Target = AnnotationOf<K>,
            Prediction = <K::Task as HostTask>::Prediction,
            Metrics = <K::Task as HostTask>::Metrics,
        > + ?Sized,
{
    let options = EvaluateOptions {
        split: split.as_str(),
        batch_size: train.batch_size,
        workers: train.worker_count(),
        on_bad_sample: train.on_bad_sample,
    };
    let mut outcomes = Vec::with_capacity(samples.len());
    let Evaluation { loss, terms, metrics, bad_samples, interrupted } =
        evaluate::<B, T>(task, network, &**samples, options, session, |index, prediction, target| {
            outcomes.push(K::outcome(index, prediction, target));
        })?;
    Ok(SplitEvaluation { split, loss, terms, metrics, outcomes, bad_samples, interrupted })
}

/// Judges the kept weights on the validation and test splits; `None` when a stop was asked for.
pub(super) fn final_evaluations<B: VisionBackend, K: InferenceOn<B>>(
    network: &NetworkOn<K, B>,
    task: &K::Task,
    splits: &Splits<AnnotationOf<K>>,
    config: &RunConfig<K>,
    session: &mut Session<'_, B::Device>,
) -> Result<Option<Vec<SplitEvaluation<K>>>, TrainError> {
    let mut evaluations = Vec::new();
    for (split, samples) in splits.iter().filter(|(split, _)| *split != SplitName::Train) {
        let evaluation = evaluate_split::<B, K, K::Task>(task, network, split, samples, &config.train, session)?;
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

/// What is to be judged, and how.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationRequest {
    /// The split.
    pub split: SplitName,
    /// Views of each image that are judged together; unset: the image alone.
    pub views: Option<Views>,
}

/// Evaluates the best model of the run in `run`. `config` is that of the run, perhaps with other settings, such as another
/// `data.path`. `None` when a stop was asked for.
///
/// # Errors
///
/// When the run, its weights or the data cannot be used.
pub fn evaluate_run<B: VisionBackend, K: InferenceOn<B>>(
    run: &RunDirectory,
    config: &RunConfig<K>,
    request: EvaluationRequest,
    session: &mut Session<'_, B::Device>,
) -> Result<Option<RunEvaluation<K::Details>>, TrainError> {
    let weights = run.weights_file()?;
    let expected = file::read_description::<ModelDescription<K>>(&weights)?.classes;
    let (samples, classes) = config.open_split(request.split)?;
    if classes != expected {
        return Err(TrainError::ClassesChanged {
            found: classes.as_slice().join(", "),
            expected: expected.as_slice().join(", "),
        });
    }
    let network = K::network(&config.model, classes.len(), config.input.shape(), session.device)?;
    let network = load_weights(network, &weights)?;
    let judged = judge::<B, K>(&network, config, request, &samples, classes, session)?;
    Ok(judged.map(|judged| RunEvaluation { run: Some(run.path().display().to_string()), ..judged }))
}

/// Evaluates the weights in `config.init`, which belong to no run, in the network of `config.model`; otherwise as
/// [`evaluate_run`].
///
/// # Errors
///
/// When no weights are named, they do not fit the network and the classes of the data, or the data cannot be used.
pub fn evaluate_weights<B: VisionBackend, K: InferenceOn<B>>(
    config: &RunConfig<K>,
    request: EvaluationRequest,
    session: &mut Session<'_, B::Device>,
) -> Result<Option<RunEvaluation<K::Details>>, TrainError> {
    if config.init.from.is_none() {
        let problem = "init.from is unset, expected the weights to judge".to_owned();
        return Err(ConfigError::Invalid(problem).into());
    }
    let (samples, classes) = config.open_split(request.split)?;
    let network = K::network(&config.model, classes.len(), config.input.shape(), session.device)?;
    let (network, _) = initial::load(network, &config.init)?;
    let judged = judge::<B, K>(&network, config, request, &samples, classes, session)?;
    Ok(judged.map(|judged| RunEvaluation { model: Some(K::model_name(&config.model).to_owned()), ..judged }))
}

fn judge<B: VisionBackend, K: InferenceOn<B>>(
    network: &NetworkOn<K, B>,
    config: &RunConfig<K>,
    EvaluationRequest { split, views }: EvaluationRequest,
    samples: &Samples<AnnotationOf<K>>,
    classes: ClassNames,
    session: &mut Session<'_, B::Device>,
) -> Result<Option<RunEvaluation<K::Details>>, TrainError> {
    let task = K::task(config, classes.clone())?;
    let evaluation = match views {
        None => evaluate_split::<B, K, K::Task>(&task, network, split, samples, &config.train, session)?,
        Some(views) => {
            let viewed = K::with_views(&task, views).ok_or_else(|| {
                let task = K::TASK.as_str();
                ConfigError::Invalid(format!("test-time augmentation is for classification, found {task}"))
            })?;
            evaluate_split::<B, K, ViewsJudge<'_, K, B>>(&*viewed, network, split, samples, &config.train, session)?
        }
    };
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
