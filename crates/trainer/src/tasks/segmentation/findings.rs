//! What a segmentation network's evaluation found, for the report.

use datasets::Splits;
use metrics::SegmentationMetrics;
use vision_types::Mask;

use super::{Segmentation, SegmentationTask, pictures};
use crate::config::RunConfig;
use crate::recognition::{Findings, SplitEvaluation};
use crate::report::SegmentationEvaluation;

/// The parts of the report that only segmentation has.
pub(super) fn findings(
    task: &SegmentationTask,
    splits: &Splits<Mask>,
    config: &RunConfig<Segmentation>,
    judged: Option<&SplitEvaluation<Segmentation>>,
) -> Findings {
    Findings {
        segmentation: judged.map(|judged| closer_look(judged.split.as_str(), &judged.metrics)),
        galleries: pictures::galleries(task, splits, config, judged),
        ..Findings::default()
    }
}

fn closer_look(split: &str, metrics: &SegmentationMetrics) -> SegmentationEvaluation {
    SegmentationEvaluation {
        split: split.to_owned(),
        class_names: metrics.names().as_slice().to_vec(),
        per_class: metrics.per_class(),
        confusion_matrix: Some(metrics.confusion_matrix().clone()),
    }
}
