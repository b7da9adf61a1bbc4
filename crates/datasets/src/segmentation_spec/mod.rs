//! What a configuration says about data for semantic segmentation, and how they are opened.

mod settings;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vision_types::{ClassNames, Mask};

pub use self::settings::{
    CocoMasksSpec, InstanceMasksSpec, MaskFolderSpec, MaskScenesSpec, SegmentationFolderSpec, Unpaired, VocMasksSpec,
};
use crate::annotated_files::{Cut, DetectionData};
use crate::coco::dataset::{CocoFiles, CocoOptions};
use crate::detect::detect_masks;
use crate::generated::Generated;
use crate::masks::folder::{self, FolderNames};
use crate::masks::instances::{self, InstanceNames};
use crate::masks::{CrowdMask, EncodingSettings, PaintedObjects, SegmentationData, coco, voc};
use crate::shape_scenes::{ScenesStyle, ShapeScenes};
use crate::split::{SplitFractions, SplitName, Splits};
use crate::{DatasetError, SegmentationSamples};

/// A data set for semantic segmentation, as written in a configuration. Every field but `kind` has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SegmentationSpec {
    /// Whatever lies at the path: COCO files, masks of Pascal VOC, one mask for each object, or images and masks in
    /// folders.
    Auto(SegmentationFolderSpec),
    /// A folder of images and a folder of masks.
    Folder(MaskFolderSpec),
    /// Pascal VOC: `JPEGImages` and `SegmentationClass`.
    Voc(VocMasksSpec),
    /// COCO: outlines and run lengths in JSON files, see [`coco`](crate::coco), painted as masks.
    Coco(CocoMasksSpec),
    /// One mask file for each object, as in the 2018 Data Science Bowl.
    Instances(InstanceMasksSpec),
    /// Generated pictures of several shapes; needs no files.
    Shapes(MaskScenesSpec),
}

impl Default for SegmentationSpec {
    /// Whatever lies at the path.
    fn default() -> Self {
        Self::Auto(SegmentationFolderSpec::default())
    }
}

impl SegmentationSpec {
    /// The value of `kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Auto(_) => "auto",
            Self::Folder(_) => "folder",
            Self::Voc(_) => "voc",
            Self::Coco(_) => "coco",
            Self::Instances(_) => "instances",
            Self::Shapes(_) => "shapes",
        }
    }

    /// The path in the configuration.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Auto(spec) => spec.path.as_deref(),
            Self::Folder(spec) => spec.path.as_deref(),
            Self::Voc(spec) => spec.path.as_deref(),
            Self::Coco(spec) => spec.path.as_deref(),
            Self::Instances(spec) => spec.path.as_deref(),
            Self::Shapes(_) => None,
        }
    }

    /// Opens the data set at `root`, or where the configuration says if `root` is `None`. Images and masks are only
    /// listed, but for masks that must tell the encoding or the number of classes.
    ///
    /// # Errors
    ///
    /// [`DatasetError::PathRequired`] if neither names a path, [`DatasetError::Unpaired`] for an image without a mask or a
    /// mask without an image, otherwise the errors of the reader.
    pub fn open(&self, root: Option<&Path>) -> Result<Splits<Mask>, DatasetError> {
        let (data, unpaired) = self.read_with(root)?;
        Ok(match unpaired {
            Unpaired::Error => data.require_pairs()?.splits,
            Unpaired::Skip => data.splits,
        })
    }

    /// Opens the data set as [`SegmentationSpec::open`], but leaves out images without masks and tells what is wrong.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentationSpec::open`] but [`DatasetError::Unpaired`].
    pub fn read(&self, root: Option<&Path>) -> Result<SegmentationData, DatasetError> {
        self.read_with(root).map(|(data, _)| data)
    }

    fn read_with(&self, root: Option<&Path>) -> Result<(SegmentationData, Unpaired), DatasetError> {
        let path = || root.or(self.path()).ok_or(DatasetError::PathRequired { kind: self.kind() });
        match self {
            Self::Auto(spec) => detect_masks(path()?, spec)?.read_with(None),
            Self::Folder(spec) => Ok((spec.read(path()?)?, spec.unpaired)),
            Self::Voc(spec) => {
                let fractions = fractions(spec.validation_split, spec.test_split, spec.split_seed);
                Ok((voc::open(path()?, spec.classes.as_deref(), fractions)?, Unpaired::Error))
            }
            Self::Coco(spec) => {
                let data = coco::open(path()?, &spec.options(), spec.classes.as_deref(), spec.crowd)?;
                // What annotations of COCO lack is a matter of taste; `data doctor` tells.
                Ok((data, Unpaired::Skip))
            }
            Self::Instances(spec) => Ok((spec.read(path()?)?, spec.unpaired)),
            Self::Shapes(spec) => Ok((SegmentationData::flawless(spec.open()?), Unpaired::Error)),
        }
    }

    /// Opens the data set as [`SegmentationSpec::open`] and gives one split with the class names.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentationSpec::open`], and [`DatasetError::NoSuchSplit`].
    pub fn open_split(
        &self,
        root: Option<&Path>,
        split: SplitName,
    ) -> Result<(SegmentationSamples, ClassNames), DatasetError> {
        let splits = self.open(root)?;
        Ok((Arc::clone(splits.get(split)?), splits.classes))
    }
}

const fn fractions(validation: f64, test: f64, seed: u64) -> SplitFractions {
    SplitFractions { validation, test, seed }
}

impl CocoMasksSpec {
    fn options(&self) -> CocoOptions {
        let files = |annotations: &Option<PathBuf>, images: &Option<PathBuf>| CocoFiles {
            annotations: annotations.clone(),
            images: images.clone(),
        };
        CocoOptions {
            files: [
                files(&self.train_annotations, &self.train_images),
                files(&self.val_annotations, &self.val_images),
                files(&self.test_annotations, &self.test_images),
            ],
            cut: Cut {
                fractions: fractions(self.validation_split, self.test_split, self.split_seed),
                empty_images: self.empty_images,
            },
        }
    }
}

impl InstanceMasksSpec {
    fn names(&self) -> InstanceNames<'_> {
        InstanceNames { images: &self.images, masks: &self.masks }
    }

    /// The names of the classes, one more where there is a border.
    fn class_names(&self) -> Result<Vec<String>, DatasetError> {
        let expected = if self.border > 0 { 3 } else { 2 };
        match &self.classes {
            None => {
                Ok(["background", "foreground", "border"][..expected].iter().map(|&name| name.to_owned()).collect())
            }
            Some(names) if names.len() == expected => Ok(names.clone()),
            Some(names) => Err(DatasetError::InvalidSetting {
                key: "classes",
                found: format!("{} names", names.len()),
                expected: format!("{expected}: of background, foreground and, with a `border`, border"),
            }),
        }
    }

    fn read(&self, root: &Path) -> Result<SegmentationData, DatasetError> {
        let classes = ClassNames::new(self.class_names()?);
        let fractions = fractions(self.validation_split, self.test_split, self.split_seed);
        instances::open(root, self.names(), classes, self.border, fractions)
    }

    /// The same data as objects with their pixels, each of the class of the foreground, for detection and for
    /// conversion. Every mask file is opened.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentationSpec::open`], and the first mask that cannot be read.
    pub fn read_objects(&self, root: Option<&Path>) -> Result<DetectionData, DatasetError> {
        let path = root.or(self.path.as_deref()).ok_or(DatasetError::PathRequired { kind: "instances" })?;
        let fractions = fractions(self.validation_split, self.test_split, self.split_seed);
        instances::read_objects(path, self.names(), &self.class_names()?[1], fractions)
    }
}

impl MaskFolderSpec {
    fn read(&self, root: &Path) -> Result<SegmentationData, DatasetError> {
        let names = FolderNames {
            images: self.images.as_deref(),
            masks: self.masks.as_deref(),
            mask_suffix: &self.mask_suffix,
        };
        let encoding = EncodingSettings {
            encoding: self.encoding,
            classes: self.classes.as_deref(),
            values: self.values.as_deref(),
            colors: self.colors.as_deref(),
            ignore_index: self.ignore_index,
            ignore_color: self.ignore_color,
        };
        let fractions = fractions(self.validation_split, self.test_split, self.split_seed);
        folder::open(root, names, encoding, fractions)
    }
}

impl MaskScenesSpec {
    fn open(&self) -> Result<Splits<Mask>, DatasetError> {
        let Self { size, classes, max_objects, noise, seed, .. } = *self;
        let style = ScenesStyle { size, classes, max_objects, noise };
        style.check()?;
        let lengths = [self.train, self.validation, self.test];
        let shapes = ShapeScenes::classes(style);
        let names = ClassNames::new(std::iter::once("background").chain(shapes.iter()));
        // At most eight shapes, so that class numbers are far from those of ignored pixels.
        let numbers: Vec<Option<u8>> = (1..=shapes.len() as u8).map(Some).collect();
        let generated = Generated { lengths, size, seed, classes: names };
        generated.open(|seed, length| {
            PaintedObjects::new(ShapeScenes::new(style, seed, length), numbers.clone(), CrowdMask::Drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;

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
