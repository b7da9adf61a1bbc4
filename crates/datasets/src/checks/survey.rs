//! One look at every image of a data set, whatever is annotated on it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::RgbImage;
use pictures::image_file::{self, format_name, format_of_content, format_of_extension};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use vision_types::ClassNames;

use crate::{Dataset, DatasetError, Samples, SplitName, Splits};

/// A side of fewer pixels than this is worth a look.
pub const TINY: u32 = 8;

/// Training classes are called imbalanced where the largest has more than this many times the samples of the smallest.
pub const IMBALANCE: f64 = 10.0;

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

impl ClassCount {
    /// One more sample.
    pub(super) fn add(&mut self, split: SplitName) {
        match split {
            SplitName::Train => self.train += 1,
            SplitName::Validation => self.val += 1,
            SplitName::Test => self.test += 1,
        }
    }
}

/// No samples yet of each of `classes`.
pub(super) fn no_counts(classes: &ClassNames) -> Vec<ClassCount> {
    classes.iter().map(|class| ClassCount { class: class.to_owned(), train: 0, val: 0, test: 0 }).collect()
}

/// Training samples of the largest class for each of the smallest; 1 without classes.
pub(super) fn imbalance_of(counts: &[ClassCount]) -> f64 {
    let train = || counts.iter().map(|count| count.train);
    match (train().max(), train().min()) {
        (Some(most), Some(least)) => most as f64 / least.max(1) as f64,
        _ => 1.0,
    }
}

/// Images with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SameImage {
    /// The images, at least two, each with its split.
    pub samples: Vec<(SplitName, String)>,
    /// They lie in different splits: figures on one are flattered by training on the other.
    pub across_splits: bool,
    /// They have different annotations: at least one is wrong or incomplete.
    pub annotations_differ: bool,
}

/// What one look at the image of a sample tells.
pub(super) struct FileFinding {
    /// SHA-256 of the file, or of size and pixels where a sample has no file of its own; `None` if it cannot be read.
    pub(super) digest: Option<[u8; 32]>,
    /// The format that the extension stands for, and another that the content has.
    pub(super) mismatch: Option<(&'static str, &'static str)>,
    /// Width and height in pixels, or why the image cannot be decoded.
    pub(super) size: Result<(u32, u32), String>,
}

/// What all images together tell. Lists are in the order of the samples.
pub(super) struct Survey {
    pub(super) checked: usize,
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) wrong_extensions: Vec<WrongExtension>,
    pub(super) tiny: Vec<TinyImage>,
    by_content: BTreeMap<[u8; 32], Vec<(SplitName, usize)>>,
}

/// Reads the image of every sample of every split, and by `look` what else there is to it, in parallel; then shows
/// `each` of them in order. `progress` is told the number of samples done and of all, from any thread.
pub(super) fn survey<A: Clone + Send, L: Send>(
    splits: &Splits<A>,
    progress: &(dyn Fn(usize, usize) + Sync),
    look: impl Fn(&Samples<A>, usize, &FileFinding) -> Result<L, DatasetError> + Sync,
    mut each: impl FnMut(SplitName, (&Samples<A>, usize, &FileFinding), L),
) -> Result<Survey, DatasetError> {
    let checked = splits.iter().map(|(_, samples)| samples.len()).sum();
    let done = AtomicUsize::new(0);
    let mut survey = Survey {
        checked,
        unreadable: Vec::new(),
        wrong_extensions: Vec::new(),
        tiny: Vec::new(),
        by_content: BTreeMap::new(),
    };
    for (split, samples) in splits.iter() {
        let findings: Vec<Result<(FileFinding, L), DatasetError>> = (0..samples.len())
            .into_par_iter()
            .map(|index| {
                let finding = examine_file(samples, index);
                let more = look(samples, index, &finding);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, checked);
                Ok((finding, more?))
            })
            .collect();
        for (index, finding) in findings.into_iter().enumerate() {
            let (finding, more) = finding?;
            let source = || samples.source(index);
            if let Some(digest) = finding.digest {
                survey.by_content.entry(digest).or_default().push((split, index));
            }
            if let Some((extension, content)) = finding.mismatch {
                survey.wrong_extensions.push(WrongExtension { source: source(), extension, content });
            }
            match &finding.size {
                Err(problem) => {
                    survey.unreadable.push(Unreadable { split, source: source(), problem: problem.clone() });
                }
                Ok((width, height)) if *width.min(height) < TINY => {
                    survey.tiny.push(TinyImage { source: source(), width: *width, height: *height });
                }
                Ok(_) => {}
            }
            each(split, (samples, index, &finding), more);
        }
    }
    Ok(survey)
}

impl Survey {
    /// The groups of more than one sample with the same bytes, in the order of their first samples.
    pub(super) fn copies(&self) -> Vec<Vec<(SplitName, usize)>> {
        let mut groups: Vec<_> = self.by_content.values().filter(|group| group.len() > 1).cloned().collect();
        groups.sort();
        groups
    }

    /// The groups of samples of `splits` with the same bytes, and whether their annotations are the same too. One that
    /// cannot be read is named elsewhere.
    pub(super) fn same_images<A: Clone + Send + PartialEq>(
        &self,
        splits: &Splits<A>,
    ) -> Result<Vec<SameImage>, DatasetError> {
        let mut found = Vec::new();
        for group in self.copies() {
            let annotation = |&(split, index): &(SplitName, usize)| -> Result<Option<A>, DatasetError> {
                Ok(splits.get(split)?.annotation(index).ok())
            };
            let first = annotation(&group[0])?;
            let (mut annotations_differ, mut samples) = (false, Vec::with_capacity(group.len()));
            for copy in &group {
                annotations_differ |= annotation(copy)? != first;
                samples.push((copy.0, splits.get(copy.0)?.source(copy.1)));
            }
            found.push(SameImage { samples, across_splits: across_splits(&group), annotations_differ });
        }
        Ok(found)
    }
}

/// Whether samples lie in different splits.
pub(super) fn across_splits(group: &[(SplitName, usize)]) -> bool {
    group.iter().any(|(split, _)| *split != group[0].0)
}

/// Reads and decodes the image of a sample.
fn examine_file<D: Dataset + ?Sized>(samples: &D, index: usize) -> FileFinding {
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
