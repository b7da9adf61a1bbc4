//! The places at which an anchor-free detector answers.

use serde::{Deserialize, Serialize};

use crate::BBox;

/// A cell of one of a detector's feature maps, which answers with one box.
///
/// Source: Ge et al. 2021, "YOLOX", section 2.1 (anchor-free).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AnchorPoint {
    /// The cell's column, from 0.
    pub x: f32,
    /// The cell's row, from 0.
    pub y: f32,
    /// Width and height of a cell in pixels of the input.
    pub stride: f32,
}

impl AnchorPoint {
    /// The cells of the feature maps with these `strides` of an input of `height` × `width` pixels: map by map, row by
    /// row. A side that is not a multiple of a stride is rounded up, as padded convolutions do.
    pub fn grid(height: usize, width: usize, strides: &[usize]) -> Vec<Self> {
        let cells = strides.iter().flat_map(|&stride| {
            let (rows, columns) = (height.div_ceil(stride), width.div_ceil(stride));
            (0..rows).flat_map(move |y| (0..columns).map(move |x| (x, y, stride)))
        });
        cells.map(|(x, y, stride)| Self { x: x as f32, y: y as f32, stride: stride as f32 }).collect()
    }

    /// The cell's centre in pixels of the input, `[x, y]`.
    pub const fn centre(self) -> [f32; 2] {
        [(self.x + 0.5) * self.stride, (self.y + 0.5) * self.stride]
    }

    /// The box, in pixels of the input, that raw outputs `[x, y, w, h]` stand for: its centre lies `(x, y)` strides
    /// from the cell's upper left corner, its sides are `exp(w)` and `exp(h)` strides long.
    ///
    /// Source: Megvii's YOLOX, `yolox/models/yolo_head.py`, `decode_outputs`.
    pub fn decode(self, [x, y, w, h]: [f32; 4]) -> BBox {
        let Self { stride, .. } = self;
        BBox::from_cxcywh((self.x + x) * stride, (self.y + y) * stride, w.exp() * stride, h.exp() * stride)
    }

    /// The raw outputs that stand for `bbox`: the inverse of [`decode`](Self::decode). A side of no length gives minus
    /// infinity.
    pub fn encode(self, bbox: BBox) -> [f32; 4] {
        let [cx, cy, width, height] = bbox.to_cxcywh();
        let Self { stride, .. } = self;
        [cx / stride - self.x, cy / stride - self.y, (width / stride).ln(), (height / stride).ln()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_goes_map_by_map_and_row_by_row() {
        let grid = AnchorPoint::grid(64, 96, &[32, 64]);
        let cell = |x: f32, y: f32, stride: f32| AnchorPoint { x, y, stride };
        // 2 rows of 3 cells, then 1 row of 2: 96 / 64 = 1.5 is rounded up.
        assert_eq!(grid.len(), 8);
        assert_eq!(grid[1], cell(1.0, 0.0, 32.0));
        assert_eq!(grid[3], cell(0.0, 1.0, 32.0));
        assert_eq!(grid[7], cell(1.0, 0.0, 64.0));
        assert_eq!(grid[1].centre(), [48.0, 16.0]);
        // YOLOX at 640 pixels: 80² + 40² + 20² = 8400 cells.
        assert_eq!(AnchorPoint::grid(640, 640, &[8, 16, 32]).len(), 8400);
    }

    #[test]
    fn a_box_is_decoded_from_its_cell_and_encoded_again() {
        let cell = AnchorPoint { x: 2.0, y: 1.0, stride: 8.0 };
        // Centre (2 + 0.5, 1 - 0.25) · 8 = (20, 6), sides 1 · 8 and 2 · 8.
        let raw = [0.5, -0.25, 0.0, 2f32.ln()];
        let bbox = cell.decode(raw);
        let expected = BBox::from_xyxy(16.0, -2.0, 24.0, 14.0);
        for (found, expected) in bbox.to_cxcywh().iter().zip(expected.to_cxcywh()) {
            assert!((found - expected).abs() < 1e-5, "{bbox:?}");
        }
        for (found, expected) in cell.encode(bbox).iter().zip(raw) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}
