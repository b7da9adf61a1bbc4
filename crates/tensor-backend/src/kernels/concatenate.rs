//! Moving pixels and channels between tensors without arithmetic.

use rayon::prelude::*;

/// Pixels of one task.
const TASK_PIXELS: usize = 1024;

/// Writes, pixel by pixel, the channels of each source (`[pixels, channels]`, with its number of channels) to `target`.
///
/// # Panics
///
/// When the lengths do not agree.
pub fn join_channels(sources: &[(&[f32], usize)], target: &mut [f32]) {
    let total: usize = sources.iter().map(|(_, channels)| channels).sum();
    assert!(total > 0 && target.len().is_multiple_of(total), "{} elements of {total} channels", target.len());
    let pixels = target.len() / total;
    assert!(sources.iter().all(|(source, channels)| source.len() == pixels * channels), "sources of {pixels} pixels");
    target.par_chunks_mut(TASK_PIXELS * total).enumerate().for_each(|(task, target)| {
        let mut offset = 0;
        for &(source, channels) in sources {
            let source = source[task * TASK_PIXELS * channels..].chunks_exact(channels.max(1));
            for (target, source) in target.chunks_exact_mut(total).zip(source) {
                target[offset..offset + channels].copy_from_slice(source);
            }
            offset += channels;
        }
    });
}

/// Writes the channels from `offset` on of each pixel of `source` (`[pixels, total]`) to `target` (`[pixels, channels]`).
///
/// # Panics
///
/// When the lengths do not agree.
pub fn take_channels(source: &[f32], total: usize, offset: usize, target: &mut [f32], channels: usize) {
    assert!(channels > 0 && offset + channels <= total, "channels {offset}..{} of {total}", offset + channels);
    assert_eq!(source.len() / total, target.len() / channels, "as many pixels on both sides");
    let pieces = target.par_chunks_mut(TASK_PIXELS * channels).zip(source.par_chunks(TASK_PIXELS * total));
    pieces.for_each(|(target, source)| {
        for (target, source) in target.chunks_exact_mut(channels).zip(source.chunks_exact(total)) {
            target.copy_from_slice(&source[offset..offset + channels]);
        }
    });
}

/// The order of an image's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageOrder {
    /// Pixel by pixel, `[height, width, channels]`.
    Pixels,
    /// Channel by channel, `[channels, height, width]`.
    Channels,
}

/// Position of the square's pixel in row `dy`, column `dx` among the four: columns first, as in YOLOX's `Focus`.
const fn corner(dy: usize, dx: usize) -> usize {
    2 * dx + dy
}

/// Writes the four pixels of each 2×2 square of the images `source` (in `order`, `size` = `[height, width]`) as channels
/// of one pixel to `target`, which is stored pixel by pixel.
///
/// # Panics
///
/// When the lengths do not agree or a side is odd.
pub fn space_to_depth(source: &[f32], order: ImageOrder, channels: usize, size: [usize; 2], target: &mut [f32]) {
    let [height, width] = size;
    assert!(height % 2 == 0 && width % 2 == 0, "{height} × {width} pixels are not made of 2 × 2 squares");
    assert_eq!(source.len(), target.len(), "as many elements on both sides");
    let (image, row) = (channels * height * width, 2 * width * channels);
    target.par_chunks_mut(row.max(1)).enumerate().for_each(|(index, target)| {
        let (number, y) = (index / (height / 2), index % (height / 2));
        let source = &source[number * image..][..image];
        for (dy, dx) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let first = corner(dy, dx) * channels;
            let line = 2 * y + dy;
            match order {
                ImageOrder::Pixels => {
                    let pixels = source[line * width * channels..][..width * channels].chunks_exact(2 * channels);
                    for (target, pair) in target.chunks_exact_mut(4 * channels).zip(pixels) {
                        target[first..first + channels].copy_from_slice(&pair[dx * channels..][..channels]);
                    }
                }
                ImageOrder::Channels => {
                    for channel in 0..channels {
                        let values = source[(channel * height + line) * width..][..width].iter().skip(dx).step_by(2);
                        let places = target.iter_mut().skip(first + channel).step_by(4 * channels);
                        places.zip(values).for_each(|(place, &value)| *place = value);
                    }
                }
            }
        }
    });
}

/// The inverse of [`space_to_depth`], to images stored pixel by pixel of `size` = `[height, width]`.
///
/// # Panics
///
/// When the lengths do not agree or a side is odd.
pub fn depth_to_space(source: &[f32], channels: usize, size: [usize; 2], target: &mut [f32]) {
    let [height, width] = size;
    assert!(height % 2 == 0 && width % 2 == 0, "{height} × {width} pixels are not made of 2 × 2 squares");
    assert_eq!(source.len(), target.len(), "as many elements on both sides");
    let row = width * channels;
    target.par_chunks_mut(row.max(1)).enumerate().for_each(|(index, target)| {
        let dy = index % 2;
        let source = &source[index / 2 * 2 * row..][..2 * row];
        for (pair, square) in target.chunks_exact_mut(2 * channels).zip(source.chunks_exact(4 * channels)) {
            for dx in [0, 1] {
                pair[dx * channels..][..channels].copy_from_slice(&square[corner(dy, dx) * channels..][..channels]);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::layout::transpose;
    use super::super::testing::Numbers;
    use super::*;

    #[test]
    fn joined_channels_are_taken_apart_again() {
        let (first, second) = (Numbers::new(1).values(3000 * 3), Numbers::new(2).values(3000 * 5));
        let mut joined = vec![f32::NAN; 3000 * 8];
        join_channels(&[(&first, 3), (&second, 5)], &mut joined);
        assert_eq!(joined[2999 * 8..2999 * 8 + 3], first[2999 * 3..]);
        assert_eq!(joined[1500 * 8 + 3..1501 * 8], second[1500 * 5..1501 * 5]);
        let (mut left, mut right) = (vec![f32::NAN; first.len()], vec![f32::NAN; second.len()]);
        take_channels(&joined, 8, 0, &mut left, 3);
        take_channels(&joined, 8, 3, &mut right, 5);
        assert_eq!((left, right), (first, second));
    }

    #[test]
    fn squares_become_channels_in_yolox_order_and_return() {
        // One channel, 2 × 4 pixels: 0 1 2 3 / 4 5 6 7. Squares: upper left, lower left, upper right, lower right.
        let image: Vec<f32> = (0..8).map(|value| value as f32).collect();
        let mut squares = [f32::NAN; 8];
        space_to_depth(&image, ImageOrder::Pixels, 1, [2, 4], &mut squares);
        assert_eq!(squares, [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0]);

        let (batch, channels, size) = (2, 3, [6, 4]);
        let planes = Numbers::new(3).values(batch * channels * 24);
        let mut pixels = vec![f32::NAN; planes.len()];
        transpose(&planes, batch, channels, 24, &mut pixels);
        let (mut from_planes, mut from_pixels) = (vec![f32::NAN; planes.len()], vec![f32::NAN; planes.len()]);
        space_to_depth(&planes, ImageOrder::Channels, channels, size, &mut from_planes);
        space_to_depth(&pixels, ImageOrder::Pixels, channels, size, &mut from_pixels);
        assert_eq!(from_planes, from_pixels);
        let mut back = vec![f32::NAN; planes.len()];
        depth_to_space(&from_pixels, channels, size, &mut back);
        assert_eq!(back, pixels);
    }
}
