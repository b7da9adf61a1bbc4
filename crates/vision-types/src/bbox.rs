//! An axis-aligned box.

use serde::{Deserialize, Serialize};

/// An axis-aligned box in pixels: upper left corner (`x1`, `y1`), lower right corner (`x2`, `y2`), both as positions on
/// the continuous image plane, so a box around the single pixel (0, 0) is `(0, 0, 1, 1)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BBox {
    /// Left edge.
    pub x1: f32,
    /// Upper edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Lower edge.
    pub y2: f32,
}

impl BBox {
    /// A box from its corners `(x1, y1, x2, y2)`.
    pub const fn from_xyxy(x1: f32, y1: f32, x2: f32, y2: f32) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// A box from its upper left corner and size `(x, y, width, height)`, the format of COCO files.
    pub const fn from_xywh(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self::from_xyxy(x, y, x + width, y + height)
    }

    /// A box from its centre and size `(cx, cy, width, height)`, the format of YOLO files and heads.
    pub const fn from_cxcywh(cx: f32, cy: f32, width: f32, height: f32) -> Self {
        Self::from_xyxy(cx - width / 2.0, cy - height / 2.0, cx + width / 2.0, cy + height / 2.0)
    }

    /// `[x, y, width, height]`, the format of COCO files.
    pub const fn to_xywh(self) -> [f32; 4] {
        [self.x1, self.y1, self.width(), self.height()]
    }

    /// `[cx, cy, width, height]`, the format of YOLO files and heads.
    pub const fn to_cxcywh(self) -> [f32; 4] {
        [(self.x1 + self.x2) / 2.0, (self.y1 + self.y2) / 2.0, self.width(), self.height()]
    }

    /// Width in pixels; negative when the corners are swapped.
    pub const fn width(self) -> f32 {
        self.x2 - self.x1
    }

    /// Height in pixels; negative when the corners are swapped.
    pub const fn height(self) -> f32 {
        self.y2 - self.y1
    }

    /// Area in square pixels; zero for a degenerate box.
    pub const fn area(self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// Whether the box has a positive, finite area.
    pub fn is_valid(self) -> bool {
        self.width() > 0.0 && self.height() > 0.0 && self.area().is_finite()
    }

    /// The part of the box inside an image of `width` × `height` pixels.
    pub const fn clip(self, width: f32, height: f32) -> Self {
        Self::from_xyxy(
            self.x1.clamp(0.0, width),
            self.y1.clamp(0.0, height),
            self.x2.clamp(0.0, width),
            self.y2.clamp(0.0, height),
        )
    }

    /// Area shared with `other`, in square pixels.
    pub const fn intersection(self, other: Self) -> f32 {
        Self::from_xyxy(self.x1.max(other.x1), self.y1.max(other.y1), self.x2.min(other.x2), self.y2.min(other.y2))
            .area()
    }

    /// Intersection over union, in `0..=1`; zero when both boxes are degenerate.
    pub fn iou(self, other: Self) -> f32 {
        let intersection = self.intersection(other);
        let union = self.area() + other.area() - intersection;
        if union > 0.0 { intersection / union } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_convert_and_return() {
        let bbox = BBox::from_xyxy(10.0, 20.0, 30.0, 60.0);
        assert_eq!(bbox.to_xywh(), [10.0, 20.0, 20.0, 40.0]);
        assert_eq!(bbox.to_cxcywh(), [20.0, 40.0, 20.0, 40.0]);
        let [x, y, w, h] = bbox.to_xywh();
        assert_eq!(BBox::from_xywh(x, y, w, h), bbox);
        let [cx, cy, w, h] = bbox.to_cxcywh();
        assert_eq!(BBox::from_cxcywh(cx, cy, w, h), bbox);
    }

    #[test]
    fn iou_of_overlapping_disjoint_and_degenerate_boxes() {
        let a = BBox::from_xyxy(0.0, 0.0, 2.0, 2.0);
        // 1 × 1 shared, 4 + 4 - 1 = 7 in the union.
        assert_eq!(a.iou(BBox::from_xyxy(1.0, 1.0, 3.0, 3.0)), 1.0 / 7.0);
        assert_eq!(a.iou(BBox::from_xyxy(2.0, 0.0, 3.0, 2.0)), 0.0);
        let point = BBox::from_xyxy(1.0, 1.0, 1.0, 1.0);
        assert_eq!(point.iou(point), 0.0);
        assert!(!point.is_valid());
    }

    #[test]
    fn clip_keeps_the_part_inside_the_image() {
        let bbox = BBox::from_xyxy(-5.0, 2.0, 50.0, 80.0).clip(40.0, 30.0);
        assert_eq!(bbox, BBox::from_xyxy(0.0, 2.0, 40.0, 30.0));
    }
}
