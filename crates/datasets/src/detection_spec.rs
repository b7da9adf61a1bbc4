//! What a configuration says about data for detection, and how they are opened.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vision_types::{ClassNames, Instance};

use crate::shape_scenes::{ScenesStyle, ShapeScenes};
use crate::split::{SplitName, Splits};
use crate::{Dataset, DatasetError, DetectionSamples, InMemory};

/// A detection data set, as written in a configuration. Every field but `kind` has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DetectionSpec {
    /// Generated pictures of several shapes; needs no files.
    Shapes(ScenesSpec),
}

/// Settings of `shapes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScenesSpec {
    /// Number of training pictures.
    pub train: usize,
    /// Number of validation pictures; 0 for none.
    pub validation: usize,
    /// Number of test pictures; 0 for none.
    pub test: usize,
    /// Width and height in pixels.
    pub size: u32,
    /// How many of the eight shapes occur.
    pub classes: usize,
    /// Most shapes in a picture; there is always one.
    pub max_objects: usize,
    /// Largest change of a colour value by noise, in `0..=255`.
    pub noise: f64,
    /// Seed of the pictures; the splits never share one.
    pub seed: u64,
}

impl Default for ScenesSpec {
    fn default() -> Self {
        let ScenesStyle { size, classes, max_objects, noise } = ScenesStyle::default();
        Self { train: 1000, validation: 200, test: 200, size, classes, max_objects, noise, seed: 0 }
    }
}

impl Default for DetectionSpec {
    /// Generated shapes.
    fn default() -> Self {
        Self::Shapes(ScenesSpec::default())
    }
}

impl DetectionSpec {
    /// The value of `kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Shapes(_) => "shapes",
        }
    }

    /// The path in the configuration.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Shapes(_) => None,
        }
    }

    /// Opens the data set at `root`, or where the configuration says if `root` is `None`. Annotations are read, images
    /// are only listed.
    ///
    /// # Errors
    ///
    /// [`DatasetError::PathRequired`] if neither names a path, otherwise the errors of the reader.
    pub fn open(&self, root: Option<&Path>) -> Result<Splits<Vec<Instance>>, DatasetError> {
        let _path = || root.or(self.path()).ok_or(DatasetError::PathRequired { kind: self.kind() });
        match self {
            Self::Shapes(spec) => spec.open(),
        }
    }

    /// Opens the data set as [`DetectionSpec::open`] and gives one split with the class names.
    ///
    /// # Errors
    ///
    /// Those of [`DetectionSpec::open`], and [`DatasetError::NoSuchSplit`].
    pub fn open_split(
        &self,
        root: Option<&Path>,
        split: SplitName,
    ) -> Result<(DetectionSamples, ClassNames), DatasetError> {
        let splits = self.open(root)?;
        Ok((Arc::clone(splits.get(split)?), splits.classes))
    }
}

impl ScenesSpec {
    fn open(&self) -> Result<Splits<Vec<Instance>>, DatasetError> {
        /// Pictures of a split are kept in memory where they need no more than this.
        const CACHE_BYTES: usize = 128 * 1024 * 1024;

        let Self { size, classes, max_objects, noise, .. } = *self;
        let style = ScenesStyle { size, classes, max_objects, noise };
        style.check()?;
        if self.train == 0 {
            let detail = "train = 0, expected at least 1".to_owned();
            return Err(DatasetError::EmptySplit { split: SplitName::Train, detail });
        }
        let part = |split: SplitName, len: usize| -> Option<DetectionSamples> {
            // Splits take every third seed, so that seeds 0, 1, 2 … of whole data sets share none either.
            let seed = self.seed.wrapping_mul(3).wrapping_add(split as u64);
            let scenes = ShapeScenes::new(style, seed, len);
            let bytes = len.saturating_mul(size as usize * size as usize * 3);
            match (scenes.is_empty(), bytes <= CACHE_BYTES) {
                (true, _) => None,
                (false, true) => Some(Arc::new(InMemory::new(scenes))),
                (false, false) => Some(Arc::new(scenes)),
            }
        };
        Ok(Splits {
            train: part(SplitName::Train, self.train)
                .unwrap_or_else(|| unreachable!("train is at least 1 as checked above")),
            validation: part(SplitName::Validation, self.validation),
            test: part(SplitName::Test, self.test),
            classes: ShapeScenes::classes(style),
            ignored_files: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DetectionSpec, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn every_kind_has_defaults_and_survives_a_round_trip() {
        for kind in ["shapes"] {
            let spec = parse(&format!("kind = \"{kind}\"")).unwrap();
            assert_eq!(spec.kind(), kind);
            assert_eq!(parse(&toml::to_string(&spec).unwrap()).unwrap(), spec);
            if kind != "shapes" {
                assert!(matches!(spec.open(None), Err(DatasetError::PathRequired { kind: k }) if k == kind));
            }
        }
    }

    #[test]
    fn shapes_have_the_asked_sizes_and_share_no_picture_between_splits() {
        let spec = parse("kind = \"shapes\"\ntrain = 16\nvalidation = 8\ntest = 0\nclasses = 3").unwrap();
        let splits = spec.open(None).unwrap();
        assert_eq!((splits.train.len(), splits.validation.as_ref().unwrap().len()), (16, 8));
        assert_eq!(splits.classes.as_slice(), ["circle", "square", "triangle"]);
        assert_ne!(splits.train.get(0).unwrap().image, splits.validation.as_ref().unwrap().get(0).unwrap().image);
        let error = splits.get(SplitName::Test).unwrap_err().to_string();
        assert_eq!(error, "there is no test split; this data set has: train, val");
    }
}
