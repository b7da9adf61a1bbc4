//! What can go wrong between a folder and a decoded, labelled image.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use pictures::PictureError;
use vision_types::{ClassNames, did_you_mean, nearest_name};

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
    /// The file of a picture or mask is none, or damaged, or too large.
    #[error(transparent)]
    Picture(PictureError),
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
        looked_for: String,
    },
}

impl DatasetError {
    /// [`DatasetError::Missing`] for "not found", otherwise [`DatasetError::Unreadable`].
    pub(crate) fn from_io(path: &Path, source: std::io::Error) -> Self {
        PictureError::from_io(path, source).into()
    }

    /// Whether the error lies in one sample, so that a run may go on without it.
    pub fn is_bad_sample(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. }
                | Self::Unreadable { .. }
                | Self::Picture(_)
                | Self::MaskSize { .. }
                | Self::MaskValue { .. }
        )
    }
}

/// What can happen to any file stays one error, whichever crate met it.
impl From<PictureError> for DatasetError {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::Missing { path, nearest } => Self::Missing { path, nearest },
            PictureError::Unreadable { path, source } => Self::Unreadable { path, source },
            PictureError::Unwritable { path, source } => Self::Unwritable { path, source },
            other => Self::Picture(other),
        }
    }
}

/// Fails with [`DatasetError::InvalidSetting`] unless `value` of `key` lies in `range`; `unit` ends the message.
pub(crate) fn require_in<T: PartialOrd + Display>(
    key: &'static str,
    value: T,
    range: RangeInclusive<T>,
    unit: &str,
) -> Result<(), DatasetError> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("{} to {}{unit}", range.start(), range.end());
    Err(DatasetError::InvalidSetting { key, found: value.to_string(), expected })
}

/// What an annotation should have said instead of an unknown class: one of those in the configuration, or one that
/// occurs in training.
pub(crate) fn expected_class(name: &str, classes: &ClassNames, configured: bool, split: SplitName) -> String {
    let which = if configured {
        "one of `classes` in the configuration".to_owned()
    } else {
        format!("one of the training annotations for the {split} split, or `classes` in the configuration")
    };
    format!("{which}{}", did_you_mean(nearest_name(name, classes.iter()).as_deref()))
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
