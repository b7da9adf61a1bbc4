//! Kinds of data for semantic segmentation.

use std::path::Path;

use vision_types::Mask;

use crate::kind::data_kinds;
use crate::masks::coco::CocoMasksSpec;
use crate::masks::folder::MaskFolderSpec;
use crate::masks::instances::InstanceMasksSpec;
use crate::masks::voc::VocMasksSpec;
use crate::masks::{SegmentationData, SegmentationFolderSpec};
use crate::synthetic::mask_scenes::MaskScenesSpec;
use crate::{DatasetError, Splits};

data_kinds! {
    /// A data set for semantic segmentation, as written in a configuration. Every field but `kind` has a default.
    pub enum SegmentationSpec for SegmentationData, samples of Mask {
        /// Whatever lies at the path: COCO files, masks of Pascal VOC, one mask for each object, or images and masks in
        /// folders.
        Auto(SegmentationFolderSpec),
        /// COCO: outlines and run lengths in JSON files, see [`coco`](crate::coco), painted as masks.
        Coco(CocoMasksSpec) = "coco",
        /// Pascal VOC: `JPEGImages` and `SegmentationClass`.
        Voc(VocMasksSpec) = "voc",
        /// One mask file for each object, as in the 2018 Data Science Bowl.
        Instances(InstanceMasksSpec) = "instances",
        /// A folder of images and a folder of masks.
        Folder(MaskFolderSpec) = "folder",
        /// Generated pictures of several shapes; needs no files.
        Shapes(MaskScenesSpec) = "shapes",
    }
}

impl Default for SegmentationSpec {
    /// Whatever lies at the path.
    fn default() -> Self {
        Self::Auto(SegmentationFolderSpec::default())
    }
}

impl SegmentationSpec {
    /// Opens the data set at `root`, or where the configuration says if `root` is `None`. Images and masks are only
    /// listed, but for masks that must tell the encoding or the number of classes.
    ///
    /// # Errors
    ///
    /// [`DatasetError::PathRequired`] if neither names a path, [`DatasetError::Unpaired`] for an image without a mask
    /// or a mask without an image, otherwise the errors of the reader.
    pub fn open(&self, root: Option<&Path>) -> Result<Splits<Mask>, DatasetError> {
        self.read(root)?.paired()
    }

    /// Opens the data set as [`SegmentationSpec::open`], but leaves out images without masks and tells what is wrong.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentationSpec::open`] but [`DatasetError::Unpaired`].
    pub fn read(&self, root: Option<&Path>) -> Result<SegmentationData, DatasetError> {
        self.read_at(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;
    use crate::shape_scenes::{ScenesStyle, ShapeScenes};

    fn parse(text: &str) -> Result<SegmentationSpec, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn every_kind_has_defaults_and_survives_a_round_trip() {
        for kind in ["auto", "folder", "voc", "coco", "instances", "shapes"] {
            let spec = parse(&format!("kind = \"{kind}\"")).unwrap();
            assert_eq!(spec.kind(), kind);
            assert_eq!(parse(&toml::to_string(&spec).unwrap()).unwrap(), spec);
            if kind != "shapes" {
                assert!(matches!(spec.open(None), Err(DatasetError::PathRequired { kind: k }) if k == kind));
            }
        }
        let text = "kind = \"folder\"\ncolors = [[0, 0, 0], { name = \"road\", color = [128, 64, 128] }]";
        let spec = parse(text).unwrap();
        assert_eq!(parse(&toml::to_string(&spec).unwrap()).unwrap(), spec);
        assert!(parse("kind = \"folder\"\nclases = [\"a\"]").unwrap_err().to_string().contains("`classes`"));
    }

    #[test]
    fn a_shape_is_painted_with_its_class_over_the_background() {
        let spec = parse("kind = \"shapes\"\ntrain = 16\nvalidation = 8\ntest = 0\nclasses = 3").unwrap();
        let splits = spec.open(None).unwrap();
        assert_eq!((splits.train.len(), splits.validation.as_ref().unwrap().len()), (16, 8));
        assert_eq!(splits.classes.as_slice(), ["background", "circle", "square", "triangle"]);
        let style = ScenesStyle { size: 64, classes: 3, max_objects: 4, noise: 24.0 };
        let scenes = ShapeScenes::new(style, 0, 16);
        for index in 0..16 {
            let sample = splits.train.get(index).unwrap();
            assert_eq!(sample.annotation, splits.train.annotation(index).unwrap());
            let scene = scenes.get(index).unwrap();
            assert_eq!(sample.image, scene.image);
            // Visible pixels of shapes overlap nowhere, so each class has the pixels of its shapes.
            let mut areas = [0.0; 4];
            for object in &scene.annotation {
                areas[object.class + 1] += object.area;
            }
            areas[0] = 64.0 * 64.0 - areas.iter().sum::<f64>();
            let count = |class| sample.annotation.pixels().iter().filter(|&&pixel| pixel == class).count() as f64;
            assert_eq!([0, 1, 2, 3].map(count), areas, "picture {index}");
        }
    }
}
