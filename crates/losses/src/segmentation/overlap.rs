//! Losses of overlapping areas: Dice, Jaccard, Tversky.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use super::PixelTargets;
use super::pixel_loss::PixelLoss;
use crate::error::check_range;
use crate::{LossError, LossSettings};

/// How logits become probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PixelActivation {
    /// `automatic`: a sigmoid for one channel, a softmax for more.
    #[default]
    Automatic,
    /// `softmax`: each pixel has one of the classes.
    Softmax,
    /// `sigmoid`: each channel is a yes or no.
    Sigmoid,
}

impl PixelActivation {
    /// Probabilities of rows `[batch, pixels, channels]`.
    pub(super) fn apply<B: VisionBackend>(self, rows: Tensor<B, 3>) -> Tensor<B, 3> {
        let one = rows.dims()[2] == 1;
        match self {
            Self::Automatic if one => activation::sigmoid(rows),
            Self::Automatic | Self::Softmax => activation::softmax(rows, 2),
            Self::Sigmoid => activation::sigmoid(rows),
        }
    }

    /// Refuses a softmax of one channel, which is always 1.
    pub(super) fn validate(self, channels: usize) -> Result<(), LossError> {
        let accepted = self != Self::Softmax || channels > 1;
        check_range("activation", channels as f64, accepted, "more than 1 channel for a softmax")
    }
}

/// Default of what is added to the numerator and the denominator of a ratio of areas: 1 pixel.
const DEFAULT_SMOOTHING: f64 = 1.0;
/// Weights of false positives and false negatives by default (Salehi et al. 2017, table 1: the best).
const DEFAULT_TVERSKY: [f64; 2] = [0.3, 0.7];
/// Exponent by default: 1/γ with the γ = 4/3 of Abraham and Khan 2018.
const DEFAULT_FOCUS: f64 = 0.75;

/// Areas of each class in pixels, where a pixel counts by its probability: `[groups, channels]`, a group being an image
/// or the batch.
struct Areas<B: VisionBackend> {
    /// `Σ p · t`.
    common: Tensor<B, 2>,
    /// `Σ p`.
    predicted: Tensor<B, 2>,
    /// `Σ t`.
    labelled: Tensor<B, 2>,
}

impl<B: VisionBackend> Areas<B> {
    fn new(rows: Tensor<B, 3>, targets: &PixelTargets<B>, activation: PixelActivation, per_image: bool) -> Self {
        let probabilities = activation.apply(rows);
        let probabilities = match &targets.kept {
            Some(kept) => probabilities * kept.clone(),
            None => probabilities,
        };
        let sum = |values: Tensor<B, 3>| {
            let images = values.sum_dim(1).squeeze_dim::<2>(1);
            if per_image { images } else { images.sum_dim(0) }
        };
        Self {
            common: sum(probabilities.clone() * targets.labels.clone()),
            predicted: sum(probabilities),
            labelled: sum(targets.labels.clone()),
        }
    }
}

/// `1 - (numerator + smoothing) / (denominator + smoothing)`.
fn missing<B: VisionBackend>(numerator: Tensor<B, 2>, denominator: Tensor<B, 2>, smoothing: f64) -> Tensor<B, 2> {
    (numerator.add_scalar(smoothing) / denominator.add_scalar(smoothing)).neg().add_scalar(1.0)
}

fn check_smoothing(smoothing: f64) -> Result<(), LossError> {
    check_range("smoothing", smoothing, smoothing > 0.0 && smoothing.is_finite(), "a finite number above 0")
}

/// `1 - (2 Σ p·t + s) / (Σ p + Σ t + s)`, the mean over classes.
///
/// Source: Milletari et al. 2016, "V-Net", section 3, with plain sums in the denominator (Drozdzal et al. 2016).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Dice {
    /// How logits become probabilities; automatic by default.
    pub activation: PixelActivation,
    /// `s` in pixels, above 0; 1 by default. With it, a class that is neither labelled nor predicted has no loss.
    pub smoothing: f64,
    /// Whether areas are summed over each image, and the loss averaged over images, instead of summing areas over the
    /// whole batch; false by default.
    pub per_image: bool,
}

/// `1 - (Σ p·t + s) / (Σ p + Σ t - Σ p·t + s)`, the mean over classes.
///
/// Source: Rahman and Wang 2016, "Optimizing intersection-over-union in deep neural networks for image segmentation".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Jaccard {
    /// As for [`Dice::activation`].
    pub activation: PixelActivation,
    /// As for [`Dice::smoothing`].
    pub smoothing: f64,
    /// As for [`Dice::per_image`].
    pub per_image: bool,
}

/// `1 - (Σ p·t + s) / (Σ p·t + α Σ p·(1-t) + β Σ (1-p)·t + s)`, the mean over classes.
///
/// α = β = 1/2 is the Dice loss with twice the smoothing, α = β = 1 the Jaccard loss.
///
/// Source: Salehi et al. 2017, "Tversky loss function for image segmentation using 3D fully convolutional deep
/// networks", equation 4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Tversky {
    /// As for [`Dice::activation`].
    pub activation: PixelActivation,
    /// As for [`Dice::smoothing`].
    pub smoothing: f64,
    /// As for [`Dice::per_image`].
    pub per_image: bool,
    /// Weight of false positives, not negative; 0.3 by default.
    pub alpha: f64,
    /// Weight of false negatives, not negative; 0.7 by default, which favours recall.
    pub beta: f64,
}

/// [`Tversky`] of each class to the power of γ: below 1, classes with a small loss count more, above 1 less.
///
/// Source: Abraham and Khan 2018, "A novel focal Tversky loss function", equation 3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct FocalTversky {
    /// As for [`Dice::activation`].
    pub activation: PixelActivation,
    /// As for [`Dice::smoothing`].
    pub smoothing: f64,
    /// As for [`Dice::per_image`].
    pub per_image: bool,
    /// As for [`Tversky::alpha`].
    pub alpha: f64,
    /// As for [`Tversky::beta`].
    pub beta: f64,
    /// Exponent γ, above 0; 0.75 by default, the paper's 1/γ with its γ = 4/3.
    pub gamma: f64,
}

impl Default for Dice {
    fn default() -> Self {
        Self { activation: PixelActivation::default(), smoothing: DEFAULT_SMOOTHING, per_image: false }
    }
}

impl Default for Jaccard {
    fn default() -> Self {
        Self { activation: PixelActivation::default(), smoothing: DEFAULT_SMOOTHING, per_image: false }
    }
}

impl Default for Tversky {
    fn default() -> Self {
        let [alpha, beta] = DEFAULT_TVERSKY;
        let activation = PixelActivation::default();
        Self { activation, smoothing: DEFAULT_SMOOTHING, per_image: false, alpha, beta }
    }
}

impl Default for FocalTversky {
    fn default() -> Self {
        let Tversky { activation, smoothing, per_image, alpha, beta } = Tversky::default();
        Self { activation, smoothing, per_image, alpha, beta, gamma: DEFAULT_FOCUS }
    }
}

impl LossSettings for Dice {
    fn validate(&self, channels: usize) -> Result<(), LossError> {
        self.activation.validate(channels)?;
        check_smoothing(self.smoothing)
    }
}

impl PixelLoss for Dice {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let Areas { common, predicted, labelled } = Areas::new(rows, targets, self.activation, self.per_image);
        missing(common.mul_scalar(2.0), predicted + labelled, self.smoothing).mean()
    }
}

impl LossSettings for Jaccard {
    fn validate(&self, channels: usize) -> Result<(), LossError> {
        self.activation.validate(channels)?;
        check_smoothing(self.smoothing)
    }
}

impl PixelLoss for Jaccard {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let Areas { common, predicted, labelled } = Areas::new(rows, targets, self.activation, self.per_image);
        missing(common.clone(), predicted + labelled - common, self.smoothing).mean()
    }
}

impl LossSettings for Tversky {
    fn validate(&self, channels: usize) -> Result<(), LossError> {
        self.activation.validate(channels)?;
        check_smoothing(self.smoothing)?;
        for (key, value) in [("alpha", self.alpha), ("beta", self.beta)] {
            check_range(key, value, value >= 0.0 && value.is_finite(), "a finite number from 0 up")?;
        }
        Ok(())
    }
}

impl Tversky {
    /// The loss of each group (an image or the batch) and class, `[groups, channels]`.
    fn classes<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 2> {
        let Areas { common, predicted, labelled } = Areas::new(rows, targets, self.activation, self.per_image);
        let too_much = (predicted - common.clone()).mul_scalar(self.alpha);
        let too_little = (labelled - common.clone()).mul_scalar(self.beta);
        missing(common.clone(), common + too_much + too_little, self.smoothing)
    }
}

impl PixelLoss for Tversky {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        self.classes(rows, targets).mean()
    }
}

/// Losses below this have no gradient, since a power below 1 has an infinite slope at 0.
const LEAST_FOCUSED: f32 = 1e-7;

impl FocalTversky {
    fn tversky(&self) -> Tversky {
        let Self { activation, smoothing, per_image, alpha, beta, gamma: _ } = *self;
        Tversky { activation, smoothing, per_image, alpha, beta }
    }
}

impl LossSettings for FocalTversky {
    fn validate(&self, channels: usize) -> Result<(), LossError> {
        self.tversky().validate(channels)?;
        check_range("gamma", self.gamma, self.gamma > 0.0 && self.gamma.is_finite(), "a finite number above 0")
    }
}

impl PixelLoss for FocalTversky {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let missing = self.tversky().classes(rows, targets);
        // Not `clamp_min`, which makes a number of NaN on some backends.
        let too_little = missing.clone().lower_elem(LEAST_FOCUSED);
        missing.mask_fill(too_little, LEAST_FOCUSED).powf_scalar(self.gamma).mean()
    }
}
