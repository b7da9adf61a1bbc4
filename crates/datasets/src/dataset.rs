//! The interface of every data set.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vision_types::{ClassId, ClassNames, Instance, Mask, Sample};

use crate::DatasetError;

/// Numbered samples that are read when they are asked for.
///
/// Object-safe for a fixed annotation: `Arc<dyn Dataset<Annotation = ClassId>>`. Reading is `&self` and may be done
/// from many threads; the same index always gives the same sample.
pub trait Dataset: Send + Sync {
    /// What is known about an image: [`ClassId`] for classification, a list of [`Instance`]s for detection, a [`Mask`]
    /// of its size for segmentation.
    type Annotation: Clone + Send;

    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sample number `index`, decoded.
    ///
    /// # Errors
    ///
    /// [`DatasetError::IndexOutOfRange`], or what went wrong reading its file.
    fn get(&self, index: usize) -> Result<Sample<Self::Annotation>, DatasetError>;

    /// The annotation of sample `index`, without decoding the image.
    ///
    /// # Errors
    ///
    /// [`DatasetError::IndexOutOfRange`], or what went wrong reading its file.
    fn annotation(&self, index: usize) -> Result<Self::Annotation, DatasetError>;

    /// Where sample `index` comes from, for people: a file path, or a name such as `train-images#17`.
    fn source(&self, index: usize) -> String;

    /// A name of sample `index` that does not depend on where the data set lies, for fingerprints.
    fn key(&self, index: usize) -> String {
        self.source(index)
    }

    /// The image file of sample `index`, where it has one of its own.
    fn file(&self, index: usize) -> Option<PathBuf> {
        let _ = index;
        None
    }

    /// The files that the annotation of sample `index` is read from when it is asked for; none where it is in memory.
    fn annotation_files(&self, index: usize) -> Vec<PathBuf> {
        let _ = index;
        Vec::new()
    }

    /// Width and height in pixels of sample `index` by its annotation, where that gives them; the file may differ.
    fn stated_size(&self, index: usize) -> Option<(u32, u32)> {
        let _ = index;
        None
    }

    /// The number of sample `index` in an annotation file, by which results name the image (COCO's `image_id`).
    fn image_id(&self, index: usize) -> Option<i64> {
        let _ = index;
        None
    }
}

/// Samples with annotations of type `A`, shared between threads.
pub type Samples<A> = Arc<dyn Dataset<Annotation = A>>;

/// The samples of a classification data set.
pub type ClassificationSamples = Samples<ClassId>;

/// The samples of a detection data set: the objects of each image, in the order of its annotations.
pub type DetectionSamples = Samples<Vec<Instance>>;

/// The samples of a data set for semantic segmentation: a class number for each pixel of the image, 255 to ignore.
pub type SegmentationSamples = Samples<Mask>;

impl<A: Clone + Send> fmt::Debug for dyn Dataset<Annotation = A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Dataset of {} samples", self.len())
    }
}

/// What is known about a sample without reading it, taken from another data set: all of [`Dataset`] but `len`, `get`
/// and `annotation`.
macro_rules! forward_facts {
    (|$self:ident, $index:ident| $inner:expr, $position:expr) => {
        fn source(&$self, $index: usize) -> String {
            $inner.source($position)
        }
        fn key(&$self, $index: usize) -> String {
            $inner.key($position)
        }
        fn file(&$self, $index: usize) -> Option<std::path::PathBuf> {
            $inner.file($position)
        }
        fn annotation_files(&$self, $index: usize) -> Vec<std::path::PathBuf> {
            $inner.annotation_files($position)
        }
        fn stated_size(&$self, $index: usize) -> Option<(u32, u32)> {
            $inner.stated_size($position)
        }
        fn image_id(&$self, $index: usize) -> Option<i64> {
            $inner.image_id($position)
        }
    };
}
pub(crate) use forward_facts;

macro_rules! forward_to_inner {
    ($($pointer:ident),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer<D> {
            type Annotation = D::Annotation;
            fn len(&self) -> usize {
                (**self).len()
            }
            fn get(&self, index: usize) -> Result<Sample<Self::Annotation>, DatasetError> {
                (**self).get(index)
            }
            fn annotation(&self, index: usize) -> Result<Self::Annotation, DatasetError> {
                (**self).annotation(index)
            }
            forward_facts!(|self, index| (**self), index);
        }
    )*};
}
forward_to_inner!(Arc, Box);

/// Number of samples of each class, in the order of `classes`.
///
/// # Errors
///
/// Whatever [`Dataset::annotation`] returns, and [`DatasetError::Format`] for a class number that `classes` lacks.
pub fn class_counts<D>(samples: &D, classes: &ClassNames) -> Result<Vec<usize>, DatasetError>
where
    D: Dataset<Annotation = ClassId> + ?Sized,
{
    let mut counts = vec![0; classes.len()];
    for index in 0..samples.len() {
        let class = samples.annotation(index)?;
        *counts.get_mut(class).ok_or_else(|| DatasetError::Format {
            path: samples.source(index).into(),
            detail: format!("class number {class}, expected one below {}", classes.len()),
        })? += 1;
    }
    Ok(counts)
}

/// Fails with [`DatasetError::IndexOutOfRange`] unless `index < len`.
pub(crate) fn check_index(index: usize, len: usize) -> Result<(), DatasetError> {
    if index < len { Ok(()) } else { Err(DatasetError::IndexOutOfRange { index, len }) }
}

/// `path` with `/` between its parts on every system: a key that does not depend on where a data set lies.
pub(crate) fn key_of(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
