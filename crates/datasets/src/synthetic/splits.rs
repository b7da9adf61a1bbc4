//! Splits of generated pictures.

use std::sync::Arc;

use vision_types::ClassNames;

use crate::error::require_in;
use crate::split::{SplitName, Splits};
use crate::{Dataset, DatasetError, InMemory, Samples};

/// Pictures of a split are kept in memory where they need no more than this.
const CACHE_BYTES: usize = 128 * 1024 * 1024;

/// Most pictures of a split: as many as the largest public data sets have (ImageNet-22k: 14 million). Orders and lists
/// of all samples must fit in memory.
const MOST_PICTURES: usize = 20_000_000;

/// Sizes and seed of generated splits.
pub(crate) struct Generated {
    /// Pictures for training, validation and testing; only the first must be some.
    pub(crate) lengths: [usize; 3],
    /// Width and height of a picture in pixels.
    pub(crate) size: u32,
    /// Seed of all three; those of the splits follow from it.
    pub(crate) seed: u64,
    /// Names of the classes.
    pub(crate) classes: ClassNames,
}

impl Generated {
    /// The splits, their pictures from `make(seed, length)`.
    ///
    /// # Errors
    ///
    /// [`DatasetError::EmptySplit`] where there is nothing to train on.
    pub(crate) fn open<D: Dataset + 'static>(
        self,
        make: impl Fn(u64, usize) -> D,
    ) -> Result<Splits<D::Annotation>, DatasetError> {
        let [train, validation, test] = self.lengths;
        for (key, length) in ["train", "validation", "test"].into_iter().zip(self.lengths) {
            require_in(key, length, 0..=MOST_PICTURES, " pictures")?;
        }
        if train == 0 {
            let detail = "train = 0, expected at least 1".to_owned();
            return Err(DatasetError::EmptySplit { split: SplitName::Train, detail });
        }
        let part = |split: SplitName, length: usize| -> Samples<D::Annotation> {
            // Splits take every third seed, so that seeds 0, 1, 2 … of whole data sets share none either.
            let samples = make(self.seed.wrapping_mul(3).wrapping_add(split as u64), length);
            match length.saturating_mul(self.size as usize * self.size as usize * 3) <= CACHE_BYTES {
                true => Arc::new(InMemory::new(samples)),
                false => Arc::new(samples),
            }
        };
        let optional = |split: SplitName, length: usize| (length > 0).then(|| part(split, length));
        Ok(Splits {
            train: part(SplitName::Train, train),
            validation: optional(SplitName::Validation, validation),
            test: optional(SplitName::Test, test),
            classes: self.classes,
            ignored_files: 0,
        })
    }
}
