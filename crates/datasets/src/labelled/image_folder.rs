//! One folder a class, the layout of torchvision's `ImageFolder` and Keras' `image_dataset_from_directory`.
//!
//! ```text
//! root/cat/1.jpg              or  root/train/cat/1.jpg
//! root/cat/more/2.jpg             root/val/cat/7.jpg
//! root/dog/1.png                  root/test/dog/9.png
//! ```

use std::path::Path;

use super::labelled_files::{Found, open_tree};
use crate::DatasetError;
use crate::kind::{DataKind, FileSettings, data_settings};
use crate::listing::{Listing, collect, file_name};
use crate::split::{SplitFractions, Splits};

data_settings! {
    /// Settings of `auto` and `image-folder`.
    pub struct FolderSpec from files {
    } with validation_split, test_split
}

impl DataKind for FolderSpec {
    type Data = Splits;
    type Auto = Self;
    const LOOKS_LIKE: &'static str = "folders of images, one for each class";

    fn open(&self, root: &Path) -> Result<Splits, DatasetError> {
        open(root, self.fractions())
    }

    fn recognise(place: &Path, auto: &Self) -> Result<Option<Self>, DatasetError> {
        let found = place.is_dir() && !wraps_a_data_set(place)? && recognise(place)?;
        Ok(found.then(|| Self::at(place, auto.fractions())))
    }
}

/// Opens the class folders below `root`.
///
/// Classes are the folders, sorted by name; images may lie in folders within them. Folders `train`, `val` (`valid`,
/// `validation`) and `test` are used where `root` holds nothing but them; a split that is missing is set aside from
/// training data as `fractions` say. Where there is no `train`, only folders `val` and `test` with class folders, the
/// training split is empty.
///
/// # Errors
///
/// A missing or unreadable folder, [`DatasetError::NoImages`], [`DatasetError::EmptyClass`],
/// [`DatasetError::UnknownClass`], [`DatasetError::EmptySplit`], [`DatasetError::AmbiguousSplit`] or
/// [`DatasetError::InvalidSetting`].
pub fn open(root: &Path, fractions: SplitFractions) -> Result<Splits, DatasetError> {
    open_tree(root, fractions, scan)
}

/// Whether `root` holds nothing but one folder, which holds class folders itself (and is not called `train`,
/// `val` or `test`).
fn wraps_a_data_set(root: &Path) -> Result<bool, DatasetError> {
    let listing = Listing::of(root)?;
    if listing.evaluation_splits()?.is_some() {
        return Ok(false);
    }
    match listing.folders.as_slice() {
        [inner] if listing.fixed_splits()?.is_none() && Listing::of(inner)?.images.is_empty() => recognise(inner),
        _ => Ok(false),
    }
}

/// Whether the folder holds folders with images, or folders of splits that do.
fn recognise(root: &Path) -> Result<bool, DatasetError> {
    let listing = Listing::of(root)?;
    let evaluated = listing.evaluation_splits()?.and_then(|fixed| fixed.test.or(fixed.validation));
    let tree = match listing.fixed_splits()?.and_then(|fixed| fixed.train).or(evaluated) {
        Some(train) => Listing::of(&train)?,
        None => listing,
    };
    for folder in &tree.folders {
        if !collect(folder)?.0.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn scan(folder: &Path) -> Result<Found, DatasetError> {
    let listing = Listing::of(folder)?;
    // Images beside the class folders belong to no class.
    let mut found = Found { files: Vec::new(), ignored: listing.ignored() + listing.images.len() };
    if listing.folders.is_empty() {
        return Err(DatasetError::NoImages {
            path: folder.to_owned(),
            ignored: found.ignored,
            expected: "one folder for each class, with images in it",
        });
    }
    let mut empty = None;
    for class_folder in listing.folders {
        let (images, ignored) = collect(&class_folder)?;
        found.ignored += ignored;
        let class = file_name(&class_folder);
        if images.is_empty() {
            empty.get_or_insert((class_folder, ignored));
        }
        found.files.extend(images.into_iter().map(|image| (image, class.clone())));
    }
    match empty {
        _ if found.files.is_empty() => Err(DatasetError::NoImages {
            path: folder.to_owned(),
            ignored: found.ignored,
            expected: "one folder for each class, with images in it",
        }),
        Some((path, ignored)) => Err(DatasetError::EmptyClass { path, ignored }),
        None => Ok(found),
    }
}
