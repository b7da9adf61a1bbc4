//! Decoded images kept in memory.

use std::sync::OnceLock;

use image::RgbImage;
use vision_types::Sample;

use crate::dataset::check_index;
use crate::{Dataset, DatasetError};

/// Decodes each image of `inner` once and keeps its RGB bytes: for data sets that fit in memory, where decoding would
/// cost more than the training step.
///
/// Images are kept as they are first read; [`InMemory::fill`] reads all of them at once. An image that could not be
/// read is tried again the next time.
#[derive(Debug)]
pub struct InMemory<D> {
    inner: D,
    images: Vec<OnceLock<RgbImage>>,
}

impl<D: Dataset> InMemory<D> {
    /// Wraps `inner`; nothing is read yet.
    pub fn new(inner: D) -> Self {
        let images = std::iter::repeat_with(OnceLock::new).take(inner.len()).collect();
        Self { inner, images }
    }

    /// Reads every image that is not yet in memory.
    ///
    /// # Errors
    ///
    /// The first error met.
    pub fn fill(&self) -> Result<(), DatasetError> {
        (0..self.len()).try_for_each(|index| self.get(index).map(drop))
    }

    /// Bytes of the images now in memory.
    pub fn resident_bytes(&self) -> usize {
        self.images.iter().filter_map(|image| Some(image.get()?.as_raw().len())).sum()
    }
}

impl<D: Dataset> Dataset for InMemory<D> {
    type Annotation = D::Annotation;

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn get(&self, index: usize) -> Result<Sample<Self::Annotation>, DatasetError> {
        check_index(index, self.len())?;
        if let Some(image) = self.images[index].get() {
            let annotation = self.inner.annotation(index)?;
            return Ok(Sample { image: image.clone(), annotation, source: self.inner.source(index) });
        }
        let sample = self.inner.get(index)?;
        // Another thread may have been faster: both read the same bytes, so either copy will do.
        let _ = self.images[index].set(sample.image.clone());
        Ok(sample)
    }

    fn annotation(&self, index: usize) -> Result<Self::Annotation, DatasetError> {
        self.inner.annotation(index)
    }

    crate::dataset::forward_facts!(|self, index| self.inner, index);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::shapes::{Shapes, ShapesStyle};

    struct Counting(Shapes, AtomicUsize);

    impl Dataset for Counting {
        type Annotation = usize;
        fn len(&self) -> usize {
            self.0.len()
        }
        fn get(&self, index: usize) -> Result<Sample<usize>, DatasetError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.get(index)
        }
        fn annotation(&self, index: usize) -> Result<usize, DatasetError> {
            self.0.annotation(index)
        }
        fn source(&self, index: usize) -> String {
            self.0.source(index)
        }
    }

    #[test]
    fn each_image_is_decoded_once() {
        let shapes = Shapes::new(ShapesStyle::default(), 3, 4);
        let cached = InMemory::new(Counting(shapes.clone(), AtomicUsize::new(0)));
        assert_eq!(cached.resident_bytes(), 0);
        for _ in 0..3 {
            assert_eq!(cached.get(2).unwrap(), shapes.get(2).unwrap());
        }
        assert_eq!(cached.inner.1.load(Ordering::Relaxed), 1);
        cached.fill().unwrap();
        assert_eq!(cached.inner.1.load(Ordering::Relaxed), 4);
        assert_eq!(cached.resident_bytes(), 4 * 32 * 32 * 3);
    }
}
