//! What data sets that are held in memory as arrays share.

use vision_types::{ClassId, ClassNames};

use crate::parts::Parts;
use crate::split::{SplitFractions, Splits};
use crate::{Dataset, DatasetError};

/// Sets the validation share of `train` aside, class by class; a share of 0 leaves no validation samples. The test
/// share is not used: test images have files of their own, or there are none.
pub(super) fn array_splits<D>(
    train: D,
    test: Option<D>,
    classes: ClassNames,
    fractions: SplitFractions,
) -> Result<Splits, DatasetError>
where
    D: Dataset<Annotation = ClassId> + 'static,
{
    let annotations = (0..train.len()).map(|index| train.annotation(index)).collect::<Result<Vec<_>, _>>()?;
    let parts = Parts { train, validation: None, test, ignored_files: 0 };
    let partition = parts.partition(&annotations, SplitFractions { test: 0.0, ..fractions })?;
    parts.assemble(partition, classes)
}
