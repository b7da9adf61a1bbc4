//! Overlapping tiles of an image, and how answers about them are put together.

use augment::ImageSize;
use image::RgbImage;
use vision_types::Mask;

/// Corners of tiles are multiples of this, so that the grids of poolings and strides are those of the whole image.
const GRID: usize = 32;

/// Where the tiles of an image lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tiling {
    pub(super) image: ImageSize,
    pub(super) tile: ImageSize,
    columns: Vec<usize>,
    rows: Vec<usize>,
}

/// Where one tile lies: its left upper corner, and which of its edges are inside the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) x: usize,
    pub(super) y: usize,
}

impl Tiling {
    /// Tiles of size `tile` over an image, neighbours of which share at least `overlap` pixels. An image that is smaller
    /// than a tile has one tile, which reaches beyond it.
    pub(super) fn new(image: ImageSize, tile: ImageSize, overlap: usize) -> Self {
        Self {
            image,
            tile,
            columns: starts(image.width as usize, tile.width as usize, overlap),
            rows: starts(image.height as usize, tile.height as usize, overlap),
        }
    }

    /// The largest margin with which tiles of size `tile` still answer every pixel of any image: what a tile answers
    /// between its margins must be as long as the way to the next.
    pub(super) fn most_margin(tile: ImageSize, overlap: usize) -> usize {
        let most = |size: u32| (size as usize - step(size as usize, overlap)) / 2;
        most(tile.width).min(most(tile.height))
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len() * self.rows.len()
    }

    /// The tiles, row by row.
    pub(super) fn iter(&self) -> impl Iterator<Item = Tile> + '_ {
        self.rows.iter().flat_map(|&y| self.columns.iter().map(move |&x| Tile { x, y }))
    }

    /// How much a tile's answer counts at each of its columns and rows. Pixels within `margin` of an edge inside the image
    /// do not count; from there on the weight rises in a line until the middle of the tile.
    pub(super) fn weights(&self, tile: Tile, margin: usize) -> (Vec<f32>, Vec<f32>) {
        (
            ramp(tile.x, self.tile.width as usize, self.image.width as usize, margin),
            ramp(tile.y, self.tile.height as usize, self.image.height as usize, margin),
        )
    }
}

/// Pixels from the start of a tile of `size` to that of the next. A tile shorter than the overlap still moves on.
fn step(size: usize, overlap: usize) -> usize {
    (size.saturating_sub(overlap) / GRID * GRID).max(GRID.min(size))
}

/// Starts of tiles of `size` along a side of `length`.
fn starts(length: usize, size: usize, overlap: usize) -> Vec<usize> {
    if length <= size {
        return vec![0];
    }
    let last = (length - size).div_ceil(GRID) * GRID;
    let step = step(size, overlap);
    let mut starts: Vec<usize> = (0..last).step_by(step).collect();
    starts.push(last);
    starts
}

fn ramp(start: usize, size: usize, length: usize, margin: usize) -> Vec<f32> {
    let (first, last) = (start == 0, start + size >= length);
    (0..size)
        .map(|at| {
            let before = if first { size } else { (at + 1).saturating_sub(margin) };
            let after = if last { size } else { (size - at).saturating_sub(margin) };
            before.min(after) as f32
        })
        .collect()
}

/// The part of `image` at `tile`; what lies beyond the right and lower edge mirrors the image, without repeating the edge.
pub(super) fn cut_image(image: &RgbImage, tile: Tile, size: ImageSize) -> RgbImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    RgbImage::from_fn(size.width, size.height, |x, y| {
        *image.get_pixel(mirrored(tile.x + x as usize, width), mirrored(tile.y + y as usize, height))
    })
}

/// The part of `mask` at `tile`; what lies beyond it is to be ignored.
pub(super) fn cut_mask(mask: &Mask, tile: Tile, size: ImageSize) -> Mask {
    let mut part = Mask::filled(size.width, size.height, Mask::IGNORE);
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let columns = (size.width as usize).min(width.saturating_sub(tile.x));
    for y in 0..(size.height as usize).min(height.saturating_sub(tile.y)) {
        let from = (tile.y + y) * width + tile.x;
        let to = y * size.width as usize;
        part.pixels_mut()[to..to + columns].copy_from_slice(&mask.pixels()[from..from + columns]);
    }
    part
}

/// The place within `length` that position `at` shows.
fn mirrored(at: usize, length: usize) -> u32 {
    let period = (2 * length).saturating_sub(2).max(1);
    let at = at % period;
    (if at < length { at } else { period - at }) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_has_a_weight_up_to_the_largest_margin() {
        for (length, size, overlap) in [(512, 256, 64), (513, 96, 64), (300, 64, 64), (200, 64, 90), (90, 40, 10)] {
            let tile = ImageSize::new(size, size);
            let tiling = Tiling::new(ImageSize::new(length, 1), tile, overlap);
            let unanswered = |margin: usize| {
                let mut weights = vec![0.0f32; length as usize];
                for tile in tiling.iter() {
                    for (weight, more) in weights[tile.x..].iter_mut().zip(tiling.weights(tile, margin).0) {
                        *weight += more;
                    }
                }
                weights.iter().filter(|weight| **weight == 0.0).count()
            };
            let most = Tiling::most_margin(tile, overlap);
            assert_eq!(unanswered(most), 0, "{length}, {size}, {overlap}");
            assert!(unanswered(most + 1) > 0, "{length}, {size}, {overlap}: {most} is not the largest");
        }
    }

    #[test]
    fn tiles_cover_the_image_and_share_enough() {
        for (length, size, overlap) in [(512, 256, 64), (513, 256, 64), (1000, 128, 100), (300, 64, 0), (200, 64, 90)] {
            let starts = starts(length, size, overlap);
            assert_eq!(starts[0], 0);
            let end = starts[starts.len() - 1] + size;
            assert!(end >= length && end < length + GRID, "{length}: {starts:?}");
            for pair in starts.windows(2) {
                assert!(pair[1] > pair[0] && pair[1] % GRID == 0, "{starts:?}");
                let shared = pair[0] + size - pair[1];
                assert!(shared >= overlap.min(size - GRID), "{length}, {size}, {overlap}: {starts:?}");
            }
        }
        assert_eq!(starts(100, 256, 64), [0]);
        assert_eq!(starts(256, 256, 64), [0]);
    }

    #[test]
    fn every_pixel_counts_somewhere() {
        let (length, size) = (700usize, 128usize);
        for (overlap, margin) in [(64, 0), (64, 32), (33, 16)] {
            let mut sum = vec![0.0; length];
            for start in starts(length, size, overlap) {
                for (at, weight) in ramp(start, size, length, margin).into_iter().enumerate() {
                    if start + at < length {
                        sum[start + at] += weight;
                    }
                }
            }
            assert!(sum.iter().all(|weight| *weight > 0.0), "{overlap}, {margin}");
        }
        // At the image's own edges a tile is all there is.
        assert_eq!(ramp(0, 4, 8, 1), [3.0, 2.0, 1.0, 0.0]);
        assert_eq!(ramp(4, 4, 8, 1), [0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn what_lies_beyond_mirrors_the_image_and_is_ignored() {
        let shown: Vec<u32> = (0..8).map(|at| mirrored(at, 3)).collect();
        assert_eq!(shown, [0, 1, 2, 1, 0, 1, 2, 1]);
        assert_eq!((0..3).map(|at| mirrored(at, 1)).collect::<Vec<_>>(), [0, 0, 0]);
        let mask = Mask::from_pixels(3, 2, vec![0, 1, 2, 3, 4, 5]).expect("six");
        let part = cut_mask(&mask, Tile { x: 1, y: 1 }, ImageSize::new(3, 2));
        assert_eq!(part.pixels(), [4, 5, Mask::IGNORE, Mask::IGNORE, Mask::IGNORE, Mask::IGNORE]);
        let image = RgbImage::from_fn(3, 2, |x, y| image::Rgb([(y * 3 + x) as u8; 3]));
        let part = cut_image(&image, Tile { x: 0, y: 0 }, ImageSize::new(4, 3));
        let shown: Vec<u8> = part.pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(shown, [0, 1, 2, 1, 3, 4, 5, 4, 0, 1, 2, 1]);
    }
}
