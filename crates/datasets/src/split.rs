//! Splits: their names, and how one data set is cut into several.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vision_types::{ClassId, ClassNames};

use crate::random::{Purpose, RandomStream};
use crate::{DatasetError, Samples};

/// The role of a part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SplitName {
    /// Weights are fitted to it.
    #[serde(alias = "training")]
    Train,
    /// Epochs and settings are chosen by it.
    #[serde(rename = "val", alias = "valid", alias = "validation")]
    Validation,
    /// Looked at once, at the end.
    #[serde(alias = "testing")]
    Test,
}

impl SplitName {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// "train", "val" or "test".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "val",
            Self::Test => "test",
        }
    }

    /// The split of a folder with this name, upper or lower case; `None` if the name is of no split.
    pub fn from_folder_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validation" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }

    /// The split in a name such as `instances_train2017`: a word of letters that is the name of one.
    pub(crate) fn in_words(name: &str) -> Option<Self> {
        name.split(|character: char| !character.is_alphabetic()).find_map(Self::from_folder_name)
    }
}

impl fmt::Display for SplitName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for SplitName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::from_folder_name(name).ok_or_else(|| format!("unknown split `{name}`; expected train, val or test"))
    }
}

/// A data set with its parts and class names: for classification, or for what the annotations `A` are.
pub struct Splits<A = ClassId> {
    /// Training samples.
    pub train: Samples<A>,
    /// Validation samples, if there are any.
    pub validation: Option<Samples<A>>,
    /// Test samples, if there are any.
    pub test: Option<Samples<A>>,
    /// Names of the classes, in the order of their numbers.
    pub classes: ClassNames,
    /// Files that were passed over: hidden, or without an image extension.
    pub ignored_files: usize,
}

impl<A> Clone for Splits<A> {
    fn clone(&self) -> Self {
        Self {
            train: self.train.clone(),
            validation: self.validation.clone(),
            test: self.test.clone(),
            classes: self.classes.clone(),
            ignored_files: self.ignored_files,
        }
    }
}

impl<A: Clone + Send> fmt::Debug for Splits<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = formatter.debug_struct("Splits");
        for (name, samples) in self.iter() {
            text.field(name.as_str(), &samples.len());
        }
        text.field("classes", &self.classes).field("ignored_files", &self.ignored_files).finish()
    }
}

impl<A> Splits<A> {
    /// The samples of `split`.
    ///
    /// # Errors
    ///
    /// [`DatasetError::NoSuchSplit`], naming those that exist.
    pub fn get(&self, split: SplitName) -> Result<&Samples<A>, DatasetError> {
        self.iter().find(|(name, _)| *name == split).map(|(_, samples)| samples).ok_or_else(|| {
            let available: Vec<&str> = self.iter().map(|(name, _)| name.as_str()).collect();
            DatasetError::NoSuchSplit { split, available: available.join(", ") }
        })
    }

    /// The splits that exist, in the order train, validation, test.
    pub fn iter(&self) -> impl Iterator<Item = (SplitName, &Samples<A>)> {
        std::iter::once((SplitName::Train, &self.train))
            .chain(self.validation.as_ref().map(|samples| (SplitName::Validation, samples)))
            .chain(self.test.as_ref().map(|samples| (SplitName::Test, samples)))
    }
}

/// Positions of the samples of each part, each in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Training positions.
    pub train: Vec<usize>,
    /// Validation positions; empty for a fraction of 0.
    pub validation: Vec<usize>,
    /// Test positions; empty for a fraction of 0.
    pub test: Vec<usize>,
}

/// Shares of a data set that are set aside, and the seed that chooses them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitFractions {
    /// Share of validation samples, in `0..1`.
    pub validation: f64,
    /// Share of test samples, in `0..1`; together with `validation` below 1.
    pub test: f64,
    /// Seed of the choice.
    pub seed: u64,
}

impl SplitFractions {
    /// Fails with [`DatasetError::InvalidSetting`] unless both shares are in `0..1` and leave something for training.
    pub fn check(&self) -> Result<(), DatasetError> {
        for (key, share) in [("validation_split", self.validation), ("test_split", self.test)] {
            if !(0.0..1.0).contains(&share) {
                return Err(DatasetError::InvalidSetting {
                    key,
                    found: share.to_string(),
                    expected: "a fraction from 0 to below 1".to_owned(),
                });
            }
        }
        if self.validation + self.test >= 1.0 {
            return Err(DatasetError::InvalidSetting {
                key: "validation_split",
                found: format!("{} with a test_split of {}", self.validation, self.test),
                expected: "a sum below 1, so that training samples remain".to_owned(),
            });
        }
        Ok(())
    }
}

/// Cuts samples into parts, class by class, so that every part has the same mix of classes.
///
/// Of `n` samples of a class, `round(n * fraction)` go to each part (half rounds up), but at least one stays in
/// training. The choice depends on the seed, the class and the number of its samples alone, so adding samples to one
/// class moves no sample of another.
///
/// # Errors
///
/// [`DatasetError::InvalidSetting`] for impossible fractions, [`DatasetError::EmptySplit`] if a part with a positive
/// fraction gets no sample, or training none.
pub fn stratified_partition(annotations: &[usize], fractions: SplitFractions) -> Result<Partition, DatasetError> {
    fractions.check()?;
    let classes = annotations.iter().max().map_or(0, |last| last + 1);
    let mut by_class = vec![Vec::new(); classes];
    for (position, &class) in annotations.iter().enumerate() {
        by_class[class].push(position);
    }
    let mut partition = Partition { train: Vec::new(), validation: Vec::new(), test: Vec::new() };
    for (class, mut positions) in by_class.into_iter().enumerate() {
        RandomStream::new(fractions.seed, Purpose::Split, class as u64).shuffle(&mut positions);
        let share = |fraction: f64| (positions.len() as f64 * fraction + 0.5).floor() as usize;
        let spare = positions.len().saturating_sub(1);
        let test = share(fractions.test).min(spare);
        let validation = share(fractions.validation).min(spare - test);
        partition.test.extend(positions.drain(..test));
        partition.validation.extend(positions.drain(..validation));
        partition.train.append(&mut positions);
    }
    for (split, key, fraction, part) in [
        (SplitName::Train, "", 1.0, &mut partition.train),
        (SplitName::Validation, "validation_split", fractions.validation, &mut partition.validation),
        (SplitName::Test, "test_split", fractions.test, &mut partition.test),
    ] {
        part.sort_unstable();
        if fraction > 0.0 && part.is_empty() {
            let detail = if key.is_empty() {
                format!("there are {} samples", annotations.len())
            } else {
                format!("{key} = {fraction} of {} samples in {classes} classes rounds to none", annotations.len())
            };
            return Err(DatasetError::EmptySplit { split, detail });
        }
    }
    Ok(partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fractions(validation: f64, test: f64, seed: u64) -> SplitFractions {
        SplitFractions { validation, test, seed }
    }

    /// 40 samples of class 0, 20 of class 1 and 10 of class 2, interleaved.
    fn annotations() -> Vec<usize> {
        (0..70)
            .map(|i| {
                if i % 7 < 4 {
                    0
                } else if i % 7 < 6 {
                    1
                } else {
                    2
                }
            })
            .collect()
    }

    #[test]
    fn parts_are_disjoint_complete_and_keep_the_mix_of_classes() {
        let annotations = annotations();
        let parts = stratified_partition(&annotations, fractions(0.2, 0.1, 5)).unwrap();
        let mut all: Vec<usize> = [&parts.train[..], &parts.validation, &parts.test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..70).collect::<Vec<_>>());
        let count = |part: &[usize], class| part.iter().filter(|&&position| annotations[position] == class).count();
        assert_eq!([0, 1, 2].map(|class| count(&parts.validation, class)), [8, 4, 2]);
        assert_eq!([0, 1, 2].map(|class| count(&parts.test, class)), [4, 2, 1]);
        assert_eq!([0, 1, 2].map(|class| count(&parts.train, class)), [28, 14, 7]);
    }

    #[test]
    fn the_seed_decides() {
        let annotations = annotations();
        let split = |seed| stratified_partition(&annotations, fractions(0.2, 0.1, seed)).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1).validation, split(2).validation);
    }

    #[test]
    fn more_samples_of_one_class_move_no_sample_of_another() {
        let before = annotations();
        let after: Vec<usize> = before.iter().copied().chain([2; 30]).collect();
        let split = |annotations: &[usize]| -> Vec<usize> {
            let parts = stratified_partition(annotations, fractions(0.2, 0.1, 3)).unwrap();
            parts.validation.into_iter().filter(|&position| annotations[position] != 2).collect()
        };
        assert_eq!(split(&before), split(&after));
    }

    #[test]
    fn impossible_fractions_and_empty_parts_are_refused() {
        let refused = |validation, test| stratified_partition(&[0, 0, 1], fractions(validation, test, 0)).unwrap_err();
        assert!(matches!(refused(1.0, 0.0), DatasetError::InvalidSetting { key: "validation_split", .. }));
        assert!(matches!(refused(0.0, -0.1), DatasetError::InvalidSetting { key: "test_split", .. }));
        assert!(matches!(refused(f64::NAN, 0.0), DatasetError::InvalidSetting { .. }));
        assert!(matches!(refused(0.5, 0.5), DatasetError::InvalidSetting { .. }));
        assert!(matches!(refused(0.01, 0.0), DatasetError::EmptySplit { split: SplitName::Validation, .. }));
        let empty = stratified_partition(&[], fractions(0.0, 0.0, 0)).unwrap_err();
        assert!(matches!(empty, DatasetError::EmptySplit { split: SplitName::Train, .. }));
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        for name in ["val", "valid", "Validation"] {
            assert_eq!(name.parse(), Ok(SplitName::Validation));
        }
        assert_eq!("eval".parse::<SplitName>(), Err("unknown split `eval`; expected train, val or test".to_owned()));
    }
}
