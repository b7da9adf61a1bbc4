//! What can be wrong with a weights file.

use std::path::PathBuf;

use thiserror::Error;

/// What can be wrong with a weights file, and with which.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// Its content is not what it should be.
    #[error("{}: {source}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ContentError,
    },
}

/// What can be wrong with the content of a weights file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContentError {
    /// It begins like none of the formats.
    #[error("not a weights file: expected PyTorch's zip archive or pickle, or safetensors")]
    UnknownFormat,
    /// The zip archive is damaged, or not one that PyTorch writes.
    #[error("damaged PyTorch archive: {0}")]
    Archive(String),
    /// The pickle is damaged, or builds what weights are not made of.
    #[error("damaged pickle at byte {offset}: {reason}")]
    Pickle {
        /// Where in the pickle.
        offset: usize,
        /// What is wrong.
        reason: String,
    },
    /// The pickle asks for a Python object that is not on the list.
    #[error(
        "the pickle asks for the Python object `{global}`, which is not executed: expected plain values and tensors, \
         such as `torch.save(model.state_dict(), …)` writes"
    )]
    ForbiddenGlobal {
        /// Module and name.
        global: String,
    },
    /// A tensor does not fit into its storage, or is of an unknown type.
    #[error("tensor `{name}`: {reason}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The storages of the older form are damaged.
    #[error("damaged storages: {0}")]
    Storage(String),
    /// The file claims more than it can hold.
    #[error("{what}: {found}, but at most {limit} is accepted of a file of this size")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: u64,
        /// How much would be accepted.
        limit: u64,
    },
    /// No dictionary in the file has tensors by name.
    #[error("no tensors by name in it{}", list(" (it has the keys ", .keys))]
    NoTensors {
        /// The keys at the top.
        keys: Vec<String>,
    },
    /// There are several sets of tensors.
    #[error("several sets of tensors in it; choose one of the keys {}", .keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        /// Where they are.
        keys: Vec<String>,
    },
    /// The key that was asked for is not there, or not a set of tensors.
    #[error("no tensors under the key `{key}`{}", list("; there are ", .available))]
    NoSuchKey {
        /// The key.
        key: String,
        /// Keys that have tensors.
        available: Vec<String>,
    },
    /// The safetensors file is damaged.
    #[error("damaged safetensors file: {0}")]
    Safetensors(String),
}

fn list(before: &str, keys: &[String]) -> String {
    /// Keys that a message shows.
    const SHOWN: usize = 12;
    if keys.is_empty() {
        return String::new();
    }
    let mut shown: Vec<String> = keys.iter().take(SHOWN).map(|key| format!("`{key}`")).collect();
    if keys.len() > SHOWN {
        shown.push(format!("{} more", keys.len() - SHOWN));
    }
    let close = if before.contains('(') { ")" } else { "" };
    format!("{before}{}{close}", shown.join(", "))
}
