//! How the losses of a batch become one number.

use burn::tensor::Tensor;
use tensor_backend::VisionBackend;

/// How the losses of a batch become the output of a forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// One value: the mean over the batch.
    Mean,
    /// One value: the sum over the batch.
    Sum,
    /// One value a sample.
    None,
}

/// The losses of a batch's samples and what each counts in a mean.
///
/// The mean over several batches, as in gradient accumulation, is the sum of all losses over the sum of all weights.
#[derive(Debug, Clone)]
pub struct SampleLosses<B: VisionBackend> {
    /// Loss of each sample, class weights applied: PyTorch's `reduction="none"`; `[n]`.
    pub losses: Tensor<B, 1>,
    /// What each sample adds to the divisor of the mean, not negative, without gradient; `[n]`. `losses` contains class
    /// weights already, so a mean is `Σ losses / Σ weights`, not `Σ weights · losses / Σ weights`.
    pub weights: Tensor<B, 1>,
}

impl<B: VisionBackend> SampleLosses<B> {
    /// `Σ losses / Σ weights`, `[1]`; zero, not NaN as in PyTorch, when nothing counts.
    pub fn mean(self) -> Tensor<B, 1> {
        // Where all weights are zero all losses are, and zero over the smallest normal number is zero.
        self.losses.sum() / self.weights.sum().clamp_min(f32::MIN_POSITIVE)
    }

    /// `Σ losses`, `[1]`.
    pub fn sum(self) -> Tensor<B, 1> {
        self.losses.sum()
    }

    /// The mean or the sum, `[1]`, or the losses themselves, `[n]`.
    pub fn reduce(self, reduction: Reduction) -> Tensor<B, 1> {
        match reduction {
            Reduction::Mean => self.mean(),
            Reduction::Sum => self.sum(),
            Reduction::None => self.losses,
        }
    }
}
