//! The losses that can train a segmentation network, chosen by name, and weighted sums of them.

mod binary_cross_entropy;
mod boundary_weights;
mod lovasz;
mod overlap;
mod pixel_cross_entropy;
mod pixel_loss;
mod sum;
mod targets;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

pub use boundary_weights::{BoundaryWeights, boundary_weights};
pub use overlap::PixelActivation;
pub use sum::LossTerm;
pub use targets::PixelTargets;

use crate::{LossError, LossSettings};
use pixel_loss::PixelLoss;

/// Makes [`SegmentationLoss`] of the list of losses. A line is the loss's name, its file and settings, and what it is;
/// the settings implement [`PixelLoss`], [`LossSettings`] and [`Default`], and are public under the crate's name.
macro_rules! segmentation_losses {
    ($($Loss:ident($file:ident::$Settings:ident): $meaning:literal,)+) => {
        $(
            #[allow(unreachable_pub, reason = "one of them is public under a list of its own")]
            pub use $file::$Settings;
        )+

        /// A segmentation network's loss: `kind = "cross-entropy"` with the keys of [`PixelCrossEntropy`], and so on;
        /// a kind is called by its variant's name in kebab case. Cross-entropy by default.
        ///
        /// # Examples
        ///
        /// ```
        /// use losses::SegmentationLoss;
        ///
        /// let loss: SegmentationLoss = serde_json::from_str(
        ///     r#"{
        ///         "kind": "sum",
        ///         "terms": [{"loss": {"kind": "cross-entropy"}}, {"weight": 0.5, "loss": {"kind": "dice"}}]
        ///     }"#,
        /// )?;
        /// loss.validate(3)?;
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "kind", rename_all = "kebab-case")]
        pub enum SegmentationLoss {
            $(#[doc = $meaning] $Loss($Settings),)+
        }

        impl SegmentationLoss {
            /// Every kind of loss with its default settings.
            pub fn every() -> Vec<Self> {
                vec![$(Self::$Loss($Settings::default()),)+]
            }

            /// Checks the settings for a network with `channels` logits a pixel.
            ///
            /// # Errors
            ///
            /// [`LossError`] naming the key: a list that does not have one value for each class, a weight that is
            /// negative or not finite, a number outside its range, a sum without terms, or a softmax over one channel.
            pub fn validate(&self, channels: usize) -> Result<(), LossError> {
                match self {
                    $(Self::$Loss(loss) => loss.validate(channels),)+
                }
            }

            fn of_rows<B: VisionBackend>(&self, rows: Tensor<B, 3>, targets: &PixelTargets<B>) -> Tensor<B, 1> {
                match self {
                    $(Self::$Loss(loss) => loss.forward(rows, targets),)+
                }
            }
        }
    };
}

segmentation_losses! {
    CrossEntropy(pixel_cross_entropy::PixelCrossEntropy): "Softmax; each pixel has one class.",
    BinaryCrossEntropy(binary_cross_entropy::BinaryCrossEntropy): "Sigmoid; a yes or no for each pixel and channel.",
    Dice(overlap::Dice): "One minus the Dice coefficient of areas.",
    Jaccard(overlap::Jaccard): "One minus the intersection over union of areas.",
    Tversky(overlap::Tversky): "The same with weights for false positives and false negatives.",
    FocalTversky(overlap::FocalTversky): "A power of the Tversky loss.",
    LovaszSoftmax(lovasz::LovaszSoftmax): "Convex surrogate of the intersection over union; each pixel has one class.",
    LovaszHinge(lovasz::LovaszHinge): "The same for a yes or no for each pixel and channel.",
    Sum(sum::LossSum): "Several of them, weighted.",
}

impl Default for SegmentationLoss {
    fn default() -> Self {
        Self::CrossEntropy(PixelCrossEntropy::default())
    }
}

impl SegmentationLoss {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<SegmentationLoss, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn every_kind_is_called_by_its_name_alone_and_refuses_unknown_keys() {
        for loss in SegmentationLoss::every() {
            assert_eq!(loss.validate(3), Ok(()), "{loss:?}");
            let mut table = serde_json::to_value(&loss).expect("plain data");
            let by_name = parse(&serde_json::json!({"kind": table["kind"]}).to_string());
            match &loss {
                SegmentationLoss::Sum(_) => assert_eq!(by_name, Err("missing field `terms`".to_owned())),
                _ => assert_eq!(by_name, Ok(loss.clone())),
            }
            assert_eq!(parse(&table.to_string()), Ok(loss), "{table}");
            table["gama"] = 1.into();
            let error = parse(&table.to_string()).expect_err("an unknown key");
            assert!(error.contains("unknown field `gama`"), "{error}");
        }
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
