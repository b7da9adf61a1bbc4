//! Boxes around objects.

mod findings;
mod pictures;
mod predictor;
mod settings;
mod task;

use std::path::Path;

use datasets::{DatasetError, DetectionSpec, Splits};
use image::RgbImage;
use metrics::DetectionMetrics;
use models::{DetectorConfig, InputShape, ModelError};
use serde::Serialize;
use tensor_backend::VisionBackend;
use vision_types::{ClassNames, Instance};

pub use predictor::{Detector, DetectorDescription};
pub use settings::{DecodeConfig, DetectionAugment, DetectionLoss, L1Phase, NmsKind, Placement, YoloxLossSettings};
pub use task::{DetectionTask, EncodedBoxes};

use crate::config::{
    ConfigError, DataSection, InputConfig, InputSize, Normalization, NormalizationPreset, RunConfig, Section, Sections,
    TaskKind,
};
use crate::recognition::{Findings, Recognition, RecognitionOn, SplitEvaluation};
use crate::report::DetectionClassRow;
use crate::sampler::Sampling;

/// Detection: boxes around objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detection;

/// The network of a configuration that names none.
const DEFAULT_MODEL: &str = "yolox-nano";
/// The input of a configuration that names none, as the small models of the paper have it.
const DEFAULT_SIZE: usize = 416;

impl Section for DetectionSpec {}
impl Section for DetectorConfig {}

impl DataSection for DetectionSpec {
    type Annotation = Vec<Instance>;

    fn kind(&self) -> &'static str {
        Self::kind(self)
    }

    fn path(&self) -> Option<&Path> {
        Self::path(self)
    }

    fn open(&self) -> Result<Splits<Vec<Instance>>, DatasetError> {
        Self::open(self, None)
    }

    fn needs_path(&self) -> bool {
        !matches!(self, Self::Shapes(_))
    }
}

impl Sections for Detection {
    const TASK: TaskKind = TaskKind::Detection;
    type Data = DetectionSpec;
    type Augment = DetectionAugment;
    type Model = DetectorConfig;
    type Loss = DetectionLoss;
    type Decode = DecodeConfig;

    fn default_input() -> InputConfig {
        InputConfig {
            size: InputSize::Square(DEFAULT_SIZE),
            channels: 3,
            normalize: Normalization::Preset(NormalizationPreset::Imagenet),
        }
    }

    fn default_model() -> DetectorConfig {
        DetectorConfig::named(DEFAULT_MODEL).expect("a name of the catalogue")
    }

    fn model_name(model: &DetectorConfig) -> &str {
        model.name.as_str()
    }

    fn check_model(model: &DetectorConfig, classes: usize, input: InputShape) -> Result<(), ModelError> {
        model.check(classes, input)
    }
}

/// One image's outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageOutcome {
    /// The image's number.
    pub index: usize,
    /// What was found, the most confident first.
    pub detections: Vec<vision_types::Detection>,
    /// What is there.
    pub instances: Vec<Instance>,
}

/// What `eval --json` tells of a detector beside its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectionDetails {
    /// One row a class.
    pub per_class: Vec<DetectionClassRow>,
}

impl Recognition for Detection {
    type Task = DetectionTask;
    type Description = DetectorDescription;
    type Outcome = ImageOutcome;
    type Details = DetectionDetails;

    fn task(config: &RunConfig<Self>, classes: ClassNames) -> Result<DetectionTask, ConfigError> {
        for class in config.decode.class_thresholds.keys() {
            if classes.id_of(class).is_none() {
                let problem =
                    format!("decode.class_thresholds names the class `{class}`, which the data does not have");
                return Err(ConfigError::Invalid(problem));
            }
        }
        if config.train.sampling == Sampling::ClassBalanced {
            let problem = "train.sampling = \"class-balanced\" needs one class an image, which detection does not have";
            return Err(ConfigError::Invalid(problem.to_owned()));
        }
        Ok(DetectionTask::new(config, classes))
    }

    fn description(config: &RunConfig<Self>, classes: ClassNames) -> DetectorDescription {
        DetectorDescription::new(config, classes)
    }

    fn described_classes(description: &DetectorDescription) -> &ClassNames {
        &description.classes
    }

    fn outcome(index: usize, detections: &Vec<vision_types::Detection>, instances: &Vec<Instance>) -> ImageOutcome {
        ImageOutcome { index, detections: detections.clone(), instances: instances.clone() }
    }

    fn details(metrics: &DetectionMetrics) -> DetectionDetails {
        DetectionDetails { per_class: findings::class_rows(metrics) }
    }

    fn training_sheet(
        task: &DetectionTask,
        splits: &Splits<Vec<Instance>>,
        config: &RunConfig<Self>,
    ) -> Option<RgbImage> {
        pictures::training_sheet(task, splits, config)
    }

    fn findings(
        task: &DetectionTask,
        splits: &Splits<Vec<Instance>>,
        config: &RunConfig<Self>,
        judged: Option<&SplitEvaluation<Self>>,
    ) -> Findings {
        findings::findings(task, splits, config, judged)
    }
}

impl<B: VisionBackend> RecognitionOn<B> for Detection {
    type Network = models::Detector<B>;

    fn network(
        model: &DetectorConfig,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<models::Detector<B>, ModelError> {
        model.init(classes, input, device)
    }
}
