//! The checks that need no compiler: recipes, the configuration page, and which backend each feature brings.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use tensor_backend::{SelectedBackend, TrainingBackend};
use trainer::TrainError;
use trainer::config::{AnyRunConfig, ConfigVisitor, RunConfig, key_reference_markdown};
use trainer::tasks::{InferenceOn, TrainingOn};
use vision_types::ClassNames;

use super::LIBRARIES;
use super::command::{CargoCommand, project_root};

/// The packages that are backends, by their names on the registry.
const BACKEND_PACKAGES: [&str; 9] = [
    "burn-candle",
    "burn-cpu",
    "burn-cuda",
    "burn-flex",
    "burn-ndarray",
    "burn-remote",
    "burn-rocm",
    "burn-tch",
    "burn-wgpu",
];

/// The features of `xtask` that choose a backend, and the package that each brings.
const FEATURES: [(&str, &str); 3] = [("cpu", "burn-flex"), ("ndarray", "burn-ndarray"), ("cuda", "burn-cuda")];

/// A number of classes that every network and loss of a recipe can have, since a recipe does not know its data.
const ANY_CLASSES: usize = 10;

/// Every recipe reads, and its network fits its input.
pub(super) fn recipes() -> anyhow::Result<()> {
    let folder = project_root()?.join("configs");
    let recipes = recipe_files(&folder)?;
    ensure!(!recipes.is_empty(), "{} holds no recipe, expected at least one .toml", folder.display());
    for path in &recipes {
        let at = || path.display().to_string();
        AnyRunConfig::read(path, &[])?.visit::<TrainingBackend, SelectedBackend, _>(Check).with_context(at)?;
    }
    println!("{} recipes are valid", recipes.len());
    Ok(())
}

/// Checks that a network, a loss and the rest of a task can be made of a recipe.
struct Check;

impl ConfigVisitor<TrainingBackend, SelectedBackend> for Check {
    type Output = Result<(), TrainError>;

    fn visit<K: TrainingOn<TrainingBackend> + InferenceOn<SelectedBackend>>(
        self,
        config: RunConfig<K>,
    ) -> Self::Output {
        let names = (0..ANY_CLASSES).map(|class| format!("class {class}"));
        K::check_model(&config.model, ANY_CLASSES, config.input.shape())?;
        K::task(&config, ClassNames::new(names))?;
        Ok(())
    }
}

/// The `.toml` files of `folder`, sorted.
fn recipe_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let at = || folder.display().to_string();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(at)? {
        let path = entry.with_context(at)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// `docs/configuration.md` is what the code says.
pub(super) fn configuration_page() -> anyhow::Result<()> {
    let path = project_root()?.join("docs/configuration.md");
    let found = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let expected = key_reference_markdown();
    if let Some(line) = first_difference(&found, &expected) {
        bail!(
            "{} is out of date from line {line}; write it anew with: cargo xtask train --help-config > \
             docs/configuration.md",
            path.display()
        );
    }
    println!("docs/configuration.md is up to date");
    Ok(())
}

/// Number, from 1, of the first line in which the texts differ.
fn first_difference(found: &str, expected: &str) -> Option<usize> {
    if found == expected {
        return None;
    }
    let alike = found.split('\n').zip(expected.split('\n')).take_while(|(a, b)| a == b).count();
    Some(alike + 1)
}

/// Each feature brings its own backend and no other; libraries bring none.
pub(super) fn backends() -> anyhow::Result<()> {
    for library in LIBRARIES {
        let found = backend_packages(&["--package", library])?;
        ensure!(found.is_empty(), "{library} brings {} without a feature, expected no backend", found.join(", "));
    }
    for (feature, package) in FEATURES {
        let found = backend_packages(&["--package", "xtask", "--no-default-features", "--features", feature])?;
        ensure!(found == [package], "the feature {feature} brings {}, expected {package} alone", found.join(", "));
    }
    println!("libraries bring no backend, each feature its own");
    Ok(())
}

/// The backends among what a selection of packages is compiled with.
fn backend_packages(selection: &[&str]) -> anyhow::Result<Vec<&'static str>> {
    let tree = CargoCommand::new(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"]).with(selection);
    let listing = tree.output()?;
    let names: Vec<&str> = listing.lines().filter_map(|line| line.split_whitespace().next()).collect();
    Ok(BACKEND_PACKAGES.into_iter().filter(|package| names.contains(package)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_line_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("a\nb", "a\nb\n"), Some(3));
    }

    #[test]
    fn a_backend_is_seen_where_there_is_one() {
        let with =
            |feature| backend_packages(&["--package", "tensor-backend", "--features", feature]).expect("cargo tree");
        assert_eq!(with("cpu"), ["burn-flex"]);
        assert_eq!(with("cpu,ndarray"), ["burn-flex", "burn-ndarray"]);
    }
}
