//! From what a reader found for each split to the splits of a data set.

use std::sync::Arc;

use vision_types::{ClassId, ClassNames};

use crate::split::{Partition, SplitFractions, Splits, stratified_partition};
use crate::{Dataset, DatasetError, Samples, Subset};

/// The samples of each split, as a reader found them; `None` where the data set has no such part of its own.
#[derive(Debug)]
pub(crate) struct Parts<D> {
    pub(crate) train: D,
    pub(crate) validation: Option<D>,
    pub(crate) test: Option<D>,
    pub(crate) ignored_files: usize,
}

impl<D: Dataset + 'static> Parts<D> {
    /// Makes splits; what is missing is set aside from the training samples, from one pool: for images that show
    /// several classes.
    pub(crate) fn into_splits(
        self,
        classes: ClassNames,
        fractions: SplitFractions,
    ) -> Result<Splits<D::Annotation>, DatasetError> {
        let partition = self.partition(&vec![0; self.train.len()], fractions)?;
        self.assemble(partition, classes)
    }

    /// Chooses what is set aside of the training samples, the same share of each of `strata`; nothing for a split of
    /// its own.
    pub(crate) fn partition(&self, strata: &[ClassId], fractions: SplitFractions) -> Result<Partition, DatasetError> {
        let share = |part: &Option<D>, share| if part.is_some() { 0.0 } else { share };
        let fractions = SplitFractions {
            validation: share(&self.validation, fractions.validation),
            test: share(&self.test, fractions.test),
            seed: fractions.seed,
        };
        stratified_partition(strata, fractions)
    }

    /// The splits, with the training samples shared out as `partition` says.
    pub(crate) fn assemble(
        self,
        partition: Partition,
        classes: ClassNames,
    ) -> Result<Splits<D::Annotation>, DatasetError> {
        let all = Arc::new(self.train);
        let subset = |positions: Vec<usize>| -> Result<Option<Samples<D::Annotation>>, DatasetError> {
            Ok(match positions.len() {
                0 => None,
                count if count == all.len() => Some(Arc::clone(&all) as Samples<D::Annotation>),
                _ => Some(Arc::new(Subset::new(Arc::clone(&all), positions)?)),
            })
        };
        let fixed =
            |part: Option<D>| part.filter(|part| !part.is_empty()).map(|part| Arc::new(part) as Samples<D::Annotation>);
        Ok(Splits {
            train: subset(partition.train)?.unwrap_or_else(|| Arc::clone(&all) as Samples<D::Annotation>),
            validation: fixed(self.validation).or(subset(partition.validation)?),
            test: fixed(self.test).or(subset(partition.test)?),
            classes,
            ignored_files: self.ignored_files,
        })
    }
}
