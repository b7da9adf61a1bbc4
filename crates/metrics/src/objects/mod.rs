//! Detected objects compared with annotated ones: the figures of COCO and Pascal VOC, and an analysis of the errors.

mod breakdown;
mod coco;
mod detection_metrics;
mod voc;

pub use breakdown::{ErrorCosts, ScoreCurves};
pub use coco::{
    Boxes, CocoBoxes, CocoFigures, CocoImage, CocoImages, CocoKeypoints, CocoMasks, CocoObjects, CocoSettings, Facts,
    FoundBox, FoundKeypoints, FoundMask, Keypoints, KnownBox, KnownKeypoints, KnownMask, Masks, PERSON_SIGMAS, Sizes,
};
pub(crate) use detection_metrics::{BOX_FIGURES, MASK_FIGURES};
pub use detection_metrics::{DetectionClassFigures, DetectionMetrics};
pub use voc::{VocBoxes, VocClass, VocFound, VocInterpolation, VocKnown, VocSettings};
