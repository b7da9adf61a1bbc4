//! Boxes, compared by their IoU.

use super::evaluation::{CocoImages, CocoObjects, Facts};

/// An annotated box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownBox {
    /// `[x, y, width, height]` in pixels.
    pub bbox: [f64; 4],
    /// Its class.
    pub class: usize,
    /// Size of the object in square pixels.
    pub area: f64,
    /// Whether it is a crowd, a group of objects.
    pub crowd: bool,
}

/// A detected box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoundBox {
    /// `[x, y, width, height]` in pixels.
    pub bbox: [f64; 4],
    /// Its class.
    pub class: usize,
    /// Confidence.
    pub score: f64,
}

/// Evaluation of boxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Boxes;

/// Images with their annotated and detected boxes.
pub type CocoBoxes = CocoImages<Boxes>;

impl CocoObjects for Boxes {
    type Known = KnownBox;
    type Found = FoundBox;

    fn known(object: &KnownBox) -> Facts {
        Facts { class: object.class, area: object.area, crowd: object.crowd, ignored: object.crowd, score: 0.0 }
    }

    fn found(detection: &FoundBox) -> Facts {
        let area = detection.bbox[2] * detection.bbox[3];
        Facts { class: detection.class, area, crowd: false, ignored: false, score: detection.score }
    }

    fn overlap(&self, found: &FoundBox, known: &KnownBox) -> f64 {
        overlap(found.bbox, known.bbox, known.crowd)
    }
}

/// IoU of a detection with an object; with a crowd, the share of the detection that lies inside it.
pub(in crate::objects) fn overlap(found: [f64; 4], known: [f64; 4], crowd: bool) -> f64 {
    let side =
        |axis: usize| (found[axis] + found[axis + 2]).min(known[axis] + known[axis + 2]) - found[axis].max(known[axis]);
    let (width, height) = (side(0), side(1));
    if width <= 0.0 || height <= 0.0 {
        return 0.0;
    }
    let (inside, area) = (width * height, found[2] * found[3]);
    inside / if crowd { area } else { area + known[2] * known[3] - inside }
}
