//! What a detector's evaluation found, for `eval` and the report.

use super::DetectionMetrics;
use datasets::Splits;
use vision_types::Instance;

use super::{Detection, DetectionTask, pictures};
use crate::config::RunConfig;
use crate::recognition::{Findings, SplitEvaluation};
use crate::report::DetectionClassRow;

/// One row a class.
pub(super) fn class_rows(_metrics: &DetectionMetrics) -> Vec<DetectionClassRow> {
    Vec::new()
}

/// The parts of the report that only detection has.
pub(super) fn findings(
    task: &DetectionTask,
    splits: &Splits<Vec<Instance>>,
    config: &RunConfig<Detection>,
    judged: Option<&SplitEvaluation<Detection>>,
) -> Findings {
    Findings { evaluation: None, detection: None, galleries: pictures::galleries(task, splits, config, judged) }
}
