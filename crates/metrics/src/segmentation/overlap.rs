//! How well areas agree: accuracies, intersections over unions and Dice coefficients of pixels.

use super::SegmentationClassRow;
use super::metric::{Judged, Picture, SegmentationMetric};
use crate::figure::{Figure, Shown};
use crate::{ConfusionMatrix, Score};

/// `pixel_accuracy`, `mean_class_accuracy`, `mean_iou`, `foreground_iou`, `fw_iou` and `dice`, all of which follow from
/// the confusion matrix of the pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PixelOverlap;

impl SegmentationMetric for PixelOverlap {
    const FIGURES: &'static [Figure] = &[
        Figure::higher("mean_iou").shown(Shown::Monitored),
        Figure::higher("dice").shown(Shown::Epoch),
        Figure::higher("pixel_accuracy").shown(Shown::Epoch),
        Figure::higher("mean_class_accuracy"),
        Figure::higher("foreground_iou"),
        Figure::higher("fw_iou"),
    ];

    type Measured = ();

    fn for_classes(_classes: usize) -> Self {
        Self
    }

    fn measure(&self, _picture: &Picture<'_>) {}

    fn add(&mut self, (): ()) {}

    fn columns(&self, pixels: &ConfusionMatrix, rows: &mut [SegmentationClassRow]) {
        let (labelled, predicted) = (pixels.supports(), pixels.predicted());
        for row in rows {
            let class = row.class_id;
            let common = pixels.get(class, class);
            (row.pixels, row.predicted) = (labelled[class], predicted[class]);
            row.recall = ratio(common, row.pixels);
            row.precision = ratio(common, row.predicted);
            row.iou = ratio(common, row.pixels + row.predicted - common);
            row.dice = ratio(2 * common, row.pixels + row.predicted);
        }
    }

    fn scores(&self, judged: &Judged<'_>) -> Vec<Score> {
        let total = judged.pixels.total();
        let weighted: f64 = judged.rows.iter().filter_map(|row| row.iou.map(|iou| row.pixels as f64 * iou)).sum();
        vec![
            Score::new("pixel_accuracy", judged.pixels.accuracy()),
            Score::new("mean_class_accuracy", judged.mean(|row| row.recall)),
            Score::new("mean_iou", judged.mean(|row| row.iou)),
            Score::new("foreground_iou", judged.foreground_mean(|row| row.iou)),
            Score::new("fw_iou", (total > 0).then(|| weighted / total as f64)),
            Score::new("dice", judged.foreground_mean(|row| row.dice)),
        ]
    }

    fn clear(&mut self) {}
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
