//! A class for each pixel.

mod blender;
mod packed_mask;
mod pictures;
mod predictor;
mod settings;
mod task;
mod tiles;

use std::path::Path;

use augment::AugmentKey;
use datasets::{DatasetError, SegmentationSamples, SegmentationSpec, Splits};
use metrics::{SegmentationClassRow, SegmentationMetrics};
use models::{InputShape, ModelError, SegmenterConfig};
use schemars::Schema;
use serde::Serialize;
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::{ClassNames, Mask};

pub use packed_mask::PackedMask;
pub use predictor::{SegmentationPredictor, SegmentedObject};
pub use settings::{
    BoundarySettings, Fit, SegmentationAugment, SegmentationDecode, SegmentationObjective, SegmentationPreparation,
};
pub use task::{EncodedMasks, MaskTensors, SegmentationTask, SegmentedImage};

use super::definition::{InferenceOn, SplitEvaluation, TaskDefinition, TrainingOn};
use super::pictures::{PictureLayout, TrainingPicture};
use crate::config::{
    ConfigError, ConfigTable, DataTable, InputConfig, InputSize, Normalization, NormalizationPreset, RunConfig,
    TaskKind, TaskTables,
};
use crate::report::{CloserLook, Gallery, SegmentationEvaluation, figure_text};

/// Semantic segmentation: a class for each pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segmentation;

/// The network of a configuration that names none.
const DEFAULT_MODEL: &str = "unet";
/// The input of a configuration that names none.
const DEFAULT_SIZE: usize = 256;

impl ConfigTable for SegmentationSpec {}
impl ConfigTable for SegmenterConfig {}

impl DataTable for SegmentationSpec {
    type Annotation = Mask;

    fn kind(&self) -> &'static str {
        Self::kind(self)
    }

    fn path(&self) -> Option<&Path> {
        Self::path(self)
    }

    fn open(&self) -> Result<Splits<Mask>, DatasetError> {
        Self::open(self, None)
    }

    fn needs_path(&self) -> bool {
        !matches!(self, Self::Shapes(_))
    }
}

impl TaskTables for Segmentation {
    const TASK: TaskKind = TaskKind::Segmentation;
    type Data = SegmentationSpec;
    type Augment = SegmentationAugment;
    type Model = SegmenterConfig;
    type Loss = SegmentationObjective;
    type Decode = SegmentationDecode;

    fn default_input() -> InputConfig {
        InputConfig {
            size: InputSize::Square(DEFAULT_SIZE),
            channels: 3,
            normalize: Normalization::Preset(NormalizationPreset::Imagenet),
        }
    }

    fn default_model() -> SegmenterConfig {
        SegmenterConfig::named(DEFAULT_MODEL).expect("a name of the catalogue")
    }

    fn named_model(name: &str) -> Result<SegmenterConfig, ModelError> {
        SegmenterConfig::named(name)
    }

    fn model_options() -> Vec<(Vec<&'static str>, Schema)> {
        SegmenterConfig::option_schemas()
    }

    fn model_name(model: &SegmenterConfig) -> &str {
        model.name()
    }

    fn check_model(model: &SegmenterConfig, classes: usize, input: InputShape) -> Result<(), ModelError> {
        model.check(classes, input)
    }
}

/// One image's outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskOutcome {
    /// The image's number.
    pub index: usize,
    /// The mean intersection over union of the classes that are there or were answered; `None` where every pixel is
    /// ignored.
    pub mean_iou: Option<f64>,
    /// The part of the pixels that is right; `None` where every pixel is ignored.
    pub accuracy: Option<f64>,
    /// The answer.
    pub prediction: PackedMask,
}

impl MaskOutcome {
    /// Compares an answer with what is there.
    fn new(index: usize, prediction: &Mask, target: &Mask) -> Self {
        // True, answered and common pixels of each class.
        let mut counts = [[0u64; 3]; 256];
        let (mut right, mut all) = (0u64, 0u64);
        let judged = prediction.pixels().iter().zip(target.pixels()).filter(|(_, target)| **target != Mask::IGNORE);
        for (&found, &known) in judged {
            counts[usize::from(known)][0] += 1;
            counts[usize::from(found)][1] += 1;
            counts[usize::from(known)][2] += u64::from(found == known);
            right += u64::from(found == known);
            all += 1;
        }
        let ious: Vec<f64> = counts
            .iter()
            .filter(|[known, found, _]| known + found > 0)
            .map(|[known, found, common]| *common as f64 / (known + found - common) as f64)
            .collect();
        let mean_iou = (!ious.is_empty()).then(|| ious.iter().sum::<f64>() / ious.len() as f64);
        let accuracy = (all > 0).then(|| right as f64 / all as f64);
        Self { index, mean_iou, accuracy, prediction: PackedMask::new(prediction) }
    }
}

/// What `eval --json` tells of a segmentation network beside its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentationDetails {
    /// One row a class.
    pub per_class: Vec<SegmentationClassRow>,
}

impl TaskDefinition for Segmentation {
    type Task = SegmentationTask;
    type Outcome = MaskOutcome;
    type Details = SegmentationDetails;

    const PICTURES: PictureLayout = PictureLayout {
        samples: 12,
        columns: 4,
        cell: 320,
        wide: true,
        note: "as the network sees them in the first epoch, augmented; pixels to ignore are light grey",
    };

    fn task(config: &RunConfig<Self>, classes: ClassNames) -> Result<SegmentationTask, ConfigError> {
        SegmentationTask::new(config, classes)
    }

    fn outcome(index: usize, prediction: &Mask, target: &Mask) -> MaskOutcome {
        MaskOutcome::new(index, prediction, target)
    }

    fn details(metrics: &SegmentationMetrics) -> SegmentationDetails {
        SegmentationDetails { per_class: metrics.per_class() }
    }

    fn class_table(details: &SegmentationDetails) -> (&'static [&'static str], Vec<Vec<String>>) {
        let row = |row: &SegmentationClassRow| {
            let figures = [row.iou, row.dice, row.precision, row.recall, row.boundary_f1, row.hd95].map(figure_text);
            [vec![row.class.clone(), row.pixels.to_string()], figures.to_vec()].concat()
        };
        let headings = &["class", "pixels", "IoU", "Dice", "precision", "recall", "boundary F1", "HD95"];
        (headings, details.per_class.iter().map(row).collect())
    }

    /// Squares of an eighth of the image's height, of all classes in turn.
    fn example(number: usize, classes: usize, input: InputShape) -> Mask {
        let InputShape { height, width, .. } = input;
        let side = (height / 8).max(1);
        let class = |pixel: usize| ((pixel / width / side + pixel % width / side + number) % classes) as u8;
        let pixels = (0..height * width).map(class).collect();
        Mask::from_pixels(width as u32, height as u32, pixels).expect("a class for each pixel")
    }

    fn training_picture(
        task: &SegmentationTask,
        samples: &SegmentationSamples,
        index: usize,
        key: AugmentKey,
    ) -> Option<TrainingPicture> {
        pictures::training_picture(task, samples, index, key)
    }

    fn galleries(classes: &ClassNames, splits: &Splits<Mask>, judged: &SplitEvaluation<Self>) -> Vec<Gallery> {
        pictures::galleries(classes, splits, judged)
    }

    fn closer_look(judged: &SplitEvaluation<Self>) -> CloserLook {
        CloserLook::Segmentation(SegmentationEvaluation {
            split: judged.split.to_string(),
            class_names: judged.metrics.names().as_slice().to_vec(),
            per_class: judged.metrics.per_class(),
            confusion_matrix: Some(judged.metrics.confusion_matrix().clone()),
        })
    }
}

impl<B: VisionBackend> InferenceOn<B> for Segmentation {
    type Network = models::SegmenterNetwork<B>;

    fn network(
        model: &SegmenterConfig,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<models::SegmenterNetwork<B>, ModelError> {
        model.init(classes, input, device)
    }
}

impl<B: AutodiffVisionBackend> TrainingOn<B> for Segmentation {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_counts_what_is_not_ignored() {
        let mask = |pixels: &[u8]| Mask::from_pixels(4, 1, pixels.to_vec()).expect("four");
        let outcome = MaskOutcome::new(3, &mask(&[0, 1, 1, 2]), &mask(&[0, 0, 1, Mask::IGNORE]));
        // IoU 1/2 of both classes.
        assert_eq!((outcome.mean_iou, outcome.accuracy), (Some(0.5), Some(2.0 / 3.0)));
        let ignored = MaskOutcome::new(3, &mask(&[0; 4]), &mask(&[Mask::IGNORE; 4]));
        assert_eq!((ignored.mean_iou, ignored.accuracy), (None, None));
        assert_eq!(outcome.prediction.unpack(), mask(&[0, 1, 1, 2]));
    }
}
