//! A trained classifier, ready to answer.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use image::RgbImage;
use losses::ClassificationLoss;
use models::{Classifier, ClassifierConfig, Network};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use vision_types::{ClassId, ClassNames, ClassScores};

use super::task::{average_logits, class_scores};
use super::{Classification, ClassificationTask};
use crate::checkpoint::load_weights;
use crate::config::{AugmentConfig, InputConfig, RunConfig, TaskKind};
use crate::error::TrainError;
use crate::run_directory::RunDirectory;
use crate::test_time::Views;
use crate::weights_file;

/// What a weights file says of its model: enough to use it without its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelDescription {
    /// What is recognised.
    pub task: TaskKind,
    /// Names of the classes, in order.
    pub classes: ClassNames,
    /// What the network sees.
    pub input: InputConfig,
    /// How images are prepared, in order.
    pub eval: augment::Pipeline,
    /// The network.
    pub model: ClassifierConfig,
}

impl ModelDescription {
    /// The description of a run's model.
    pub fn new(config: &RunConfig<Classification>, classes: ClassNames) -> Self {
        Self {
            task: config.task,
            classes,
            input: config.input.clone(),
            eval: config.augment.eval.clone(),
            model: config.model.clone(),
        }
    }

    /// A configuration that evaluates the model as its run did; the rest of it is the default.
    pub(crate) fn into_config(self) -> RunConfig<Classification> {
        RunConfig {
            input: self.input,
            augment: AugmentConfig { eval: self.eval, ..AugmentConfig::default() },
            model: self.model,
            ..RunConfig::default()
        }
    }
}

/// A trained classifier.
#[derive(Debug)]
pub struct Predictor<B: VisionBackend> {
    network: Classifier<B>,
    task: ClassificationTask,
    views: Option<Views>,
    device: B::Device,
}

/// The answer about one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The most probable class.
    pub class: ClassId,
    /// Its probability.
    pub score: f32,
    /// A probability a class.
    pub scores: ClassScores,
}

impl<B: VisionBackend> Predictor<B> {
    /// The classifier that a run found best.
    ///
    /// # Errors
    ///
    /// When `run` is no run directory, or its weights are missing or damaged.
    pub fn open(run: &Path, device: &B::Device) -> Result<Self, TrainError> {
        Self::from_weights(&RunDirectory::open(run)?.weights_file()?, device)
    }

    /// The classifier in a weights file written by a run.
    ///
    /// # Errors
    ///
    /// When the file is missing, damaged, or does not describe its model.
    pub fn from_weights(file: &Path, device: &B::Device) -> Result<Self, TrainError> {
        let description: ModelDescription = weights_file::read_description(file)?;
        let network = description.model.init::<B>(description.classes.len(), description.input.shape(), device)?;
        let network = load_weights(network, file)?;
        let augment = AugmentConfig { eval: description.eval, ..AugmentConfig::default() };
        // Prediction needs no loss; the default one fits any number of classes.
        let task =
            ClassificationTask::new(description.classes, description.input, augment, ClassificationLoss::default())
                .map_err(|error| crate::config::ConfigError::Invalid(error.to_string()))?;
        Ok(Self { network, task, views: None, device: device.clone() })
    }

    /// The same, answering about `views` of each image.
    pub fn with_views(mut self, views: Option<Views>) -> Self {
        self.views = views;
        self
    }

    /// Names of the classes, in order.
    pub fn classes(&self) -> &ClassNames {
        self.task.classes()
    }

    /// Answers about `images`, one each, in order.
    pub fn predict(&self, images: &[RgbImage]) -> Vec<Prediction> {
        if images.is_empty() {
            return Vec::new();
        }
        let pixels: Vec<f32> = images.iter().flat_map(|image| self.task.input_of(image.clone())).collect();
        let data = TensorData::new(pixels, self.task.batch_shape(images.len()));
        let images = Tensor::from_data(data, &self.device);
        let output = match self.views {
            None => self.network.forward(images),
            Some(views) => {
                let outputs = views.of(images).into_iter().map(|view| self.network.forward(view)).collect();
                average_logits(outputs).expect("there is a view at least")
            }
        };
        class_scores(output)
            .into_iter()
            .map(|scores| {
                let class = scores.best();
                Prediction { class, score: scores.0[class], scores }
            })
            .collect()
    }
}
