//! The answers about overlapping tiles put together, as they come: sums are kept only for the rows that a later tile may
//! still answer.

use vision_types::Mask;

use super::task::SegmentedImage;
use super::tiles::{Tile, Tiling};

/// Takes the logits of an image's tiles in order and gives the mean of their probabilities, weighted by how far inside a
/// tile a pixel lies.
pub(super) struct Blender<'a> {
    tiling: &'a Tiling,
    tiles: Vec<Tile>,
    /// Tiles answered so far.
    taken: usize,
    classes: usize,
    margin: usize,
    /// Row of the image that the sums begin with; those before it are finished.
    top: usize,
    /// Weighted probabilities, `[rows of a tile, width of the image, classes]`, from row `top` on.
    sums: Vec<f32>,
    /// Weights, `[rows of a tile, width of the image]`.
    totals: Vec<f32>,
    best: Vec<u8>,
    confidence: Vec<f32>,
}

impl<'a> Blender<'a> {
    /// Nothing answered yet.
    pub(super) fn new(tiling: &'a Tiling, classes: usize, margin: usize) -> Self {
        let (width, height) = (tiling.image.width as usize, tiling.image.height as usize);
        let rows = (tiling.tile.height as usize).min(height);
        Self {
            tiling,
            tiles: tiling.iter().collect(),
            taken: 0,
            classes,
            margin,
            top: 0,
            sums: vec![0.0; rows * width * classes],
            totals: vec![0.0; rows * width],
            best: Vec::with_capacity(width * height),
            confidence: Vec::with_capacity(width * height),
        }
    }

    /// Takes the logits of the next tiles, `[tiles, classes, height of a tile, width of a tile]`.
    pub(super) fn add(&mut self, logits: &[f32]) {
        let per_tile = self.classes * self.tiling.tile.height as usize * self.tiling.tile.width as usize;
        for values in logits.chunks_exact(per_tile) {
            let tile = self.tiles[self.taken];
            self.taken += 1;
            self.finish_rows(tile.y);
            self.add_tile(tile, values);
        }
    }

    fn add_tile(&mut self, tile: Tile, values: &[f32]) {
        let (full_width, full_height) = (self.tiling.image.width as usize, self.tiling.image.height as usize);
        let (width, height) = (self.tiling.tile.width as usize, self.tiling.tile.height as usize);
        let classes = self.classes;
        let (columns, rows) = self.tiling.weights(tile, self.margin);
        let mut probabilities = vec![0.0f32; classes];
        for (y, row) in rows.iter().enumerate().take(full_height.saturating_sub(tile.y).min(height)) {
            for (x, column) in columns.iter().enumerate().take(full_width.saturating_sub(tile.x).min(width)) {
                let weight = row * column;
                if weight == 0.0 {
                    continue;
                }
                let at = y * width + x;
                let highest = (0..classes).map(|class| values[class * height * width + at]).fold(f32::MIN, f32::max);
                for (class, probability) in probabilities.iter_mut().enumerate() {
                    *probability = (values[class * height * width + at] - highest).exp();
                }
                let share = weight / probabilities.iter().sum::<f32>();
                let to = (tile.y + y - self.top) * full_width + tile.x + x;
                for (sum, probability) in self.sums[to * classes..][..classes].iter_mut().zip(&probabilities) {
                    *sum += probability * share;
                }
                self.totals[to] += weight;
            }
        }
    }

    /// Answers the rows before `end` and makes room for as many more.
    fn finish_rows(&mut self, end: usize) {
        let width = self.tiling.image.width as usize;
        let rows = (end - self.top).min(self.totals.len() / width.max(1));
        for (sums, total) in self.sums.chunks_exact(self.classes).zip(&self.totals).take(rows * width) {
            let (best, highest) = first_highest(sums.iter().copied());
            self.best.push(best);
            self.confidence.push(highest / total);
        }
        for (kept, per_row) in [(&mut self.sums, width * self.classes), (&mut self.totals, width)] {
            kept.copy_within(rows * per_row.., 0);
            let rest = kept.len() - rows * per_row;
            kept[rest..].fill(0.0);
        }
        self.top = end;
    }

    /// The answer about the whole image.
    pub(super) fn finish(mut self) -> SegmentedImage {
        self.finish_rows(self.tiling.image.height as usize);
        let mask = Mask::from_pixels(self.tiling.image.width, self.tiling.image.height, self.best);
        SegmentedImage { mask: mask.expect("a class for each pixel"), confidence: self.confidence }
    }
}

/// The first of the highest values, and it.
fn first_highest(values: impl Iterator<Item = f32>) -> (u8, f32) {
    values
        .enumerate()
        .reduce(|best, found| if found.1 > best.1 { found } else { best })
        .map_or((0, 0.0), |(class, value)| (class as u8, value))
}

/// The class with the highest of `[classes, pixels]` values at each pixel, the first of equals, and that value.
pub(super) fn argmax(values: &[f32], pixels: usize) -> (Vec<u8>, Vec<f32>) {
    let mut best = vec![0u8; pixels];
    let mut highest = values[..pixels].to_vec();
    for (class, channel) in values.chunks_exact(pixels.max(1)).enumerate().skip(1) {
        for ((best, highest), &value) in best.iter_mut().zip(&mut highest).zip(channel) {
            if value > *highest {
                (*best, *highest) = (class as u8, value);
            }
        }
    }
    (best, highest)
}

#[cfg(test)]
mod tests {
    use augment::ImageSize;

    use super::*;

    #[test]
    fn sums_need_no_more_rows_than_a_tile_has() {
        let tiling = Tiling::new(ImageSize::new(96, 10_000), ImageSize::new(64, 64), 32);
        let mut blender = Blender::new(&tiling, 3, 0);
        assert_eq!((blender.totals.len(), blender.sums.len()), (64 * 96, 64 * 96 * 3));
        // Class 2 in the upper half of every tile, class 1 below.
        let class = |row: usize| if row < 32 { 2 } else { 1 };
        let logits: Vec<f32> =
            (0..3 * 64 * 64).map(|at| if at / 4096 == class(at % 4096 / 64) { 9.0 } else { 0.0 }).collect();
        for _ in tiling.iter() {
            blender.add(&logits);
        }
        let answer = blender.finish();
        let at = |row: usize| answer.mask.pixels()[row * 96 + 50];
        // Tiles begin every 32 rows. Near an edge inside the image a tile counts less than the one whose middle is there:
        // row 40 is row 8 of the second tile (class 2, weight 9) and row 40 of the first (class 1, weight 24).
        assert_eq!((at(0), at(40), at(9_999)), (2, 1, 1));
        assert!(answer.confidence.iter().all(|value| value.is_finite() && *value > 0.3));
    }
}
