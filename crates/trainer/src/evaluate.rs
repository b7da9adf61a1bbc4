//! One pass over a split without learning.

use std::ops::ControlFlow;

use burn::tensor::{ElementConversion, Tensor};
use datasets::Dataset;
use metrics::{Metric, RunningMean};
use tensor_backend::VisionBackend;

use crate::error::TrainError;
use crate::loader::deliver_in_order;
use crate::observer::{Event, Observer, StopFlag};
use crate::task::{BadSample, HostTask, Loading, OnBadSample, Phase, Task, TaskError};

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
pub struct Evaluation<K: HostTask> {
    /// The mean loss; `None` without samples, or where it is not finite: the outputs of a network whose running statistics
    /// have not settled yet, in the first epochs on a few samples, may overflow.
    pub loss: Option<f64>,
    /// The means of the loss's parts, as far as they are finite.
    pub terms: Vec<(&'static str, f64)>,
    /// The judge, having seen every sample.
    pub metrics: K::Metrics,
    /// Samples that were left out.
    pub bad_samples: Vec<BadSample>,
    /// Whether the pass was broken off.
    pub interrupted: bool,
}

/// Passes over `samples`, has `forward` answer about each batch of images, and calls `visit` with each sample's number,
/// prediction and target, in order.
///
/// # Errors
///
/// When a sample cannot be read or a metric refuses a prediction, and those of `forward`.
#[allow(clippy::too_many_arguments, reason = "each is a different thing that the caller holds already")]
pub fn evaluate<B, T>(
    mut forward: impl FnMut(Tensor<B, 4>) -> Result<T::Output, TrainError>,
    task: &T,
    samples: &dyn Dataset<Annotation = T::Target>,
    options: EvaluateOptions<'_>,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
    mut visit: impl FnMut(usize, &T::Prediction, &T::Target),
) -> Result<Evaluation<T>, TrainError>
where
    B: VisionBackend,
    T: Task<B>,
{
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
    let mut mean_loss = RunningMean::default();
    let mut terms: Vec<(&'static str, RunningMean)> = Vec::new();
    observer.on_event(Event::EvaluationStarted { split: options.split, batches: batches.len() });
    deliver_in_order(
        0..batches.len(),
        options.workers,
        |batch| task.load(samples, batches[batch], loading).map_err(TrainError::from),
        |batch, mut loaded| {
            if stop.is_stopping() {
                evaluation.interrupted = true;
                return Ok(ControlFlow::Break(()));
            }
            evaluation.bad_samples.append(&mut loaded.bad_samples);
            if !loaded.is_empty() {
                let output = forward(loaded.take_images(device))?;
                let tensors = task.upload(loaded.encoded, device);
                let samples = loaded.targets.len() as u64;
                let loss = task.loss(output.clone(), &tensors);
                for (name, value) in loss.term_values() {
                    match terms.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, mean)) => mean.add(value, samples),
                        None => {
                            let mut mean = RunningMean::default();
                            mean.add(value, samples);
                            terms.push((name, mean));
                        }
                    }
                }
                mean_loss.add(loss.total.into_scalar().elem::<f64>(), samples);
                let predictions = task.decode(output, &tensors);
                let metrics: &mut T::Metrics = &mut evaluation.metrics;
                metrics.update(&predictions, &loaded.targets).map_err(TaskError::from)?;
                for ((&index, prediction), target) in loaded.indices.iter().zip(&predictions).zip(&loaded.targets) {
                    visit(index, prediction, target);
                }
            }
            observer.on_event(Event::EvaluationBatchDone { done: batch + 1 });
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let finite = |mean: &RunningMean| mean.value().filter(|value| value.is_finite());
    evaluation.loss = finite(&mean_loss);
    if evaluation.loss.is_none() && mean_loss.value().is_some() {
        observer.on_event(Event::Note(&format!(
            "{}.loss is left out: outputs overflowed, as they may before the running statistics have settled",
            options.split
        )));
    }
    evaluation.terms = terms.into_iter().filter_map(|(name, mean)| Some((name, finite(&mean)?))).collect();
    Ok(evaluation)
}
