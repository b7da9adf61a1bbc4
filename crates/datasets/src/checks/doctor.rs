//! Looking for what spoils a training run: unreadable files, copies, wrong extensions, tiny images, rare classes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::RgbImage;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use vision_types::ClassId;

use crate::{Dataset, DatasetError, SplitName, Splits};
use pictures::image_file::{self, format_name, format_of_content, format_of_extension};

/// A side of fewer pixels than this is worth a look.
pub const TINY: u32 = 8;

/// Training classes are called imbalanced where the largest has more than this many times the samples of the smallest.
pub const IMBALANCE: f64 = 10.0;

/// What was found. Lists are in the order of the samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DoctorReport {
    /// Number of samples looked at.
    pub checked: usize,
    /// Samples that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Samples with the same bytes.
    pub duplicates: Vec<Duplicates>,
    /// Files whose extension stands for another format than their content.
    pub wrong_extensions: Vec<WrongExtension>,
    /// Images with a side below [`TINY`].
    pub tiny: Vec<TinyImage>,
    /// Samples of each class in each split.
    pub class_counts: Vec<ClassCount>,
    /// Samples of the largest training class for each of the smallest.
    pub imbalance: f64,
    /// Files that were passed over: hidden, or without an image extension.
    pub ignored_files: usize,
}

impl DoctorReport {
    /// Whether there is nothing that needs a person's attention. Copies within one split and class, imbalance, and files
    /// passed over are no illness.
    pub fn is_healthy(&self) -> bool {
        self.unreadable.is_empty()
            && self.wrong_extensions.is_empty()
            && self.tiny.is_empty()
            && self.duplicates.iter().all(|copies| !copies.across_splits && !copies.across_classes)
    }

    /// Whether training classes differ by more than [`IMBALANCE`].
    pub fn is_imbalanced(&self) -> bool {
        self.imbalance > IMBALANCE
    }
}

/// A sample that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Its split.
    pub split: SplitName,
    /// Where it comes from.
    pub source: String,
    /// Why.
    pub problem: String,
}

/// Samples with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicates {
    /// The samples, at least two.
    pub samples: Vec<Copied>,
    /// They lie in different splits: figures on one are flattered by training on the other.
    pub across_splits: bool,
    /// They have different classes: at least one label is wrong.
    pub across_classes: bool,
}

/// One of several equal samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Its split.
    pub split: SplitName,
    /// Its class.
    pub class: String,
    /// Where it comes from.
    pub source: String,
}

/// A file with a misleading name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrongExtension {
    /// Where it comes from.
    pub source: String,
    /// The format that its extension stands for.
    pub extension: &'static str,
    /// The format that it has.
    pub content: &'static str,
}

/// A very small image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TinyImage {
    /// Where it comes from.
    pub source: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Samples of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class.
    pub class: String,
    /// Number of training samples.
    pub train: usize,
    /// Number of validation samples.
    pub val: usize,
    /// Number of test samples.
    pub test: usize,
}

/// A readable sample, by its content.
struct Seen {
    /// Number among all samples of all splits.
    position: usize,
    split: SplitName,
    class: ClassId,
    source: String,
}

impl ClassCount {
    /// One more sample.
    pub(crate) fn add(&mut self, split: SplitName) {
        match split {
            SplitName::Train => self.train += 1,
            SplitName::Validation => self.val += 1,
            SplitName::Test => self.test += 1,
        }
    }
}

/// What one look at the image of a sample tells.
pub(crate) struct FileFinding {
    /// SHA-256 of the file, or of size and pixels where a sample has no file of its own; `None` if it cannot be read.
    pub(crate) digest: Option<[u8; 32]>,
    /// The format that the extension stands for, and another that the content has.
    pub(crate) mismatch: Option<(&'static str, &'static str)>,
    /// Width and height in pixels, or why the image cannot be decoded.
    pub(crate) size: Result<(u32, u32), String>,
}

/// Reads every sample of every split. `progress` is told the number of samples done and of all, from any thread.
///
/// # Errors
///
/// Only those of [`Dataset::annotation`]: a sample that cannot be read goes into the report.
pub fn doctor(splits: &Splits, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<DoctorReport, DatasetError> {
    let total = splits.iter().map(|(_, samples)| samples.len()).sum();
    let done = AtomicUsize::new(0);
    let mut report = DoctorReport {
        checked: total,
        unreadable: Vec::new(),
        duplicates: Vec::new(),
        wrong_extensions: Vec::new(),
        tiny: Vec::new(),
        class_counts: splits
            .classes
            .iter()
            .map(|class| ClassCount { class: class.to_owned(), train: 0, val: 0, test: 0 })
            .collect(),
        imbalance: 1.0,
        ignored_files: splits.ignored_files,
    };
    let mut copies: BTreeMap<[u8; 32], Vec<Seen>> = BTreeMap::new();
    let mut position = 0;
    for (split, samples) in splits.iter() {
        let findings = (0..samples.len())
            .into_par_iter()
            .map(|index| {
                let class = samples.annotation(index)?;
                let finding = examine_file(samples, index);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                Ok::<_, DatasetError>((class, finding))
            })
            .collect::<Result<Vec<_>, _>>()?;
        for (index, (class, finding)) in findings.into_iter().enumerate() {
            let source = || samples.source(index);
            position += 1;
            if let Some(count) = report.class_counts.get_mut(class) {
                count.add(split);
            }
            if let Some(digest) = finding.digest {
                let seen = Seen { position, split, class, source: source() };
                copies.entry(digest).or_default().push(seen);
            }
            if let Some((extension, content)) = finding.mismatch {
                report.wrong_extensions.push(WrongExtension { source: source(), extension, content });
            }
            match finding.size {
                Err(problem) => report.unreadable.push(Unreadable { split, source: source(), problem }),
                Ok((width, height)) if width.min(height) < TINY => {
                    report.tiny.push(TinyImage { source: source(), width, height });
                }
                Ok(_) => {}
            }
        }
    }
    let mut groups: Vec<_> = copies.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_by_key(|group| group[0].position);
    let name = |class: ClassId| splits.classes.get(class).map_or_else(|| class.to_string(), str::to_owned);
    for group in groups {
        let (first_split, first_class) = (group[0].split, group[0].class);
        report.duplicates.push(Duplicates {
            across_splits: group.iter().any(|seen| seen.split != first_split),
            across_classes: group.iter().any(|seen| seen.class != first_class),
            samples: group
                .into_iter()
                .map(|seen| Copied { split: seen.split, class: name(seen.class), source: seen.source })
                .collect(),
        });
    }
    let train_counts = || report.class_counts.iter().map(|count| count.train);
    if let (Some(most), Some(least)) = (train_counts().max(), train_counts().min()) {
        report.imbalance = most as f64 / least.max(1) as f64;
    }
    Ok(report)
}

/// Reads and decodes the image of a sample.
pub(crate) fn examine_file<D: Dataset + ?Sized>(samples: &D, index: usize) -> FileFinding {
    let mut finding = FileFinding { digest: None, mismatch: None, size: Err(String::new()) };
    let decoded = match samples.file(index) {
        Some(path) => image_file::read_bytes(&path).map_err(DatasetError::from).and_then(|bytes| {
            finding.digest = Some(Sha256::digest(&bytes).into());
            if let (Some(extension), Some(content)) = (format_of_extension(&path), format_of_content(&bytes))
                && extension != content
            {
                finding.mismatch = Some((format_name(extension), format_name(content)));
            }
            Ok(image_file::decode(&bytes, &path)?)
        }),
        None => samples.get(index).map(|sample| {
            finding.digest = Some(digest_of_pixels(&sample.image));
            sample.image
        }),
    };
    finding.size = decoded.map(|image| image.dimensions()).map_err(|error| error.to_string());
    finding
}

fn digest_of_pixels(image: &RgbImage) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(image.width().to_le_bytes());
    hash.update(image.height().to_le_bytes());
    hash.update(image.as_raw());
    hash.finalize().into()
}
