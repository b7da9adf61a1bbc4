//! The losses that can train a segmentation network, chosen by name, and weighted sums of them.

mod boundary_weights;
mod lovasz;
mod overlap;
mod targets;

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

pub use boundary_weights::{BoundaryWeights, boundary_weights};
pub use lovasz::{LovaszHinge, LovaszSoftmax};
pub use overlap::{Dice, FocalTversky, Jaccard, PixelActivation, Tversky};
pub use targets::PixelTargets;

use crate::error::{check_range, check_weights};
use crate::log_softmax::softmax_cross_entropy;
use crate::{BinaryCrossEntropy, ElementwiseLoss, LossError};

/// A segmentation network's loss: `kind = "cross-entropy"` with the keys of [`PixelCrossEntropy`], and so on.
/// Cross-entropy by default.
///
/// # Examples
///
/// ```
/// use losses::SegmentationLoss;
///
/// let loss: SegmentationLoss = serde_json::from_str(
///     r#"{"kind": "sum", "terms": [{"loss": {"kind": "cross-entropy"}}, {"weight": 0.5, "loss": {"kind": "dice"}}]}"#,
/// )?;
/// loss.validate(3)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SegmentationLoss {
    /// `cross-entropy`: softmax, each pixel has one class.
    CrossEntropy(PixelCrossEntropy),
    /// `binary-cross-entropy`: a yes or no for each pixel and channel.
    BinaryCrossEntropy(BinaryCrossEntropy),
    /// `dice`: of overlapping areas.
    Dice(Dice),
    /// `jaccard`: intersection over union of areas.
    Jaccard(Jaccard),
    /// `tversky`: areas, with false positives and false negatives weighted.
    Tversky(Tversky),
    /// `focal-tversky`: a power of it.
    FocalTversky(FocalTversky),
    /// `lovasz-softmax`: a convex surrogate of the intersection over union, each pixel has one class.
    LovaszSoftmax(LovaszSoftmax),
    /// `lovasz-hinge`: the same for a yes or no.
    LovaszHinge(LovaszHinge),
    /// `sum`: several of them.
    Sum(LossSum),
}

/// `-weight_t · ln softmax(logits)_t` a pixel of class `t`; the mean divides by the sum of the pixels' class weights, as
/// PyTorch's `cross_entropy` does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PixelCrossEntropy {
    /// Weight of each class, finite and not negative; none by default, which is as if all were 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<Vec<f32>>,
}

/// `Σ weight · loss`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossSum {
    /// What is summed, at least one.
    pub terms: Vec<LossTerm>,
}

/// A part of a [`LossSum`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossTerm {
    /// Factor, finite and not negative; 1 by default.
    #[serde(default = "one")]
    pub weight: f64,
    /// What is weighted.
    pub loss: SegmentationLoss,
}

fn one() -> f64 {
    1.0
}

impl Default for SegmentationLoss {
    fn default() -> Self {
        Self::CrossEntropy(PixelCrossEntropy::default())
    }
}

impl SegmentationLoss {
    /// Checks the settings for a network with `channels` logits a pixel.
    ///
    /// # Errors
    ///
    /// [`LossError`] naming the key: a list with a value a class of another length, a weight that is negative or not
    /// finite, a number outside its range, a sum without terms, or a softmax over one channel.
    pub fn validate(&self, channels: usize) -> Result<(), LossError> {
        match self {
            Self::CrossEntropy(PixelCrossEntropy { class_weights }) => {
                PixelActivation::Softmax.validate(channels)?;
                class_weights.as_ref().map_or(Ok(()), |weights| check_weights("class_weights", weights, channels))
            }
            Self::BinaryCrossEntropy(loss) => loss.validate(channels),
            Self::Dice(loss) => loss.validate(channels),
            Self::Jaccard(loss) => loss.validate(channels),
            Self::Tversky(loss) => loss.validate(channels),
            Self::FocalTversky(loss) => loss.validate(channels),
            Self::LovaszSoftmax(_) => PixelActivation::Softmax.validate(channels),
            Self::LovaszHinge(_) => Ok(()),
            Self::Sum(LossSum { terms }) => {
                check_range("terms", terms.len() as f64, !terms.is_empty(), "at least one term")?;
                terms.iter().try_for_each(|LossTerm { weight, loss }| {
                    check_range("weight", *weight, *weight >= 0.0 && weight.is_finite(), "a finite number from 0 up")?;
                    loss.validate(channels)
                })
            }
        }
    }

    /// The loss of a batch, `[1]`; zero where no pixel counts.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[batch, channels, height, width]`, those of the targets
    ///
    /// # Panics
    ///
    /// When the shapes disagree.
    pub fn forward<B: VisionBackend>(&self, logits: Tensor<B, 4>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        self.of_rows(targets.rows(logits), targets)
    }

    fn of_rows<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        match self {
            Self::CrossEntropy(loss) => loss.forward(rows, targets),
            Self::BinaryCrossEntropy(loss) => binary_cross_entropy(loss, rows, targets),
            Self::Dice(loss) => loss.forward(rows, targets),
            Self::Jaccard(loss) => loss.forward(rows, targets),
            Self::Tversky(loss) => loss.forward(rows, targets),
            Self::FocalTversky(loss) => loss.forward(rows, targets),
            Self::LovaszSoftmax(loss) => loss.forward(rows, targets),
            Self::LovaszHinge(loss) => loss.forward(rows, targets),
            Self::Sum(LossSum { terms }) => {
                let values = terms.iter().map(|term| term.loss.of_rows(rows.clone(), targets).mul_scalar(term.weight));
                let sum = values.reduce(|sum, value| sum + value);
                sum.unwrap_or_else(|| Tensor::zeros([1], &targets.labels.device()))
            }
        }
    }
}

/// `Σ values / count`, zero where nothing counts.
fn mean<B: VisionBackend>(sum: Tensor<B, 1>, count: Tensor<B, 1>) -> Tensor<B, 1> {
    sum / count.clamp_min(f32::MIN_POSITIVE)
}

impl PixelCrossEntropy {
    fn forward<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
        let [batch, pixels, channels] = rows.dims();
        let labels = match &self.class_weights {
            Some(weights) => {
                let data = TensorData::new(weights.clone(), [1, 1, channels]);
                targets.labels.clone() * Tensor::from_data(data, &rows.device())
            }
            None => targets.labels.clone(),
        };
        let count = labels.clone().sum();
        let weighted = match &targets.pixel_weights {
            Some(weights) => labels * weights.clone(),
            None => labels,
        };
        let flat = |values: Tensor<B, 3>| values.reshape([batch * pixels, channels]);
        mean(softmax_cross_entropy(flat(rows), flat(weighted)).sum(), count)
    }
}

/// The mean over pixels that count and channels.
fn binary_cross_entropy<B: VisionBackend>(
    loss: &BinaryCrossEntropy,
    rows: Tensor<B, 3>,
    targets: &PixelTargets<B>,
) -> Tensor<B, 1> {
    let [batch, pixels, channels] = rows.dims();
    let flat = |values: Tensor<B, 3>| values.reshape([batch * pixels, channels]);
    let elements = loss.elements(flat(rows), flat(targets.labels.clone())).reshape([batch, pixels, channels]);
    let elements = match &targets.kept {
        Some(kept) => elements * kept.clone(),
        None => elements,
    };
    let elements = match &targets.pixel_weights {
        Some(weights) => elements * weights.clone(),
        None => elements,
    };
    match &targets.kept {
        Some(kept) => mean(elements.sum(), kept.clone().sum().mul_scalar(channels as f64)),
        None => elements.mean(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<SegmentationLoss, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn each_kind_needs_nothing_but_its_name() {
        for kind in [
            "cross-entropy",
            "binary-cross-entropy",
            "dice",
            "jaccard",
            "tversky",
            "focal-tversky",
            "lovasz-softmax",
            "lovasz-hinge",
        ] {
            let loss = parse(&format!(r#"{{"kind": "{kind}"}}"#)).expect(kind);
            assert_eq!(loss.validate(3), Ok(()), "{kind}");
            let written = serde_json::to_string(&loss).expect("plain data");
            assert_eq!(parse(&written), Ok(loss), "{written}");
            let error = parse(&format!(r#"{{"kind": "{kind}", "gama": 1}}"#)).expect_err("an unknown key");
            assert!(error.contains("unknown field `gama`"), "{error}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        for (settings, expected) in [
            (r#""cross-entropy", "class_weights": [1, 2]"#, "`class_weights` has 2 values"),
            (r#""dice", "smoothing": 0.0"#, "`smoothing` is 0, expected a finite number above 0"),
            (r#""tversky", "beta": -1.0"#, "`beta` is -1, expected a finite number from 0 up"),
            (r#""focal-tversky", "gamma": 0.0"#, "`gamma` is 0, expected a finite number above 0"),
            (r#""sum", "terms": []"#, "`terms` is 0, expected at least one term"),
            (r#""sum", "terms": [{"weight": -1.0, "loss": {"kind": "dice"}}]"#, "`weight` is -1, expected"),
        ] {
            let loss = parse(&format!(r#"{{"kind": {settings}}}"#)).expect("well-formed settings");
            let error = loss.validate(3).expect_err(settings).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        for kind in ["cross-entropy", "lovasz-softmax"] {
            let error = parse(&format!(r#"{{"kind": "{kind}"}}"#)).expect(kind).validate(1).expect_err("one channel");
            assert!(error.to_string().contains("more than 1 channel for a softmax"), "{error}");
        }
    }
}
