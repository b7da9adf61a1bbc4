//! Metrics of image recognition, equal to their reference implementations.
//!
//! Host data in, figures out: no tensor, no file, no model. Every metric gathers counts (or pairs of score and label)
//! in [`Metric::update`] and divides once in [`Metric::compute`], so any split into batches gives the same figures.
//! Scores are fractions of 1, never percent, and a figure that is not defined for the data is `None`, never NaN.
//!
//! [`ClassificationMetrics`] has all the usual figures of a classifier:
//!
//! ```
//! use metrics::{ClassificationMetrics, Metric};
//! use vision_types::{ClassNames, ClassScores};
//!
//! let mut metrics = ClassificationMetrics::new(ClassNames::new(["cat", "dog"]));
//! metrics.update(&[ClassScores(vec![0.9, 0.1]), ClassScores(vec![0.6, 0.4])], &[0, 1])?;
//! let summary = metrics.summary();
//! assert_eq!(summary.score("accuracy"), Some(0.5));
//! assert_eq!(summary.per_class[0].recall, 1.0);
//! # Ok::<(), metrics::MetricError>(())
//! ```

mod averages;
mod brier;
mod calibration;
mod check;
mod classification;
mod classifier_metric;
mod confusion;
mod error;
mod figure;
mod figures;
mod log_loss;
mod metric;
mod objects;
mod ranking;
mod regression;
mod running_mean;
mod segmentation;
mod top_k;

pub use averages::{Average, ClassFigures};
pub use classification::*;
pub use classifier_metric::ClassifierMetric;
pub use error::MetricError;
pub use figure::{Figure, Shown};
pub use figures::{direction, figure, figures, shown};
pub use metric::{Direction, Metric, Score};
pub use objects::{
    Boxes, CocoBoxes, CocoFigures, CocoImage, CocoImages, CocoKeypoints, CocoMasks, CocoObjects, CocoSettings,
    DetectionClassFigures, DetectionMetrics, ErrorCosts, Facts, FoundBox, FoundKeypoints, FoundMask, Keypoints,
    KnownBox, KnownKeypoints, KnownMask, Masks, PERSON_SIGMAS, ScoreCurves, Sizes, VocBoxes, VocClass, VocFound,
    VocInterpolation, VocKnown, VocSettings,
};
pub use regression::RegressionMetrics;
pub use running_mean::RunningMean;
pub use segmentation::{SegmentationClassRow, SegmentationMetrics, SegmentationSummary};
