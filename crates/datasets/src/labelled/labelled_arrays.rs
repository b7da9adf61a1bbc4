//! What data sets that are held in memory as arrays share.

use std::sync::Arc;

use vision_types::ClassId;

use crate::split::{SplitFractions, stratified_partition};
use crate::{ClassificationSamples, Dataset, DatasetError, Subset};

/// Sets the validation share of `all` aside; a share of 0 leaves no validation samples. The test share is not used.
pub(crate) fn cut_validation<D>(
    all: Arc<D>,
    fractions: SplitFractions,
) -> Result<(ClassificationSamples, Option<ClassificationSamples>), DatasetError>
where
    D: Dataset<Annotation = ClassId> + 'static,
{
    let annotations = (0..all.len()).map(|index| all.annotation(index)).collect::<Result<Vec<_>, _>>()?;
    let parts = stratified_partition(&annotations, SplitFractions { test: 0.0, ..fractions })?;
    if parts.validation.is_empty() {
        return Ok((all, None));
    }
    let validation = Subset::new(Arc::clone(&all), parts.validation)?;
    Ok((Arc::new(Subset::new(all, parts.train)?), Some(Arc::new(validation))))
}
