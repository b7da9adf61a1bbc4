//! The configuration of a run: a TOML file, `--set` overrides, and what became of both.

mod error;
mod overrides;
mod reference;
mod sections;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use error::{ConfigError, nearest};
pub use overrides::data_path_setting;
pub use reference::{KeyReference, key_reference, key_reference_markdown};
pub use sections::{AugmentConfig, InputConfig, InputSize, Normalization, NormalizationPreset, TaskKind, TrainConfig};

use crate::early_stopping::EarlyStopping;
use crate::optim::OptimizerConfig;
use crate::schedule::ScheduleConfig;

/// Everything that a run is made of. Feeding a resolved configuration back repeats the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// What is to be recognised.
    pub task: TaskKind,
    /// Names the run: weights, order, augmentation and dropout follow from it.
    pub seed: u64,
    /// Where the samples come from.
    pub data: datasets::DatasetSpec,
    /// What the network sees.
    pub input: InputConfig,
    /// How training samples are varied.
    pub augment: AugmentConfig,
    /// The network.
    pub model: models::ClassifierConfig,
    /// What is minimised.
    pub loss: losses::ClassificationLoss,
    /// How it is minimised.
    pub optim: OptimizerConfig,
    /// The learning rate over the run.
    pub schedule: ScheduleConfig,
    /// Epochs, batches, threads.
    pub train: TrainConfig,
    /// When to stop before the last epoch; never, where this is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

/// The network of a configuration that names none.
const DEFAULT_MODEL: &str = "cnn";

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            task: TaskKind::default(),
            seed: 0,
            data: datasets::DatasetSpec::default(),
            input: InputConfig::default(),
            augment: AugmentConfig::default(),
            model: models::ClassifierConfig::named(DEFAULT_MODEL).expect("a name of the catalogue"),
            loss: losses::ClassificationLoss::default(),
            optim: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
            train: TrainConfig::default(),
            early_stopping: None,
        }
    }
}

impl RunConfig {
    /// Reads a configuration file and applies `overrides` (`key=value`, the key with dots).
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not TOML, or has a key or value that does not exist, with the nearest that does.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string(), overrides)
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
        let config = serde_path_to_error::deserialize::<_, Self>(table).map_err(|error| {
            let key = error.path().to_string();
            ConfigError::content(&format!("--set {key}"), &error.into_inner().to_string())
        })?;
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
        let problem = self
            .optim
            .problem()
            .or_else(|| self.schedule.problem())
            .or_else(|| self.input.problem())
            .or_else(|| self.augment.problem())
            .or_else(|| self.train.problem());
        match problem {
            Some(problem) => Err(ConfigError::Invalid(problem)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, overrides: &[&str]) -> Result<RunConfig, String> {
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
