//! Training the last layers of a network whose other layers are frozen: what those answer to each sample is computed once
//! and kept.
//!
//! A run without augmentation sees the same images in every epoch, and frozen layers answer the same to them. With their
//! answers kept, an epoch costs no more than the last layers do.

use burn::tensor::Tensor;
use datasets::Dataset;
use metrics::ClassificationMetrics;
use models::{ClassifierNetwork, ClassifierParts};
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::{ClassId, ClassScores};

use super::ClassificationTask;
use super::task::{ClassTensors, EncodedClasses};
use crate::config::ConfigError;
use crate::error::TrainError;
use crate::task::{
    BadSample, BatchOf, HostBatch, HostTask, Judge, Judged, Learn, Learned, Loading, OnDevice, Phase, Samples,
    TaskError,
};
use crate::training::loader::with_workers;
use crate::training::{Event, FitData, FitOptions, Session};
use crate::weights::Freezing;

/// Checks that nothing but the head of `network` is trained in a run of `epochs`.
///
/// # Errors
///
/// Names `train.cache_features` and what stands in its way.
pub(crate) fn check<B: VisionBackend>(
    network: &ClassifierNetwork<B>,
    freezing: &Freezing,
    epochs: usize,
) -> Result<(), ConfigError> {
    let refuse = |reason: String| Err(ConfigError::Invalid(format!("train.cache_features: {reason}")));
    let head = network.head_modules();
    let lies_in_head = |name: &str| head.iter().any(|module| name.split('.').next() == Some(*module));
    let exceptions: Vec<String> = head.iter().map(|module| format!("\"!{module}\"")).collect();
    let expected = format!("expected init.freeze = [\"*\", {}]", exceptions.join(", "));
    if freezing.is_empty() {
        return refuse(format!("every layer is trained, so that nothing can be kept; {expected}"));
    }
    match freezing.trained_before(epochs).filter(|name| !lies_in_head(name)).min() {
        Some(name) => refuse(format!("{name} is trained and lies before the head; {expected}")),
        None => Ok(()),
    }
}

/// The features of one split.
struct Features {
    /// Features of a sample.
    width: usize,
    /// Those of all samples that could be read, one after the other.
    values: Vec<f32>,
    /// By the sample's number: which features are its own, and its target; or why there are none.
    samples: Vec<Result<(usize, ClassId), BadSample>>,
}

/// Classification whose samples are what the frozen layers answered to them: "images" are `[batch, features, 1, 1]`.
pub(crate) struct CachedFeatures<'a> {
    task: &'a ClassificationTask,
    train: Features,
    validation: Option<Features>,
}

impl<'a> CachedFeatures<'a> {
    /// Runs the frozen layers of `network` over both splits; `None` when a stop was asked for.
    ///
    /// # Errors
    ///
    /// When a sample cannot be read.
    pub(crate) fn new<B: VisionBackend>(
        network: &ClassifierNetwork<B>,
        task: &'a ClassificationTask,
        data: &FitData<ClassId>,
        options: &FitOptions,
        session: &mut Session<'_, B::Device>,
    ) -> Result<Option<Self>, TrainError> {
        let mut of =
            |samples: &Samples<ClassId>, split: &str| features(network, task, samples, split, options, session);
        let Some(train) = of(&data.train, "train")? else { return Ok(None) };
        let Some(samples) = &data.validation else { return Ok(Some(Self { task, train, validation: None })) };
        let validation = of(samples, "val")?;
        Ok(validation.map(|validation| Self { task, train, validation: Some(validation) }))
    }
}

/// What the frozen layers answer to each sample of a split.
fn features<B: VisionBackend>(
    network: &ClassifierNetwork<B>,
    task: &ClassificationTask,
    samples: &Samples<ClassId>,
    split: &str,
    options: &FitOptions,
    session: &mut Session<'_, B::Device>,
) -> Result<Option<Features>, TrainError> {
    let indices: Vec<usize> = (0..samples.len()).collect();
    let batches: Vec<&[usize]> = indices.chunks(options.batch_size).collect();
    let loading = Loading { phase: Phase::Evaluate, on_bad_sample: options.on_bad_sample };
    let mut kept = Features { width: 0, values: Vec::new(), samples: Vec::with_capacity(samples.len()) };
    let mut rows = 0;
    let split = format!("{split} features");
    session.observer.on_event(Event::EvaluationStarted { split: &split, batches: batches.len() });
    let produce = |batch: usize| task.load(&**samples, batches[batch], loading).map_err(TrainError::from);
    with_workers(0..batches.len(), options.workers, produce, |loaded| {
        for delivered in loaded {
            let (batch, mut loaded) = delivered?;
            if session.stop.is_stopping() {
                return Ok(None);
            }
            if !loaded.is_empty() {
                let features = network.features(loaded.take_images(session.device));
                kept.width = features.dims()[1];
                let features = features.into_data().convert::<f32>();
                kept.values.extend(features.into_vec::<f32>().expect("converted to f32 just now"));
            }
            let mut readable = loaded.indices.into_iter().zip(loaded.targets).peekable();
            let mut unreadable = loaded.bad_samples.into_iter();
            for &index in batches[batch] {
                kept.samples.push(match readable.next_if(|(readable, _)| *readable == index) {
                    Some((_, target)) => {
                        rows += 1;
                        Ok((rows - 1, target))
                    }
                    None => Err(unreadable.next().unwrap_or_else(|| BadSample {
                        source: samples.source(index),
                        reason: "it was left out".to_owned(),
                    })),
                });
            }
            session.observer.on_event(Event::EvaluationBatchDone { done: batch + 1 });
        }
        Ok(Some(kept))
    })
}

impl HostTask for CachedFeatures<'_> {
    type Target = ClassId;
    type Encoded = EncodedClasses;
    type Prediction = ClassScores;
    type Metrics = ClassificationMetrics;

    /// The features of samples; `samples` are those that they were computed from.
    fn load(
        &self,
        _samples: &dyn Dataset<Annotation = ClassId>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<BatchOf<Self>, TaskError> {
        let features = match (loading.phase, &self.validation) {
            (Phase::Evaluate, Some(validation)) => validation,
            _ => &self.train,
        };
        let width = features.width;
        let mut images = Vec::with_capacity(width * indices.len());
        let (mut targets, mut kept, mut bad_samples) = (Vec::new(), Vec::new(), Vec::new());
        for &index in indices {
            match &features.samples[index] {
                Ok((row, target)) => {
                    images.extend_from_slice(&features.values[row * width..(row + 1) * width]);
                    targets.push(*target);
                    kept.push(index);
                }
                Err(bad) => bad_samples.push(bad.clone()),
            }
        }
        let encoded = self.task.encode(&targets);
        Ok(HostBatch { images, shape: [targets.len(), width, 1, 1], encoded, targets, indices: kept, bad_samples })
    }

    fn metrics(&self) -> ClassificationMetrics {
        self.task.metrics()
    }

    fn class_of(&self, target: &ClassId) -> Option<usize> {
        self.task.class_of(target)
    }
}

impl<B: VisionBackend> OnDevice<B> for CachedFeatures<'_> {
    type Network = ClassifierNetwork<B>;
    type Tensors = ClassTensors<B>;

    fn upload(&self, encoded: EncodedClasses, device: &B::Device) -> ClassTensors<B> {
        self.task.upload(encoded, device)
    }
}

impl<B: AutodiffVisionBackend> Learn<B> for CachedFeatures<'_> {
    fn learn(&self, network: &ClassifierNetwork<B>, features: Tensor<B, 4>, targets: &ClassTensors<B>) -> Learned<B> {
        self.task.learned(head(network, features), targets)
    }
}

impl<B: VisionBackend> Judge<B> for CachedFeatures<'_> {
    fn judge(
        &self,
        network: &ClassifierNetwork<B>,
        features: Tensor<B, 4>,
        targets: &ClassTensors<B>,
    ) -> Judged<B, ClassScores> {
        self.task.judged(head(network, features), targets)
    }
}

fn head<B: VisionBackend>(network: &ClassifierNetwork<B>, features: Tensor<B, 4>) -> Tensor<B, 2> {
    network.head(features.flatten(1, 3))
}
