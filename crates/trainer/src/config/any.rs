//! The list of tasks, and a configuration whose task is not known before it is read.

use std::path::Path;

use serde::Deserialize;
use tensor_backend::{AutodiffVisionBackend, VisionBackend};

use super::{ConfigError, RunConfig, TaskKind, TaskTables, read_text, text_setting};
use crate::error::TrainError;
use crate::tasks::classification::Classification;
use crate::tasks::detection::Detection;
use crate::tasks::segmentation::Segmentation;
use crate::tasks::{InferenceOn, ModelDescription, TrainingOn};
use crate::weights::file;

/// Does something with a configuration, whatever its task; see [`AnyRunConfig::visit`].
///
/// `I` is the backend inside `B`. It stands here by itself because the compiler does not look through `B::InnerBackend`
/// where `B` is a certain type.
pub trait ConfigVisitor<B: AutodiffVisionBackend<InnerBackend = I>, I: VisionBackend> {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<K: TrainingOn<B> + InferenceOn<I>>(self, config: RunConfig<K>) -> Self::Output;
}

/// Makes [`AnyRunConfig`] and everything that looks at the task: each is a variant of [`TaskKind`] and a definition.
macro_rules! tasks {
    ($($task:ident),* $(,)?) => {
        /// The configuration of a run of any task.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AnyRunConfig {
            $(
                #[doc = concat!("Of ", stringify!($task), ".")]
                $task(RunConfig<$task>),
            )*
        }

        impl AnyRunConfig {
            fn parse_task(task: TaskKind, text: &str, origin: &str, overrides: &[String]) -> Result<Self, ConfigError> {
                Ok(match task {
                    $(TaskKind::$task => Self::$task(RunConfig::parse(text, origin, overrides)?),)*
                })
            }

            fn of_model(
                task: TaskKind,
                model: &str,
                described_by: Option<&Path>,
                overrides: &[String],
            ) -> Result<Self, TrainError> {
                Ok(match task {
                    $(TaskKind::$task => Self::$task(of_model(model, described_by, overrides)?),)*
                })
            }

            /// What is to be recognised.
            pub const fn task(&self) -> TaskKind {
                match self {
                    $(Self::$task(_) => TaskKind::$task,)*
                }
            }

            /// The configuration as TOML.
            ///
            /// # Errors
            ///
            /// As [`RunConfig::to_toml`].
            pub fn to_toml(&self) -> Result<String, ConfigError> {
                match self {
                    $(Self::$task(config) => config.to_toml(),)*
                }
            }

            /// Does with the configuration what `visitor` does.
            pub fn visit<B, I, V>(self, visitor: V) -> V::Output
            where
                B: AutodiffVisionBackend<InnerBackend = I>,
                I: VisionBackend,
                V: ConfigVisitor<B, I>,
            {
                match self {
                    $(Self::$task(config) => visitor.visit(config),)*
                }
            }
        }
    };
}
tasks! {
    Classification,
    Detection,
    Segmentation,
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
        #[derive(Deserialize)]
        struct TaskOnly {
            #[serde(default)]
            task: TaskKind,
        }
        let TaskOnly { task } =
            toml::from_str(text).map_err(|error| ConfigError::content(origin, &error.to_string()))?;
        Self::parse_task(task, text, origin, overrides)
    }

    /// A configuration that judges the weights in the file `weights` in the network `model`, with `overrides` applied.
    ///
    /// Where the file describes its model, and that is `model`, it is evaluated as its run did. Otherwise the weights
    /// are taken for published ones: input and its normalisation are what they are published for
    /// ([`TaskTables::published`]). Data of the task are told apart by their files, unless an override says what they are.
    ///
    /// # Errors
    ///
    /// When there is no such network, with the nearest names, and as [`RunConfig::read`].
    pub fn of_weights(weights: Option<&Path>, model: &str, overrides: &[String]) -> Result<Self, TrainError> {
        /// What every description of a weights file has.
        #[derive(Deserialize)]
        struct Described {
            model: Named,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let mut settings = vec![text_setting("data.kind", "auto")];
        settings.extend_from_slice(overrides);
        let own = weights.map(file::find_description::<Described>).transpose()?.flatten();
        let own = weights.filter(|_| own.is_some_and(|own| own.model.name == model));
        // Of a name that no task knows, the error of the first one tells the nearest.
        let task = models::task_of(model).and_then(TaskKind::named).unwrap_or_default();
        Self::of_model(task, model, own, &settings)
    }
}

/// The configuration of a task's model, as the weights file `described_by` has it, or as it is published.
fn of_model<K: TaskTables>(
    model: &str,
    described_by: Option<&Path>,
    settings: &[String],
) -> Result<RunConfig<K>, TrainError> {
    let base = match described_by {
        Some(weights) => file::read_description::<ModelDescription<K>>(weights)?.into_config(),
        None => K::published(K::named_model(model)?),
    };
    Ok(RunConfig::parse(&base.to_toml()?, "defaults", settings)?)
}
