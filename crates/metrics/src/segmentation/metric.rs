//! What a metric of a segmentation network has to say of itself.

use vision_types::{ClassId, Mask};

use super::SegmentationClassRow;
use crate::{ConfusionMatrix, Figure, Score};

/// A metric of predicted masks, gathered picture by picture: what a line of the list in `mod.rs` needs. The confusion
/// matrix of the pixels is there for all of them.
pub(crate) trait SegmentationMetric: Sync {
    /// Its figures, in the order in which they are shown.
    const FIGURES: &'static [Figure];

    /// What one picture says; `()` where the confusion matrix says everything.
    type Measured: Send;

    /// With nothing gathered, for `classes` classes.
    fn for_classes(classes: usize) -> Self;

    /// Measures one picture. Pictures of a batch are measured in parallel.
    fn measure(&self, picture: &Picture<'_>) -> Self::Measured;

    /// Takes in what a picture says, in the order of the pictures.
    fn add(&mut self, measured: Self::Measured);

    /// Writes its figures of each class into its columns of `rows`, which has a row for each class with the columns of
    /// the metrics before it in the list.
    fn columns(&self, pixels: &ConfusionMatrix, rows: &mut [SegmentationClassRow]);

    /// The scores of everything taken in, from the rows with its columns.
    fn scores(&self, judged: &Judged<'_>) -> Vec<Score>;

    /// Forgets everything taken in.
    fn clear(&mut self);
}

/// A predicted and a true mask of one size, whose classes have been checked.
#[derive(Debug)]
pub(crate) struct Picture<'a> {
    /// The prediction.
    pub(crate) prediction: &'a Mask,
    /// The truth. Pixels that are [`Mask::IGNORE`] here do not count.
    pub(crate) target: &'a Mask,
    /// Its pixels by class, `[true × classes + predicted]`.
    pub(crate) counts: &'a [u64],
    /// Number of classes.
    pub(crate) classes: usize,
    /// The class that is background.
    pub(crate) background: Option<ClassId>,
}

/// What scores are computed from.
#[derive(Debug)]
pub(crate) struct Judged<'a> {
    /// Pixels of everything taken in: rows are true classes, columns predicted ones.
    pub(crate) pixels: &'a ConfusionMatrix,
    /// Figures of each class.
    pub(crate) rows: &'a [SegmentationClassRow],
    /// The class that is background.
    pub(crate) background: Option<ClassId>,
}

impl Judged<'_> {
    /// The mean of a figure over the classes for which it is defined.
    pub(crate) fn mean(&self, figure: fn(&SegmentationClassRow) -> Option<f64>) -> Option<f64> {
        mean(self.rows.iter().filter_map(figure))
    }

    /// The same without the background.
    pub(crate) fn foreground_mean(&self, figure: fn(&SegmentationClassRow) -> Option<f64>) -> Option<f64> {
        mean(self.rows.iter().filter(|row| Some(row.class_id) != self.background).filter_map(figure))
    }
}

fn mean(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let figures: Vec<f64> = figures.collect();
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

/// A metric that may be left out, and then measures nothing and has no scores.
impl<M: SegmentationMetric> SegmentationMetric for Option<M> {
    const FIGURES: &'static [Figure] = M::FIGURES;

    type Measured = Option<M::Measured>;

    fn for_classes(classes: usize) -> Self {
        Some(M::for_classes(classes))
    }

    fn measure(&self, picture: &Picture<'_>) -> Self::Measured {
        self.as_ref().map(|metric| metric.measure(picture))
    }

    fn add(&mut self, measured: Self::Measured) {
        if let (Some(metric), Some(measured)) = (self, measured) {
            metric.add(measured);
        }
    }

    fn columns(&self, pixels: &ConfusionMatrix, rows: &mut [SegmentationClassRow]) {
        if let Some(metric) = self {
            metric.columns(pixels, rows);
        }
    }

    fn scores(&self, judged: &Judged<'_>) -> Vec<Score> {
        self.as_ref().map_or_else(Vec::new, |metric| metric.scores(judged))
    }

    fn clear(&mut self) {
        if let Some(metric) = self {
            metric.clear();
        }
    }
}
