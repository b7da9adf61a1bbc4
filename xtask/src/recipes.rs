//! The run recipes of `configs/`, also usable by name.

use std::path::Path;

use thiserror::Error;
use trainer::config::{AnyRunConfig, ConfigError, nearest};

macro_rules! recipes {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every recipe.
        const RECIPES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../configs/", $name, ".toml")))),*];
    };
}
recipes!(
    "shapes-cnn",
    "mnist-cnn",
    "mnist-lenet",
    "cifar10-lenet",
    "cifar10-resnet20",
    "cifar10-vgg16bn",
    "shapes-yolox",
    "bccd-yolox-nano",
    "coco128-yolox-nano",
    "coco-yolox-s",
    "shapes-unet",
    "nuclei-unet",
    "isbi-unet",
    "coco128-fcn",
    "voc-fcn-resnet50",
    "folder-cnn",
    "folder-resnet18",
    "finetune-resnet20-cifar10",
    "finetune-folder-resnet18",
);

/// The recipe of `cargo xtask train` without arguments.
pub(crate) const DEFAULT_RECIPE: &str = "shapes-cnn";
/// The recipe of `cargo xtask train --data FOLDER` without a configuration.
pub(crate) const FOLDER_RECIPE: &str = "folder-cnn";

/// Neither a file nor a recipe.
#[derive(Debug, Error)]
#[error("there is no configuration `{name}`{hint}; recipes by name: {names}", names = recipe_names())]
pub(crate) struct UnknownRecipe {
    name: String,
    hint: String,
}

fn recipe_names() -> String {
    RECIPES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// A configuration and what to call a run of it.
pub(crate) struct Recipe {
    /// The file's name without its extension.
    pub(crate) name: String,
    /// The configuration, overrides applied.
    pub(crate) config: AnyRunConfig,
}

/// Reads the configuration file `source`, or the recipe of that name.
pub(crate) fn read(source: &Path, overrides: &[String]) -> anyhow::Result<Recipe> {
    let stem = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if source.exists() {
        return Ok(Recipe { name: stem, config: AnyRunConfig::read(source, overrides)? });
    }
    let known =
        RECIPES.iter().find(|(name, _)| Path::new(name) == source || source.ends_with(format!("configs/{name}.toml")));
    match known {
        Some((name, text)) => Ok(named(name, text, overrides)?),
        None => {
            let nearest = nearest(&stem, RECIPES.iter().map(|(name, _)| *name));
            let hint = nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
            Err(UnknownRecipe { name: source.display().to_string(), hint }.into())
        }
    }
}

/// The recipe called `name`, one of the constants of this module.
pub(crate) fn built_in(name: &str, overrides: &[String]) -> Result<Recipe, ConfigError> {
    let (name, text) = RECIPES.iter().find(|(known, _)| *known == name).expect("a constant of this module");
    named(name, text, overrides)
}

fn named(name: &str, text: &str, overrides: &[String]) -> Result<Recipe, ConfigError> {
    let origin = format!("configs/{name}.toml");
    Ok(Recipe { name: name.to_owned(), config: AnyRunConfig::parse(text, &origin, overrides)? })
}
