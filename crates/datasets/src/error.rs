//! What can go wrong between a folder and a decoded, labelled image.

use std::path::{Path, PathBuf};

use vision_types::ClassNames;

use crate::SplitName;

/// Why a data set could not be opened or a sample not be read. Every message names the file or key, what was found and
/// what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A file or folder does not exist.
    #[error("{}: no such file or folder{}", path.display(), did_you_mean(nearest.as_deref()))]
    Missing {
        /// The path that was asked for.
        path: PathBuf,
        /// An existing sibling with a similar name.
        nearest: Option<String>,
    },
    /// The operating system refused to read something.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file was expected and a folder found, or the other way round.
    #[error("{}: expected {expected}", path.display())]
    WrongFileKind {
        /// The path.
        path: PathBuf,
        /// "a folder, found a file" or the like.
        expected: &'static str,
    },
    /// The bytes are of no image format that can be read.
    #[error(
        "{}: not an image ({found}); expected JPEG, PNG, BMP, WebP, GIF or TIFF",
        path.display()
    )]
    NotAnImage {
        /// The file.
        path: PathBuf,
        /// What its first bytes look like.
        found: String,
    },
    /// An image file ends too early.
    #[error("{}: truncated {format}: {detail}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// "JPEG", "PNG" …
        format: &'static str,
        /// What the decoder missed.
        detail: String,
    },
    /// An image file is complete but damaged.
    #[error("{}: damaged {format}: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// "JPEG", "PNG" …
        format: &'static str,
        /// What the decoder said.
        detail: String,
    },
    /// A valid image of a sort that the decoder does not know.
    #[error("{}: unsupported {format}: {detail}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// "JPEG", "PNG" …
        format: &'static str,
        /// What is not supported.
        detail: String,
    },
    /// Decoding the image would need an unreasonable amount of memory.
    #[error("{}: too large to decode safely: {found}; the limit is {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What the file claims.
        found: String,
        /// What is allowed.
        limit: String,
    },
    /// A binary data file (IDX, CIFAR) does not have the layout that its name promises.
    #[error("{}: {detail}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        detail: String,
    },
    /// An annotation file says something that cannot be.
    #[error("{}{place}: found {found}, expected {expected}", path.display())]
    Annotation {
        /// The file.
        path: PathBuf,
        /// Where in it: `:12` for a line, `: annotations[3].bbox` for a key; may be empty.
        place: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// An index past the end.
    #[error("index {index} is outside a data set of {len} samples")]
    IndexOutOfRange {
        /// The index asked for.
        index: usize,
        /// Number of samples.
        len: usize,
    },
    /// A folder without a single image.
    #[error("{}: no images found ({}); expected {expected}", path.display(), ignored_files(*ignored))]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// Number of hidden files and files without an image extension.
        ignored: usize,
        /// The layout that was looked for.
        expected: &'static str,
    },
    /// The folder of a class holds no image.
    #[error(
        "{}: class folder without images ({}); add images or remove the folder",
        path.display(), ignored_files(*ignored)
    )]
    EmptyClass {
        /// The folder.
        path: PathBuf,
        /// Number of hidden files and files without an image extension.
        ignored: usize,
    },
    /// A split would have no samples.
    #[error("the {split} split is empty: {detail}")]
    EmptySplit {
        /// The split.
        split: SplitName,
        /// Why.
        detail: String,
    },
    /// A split that the data set does not have was asked for.
    #[error("there is no {split} split; this data set has: {available}")]
    NoSuchSplit {
        /// The split asked for.
        split: SplitName,
        /// Those that exist, separated by commas.
        available: String,
    },
    /// Two folders claim to be the same split.
    #[error("{} and {} are both the {split} split; keep one", first.display(), second.display())]
    AmbiguousSplit {
        /// The split.
        split: SplitName,
        /// The first folder.
        first: PathBuf,
        /// The second folder.
        second: PathBuf,
    },
    /// Validation or test data hold a class that training data lack.
    #[error(
        "{}: class `{class}` of the {split} split does not occur in training{}",
        path.display(), did_you_mean(nearest.as_deref())
    )]
    UnknownClass {
        /// An example of the class, or its folder.
        path: PathBuf,
        /// The split that has it.
        split: SplitName,
        /// The class.
        class: String,
        /// The training class of the most similar name.
        nearest: Option<String>,
    },
    /// A file name does not fit the pattern that labels are read from.
    #[error("{}: name does not fit the pattern `{pattern}` ({others} more like it)", path.display())]
    NameMismatch {
        /// The first such file.
        path: PathBuf,
        /// The pattern.
        pattern: String,
        /// How many other files do not fit.
        others: usize,
    },
    /// A data set would be written where something lies already.
    #[error("{}: the folder is not empty; name another one", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The operating system refused to write something.
    #[error("{}: cannot be written: {source}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A setting has a value that cannot work.
    #[error("data set setting `{key}`: found {found}, expected {expected}")]
    InvalidSetting {
        /// The key in the configuration.
        key: &'static str,
        /// Its value.
        found: String,
        /// The values that work.
        expected: String,
    },
    /// A mask is not of the size of its image.
    #[error("{}: a mask of {}×{} pixels, expected {}×{} as its image {}", mask.display(), mask_size.0, mask_size.1,
        image_size.0, image_size.1, image.display())]
    MaskSize {
        /// The mask file, or the annotation file.
        mask: PathBuf,
        /// Width and height of the mask in pixels.
        mask_size: (u32, u32),
        /// The image file.
        image: PathBuf,
        /// Width and height of the image in pixels.
        image_size: (u32, u32),
    },
    /// A pixel of a mask stands for no class.
    #[error("{}: pixel ({x}, {y}){}: found {found}, expected {expected}", path.display(), other_pixels(*others))]
    MaskValue {
        /// The mask file.
        path: PathBuf,
        /// Column of the first such pixel, counted from 0.
        x: u32,
        /// Row of the first such pixel, counted from 0.
        y: u32,
        /// Number of other such pixels in the file.
        others: usize,
        /// Its value or colour.
        found: String,
        /// The values or colours of classes, and the nearest of them.
        expected: String,
    },
    /// An image without a mask, or a mask without an image.
    #[error("{}: {detail}{}", path.display(), more_like_it(*others))]
    Unpaired {
        /// The file.
        path: PathBuf,
        /// What is missing and where it was looked for.
        detail: String,
        /// How many other files have the same problem.
        others: usize,
    },
    /// The configuration names no path and none was given elsewhere.
    #[error("a data set of kind `{kind}` needs a path: set `data.path` in the configuration or pass --data PATH")]
    PathRequired {
        /// The kind in the configuration.
        kind: &'static str,
    },
    /// Nothing known was recognised under a path.
    #[error("{}: no data set recognised; found {found}; looked for {looked_for}", path.display())]
    NotRecognised {
        /// The folder or file.
        path: PathBuf,
        /// A short list of what is there.
        found: String,
        /// The layouts that were tried.
        looked_for: &'static str,
    },
}

impl DatasetError {
    /// [`DatasetError::Missing`] for "not found", otherwise [`DatasetError::Unreadable`].
    pub(crate) fn from_io(path: &Path, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::NotFound {
            Self::Missing { path: path.to_owned(), nearest: nearest_sibling(path) }
        } else {
            Self::Unreadable { path: path.to_owned(), source }
        }
    }

    /// Whether the error lies in one sample, so that a run may go on without it.
    pub fn is_bad_sample(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. }
                | Self::Unreadable { .. }
                | Self::NotAnImage { .. }
                | Self::Truncated { .. }
                | Self::Damaged { .. }
                | Self::Unsupported { .. }
                | Self::TooLarge { .. }
                | Self::MaskSize { .. }
                | Self::MaskValue { .. }
        )
    }
}

/// The candidate most similar to `name`, if one is similar enough to be a slip of the keyboard.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    /// Jaro-Winkler similarity below which two names are unrelated; the threshold clap uses for its suggestions is 0.7.
    const SIMILAR: f64 = 0.75;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

/// What an annotation should have said instead of an unknown class: one of those in the configuration, or one that
/// occurs in training.
pub(crate) fn expected_class(name: &str, classes: &ClassNames, configured: bool, split: SplitName) -> String {
    let which = if configured {
        "one of `classes` in the configuration".to_owned()
    } else {
        format!("one of the training annotations for the {split} split, or `classes` in the configuration")
    };
    format!("{which}{}", did_you_mean(nearest(name, classes.iter()).as_deref()))
}

fn nearest_sibling(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let parent = match path.parent()? {
        empty if empty.as_os_str().is_empty() => Path::new("."),
        parent => parent,
    };
    let mut siblings: Vec<String> =
        std::fs::read_dir(parent).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    siblings.sort();
    nearest(name, siblings.iter().map(String::as_str))
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn other_pixels(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(" and {count} others"),
    }
}

fn more_like_it(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(" ({count} more like it; `data doctor` names them)"),
    }
}

fn ignored_files(count: usize) -> String {
    match count {
        0 => "it is empty".to_owned(),
        1 => "1 other file ignored".to_owned(),
        count => format!("{count} other files ignored"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_path_suggests_its_nearest_sibling() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("flowers")).unwrap();
        std::fs::create_dir(folder.path().join("cars")).unwrap();
        let path = folder.path().join("flower");
        let error = DatasetError::from_io(&path, std::io::ErrorKind::NotFound.into());
        assert!(error.to_string().ends_with("flower: no such file or folder; did you mean `flowers`?"), "{error}");
    }

    #[test]
    fn unrelated_names_are_not_suggested() {
        assert_eq!(nearest("horse", ["cat", "ship"]), None);
        assert_eq!(nearest("Hores", ["cat", "horse"]).as_deref(), Some("horse"));
    }
}
