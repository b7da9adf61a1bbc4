//! A configuration whose task is not known before it is read.

use std::path::Path;

use models::{ClassifierConfig, DetectorConfig, SegmenterConfig};

use super::published::published_classifier;
use super::{ConfigError, RunConfig, TaskKind, read_text, text_setting};
use crate::error::TrainError;
use crate::tasks::classification::{Classification, ModelDescription};
use crate::tasks::detection::{Detection, DetectorDescription};
use crate::tasks::segmentation::{Segmentation, SegmenterDescription};
use crate::weights_file;

/// What every description of a weights file has.
#[derive(serde::Deserialize)]
struct NamedModel {
    model: ModelNameOnly,
}

#[derive(serde::Deserialize)]
struct ModelNameOnly {
    name: String,
}

/// The configuration of a run of any task.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyRunConfig {
    /// One class an image.
    Classification(RunConfig<Classification>),
    /// Boxes around objects.
    Detection(RunConfig<Detection>),
    /// A class for each pixel.
    Segmentation(RunConfig<Segmentation>),
}

impl AnyRunConfig {
    /// Reads a configuration file, as [`RunConfig::read`] does.
    ///
    /// # Errors
    ///
    /// As [`RunConfig::read`].
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        Self::parse(&read_text(path)?, &path.display().to_string(), overrides)
    }

    /// Reads the configuration in `text`, as [`RunConfig::parse`] does.
    ///
    /// # Errors
    ///
    /// As [`RunConfig::parse`].
    pub fn parse(text: &str, origin: &str, overrides: &[String]) -> Result<Self, ConfigError> {
        #[derive(serde::Deserialize)]
        struct TaskOnly {
            #[serde(default)]
            task: TaskKind,
        }
        let TaskOnly { task } =
            toml::from_str(text).map_err(|error| ConfigError::content(origin, &error.to_string()))?;
        Ok(match task {
            TaskKind::Classification => Self::Classification(RunConfig::parse(text, origin, overrides)?),
            TaskKind::Detection => Self::Detection(RunConfig::parse(text, origin, overrides)?),
            TaskKind::Segmentation => Self::Segmentation(RunConfig::parse(text, origin, overrides)?),
        })
    }

    /// A configuration that judges the weights in the file `weights` in the network `model`, with `overrides` applied.
    ///
    /// Where the file describes its model, and that is `model`, it is evaluated as its run did. Otherwise the weights
    /// are taken for published ones: input and its normalisation are what they are published for
    /// ([`published_classifier`](super::published_classifier)). Data of the task are told apart by their
    /// files, unless an override says what they are.
    ///
    /// # Errors
    ///
    /// When there is no such network, with the nearest names, and as [`RunConfig::read`].
    pub fn of_weights(weights: Option<&Path>, model: &str, overrides: &[String]) -> Result<Self, TrainError> {
        let mut settings = vec![text_setting("data.kind", "auto")];
        settings.extend_from_slice(overrides);
        let own = weights.map(weights_file::find_description::<NamedModel>).transpose()?.flatten();
        let own = weights.filter(|_| own.is_some_and(|own| own.model.name == model));
        if let Ok(network) = DetectorConfig::named(model) {
            let base = match own {
                Some(file) => weights_file::read_description::<DetectorDescription>(file)?.into_config(),
                None => RunConfig { model: network, ..RunConfig::default() },
            };
            return Ok(Self::Detection(RunConfig::parse(&base.to_toml()?, "defaults", &settings)?));
        }
        if let Ok(network) = SegmenterConfig::named(model) {
            let base = match own {
                Some(file) => weights_file::read_description::<SegmenterDescription>(file)?.into_config(),
                None => RunConfig { model: network, ..RunConfig::default() },
            };
            return Ok(Self::Segmentation(RunConfig::parse(&base.to_toml()?, "defaults", &settings)?));
        }
        let network = ClassifierConfig::named(model)?;
        let base = match own {
            Some(file) => weights_file::read_description::<ModelDescription>(file)?.into_config(),
            None => published_classifier(network),
        };
        Ok(Self::Classification(RunConfig::parse(&base.to_toml()?, "defaults", &settings)?))
    }

    /// What is to be recognised.
    pub const fn task(&self) -> TaskKind {
        match self {
            Self::Classification(_) => TaskKind::Classification,
            Self::Detection(_) => TaskKind::Detection,
            Self::Segmentation(_) => TaskKind::Segmentation,
        }
    }

    /// The configuration as TOML.
    ///
    /// # Errors
    ///
    /// As [`RunConfig::to_toml`].
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        match self {
            Self::Classification(config) => config.to_toml(),
            Self::Detection(config) => config.to_toml(),
            Self::Segmentation(config) => config.to_toml(),
        }
    }
}
