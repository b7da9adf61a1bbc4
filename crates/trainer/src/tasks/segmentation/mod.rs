//! A class for each pixel.

mod findings;
mod packed_mask;
mod pictures;
mod predictor;
mod settings;
mod task;
mod tiles;

use std::path::Path;

use datasets::{DatasetError, SegmentationSpec, Splits};
use image::RgbImage;
use metrics::{SegmentationClassRow, SegmentationMetrics};
use models::{InputShape, ModelError, SegmenterConfig};
use serde::Serialize;
use tensor_backend::VisionBackend;
use vision_types::{ClassNames, Mask};

pub use packed_mask::PackedMask;
pub use predictor::{SegmentedObject, Segmenter, SegmenterDescription};
pub use settings::{BoundarySettings, Fit, SegmentationAugment, SegmentationDecode, SegmentationObjective};
pub use task::{EncodedMasks, MaskTensors, SegmentationTask, SegmentedImage};

use crate::config::{
    ConfigError, DataSection, InputConfig, InputSize, Normalization, NormalizationPreset, RunConfig, Section, Sections,
    TaskKind,
};
use crate::recognition::{Findings, Recognition, RecognitionOn, SplitEvaluation};
use crate::sampler::Sampling;

/// Semantic segmentation: a class for each pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segmentation;

/// The network of a configuration that names none.
const DEFAULT_MODEL: &str = "unet";
/// The input of a configuration that names none.
const DEFAULT_SIZE: usize = 256;

impl Section for SegmentationSpec {}
impl Section for SegmenterConfig {}

impl DataSection for SegmentationSpec {
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

impl Sections for Segmentation {
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

    fn model_name(model: &SegmenterConfig) -> &str {
        model.name.as_str()
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

impl Recognition for Segmentation {
    type Task = SegmentationTask;
    type Description = SegmenterDescription;
    type Outcome = MaskOutcome;
    type Details = SegmentationDetails;

    fn task(config: &RunConfig<Self>, classes: ClassNames) -> Result<SegmentationTask, ConfigError> {
        if config.train.sampling == Sampling::ClassBalanced {
            let problem =
                "train.sampling = \"class-balanced\" needs one class an image, which segmentation does not have";
            return Err(ConfigError::Invalid(problem.to_owned()));
        }
        SegmentationTask::new(config, classes)
    }

    fn description(config: &RunConfig<Self>, classes: ClassNames) -> SegmenterDescription {
        SegmenterDescription::new(config, classes)
    }

    fn described_classes(description: &SegmenterDescription) -> &ClassNames {
        &description.classes
    }

    fn outcome(index: usize, prediction: &Mask, target: &Mask) -> MaskOutcome {
        MaskOutcome::new(index, prediction, target)
    }

    fn details(metrics: &SegmentationMetrics) -> SegmentationDetails {
        SegmentationDetails { per_class: metrics.per_class() }
    }

    fn training_sheet(task: &SegmentationTask, splits: &Splits<Mask>, config: &RunConfig<Self>) -> Option<RgbImage> {
        pictures::training_sheet(task, splits, config)
    }

    fn findings(
        task: &SegmentationTask,
        splits: &Splits<Mask>,
        config: &RunConfig<Self>,
        judged: Option<&SplitEvaluation<Self>>,
    ) -> Findings {
        findings::findings(task, splits, config, judged)
    }
}

impl<B: VisionBackend> RecognitionOn<B> for Segmentation {
    type Network = models::Segmenter<B>;

    fn network(
        model: &SegmenterConfig,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<models::Segmenter<B>, ModelError> {
        model.init(classes, input, device)
    }
}

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
