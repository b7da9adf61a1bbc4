//! What a configuration says about its data, and how it is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vision_types::ClassNames;

use crate::cifar::{self, Cifar, Cifar100Labels};
use crate::detect::detect;
use crate::file_name_pattern::{self, FileNamePattern};
use crate::generated::Generated;
use crate::shapes::{Shapes, ShapesStyle};
use crate::split::{SplitFractions, SplitName, Splits};
use crate::{ClassificationSamples, DatasetError, idx, image_folder};

/// A classification data set, as written in a configuration. Every field but `kind` has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DatasetSpec {
    /// Whatever lies at the path: IDX files, CIFAR binary files or class folders.
    Auto(FolderSpec),
    /// One folder a class.
    ImageFolder(FolderSpec),
    /// Classes in file names.
    FileNamePattern(FileNamePatternSpec),
    /// MNIST, or other digits in its format.
    Mnist(MnistSpec),
    /// Fashion-MNIST: as MNIST, with its own class names.
    FashionMnist(MnistSpec),
    /// CIFAR-10, binary version.
    Cifar10(Cifar10Spec),
    /// CIFAR-100, binary version.
    Cifar100(Cifar100Spec),
    /// Generated shapes; needs no files.
    Shapes(ShapesSpec),
}

/// The share of the training data that is set aside for validation where nothing else is said.
pub const DEFAULT_VALIDATION_SPLIT: f64 = 0.1;

const fn default_validation_split() -> f64 {
    DEFAULT_VALIDATION_SPLIT
}

/// Settings of `auto` and `image-folder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FolderSpec {
    /// The folder; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Share set aside for validation where there is no folder for it; 0 for none.
    pub validation_split: f64,
    /// Share set aside for testing where there is no folder for it; 0 for none.
    pub test_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for FolderSpec {
    fn default() -> Self {
        Self { path: None, validation_split: DEFAULT_VALIDATION_SPLIT, test_split: 0.0, split_seed: 0 }
    }
}

/// Settings of `file-name-pattern`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileNamePatternSpec {
    /// The folder; the command line may name another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The pattern of the names, see [`FileNamePattern`].
    #[serde(default = "default_pattern")]
    pub pattern: String,
    /// Share set aside for validation where there is no folder for it; 0 for none.
    #[serde(default = "default_validation_split")]
    pub validation_split: f64,
    /// Share set aside for testing where there is no folder for it; 0 for none.
    #[serde(default)]
    pub test_split: f64,
    /// Seed of the choice.
    #[serde(default)]
    pub split_seed: u64,
}

fn default_pattern() -> String {
    "{label}_{id}.*".to_owned()
}

/// Settings of `mnist` and `fashion-mnist`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MnistSpec {
    /// The folder with the four files; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Share of the training images set aside for validation; 0 for none.
    pub validation_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
    /// Names of the classes; by default those of the published data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
}

impl Default for MnistSpec {
    fn default() -> Self {
        Self { path: None, validation_split: DEFAULT_VALIDATION_SPLIT, split_seed: 0, classes: None }
    }
}

/// Settings of `cifar10`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cifar10Spec {
    /// The folder with the `.bin` files, or the `.tar.gz`; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Share of the training images set aside for validation; 0 for none.
    pub validation_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for Cifar10Spec {
    fn default() -> Self {
        Self { path: None, validation_split: DEFAULT_VALIDATION_SPLIT, split_seed: 0 }
    }
}

/// Settings of `cifar100`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cifar100Spec {
    /// The folder with the `.bin` files, or the `.tar.gz`; the command line may name another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The 100 fine or the 20 coarse classes.
    pub labels: Cifar100Labels,
    /// Share of the training images set aside for validation; 0 for none.
    pub validation_split: f64,
    /// Seed of the choice.
    pub split_seed: u64,
}

impl Default for Cifar100Spec {
    fn default() -> Self {
        Self { path: None, labels: Cifar100Labels::Fine, validation_split: DEFAULT_VALIDATION_SPLIT, split_seed: 0 }
    }
}

/// Settings of `shapes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShapesSpec {
    /// Number of training pictures.
    pub train: usize,
    /// Number of validation pictures; 0 for none.
    pub validation: usize,
    /// Number of test pictures; 0 for none.
    pub test: usize,
    /// Width and height in pixels.
    pub size: u32,
    /// How many of the eight shapes occur.
    pub classes: usize,
    /// Largest change of a colour value by noise, in `0..=255`.
    pub noise: f64,
    /// Seed of the pictures; the splits never share one.
    pub seed: u64,
}

impl Default for ShapesSpec {
    fn default() -> Self {
        let ShapesStyle { size, classes, noise } = ShapesStyle::default();
        Self { train: 4000, validation: 500, test: 1000, size, classes, noise, seed: 0 }
    }
}

impl Default for DatasetSpec {
    /// Generated shapes.
    fn default() -> Self {
        Self::Shapes(ShapesSpec::default())
    }
}

impl DatasetSpec {
    /// The value of `kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Auto(_) => "auto",
            Self::ImageFolder(_) => "image-folder",
            Self::FileNamePattern(_) => "file-name-pattern",
            Self::Mnist(_) => "mnist",
            Self::FashionMnist(_) => "fashion-mnist",
            Self::Cifar10(_) => "cifar10",
            Self::Cifar100(_) => "cifar100",
            Self::Shapes(_) => "shapes",
        }
    }

    /// The path in the configuration.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Auto(spec) | Self::ImageFolder(spec) => spec.path.as_deref(),
            Self::FileNamePattern(spec) => spec.path.as_deref(),
            Self::Mnist(spec) | Self::FashionMnist(spec) => spec.path.as_deref(),
            Self::Cifar10(spec) => spec.path.as_deref(),
            Self::Cifar100(spec) => spec.path.as_deref(),
            Self::Shapes(_) => None,
        }
    }

    /// Opens the data set at `root`, or where the configuration says if `root` is `None`. Image files are only listed;
    /// they are read sample by sample.
    ///
    /// # Errors
    ///
    /// [`DatasetError::PathRequired`] if neither names a path, otherwise the errors of the reader.
    pub fn open(&self, root: Option<&Path>) -> Result<Splits, DatasetError> {
        let path = || root.or(self.path()).ok_or(DatasetError::PathRequired { kind: self.kind() });
        let fractions = |validation, test, seed| SplitFractions { validation, test, seed };
        match self {
            Self::Auto(spec) => detect(path()?, spec)?.open(None),
            Self::ImageFolder(spec) => {
                image_folder::open(path()?, fractions(spec.validation_split, spec.test_split, spec.split_seed))
            }
            Self::FileNamePattern(spec) => file_name_pattern::open(
                path()?,
                &FileNamePattern::parse(&spec.pattern)?,
                fractions(spec.validation_split, spec.test_split, spec.split_seed),
            ),
            Self::Mnist(spec) => open_idx(path()?, spec, (0..10).map(|digit| digit.to_string())),
            Self::FashionMnist(spec) => open_idx(path()?, spec, idx::FASHION_MNIST_CLASSES),
            Self::Cifar10(spec) => {
                cifar::open(path()?, Cifar::Ten, fractions(spec.validation_split, 0.0, spec.split_seed))
            }
            Self::Cifar100(spec) => {
                let cifar = Cifar::Hundred(spec.labels);
                cifar::open(path()?, cifar, fractions(spec.validation_split, 0.0, spec.split_seed))
            }
            Self::Shapes(spec) => spec.open(),
        }
    }

    /// Opens the data set as [`DatasetSpec::open`] and gives one split with the class names.
    ///
    /// # Errors
    ///
    /// Those of [`DatasetSpec::open`], and [`DatasetError::NoSuchSplit`].
    pub fn open_split(
        &self,
        root: Option<&Path>,
        split: SplitName,
    ) -> Result<(ClassificationSamples, ClassNames), DatasetError> {
        let splits = self.open(root)?;
        Ok((Arc::clone(splits.get(split)?), splits.classes))
    }
}

impl ShapesSpec {
    fn open(&self) -> Result<Splits, DatasetError> {
        let style = ShapesStyle { size: self.size, classes: self.classes, noise: self.noise };
        style.check()?;
        let lengths = [self.train, self.validation, self.test];
        let generated = Generated { lengths, size: self.size, seed: self.seed, classes: Shapes::classes(style) };
        generated.open(|seed, length| Shapes::new(style, seed, length))
    }
}

fn open_idx<N: Into<String>>(
    root: &Path,
    spec: &MnistSpec,
    published: impl IntoIterator<Item = N>,
) -> Result<Splits, DatasetError> {
    let classes = match &spec.classes {
        Some(names) => ClassNames::new(names.iter().cloned()),
        None => ClassNames::new(published),
    };
    let fractions = SplitFractions { validation: spec.validation_split, test: 0.0, seed: spec.split_seed };
    idx::open(root, classes, fractions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatasetSpec, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn every_kind_has_defaults_and_survives_a_round_trip() {
        let kinds =
            ["auto", "image-folder", "file-name-pattern", "mnist", "fashion-mnist", "cifar10", "cifar100", "shapes"];
        for kind in kinds {
            let spec = parse(&format!("kind = \"{kind}\"")).unwrap();
            assert_eq!(spec.kind(), kind);
            assert_eq!(parse(&toml::to_string(&spec).unwrap()).unwrap(), spec);
            if kind != "shapes" {
                assert!(matches!(spec.open(None), Err(DatasetError::PathRequired { kind: k }) if k == kind));
            }
        }
    }

    #[test]
    fn unknown_keys_and_kinds_are_refused() {
        let error = parse("kind = \"mnist\"\ntest_split = 0.1").unwrap_err().to_string();
        assert!(error.contains("unknown field `test_split`") && error.contains("validation_split"), "{error}");
        let error = parse("kind = \"mnits\"").unwrap_err().to_string();
        assert!(error.contains("unknown variant `mnits`") && error.contains("`mnist`"), "{error}");
    }

    #[test]
    fn shapes_have_the_asked_sizes_and_share_no_picture_between_splits() {
        let spec = parse("kind = \"shapes\"\ntrain = 16\nvalidation = 8\ntest = 0").unwrap();
        let splits = spec.open(None).unwrap();
        assert_eq!((splits.train.len(), splits.validation.as_ref().unwrap().len()), (16, 8));
        assert_eq!(splits.classes.len(), 8);
        assert_ne!(splits.train.get(0).unwrap().image, splits.validation.as_ref().unwrap().get(0).unwrap().image);
        let error = splits.get(SplitName::Test).unwrap_err().to_string();
        assert_eq!(error, "there is no test split; this data set has: train, val");
    }
}
