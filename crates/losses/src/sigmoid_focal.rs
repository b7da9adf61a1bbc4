//! Focal loss of sigmoids: an independent yes or no for each class.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::elementwise::{ElementwiseLoss, assert_same_shape};
use crate::error::check_range;
use crate::focal::{DEFAULT_GAMMA, check_gamma, modulating_factor};
use crate::{BinaryCrossEntropy, LossError, LossSettings};

/// Weight of the positives in Lin et al. 2017, table 1b, which goes with γ = 2.
const RETINA_NET_ALPHA: f64 = 0.25;

/// `α_t · (1 - p_t)^γ · cross-entropy`, where `p_t` is the probability given to the true answer.
///
/// Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 5; torchvision's `sigmoid_focal_loss`,
/// also for soft targets, with `p_t = p · target + (1 - p) · (1 - target)` and `α_t` alike.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SigmoidFocal {
    /// Weight α of the positives in `0..=1`, the negatives weigh 1 - α. None by default: both weigh 1. (torchvision's
    /// default is 0.25, see [`Self::retina_net`].)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Exponent γ, not negative, that reduces the weight of easy answers; 2 by default. With 0 this is the weighted
    /// binary cross-entropy.
    pub gamma: f64,
}

impl Default for SigmoidFocal {
    fn default() -> Self {
        Self { alpha: None, gamma: DEFAULT_GAMMA }
    }
}

impl SigmoidFocal {
    /// The setting of RetinaNet and torchvision's default: α = 0.25, γ = 2.
    pub const fn retina_net() -> Self {
        Self { alpha: Some(RETINA_NET_ALPHA), gamma: DEFAULT_GAMMA }
    }
}

impl LossSettings for SigmoidFocal {
    /// # Errors
    ///
    /// [`LossError::OutOfRange`] when α is outside `0..=1`, or γ is not a finite number from 0 up.
    fn validate(&self, _classes: usize) -> Result<(), LossError> {
        if let Some(alpha) = self.alpha {
            check_range("alpha", alpha, (0.0..=1.0).contains(&alpha), "a number from 0 to 1")?;
        }
        check_gamma(self.gamma)
    }
}

impl ElementwiseLoss for SigmoidFocal {
    fn elements<B: VisionBackend, const D: usize>(&self, logits: Tensor<B, D>, targets: Tensor<B, D>) -> Tensor<B, D> {
        assert_same_shape(&logits, &targets);
        let others = targets.clone().neg().add_scalar(1.0);
        let cross_entropy = BinaryCrossEntropy::default().elements(logits.clone(), targets.clone());
        // 1 - p_t, from σ(-x) where 1 - σ(x) would round to nothing.
        let missed = || sigmoid(logits.clone()) * others.clone() + sigmoid(logits.neg()) * targets.clone();
        let focal =
            if self.gamma == 0.0 { cross_entropy } else { modulating_factor(missed(), self.gamma) * cross_entropy };
        match self.alpha {
            None => focal,
            Some(alpha) => focal * (targets.mul_scalar(alpha) + others.mul_scalar(1.0 - alpha)),
        }
    }
}
