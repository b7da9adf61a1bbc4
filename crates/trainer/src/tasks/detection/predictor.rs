//! A trained detector, ready to answer.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use image::RgbImage;
use models::{DetectorConfig, Network};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use vision_types::{ClassNames, Detection};

use super::settings::{DecodeConfig, DetectionAugment, DetectionLoss, Placement};
use super::task::EncodedBoxes;
use super::{Detection as DetectionKind, DetectionTask};
use crate::checkpoint::load_weights;
use crate::config::{InputConfig, RunConfig, TaskKind};
use crate::error::TrainError;
use crate::run_directory::RunDirectory;
use crate::task::Task;
use crate::weights_file;

/// What a weights file says of its model: enough to use it without its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectorDescription {
    /// What is recognised.
    pub task: TaskKind,
    /// Names of the classes, in order.
    pub classes: ClassNames,
    /// What the network sees.
    pub input: InputConfig,
    /// Where an image lies in the input.
    pub letterbox: Placement,
    /// Grey level around it.
    pub pad: u8,
    /// How raw outputs become detections.
    pub decode: DecodeConfig,
    /// The network.
    pub model: DetectorConfig,
}

impl DetectorDescription {
    /// The description of a run's model.
    pub fn new(config: &RunConfig<DetectionKind>, classes: ClassNames) -> Self {
        Self {
            task: config.task,
            classes,
            input: config.input.clone(),
            letterbox: config.augment.letterbox,
            pad: config.augment.pad,
            decode: config.decode.clone(),
            model: config.model.clone(),
        }
    }

    /// A configuration that evaluates the model as its run did; the rest of it is the default.
    pub(crate) fn into_config(self) -> RunConfig<DetectionKind> {
        RunConfig {
            input: self.input,
            augment: DetectionAugment { letterbox: self.letterbox, pad: self.pad, ..DetectionAugment::default() },
            decode: self.decode,
            model: self.model,
            ..RunConfig::default()
        }
    }
}

/// A trained detector.
#[derive(Debug)]
pub struct Detector<B: VisionBackend> {
    network: models::Detector<B>,
    task: DetectionTask,
    device: B::Device,
}

impl<B: VisionBackend> Detector<B> {
    /// The detector that a run found best.
    ///
    /// # Errors
    ///
    /// When `run` is no run directory, or its weights are missing or damaged.
    pub fn open(run: &Path, device: &B::Device) -> Result<Self, TrainError> {
        Self::from_weights(&RunDirectory::open(run)?.weights_file()?, device)
    }

    /// The detector in a weights file written by a run.
    ///
    /// # Errors
    ///
    /// When the file is missing, damaged, or does not describe its model.
    pub fn from_weights(file: &Path, device: &B::Device) -> Result<Self, TrainError> {
        let description: DetectorDescription = weights_file::read_description(file)?;
        let DetectorDescription { classes, input, letterbox, pad, decode, model, .. } = description;
        let network = load_weights(model.init::<B>(classes.len(), input.shape(), device)?, file)?;
        // Prediction needs neither the rest of the augmentation nor a loss.
        let augment = DetectionAugment { letterbox, pad, ..DetectionAugment::default() };
        let task = DetectionTask::from_parts(classes, input, augment, DetectionLoss::default(), decode, 0);
        Ok(Self { network, task, device: device.clone() })
    }

    /// Names of the classes, in order.
    pub fn classes(&self) -> &ClassNames {
        self.task.classes()
    }

    /// The least confidence that is worth showing, for the classes that the run's configuration gave one.
    pub fn class_thresholds(&self) -> &BTreeMap<String, f32> {
        &self.task.decoding().class_thresholds
    }

    /// The objects in each of `images`, in pixels of that image, the most confident first.
    pub fn detect(&self, images: &[RgbImage]) -> Vec<Vec<Detection>> {
        if images.is_empty() {
            return Vec::new();
        }
        let size = self.task.input_size();
        let (prepared, places): (Vec<_>, Vec<_>) =
            images.iter().map(|image| self.task.letterboxed(image, size)).unzip();
        let channels = self.network.input_channels();
        let shape = [images.len(), channels, size.height as usize, size.width as usize];
        let per_image = shape[1..].iter().product();
        let mut pixels = vec![0.0; images.len() * per_image];
        for (image, pixels) in prepared.iter().zip(pixels.chunks_exact_mut(per_image)) {
            self.task.write_pixels(image, pixels);
        }
        let output = self.network.forward(Tensor::from_data(TensorData::new(pixels, shape), &self.device));
        Task::<B>::decode(&self.task, output, &EncodedBoxes::unknown(places))
    }
}
