//! What can be wrong with a configuration.

use std::path::PathBuf;

use thiserror::Error;

/// What can be wrong with a configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {} cannot be read: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// The text is not TOML, or a key or value does not exist.
    #[error("{origin}: {message}{hint}")]
    Content {
        /// The file, or the override.
        origin: String,
        /// What is wrong.
        message: String,
        /// The nearest valid name, or nothing.
        hint: String,
    },
    /// An override is not of the form `key=value`.
    #[error("`--set {setting}` is not of the form key=value, such as `--set optim.lr=0.05`")]
    Override {
        /// The override.
        setting: String,
    },
    /// A value is out of range, or settings exclude one another.
    #[error("{0}")]
    Invalid(String),
}

impl ConfigError {
    pub(super) fn syntax(origin: &str, error: &toml::de::Error) -> Self {
        Self::Content {
            origin: origin.to_owned(),
            message: error.to_string().trim_end().to_owned(),
            hint: String::new(),
        }
    }

    /// An error of serde, with the nearest of the names it expected.
    pub(crate) fn content(origin: &str, message: &str) -> Self {
        let message = message.trim_end();
        let hint = hint(message).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
        Self::Content { origin: origin.to_owned(), message: message.to_owned(), hint }
    }
}

/// The nearest expected name in a message such as "unknown field `a`, expected one of `b`, `c`".
fn hint(message: &str) -> Option<String> {
    let start = message.find("unknown field").or_else(|| message.find("unknown variant"))?;
    let mut quoted = message[start..].split('`').skip(1).step_by(2);
    let found = quoted.next()?;
    nearest(found, quoted)
}

/// The candidate that `name` was probably meant to be, if any is close.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // Below this similarity a suggestion confuses more than it helps; clap uses the same bound.
    const SIMILAR: f64 = 0.7;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_expected_name_is_found() {
        let message = "unknown field `momentun`, expected one of `kind`, `lr`, `momentum`";
        assert_eq!(hint(message).as_deref(), Some("momentum"));
        assert_eq!(hint("unknown field `zzz`, expected one of `kind`, `lr`"), None);
        assert_eq!(hint("invalid type: string"), None);
    }
}
