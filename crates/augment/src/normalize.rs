//! Levels to numbers around zero, and back for pictures.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::colour::luma;

/// Mean and standard deviation that levels, as a share of 255, are normalised with: `(level / 255 - mean) / std`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Mean of red, green and blue.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue, above 0.
    pub std: [f32; 3],
}

impl Normalize {
    /// ImageNet, as in torchvision's reference training and all of its pretrained weights.
    pub const IMAGENET: Self = Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

    /// Mean and standard deviation over all training pixels of CIFAR-10.
    pub const CIFAR10: Self = Self { mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616] };

    /// Mean and standard deviation over all training pixels of MNIST, as in PyTorch's MNIST example.
    pub const MNIST: Self = Self { mean: [0.1307; 3], std: [0.3081; 3] };

    /// Levels as a share of 255, in `0..=1`.
    pub const UNIT: Self = Self { mean: [0.0; 3], std: [1.0; 3] };

    /// Whether every mean is a finite number and every standard deviation a finite number above 0.
    pub fn is_valid(&self) -> bool {
        self.mean.iter().all(|mean| mean.is_finite()) && self.std.iter().all(|&std| std.is_finite() && std > 0.0)
    }

    /// What each level of `channel` becomes.
    fn table(&self, channel: usize) -> [f32; 256] {
        std::array::from_fn(|level| (level as f32 / 255.0 - self.mean[channel]) / self.std[channel])
    }

    /// Writes the image as `[3, height, width]`, red first.
    ///
    /// # Panics
    ///
    /// When `out` does not have `3 · width · height` elements.
    pub fn write_chw(&self, image: &RgbImage, out: &mut [f32]) {
        let (width, height) = image.dimensions();
        let pixels = image.as_chunks::<3>().0;
        assert_eq!(out.len(), 3 * pixels.len(), "a {width}×{height} image needs [3, {height}, {width}] elements");
        let (reds, rest) = out.split_at_mut(pixels.len());
        let (greens, blues) = rest.split_at_mut(pixels.len());
        let tables = [self.table(0), self.table(1), self.table(2)];
        for (((pixel, red), green), blue) in pixels.iter().zip(reds).zip(greens).zip(blues) {
            *red = tables[0][usize::from(pixel[0])];
            *green = tables[1][usize::from(pixel[1])];
            *blue = tables[2][usize::from(pixel[2])];
        }
    }

    /// Writes the luma of the image (ITU-R 601-2, as Pillow's `convert("L")`) as `[1, height, width]`, normalised with
    /// the first mean and standard deviation.
    ///
    /// # Panics
    ///
    /// When `out` does not have `width · height` elements.
    pub fn write_grey_chw(&self, image: &RgbImage, out: &mut [f32]) {
        let (width, height) = image.dimensions();
        let pixels = image.as_chunks::<3>().0;
        assert_eq!(out.len(), pixels.len(), "a grey {width}×{height} image needs [1, {height}, {width}] elements");
        let table = self.table(0);
        for (pixel, out) in pixels.iter().zip(out) {
            *out = table[usize::from(luma(*pixel))];
        }
    }

    /// The picture of `[3, height, width]` or `[1, height, width]` normalised numbers, rounded and clipped to levels.
    ///
    /// # Panics
    ///
    /// When `numbers` has neither `3 · width · height` nor `width · height` elements.
    pub fn denormalize(&self, numbers: &[f32], width: u32, height: u32) -> RgbImage {
        let count = width as usize * height as usize;
        let channels = if numbers.len() == 3 * count { 3 } else { 1 };
        assert_eq!(
            numbers.len(),
            channels * count,
            "{} numbers are neither [3, {height}, {width}] nor [1, {height}, {width}]",
            numbers.len()
        );
        let mut image = RgbImage::new(width, height);
        for (index, pixel) in image.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            for (channel, level) in pixel.iter_mut().enumerate() {
                let channel = channel.min(channels - 1);
                let share = numbers[channel * count + index] * self.std[channel] + self.mean[channel];
                *level = (share * 255.0).round().clamp(0.0, 255.0) as u8;
            }
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_become_planes_by_the_formula() {
        let image = RgbImage::from_raw(2, 1, vec![0, 255, 51, 128, 1, 254]).expect("2 pixels");
        let mut out = [0.0; 6];
        Normalize { mean: [0.5, 0.0, 0.2], std: [0.5, 1.0, 0.1] }.write_chw(&image, &mut out);
        // (0 - 0.5) / 0.5 = -1; (128/255 - 0.5) / 0.5 = 1/255; 51/255 = 0.2.
        let expected = [-1.0, 1.0 / 255.0, 1.0, 1.0 / 255.0, 0.0, (254.0 / 255.0 - 0.2) / 0.1];
        for (found, expected) in out.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }

    #[test]
    fn every_level_returns_from_its_number() {
        let levels: Vec<u8> = (0..=255).flat_map(|level| [level, 255 - level, level / 2]).collect();
        let image = RgbImage::from_raw(16, 16, levels).expect("256 pixels");
        for normalize in [Normalize::IMAGENET, Normalize::CIFAR10, Normalize::MNIST, Normalize::UNIT] {
            let mut numbers = vec![0.0; 3 * 256];
            normalize.write_chw(&image, &mut numbers);
            assert_eq!(normalize.denormalize(&numbers, 16, 16), image);
        }
    }

    #[test]
    fn grey_is_the_weighted_sum_of_the_channels() {
        let image = RgbImage::from_raw(2, 1, vec![255, 0, 0, 10, 20, 30]).expect("2 pixels");
        let mut out = [0.0; 2];
        Normalize::UNIT.write_grey_chw(&image, &mut out);
        // 0.299 · 255 = 76.2; 2.99 + 11.74 + 3.42 = 18.15.
        assert_eq!(out, [76.0 / 255.0, 18.0 / 255.0]);
    }
}
