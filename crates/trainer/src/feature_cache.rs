//! Training the last layers of a network whose other layers are frozen: what those answer to each sample is computed once
//! and kept.
//!
//! A run without augmentation sees the same images in every epoch, and frozen layers answer the same to them. With their
//! answers kept, an epoch costs no more than the last layers do.

use std::ops::ControlFlow;

use burn::module::{AutodiffModule, Devices, Module, ModuleMapper, ModuleVisitor};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use datasets::Dataset;
use models::Network;
use tensor_backend::VisionBackend;

use crate::config::ConfigError;
use crate::error::TrainError;
use crate::fit::{FitData, FitOptions};
use crate::initial_weights::Freezing;
use crate::loader::deliver_in_order;
use crate::observer::{Event, Observer, StopFlag};
use crate::task::{BadSample, HostBatch, HostTask, Loading, Loss, Phase, Samples, Task, TaskError};

/// Checks that nothing but the head of `network` is trained in a run of `epochs`, and that the task can do without images.
///
/// # Errors
///
/// Names `train.cache_features` and what stands in its way.
pub(crate) fn check<B, N, T>(network: &N, task: &T, freezing: &Freezing, epochs: usize) -> Result<(), ConfigError>
where
    B: VisionBackend,
    N: Network<B>,
    T: HostTask,
{
    let refuse = |reason: String| Err(ConfigError::Invalid(format!("train.cache_features: {reason}")));
    let head = network.head_modules();
    if head.is_empty() || task.encode(&[]).is_none() {
        return refuse("this kind of network has no head that sees vectors; it is for classification".to_owned());
    }
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

/// A network that sees what its head sees, as images `[batch, features, 1, 1]`.
#[derive(Debug, Clone)]
pub(crate) struct HeadOnly<N>(pub(crate) N);

/// The whole network, under its own names: checkpoints are those of the network.
impl<B: Backend, N: Module<B>> Module<B> for HeadOnly<N> {
    type Record = N::Record;

    fn collect_devices(&self, devices: Devices<B>) -> Devices<B> {
        self.0.collect_devices(devices)
    }

    fn fork(self, device: &B::Device) -> Self {
        Self(self.0.fork(device))
    }

    fn to_device(self, device: &B::Device) -> Self {
        Self(self.0.to_device(device))
    }

    fn visit<V: ModuleVisitor<B>>(&self, visitor: &mut V) {
        self.0.visit(visitor);
    }

    fn map<M: ModuleMapper<B>>(self, mapper: &mut M) -> Self {
        Self(self.0.map(mapper))
    }

    fn load_record(self, record: Self::Record) -> Self {
        Self(self.0.load_record(record))
    }

    fn into_record(self) -> Self::Record {
        self.0.into_record()
    }
}

impl<B: AutodiffBackend, N: AutodiffModule<B>> AutodiffModule<B> for HeadOnly<N> {
    type InnerModule = HeadOnly<N::InnerModule>;

    fn valid(&self) -> Self::InnerModule {
        HeadOnly(self.0.valid())
    }

    fn from_inner(module: Self::InnerModule) -> Self {
        Self(N::from_inner(module.0))
    }
}

impl<B: VisionBackend, N: Network<B>> Network<B> for HeadOnly<N> {
    type Output = N::Output;

    fn forward(&self, images: Tensor<B, 4>) -> N::Output {
        self.0.forward_head(images.flatten(1, 3)).expect("`check` found a head")
    }
}

/// The features of one split.
struct Features<T> {
    /// Features of a sample.
    width: usize,
    /// Those of all samples that could be read, one after the other.
    values: Vec<f32>,
    /// By the sample's number: which features are its own, and its target; or why there are none.
    samples: Vec<Result<(usize, T), BadSample>>,
}

/// A task whose samples are what the frozen layers answered to them.
pub(crate) struct CachedFeatures<'a, T: HostTask> {
    task: &'a T,
    train: Features<T::Target>,
    validation: Option<Features<T::Target>>,
}

impl<'a, T: HostTask> CachedFeatures<'a, T> {
    /// Runs the frozen layers of `network` over both splits; `None` when a stop was asked for.
    ///
    /// # Errors
    ///
    /// When a sample cannot be read.
    pub(crate) fn new<B: VisionBackend, N: Network<B>>(
        network: &N,
        task: &'a T,
        data: &FitData<T::Target>,
        options: &FitOptions,
        device: &B::Device,
        observer: &mut dyn Observer,
        stop: &StopFlag,
    ) -> Result<Option<Self>, TrainError> {
        let mut of = |samples: &Samples<T::Target>, split: &str| {
            features::<B, N, T>(network, task, samples, split, options, device, observer, stop)
        };
        let Some(train) = of(&data.train, "train")? else { return Ok(None) };
        let Some(samples) = &data.validation else { return Ok(Some(Self { task, train, validation: None })) };
        let validation = of(samples, "val")?;
        Ok(validation.map(|validation| Self { task, train, validation: Some(validation) }))
    }
}

#[allow(clippy::too_many_arguments, reason = "each is a different thing that the caller holds already")]
fn features<B: VisionBackend, N: Network<B>, T: HostTask>(
    network: &N,
    task: &T,
    samples: &Samples<T::Target>,
    split: &str,
    options: &FitOptions,
    device: &B::Device,
    observer: &mut dyn Observer,
    stop: &StopFlag,
) -> Result<Option<Features<T::Target>>, TrainError> {
    let indices: Vec<usize> = (0..samples.len()).collect();
    let batches: Vec<&[usize]> = indices.chunks(options.batch_size).collect();
    let loading = Loading { phase: Phase::Evaluate, on_bad_sample: options.on_bad_sample };
    let mut kept = Features { width: 0, values: Vec::new(), samples: Vec::with_capacity(samples.len()) };
    let mut rows = 0;
    let mut interrupted = false;
    observer.on_event(Event::EvaluationStarted { split: &format!("{split} features"), batches: batches.len() });
    deliver_in_order(
        0..batches.len(),
        options.workers,
        |batch| task.load(&**samples, batches[batch], loading).map_err(TrainError::from),
        |batch, mut loaded: HostBatch<T::Target, T::Encoded>| {
            if stop.is_stopping() {
                interrupted = true;
                return Ok(ControlFlow::Break(()));
            }
            if !loaded.is_empty() {
                let features = network.head_input(loaded.take_images(device)).expect("`check` found a head");
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
            observer.on_event(Event::EvaluationBatchDone { done: batch + 1 });
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok((!interrupted).then_some(kept))
}

impl<T: HostTask> HostTask for CachedFeatures<'_, T> {
    type Target = T::Target;
    type Encoded = T::Encoded;
    type Prediction = T::Prediction;
    type Metrics = T::Metrics;

    /// The features of samples; `samples` are those that they were computed from.
    fn load(
        &self,
        _samples: &dyn Dataset<Annotation = T::Target>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<HostBatch<T::Target, T::Encoded>, TaskError> {
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
                    targets.push(target.clone());
                    kept.push(index);
                }
                Err(bad) => bad_samples.push(bad.clone()),
            }
        }
        let encoded = self.task.encode(&targets).expect("`check` found that the task encodes without images");
        Ok(HostBatch { images, shape: [targets.len(), width, 1, 1], encoded, targets, indices: kept, bad_samples })
    }

    fn metrics(&self) -> T::Metrics {
        self.task.metrics()
    }

    fn class_of(&self, target: &T::Target) -> Option<usize> {
        self.task.class_of(target)
    }
}

impl<B: VisionBackend, T: Task<B>> Task<B> for CachedFeatures<'_, T> {
    type Tensors = T::Tensors;
    type Output = T::Output;

    fn upload(&self, encoded: T::Encoded, device: &B::Device) -> T::Tensors {
        self.task.upload(encoded, device)
    }

    fn loss(&self, output: T::Output, targets: &T::Tensors) -> Loss<B> {
        self.task.loss(output, targets)
    }

    fn decode(&self, output: T::Output, targets: &T::Tensors) -> Vec<T::Prediction> {
        self.task.decode(output, targets)
    }

    fn running_scores(
        &self,
        output: T::Output,
        tensors: &T::Tensors,
        targets: &[T::Target],
    ) -> Vec<(&'static str, f64)> {
        self.task.running_scores(output, tensors, targets)
    }
}
