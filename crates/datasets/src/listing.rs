//! What lies in a folder.

use std::path::{Path, PathBuf};

use crate::{DatasetError, SplitName};
use pictures::image_file::format_of_extension;

/// The visible content of one folder, each list sorted by name (in the order of code points, as Python sorts).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Folders.
    pub(crate) folders: Vec<PathBuf>,
    /// Files with an image extension.
    pub(crate) images: Vec<PathBuf>,
    /// Other visible files.
    pub(crate) others: Vec<PathBuf>,
    /// Number of hidden files.
    pub(crate) hidden: usize,
}

impl Listing {
    /// Lists `folder`; links are followed.
    pub(crate) fn of(folder: &Path) -> Result<Self, DatasetError> {
        let metadata = std::fs::metadata(folder).map_err(|source| DatasetError::from_io(folder, source))?;
        if !metadata.is_dir() {
            return Err(DatasetError::WrongFileKind { path: folder.to_owned(), expected: "a folder, found a file" });
        }
        let mut listing = Self::default();
        let entries = std::fs::read_dir(folder).map_err(|source| DatasetError::from_io(folder, source))?;
        for entry in entries {
            let path = entry.map_err(|source| DatasetError::from_io(folder, source))?.path();
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            // A link to nowhere is listed under its extension, so that reading it gives an error with its name.
            let is_folder = path.is_dir();
            match (hidden, is_folder) {
                (true, true) => {}
                (true, false) => listing.hidden += 1,
                (false, true) => listing.folders.push(path),
                (false, false) if format_of_extension(&path).is_some() => listing.images.push(path),
                (false, false) => listing.others.push(path),
            }
        }
        listing.folders.sort();
        listing.images.sort();
        listing.others.sort();
        Ok(listing)
    }

    /// Number of files that are passed over when images are wanted.
    pub(crate) fn ignored(&self) -> usize {
        self.others.len() + self.hidden
    }

    /// A few words on the content, for messages.
    pub(crate) fn describe(&self) -> String {
        /// Names shown.
        const SHOWN: usize = 4;
        let names: Vec<String> = self
            .folders
            .iter()
            .map(|path| format!("{}/", file_name(path)))
            .chain(self.images.iter().chain(&self.others).map(|path| file_name(path)))
            .collect();
        match names.len() {
            0 => "an empty folder".to_owned(),
            count if count <= SHOWN => names.join(", "),
            count => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
        }
    }

    /// The folders of fixed splits, where `train` exists and every folder is the folder of a split. (A folder `train`
    /// among others that are no splits is a class of railway pictures.)
    pub(crate) fn fixed_splits(&self) -> Result<Option<FixedSplits>, DatasetError> {
        Ok(self.split_folders()?.filter(|found| found.train.is_some()))
    }

    /// The folders of fixed splits without training data, where every folder is that of a split and holds no images
    /// itself, only folders: data to evaluate on.
    pub(crate) fn evaluation_splits(&self) -> Result<Option<FixedSplits>, DatasetError> {
        let Some(found) = self.split_folders()?.filter(|found| found.train.is_none()) else { return Ok(None) };
        for folder in [&found.validation, &found.test].into_iter().flatten() {
            let inside = Self::of(folder)?;
            if inside.folders.is_empty() || !inside.images.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// The folders of splits, where there are any and every folder is one.
    fn split_folders(&self) -> Result<Option<FixedSplits>, DatasetError> {
        let mut found = FixedSplits::default();
        for folder in &self.folders {
            let Some(split) = SplitName::from_folder_name(&file_name(folder)) else { return Ok(None) };
            let slot = match split {
                SplitName::Train => &mut found.train,
                SplitName::Validation => &mut found.validation,
                SplitName::Test => &mut found.test,
            };
            if let Some(first) = slot.replace(folder.clone()) {
                return Err(DatasetError::AmbiguousSplit { split, first, second: folder.clone() });
            }
        }
        Ok((found != FixedSplits::default()).then_some(found))
    }
}

/// Folders of splits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FixedSplits {
    pub(crate) train: Option<PathBuf>,
    pub(crate) validation: Option<PathBuf>,
    pub(crate) test: Option<PathBuf>,
}

/// The last part of a path, for people.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Images at any depth below `folder`, and the number of files passed over.
pub(crate) fn collect(folder: &Path) -> Result<(Vec<PathBuf>, usize), DatasetError> {
    let listing = Listing::of(folder)?;
    let mut ignored = listing.ignored();
    let mut images = listing.images;
    for inner in listing.folders {
        let (more, more_ignored) = collect(&inner)?;
        images.extend(more);
        ignored += more_ignored;
    }
    Ok((images, ignored))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn hidden_and_foreign_files_are_set_apart() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.JPG", "a.png", ".hidden.png", "notes.txt", "Thumbs.db"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("z")).unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        let listing = Listing::of(folder.path()).unwrap();
        assert_eq!(listing.images.iter().map(|path| file_name(path)).collect::<Vec<_>>(), ["a.png", "b.JPG"]);
        assert_eq!(listing.folders.len(), 1);
        assert_eq!(listing.ignored(), 3);
        assert_eq!(listing.describe(), "z/, a.png, b.JPG, Thumbs.db and 1 more");
    }

    #[test]
    fn split_folders_are_told_from_classes() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["train", "Valid"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let splits = Listing::of(folder.path()).unwrap().fixed_splits().unwrap().unwrap();
        assert_eq!(splits.validation, Some(folder.path().join("Valid")));
        assert_eq!(splits.test, None);

        fs::create_dir(folder.path().join("val")).unwrap();
        let error = Listing::of(folder.path()).unwrap().fixed_splits().unwrap_err();
        assert!(matches!(error, DatasetError::AmbiguousSplit { split: SplitName::Validation, .. }));

        fs::create_dir(folder.path().join("airplane")).unwrap();
        assert_eq!(Listing::of(folder.path()).unwrap().fixed_splits().unwrap(), None);
    }
}
