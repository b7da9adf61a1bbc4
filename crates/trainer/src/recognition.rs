//! What a kind of recognition adds to a configuration so that it becomes a run: its task, its network, its report.

use burn::module::AutodiffModule;
use datasets::{SplitName, Splits};
use image::RgbImage;
use metrics::Score;
use models::{InputShape, ModelError, ModelSummary, Network};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::ClassNames;

use crate::config::{AnnotationOf, ConfigError, RunConfig, Sections};
use crate::report;
use crate::task::{HostTask, Task};

/// A kind of recognition: the glue between models, losses, metrics, data and augmentation.
pub trait Recognition: Sections {
    /// How samples become tensors and outputs become predictions.
    type Task: HostTask<Target = AnnotationOf<Self>>;
    /// What a weights file says of its model: enough to use it without its run.
    type Description: Serialize + DeserializeOwned;
    /// What an evaluation keeps of each sample for the report.
    type Outcome: Send;
    /// What `eval --json` tells beside the figures.
    type Details: Serialize + Clone + std::fmt::Debug + PartialEq;

    /// The task that `config` describes, for `classes`.
    ///
    /// # Errors
    ///
    /// When a setting does not fit the classes.
    fn task(config: &RunConfig<Self>, classes: ClassNames) -> Result<Self::Task, ConfigError>;

    /// What weights files of the run say.
    fn description(config: &RunConfig<Self>, classes: ClassNames) -> Self::Description;

    /// The classes that a weights file was made for.
    fn described_classes(description: &Self::Description) -> &ClassNames;

    /// What is kept of a sample that was judged.
    fn outcome(
        index: usize,
        prediction: &<Self::Task as HostTask>::Prediction,
        target: &AnnotationOf<Self>,
    ) -> Self::Outcome;

    /// What `eval` tells beside the figures.
    fn details(metrics: &<Self::Task as HostTask>::Metrics) -> Self::Details;

    /// A sheet of augmented training samples, as the network sees them; `None` when none can be read.
    fn training_sheet(
        task: &Self::Task,
        splits: &Splits<AnnotationOf<Self>>,
        config: &RunConfig<Self>,
    ) -> Option<RgbImage>;

    /// The parts of the report that only this task has.
    fn findings(
        task: &Self::Task,
        splits: &Splits<AnnotationOf<Self>>,
        config: &RunConfig<Self>,
        judged: Option<&SplitEvaluation<Self>>,
    ) -> Findings;
}

/// What an evaluation of one split found.
pub struct SplitEvaluation<K: Recognition> {
    /// The split.
    pub split: SplitName,
    /// The mean loss, where there are samples.
    pub loss: Option<f64>,
    /// The means of the loss's parts.
    pub terms: Vec<(&'static str, f64)>,
    /// The judge, having seen every sample.
    pub metrics: <K::Task as HostTask>::Metrics,
    /// What was kept of each sample, in order.
    pub outcomes: Vec<K::Outcome>,
    /// Samples that were left out.
    pub bad_samples: Vec<crate::task::BadSample>,
    /// Whether the evaluation was broken off.
    pub interrupted: bool,
}

impl<K: Recognition> SplitEvaluation<K> {
    /// The loss and every metric.
    pub fn scores(&self) -> Vec<Score> {
        let mut scores = vec![Score { name: "loss".to_owned(), value: self.loss }];
        scores.extend(self.terms.iter().map(|(name, value)| Score::new(*name, Some(*value))));
        scores.extend(metrics::Metric::compute(&self.metrics));
        scores
    }
}

/// The parts of a report that depend on the task.
#[derive(Debug, Default)]
pub struct Findings {
    /// A closer look at the predictions of a classifier.
    pub evaluation: Option<report::Evaluation>,
    /// A closer look at the predictions of a detector.
    pub detection: Option<report::DetectionEvaluation>,
    /// A closer look at the masks of a segmentation network.
    pub segmentation: Option<report::SegmentationEvaluation>,
    /// Pictures.
    pub galleries: Vec<report::Gallery>,
}

/// A kind of recognition on a backend.
pub trait RecognitionOn<B: VisionBackend>: Recognition<Task: Task<B>> {
    /// Its networks.
    type Network: Network<B, Output = <Self::Task as Task<B>>::Output>;

    /// The network that `model` describes, its weights drawn from the calling thread's generator.
    ///
    /// # Errors
    ///
    /// As for [`Sections::check_model`].
    fn network(
        model: &Self::Model,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<Self::Network, ModelError>;

    /// Its layers.
    fn summary(network: &Self::Network, input: InputShape) -> ModelSummary {
        models::summary(network, input)
    }
}

/// The network of `K` on `B`.
pub type NetworkOn<K, B> = <K as RecognitionOn<B>>::Network;

/// A kind of recognition that can be trained on a backend.
pub trait TrainableOn<B: AutodiffVisionBackend>:
    RecognitionOn<B, Network: AutodiffModule<B, InnerModule = NetworkOn<Self, B::InnerBackend>>>
    + RecognitionOn<B::InnerBackend>
    + Recognition<Task: Task<B> + Task<B::InnerBackend>>
{
}

impl<B, K> TrainableOn<B> for K
where
    B: AutodiffVisionBackend,
    K: RecognitionOn<B, Network: AutodiffModule<B, InnerModule = NetworkOn<K, B::InnerBackend>>>
        + RecognitionOn<B::InnerBackend>
        + Recognition<Task: Task<B> + Task<B::InnerBackend>>,
{
}
