//! Data with masks as they were read, and what a person should know about them.

use serde::{Deserialize, Serialize};
use vision_types::Mask;

use crate::DatasetError;
use crate::annotations::annotation_problem::{AnnotationProblem, ProblemKind};
use crate::kind::data_settings;
use crate::split::Splits;

data_settings! {
    /// Settings of `auto`.
    pub struct SegmentationFolderSpec from files {
    } with validation_split, test_split
}

/// What becomes of images without masks and masks without images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Unpaired {
    /// They are an error.
    #[default]
    Error,
    /// They are left out.
    Skip,
}

/// A data set for segmentation as it was read, with what a person should know about it.
#[derive(Debug, Clone)]
pub struct SegmentationData {
    /// The samples and class names.
    pub splits: Splits<Mask>,
    /// What is wrong with it: images without masks, masks without images.
    pub problems: Vec<AnnotationProblem>,
    /// Whether images without masks are an error when the data are opened.
    pub(crate) unpaired: Unpaired,
}

impl SegmentationData {
    /// Samples about which there is nothing to say.
    pub(crate) fn flawless(splits: Splits<Mask>) -> Self {
        Self { splits, problems: Vec::new(), unpaired: Unpaired::Error }
    }

    /// The splits; fails with [`DatasetError::Unpaired`] for the first image without a mask or mask without an image,
    /// where that is an error.
    pub(crate) fn paired(self) -> Result<Splits<Mask>, DatasetError> {
        match (self.unpaired, unpaired(&self.problems)) {
            (Unpaired::Error, Some(error)) => Err(error),
            _ => Ok(self.splits),
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
