//! A configuration whose task is not known before it is read.

use std::path::Path;

use models::{ClassifierConfig, DetectorConfig};

use super::{ConfigError, RunConfig, TaskKind, read_text, text_setting};
use crate::error::TrainError;
use crate::tasks::classification::Classification;
use crate::tasks::detection::Detection;

/// The configuration of a run of any task.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyRunConfig {
    /// One class an image.
    Classification(RunConfig<Classification>),
    /// Boxes around objects.
    Detection(RunConfig<Detection>),
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
        })
    }

    /// The defaults of the task that the network `model` is for, with `overrides` applied; data of its task are told
    /// apart by their files, unless an override says what they are.
    ///
    /// # Errors
    ///
    /// When there is no such network, with the nearest names, and as [`RunConfig::read`].
    pub fn of_model(model: &str, overrides: &[String]) -> Result<Self, TrainError> {
        let mut settings = vec![text_setting("data.kind", "auto"), text_setting("model.name", model)];
        settings.extend_from_slice(overrides);
        if DetectorConfig::named(model).is_ok() {
            return Ok(Self::Detection(RunConfig::parse("", "defaults", &settings)?));
        }
        ClassifierConfig::named(model)?;
        Ok(Self::Classification(RunConfig::parse("", "defaults", &settings)?))
    }

    /// What is to be recognised.
    pub const fn task(&self) -> TaskKind {
        match self {
            Self::Classification(_) => TaskKind::Classification,
            Self::Detection(_) => TaskKind::Detection,
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
        }
    }
}
