//! What can go wrong with the file of a picture.

use std::path::{Path, PathBuf};

use vision_types::{did_you_mean, nearest_name};

/// Why a picture could not be read or written. Every message names the file, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// A file does not exist.
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
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The operating system refused to write something.
    #[error("{}: cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A folder where an image file was expected.
    #[error("{}: expected an image file, found a folder", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
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
    /// A picture without pixels, which no file can hold.
    #[error("{}: a picture of {width}×{height} pixels cannot be written; expected at least one pixel", path.display())]
    NoPixels {
        /// The file that was to be written.
        path: PathBuf,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

impl PictureError {
    /// [`PictureError::Missing`] with the nearest sibling for "not found", otherwise [`PictureError::Unreadable`].
    pub fn from_io(path: &Path, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::NotFound {
            Self::Missing { path: path.to_owned(), nearest: nearest_sibling(path) }
        } else {
            Self::Unreadable { path: path.to_owned(), source }
        }
    }
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
    nearest_name(name, siblings.iter().map(String::as_str))
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
        let error = PictureError::from_io(&path, std::io::ErrorKind::NotFound.into());
        assert!(error.to_string().ends_with("flower: no such file or folder; did you mean `flowers`?"), "{error}");
    }
}
