//! Masks, compared by the IoU of their pixels.

use vision_types::{BBox, Rle};

use super::evaluation::{CocoImages, CocoObjects, Facts};

/// An annotated mask.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownMask {
    /// Its pixels.
    pub mask: Rle,
    /// The box around them, `mask.bbox()`.
    pub bbox: BBox,
    /// Its class.
    pub class: usize,
    /// Size of the object in square pixels, as the annotation has it.
    pub area: f64,
    /// Whether it is a crowd, a group of objects.
    pub crowd: bool,
}

/// A detected mask.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundMask {
    /// Its pixels.
    pub mask: Rle,
    /// The box around them, `mask.bbox()`.
    pub bbox: BBox,
    /// Its class.
    pub class: usize,
    /// Size in square pixels by which it counts as small, medium or large: that of the mask, or, where the detection
    /// has a box as well, that of the box (pycocotools' `loadRes`).
    pub area: f64,
    /// Confidence.
    pub score: f64,
}

/// Evaluation of masks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Masks;

/// Images with their annotated and detected masks.
pub type CocoMasks = CocoImages<Masks>;

impl CocoObjects for Masks {
    type Known = KnownMask;
    type Found = FoundMask;

    fn known(object: &KnownMask) -> Facts {
        Facts { class: object.class, area: object.area, crowd: object.crowd, ignored: object.crowd, score: 0.0 }
    }

    fn found(detection: &FoundMask) -> Facts {
        Facts { class: detection.class, area: detection.area, crowd: false, ignored: false, score: detection.score }
    }

    fn overlap(&self, found: &FoundMask, known: &KnownMask) -> f64 {
        // Most pairs are far apart: their boxes tell at once.
        let (a, b) = (found.bbox, known.bbox);
        if a.x2.min(b.x2) <= a.x1.max(b.x1) || a.y2.min(b.y2) <= a.y1.max(b.y1) {
            return 0.0;
        }
        found.mask.iou(&known.mask, known.crowd)
    }
}
