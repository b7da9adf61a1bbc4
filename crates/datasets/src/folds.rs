//! Cross-validation: every sample is once a validation sample.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vision_types::Sample;

use crate::random::{Purpose, RandomStream};
use crate::{Dataset, DatasetError, Samples, SplitName, Splits, Subset};

/// One of several ways to cut training and validation samples anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// Which part is held out for validation, from 1.
    pub number: usize,
    /// Number of parts.
    pub of: usize,
    /// Seed of the parts; the same for all of them.
    #[serde(default)]
    pub seed: u64,
}

/// The part, from 0, that each sample belongs to: every part has the same share of every class, up to one sample, and
/// the same size, up to one sample.
///
/// # Panics
///
/// When `parts` is 0.
pub fn stratified_folds(classes: &[usize], parts: usize, seed: u64) -> Vec<usize> {
    assert!(parts > 0, "0 parts");
    let mut by_class = vec![Vec::new(); classes.iter().max().map_or(0, |last| last + 1)];
    for (position, &class) in classes.iter().enumerate() {
        by_class[class].push(position);
    }
    let mut folds = vec![0; classes.len()];
    let mut next = 0;
    for (class, mut positions) in by_class.into_iter().enumerate() {
        RandomStream::new(seed, Purpose::Fold, class as u64).shuffle(&mut positions);
        for position in positions {
            folds[position] = next;
            next = (next + 1) % parts;
        }
    }
    folds
}

impl<A: Clone + Send + 'static> Splits<A> {
    /// Training and validation samples put together and cut anew as `fold` says, the same share of every class in each
    /// part; `class_of` tells what counts as a class. The test split stays as it is.
    ///
    /// # Errors
    ///
    /// When annotations cannot be read, or a part has no sample.
    pub fn fold(self, fold: Fold, class_of: impl Fn(&A) -> usize) -> Result<Self, DatasetError> {
        let all: Samples<A> = match &self.validation {
            Some(validation) => Arc::new(Joined { first: self.train.clone(), second: validation.clone() }),
            None => self.train.clone(),
        };
        let classes: Vec<usize> =
            (0..all.len()).map(|index| Ok(class_of(&all.annotation(index)?))).collect::<Result<_, DatasetError>>()?;
        if classes.len() < fold.of {
            let detail = format!("{} samples in {} parts", classes.len(), fold.of);
            return Err(DatasetError::EmptySplit { split: SplitName::Validation, detail });
        }
        let parts = stratified_folds(&classes, fold.of, fold.seed);
        let positions = |held_out: bool| {
            (0..parts.len()).filter(|&index| (parts[index] + 1 == fold.number) == held_out).collect::<Vec<_>>()
        };
        let train = Subset::new(all.clone(), positions(false))?;
        let validation = Subset::new(all, positions(true))?;
        Ok(Self { train: Arc::new(train), validation: Some(Arc::new(validation)), ..self })
    }
}

/// The samples of one data set after those of another.
struct Joined<A> {
    first: Samples<A>,
    second: Samples<A>,
}

impl<A: Clone + Send> Joined<A> {
    /// The data set that has sample `index`, and its number there.
    fn place(&self, index: usize) -> (&Samples<A>, usize) {
        match index.checked_sub(self.first.len()) {
            Some(index) => (&self.second, index),
            None => (&self.first, index),
        }
    }
}

impl<A: Clone + Send> Dataset for Joined<A> {
    type Annotation = A;

    fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    fn get(&self, index: usize) -> Result<Sample<A>, DatasetError> {
        let (samples, index) = self.place(index);
        samples.get(index)
    }

    fn annotation(&self, index: usize) -> Result<A, DatasetError> {
        let (samples, index) = self.place(index);
        samples.annotation(index)
    }

    fn source(&self, index: usize) -> String {
        let (samples, index) = self.place(index);
        samples.source(index)
    }

    fn key(&self, index: usize) -> String {
        let (samples, index) = self.place(index);
        samples.key(index)
    }

    fn file(&self, index: usize) -> Option<PathBuf> {
        let (samples, index) = self.place(index);
        samples.file(index)
    }

    fn stated_size(&self, index: usize) -> Option<(u32, u32)> {
        let (samples, index) = self.place(index);
        samples.stated_size(index)
    }

    fn image_id(&self, index: usize) -> Option<i64> {
        let (samples, index) = self.place(index);
        samples.image_id(index)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use vision_types::ClassNames;

    use super::*;
    use crate::shapes::{Shapes, ShapesStyle};

    #[test]
    fn parts_have_equal_shares_of_every_class() {
        // 23 of class 0, 8 of class 1, 3 of class 2.
        let classes: Vec<usize> = (0..34).map(|index| usize::from(index >= 23) + usize::from(index >= 31)).collect();
        let folds = stratified_folds(&classes, 4, 7);
        for part in 0..4 {
            let of = |class| (0..34).filter(|&index| folds[index] == part && classes[index] == class).count();
            assert!(matches!(of(0), 5 | 6) && of(1) == 2 && matches!(of(2), 0 | 1), "part {part}");
            assert!(matches!(of(0) + of(1) + of(2), 8 | 9), "part {part}");
        }
        assert_ne!(folds, stratified_folds(&classes, 4, 8));
    }

    #[test]
    fn every_sample_is_held_out_once() {
        let shapes = |seed, count| -> Samples<usize> { Arc::new(Shapes::new(ShapesStyle::default(), seed, count)) };
        let (train, validation) = (shapes(1, 17), shapes(2, 5));
        let all: BTreeSet<String> =
            (0..17).map(|index| train.key(index)).chain((0..5).map(|index| validation.key(index))).collect();
        let splits = Splits {
            train,
            validation: Some(validation),
            test: None,
            classes: ClassNames::new(["a"]),
            ignored_files: 0,
        };
        let mut held_out = Vec::new();
        for number in 1..=3 {
            let fold = Fold { number, of: 3, seed: 0 };
            let cut = splits.clone().fold(fold, |&class| class).expect("enough samples");
            let validation = cut.validation.expect("cut just now");
            assert_eq!(cut.train.len() + validation.len(), 22);
            held_out.extend((0..validation.len()).map(|index| validation.key(index)));
        }
        let distinct: BTreeSet<String> = held_out.iter().cloned().collect();
        assert_eq!((held_out.len(), distinct), (22, all));
        let fold = Fold { number: 1, of: 23, seed: 0 };
        assert!(matches!(splits.fold(fold, |&class| class), Err(DatasetError::EmptySplit { .. })));
    }
}
