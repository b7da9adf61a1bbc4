//! What a task (classification, detection, segmentation) adds to the one training loop.
//!
//! A task drives its network: the loop hands it the network, the images and the targets on the device, and it answers
//! with a loss ([`Learn`]) or with predictions and a loss ([`Judge`]). The loop knows nothing of proposals that are
//! sampled by the targets, of a teacher, or of several views of an image: each is a task, or a wrapper around one.

mod batch;
mod error;

use burn::module::{AutodiffModule, Module};
use burn::tensor::{ElementConversion, Tensor};
use datasets::Dataset;
use metrics::Metric;
use tensor_backend::{AutodiffVisionBackend, VisionBackend};

pub use batch::{BadSample, HostBatch, Loading, OnBadSample, Phase};
pub(crate) use batch::{read_sample, take_readable};
pub use error::TaskError;

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

    /// A judge that has seen nothing yet.
    fn metrics(&self) -> Self::Metrics;

    /// Samples of an evaluation's batch where `batch_size` are wanted; fewer where one may become several pictures.
    fn evaluation_batch(&self, batch_size: usize) -> usize {
        batch_size
    }

    /// The class of a target, for class-balanced sampling; `None` where a sample has no single class.
    fn class_of(&self, _target: &Self::Target) -> Option<usize> {
        None
    }
}

/// A wrapper around a task that changes nothing about its host part.
pub trait Wrapper: Send + Sync {
    /// The task inside.
    type Inner: HostTask;

    /// The task inside.
    fn inner(&self) -> &Self::Inner;
}

impl<W: Wrapper> HostTask for W {
    type Target = <W::Inner as HostTask>::Target;
    type Encoded = <W::Inner as HostTask>::Encoded;
    type Prediction = <W::Inner as HostTask>::Prediction;
    type Metrics = <W::Inner as HostTask>::Metrics;

    fn load(
        &self,
        samples: &dyn Dataset<Annotation = Self::Target>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<HostBatch<Self::Target, Self::Encoded>, TaskError> {
        self.inner().load(samples, indices, loading)
    }

    fn metrics(&self) -> Self::Metrics {
        self.inner().metrics()
    }

    fn evaluation_batch(&self, batch_size: usize) -> usize {
        self.inner().evaluation_batch(batch_size)
    }

    fn class_of(&self, target: &Self::Target) -> Option<usize> {
        self.inner().class_of(target)
    }
}

/// A task with its network on a backend.
pub trait OnDevice<B: VisionBackend>: HostTask {
    /// The network that the task drives.
    type Network: Module<B>;
    /// Targets on the device, and what is needed to bring answers back to the original images.
    type Tensors;

    /// Moves encoded targets to the device.
    fn upload(&self, encoded: Self::Encoded, device: &B::Device) -> Self::Tensors;
}

/// A task that learns.
pub trait Learn<B: AutodiffVisionBackend>: OnDevice<B> {
    /// The loss of `network` about `images`, `[batch, channels, height, width]`, with gradients.
    fn learn(&self, network: &Self::Network, images: Tensor<B, 4>, targets: &Self::Tensors) -> Learned<B>;
}

/// A task that answers and is judged.
pub trait Judge<B: VisionBackend>: OnDevice<B> {
    /// The predictions of `network` about `images`, `[batch, channels, height, width]`, one a sample, and their loss.
    fn judge(
        &self,
        network: &Self::Network,
        images: Tensor<B, 4>,
        targets: &Self::Tensors,
    ) -> Judged<B, Self::Prediction>;
}

/// A task that the loop can train: it learns on `B`, and epochs are judged on the backend inside.
pub trait Train<B: AutodiffVisionBackend>:
    Learn<B, Network: AutodiffModule<B, InnerModule = NetworkOf<Self, B::InnerBackend>>> + Judge<B::InnerBackend>
{
}

impl<B, T> Train<B> for T
where
    B: AutodiffVisionBackend,
    T: Learn<B, Network: AutodiffModule<B, InnerModule = NetworkOf<T, B::InnerBackend>>> + Judge<B::InnerBackend>,
{
}

/// The network that `T` drives on `B`.
pub type NetworkOf<T, B> = <T as OnDevice<B>>::Network;
/// A batch for `T` in host memory.
pub type BatchOf<T> = HostBatch<<T as HostTask>::Target, <T as HostTask>::Encoded>;

/// What a batch taught.
#[derive(Debug, Clone)]
pub struct Learned<B: VisionBackend> {
    /// What is minimised.
    pub loss: Loss<B>,
    /// Figures that are cheap enough for every training batch, each summed over the batch's samples: name and sum.
    pub scores: Vec<(&'static str, f64)>,
}

/// What a batch was answered with.
#[derive(Debug, Clone)]
pub struct Judged<B: VisionBackend, P> {
    /// The loss of the answers.
    pub loss: Loss<B>,
    /// One answer a sample.
    pub predictions: Vec<P>,
}

/// A loss and what it is made of.
#[derive(Debug, Clone)]
pub struct Loss<B: VisionBackend> {
    /// The mean over the batch, a single element.
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
