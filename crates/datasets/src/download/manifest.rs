//! Where public data sets can be downloaded and what the files must hash to.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::FetchError;
use super::unpack::ArchiveKind;

/// A public data set: its files, their addresses and SHA-256 sums, and what kind of data set they make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name, as in `cargo xtask data fetch NAME`.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// The terms it comes under, as its publisher states them.
    pub licence: String,
    /// The publisher's page.
    pub homepage: String,
    /// The `kind` of [`crate::DatasetSpec`] that opens it.
    pub kind: String,
    /// The folder within the target that holds the data once unpacked; empty for the target itself.
    #[serde(default)]
    pub root: String,
    /// Where the sums were published.
    pub checksums_from: String,
    /// The files.
    pub files: Vec<RemoteFile>,
}

/// One file to download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteFile {
    /// Its name on disk.
    pub name: String,
    /// Addresses with the same content, tried in order.
    pub urls: Vec<String>,
    /// SHA-256 of the content, 64 hexadecimal digits.
    pub sha256: String,
    /// Length in bytes.
    pub size: u64,
    /// How to unpack it.
    #[serde(default)]
    pub archive: ArchiveKind,
}

impl RemoteFile {
    /// What makes the entry unusable, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        if !is_plain(&self.name) {
            return Some(format!("file name {:?}, expected a plain name", self.name));
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Some(format!("sha256 of {}: {:?}, expected 64 hexadecimal digits", self.name, self.sha256));
        }
        if self.urls.is_empty() {
            return Some(format!("{} has no urls", self.name));
        }
        (self.archive == ArchiveKind::Gz && !self.name.ends_with(".gz"))
            .then(|| format!("{} is of archive kind gz, expected a name ending in .gz", self.name))
    }
}

/// Whether `name` is the name of a file and no path.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.')
}

/// The manifests that come with the program.
const BUILT_IN: [&str; 5] = [
    include_str!("../../../../datasets/mnist.toml"),
    include_str!("../../../../datasets/fashion-mnist.toml"),
    include_str!("../../../../datasets/cifar10.toml"),
    include_str!("../../../../datasets/cifar100.toml"),
    include_str!("../../../../datasets/imagenette-160.toml"),
];

impl Manifest {
    /// Reads a manifest; `origin` is for messages.
    ///
    /// # Errors
    ///
    /// [`FetchError::Manifest`] for unknown keys, missing ones, names that are paths, or malformed sums.
    pub fn parse(text: &str, origin: &str) -> Result<Self, FetchError> {
        let refuse = |detail: String| FetchError::Manifest { origin: origin.to_owned(), detail };
        let manifest: Self = toml::from_str(text).map_err(|error| refuse(error.to_string()))?;
        for file in &manifest.files {
            file.problem().map_or(Ok(()), |problem| Err(refuse(problem)))?;
        }
        if manifest.files.is_empty() {
            return Err(refuse("no files".to_owned()));
        }
        if !manifest.root.is_empty() && !is_plain(&manifest.root) {
            return Err(refuse(format!("root {:?}, expected the name of a folder", manifest.root)));
        }
        Ok(manifest)
    }

    /// Reads the manifest file at `path`.
    ///
    /// # Errors
    ///
    /// [`FetchError::Io`] or those of [`Manifest::parse`].
    pub fn read(path: &Path) -> Result<Self, FetchError> {
        let text = std::fs::read_to_string(path).map_err(|source| FetchError::Io { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// The manifests that come with the program, sorted by name.
    ///
    /// # Panics
    ///
    /// Never: a test reads them all.
    pub fn built_in() -> Vec<Self> {
        let mut manifests: Vec<Self> = BUILT_IN
            .iter()
            .map(|text| Self::parse(text, "built-in manifest").expect("built-in manifests are tested"))
            .collect();
        manifests.sort_by(|a, b| a.name.cmp(&b.name));
        manifests
    }

    /// The built-in manifest called `name`, or the manifest file at that path if it ends in `.toml`.
    ///
    /// # Errors
    ///
    /// [`FetchError::UnknownDataset`], naming the known ones, or those of [`Manifest::read`].
    pub fn find(name: &str) -> Result<Self, FetchError> {
        if Path::new(name).extension().is_some_and(|extension| extension == "toml") {
            return Self::read(Path::new(name));
        }
        let manifests = Self::built_in();
        let known: Vec<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
        let (nearest, known) = (vision_types::nearest_name(name, known.iter().copied()), known.join(", "));
        manifests.into_iter().find(|manifest| manifest.name == name).ok_or_else(|| FetchError::UnknownDataset {
            name: name.to_owned(),
            nearest,
            known,
        })
    }

    /// Bytes to download in all.
    pub fn total_size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatasetSpec;

    #[test]
    fn built_in_manifests_are_valid_and_of_known_kinds() {
        let manifests = Manifest::built_in();
        assert_eq!(manifests.len(), BUILT_IN.len());
        for manifest in manifests {
            let spec: DatasetSpec = toml::from_str(&format!("kind = \"{}\"", manifest.kind)).unwrap();
            assert_eq!(spec.kind(), manifest.kind);
            assert!(manifest.files.iter().flat_map(|file| &file.urls).all(|url| url.starts_with("https://")));
            assert_eq!(Manifest::find(&manifest.name).unwrap(), manifest);
        }
    }

    #[test]
    fn names_that_are_paths_and_malformed_sums_are_refused() {
        let good = include_str!("../../../../datasets/cifar10.toml");
        for (from, to, message) in [
            ("name = \"cifar-10-binary.tar.gz\"", "name = \"../x.tar.gz\"", "expected a plain name"),
            ("root = \"cifar-10-batches-bin\"", "root = \"..\"", "expected the name of a folder"),
            ("c4a38c50", "zzzzzzzz", "64 hexadecimal digits"),
            ("licence", "license", "unknown field `license`"),
        ] {
            assert!(good.contains(from), "{from}");
            let error = Manifest::parse(&good.replace(from, to), "x.toml").unwrap_err().to_string();
            assert!(error.contains(message) && error.contains("x.toml"), "{error}");
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        assert_eq!(
            Manifest::find("cifar-10").unwrap_err().to_string(),
            "no data set called `cifar-10`; did you mean `cifar10`? \
             Known: cifar10, cifar100, fashion-mnist, imagenette-160, mnist; or the path of a manifest ending in .toml"
        );
    }
}
