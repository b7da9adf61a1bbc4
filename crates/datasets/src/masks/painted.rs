//! Masks painted from the outlines or pixels of objects.

use std::path::{Path, PathBuf};

use pictures::image_file;
use serde::{Deserialize, Serialize};
use vision_types::{Instance, Mask, Rle, Sample};

use super::files::check_size;
use crate::dataset::check_index;
use crate::{Dataset, DatasetError};

/// What becomes of groups of objects that were not outlined one by one (COCO's `iscrowd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CrowdMask {
    /// Their pixels are ignored, but for those of objects that were outlined: a group's outline holds background too.
    #[default]
    Ignore,
    /// They are painted like one object, below all others.
    Paint,
    /// They are left out: their pixels are background.
    Drop,
}

/// The masks of a data set for detection whose objects have outlines or pixels.
///
/// Class 0 is the background. Objects are painted from the largest to the smallest, by their number of pixels, so that
/// what lies on something larger stays visible; of two equal ones the later lies on top. Groups are painted before all
/// objects.
#[derive(Debug, Clone)]
pub struct PaintedObjects<D> {
    inner: D,
    classes: Vec<Option<u8>>,
    crowd: CrowdMask,
}

impl<D: Dataset<Annotation = Vec<Instance>>> PaintedObjects<D> {
    /// Paints an object of class `c` of `inner` as class `classes[c]`; where that is `None`, the object is left out.
    pub(crate) fn new(inner: D, classes: Vec<Option<u8>>, crowd: CrowdMask) -> Self {
        Self { inner, classes, crowd }
    }

    /// The mask of sample `index`, whose objects these are, in an image of `size`.
    fn paint(&self, index: usize, objects: &[Instance], size: (u32, u32)) -> Result<Mask, DatasetError> {
        let (width, height) = size;
        let wrong = |detail: String| DatasetError::Format { path: self.inner.source(index).into(), detail };
        let mut layers: Vec<(u8, Rle, bool)> = Vec::with_capacity(objects.len());
        for (number, object) in objects.iter().enumerate() {
            let Some(class) = self.classes.get(object.class).copied().flatten() else { continue };
            let class = match (object.crowd, self.crowd) {
                (true, CrowdMask::Drop) => continue,
                (true, CrowdMask::Ignore) => Mask::IGNORE,
                _ => class,
            };
            let Some(shape) = &object.segmentation else {
                return Err(wrong(format!("object {number} is a box alone, expected an outline or pixels to paint")));
            };
            let pixels = shape.to_rle(height, width).map_err(|error| wrong(format!("object {number}: {error}")))?;
            layers.push((class, pixels, object.crowd));
        }
        // Stable, so that of equal ones the later stays the later.
        layers.sort_by_key(|(_, pixels, crowd)| (!crowd, std::cmp::Reverse(pixels.area())));
        let mut mask = Mask::filled(width, height, 0);
        for (class, pixels, _) in layers {
            paint(&mut mask, &pixels, class);
        }
        Ok(mask)
    }

    /// The size of image `index` by its annotation, or by the header of its file.
    fn size(&self, index: usize) -> Result<(u32, u32), DatasetError> {
        match (self.inner.stated_size(index), self.inner.file(index)) {
            (Some(size), _) => Ok(size),
            (None, Some(file)) => Ok(image_file::dimensions(&file)?),
            (None, None) => self.inner.get(index).map(|sample| sample.image.dimensions()),
        }
    }
}

/// Sets the pixels of `object` to `class`.
pub(super) fn paint(mask: &mut Mask, object: &Rle, class: u8) {
    let (rows, columns) = (object.height as usize, object.width as usize);
    let pixels = mask.pixels_mut();
    let mut position = 0;
    for (number, &run) in object.counts.iter().enumerate() {
        let end = position + run as usize;
        if number % 2 == 1 {
            for at in position..end.min(rows * columns) {
                pixels[at % rows * columns + at / rows] = class;
            }
        }
        position = end;
    }
}

impl<D: Dataset<Annotation = Vec<Instance>>> Dataset for PaintedObjects<D> {
    type Annotation = Mask;

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn get(&self, index: usize) -> Result<Sample<Mask>, DatasetError> {
        let Sample { image, source, .. } = self.inner.get(index)?;
        let size = self.size(index)?;
        let annotation = format!("annotation of {}", self.inner.key(index));
        check_size(&image, Path::new(&source), size, Path::new(&annotation))?;
        // The objects as annotated: those of the sample are cut to an image of another size.
        let annotation = self.paint(index, &self.inner.annotation(index)?, size)?;
        Ok(Sample { image, annotation, source })
    }

    fn annotation(&self, index: usize) -> Result<Mask, DatasetError> {
        check_index(index, self.len())?;
        self.paint(index, &self.inner.annotation(index)?, self.size(index)?)
    }

    fn source(&self, index: usize) -> String {
        self.inner.source(index)
    }

    fn key(&self, index: usize) -> String {
        self.inner.key(index)
    }

    fn file(&self, index: usize) -> Option<PathBuf> {
        self.inner.file(index)
    }

    fn stated_size(&self, index: usize) -> Option<(u32, u32)> {
        self.inner.stated_size(index)
    }

    fn image_id(&self, index: usize) -> Option<i64> {
        self.inner.image_id(index)
    }
}
