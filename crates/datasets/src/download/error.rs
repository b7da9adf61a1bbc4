//! What can go wrong between the name of a data set and its files.

use std::path::PathBuf;

use super::unpack::UnpackError;

/// Why a data set could not be downloaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No manifest has this name.
    #[error(
        "no data set called `{name}`{}Known: {known}; or the path of a manifest ending in .toml",
        nearest.as_deref().map_or_else(|| ". ".to_owned(), |nearest| format!("; did you mean `{nearest}`? "))
    )]
    UnknownDataset {
        /// The name asked for.
        name: String,
        /// The known name most like it.
        nearest: Option<String>,
        /// All known names.
        known: String,
    },
    /// No manifest of weights has this name.
    #[error(
        "no weights called `{name}`{}Known: {known}; or the path of a manifest ending in .toml",
        nearest.as_deref().map_or_else(|| ". ".to_owned(), |nearest| format!("; did you mean `{nearest}`? "))
    )]
    UnknownWeights {
        /// The name asked for.
        name: String,
        /// The known name most like it.
        nearest: Option<String>,
        /// All known names.
        known: String,
    },
    /// A manifest cannot be used.
    #[error("{origin}: {detail}")]
    Manifest {
        /// Its path or name.
        origin: String,
        /// What is wrong.
        detail: String,
    },
    /// A file or folder cannot be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No address gave the file.
    #[error("{name}: download failed: {}", attempts.join("; "))]
    Download {
        /// The file.
        name: String,
        /// One line an address.
        attempts: Vec<String>,
    },
    /// An archive cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}
