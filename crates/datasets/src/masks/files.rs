//! Image files with mask files.

use std::path::{Path, PathBuf};

use image::RgbImage;
use pictures::image_file;
use vision_types::{Mask, Sample};

use super::MaskCode;
use crate::dataset::{check_index, key_of};
use crate::{Dataset, DatasetError};

/// An image file and the file of its mask, relative to the root of the data set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MaskPair {
    /// The image.
    pub image: PathBuf,
    /// The mask.
    pub mask: PathBuf,
}

/// Image files with mask files. Both are read when they are asked for.
#[derive(Debug, Clone)]
pub struct MaskFiles {
    root: PathBuf,
    pairs: Vec<MaskPair>,
    code: MaskCode,
}

impl MaskFiles {
    /// Pairs with paths relative to `root`. Nothing is opened.
    pub(crate) fn new(root: &Path, pairs: Vec<MaskPair>, code: MaskCode) -> Self {
        Self { root: root.to_owned(), pairs, code }
    }

    fn image_path(&self, index: usize) -> PathBuf {
        self.root.join(&self.pairs[index].image)
    }

    fn mask_path(&self, index: usize) -> PathBuf {
        self.root.join(&self.pairs[index].mask)
    }
}

/// Fails with [`DatasetError::MaskSize`] unless `mask`, from the file `mask_path`, is of the size of `image`.
pub(super) fn check_size(
    image: &RgbImage,
    image_path: &Path,
    mask_size: (u32, u32),
    mask_path: &Path,
) -> Result<(), DatasetError> {
    let image_size = image.dimensions();
    if mask_size == image_size {
        return Ok(());
    }
    Err(DatasetError::MaskSize { mask: mask_path.to_owned(), mask_size, image: image_path.to_owned(), image_size })
}

impl Dataset for MaskFiles {
    type Annotation = Mask;

    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn get(&self, index: usize) -> Result<Sample<Mask>, DatasetError> {
        check_index(index, self.len())?;
        let path = self.image_path(index);
        let image = image_file::read(&path)?;
        let annotation = self.annotation(index)?;
        check_size(&image, &path, (annotation.width(), annotation.height()), &self.mask_path(index))?;
        Ok(Sample { image, annotation, source: path.display().to_string() })
    }

    fn annotation(&self, index: usize) -> Result<Mask, DatasetError> {
        check_index(index, self.len())?;
        self.code.read(&self.mask_path(index))
    }

    fn source(&self, index: usize) -> String {
        self.image_path(index).display().to_string()
    }

    fn key(&self, index: usize) -> String {
        key_of(&self.pairs[index].image)
    }

    fn annotation_files(&self, index: usize) -> Vec<PathBuf> {
        vec![self.mask_path(index)]
    }

    fn file(&self, index: usize) -> Option<PathBuf> {
        Some(self.image_path(index))
    }
}
