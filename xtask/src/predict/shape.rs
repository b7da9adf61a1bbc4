//! The pixels of an object, as COCO's files have them.

use serde::Serialize;
use vision_types::{Connectivity, Regions, Rle};

/// An object's pixels.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Shape {
    /// Runs of pixels, exact.
    Runs {
        /// `[height, width]` of the image.
        size: [u32; 2],
        /// COCO's compressed run lengths.
        counts: String,
    },
    /// Outlines `[x, y, x, y, …]` in pixels; holes are lost.
    Outlines(Vec<Vec<u32>>),
}

impl Shape {
    /// The pixels as runs.
    pub(super) fn runs(pixels: &Rle) -> Self {
        Self::Runs { size: [pixels.height, pixels.width], counts: pixels.to_compressed() }
    }

    /// The pixels as outlines of their connected regions.
    pub(super) fn outlines(pixels: &Rle) -> Self {
        let regions = Regions::of(&pixels.to_mask(), Some(0), Connectivity::Eight);
        let outline = |region: usize| regions.outline(region, Connectivity::Eight).concat();
        Self::Outlines((0..regions.len()).map(outline).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_in_two_parts_has_two_outlines() {
        // Columns 0 and 2 of an image of 2×3 pixels (height × width).
        let pixels = Rle::from_counts(vec![0, 2, 2, 2], 2, 3).expect("six pixels");
        let Shape::Outlines(outlines) = Shape::outlines(&pixels) else { panic!("outlines were asked for") };
        assert_eq!(outlines, [vec![0, 0, 1, 0, 1, 2, 0, 2], vec![2, 0, 3, 0, 3, 2, 2, 2]]);
        let runs = serde_json::to_value(Shape::runs(&pixels)).expect("JSON");
        assert_eq!(runs["size"], serde_json::json!([2, 3]));
    }
}
