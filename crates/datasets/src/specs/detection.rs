//! Kinds of data for detection.

use std::path::Path;

use vision_types::Instance;

use crate::annotations::annotated_files::AnnotatedFolderSpec;
use crate::annotations::coco::dataset::CocoSpec;
use crate::kind::data_kinds;
use crate::shape_scenes::ScenesSpec;
use crate::voc::VocSpec;
use crate::yolo::YoloSpec;
use crate::{DatasetError, DetectionData, Splits};

data_kinds! {
    /// A detection data set, as written in a configuration. Every field but `kind` has a default.
    pub enum DetectionSpec for DetectionData, samples of Vec<Instance> {
        /// Whatever lies at the path: COCO, Pascal VOC or YOLO files.
        Auto(AnnotatedFolderSpec),
        /// COCO: JSON files, see [`coco`](crate::coco).
        Coco(CocoSpec) = "coco",
        /// Pascal VOC: XML files, see [`voc`](crate::voc).
        Voc(VocSpec) = "voc",
        /// YOLO: text files, see [`yolo`](crate::yolo).
        Yolo(YoloSpec) = "yolo",
        /// Generated pictures of several shapes; needs no files.
        Shapes(ScenesSpec) = "shapes",
    }
}

impl Default for DetectionSpec {
    /// Generated shapes.
    fn default() -> Self {
        Self::Shapes(ScenesSpec::default())
    }
}

impl DetectionSpec {
    /// Opens the data set at `root`, or where the configuration says if `root` is `None`. Annotations are read, images
    /// are only listed.
    ///
    /// # Errors
    ///
    /// [`DatasetError::PathRequired`] if neither names a path, otherwise the errors of the reader.
    pub fn open(&self, root: Option<&Path>) -> Result<Splits<Vec<Instance>>, DatasetError> {
        Ok(self.read(root)?.splits)
    }

    /// Opens the data set as [`DetectionSpec::open`] and tells what is wrong with its annotations as well.
    ///
    /// # Errors
    ///
    /// Those of [`DetectionSpec::open`].
    pub fn read(&self, root: Option<&Path>) -> Result<DetectionData, DatasetError> {
        self.read_at(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SplitName;

    fn parse(text: &str) -> Result<DetectionSpec, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn every_kind_has_defaults_and_survives_a_round_trip() {
        for kind in ["auto", "coco", "voc", "yolo", "shapes"] {
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
