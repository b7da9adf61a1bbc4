//! What a kind of recognition (classification, detection, segmentation) adds to the one training loop.

use std::path::PathBuf;

use burn::tensor::{ElementConversion, Tensor, TensorData};
use datasets::{Dataset, DatasetError};
use metrics::{Metric, MetricError};
use models::Network;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use thiserror::Error;

/// The samples of one split, shared between threads.
pub type Samples<T> = std::sync::Arc<dyn Dataset<Annotation = T>>;

/// The part of a task that needs no tensors: it runs in loader threads.
pub trait HostTask: Send + Sync {
    /// What is known about an image.
    type Target: Clone + Send + Sync + 'static;
    /// Targets as arrays, ready to become tensors.
    type Encoded: Send;
    /// What the network answers about an image.
    type Prediction: Clone + Send;
    /// Judges predictions.
    type Metrics: Metric<Self::Prediction, Self::Target>;

    /// Reads, augments and stacks the samples numbered `indices`.
    ///
    /// # Errors
    ///
    /// A sample that cannot be read, unless `loading` says to skip it.
    fn load(
        &self,
        samples: &dyn Dataset<Annotation = Self::Target>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<HostBatch<Self::Target, Self::Encoded>, TaskError>;

    /// Targets as arrays, where that needs no images; `None` where it does.
    fn encode(&self, _targets: &[Self::Target]) -> Option<Self::Encoded> {
        None
    }

    /// A judge that has seen nothing yet.
    fn metrics(&self) -> Self::Metrics;

    /// Samples of an evaluation's batch where `batch_size` are wanted; fewer where a sample may become several pictures.
    fn evaluation_batch(&self, batch_size: usize) -> usize {
        batch_size
    }

    /// The class of a target, for class-balanced sampling; `None` where a sample has no single class.
    fn class_of(&self, target: &Self::Target) -> Option<usize>;
}

/// The part of a task on tensors of backend `B`.
///
/// `Output` is what the task's networks give, so a network of another task does not compile with it.
pub trait Task<B: VisionBackend>: HostTask {
    /// Targets on the device, and what is needed to bring answers back to the original images.
    type Tensors;
    /// Equal to the network's `Network::Output`.
    type Output: Clone;

    /// The network's output for an evaluation's pictures.
    fn forward<N: Network<B, Output = Self::Output>>(&self, network: &N, images: Tensor<B, 4>) -> Self::Output {
        network.forward(images)
    }

    /// Moves encoded targets to the device.
    fn upload(&self, encoded: Self::Encoded, device: &B::Device) -> Self::Tensors;

    /// The mean loss over the batch.
    fn loss(&self, output: Self::Output, targets: &Self::Tensors) -> Loss<B>;

    /// Predictions, one a sample.
    fn decode(&self, output: Self::Output, targets: &Self::Tensors) -> Vec<Self::Prediction>;

    /// One answer of those about several views of the same images; `None` where answers are about places in an image.
    fn average(&self, _outputs: Vec<Self::Output>) -> Option<Self::Output> {
        None
    }

    /// Class logits `[batch, classes]`; `None` where an answer is of another kind.
    fn logits(_output: Self::Output) -> Option<Tensor<B, 2>> {
        None
    }

    /// Figures that are cheap enough for every training batch, each summed over the batch's samples: name and sum.
    fn running_scores(
        &self,
        _output: Self::Output,
        _tensors: &Self::Tensors,
        _targets: &[Self::Target],
    ) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

/// A loss and what it is made of.
#[derive(Debug, Clone)]
pub struct Loss<B: VisionBackend> {
    /// What is minimised, a single element.
    pub total: Tensor<B, 1>,
    /// Parts of it by name, for the record: a single element each, weighted as in the total.
    pub terms: Vec<(&'static str, Tensor<B, 1>)>,
}

impl<B: VisionBackend> Loss<B> {
    /// A loss of one part.
    pub const fn single(total: Tensor<B, 1>) -> Self {
        Self { total, terms: Vec::new() }
    }

    /// The values of the parts.
    pub fn term_values(&self) -> Vec<(&'static str, f64)> {
        self.terms.iter().map(|(name, term)| (*name, term.clone().into_scalar().elem())).collect()
    }
}

/// How samples are to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loading {
    /// With or without augmentation.
    pub phase: Phase,
    /// What happens to unreadable samples.
    pub on_bad_sample: OnBadSample,
}

/// With or without augmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Augmented, by random numbers that are a function of these three and a sample's number.
    Train {
        /// The run's seed.
        seed: u64,
        /// The epoch, from 0.
        epoch: u64,
        /// The batch within the epoch, from 0.
        batch: u64,
    },
    /// As for evaluation.
    Evaluate,
}

/// What happens to samples that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBadSample {
    /// The run ends with an error.
    #[default]
    Error,
    /// The sample is left out and counted.
    Skip,
}

/// A sample that was left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BadSample {
    /// Its file or name.
    pub source: String,
    /// Why it could not be read.
    pub reason: String,
}

/// A batch in host memory.
#[derive(Debug, Clone)]
pub struct HostBatch<T, E> {
    /// Normalised pixels, `[batch, channels, height, width]`.
    pub images: Vec<f32>,
    /// The shape of `images`.
    pub shape: [usize; 4],
    /// Targets as arrays.
    pub encoded: E,
    /// Targets as given by the data set.
    pub targets: Vec<T>,
    /// The samples' numbers in the data set.
    pub indices: Vec<usize>,
    /// Samples that were left out.
    pub bad_samples: Vec<BadSample>,
}

impl<T, E> HostBatch<T, E> {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether every sample was left out.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The images on `device`, emptying the host's copy.
    pub fn take_images<B: VisionBackend>(&mut self, device: &B::Device) -> Tensor<B, 4> {
        Tensor::from_data(TensorData::new(std::mem::take(&mut self.images), self.shape), device)
    }
}

/// What can go wrong with samples, losses and metrics.
#[derive(Debug, Error)]
pub enum TaskError {
    /// A sample could not be read.
    #[error(
        "{source_name}: {source}. `cargo xtask data doctor` lists every such file; `on_bad_sample = \"skip\"` under \
         [train] leaves them out"
    )]
    BadSample {
        /// The sample's file or name.
        source_name: String,
        /// What happened.
        source: DatasetError,
    },
    /// The data set failed as a whole.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Augmentation settings that cannot work on an image.
    #[error("{source_name}: {source}")]
    Augment {
        /// The sample's file or name.
        source_name: String,
        /// What happened.
        source: augment::AugmentError,
    },
    /// Predictions that a metric refuses.
    #[error("the predictions cannot be judged: {0}")]
    Metric(#[from] MetricError),
    /// A class number outside the model's classes.
    #[error("{source_name} is of class {class}, but the model has {classes} classes")]
    UnknownClass {
        /// The sample's file or name.
        source_name: String,
        /// Its class number.
        class: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A file of the run could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
}
