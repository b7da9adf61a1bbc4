//! One class an image.

mod pictures;
mod predictor;
mod task;

use std::path::Path;

use augment::Pipeline;
use datasets::{DatasetError, DatasetSpec, Splits};
use image::RgbImage;
use losses::ClassificationLoss;
use metrics::{ClassRow, ClassificationMetrics};
use models::{Classifier, ClassifierConfig, InputShape, ModelError};
use serde::Serialize;
use tensor_backend::VisionBackend;
use vision_types::{ClassId, ClassNames, ClassScores};

pub use predictor::{ModelDescription, Prediction, Predictor};
pub use task::ClassificationTask;

use crate::config::{AugmentConfig, ConfigError, DataSection, NoSettings, RunConfig, Section, Sections, TaskKind};
use crate::recognition::{Findings, Recognition, RecognitionOn, SplitEvaluation};

/// Classification: one class an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classification;

/// The network of a configuration that names none.
const DEFAULT_MODEL: &str = "cnn";

impl Section for DatasetSpec {}
impl Section for ClassifierConfig {}
impl Section for ClassificationLoss {}

impl DataSection for DatasetSpec {
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

impl Sections for Classification {
    const TASK: TaskKind = TaskKind::Classification;
    type Data = DatasetSpec;
    type Augment = AugmentConfig;
    type Model = ClassifierConfig;
    type Loss = ClassificationLoss;
    type Decode = NoSettings;

    fn default_model() -> ClassifierConfig {
        ClassifierConfig::named(DEFAULT_MODEL).expect("a name of the catalogue")
    }

    fn model_name(model: &ClassifierConfig) -> &str {
        model.name.as_str()
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

impl Recognition for Classification {
    type Task = ClassificationTask;
    type Description = ModelDescription;
    type Outcome = SampleOutcome;
    type Details = ClassificationDetails;

    fn task(config: &RunConfig<Self>, classes: ClassNames) -> Result<ClassificationTask, ConfigError> {
        let RunConfig { input, augment, loss, .. } = config;
        let varies = augment.mix.is_some() || (augment.train != Pipeline::default() && augment.train != augment.eval);
        if config.train.cache_features && varies {
            return Err(ConfigError::Invalid(
                "train.cache_features: images must be the same in every epoch, expected augment.train empty or equal to \
                 augment.eval, and augment.mix unset"
                    .to_owned(),
            ));
        }
        ClassificationTask::new(classes, input.clone(), augment.clone(), loss.clone())
            .map_err(|error| ConfigError::Invalid(format!("loss: {error}")))
    }

    fn description(config: &RunConfig<Self>, classes: ClassNames) -> ModelDescription {
        ModelDescription::new(config, classes)
    }

    fn described_classes(description: &ModelDescription) -> &ClassNames {
        &description.classes
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

    fn training_sheet(task: &ClassificationTask, splits: &Splits, config: &RunConfig<Self>) -> Option<RgbImage> {
        pictures::training_sheet(task, splits, config)
    }

    fn findings(
        task: &ClassificationTask,
        splits: &Splits,
        config: &RunConfig<Self>,
        judged: Option<&SplitEvaluation<Self>>,
    ) -> Findings {
        pictures::findings(task, splits, config, judged)
    }
}

impl<B: VisionBackend> RecognitionOn<B> for Classification {
    type Network = Classifier<B>;

    fn network(
        model: &ClassifierConfig,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<Classifier<B>, ModelError> {
        model.init(classes, input, device)
    }
}
