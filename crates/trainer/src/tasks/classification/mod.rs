//! One class an image.

mod cached_features;
mod distillation;
mod pictures;
mod predictor;
mod task;
mod views;

use std::path::Path;

use augment::{AugmentKey, Pipeline};
use burn::module::AutodiffModule;
use datasets::{ClassificationSamples, DatasetError, DatasetSpec, Splits};
use losses::ClassificationLoss;
use metrics::{ClassRow, ClassificationMetrics};
use models::{ClassifierConfig, ClassifierNetwork, InputShape, ModelError};
use schemars::Schema;
use serde::Serialize;
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::{ClassId, ClassNames, ClassScores};

pub use distillation::DistillConfig;
pub use predictor::{ClassificationPredictor, Prediction};
pub use task::{ClassTensors, ClassificationTask, EncodedClasses};
pub use views::Views;

use super::definition::{InferenceOn, SplitEvaluation, TaskDefinition, TrainingOn, TrainingSetup, ViewsJudge};
use super::pictures::{PictureLayout, TrainingPicture};
use crate::config::{
    ClassificationAugment, ConfigError, ConfigTable, DataTable, NoSettings, RunConfig, TaskKind, TaskTables,
    published_classifier,
};
use crate::error::TrainError;
use crate::report::{CloserLook, Evaluation, Gallery, figure_text};
use crate::training::checkpoint::Training;
use crate::training::{Ending, FitPlan, Fitted, Session, fit};
use crate::weights::initial;
use cached_features::CachedFeatures;
use distillation::Distilled;
use views::ManyViews;

/// Classification: one class an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classification;

/// The network of a configuration that names none.
const DEFAULT_MODEL: &str = "cnn";

impl ConfigTable for DatasetSpec {}
impl ConfigTable for ClassifierConfig {}
impl ConfigTable for ClassificationLoss {}

impl DataTable for DatasetSpec {
    type Annotation = ClassId;

    fn kind(&self) -> &'static str {
        Self::kind(self)
    }

    fn path(&self) -> Option<&Path> {
        Self::path(self)
    }

    fn open(&self) -> Result<Splits, DatasetError> {
        Self::open(self, None)
    }

    fn needs_path(&self) -> bool {
        !matches!(self, Self::Shapes(_))
    }

    fn class_of(&class: &ClassId) -> usize {
        class
    }
}

impl TaskTables for Classification {
    const TASK: TaskKind = TaskKind::Classification;
    type Data = DatasetSpec;
    type Augment = ClassificationAugment;
    type Model = ClassifierConfig;
    type Loss = ClassificationLoss;
    type Decode = NoSettings;

    const ONE_CLASS_AN_IMAGE: bool = true;

    fn default_model() -> ClassifierConfig {
        ClassifierConfig::named(DEFAULT_MODEL).expect("a name of the catalogue")
    }

    fn named_model(name: &str) -> Result<ClassifierConfig, ModelError> {
        ClassifierConfig::named(name)
    }

    fn published(model: ClassifierConfig) -> RunConfig<Self> {
        published_classifier(model)
    }

    fn model_options() -> Vec<(Vec<&'static str>, Schema)> {
        ClassifierConfig::option_schemas()
    }

    fn model_name(model: &ClassifierConfig) -> &str {
        model.name()
    }

    fn check_model(model: &ClassifierConfig, classes: usize, input: InputShape) -> Result<(), ModelError> {
        model.check(classes, input)
    }
}

/// One sample's outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleOutcome {
    /// The sample's number.
    pub index: usize,
    /// Its class.
    pub target: ClassId,
    /// The most probable class.
    pub predicted: ClassId,
    /// The probability of `predicted`.
    pub score: f32,
    /// The probability of `target`.
    pub target_score: f32,
}

/// What `eval --json` tells of a classifier beside its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassificationDetails {
    /// One row a class.
    pub per_class: Vec<ClassRow>,
    /// Rows are true classes, columns predicted ones.
    pub confusion_matrix: Vec<Vec<u64>>,
}

impl TaskDefinition for Classification {
    type Task = ClassificationTask;
    type Outcome = SampleOutcome;
    type Details = ClassificationDetails;

    const PICTURES: PictureLayout = PictureLayout {
        samples: 24,
        columns: 8,
        cell: 96,
        wide: false,
        note: "as the network sees them in the first epoch, augmented",
    };

    fn task(config: &RunConfig<Self>, classes: ClassNames) -> Result<ClassificationTask, ConfigError> {
        let RunConfig { input, augment, loss, .. } = config;
        ClassificationTask::new(classes, input.clone(), augment.clone(), loss.clone())
            .map_err(|error| ConfigError::Invalid(format!("loss: {error}")))
    }

    fn outcome(index: usize, scores: &ClassScores, &target: &ClassId) -> SampleOutcome {
        let predicted = scores.best();
        SampleOutcome { index, target, predicted, score: scores.0[predicted], target_score: scores.0[target] }
    }

    fn details(metrics: &ClassificationMetrics) -> ClassificationDetails {
        let summary = metrics.summary();
        let classes = summary.confusion_matrix.classes();
        ClassificationDetails {
            per_class: summary.per_class,
            confusion_matrix: (0..classes).map(|class| summary.confusion_matrix.row(class).to_vec()).collect(),
        }
    }

    fn class_table(details: &ClassificationDetails) -> (&'static [&'static str], Vec<Vec<String>>) {
        let row = |row: &ClassRow| {
            let figures = [row.precision, row.recall, row.f1].map(|value| figure_text(Some(value)));
            [vec![row.class.clone(), row.support.to_string()], figures.to_vec()].concat()
        };
        (&["class", "samples", "precision", "recall", "f1"], details.per_class.iter().map(row).collect())
    }

    /// All classes in turn.
    fn example(number: usize, classes: usize, _input: InputShape) -> ClassId {
        number % classes
    }

    fn training_picture(
        task: &ClassificationTask,
        samples: &ClassificationSamples,
        index: usize,
        key: AugmentKey,
    ) -> Option<TrainingPicture> {
        pictures::training_picture(task, samples, index, key)
    }

    fn galleries(classes: &ClassNames, splits: &Splits, judged: &SplitEvaluation<Self>) -> Vec<Gallery> {
        pictures::galleries(classes, splits, judged)
    }

    fn closer_look(judged: &SplitEvaluation<Self>) -> CloserLook {
        CloserLook::Classification(Evaluation::from_metrics(judged.split.as_str(), &judged.metrics))
    }
}

impl<B: VisionBackend> InferenceOn<B> for Classification {
    type Network = ClassifierNetwork<B>;

    fn network(
        model: &ClassifierConfig,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<ClassifierNetwork<B>, ModelError> {
        model.init(classes, input, device)
    }

    fn with_views(task: &ClassificationTask, views: Views) -> Option<Box<ViewsJudge<'_, Self, B>>> {
        Some(Box::new(ManyViews { task, views }))
    }
}

/// Classifiers can learn from a teacher, or from what their frozen layers answered once.
impl<B: AutodiffVisionBackend> TrainingOn<B> for Classification {
    fn check_training(
        network: &ClassifierNetwork<B>,
        setup: &TrainingSetup<'_, Self>,
        device: &B::Device,
    ) -> Result<(), TrainError> {
        let RunConfig { augment, distill, input, train, .. } = setup.config;
        if let Some(settings) = distill {
            let teacher = teacher::<B::InnerBackend>(settings, setup, device)?;
            settings.check(&network.valid(), &teacher, input.shape(), device)?;
        }
        let varies = augment.mix.is_some() || (augment.train != Pipeline::default() && augment.train != augment.eval);
        if train.cache_features && varies {
            let problem = "train.cache_features: images must be the same in every epoch, expected augment.train empty or \
                           equal to augment.eval, and augment.mix unset";
            return Err(ConfigError::Invalid(problem.to_owned()).into());
        }
        if train.cache_features {
            cached_features::check(network, setup.freezing, train.epochs)?;
        }
        Ok(())
    }

    fn train(
        training: Training<B, ClassifierNetwork<B>>,
        setup: &TrainingSetup<'_, Self>,
        plan: FitPlan<ClassId>,
        session: &mut Session<'_, B::Device>,
    ) -> Fitted<B, ClassifierNetwork<B>> {
        let description = setup.description();
        if setup.config.train.cache_features {
            let frozen = training.network.valid();
            return match CachedFeatures::new(&frozen, setup.task, &plan.data, &plan.options, session)? {
                Some(cached) => fit(training, &cached, plan, &description, session),
                None => Ok((training, Ending::Interrupted)),
            };
        }
        match &setup.config.distill {
            Some(settings) => {
                let teacher = teacher(settings, setup, session.device)?;
                fit(training, &Distilled::new(setup.task, teacher, settings), plan, &description, session)
            }
            None => fit(training, setup.task, plan, &description, session),
        }
    }
}

/// The network to learn from, answering as in inference.
fn teacher<B: VisionBackend>(
    settings: &DistillConfig<ClassifierConfig>,
    setup: &TrainingSetup<'_, Classification>,
    device: &B::Device,
) -> Result<ClassifierNetwork<B>, TrainError> {
    let (classes, input) = (setup.classes.len(), setup.config.input.shape());
    let network = models::layers::without_random_values(|| settings.model.init(classes, input, device))?;
    Ok(initial::load(network, &settings.init())?.0)
}
