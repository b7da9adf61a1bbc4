//! Splits of data with masks, and what a person should know about them.

use std::sync::Arc;

use vision_types::{ClassNames, Mask};

use crate::annotation_problem::{AnnotationProblem, ProblemKind};
use crate::split::{SplitFractions, Splits, stratified_partition};
use crate::{Dataset, DatasetError, Samples, Subset};

/// A data set for segmentation as it was read, with what a person should know about it.
#[derive(Debug, Clone)]
pub struct SegmentationData {
    /// The samples and class names.
    pub splits: Splits<Mask>,
    /// What is wrong with it: images without masks, masks without images.
    pub problems: Vec<AnnotationProblem>,
}

impl SegmentationData {
    /// Samples about which there is nothing to say.
    pub(crate) fn flawless(splits: Splits<Mask>) -> Self {
        Self { splits, problems: Vec::new() }
    }

    /// Fails with [`DatasetError::Unpaired`] for the first image without a mask or mask without an image.
    pub(crate) fn require_pairs(self) -> Result<Self, DatasetError> {
        match unpaired(&self.problems) {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

/// [`DatasetError::Unpaired`] for the first image without a mask or mask without an image.
pub(super) fn unpaired(problems: &[AnnotationProblem]) -> Option<DatasetError> {
    let mut unpaired = problems.iter().filter(|problem| {
        matches!(problem.kind, ProblemKind::ImageWithoutAnnotation | ProblemKind::AnnotationWithoutImage)
    });
    let first = unpaired.next()?;
    let (path, detail) = (first.file.clone(), first.detail.clone());
    Some(DatasetError::Unpaired { path, detail, others: unpaired.count() })
}

/// The samples of each split, as a reader found them; `None` where the data set has no such part of its own.
pub(super) struct MaskParts<D> {
    pub(super) train: D,
    pub(super) validation: Option<D>,
    pub(super) test: Option<D>,
    pub(super) ignored_files: usize,
}

impl<D: Dataset<Annotation = Mask> + 'static> MaskParts<D> {
    /// Makes splits; what is missing is set aside from the training samples, chosen by a seed.
    pub(super) fn into_splits(
        self,
        classes: ClassNames,
        fractions: SplitFractions,
    ) -> Result<Splits<Mask>, DatasetError> {
        let share = |part: &Option<D>, share| if part.is_some() { 0.0 } else { share };
        let fractions = SplitFractions {
            validation: share(&self.validation, fractions.validation),
            test: share(&self.test, fractions.test),
            seed: fractions.seed,
        };
        // A picture shows several classes, so all are drawn from one pool.
        let partition = stratified_partition(&vec![0; self.train.len()], fractions)?;
        let all = Arc::new(self.train);
        let subset = |positions: Vec<usize>| -> Result<Option<Samples<Mask>>, DatasetError> {
            Ok(match positions.len() {
                0 => None,
                count if count == all.len() => Some(Arc::clone(&all) as Samples<Mask>),
                _ => Some(Arc::new(Subset::new(Arc::clone(&all), positions)?)),
            })
        };
        let fixed = |part: Option<D>| part.filter(|part| !part.is_empty()).map(|part| Arc::new(part) as Samples<Mask>);
        Ok(Splits {
            train: subset(partition.train)?.unwrap_or_else(|| Arc::clone(&all) as Samples<Mask>),
            validation: fixed(self.validation).or(subset(partition.validation)?),
            test: fixed(self.test).or(subset(partition.test)?),
            classes,
            ignored_files: self.ignored_files,
        })
    }
}
