//! Batches in host memory, and what becomes of samples that cannot be read.

use burn::tensor::{Tensor, TensorData};
use datasets::Dataset;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use vision_types::Sample;

use super::TaskError;

/// How samples are to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loading {
    /// With or without augmentation.
    pub phase: Phase,
    /// What happens to unreadable samples.
    pub on_bad_sample: OnBadSample,
}

/// With or without augmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Augmented, by random numbers that are a function of these three and a sample's number.
    Train {
        /// The run's seed.
        seed: u64,
        /// The epoch, from 0.
        epoch: u64,
        /// The batch within the epoch, from 0.
        batch: u64,
    },
    /// As for evaluation.
    Evaluate,
}

/// What happens to samples that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnBadSample {
    /// The run ends with an error.
    #[default]
    Error,
    /// The sample is left out and counted.
    Skip,
}

/// A sample that was left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BadSample {
    /// Its file or name.
    pub source: String,
    /// Why it could not be read.
    pub reason: String,
}

/// A batch in host memory.
#[derive(Debug, Clone)]
pub struct HostBatch<T, E> {
    /// Normalised pixels, `[batch, channels, height, width]`.
    pub images: Vec<f32>,
    /// The shape of `images`.
    pub shape: [usize; 4],
    /// Targets as arrays.
    pub encoded: E,
    /// Targets as given by the data set.
    pub targets: Vec<T>,
    /// The samples' numbers in the data set.
    pub indices: Vec<usize>,
    /// Samples that were left out.
    pub bad_samples: Vec<BadSample>,
}

impl<T, E> HostBatch<T, E> {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether every sample was left out.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The images on `device`, emptying the host's copy.
    pub fn take_images<B: VisionBackend>(&mut self, device: &B::Device) -> Tensor<B, 4> {
        Tensor::from_data(TensorData::new(std::mem::take(&mut self.images), self.shape), device)
    }
}

/// The sample numbered `index`; an unreadable one is [`TaskError::BadSample`].
pub(crate) fn read_sample<T: Clone + Send + Sync>(
    samples: &dyn Dataset<Annotation = T>,
    index: usize,
) -> Result<Sample<T>, TaskError> {
    samples.get(index).map_err(|source| match source.is_bad_sample() {
        true => TaskError::BadSample { source_name: samples.source(index), source },
        false => source.into(),
    })
}

/// Calls `take` for each of `indices` in order, and gives those that it took and the unreadable ones, which are left out
/// where `policy` says so.
///
/// # Errors
///
/// The first error of `take` that is not a sample to be left out.
pub(crate) fn take_readable(
    indices: &[usize],
    policy: OnBadSample,
    mut take: impl FnMut(usize) -> Result<(), TaskError>,
) -> Result<(Vec<usize>, Vec<BadSample>), TaskError> {
    let (mut taken, mut left_out) = (Vec::with_capacity(indices.len()), Vec::new());
    for &index in indices {
        match take(index) {
            Ok(()) => taken.push(index),
            Err(TaskError::BadSample { source_name, source }) if policy == OnBadSample::Skip => {
                left_out.push(BadSample { source: source_name, reason: source.to_string() });
            }
            Err(error) => return Err(error),
        }
    }
    Ok((taken, left_out))
}
