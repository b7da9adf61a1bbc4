//! Cross-entropy of softmax probabilities with hard or soft targets.
//!
//! Label smoothing: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", section 7.
//! Class weights, smoothing and reductions as in PyTorch's `torch.nn.functional.cross_entropy`.

use burn::tensor::{Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::error::{check_range, check_weights};
use crate::log_softmax::softmax_cross_entropy;
use crate::{LossError, LossSettings, Reduction, SampleLosses, SoftTargetLoss};

/// What the mean of a weighted cross-entropy divides by. Without class weights all three are the number of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// What PyTorch does for the kind of target at hand: [`Self::TargetWeight`] for class numbers, and for
    /// probabilities that are one-hot in all of the batch's rows; [`Self::SampleCount`] where any row is mixed.
    #[default]
    Automatic,
    /// The sum of the targets' class weights, `Σ_i Σ_c target_ic · weight_c`.
    TargetWeight,
    /// The number of samples that are not ignored, whatever their weights.
    SampleCount,
}

/// `-Σ_c weight_c · target'_c · ln softmax(logits)_c` a sample, where `target' = (1 - ε) · target + ε / classes`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CrossEntropy {
    /// Weight of each class, finite and not negative; none by default, which is as if all were 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<Vec<f32>>,
    /// Share ε of the target, in `0..1`, that is spread evenly over all classes; 0 by default.
    pub label_smoothing: f64,
    /// Class number of targets that are ignored: they have no loss and no gradient, and do not count in the mean; none
    /// by default. Only for targets that are class numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_index: Option<usize>,
    /// What a weighted mean divides by; automatic by default.
    pub normalisation: Normalisation,
}

impl LossSettings for CrossEntropy {
    /// # Errors
    ///
    /// [`LossError`] naming the key when the class weights are not `classes` finite, non-negative numbers, or are all
    /// zero, or when the label smoothing is outside `0..1`.
    fn validate(&self, classes: usize) -> Result<(), LossError> {
        if let Some(weights) = &self.class_weights {
            check_weights("class_weights", weights, classes)?;
        }
        let smoothing = self.label_smoothing;
        check_range("label_smoothing", smoothing, (0.0..1.0).contains(&smoothing), "a number from 0 up to, not with, 1")
    }
}

/// `ignore_index` has no effect on probabilities, so [`validate_soft`](SoftTargetLoss::validate_soft) refuses it.
impl SoftTargetLoss for CrossEntropy {
    /// # Errors
    ///
    /// Those of [`validate`](LossSettings::validate), and [`LossError::IgnoreIndexOfProbabilities`].
    fn validate_soft(&self, classes: usize) -> Result<(), LossError> {
        match self.ignore_index {
            Some(found) => Err(LossError::IgnoreIndexOfProbabilities { found }),
            None => self.validate(classes),
        }
    }

    fn soft_losses<B: VisionBackend>(&self, logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> SampleLosses<B> {
        assert_eq!(logits.dims(), targets.dims(), "logits and soft targets have one shape");
        let weights = self.sample_weights(targets.clone());
        SampleLosses { losses: softmax_cross_entropy(logits, self.smoothed_and_weighted(targets)), weights }
    }

    /// As [`CrossEntropy::normalisation`] says.
    fn sample_weights<B: VisionBackend>(&self, targets: Tensor<B, 2>) -> Tensor<B, 1> {
        let (n, device) = (targets.dims()[0], targets.device());
        let ones = Tensor::ones([n], &device);
        let targets = targets.detach();
        match (&self.class_weights, self.normalisation) {
            (None, _) | (_, Normalisation::SampleCount) => ones,
            (Some(_), Normalisation::TargetWeight) => self.target_weights(targets),
            (Some(_), Normalisation::Automatic) => {
                // Probabilities are one-hot where their largest is 1. Decided on the device: reading the answer back
                // would make every training step wait for it.
                let all_one_hot = targets.clone().max_dim(1).min().greater_equal_elem(1.0).float();
                self.target_weights(targets).sub(ones.clone()).mul(all_one_hot).add(ones)
            }
        }
    }
}

impl CrossEntropy {
    /// Losses of samples whose targets are class numbers.
    ///
    /// A number that is neither a class nor the ignored one has no gradient and, unsmoothed, no loss:
    /// [`class_indices`](crate::class_indices) refuses such numbers.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[n, classes]`
    /// - `targets`: `[n]`
    ///
    /// # Panics
    ///
    /// When the shapes disagree.
    pub fn losses<B: VisionBackend>(&self, logits: Tensor<B, 2>, targets: Tensor<B, 1, Int>) -> SampleLosses<B> {
        let [n, classes] = logits.dims();
        assert_eq!(targets.dims(), [n], "logits [{n}, {classes}] need targets [{n}], found {:?}", targets.dims());
        let device = logits.device();
        let kept = self.ignore_index.map(|ignored| targets.clone().equal_elem(ignored as i64).bool_not().float());
        // Comparing with every class number, rather than gathering the target's logit, keeps the gradient free of
        // scattered sums, whose order a GPU does not fix.
        let numbers = Tensor::<B, 1, Int>::arange(0..classes as i64, &device).unsqueeze::<2>();
        let one_hot = targets.unsqueeze_dim::<2>(1).equal(numbers).float();
        // An ignored number can also be that of a class.
        let one_hot = match &kept {
            Some(kept) => one_hot * kept.clone().unsqueeze_dim::<2>(1),
            None => one_hot,
        };
        let weights = match (self.normalisation, &kept) {
            (Normalisation::SampleCount, None) => Tensor::ones([n], &device),
            (Normalisation::SampleCount, Some(kept)) => kept.clone(),
            _ => self.target_weights(one_hot.clone()),
        };
        let losses = softmax_cross_entropy(logits, self.smoothed_and_weighted(one_hot));
        let losses = match kept {
            Some(kept) => losses * kept,
            None => losses,
        };
        SampleLosses { losses, weights }
    }

    /// Losses of an image's pixels whose targets are class numbers.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[batch, classes, height, width]`
    /// - `targets`: `[batch, height, width]`
    /// - output: `[batch · height · width]`, in the targets' order
    ///
    /// # Panics
    ///
    /// When the shapes disagree.
    pub fn pixel_losses<B: VisionBackend>(&self, logits: Tensor<B, 4>, targets: Tensor<B, 3, Int>) -> SampleLosses<B> {
        let [batch, classes, height, width] = logits.dims();
        assert_eq!(targets.dims(), [batch, height, width], "logits {:?} need a target a pixel", logits.dims());
        let pixels = batch * height * width;
        self.losses(logits.permute([0, 2, 3, 1]).reshape([pixels, classes]), targets.reshape([pixels]))
    }

    /// [`Self::losses`], reduced: `[1]`, or `[n]` for [`Reduction::None`].
    pub fn forward<B: VisionBackend>(
        &self,
        logits: Tensor<B, 2>,
        targets: Tensor<B, 1, Int>,
        reduction: Reduction,
    ) -> Tensor<B, 1> {
        self.losses(logits, targets).reduce(reduction)
    }

    /// [`Self::pixel_losses`], reduced: `[1]`, or `[batch · height · width]` for [`Reduction::None`].
    pub fn forward_pixels<B: VisionBackend>(
        &self,
        logits: Tensor<B, 4>,
        targets: Tensor<B, 3, Int>,
        reduction: Reduction,
    ) -> Tensor<B, 1> {
        self.pixel_losses(logits, targets).reduce(reduction)
    }

    /// `Σ_c target_c · weight_c`, `[n]`.
    fn target_weights<B: VisionBackend>(&self, targets: Tensor<B, 2>) -> Tensor<B, 1> {
        self.weighted(targets).sum_dim(1).squeeze_dim::<1>(1)
    }

    fn smoothed_and_weighted<B: VisionBackend>(&self, targets: Tensor<B, 2>) -> Tensor<B, 2> {
        let smoothing = self.label_smoothing;
        if smoothing == 0.0 {
            return self.weighted(targets);
        }
        let classes = targets.dims()[1] as f64;
        self.weighted(targets.mul_scalar(1.0 - smoothing).add_scalar(smoothing / classes))
    }

    fn weighted<B: VisionBackend>(&self, targets: Tensor<B, 2>) -> Tensor<B, 2> {
        let Some(weights) = &self.class_weights else { return targets };
        let data = TensorData::new(weights.clone(), [1, weights.len()]);
        let weights = Tensor::from_data(data, &targets.device());
        targets * weights
    }
}
