//! Losses of samples whose targets are probabilities.

use burn::tensor::Tensor;
use tensor_backend::VisionBackend;

use crate::{ElementwiseLoss, LossError, LossSettings, Reduction, SampleLosses};

/// A loss of samples whose targets are a probability for each class: one-hot, or mixed as by MixUp. These are the
/// losses that can train a classifier.
///
/// Every [`ElementwiseLoss`] is one: a sample's loss is the mean over its classes, and all samples weigh 1.
pub trait SoftTargetLoss: LossSettings {
    /// Checks the settings for a network with `classes` outputs and for probabilities as targets.
    ///
    /// # Errors
    ///
    /// Those of [`LossSettings::validate`], and a setting that makes sense for class numbers alone.
    fn validate_soft(&self, classes: usize) -> Result<(), LossError> {
        self.validate(classes)
    }

    /// The loss of each sample and what it counts in a mean.
    ///
    /// # Shapes
    ///
    /// - `logits`, `targets`: `[n, classes]`, each row of the targets with the sum 1
    ///
    /// # Panics
    ///
    /// When the shapes disagree.
    fn soft_losses<B: VisionBackend>(&self, logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> SampleLosses<B>;

    /// What each sample counts in a mean, `[n]`, for targets `[n, classes]`: the weights of
    /// [`soft_losses`](Self::soft_losses). 1 each, unless the loss says otherwise.
    fn sample_weights<B: VisionBackend>(&self, targets: Tensor<B, 2>) -> Tensor<B, 1> {
        Tensor::ones([targets.dims()[0]], &targets.device())
    }

    /// [`Self::soft_losses`], reduced: `[1]`, or `[n]` for [`Reduction::None`].
    fn forward_soft<B: VisionBackend>(
        &self,
        logits: Tensor<B, 2>,
        targets: Tensor<B, 2>,
        reduction: Reduction,
    ) -> Tensor<B, 1> {
        self.soft_losses(logits, targets).reduce(reduction)
    }
}

impl<L: ElementwiseLoss> SoftTargetLoss for L {
    fn soft_losses<B: VisionBackend>(&self, logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> SampleLosses<B> {
        let losses = self.forward(logits, targets, Reduction::None);
        let weights = Tensor::ones([losses.dims()[0]], &losses.device());
        SampleLosses { losses, weights }
    }
}
