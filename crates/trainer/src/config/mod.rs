//! The configuration of a run: a TOML file, `--set` overrides, and what became of both.

mod any;
mod error;
mod overrides;
mod published;
#[cfg(test)]
mod ranges;
mod reference;
mod sections;

use std::fmt::Debug;
use std::path::Path;

use datasets::{DatasetError, SplitName, Splits};
use models::InputShape;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use any::{AnyRunConfig, ConfigVisitor};
pub use error::{ConfigError, nearest};
pub use overrides::{data_path_setting, text_setting, texts_setting};
pub use published::published_classifier;
pub use reference::{KeyReference, TableReference, key_reference_markdown};
pub use sections::{
    ClassificationAugment, InputConfig, InputSize, NoSettings, Normalization, NormalizationPreset, TaskKind,
    TrainConfig,
};

use crate::tasks::classification::DistillConfig;
use crate::training::early_stopping::EarlyStopping;
use crate::training::optim::OptimizerConfig;
use crate::training::sampler::Sampling;
use crate::training::schedule::ScheduleConfig;
use crate::weights::InitConfig;

/// A table of a configuration.
pub trait ConfigTable:
    Serialize + DeserializeOwned + JsonSchema + Debug + Clone + PartialEq + Send + Sync + 'static
{
    /// What types cannot rule out: names the key, what was found and what is possible.
    fn problem(&self) -> Option<String> {
        None
    }

    /// Whether the table is left out of a written configuration.
    fn is_absent(&self) -> bool {
        false
    }
}

/// The table that says where samples come from.
pub trait DataTable: ConfigTable + Default {
    /// What is known about an image.
    type Annotation: Clone + Send + Sync + datasets::Fingerprint + 'static;

    /// The value of `data.kind`.
    fn kind(&self) -> &'static str;

    /// The folder or file in the configuration.
    fn path(&self) -> Option<&Path>;

    /// Opens the data set where the configuration says.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be read.
    fn open(&self) -> Result<Splits<Self::Annotation>, DatasetError>;

    /// Whether `data.path` must be set.
    fn needs_path(&self) -> bool;

    /// What counts as the class of a sample when a data set is cut into parts with equal shares of each.
    fn class_of(_annotation: &Self::Annotation) -> usize {
        0
    }
}

/// The table `[augment]`.
pub trait AugmentTable: ConfigTable + Default {
    /// The part of it that prediction needs as well: how an image comes to the network's input.
    type Preparation: Serialize + DeserializeOwned + Debug + Clone + PartialEq;

    /// That part.
    fn preparation(&self) -> Self::Preparation;

    /// No augmentation, images coming to the input as `preparation` says.
    fn with_preparation(preparation: Self::Preparation) -> Self;
}

/// A task as far as its configuration goes: the tables that differ from task to task.
pub trait TaskTables: Debug + Clone + PartialEq + Send + Sync + 'static {
    /// The value of `task`.
    const TASK: TaskKind;
    /// `[data]`.
    type Data: DataTable;
    /// `[augment]`.
    type Augment: AugmentTable;
    /// `[model]`.
    type Model: ConfigTable;
    /// `[loss]`.
    type Loss: ConfigTable + Default;
    /// `[decode]`: how outputs become answers.
    type Decode: ConfigTable + Default;

    /// `[input]` where the configuration has none.
    fn default_input() -> InputConfig {
        InputConfig::default()
    }

    /// `[model]` where the configuration has none.
    fn default_model() -> Self::Model;

    /// The network called `name`, with default options.
    ///
    /// # Errors
    ///
    /// [`models::ModelError::UnknownName`] with the nearest names, or a network for another task.
    fn named_model(name: &str) -> Result<Self::Model, models::ModelError>;

    /// The options of each family of networks: the names of its networks, and what describes the options.
    fn model_options() -> Vec<(Vec<&'static str>, Schema)>;

    /// What published weights of `model` are evaluated with.
    fn published(model: Self::Model) -> RunConfig<Self> {
        RunConfig { model, ..RunConfig::default() }
    }

    /// The name of the network.
    fn model_name(model: &Self::Model) -> &str;

    /// Whether an image has one class, by which samples can be balanced.
    const ONE_CLASS_AN_IMAGE: bool = false;

    /// Fills in what depends on several tables at once.
    ///
    /// # Errors
    ///
    /// When they do not go together.
    fn resolve(_config: &mut RunConfig<Self>) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Checks the network's options against the number of classes and the image size without building it.
    ///
    /// # Errors
    ///
    /// An option that the network does not have or cannot have, no classes, or images that it cannot take.
    fn check_model(model: &Self::Model, classes: usize, input: InputShape) -> Result<(), models::ModelError>;
}

/// What is known about an image in the task `K`.
pub type AnnotationOf<K> = <<K as TaskTables>::Data as DataTable>::Annotation;

/// Everything that a run of the task `K` is made of. Feeding a resolved configuration back repeats the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, bound = "")]
pub struct RunConfig<K: TaskTables> {
    /// What is to be recognised.
    pub task: TaskKind,
    /// Names the run: weights, order, augmentation and dropout follow from it.
    pub seed: u64,
    /// Where the samples come from.
    pub data: K::Data,
    /// What the network sees.
    pub input: InputConfig,
    /// How training samples are varied.
    pub augment: K::Augment,
    /// The network.
    pub model: K::Model,
    /// What the network starts from.
    #[serde(skip_serializing_if = "InitConfig::is_default")]
    pub init: InitConfig,
    /// What is minimised.
    pub loss: K::Loss,
    /// A network to learn from besides the targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distill: Option<DistillConfig<K::Model>>,
    /// How outputs become answers.
    #[serde(skip_serializing_if = "ConfigTable::is_absent")]
    pub decode: K::Decode,
    /// How the loss is minimised.
    pub optim: OptimizerConfig,
    /// The learning rate over the run.
    pub schedule: ScheduleConfig,
    /// Epochs, batches, threads.
    pub train: TrainConfig,
    /// When to stop before the last epoch; never, where this is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

impl<K: TaskTables> Default for RunConfig<K> {
    fn default() -> Self {
        Self {
            task: K::TASK,
            seed: 0,
            data: K::Data::default(),
            input: K::default_input(),
            augment: K::Augment::default(),
            model: K::default_model(),
            init: InitConfig::default(),
            loss: K::Loss::default(),
            distill: None,
            decode: K::Decode::default(),
            optim: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
            train: TrainConfig::default(),
            early_stopping: None,
        }
    }
}

impl<K: TaskTables> RunConfig<K> {
    /// Reads a configuration file and applies `overrides` (`key=value`, the key with dots).
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not TOML, or has a key or value that does not exist, with the nearest that does.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        Self::parse(&read_text(path)?, &path.display().to_string(), overrides)
    }

    /// The configuration in `text`, which came from `origin`, with `overrides` applied.
    ///
    /// # Errors
    ///
    /// As [`RunConfig::read`].
    pub fn parse(text: &str, origin: &str, overrides: &[String]) -> Result<Self, ConfigError> {
        let mut table: toml::Table = toml::from_str(text).map_err(|error| ConfigError::syntax(origin, &error))?;
        // The file alone first: its errors can name a line.
        toml::from_str::<Self>(text).map_err(|error| ConfigError::content(origin, &error.to_string()))?;
        for setting in overrides {
            overrides::apply(&mut table, setting)?;
        }
        // What a table leaves out is the task's default, as where the whole table is missing.
        if let Some(toml::Value::Table(input)) = table.get_mut("input") {
            let defaults = toml::Table::try_from(K::default_input());
            for (key, value) in defaults.map_err(|error| ConfigError::Invalid(error.to_string()))? {
                input.entry(key).or_insert(value);
            }
        }
        let mut config = serde_path_to_error::deserialize::<_, Self>(table).map_err(|error| {
            let key = error.path().to_string();
            ConfigError::content(&format!("--set {key}"), &error.into_inner().to_string())
        })?;
        K::resolve(&mut config)?;
        config.validate()?;
        Ok(config)
    }

    /// The configuration as TOML.
    ///
    /// # Errors
    ///
    /// When a value has no TOML form, such as a seed above 2⁶³.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string_pretty(self).map_err(|error| ConfigError::Invalid(error.to_string()))
    }

    /// Checks what types cannot: ranges, and settings that exclude one another.
    ///
    /// # Errors
    ///
    /// Names the key, what was found and what is possible.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.task != K::TASK {
            let (found, expected) = (self.task.as_str(), K::TASK.as_str());
            return Err(ConfigError::Invalid(format!("the configuration is for {found}, expected {expected}")));
        }
        let problem = self
            .optim
            .problem()
            .or_else(|| self.schedule.problem())
            .or_else(|| self.input.problem())
            .or_else(|| self.data.problem())
            .or_else(|| self.augment.problem())
            .or_else(|| self.model.problem())
            .or_else(|| self.loss.problem())
            .or_else(|| self.decode.problem())
            .or_else(|| self.distill.as_ref()?.problem())
            .or_else(|| self.distill.as_ref()?.model.problem())
            .or_else(|| self.train.problem())
            .or_else(|| {
                (self.train.cache_features && self.distill.is_some())
                    .then(|| "train.cache_features and distill exclude one another: a teacher needs images".to_owned())
            })
            .or_else(|| {
                (self.train.sampling == Sampling::ClassBalanced && !K::ONE_CLASS_AN_IMAGE).then(|| {
                    let task = K::TASK.as_str();
                    format!("train.sampling = \"class-balanced\" needs one class an image, which {task} does not have")
                })
            });
        match problem {
            Some(problem) => Err(ConfigError::Invalid(problem)),
            None => Ok(()),
        }
    }

    /// Opens the data set, cut as `train.fold` says.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be read, or has fewer samples than parts.
    pub fn open(&self) -> Result<Splits<AnnotationOf<K>>, DatasetError> {
        let splits = self.data.open()?;
        match self.train.fold {
            Some(fold) => splits.fold(fold, K::Data::class_of),
            None => Ok(splits),
        }
    }

    /// Opens the data set and gives one split with the class names.
    ///
    /// # Errors
    ///
    /// Those of opening it, and [`DatasetError::NoSuchSplit`].
    #[allow(clippy::type_complexity, reason = "a split and its class names")]
    pub fn open_split(
        &self,
        split: SplitName,
    ) -> Result<(datasets::Samples<AnnotationOf<K>>, vision_types::ClassNames), DatasetError> {
        let splits = self.open()?;
        Ok((splits.get(split)?.clone(), splits.classes))
    }
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::classification::Classification;
    use crate::tasks::detection::Detection;

    fn parse(text: &str, overrides: &[&str]) -> Result<RunConfig<Classification>, String> {
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        RunConfig::parse(text, "test.toml", &overrides).map_err(|error| error.to_string())
    }

    #[test]
    fn a_resolved_configuration_reads_back_the_same() {
        let config = parse("seed = 7\n[optim]\nkind = \"sgd\"\nlr = 0.1\n", &["train.epochs=3"]).expect("valid");
        let again = parse(&config.to_toml().expect("TOML"), &[]).expect("valid");
        assert_eq!(again, config);
        assert_eq!((config.seed, config.train.epochs, config.optim.lr), (7, 3, 0.1));
    }

    #[test]
    fn what_a_table_leaves_out_is_the_tasks_default() {
        let text = "task = \"detection\"\n[input]\nsize = 640\n";
        let config = RunConfig::<Detection>::parse(text, "test.toml", &[]).expect("valid");
        let expected = InputConfig { size: InputSize::Square(640), ..Detection::default_input() };
        assert_eq!(config.input, expected);
        assert_eq!(expected.normalize, Normalization::Preset(NormalizationPreset::Imagenet));
    }

    #[test]
    fn an_unknown_key_names_its_line_and_the_nearest_key() {
        let message = parse("seed = 1\n[optim]\nlearning_rat = 0.1\nmomentun = 0.5\n", &[]).expect_err("unknown");
        assert!(message.contains("test.toml") && message.contains("line 3"), "{message}");
        let message = parse("[optim]\nmomentun = 0.5\n", &[]).expect_err("unknown");
        assert!(message.contains("did you mean `momentum`?"), "{message}");
        let message = parse("", &["optim.momentun=0.5"]).expect_err("unknown");
        assert!(message.contains("--set optim.momentun") && message.contains("`momentum`"), "{message}");
    }

    #[test]
    fn a_wrong_type_or_value_is_named() {
        let message = parse("[train]\nepochs = \"three\"\n", &[]).expect_err("not a number");
        assert!(message.contains("line 2") && message.contains("three"), "{message}");
        let message = parse("", &["optim.kind=\"sgdd\""]).expect_err("no such optimiser");
        assert!(message.contains("did you mean `sgd`?"), "{message}");
        let message = parse("", &["optim.lr=-1"]).expect_err("negative");
        assert!(message.contains("optim.lr") && message.contains("-1"), "{message}");
        let message = parse("", &["optim"]).expect_err("no value");
        assert!(message.contains("key=value"), "{message}");
    }

    #[test]
    fn setting_another_kind_drops_the_options_of_the_old_one() {
        let text = "[schedule]\nkind = \"one-cycle\"\nup = 0.2\n";
        let config = parse(text, &["schedule.kind=constant"]).expect("valid");
        assert_eq!(config.schedule, ScheduleConfig::Constant);
    }
}
