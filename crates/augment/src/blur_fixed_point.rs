//! Gaussian blur with a small kernel, in fixed point.

use image::RgbImage;

use crate::FillMode;

/// Bits behind the point of a level between the passes: twice the highest level still fits 16 bits.
const FRACTION_BITS: u32 = 7;
/// The highest level between the passes.
const HIGHEST: u16 = 255 << FRACTION_BITS;
/// Bits behind the point of a weight: the upper half of a product with it is an instruction of its own.
const WEIGHT_BITS: u32 = 16;

/// Half of a Gaussian kernel in fixed point: the weight of the centre, then of each further pixel to either side, summing
/// to 1 over the whole kernel of `2 · radius + 1` pixels (less one unit where the centre has all of it).
fn gaussian_half_kernel(sigma: f32, radius: u32) -> Vec<u16> {
    let weights: Vec<f64> = (0..=radius).map(|x| (-0.5 * (f64::from(x) / f64::from(sigma)).powi(2)).exp()).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    let one = f64::from(1u32 << WEIGHT_BITS);
    // Running sums from the outside are rounded, so that the errors of the single weights do not add up.
    let mut kernel = vec![0; weights.len()];
    let (mut running, mut rounded) = (0.0, 0);
    for (weight, fixed) in weights.iter().zip(&mut kernel).skip(1).rev() {
        running += weight / sum * one;
        *fixed = running.round() as i32 - rounded;
        rounded += *fixed;
    }
    kernel[0] = (1 << WEIGHT_BITS) - 2 * rounded;
    kernel.into_iter().map(|weight| weight.min(i32::from(u16::MAX)) as u16).collect()
}

/// The largest reach of a kernel whose products can be cut off: the errors of 9 products in each of both passes stay within
/// 0.07 of a level.
pub(crate) const LARGEST_RADIUS: u32 = 8;

/// [`crate::blur::gaussian_blur`] with a reach of 1 to [`LARGEST_RADIUS`] pixels.
///
/// Products are cut off to 1/128 of a level: about one level in a hundred comes out one higher or lower than in exact
/// arithmetic.
///
/// Works in place: a large buffer, fresh from the system, would cost more than the blur.
pub(crate) fn gaussian_blur_in_fixed_point(image: &mut RgbImage, sigma: f32, radius: u32) {
    let (width, height) = image.dimensions();
    let kernel = gaussian_half_kernel(sigma, radius);
    let reach = radius as usize;
    let stride = width as usize * 3;
    let margins: Vec<(usize, usize)> = (0..reach)
        .flat_map(|k| {
            let left = FillMode::Reflect.source(k as i64 - i64::from(radius), width);
            let right = FillMode::Reflect.source(i64::from(width) + k as i64, width);
            [(k, left), (reach + width as usize + k, right)]
        })
        .filter_map(|(target, source)| Some((target, reach + source?)))
        .collect();

    // The latest row and those above it that are still needed, as they were before they were overwritten.
    let mut ring = vec![0; (reach + 1) * stride];
    // One row blurred along y, with the pixels beyond its ends.
    let mut padded = vec![0; stride + 6 * reach];
    for y in 0..height as usize {
        let slot = |y: usize| y % (reach + 1) * stride;
        ring[slot(y)..][..stride].copy_from_slice(&image.as_raw()[y * stride..][..stride]);
        let row_of = |offset: i64| {
            let source = FillMode::Reflect.source(y as i64 + offset, height).expect("a mirrored row is in the image");
            // A row mirrored at the lower edge lies no further above this one than its mirror image below.
            if source <= y { &ring[slot(source)..][..stride] } else { &image.as_raw()[source * stride..][..stride] }
        };
        let pairs: Vec<[&[u8]; 2]> = (1..=i64::from(radius)).map(|k| [row_of(-k), row_of(k)]).collect();
        convolve_columns(row_of(0), &pairs, &kernel, &mut padded[3 * reach..][..stride]);
        for &(at, from) in &margins {
            padded.copy_within(3 * from..3 * from + 3, 3 * at);
        }
        let bytes: &mut [u8] = image;
        convolve_row(&padded, &kernel, &mut bytes[y * stride..][..stride]);
    }
}

/// `value · weight`, cut off.
fn weighted(value: u16, weight: u16) -> u16 {
    ((u32::from(value) * u32::from(weight)) >> WEIGHT_BITS) as u16
}

/// What cutting off takes from a sum of `half_kernel.len()` products on average.
fn lost(half_kernel: &[u16]) -> u16 {
    half_kernel.len() as u16 / 2
}

/// Half a level between the passes.
const HALF: u16 = 1 << (FRACTION_BITS - 1);

/// Convolves a row of levels, `pairs` of rows above and below it included, to levels with bits behind the point.
fn convolve_columns(middle: &[u8], pairs: &[[&[u8]; 2]], half_kernel: &[u16], out: &mut [u16]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && out.len() >= avx2::BLOCK {
        // SAFETY: the processor has AVX2, the function's only requirement.
        return unsafe { avx2::convolve_columns(middle, pairs, half_kernel, out) };
    }
    convolve_columns_plainly(middle, pairs, half_kernel, out);
}

fn convolve_columns_plainly(middle: &[u8], pairs: &[[&[u8]; 2]], half_kernel: &[u16], out: &mut [u16]) {
    for (x, out) in out.iter_mut().enumerate() {
        let outer = pairs.iter().zip(&half_kernel[1..]).map(|([above, below], &weight)| {
            weighted((u16::from(above[x]) + u16::from(below[x])) << FRACTION_BITS, weight)
        });
        let inner = weighted(u16::from(middle[x]) << FRACTION_BITS, half_kernel[0]);
        *out = (lost(half_kernel) + inner + outer.sum::<u16>()).min(HIGHEST);
    }
}

/// Convolves a row of interleaved pixels, padded by the kernel's reach on both sides, and rounds to levels.
fn convolve_row(padded: &[u16], half_kernel: &[u16], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && out.len() >= avx2::BLOCK {
        // SAFETY: the processor has AVX2, the function's only requirement.
        return unsafe { avx2::convolve_row(padded, half_kernel, out) };
    }
    convolve_row_plainly(padded, half_kernel, out);
}

fn convolve_row_plainly(padded: &[u16], half_kernel: &[u16], out: &mut [u8]) {
    let reach = half_kernel.len() - 1;
    for (x, out) in out.iter_mut().enumerate() {
        let at = |pixel: usize| padded[3 * pixel + x];
        let outer = half_kernel
            .iter()
            .enumerate()
            .skip(1)
            .map(|(distance, &weight)| weighted(at(reach - distance) + at(reach + distance), weight));
        let sum = lost(half_kernel) + weighted(at(reach), half_kernel[0]) + outer.sum::<u16>();
        *out = ((sum + HALF).min(HIGHEST) >> FRACTION_BITS) as u8;
    }
}

/// The same integers in registers of 16 numbers. Left to itself the compiler widens each product to 32 bits.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_add_epi16, _mm256_cvtepu8_epi16, _mm256_loadu_si256, _mm256_min_epu16,
        _mm256_mulhi_epu16, _mm256_packus_epi16, _mm256_permute4x64_epi64, _mm256_set1_epi16, _mm256_slli_epi16,
        _mm256_srli_epi16, _mm256_storeu_si256,
    };

    use super::{FRACTION_BITS, HALF, HIGHEST, lost};

    /// Numbers in two registers, which are summed side by side.
    pub(super) const BLOCK: usize = 32;
    const SHIFT: i32 = FRACTION_BITS as i32;

    /// Where blocks begin that together cover `length` numbers, at least [`BLOCK`]; the last one can overlap the one
    /// before it.
    pub(super) fn blocks(length: usize) -> impl Iterator<Item = usize> {
        let last = (!length.is_multiple_of(BLOCK)).then(|| length - BLOCK);
        (0..length / BLOCK).map(|block| block * BLOCK).chain(last)
    }

    #[target_feature(enable = "avx2")]
    fn all(value: u16) -> __m256i {
        _mm256_set1_epi16(value as i16)
    }

    /// Levels `start..start + 32` of a row.
    #[target_feature(enable = "avx2")]
    fn levels(row: &[u8], start: usize) -> [__m256i; 2] {
        let block = row[start..].first_chunk::<BLOCK>().expect("a block of the row").as_ptr();
        // SAFETY: 32 bytes can be read from `block`.
        unsafe {
            [
                _mm256_cvtepu8_epi16(_mm_loadu_si128(block.cast())),
                _mm256_cvtepu8_epi16(_mm_loadu_si128(block.add(BLOCK / 2).cast())),
            ]
        }
    }

    /// Numbers `start..start + 32` of a row.
    #[target_feature(enable = "avx2")]
    fn numbers(row: &[u16], start: usize) -> [__m256i; 2] {
        let block = row[start..].first_chunk::<BLOCK>().expect("a block of the row").as_ptr();
        // SAFETY: 32 numbers of 16 bits can be read from `block`.
        unsafe { [_mm256_loadu_si256(block.cast()), _mm256_loadu_si256(block.add(BLOCK / 2).cast())] }
    }

    /// Adds the weighted `values` to the sums.
    #[target_feature(enable = "avx2")]
    fn add(sums: &mut [__m256i; 2], values: [__m256i; 2], weight: u16) {
        let weight = all(weight);
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = _mm256_add_epi16(*sum, _mm256_mulhi_epu16(value, weight));
        }
    }

    /// [`super::convolve_columns`] of at least [`BLOCK`] levels.
    #[target_feature(enable = "avx2")]
    pub(super) fn convolve_columns(middle: &[u8], pairs: &[[&[u8]; 2]], half_kernel: &[u16], out: &mut [u16]) {
        for start in blocks(out.len()) {
            let mut sums = [all(lost(half_kernel)); 2];
            let [one, other] = levels(middle, start);
            let shifted = [_mm256_slli_epi16::<SHIFT>(one), _mm256_slli_epi16::<SHIFT>(other)];
            add(&mut sums, shifted, half_kernel[0]);
            for ([above, below], &weight) in pairs.iter().zip(&half_kernel[1..]) {
                let (above, below) = (levels(above, start), levels(below, start));
                let one = _mm256_slli_epi16::<SHIFT>(_mm256_add_epi16(above[0], below[0]));
                let other = _mm256_slli_epi16::<SHIFT>(_mm256_add_epi16(above[1], below[1]));
                add(&mut sums, [one, other], weight);
            }
            let block = out[start..].first_chunk_mut::<BLOCK>().expect("a block of the row").as_mut_ptr();
            // SAFETY: 32 numbers of 16 bits can be written to `block`.
            unsafe {
                _mm256_storeu_si256(block.cast(), _mm256_min_epu16(sums[0], all(HIGHEST)));
                _mm256_storeu_si256(block.add(BLOCK / 2).cast(), _mm256_min_epu16(sums[1], all(HIGHEST)));
            }
        }
    }

    /// [`super::convolve_row`] of at least [`BLOCK`] levels.
    #[target_feature(enable = "avx2")]
    pub(super) fn convolve_row(padded: &[u16], half_kernel: &[u16], out: &mut [u8]) {
        let reach = half_kernel.len() - 1;
        for start in blocks(out.len()) {
            let block = |pixel: usize| numbers(padded, 3 * pixel + start);
            let mut sums = [all(lost(half_kernel)); 2];
            add(&mut sums, block(reach), half_kernel[0]);
            for (distance, &weight) in half_kernel.iter().enumerate().skip(1) {
                let (left, right) = (block(reach - distance), block(reach + distance));
                let values = [_mm256_add_epi16(left[0], right[0]), _mm256_add_epi16(left[1], right[1])];
                add(&mut sums, values, weight);
            }
            let [one, other] = sums.map(|sum| {
                _mm256_srli_epi16::<SHIFT>(_mm256_min_epu16(_mm256_add_epi16(sum, all(HALF)), all(HIGHEST)))
            });
            // Packing works on halves of the registers; the middle quarters trade places.
            let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(one, other));
            let block = out[start..].first_chunk_mut::<BLOCK>().expect("a block of the row").as_mut_ptr();
            // SAFETY: 32 bytes can be written to `block`.
            unsafe { _mm256_storeu_si256(block.cast(), packed) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blurred(image: &RgbImage, sigma: f32, radius: u32) -> RgbImage {
        let mut blurred = image.clone();
        gaussian_blur_in_fixed_point(&mut blurred, sigma, radius);
        blurred
    }

    #[test]
    fn weights_sum_to_one_and_a_flat_image_stays_flat() {
        for (sigma, radius) in [(0.1, 1), (0.5, 3), (2.0, 6), (40.0, 8)] {
            let kernel = gaussian_half_kernel(sigma, radius);
            let sum = i32::from(kernel[0]) + 2 * kernel[1..].iter().map(|&weight| i32::from(weight)).sum::<i32>();
            assert!((0..=1).contains(&((1 << WEIGHT_BITS) - sum)), "{sigma} {radius}: {sum}");
            for level in [0, 1, 100, 255] {
                let image = RgbImage::from_pixel(150, 3, image::Rgb([level; 3]));
                assert_eq!(blurred(&image, sigma, radius), image, "{sigma} {radius} {level}");
            }
        }
    }

    /// One level of a blurred image in exact arithmetic.
    fn exact(image: &RgbImage, x: u32, y: u32, channel: usize, sigma: f64, radius: i64) -> f64 {
        let weight = |distance: i64| (-0.5 * (distance as f64 / sigma).powi(2)).exp();
        let (mut sum, mut total) = (0.0, 0.0);
        for (j, i) in (-radius..=radius).flat_map(|j| (-radius..=radius).map(move |i| (j, i))) {
            let column = FillMode::Reflect.source(i64::from(x) + i, image.width()).expect("mirrored");
            let row = FillMode::Reflect.source(i64::from(y) + j, image.height()).expect("mirrored");
            let weight = weight(i) * weight(j);
            sum += weight * f64::from(image.get_pixel(column as u32, row as u32).0[channel]);
            total += weight;
        }
        sum / total
    }

    /// Narrow and wide images take different paths.
    #[test]
    fn levels_are_close_to_exact_arithmetic_in_every_width() {
        for (width, height) in [(1, 1), (2, 9), (10, 3), (11, 4), (40, 7), (13, 30)] {
            let image = RgbImage::from_fn(width, height, |x, y| {
                image::Rgb([0u32, 1, 2].map(|channel| ((x * 97 + y * 57 + channel * 31) * 89 % 256) as u8))
            });
            for (sigma, radius) in [(0.7, 2), (1.5, 3), (3.0, 8)] {
                let blurred = blurred(&image, sigma as f32, radius);
                for (x, y, pixel) in blurred.enumerate_pixels() {
                    for (channel, &level) in pixel.0.iter().enumerate() {
                        let expected = exact(&image, x, y, channel, sigma, i64::from(radius));
                        let error = (f64::from(level) - expected).abs();
                        // Half a level of rounding, and at most 9 products cut off to 1/128 in each pass.
                        assert!(error < 0.5 + 9.0 / 128.0, "{width}x{height} {sigma}: {level} for {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn vector_registers_hold_the_same_sums() {
        let rows: Vec<Vec<u8>> =
            (0..17).map(|row| (0..100).map(|x| ((x * 89 + row * 151) * (x + 7) % 256) as u8).collect()).collect();
        for (sigma, radius) in [(0.1, 1), (0.8, 3), (5.0, 8)] {
            let kernel = gaussian_half_kernel(sigma, radius);
            let pairs: Vec<[&[u8]; 2]> = (1..=radius as usize).map(|k| [&rows[8 - k][..], &rows[8 + k][..]]).collect();
            let (mut plain, mut fast) = ([0; 100], [0; 100]);
            convolve_columns_plainly(&rows[8], &pairs, &kernel, &mut plain);
            convolve_columns(&rows[8], &pairs, &kernel, &mut fast);
            assert_eq!(plain, fast, "{sigma}");
            let inner = 100 - 6 * radius as usize;
            let (mut plain_levels, mut fast_levels) = (vec![0; inner], vec![0; inner]);
            convolve_row_plainly(&plain, &kernel, &mut plain_levels);
            convolve_row(&plain, &kernel, &mut fast_levels);
            assert_eq!(plain_levels, fast_levels, "{sigma}");
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn blocks_cover_every_number() {
        for length in [32, 33, 63, 64, 100] {
            let mut covered = vec![false; length];
            avx2::blocks(length).for_each(|start| covered[start..start + avx2::BLOCK].fill(true));
            assert!(covered.into_iter().all(|covered| covered), "{length}");
        }
    }
}
