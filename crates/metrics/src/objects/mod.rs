//! Detected boxes against annotated ones: COCO's figures and a closer look at the mistakes.

mod breakdown;
mod coco;
mod detection_metrics;

pub use breakdown::{ErrorCosts, ScoreCurves};
pub use coco::{BoxFigures, CocoBoxes, FoundBox, KnownBox, Sizes};
pub use detection_metrics::{DetectionClassFigures, DetectionMetrics};
