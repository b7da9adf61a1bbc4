//! Generated pictures of several shapes as data for semantic segmentation.

use std::path::Path;

use vision_types::ClassNames;

use super::shape_scenes::{ScenesStyle, ShapeScenes};
use super::splits::Generated;
use crate::DatasetError;
use crate::kind::{DataKind, data_settings};
use crate::masks::{CrowdMask, PaintedObjects, SegmentationData, SegmentationFolderSpec};

data_settings! {
    /// Settings of `shapes` for segmentation. By default small enough that a network learns them in minutes on a CPU.
    pub struct MaskScenesSpec {
        /// Number of training pictures.
        pub train: usize = 800;
        /// Number of validation pictures; 0 for none.
        pub validation: usize = 100;
        /// Number of test pictures; 0 for none.
        pub test: usize = 100;
        /// Width and height in pixels.
        pub size: u32 = 64;
        /// How many of the eight shapes occur; the background is one class more.
        pub classes: usize = 4;
        /// Most shapes in a picture; there is always one.
        pub max_objects: usize = 4;
        /// Largest change of a colour value by noise, in `0..=255`.
        pub noise: f64 = 24.0;
        /// Seed of the pictures; the splits never share one.
        pub seed: u64 = 0;
    }
}

impl DataKind for MaskScenesSpec {
    type Data = SegmentationData;
    type Auto = SegmentationFolderSpec;

    fn open(&self, _: &Path) -> Result<SegmentationData, DatasetError> {
        let Self { size, classes, max_objects, noise, seed, .. } = *self;
        let style = ScenesStyle { size, classes, max_objects, noise };
        style.check()?;
        let shapes = ShapeScenes::classes(style);
        let classes = ClassNames::new(std::iter::once("background").chain(shapes.iter()));
        // At most eight shapes, so that class numbers are far from those of ignored pixels.
        let numbers: Vec<Option<u8>> = (1..=shapes.len() as u8).map(Some).collect();
        let generated = Generated { lengths: [self.train, self.validation, self.test], size, seed, classes };
        Ok(SegmentationData::flawless(generated.open(|seed, length| {
            PaintedObjects::new(ShapeScenes::new(style, seed, length), numbers.clone(), CrowdMask::Drop)
        })?))
    }
}
