//! Kinds of data for classification.

use std::path::Path;

use vision_types::ClassId;

use crate::cifar::{Cifar10Spec, Cifar100Spec};
use crate::file_name_pattern::FileNamePatternSpec;
use crate::idx::{FashionMnistSpec, MnistSpec};
use crate::image_folder::FolderSpec;
use crate::kind::data_kinds;
use crate::shapes::ShapesSpec;
use crate::{DatasetError, Splits};

data_kinds! {
    /// A classification data set, as written in a configuration. Every field but `kind` has a default.
    pub enum DatasetSpec for Splits, samples of ClassId {
        /// Whatever lies at the path: IDX files, CIFAR binary files or class folders.
        Auto(FolderSpec),
        /// MNIST, or other digits in its format.
        Mnist(MnistSpec) = "mnist",
        /// Fashion-MNIST: as MNIST, with its own class names.
        FashionMnist(FashionMnistSpec) = "fashion-mnist",
        /// CIFAR-10, binary version.
        Cifar10(Cifar10Spec) = "cifar10",
        /// CIFAR-100, binary version.
        Cifar100(Cifar100Spec) = "cifar100",
        /// One folder a class.
        ImageFolder(FolderSpec) = "image-folder",
        /// Classes in file names.
        FileNamePattern(FileNamePatternSpec) = "file-name-pattern",
        /// Generated shapes; needs no files.
        Shapes(ShapesSpec) = "shapes",
    }
}

impl Default for DatasetSpec {
    /// Generated shapes.
    fn default() -> Self {
        Self::Shapes(ShapesSpec::default())
    }
}

impl DatasetSpec {
    /// Opens the data set at `root`, or where the configuration says if `root` is `None`. Image files are only listed;
    /// they are read sample by sample.
    ///
    /// # Errors
    ///
    /// [`DatasetError::PathRequired`] if neither names a path, otherwise the errors of the reader.
    pub fn open(&self, root: Option<&Path>) -> Result<Splits, DatasetError> {
        self.read_at(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SplitName;

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
