//! The gradients of one optimiser step.

use burn::tensor::ElementConversion;
use tensor_backend::ops::{Precision, with_precision};
use tensor_backend::{AutodiffVisionBackend, join_graphs};

use super::optim::Gradients;
use crate::task::{BatchOf, Learned, NetworkOf, OnDevice, Train};

/// How a step is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// What the operands of convolutions and linear layers are rounded to.
    pub(crate) precision: Precision,
    /// Whether it is made of several batches.
    pub(crate) accumulates: bool,
}

/// The gradients of one optimiser step while they are gathered.
pub(crate) struct StepGroup<B: AutodiffVisionBackend> {
    gradients: Gradients<B>,
    samples: usize,
}

impl<B: AutodiffVisionBackend> Default for StepGroup<B> {
    fn default() -> Self {
        Self { gradients: Gradients::default(), samples: 0 }
    }
}

impl<B: AutodiffVisionBackend> StepGroup<B> {
    /// Runs one batch forwards and backwards. Gives its mean loss, and its running scores with the parts of the loss, each
    /// summed over the samples.
    ///
    /// Where gradients are accumulated, the gradient is that of the batch's summed loss, so that batches of different
    /// sizes can be averaged over their samples in [`finish`](Self::finish).
    pub(crate) fn learn<T: Train<B>>(
        &mut self,
        network: &NetworkOf<T, B>,
        task: &T,
        mut loaded: BatchOf<T>,
        how: Step,
        device: &B::Device,
    ) -> (f64, Vec<(&'static str, f64)>) {
        let samples = loaded.len();
        if samples == 0 {
            return (0.0, Vec::new());
        }
        let images = loaded.take_images(device);
        let tensors = OnDevice::<B>::upload(task, loaded.encoded, device);
        join_graphs(network);
        let Learned { loss, mut scores } = with_precision(how.precision, || task.learn(network, images, &tensors));
        let mean = loss.total.clone().into_scalar().elem::<f64>();
        scores.extend(loss.term_values().into_iter().map(|(name, value)| (name, value * samples as f64)));
        if mean.is_finite() {
            let (total, weight) = match how.accumulates {
                true => (loss.total.mul_scalar(samples as f64), samples),
                false => (loss.total, 1),
            };
            self.gradients.add(network, &mut total.backward());
            self.samples += weight;
        }
        (mean, scores)
    }

    /// The averaged gradients, if any batch had samples.
    pub(crate) fn finish(self) -> Option<Gradients<B>> {
        let Self { mut gradients, samples } = self;
        if samples == 0 {
            return None;
        }
        if samples > 1 {
            gradients.scale(1.0 / samples as f64);
        }
        Some(gradients)
    }
}
