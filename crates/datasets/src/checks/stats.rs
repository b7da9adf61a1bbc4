//! Figures about a data set: how many samples, how large, how bright.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::random::{Purpose, RandomStream};
use crate::{Dataset, DatasetError, SplitName, Splits, class_counts};

/// Figures about a data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetStats {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Each split, in order.
    pub splits: Vec<SplitStats>,
    /// Figures about training images.
    pub images: ImageStats,
    /// Files that were passed over.
    pub ignored_files: usize,
}

/// Counts of one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitStats {
    /// The split.
    pub split: SplitName,
    /// Number of samples.
    pub samples: usize,
    /// Number of samples of each class, in the order of the classes.
    pub per_class: Vec<usize>,
}

/// Sizes and colours of some images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageStats {
    /// Number of images that were read.
    pub read: usize,
    /// Number of chosen images that cannot be read; `data doctor` names them.
    pub unreadable: usize,
    /// Widths in pixels.
    pub width: Extent,
    /// Heights in pixels.
    pub height: Extent,
    /// The most frequent sizes, at most [`COMMON_SIZES`], most frequent first.
    pub common_sizes: Vec<SizeCount>,
    /// Mean of the red, green and blue values of all pixels, in `0..=1`.
    pub mean: [f64; 3],
    /// Standard deviation of the red, green and blue values of all pixels (divided by their number), in `0..=1`.
    pub std: [f64; 3],
}

/// How many sizes are listed.
pub const COMMON_SIZES: usize = 5;

/// Smallest, middle and largest of some lengths in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Extent {
    /// Smallest.
    pub min: u32,
    /// Median; the lower one of two.
    pub median: u32,
    /// Largest.
    pub max: u32,
}

/// How many images have a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SizeCount {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Number of images.
    pub count: usize,
}

/// Sums over pixels, exact and so independent of the order in which images are read.
#[derive(Debug, Clone, Default)]
struct PixelSums {
    pixels: u64,
    values: [u64; 3],
    squares: [u128; 3],
}

impl PixelSums {
    fn of(image: &image::RgbImage) -> Self {
        let mut squares = [0u64; 3];
        let mut sums = Self { pixels: u64::from(image.width()) * u64::from(image.height()), ..Self::default() };
        for pixel in image.pixels() {
            for (channel, &value) in pixel.0.iter().enumerate() {
                sums.values[channel] += u64::from(value);
                squares[channel] += u64::from(value) * u64::from(value);
            }
        }
        sums.squares = squares.map(u128::from);
        sums
    }

    fn add(mut self, other: &Self) -> Self {
        self.pixels += other.pixels;
        for channel in 0..3 {
            self.values[channel] += other.values[channel];
            self.squares[channel] += other.squares[channel];
        }
        self
    }
}

/// Counts every sample, and reads at most `read_at_most` training images (chosen at random, always the same) for sizes
/// and colours.
///
/// # Errors
///
/// [`DatasetError::InvalidSetting`] if `read_at_most` is 0, and the first error where not one image can be read; single
/// ones that cannot are counted.
pub fn stats(splits: &Splits, read_at_most: usize) -> Result<DatasetStats, DatasetError> {
    let counts = splits
        .iter()
        .map(|(split, samples)| {
            let per_class = class_counts(samples, &splits.classes)?;
            Ok(SplitStats { split, samples: samples.len(), per_class })
        })
        .collect::<Result<_, DatasetError>>()?;
    Ok(DatasetStats {
        classes: splits.classes.as_slice().to_vec(),
        splits: counts,
        images: image_stats(&splits.train, read_at_most)?,
        ignored_files: splits.ignored_files,
    })
}

/// Sizes and colours of at most `read_at_most` of `samples`, chosen at random, always the same.
///
/// # Errors
///
/// As [`stats`].
pub fn image_stats<D>(samples: &D, read_at_most: usize) -> Result<ImageStats, DatasetError>
where
    D: Dataset + ?Sized,
{
    if read_at_most == 0 || samples.is_empty() {
        return Err(DatasetError::InvalidSetting {
            key: "read_at_most",
            found: format!("{read_at_most} of {} images", samples.len()),
            expected: "at least 1 of 1".to_owned(),
        });
    }
    let mut chosen: Vec<usize> = (0..samples.len()).collect();
    if read_at_most < chosen.len() {
        RandomStream::new(0, Purpose::Sampling, 0).shuffle(&mut chosen);
        chosen.truncate(read_at_most);
    }
    let looks: Vec<Result<_, DatasetError>> = chosen
        .par_iter()
        .map(|&index| {
            let image = samples.get(index)?.image;
            Ok((image.dimensions(), PixelSums::of(&image)))
        })
        .collect();
    let (mut read, mut first_error) = (Vec::with_capacity(looks.len()), None);
    for look in looks {
        match look {
            Ok(figures) => read.push(figures),
            Err(error) if error.is_bad_sample() => first_error = first_error.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    let unreadable = chosen.len() - read.len();
    // Figures about no image at all would hide that something is wrong with all of them.
    if let (true, Some(error)) = (read.is_empty(), first_error) {
        return Err(error);
    }

    let sums = read.iter().fold(PixelSums::default(), |sums, (_, more)| sums.add(more));
    let mut sizes = BTreeMap::new();
    for (size, _) in &read {
        *sizes.entry(*size).or_insert(0) += 1;
    }
    let mut common_sizes: Vec<SizeCount> =
        sizes.into_iter().map(|((width, height), count)| SizeCount { width, height, count }).collect();
    common_sizes.sort_by_key(|size| std::cmp::Reverse(size.count));
    common_sizes.truncate(COMMON_SIZES);

    /// The largest value of a channel.
    const WHITE: f64 = 255.0;
    let pixels = sums.pixels as f64;
    let mean = sums.values.map(|sum| sum as f64 / pixels / WHITE);
    let std = std::array::from_fn(|channel| {
        // n · Σx² - (Σx)² is computed in whole numbers, so nothing is lost by the subtraction.
        let sum = u128::from(sums.values[channel]);
        let numerator = u128::from(sums.pixels) * sums.squares[channel] - sum * sum;
        (numerator as f64).sqrt() / pixels / WHITE
    });
    Ok(ImageStats {
        read: read.len(),
        unreadable,
        width: extent(read.iter().map(|((width, _), _)| *width)),
        height: extent(read.iter().map(|((_, height), _)| *height)),
        common_sizes,
        mean,
        std,
    })
}

fn extent(lengths: impl Iterator<Item = u32>) -> Extent {
    let mut sorted: Vec<u32> = lengths.collect();
    sorted.sort_unstable();
    Extent { min: sorted[0], median: sorted[(sorted.len() - 1) / 2], max: sorted[sorted.len() - 1] }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::{ClassificationSamples, LabelledFiles};

    #[test]
    fn figures_of_two_known_images() {
        let folder = tempfile::tempdir().unwrap();
        // Red: 2 pixels of 255 and 6 of 51. Green: all 102. Blue: 2 of 0, 6 of 255.
        RgbImage::from_pixel(2, 1, Rgb([255, 102, 0])).save(folder.path().join("a.png")).unwrap();
        RgbImage::from_pixel(2, 3, Rgb([51, 102, 255])).save(folder.path().join("b.png")).unwrap();
        let files = vec![(PathBuf::from("a.png"), 0), (PathBuf::from("b.png"), 0)];
        let samples: ClassificationSamples = Arc::new(LabelledFiles::new(folder.path(), files));
        let stats = image_stats(&samples, 10).unwrap();
        // Mean of red: (2 · 1 + 6 · 0.2) / 8 = 0.4; variance: (2 · 0.6² + 6 · 0.2²) / 8 = 0.12. Blue: 3/4 and 3/16.
        let expected = ([0.4, 0.4, 0.75], [0.12f64.sqrt(), 0.0, 0.1875f64.sqrt()]);
        for channel in 0..3 {
            assert!((stats.mean[channel] - expected.0[channel]).abs() < 1e-15, "{:?}", stats.mean);
            assert!((stats.std[channel] - expected.1[channel]).abs() < 1e-15, "{:?}", stats.std);
        }
        assert_eq!(stats.width, Extent { min: 2, median: 2, max: 2 });
        assert_eq!(stats.height, Extent { min: 1, median: 1, max: 3 });
        assert_eq!(stats.common_sizes.len(), 2);
        assert_eq!(image_stats(&samples, 1).unwrap().read, 1);
        // A damaged file is counted, and the figures are those of the others.
        std::fs::write(folder.path().join("b.png"), "no image").unwrap();
        let stats = image_stats(&samples, 10).unwrap();
        assert_eq!((stats.read, stats.unreadable, stats.mean), (1, 1, [1.0, 0.4, 0.0]));
        std::fs::remove_file(folder.path().join("a.png")).unwrap();
        assert!(image_stats(&samples, 10).unwrap_err().to_string().contains("a.png: no such file"));
        assert!(matches!(image_stats(&samples, 0), Err(DatasetError::InvalidSetting { .. })));
    }
}
