//! One pass over a split without learning.

use burn::tensor::ElementConversion;
use datasets::Dataset;
use metrics::{Metric, RunningMean};
use tensor_backend::VisionBackend;

use super::loader::with_workers;
use super::observer::{Event, Session};
use crate::error::TrainError;
use crate::task::{BadSample, HostTask, Judge, Judged, Loading, Loss, OnBadSample, Phase, TaskError};

/// How a split is passed over.
#[derive(Debug, Clone, Copy)]
pub struct EvaluateOptions<'a> {
    /// The split's name, for messages.
    pub split: &'a str,
    /// Samples a batch.
    pub batch_size: usize,
    /// Loader threads.
    pub workers: usize,
    /// What happens to unreadable samples.
    pub on_bad_sample: OnBadSample,
}

/// The outcome of one pass.
#[derive(Debug)]
pub struct Evaluation<T: HostTask + ?Sized> {
    /// The mean loss; `None` without samples, or where it is not finite: the outputs of a network whose running statistics
    /// have not settled yet, in the first epochs on a few samples, may overflow.
    pub loss: Option<f64>,
    /// The means of the loss's parts, as far as they are finite.
    pub terms: Vec<(&'static str, f64)>,
    /// The judge, having seen every sample.
    pub metrics: T::Metrics,
    /// Samples that were left out.
    pub bad_samples: Vec<BadSample>,
    /// Whether the pass was broken off.
    pub interrupted: bool,
}

/// Passes over `samples`, has `task` judge the answers of `network` about each batch, and calls `visit` with each sample's
/// number, prediction and target, in order.
///
/// # Errors
///
/// When a sample cannot be read or a metric refuses a prediction.
pub fn evaluate<B: VisionBackend, T: Judge<B> + ?Sized>(
    task: &T,
    network: &T::Network,
    samples: &dyn Dataset<Annotation = T::Target>,
    options: EvaluateOptions<'_>,
    session: &mut Session<'_, B::Device>,
    mut visit: impl FnMut(usize, &T::Prediction, &T::Target),
) -> Result<Evaluation<T>, TrainError> {
    let indices: Vec<usize> = (0..samples.len()).collect();
    let batches: Vec<&[usize]> = indices.chunks(task.evaluation_batch(options.batch_size)).collect();
    let loading = Loading { phase: Phase::Evaluate, on_bad_sample: options.on_bad_sample };
    let mut evaluation = Evaluation::<T> {
        loss: None,
        terms: Vec::new(),
        metrics: task.metrics(),
        bad_samples: Vec::new(),
        interrupted: false,
    };
    let mut means = LossMeans::default();
    session.observer.on_event(Event::EvaluationStarted { split: options.split, batches: batches.len() });
    let produce = |batch: usize| task.load(samples, batches[batch], loading).map_err(TrainError::from);
    with_workers(0..batches.len(), options.workers, produce, |loaded| {
        for delivered in loaded {
            let (batch, mut loaded) = delivered?;
            if session.stop.is_stopping() {
                evaluation.interrupted = true;
                break;
            }
            evaluation.bad_samples.append(&mut loaded.bad_samples);
            if !loaded.is_empty() {
                let images = loaded.take_images(session.device);
                let tensors = task.upload(loaded.encoded, session.device);
                let Judged { loss, predictions } = task.judge(network, images, &tensors);
                means.add(&loss, loaded.targets.len() as u64);
                evaluation.metrics.update(&predictions, &loaded.targets).map_err(TaskError::from)?;
                for ((&index, prediction), target) in loaded.indices.iter().zip(&predictions).zip(&loaded.targets) {
                    visit(index, prediction, target);
                }
            }
            session.observer.on_event(Event::EvaluationBatchDone { done: batch + 1 });
        }
        Ok::<_, TrainError>(())
    })?;
    let finite = |mean: &RunningMean| mean.value().filter(|value| value.is_finite());
    evaluation.loss = finite(&means.total);
    if evaluation.loss.is_none() && means.total.value().is_some() {
        session.observer.on_event(Event::Note(&format!(
            "{}.loss is left out: outputs overflowed, as they may before the running statistics have settled",
            options.split
        )));
    }
    evaluation.terms = means.terms.iter().filter_map(|(name, mean)| Some((*name, finite(mean)?))).collect();
    Ok(evaluation)
}

/// Means of a loss and its parts over all samples.
#[derive(Default)]
struct LossMeans {
    total: RunningMean,
    terms: Vec<(&'static str, RunningMean)>,
}

impl LossMeans {
    /// Takes in the mean loss of `samples`.
    fn add<B: VisionBackend>(&mut self, loss: &Loss<B>, samples: u64) {
        for (name, value) in loss.term_values() {
            let known = match self.terms.iter().position(|(known, _)| *known == name) {
                Some(known) => known,
                None => {
                    self.terms.push((name, RunningMean::default()));
                    self.terms.len() - 1
                }
            };
            self.terms[known].1.add(value, samples);
        }
        self.total.add(loss.total.clone().into_scalar().elem::<f64>(), samples);
    }
}
