//! Image files that each belong to one class.

use std::path::{Path, PathBuf};

use pictures::image_file;
use vision_types::{ClassId, ClassNames, Sample, nearest_name};

use crate::dataset::{check_index, key_of};
use crate::listing::Listing;
use crate::parts::Parts;
use crate::split::{Partition, SplitFractions, SplitName, Splits};
use crate::{Dataset, DatasetError};

/// Image files with the number of their class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledFiles {
    root: PathBuf,
    files: Vec<(PathBuf, ClassId)>,
}

impl LabelledFiles {
    /// Files given by their paths relative to `root`, each with its class. Nothing is opened.
    pub fn new(root: impl Into<PathBuf>, files: Vec<(PathBuf, ClassId)>) -> Self {
        Self { root: root.into(), files }
    }
}

impl Dataset for LabelledFiles {
    type Annotation = ClassId;

    fn len(&self) -> usize {
        self.files.len()
    }

    fn get(&self, index: usize) -> Result<Sample<ClassId>, DatasetError> {
        check_index(index, self.len())?;
        let (relative, class) = &self.files[index];
        let path = self.root.join(relative);
        let image = image_file::read(&path)?;
        Ok(Sample { image, annotation: *class, source: path.display().to_string() })
    }

    fn annotation(&self, index: usize) -> Result<ClassId, DatasetError> {
        check_index(index, self.len())?;
        Ok(self.files[index].1)
    }

    fn source(&self, index: usize) -> String {
        self.root.join(&self.files[index].0).display().to_string()
    }

    fn key(&self, index: usize) -> String {
        key_of(&self.files[index].0)
    }

    fn file(&self, index: usize) -> Option<PathBuf> {
        Some(self.root.join(&self.files[index].0))
    }
}

/// Files with the names of their classes, as a reader of some layout found them below one folder.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Full path and class name, in a fixed order.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Files passed over.
    pub(crate) ignored: usize,
}

/// Makes splits from `root`: from the folders `train`, `val` and `test` where they exist, otherwise from one tree; what
/// is missing is set aside from training data as `fractions` say. `scan` finds the files below one folder. Classes are
/// those of the training data, sorted by name; where there are only folders `val` and `test`, of one of these.
pub(crate) fn open_tree(
    root: &Path,
    fractions: SplitFractions,
    scan: impl Fn(&Path) -> Result<Found, DatasetError>,
) -> Result<Splits, DatasetError> {
    fractions.check()?;
    let listing = Listing::of(root)?;
    let evaluated = listing.evaluation_splits()?;
    let without_training = evaluated.is_some();
    let fixed = match evaluated {
        Some(evaluated) => evaluated,
        None => listing.fixed_splits()?.unwrap_or_default(),
    };
    let (found, named) = if without_training {
        let named = [&fixed.test, &fixed.validation].into_iter().flatten().next();
        (Found::default(), scan(named.map_or(root, PathBuf::as_path))?.files)
    } else {
        let found = scan(fixed.train.as_deref().unwrap_or(root))?;
        let named = found.files.clone();
        (found, named)
    };
    let mut names: Vec<String> = named.into_iter().map(|(_, class)| class).collect();
    names.sort_unstable();
    names.dedup();
    let classes = ClassNames::new(names);
    let mut ignored_files = found.ignored;

    let number = |found: Found, split: SplitName| -> Result<LabelledFiles, DatasetError> {
        let mut files = Vec::with_capacity(found.files.len());
        for (path, class) in found.files {
            let id = classes.as_slice().binary_search(&class).map_err(|_| DatasetError::UnknownClass {
                nearest: nearest_name(&class, classes.iter()),
                path: path.clone(),
                split,
                class,
            })?;
            files.push((path.strip_prefix(root).map_or_else(|_| path.clone(), Path::to_owned), id));
        }
        Ok(LabelledFiles::new(root, files))
    };
    let mut read_fixed = |folder: Option<PathBuf>, split| -> Result<Option<LabelledFiles>, DatasetError> {
        let Some(folder) = folder else { return Ok(None) };
        let found = scan(&folder)?;
        ignored_files += found.ignored;
        Ok(Some(number(found, split)?))
    };
    let validation = read_fixed(fixed.validation, SplitName::Validation)?;
    let test = read_fixed(fixed.test, SplitName::Test)?;

    let all = number(found, SplitName::Train)?;
    if without_training {
        let nothing = Partition { train: Vec::new(), validation: Vec::new(), test: Vec::new() };
        return Parts { train: all, validation, test, ignored_files }.assemble(nothing, classes);
    }
    let annotations: Vec<ClassId> = all.files.iter().map(|(_, class)| *class).collect();
    let parts = Parts { train: all, validation, test, ignored_files };
    let partition = parts.partition(&annotations, fractions)?;
    parts.assemble(partition, classes)
}
