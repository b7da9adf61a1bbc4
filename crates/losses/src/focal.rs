//! Focal loss of softmax probabilities: one of many classes is true.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::error::{check_range, check_weights};
use crate::log_softmax::log_probabilities;
use crate::{LossError, LossSettings, SampleLosses, SoftTargetLoss};

/// Exponent that Lin et al. 2017 found best, section 5.1.
pub(crate) const DEFAULT_GAMMA: f64 = 2.0;

/// `-Σ_c α_c · target_c · (1 - p_c)^γ · ln p_c` a sample, where `p = softmax(logits)`.
///
/// Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 5, with the softmax's probabilities and
/// a weight a class; soft targets mix the losses of their classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Focal {
    /// Weight α of each class, finite and not negative; none by default, which is as if all were 1. The mean divides
    /// by the number of samples, whatever their weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<Vec<f32>>,
    /// Exponent γ, not negative, that reduces the weight of easy samples; 2 by default. With 0 this is the
    /// cross-entropy.
    pub gamma: f64,
}

impl Default for Focal {
    fn default() -> Self {
        Self { alpha: None, gamma: DEFAULT_GAMMA }
    }
}

impl LossSettings for Focal {
    /// # Errors
    ///
    /// [`LossError`] when α is not `classes` finite, non-negative numbers, or is all zero, or when γ is not a finite
    /// number from 0 up.
    fn validate(&self, classes: usize) -> Result<(), LossError> {
        if let Some(alpha) = &self.alpha {
            check_weights("alpha", alpha, classes)?;
        }
        check_gamma(self.gamma)
    }
}

impl SoftTargetLoss for Focal {
    fn soft_losses<B: VisionBackend>(&self, logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> SampleLosses<B> {
        assert_eq!(logits.dims(), targets.dims(), "logits and soft targets have one shape");
        let (n, device) = (logits.dims()[0], logits.device());
        let targets = match &self.alpha {
            None => targets,
            Some(alpha) => targets * Tensor::from_data(TensorData::new(alpha.clone(), [1, alpha.len()]), &device),
        };
        let log_probabilities = log_probabilities(logits);
        let weighted = log_probabilities.clone() * targets;
        let focal = if self.gamma == 0.0 {
            weighted
        } else {
            let missed = log_probabilities.exp().neg().add_scalar(1.0);
            weighted * modulating_factor(missed, self.gamma)
        };
        SampleLosses { losses: focal.sum_dim(1).squeeze_dim::<1>(1).neg(), weights: Tensor::ones([n], &device) }
    }
}

/// Checks a focal loss's exponent.
pub(crate) fn check_gamma(gamma: f64) -> Result<(), LossError> {
    check_range("gamma", gamma, gamma >= 0.0 && gamma.is_finite(), "a finite number from 0 up")
}

/// `missed^gamma`, where `missed` is one minus the probability of the true class.
pub(crate) fn modulating_factor<B: VisionBackend, const D: usize>(missed: Tensor<B, D>, gamma: f64) -> Tensor<B, D> {
    // At zero, where a certain answer rounds to, a power below 1 has an infinite slope; and an exponential rounded up
    // would make the base negative.
    missed.clamp_min(f32::MIN_POSITIVE).powf_scalar(gamma)
}
