//! The Lovász losses: convex surrogates of the intersection over union.
//!
//! Source: Berman et al. 2018, "The Lovász-Softmax loss", algorithm 1. The loss is linear in the errors with factors that
//! depend on their order alone. The order is found on the host, which waits for the device to read the errors, the
//! labels and, where pixels are left out, which are kept; value and gradient are the backend's.

use burn::tensor::{Tensor, TensorData, activation};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Activation, activate};

use super::pixel_loss::PixelLoss;
use super::{PixelActivation, PixelTargets};
use crate::{LossError, LossSettings};

/// Lovász-Softmax: the mean over the classes that have pixels, from the errors of softmax probabilities (equation 11).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LovaszSoftmax {
    /// Whether the loss is computed for each image and averaged over images, instead of once for all pixels of the
    /// batch; false by default.
    pub per_image: bool,
}

/// Lovász hinge: the mean over channels, each a yes or no, from the errors `1 - logit · sign` (equation 9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct LovaszHinge {
    /// Whether the loss is computed for each image and averaged over images, instead of once for all pixels of the
    /// batch; true by default, as in the authors' code.
    pub per_image: bool,
}

impl Default for LovaszHinge {
    fn default() -> Self {
        Self { per_image: true }
    }
}

impl LossSettings for LovaszSoftmax {
    /// # Errors
    ///
    /// One channel only: its softmax is always 1.
    fn validate(&self, channels: usize) -> Result<(), LossError> {
        PixelActivation::Softmax.validate(channels)
    }
}

impl LossSettings for LovaszHinge {}

impl PixelLoss for LovaszSoftmax {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let probabilities = activation::softmax(rows, 2);
        let labels = targets.labels.clone();
        // |t - p| for t of 0 or 1, as a sum that has no kink.
        let errors = labels.clone() + probabilities.clone() - probabilities * labels.mul_scalar(2.0);
        let factors = factors(&errors, targets, self.per_image, true);
        (errors * factors).sum()
    }
}

impl PixelLoss for LovaszHinge {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let signs = targets.labels.clone().mul_scalar(2.0).sub_scalar(1.0);
        let errors = (rows * signs).neg().add_scalar(1.0);
        let factors = factors(&errors, targets, self.per_image, false);
        // Not burn's own rectifier, which makes zero of NaN on some backends.
        (activate(errors, Activation::Relu) * factors).sum()
    }
}

/// The factor of each error in the loss, `[batch, pixels, channels]`; 0 for ignored pixels. With `present_only`,
/// channels without a labelled pixel are left out of the mean.
fn factors<B: VisionBackend>(
    errors: &Tensor<B, 3>,
    targets: &PixelTargets<B>,
    per_image: bool,
    present_only: bool,
) -> Tensor<B, 3> {
    let [batch, pixels, channels] = errors.dims();
    let host = |tensor: &Tensor<B, 3>| tensor.clone().detach().into_data().convert::<f32>().into_vec::<f32>();
    let read = |tensor| host(tensor).expect("just converted to f32");
    let (errors_host, labels) = (read(errors), read(&targets.labels));
    let kept = targets.kept.as_ref().map(read);
    let groups = if per_image { batch } else { 1 };
    let size = batch * pixels / groups.max(1);
    let tasks: Vec<(usize, usize)> =
        (0..groups).flat_map(|group| (0..channels).map(move |channel| (group, channel))).collect();
    let found: Vec<Option<Vec<(usize, f64)>>> = tasks
        .par_iter()
        .map(|&(group, channel)| {
            let rows = group * size..(group + 1) * size;
            let counted = rows.filter(|row| kept.as_ref().is_none_or(|kept| kept[*row] > 0.0));
            let indices: Vec<usize> = counted.map(|row| row * channels + channel).collect();
            let there = indices.iter().any(|index| labels[*index] > 0.5);
            (there || !present_only).then(|| jaccard_steps(indices, &errors_host, &labels))
        })
        .collect();
    let mut factors = vec![0.0f32; batch * pixels * channels];
    for group in found.chunks(channels.max(1)) {
        let counted = group.iter().flatten().count();
        let share = 1.0 / (counted.max(1) * groups.max(1)) as f64;
        for (index, factor) in group.iter().flatten().flatten() {
            factors[*index] = (factor * share) as f32;
        }
    }
    Tensor::from_data(TensorData::new(factors, [batch, pixels, channels]), &errors.device())
}

/// With the errors at `indices` sorted, the largest first: by how much each pixel raises the Jaccard loss of the pixels
/// before it when it is added to them as an error.
fn jaccard_steps(mut indices: Vec<usize>, errors: &[f32], labels: &[f32]) -> Vec<(usize, f64)> {
    indices.sort_by(|a, b| errors[*b].total_cmp(&errors[*a]));
    let labelled = indices.iter().filter(|index| labels[**index] > 0.5).count() as f64;
    let (mut intersection, mut union) = (labelled, labelled);
    let mut last = 0.0;
    indices
        .into_iter()
        .map(|index| {
            if labels[index] > 0.5 {
                intersection -= 1.0;
            } else {
                union += 1.0;
            }
            let loss = 1.0 - intersection / union;
            let step = loss - last;
            last = loss;
            (index, step)
        })
        .collect()
}
