//! A trained model, ready to answer.

use std::path::Path;

use augment::ImageSize;
use burn::tensor::{Tensor, TensorData};
use image::RgbImage;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use vision_types::ClassNames;

use super::definition::{InferenceOn, NetworkOn};
use crate::config::{AugmentTable, ConfigTable, InputConfig, RunConfig, TaskKind, TaskTables};
use crate::error::TrainError;
use crate::run::directory::RunDirectory;
use crate::training::checkpoint::load_weights;
use crate::weights::file;

/// What a weights file says of its model: enough to use it without its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct ModelDescription<K: TaskTables> {
    /// The task.
    pub task: TaskKind,
    /// Names of the classes, in order.
    pub classes: ClassNames,
    /// What the network sees.
    pub input: InputConfig,
    /// How an image comes to the network's input.
    #[serde(flatten)]
    pub preparation: <K::Augment as AugmentTable>::Preparation,
    /// How outputs become answers.
    #[serde(default, skip_serializing_if = "ConfigTable::is_absent")]
    pub decode: K::Decode,
    /// The network.
    pub model: K::Model,
}

impl<K: TaskTables> ModelDescription<K> {
    /// The description of a run's model.
    pub fn new(config: &RunConfig<K>, classes: ClassNames) -> Self {
        Self {
            task: config.task,
            classes,
            input: config.input.clone(),
            preparation: config.augment.preparation(),
            decode: config.decode.clone(),
            model: config.model.clone(),
        }
    }

    /// A configuration that evaluates the model as its run did; the rest of it is the default.
    pub fn into_config(self) -> RunConfig<K> {
        RunConfig {
            input: self.input,
            augment: K::Augment::with_preparation(self.preparation),
            decode: self.decode,
            model: self.model,
            ..RunConfig::default()
        }
    }
}

/// A trained model with the task that brings images to it and its answers back.
#[derive(Debug)]
pub struct Predictor<B: VisionBackend, K: InferenceOn<B>> {
    pub(super) network: NetworkOn<K, B>,
    pub(super) task: K::Task,
    pub(super) device: B::Device,
    classes: ClassNames,
}

impl<B: VisionBackend, K: InferenceOn<B>> Predictor<B, K> {
    /// The model that a run found best.
    ///
    /// # Errors
    ///
    /// When `run` is no run directory, or its weights are missing or damaged.
    pub fn open(run: impl AsRef<Path>, device: &B::Device) -> Result<Self, TrainError> {
        Self::from_weights(RunDirectory::open(run.as_ref())?.weights_file()?, device)
    }

    /// The model in a weights file written by a run.
    ///
    /// # Errors
    ///
    /// When the file is missing, damaged, or does not describe its model.
    pub fn from_weights(weights: impl AsRef<Path>, device: &B::Device) -> Result<Self, TrainError> {
        let weights = weights.as_ref();
        let description: ModelDescription<K> = file::read_description(weights)?;
        let classes = description.classes.clone();
        let config = description.into_config();
        let network = K::network(&config.model, classes.len(), config.input.shape(), device)?;
        Self::from_parts(load_weights(network, weights)?, &config, classes, device)
    }

    /// A network with the preparation and decoding of `config`.
    ///
    /// # Errors
    ///
    /// When a setting does not fit the classes.
    pub fn from_parts(
        network: NetworkOn<K, B>,
        config: &RunConfig<K>,
        classes: ClassNames,
        device: &B::Device,
    ) -> Result<Self, TrainError> {
        let task = K::task(config, classes.clone())?;
        Ok(Self { network, task, device: device.clone(), classes })
    }

    /// Names of the classes, in order.
    pub fn classes(&self) -> &ClassNames {
        &self.classes
    }

    /// The task that brings images to the network and its answers back.
    pub fn task(&self) -> &K::Task {
        &self.task
    }
}

/// `pictures` of the network's input size as one tensor `[pictures, channels, height, width]`.
pub(super) fn stacked<B: VisionBackend>(
    pictures: &[RgbImage],
    input: &InputConfig,
    size: ImageSize,
    device: &B::Device,
) -> Tensor<B, 4> {
    let shape = [pictures.len(), input.channels, size.height as usize, size.width as usize];
    let per_picture: usize = shape[1..].iter().product();
    let mut pixels = vec![0.0; pictures.len() * per_picture];
    for (picture, pixels) in pictures.iter().zip(pixels.chunks_exact_mut(per_picture)) {
        input.write_pixels(picture, pixels);
    }
    Tensor::from_data(TensorData::new(pixels, shape), device)
}
