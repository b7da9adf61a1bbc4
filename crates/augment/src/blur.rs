//! Gaussian blur.

use image::RgbImage;

use crate::FillMode;
use crate::lanes::{to_level, widest_lanes};

/// Half of a Gaussian kernel: the weight of the centre, then of each further pixel to either side, summing to 1 over
/// the whole kernel of `2 · radius + 1` pixels.
pub(crate) fn gaussian_half_kernel(sigma: f32, radius: u32) -> Vec<f32> {
    let weights: Vec<f64> = (0..=radius).map(|x| (-0.5 * (f64::from(x) / f64::from(sigma)).powi(2)).exp()).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    weights.into_iter().map(|weight| (weight / sum) as f32).collect()
}

/// Convolves rows and columns with a Gaussian of `sigma` pixels cut off at `radius`, mirrored at the edges without
/// repeating the edge pixel, as torchvision's `gaussian_blur`; rounded to the nearest level.
pub(crate) fn gaussian_blur(image: &RgbImage, sigma: f32, radius: u32) -> RgbImage {
    let (width, height) = image.dimensions();
    if radius == 0 || width == 0 || height == 0 {
        return image.clone();
    }
    let kernel = gaussian_half_kernel(sigma, radius);
    let reach = radius as usize;
    let stride = width as usize * 3;
    let margins: Vec<(usize, usize)> = (0..reach)
        .flat_map(|k| {
            let left = FillMode::Reflect.source(k as i64 - i64::from(radius), width);
            let right = FillMode::Reflect.source(i64::from(width) + k as i64, width);
            [(k, left), (reach + width as usize + k, right)]
        })
        .filter_map(|(target, source)| Some((target, source?)))
        .collect();

    // Rows blurred along x, kept in a ring while the columns that need them are summed.
    let ring_rows = 2 * reach + 1;
    let mut ring = vec![0.0f32; ring_rows * stride];
    let mut padded = vec![0.0f32; stride + 6 * reach];
    let mut blur_row = |source: usize, target: &mut [f32]| {
        let row = &image.as_raw()[source * stride..][..stride];
        widen(row, &mut padded[3 * reach..][..stride]);
        for &(at, from) in &margins {
            for channel in 0..3 {
                padded[3 * at + channel] = f32::from(row[3 * from + channel]);
            }
        }
        convolve_row(&padded, &kernel, target);
    };
    let row_of = |y: i64| FillMode::Reflect.source(y, height).expect("a mirrored row is in the image");

    let mut blurred = RgbImage::new(width, height);
    for y in -(reach as i64)..reach as i64 {
        let slot = (y + reach as i64) as usize % ring_rows;
        blur_row(row_of(y), &mut ring[slot * stride..][..stride]);
    }
    for (y, out) in blurred.chunks_exact_mut(stride).enumerate() {
        let newest = (y + 2 * reach) % ring_rows;
        blur_row(row_of((y + reach) as i64), &mut ring[newest * stride..][..stride]);
        convolve_columns(&ring, y % ring_rows, &kernel, out);
    }
    blurred
}

widest_lanes! {
    fn widen(bytes: &[u8], out: &mut [f32]) {
        for (out, &byte) in out.iter_mut().zip(bytes) {
            *out = f32::from(byte);
        }
    }
}

/// Numbers summed at a time, few enough to stay in registers over all weights.
const BLOCK: usize = 32;

/// Adds `weight · (one + other)` to each sum.
#[inline(always)]
fn add_pair(sums: &mut [f32], one: &[f32], other: &[f32], weight: f32) {
    for ((sum, &one), &other) in sums.iter_mut().zip(one).zip(other) {
        *sum += weight * (one + other);
    }
}

widest_lanes! {
    /// Convolves a row of interleaved pixels, padded by the kernel's reach on both sides.
    fn convolve_row(padded: &[f32], half_kernel: &[f32], out: &mut [f32]) {
        let reach = half_kernel.len() - 1;
        let mut blocks = out.chunks_exact_mut(BLOCK);
        let mut start = 0;
        for block in &mut blocks {
            let row = |pixel: usize| -> &[f32; BLOCK] {
                padded[3 * pixel + start..][..BLOCK].try_into().expect("a block of the row")
            };
            let mut sums: [f32; BLOCK] = row(reach).map(|value| value * half_kernel[0]);
            for (distance, &weight) in half_kernel.iter().enumerate().skip(1) {
                add_pair(&mut sums, row(reach - distance), row(reach + distance), weight);
            }
            block.copy_from_slice(&sums);
            start += BLOCK;
        }
        let rest = blocks.into_remainder();
        let row = |pixel: usize| &padded[3 * pixel + start..][..rest.len()];
        let mut sums: Vec<f32> = row(reach).iter().map(|value| value * half_kernel[0]).collect();
        for (distance, &weight) in half_kernel.iter().enumerate().skip(1) {
            add_pair(&mut sums, row(reach - distance), row(reach + distance), weight);
        }
        rest.copy_from_slice(&sums);
    }
}

widest_lanes! {
    /// Convolves down the rows of a ring, of which row `first` is the uppermost, and rounds to levels.
    fn convolve_columns(ring: &[f32], first: usize, half_kernel: &[f32], out: &mut [u8]) {
        let reach = half_kernel.len() - 1;
        let stride = out.len();
        let ring_rows = 2 * reach + 1;
        let begin = |offset: usize| {
            let row = first + offset;
            (if row < ring_rows { row } else { row - ring_rows }) * stride
        };
        let mut blocks = out.chunks_exact_mut(BLOCK);
        let mut start = 0;
        for block in &mut blocks {
            let row = |offset: usize| -> &[f32; BLOCK] {
                ring[begin(offset) + start..][..BLOCK].try_into().expect("a block of the row")
            };
            let mut sums: [f32; BLOCK] = row(reach).map(|value| value * half_kernel[0]);
            for (distance, &weight) in half_kernel.iter().enumerate().skip(1) {
                add_pair(&mut sums, row(reach - distance), row(reach + distance), weight);
            }
            for (level, sum) in block.iter_mut().zip(sums) {
                *level = to_level(sum + 0.5);
            }
            start += BLOCK;
        }
        let rest = blocks.into_remainder();
        let row = |offset: usize| &ring[begin(offset) + start..][..rest.len()];
        let mut sums: Vec<f32> = row(reach).iter().map(|value| value * half_kernel[0]).collect();
        for (distance, &weight) in half_kernel.iter().enumerate().skip(1) {
            add_pair(&mut sums, row(reach - distance), row(reach + distance), weight);
        }
        for (level, sum) in rest.iter_mut().zip(sums) {
            *level = to_level(sum + 0.5);
        }
    }
}
