//! Losses that compare each output with its own target.

use burn::tensor::Tensor;
use tensor_backend::VisionBackend;

use crate::{LossSettings, Reduction};

/// A loss that compares each of a network's outputs with the target at the same place.
pub trait ElementwiseLoss: LossSettings {
    /// The loss of each element.
    ///
    /// # Shapes
    ///
    /// - `outputs`, `targets` and output: `[n, …]`
    ///
    /// # Panics
    ///
    /// When the shapes disagree.
    fn elements<B: VisionBackend, const D: usize>(&self, outputs: Tensor<B, D>, targets: Tensor<B, D>) -> Tensor<B, D>;

    /// The elements' losses, reduced.
    ///
    /// # Shapes
    ///
    /// - `outputs`, `targets`: `[n, …]`
    /// - output: `[1]` for the mean and the sum over all elements; `[n]` for [`Reduction::None`], where each sample is
    ///   the mean of its own elements, so that the mean of the samples is the mean of the elements.
    ///
    /// # Panics
    ///
    /// When the shapes disagree.
    fn forward<B: VisionBackend, const D: usize>(
        &self,
        outputs: Tensor<B, D>,
        targets: Tensor<B, D>,
        reduction: Reduction,
    ) -> Tensor<B, 1> {
        let elements = self.elements(outputs, targets);
        match reduction {
            Reduction::Mean => elements.mean(),
            Reduction::Sum => elements.sum(),
            Reduction::None => {
                let [n, count] = [elements.dims()[0], elements.dims()[1..].iter().product()];
                elements.reshape([n, count]).mean_dim(1).squeeze_dim::<1>(1)
            }
        }
    }
}

/// `outputs - targets`, of equal shapes: broadcasting would hide a mistake.
pub(crate) fn difference<B: VisionBackend, const D: usize>(
    outputs: Tensor<B, D>,
    targets: Tensor<B, D>,
) -> Tensor<B, D> {
    assert_same_shape(&outputs, &targets);
    outputs - targets
}

/// Refuses outputs and targets of different shapes.
pub(crate) fn assert_same_shape<B: VisionBackend, const D: usize>(outputs: &Tensor<B, D>, targets: &Tensor<B, D>) {
    assert_eq!(outputs.dims(), targets.dims(), "outputs and targets have one shape");
}
