//! Image files with their objects, and how readers of annotations make splits of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use pictures::image_file;
use serde::{Deserialize, Serialize};
use vision_types::{ClassNames, Instance, Sample, Segmentation};

use super::annotation_problem::{AnnotationProblem, fit_box};
use crate::dataset::{check_index, key_of};
use crate::kind::data_settings;
use crate::listing::{Listing, file_name};
use crate::parts::Parts;
use crate::split::{SplitFractions, Splits};
use crate::{Dataset, DatasetError};

/// One image file and what its annotation says.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnotatedImage {
    /// The file, relative to the root of the data set.
    pub file: PathBuf,
    /// Width and height in pixels by the annotation, where it gives them.
    pub size: Option<(u32, u32)>,
    /// The number of the image in a COCO file.
    pub id: Option<i64>,
    /// The objects, in the order of the annotation.
    pub objects: Vec<Instance>,
}

/// Image files with their objects. Images are read when they are asked for.
///
/// Where an image is not of the size that its annotation says, [`Dataset::get`] clips the boxes to the image as it is,
/// leaves out those outside, and leaves out masks (which fit no longer), not outlines.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnotatedFiles {
    root: PathBuf,
    images: Vec<AnnotatedImage>,
}

impl AnnotatedFiles {
    /// Images with paths relative to `root`. Nothing is opened.
    pub fn new(root: impl Into<PathBuf>, images: Vec<AnnotatedImage>) -> Self {
        Self { root: root.into(), images }
    }

    fn path(&self, index: usize) -> PathBuf {
        self.root.join(&self.images[index].file)
    }
}

/// The objects of an annotation made for an image of another size, as far as they lie in `image`.
fn refit(objects: &[Instance], image: &RgbImage) -> Vec<Instance> {
    let (width, height) = image.dimensions();
    let fits = |object: &Instance| {
        let edges = object.bbox;
        let (bbox, _) = fit_box([edges.x1, edges.y1, edges.x2, edges.y2].map(f64::from), Some((width, height)));
        let segmentation = match &object.segmentation {
            Some(Segmentation::Rle(mask)) if (mask.width, mask.height) != (width, height) => None,
            other => other.clone(),
        };
        bbox.map(|bbox| Instance { bbox, segmentation, ..object.clone() })
    };
    objects.iter().filter_map(fits).collect()
}

impl Dataset for AnnotatedFiles {
    type Annotation = Vec<Instance>;

    fn len(&self) -> usize {
        self.images.len()
    }

    fn get(&self, index: usize) -> Result<Sample<Vec<Instance>>, DatasetError> {
        check_index(index, self.len())?;
        let path = self.path(index);
        let image = image_file::read(&path)?;
        let AnnotatedImage { size, objects, .. } = &self.images[index];
        let annotation = match size {
            Some(size) if *size != image.dimensions() => refit(objects, &image),
            _ => objects.clone(),
        };
        Ok(Sample { image, annotation, source: path.display().to_string() })
    }

    fn annotation(&self, index: usize) -> Result<Vec<Instance>, DatasetError> {
        check_index(index, self.len())?;
        Ok(self.images[index].objects.clone())
    }

    fn source(&self, index: usize) -> String {
        self.path(index).display().to_string()
    }

    fn key(&self, index: usize) -> String {
        key_of(&self.images[index].file)
    }

    fn file(&self, index: usize) -> Option<PathBuf> {
        Some(self.path(index))
    }

    fn stated_size(&self, index: usize) -> Option<(u32, u32)> {
        self.images[index].size
    }

    fn image_id(&self, index: usize) -> Option<i64> {
        self.images[index].id
    }
}

/// What becomes of training images without a single object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EmptyImages {
    /// They stay, as examples of what is no object.
    #[default]
    Keep,
    /// They are left out of training; validation and test keep theirs, so that figures remain comparable.
    Drop,
}

/// A detection data set as it was read, with what a person should know about it.
#[derive(Debug, Clone)]
pub struct DetectionData {
    /// The samples and class names.
    pub splits: Splits<Vec<Instance>>,
    /// What is wrong with the annotations, in the order in which they were read.
    pub problems: Vec<AnnotationProblem>,
    /// Number of objects marked as difficult (Pascal VOC).
    pub difficult: usize,
    /// The number of each class in COCO's files, in the order of the classes.
    pub category_ids: Option<Vec<i64>>,
}

impl DetectionData {
    /// Samples about which there is nothing to say.
    pub fn flawless(splits: Splits<Vec<Instance>>) -> Self {
        Self { splits, problems: Vec::new(), difficult: 0, category_ids: None }
    }
}

data_settings! {
    /// Settings of `auto`.
    pub struct AnnotatedFolderSpec from files {
        /// What becomes of training images without objects: `keep` or `drop`.
        pub empty_images: EmptyImages = EmptyImages::Keep;
    } with validation_split, test_split
}

impl Parts<Vec<AnnotatedImage>> {
    /// Makes splits of images below `root`; what is missing is set aside from the training images, chosen by a seed.
    pub(crate) fn into_image_splits(
        self,
        root: &Path,
        classes: ClassNames,
        fractions: SplitFractions,
        empty_images: EmptyImages,
    ) -> Result<Splits<Vec<Instance>>, DatasetError> {
        let files = |images| AnnotatedFiles::new(root, images);
        let parts = Parts {
            train: files(self.train),
            validation: self.validation.map(files),
            test: self.test.map(files),
            ignored_files: self.ignored_files,
        };
        // Images have no single class, so all are drawn from one pool.
        let mut partition = parts.partition(&vec![0; parts.train.len()], fractions)?;
        if empty_images == EmptyImages::Drop {
            partition.train.retain(|&position| !parts.train.images[position].objects.is_empty());
            if partition.train.is_empty() {
                let detail = "no image has an object, and `empty_images = \"drop\"`".to_owned();
                return Err(DatasetError::EmptySplit { split: crate::SplitName::Train, detail });
            }
        }
        parts.assemble(partition, classes)
    }
}

/// The images of one folder, found by their names with and without extension.
#[derive(Debug)]
pub(crate) struct ImageIndex {
    folder: PathBuf,
    names: HashMap<String, PathBuf>,
    stems: HashMap<String, PathBuf>,
}

impl ImageIndex {
    /// Lists the images of `folder`.
    pub(crate) fn of(folder: &Path) -> Result<Self, DatasetError> {
        let listing = Listing::of(folder)?;
        let (mut names, mut stems) = (HashMap::new(), HashMap::new());
        // The first of several images with one stem wins.
        for path in listing.images.into_iter().rev() {
            stems.insert(stem(&path), path.clone());
            names.insert(file_name(&path), path);
        }
        Ok(Self { folder: folder.to_owned(), names, stems })
    }

    /// The image with this file name.
    pub(crate) fn named(&self, name: &str) -> Option<&Path> {
        self.names.get(name).map(PathBuf::as_path)
    }

    /// The image whose name without extension is `stem`.
    pub(crate) fn with_stem(&self, stem: &str) -> Option<&Path> {
        self.stems.get(stem).map(PathBuf::as_path)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The images, sorted by name.
    pub(crate) fn images(&self) -> Vec<&Path> {
        let mut images: Vec<&Path> = self.names.values().map(PathBuf::as_path).collect();
        images.sort_unstable();
        images
    }
}

/// The name of a file without its extension.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// `path` as seen from `root`, where it lies in it.
pub(crate) fn relative(path: &Path, root: &Path) -> PathBuf {
    path.strip_prefix(root).map_or_else(|_| path.to_owned(), Path::to_owned)
}

/// The text of an annotation file, without a byte order mark.
///
/// # Errors
///
/// A file that is missing, cannot be read, is a folder, or holds something else than UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, DatasetError> {
    let bytes = std::fs::read(path).map_err(|source| DatasetError::from_io(path, source))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let position = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..position].iter().filter(|&&byte| byte == b'\n').count();
        DatasetError::Annotation {
            path: path.to_owned(),
            place: format!(":{line}"),
            found: format!("byte {:#04x}", error.as_bytes()[position]),
            expected: "UTF-8 text".to_owned(),
        }
    })?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}
