//! Where published weights can be downloaded, and what is known of them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::FetchError;
use super::fetch::{FetchProgress, fetch};
use super::manifest::{Manifest, RemoteFile};
use super::unpack::ArchiveKind;

/// Published weights: the file, its address and SHA-256 sum, the network they are of, and how good it is said to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsManifest {
    /// Its name, as in `cargo xtask weights fetch NAME`.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// The terms it comes under, as its publisher states them.
    pub licence: String,
    /// The publisher's page.
    pub homepage: String,
    /// The network's name, as in `model.name`.
    pub model: String,
    /// Where the sum was published.
    pub checksums_from: String,
    /// What its publisher measured.
    pub published: PublishedFigure,
    /// The file.
    pub file: RemoteFile,
}

/// A figure as its publisher states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFigure {
    /// What was judged on.
    pub data: String,
    /// What was measured, such as `accuracy`.
    pub metric: String,
    /// The figure, a fraction of 1.
    pub value: f64,
}

/// The manifests that come with the program, by name.
const BUILT_IN: [&str; 2] = [
    include_str!("../../../../weights/resnet20-cifar10.toml"),
    include_str!("../../../../weights/resnet56-cifar10.toml"),
];

impl WeightsManifest {
    /// Reads a manifest; `origin` is for messages.
    ///
    /// # Errors
    ///
    /// [`FetchError::Manifest`] for unknown keys, missing ones, a name that is a path, a malformed sum, or a figure
    /// that is no fraction.
    pub fn parse(text: &str, origin: &str) -> Result<Self, FetchError> {
        let refuse = |detail: String| FetchError::Manifest { origin: origin.to_owned(), detail };
        let manifest: Self = toml::from_str(text).map_err(|error| refuse(error.to_string()))?;
        if let Some(problem) = manifest.file.problem() {
            return Err(refuse(problem));
        }
        if manifest.file.archive != ArchiveKind::None {
            return Err(refuse(format!("{} is an archive, expected the weights themselves", manifest.file.name)));
        }
        let value = manifest.published.value;
        if !(0.0..=1.0).contains(&value) {
            return Err(refuse(format!("published.value is {value}, expected a fraction of 1")));
        }
        Ok(manifest)
    }

    /// The manifests that come with the program.
    ///
    /// # Panics
    ///
    /// Never: a test reads them all.
    pub fn built_in() -> Vec<Self> {
        BUILT_IN
            .iter()
            .map(|text| Self::parse(text, "built-in manifest").expect("built-in manifests are tested"))
            .collect()
    }

    /// The built-in manifest called `name`, or the manifest file at that path if it ends in `.toml`.
    ///
    /// # Errors
    ///
    /// [`FetchError::UnknownWeights`], naming the known ones, or those of [`WeightsManifest::parse`].
    pub fn find(name: &str) -> Result<Self, FetchError> {
        let path = Path::new(name);
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text =
                std::fs::read_to_string(path).map_err(|source| FetchError::Io { path: path.to_owned(), source })?;
            return Self::parse(&text, name);
        }
        let manifests = Self::built_in();
        let known: Vec<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
        let (nearest, known) = (vision_types::nearest_name(name, known.iter().copied()), known.join(", "));
        manifests.into_iter().find(|manifest| manifest.name == name).ok_or_else(|| FetchError::UnknownWeights {
            name: name.to_owned(),
            nearest,
            known,
        })
    }

    /// Downloads the file into `folder`, checks its length and sum, and gives its path; see [`fetch`].
    ///
    /// # Errors
    ///
    /// As [`fetch`].
    pub fn fetch(&self, folder: &Path, progress: &mut dyn FnMut(FetchProgress<'_>)) -> Result<PathBuf, FetchError> {
        let manifest = Manifest {
            name: self.name.clone(),
            description: self.description.clone(),
            licence: self.licence.clone(),
            homepage: self.homepage.clone(),
            kind: "weights".to_owned(),
            root: String::new(),
            checksums_from: self.checksums_from.clone(),
            files: vec![self.file.clone()],
        };
        Ok(fetch(&manifest, folder, progress)?.join(&self.file.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_manifests_are_valid() {
        let manifests = WeightsManifest::built_in();
        for manifest in &manifests {
            assert!(manifest.file.urls.iter().all(|url| url.starts_with("https://")), "{}", manifest.name);
            assert_eq!(WeightsManifest::find(&manifest.name).unwrap(), *manifest);
            // Names of PyTorch's kind carry the first digits of the sum.
            assert!(manifest.file.name.contains(&manifest.file.sha256[..8]), "{}", manifest.name);
        }
        assert!(manifests.is_sorted_by_key(|manifest| manifest.name.clone()));
        let error = WeightsManifest::find("resnet20-cifar").unwrap_err().to_string();
        assert!(error.contains("did you mean `resnet20-cifar10`?"), "{error}");
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        let text = BUILT_IN[0];
        for (from, to, expected) in [
            ("value = 0.9173", "value = 91.73", "expected a fraction of 1"),
            ("name = \"resnet20-12fca82f.th\"", "name = \"../x.th\"", "expected a plain name"),
            ("sha256 = \"12", "sha256 = \"zz", "64 hexadecimal digits"),
            ("size =", "archive = \"zip\"\nsize =", "is an archive"),
            ("[published]", "[publisched]", "publisched"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = WeightsManifest::parse(&text.replace(from, to), "x.toml").unwrap_err().to_string();
            assert!(error.starts_with("x.toml: ") && error.contains(expected), "{error}");
        }
    }
}
