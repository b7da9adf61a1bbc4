//! Objects in images: boxes with classes, and masks or key points where the family of the model gives them.

mod closer_look;
mod families;
mod pictures;
mod predictor;
mod settings;
mod task;

use std::path::Path;

use augment::AugmentKey;
use datasets::{DatasetError, DetectionSamples, DetectionSpec, Splits};
use metrics::DetectionMetrics;
use models::{DetectorConfig, InputShape, ModelError};
use schemars::Schema;
use serde::Serialize;
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::{BBox, ClassNames, DetectedObject, Instance};

pub use families::{DetectionLoss, DetectionLossTable, L1Phase, YoloxLossSettings};
pub use predictor::DetectionPredictor;
pub use settings::{DecodeConfig, DetectionAugment, DetectionPreparation, NmsKind, Placement};
pub use task::{DetectionTargets, DetectionTask};

use super::definition::{InferenceOn, SplitEvaluation, TaskDefinition, TrainingOn};
use super::pictures::{PictureLayout, TrainingPicture};
use crate::config::{
    ConfigError, ConfigTable, DataTable, InputConfig, InputSize, Normalization, NormalizationPreset, RunConfig,
    TaskKind, TaskTables,
};
use crate::report::{CloserLook, DetectionClassRow, Gallery, figure_text};

/// Detection: objects in images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detection;

/// The network of a configuration that names none.
const DEFAULT_MODEL: &str = "yolox-nano";
/// The input of a configuration that names none, as the small models of the paper have it.
const DEFAULT_SIZE: usize = 416;

impl ConfigTable for DetectionSpec {}
impl ConfigTable for DetectorConfig {}

impl DataTable for DetectionSpec {
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

impl TaskTables for Detection {
    const TASK: TaskKind = TaskKind::Detection;
    type Data = DetectionSpec;
    type Augment = DetectionAugment;
    type Model = DetectorConfig;
    type Loss = DetectionLossTable;
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

    fn resolve(config: &mut RunConfig<Self>) -> Result<(), ConfigError> {
        config.loss = config.loss.resolved(&config.model)?;
        Ok(())
    }

    fn named_model(name: &str) -> Result<DetectorConfig, ModelError> {
        DetectorConfig::named(name)
    }

    fn model_options() -> Vec<(Vec<&'static str>, Schema)> {
        DetectorConfig::option_schemas()
    }

    fn model_name(model: &DetectorConfig) -> &str {
        model.name()
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
    pub found: Vec<DetectedObject>,
    /// What is there.
    pub instances: Vec<Instance>,
}

/// What `eval --json` tells of a detector beside its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectionDetails {
    /// One row a class.
    pub per_class: Vec<DetectionClassRow>,
}

impl TaskDefinition for Detection {
    type Task = DetectionTask;
    type Outcome = ImageOutcome;
    type Details = DetectionDetails;

    const PICTURES: PictureLayout = PictureLayout {
        samples: 12,
        columns: 4,
        cell: 320,
        wide: true,
        note: "as the network sees them in the first epoch, augmented",
    };

    fn task(config: &RunConfig<Self>, classes: ClassNames) -> Result<DetectionTask, ConfigError> {
        for class in config.decode.class_thresholds.keys() {
            if classes.id_of(class).is_none() {
                let problem =
                    format!("decode.class_thresholds names the class `{class}`, which the data does not have");
                return Err(ConfigError::Invalid(problem));
            }
        }
        DetectionTask::new(config, classes)
    }

    fn outcome(index: usize, found: &Vec<DetectedObject>, instances: &Vec<Instance>) -> ImageOutcome {
        ImageOutcome { index, found: found.clone(), instances: instances.clone() }
    }

    fn details(metrics: &DetectionMetrics) -> DetectionDetails {
        DetectionDetails { per_class: closer_look::class_rows(metrics) }
    }

    fn class_table(details: &DetectionDetails) -> (&'static [&'static str], Vec<Vec<String>>) {
        let row = |row: &DetectionClassRow| {
            let figures = [row.ap, row.ap50, row.ap75, row.ar100, row.best_f1, row.best_threshold].map(figure_text);
            [vec![row.class.clone(), row.objects.to_string()], figures.to_vec()].concat()
        };
        let headings = &["class", "objects", "AP", "AP50", "AP75", "AR100", "best F1", "at confidence"];
        (headings, details.per_class.iter().map(row).collect())
    }

    /// Eight squares on a grid, of an eighth to a half of the image's height, of all classes in turn.
    fn example(number: usize, classes: usize, input: InputShape) -> Vec<Instance> {
        let (height, width) = (input.height as f32, input.width as f32);
        let object = |object: usize| {
            let side = height * [0.125, 0.25, 0.375, 0.5][(number + object) % 4];
            let (x, y) = (width * (1 + 2 * (object % 4)) as f32 / 8.0, height * (1 + 2 * (object / 4)) as f32 / 4.0);
            let bbox = BBox::from_cxcywh(x, y, side, side).clip(width, height);
            Instance::from_box(bbox, (8 * number + object) % classes)
        };
        (0..8).map(object).collect()
    }

    fn training_picture(
        task: &DetectionTask,
        samples: &DetectionSamples,
        index: usize,
        key: AugmentKey,
    ) -> Option<TrainingPicture> {
        pictures::training_picture(task, samples, index, key)
    }

    fn galleries(classes: &ClassNames, splits: &Splits<Vec<Instance>>, judged: &SplitEvaluation<Self>) -> Vec<Gallery> {
        pictures::galleries(classes, splits, judged)
    }

    fn closer_look(judged: &SplitEvaluation<Self>) -> CloserLook {
        CloserLook::Detection(closer_look::closer_look(judged.split.as_str(), &judged.metrics))
    }
}

impl<B: VisionBackend> InferenceOn<B> for Detection {
    type Network = models::DetectorNetwork<B>;

    fn network(
        model: &DetectorConfig,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<models::DetectorNetwork<B>, ModelError> {
        model.init(classes, input, device)
    }
}

impl<B: AutodiffVisionBackend> TrainingOn<B> for Detection {}
