//! What a task adds to a configuration so that it becomes a run: its host part, its network, its report.

use augment::AugmentKey;
use datasets::{SplitName, Splits};
use metrics::Score;
use models::{InputShape, ModelError, ModelSummary, Network};
use serde::Serialize;
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::ClassNames;

use super::classification::Views;
use super::pictures::{PictureLayout, TrainingPicture};
use super::predictor::ModelDescription;
use crate::config::{AnnotationOf, ConfigError, RunConfig, TaskTables};
use crate::error::TrainError;
use crate::report::{CloserLook, Gallery};
use crate::task::{BadSample, HostTask, Judge, OnDevice, Train};
use crate::training::checkpoint::Training;
use crate::training::{FitPlan, Fitted, Session, fit};
use crate::weights::Freezing;

/// A task, from its configuration to its report: the glue between models, losses, metrics, data and augmentation.
pub trait TaskDefinition: TaskTables {
    /// How samples become tensors and outputs become predictions.
    type Task: HostTask<Target = AnnotationOf<Self>>;
    /// What an evaluation keeps of each sample for the report.
    type Outcome: Send;
    /// What `eval --json` tells beside the figures.
    type Details: Serialize + Clone + std::fmt::Debug + PartialEq;

    /// How pictures of samples are laid out.
    const PICTURES: PictureLayout;

    /// The task that `config` describes, for `classes`.
    ///
    /// # Errors
    ///
    /// When a setting does not fit the classes.
    fn task(config: &RunConfig<Self>, classes: ClassNames) -> Result<Self::Task, ConfigError>;

    /// What is kept of a sample that was judged.
    fn outcome(
        index: usize,
        prediction: &<Self::Task as HostTask>::Prediction,
        target: &AnnotationOf<Self>,
    ) -> Self::Outcome;

    /// What `eval` tells beside the figures.
    fn details(metrics: &<Self::Task as HostTask>::Metrics) -> Self::Details;

    /// The same as a table for people: headings, and a row a class.
    fn class_table(details: &Self::Details) -> (&'static [&'static str], Vec<Vec<String>>);

    /// What could be known of an image of `input`, the same for the same `number`: for benchmarks.
    fn example(number: usize, classes: usize, input: InputShape) -> AnnotationOf<Self>;

    /// A training sample as the network sees it in the epoch of `key`; `None` when it cannot be read.
    fn training_picture(
        task: &Self::Task,
        samples: &datasets::Samples<AnnotationOf<Self>>,
        index: usize,
        key: AugmentKey,
    ) -> Option<TrainingPicture>;

    /// Pictures of the worst and the best answers.
    fn galleries(
        classes: &ClassNames,
        splits: &Splits<AnnotationOf<Self>>,
        judged: &SplitEvaluation<Self>,
    ) -> Vec<Gallery>;

    /// The part of the report that only this task has.
    fn closer_look(judged: &SplitEvaluation<Self>) -> CloserLook;
}

/// What an evaluation of one split found.
pub struct SplitEvaluation<K: TaskDefinition> {
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
    pub bad_samples: Vec<BadSample>,
    /// Whether the evaluation was broken off.
    pub interrupted: bool,
}

impl<K: TaskDefinition> SplitEvaluation<K> {
    /// The loss and every metric.
    pub fn scores(&self) -> Vec<Score> {
        let mut scores = vec![Score { name: "loss".to_owned(), value: self.loss }];
        scores.extend(self.terms.iter().map(|(name, value)| Score::new(*name, Some(*value))));
        scores.extend(metrics::Metric::compute(&self.metrics));
        scores
    }
}

/// A task that answers on a backend.
pub trait InferenceOn<B: VisionBackend>: TaskDefinition<Task: Judge<B, Network = Self::Network>> {
    /// Its networks.
    type Network: Network<B>;

    /// The network that `model` describes, its weights drawn from the calling thread's generator.
    ///
    /// # Errors
    ///
    /// As for [`TaskTables::check_model`].
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

    /// `task`, judged by what it says about several views of each image; `None` where answers are about places in an
    /// image.
    fn with_views(_task: &Self::Task, _views: Views) -> Option<Box<ViewsJudge<'_, Self, B>>> {
        None
    }
}

/// A task that is judged as that of `K` is.
pub type ViewsJudge<'a, K, B> = dyn Judge<
        B,
        Target = <<K as TaskDefinition>::Task as HostTask>::Target,
        Encoded = <<K as TaskDefinition>::Task as HostTask>::Encoded,
        Prediction = <<K as TaskDefinition>::Task as HostTask>::Prediction,
        Metrics = <<K as TaskDefinition>::Task as HostTask>::Metrics,
        Network = NetworkOn<K, B>,
        Tensors = <<K as TaskDefinition>::Task as OnDevice<B>>::Tensors,
    > + 'a;

/// The network of `K` on `B`.
pub type NetworkOn<K, B> = <K as InferenceOn<B>>::Network;

/// What training is set up with.
pub struct TrainingSetup<'a, K: TaskDefinition> {
    /// The task.
    pub task: &'a K::Task,
    /// The configuration.
    pub config: &'a RunConfig<K>,
    /// Names of the classes.
    pub classes: &'a ClassNames,
    /// Which parameters are trained when.
    pub freezing: &'a Freezing,
}

/// A task that can be trained on a backend.
pub trait TrainingOn<B: AutodiffVisionBackend>:
    InferenceOn<B> + InferenceOn<B::InnerBackend> + TaskDefinition<Task: Train<B>>
{
    /// Checks the settings that a wrapper around the task needs, such as a teacher. There is none unless a task says so.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    fn check_training(
        _network: &NetworkOn<Self, B>,
        setup: &TrainingSetup<'_, Self>,
        _device: &B::Device,
    ) -> Result<(), TrainError> {
        let problem = if setup.config.distill.is_some() {
            "distill: only classifiers can be taught by another network"
        } else if setup.config.train.cache_features {
            "train.cache_features: this kind of network has no head that sees vectors; it is for classification"
        } else {
            return Ok(());
        };
        Err(ConfigError::Invalid(problem.to_owned()).into())
    }

    /// Trains with the task, or with a wrapper around it that the configuration asks for.
    ///
    /// # Errors
    ///
    /// As for [`fit()`].
    fn train(
        training: Training<B, NetworkOn<Self, B>>,
        setup: &TrainingSetup<'_, Self>,
        plan: FitPlan<AnnotationOf<Self>>,
        session: &mut Session<'_, B::Device>,
    ) -> Fitted<B, NetworkOn<Self, B>> {
        fit(training, setup.task, plan, &setup.description(), session)
    }
}

impl<K: TaskDefinition> TrainingSetup<'_, K> {
    /// What weights files say of the model.
    pub fn description(&self) -> ModelDescription<K> {
        ModelDescription::new(self.config, self.classes.clone())
    }
}
