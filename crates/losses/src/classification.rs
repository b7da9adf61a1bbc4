//! The losses that can train a classifier, chosen by name.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::{LossError, SampleLosses, SoftTargetLoss};

/// Makes [`ClassificationLoss`] of the list of losses. A line is the loss's file, its settings, and what it is; the
/// settings implement [`SoftTargetLoss`] and [`Default`], and are public under the crate's name.
macro_rules! classification_losses {
    ($($file:ident::$Loss:ident: $meaning:literal,)+) => {
        $(pub use crate::$file::$Loss;)+

        /// A classifier's loss: `kind = "cross-entropy"` with the keys of [`CrossEntropy`], and so on; a kind is
        /// called by its variant's name in kebab case. Cross-entropy by default.
        ///
        /// The elementwise losses compare each of a sample's outputs with its target probability, and a sample's loss
        /// is the mean over its classes. The regression losses among them compare the outputs themselves, not their
        /// softmax.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "kind", rename_all = "kebab-case")]
        pub enum ClassificationLoss {
            $(#[doc = $meaning] $Loss($Loss),)+
        }

        impl ClassificationLoss {
            /// Every kind of loss with its default settings.
            pub fn every() -> Vec<Self> {
                vec![$(Self::$Loss($Loss::default()),)+]
            }

            /// Checks the settings for a network with `classes` outputs.
            ///
            /// # Errors
            ///
            /// [`LossError`] naming the key: a list that does not have one value for each class, a weight that is
            /// negative or not finite, a number outside its range, or an `ignore_index`, which targets that are
            /// probabilities cannot have.
            pub fn validate(&self, classes: usize) -> Result<(), LossError> {
                match self {
                    $(Self::$Loss(loss) => loss.validate_soft(classes),)+
                }
            }

            /// The loss of each sample and what it counts in a mean.
            ///
            /// `losses(…).mean()` is the loss to train with, `Σ losses / Σ weights`. All weights are 1, except those of
            /// a cross-entropy with class weights: there a batch of one-hot targets divides by the sum of the targets'
            /// class weights, a batch with mixed targets by its size, both as in PyTorch, unless its
            /// [`Normalisation`](crate::Normalisation) says otherwise. Over several batches, sum losses and weights
            /// separately and divide once.
            ///
            /// # Shapes
            ///
            /// - `logits`, `soft_targets`: `[n, classes]`, each row of the targets with the sum 1, see
            ///   [`one_hot`](crate::one_hot)
            ///
            /// # Panics
            ///
            /// When the shapes disagree.
            pub fn losses<B: VisionBackend>(
                &self,
                logits: Tensor<B, 2>,
                soft_targets: Tensor<B, 2>,
            ) -> SampleLosses<B> {
                match self {
                    $(Self::$Loss(loss) => loss.soft_losses(logits, soft_targets),)+
                }
            }

            /// What each sample counts in a mean, `[n]`, see [`Self::losses`].
            pub fn sample_weights<B: VisionBackend>(&self, soft_targets: Tensor<B, 2>) -> Tensor<B, 1> {
                match self {
                    $(Self::$Loss(loss) => loss.sample_weights(soft_targets),)+
                }
            }
        }
    };
}

classification_losses! {
    cross_entropy::CrossEntropy: "Softmax; each sample has one class.",
    focal::Focal: "Softmax; each sample has one class, and hard samples count more.",
    binary_cross_entropy::BinaryCrossEntropy: "Sigmoid; a yes or no for each class.",
    sigmoid_focal::SigmoidFocal: "Sigmoid; a yes or no for each class, and hard answers count more.",
    mean_absolute::MeanAbsolute: "Distance to the target.",
    mean_squared::MeanSquared: "Squared distance to the target.",
    huber::Huber: "Squared near the target, absolute far from it.",
    smooth_l1::SmoothL1: "Absolute distance, squared near the target so that it has no kink.",
}

impl Default for ClassificationLoss {
    fn default() -> Self {
        Self::CrossEntropy(CrossEntropy::default())
    }
}

impl ClassificationLoss {
    /// Loss of each sample, class weights applied, `[n]`: [`Self::losses`] without what each counts in a mean.
    pub fn forward<B: VisionBackend>(&self, logits: Tensor<B, 2>, soft_targets: Tensor<B, 2>) -> Tensor<B, 1> {
        self.losses(logits, soft_targets).losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LossSettings, Normalisation};

    fn parse(json: &str) -> Result<ClassificationLoss, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn every_kind_is_called_by_its_name_alone_and_refuses_unknown_keys() {
        for loss in ClassificationLoss::every() {
            assert_eq!(loss.validate(10), Ok(()), "{loss:?}");
            let mut table = serde_json::to_value(&loss).expect("plain data");
            let kind = table["kind"].clone();
            assert_eq!(parse(&serde_json::json!({"kind": kind}).to_string()), Ok(loss.clone()));
            assert_eq!(parse(&table.to_string()), Ok(loss), "{table}");
            table["gama"] = 1.into();
            let error = parse(&table.to_string()).expect_err("an unknown key");
            assert!(error.contains("unknown field `gama`"), "{error}");
        }
    }

    #[test]
    fn each_kind_needs_nothing_but_its_name() {
        for (kind, expected) in [
            ("cross-entropy", ClassificationLoss::default()),
            ("focal", ClassificationLoss::Focal(Focal { alpha: None, gamma: 2.0 })),
            ("binary-cross-entropy", ClassificationLoss::BinaryCrossEntropy(BinaryCrossEntropy { pos_weight: None })),
            ("sigmoid-focal", ClassificationLoss::SigmoidFocal(SigmoidFocal { alpha: None, gamma: 2.0 })),
            ("mean-absolute", ClassificationLoss::MeanAbsolute(MeanAbsolute {})),
            ("mean-squared", ClassificationLoss::MeanSquared(MeanSquared {})),
            ("huber", ClassificationLoss::Huber(Huber { delta: 1.0 })),
            ("smooth-l1", ClassificationLoss::SmoothL1(SmoothL1 { beta: 1.0 })),
        ] {
            assert_eq!(parse(&format!(r#"{{"kind": "{kind}"}}"#)), Ok(expected.clone()));
            expected.validate(10).expect("defaults are valid");
            let written = serde_json::to_string(&expected).expect("plain data");
            assert_eq!(parse(&written), Ok(expected), "{written}");
            let error = parse(&format!(r#"{{"kind": "{kind}", "gama": 1}}"#)).expect_err("an unknown key");
            assert!(error.contains("unknown field `gama`"), "{error}");
        }
    }

    #[test]
    fn keys_are_kebab_case() {
        let json = r#"{"kind": "cross-entropy", "class_weights": [1, 2.5], "label_smoothing": 0.1,
            "normalisation": "sample-count"}"#;
        let expected = CrossEntropy {
            class_weights: Some(vec![1.0, 2.5]),
            label_smoothing: 0.1,
            ignore_index: None,
            normalisation: Normalisation::SampleCount,
        };
        assert_eq!(parse(json), Ok(ClassificationLoss::CrossEntropy(expected)));
    }

    #[test]
    fn settings_out_of_range_are_named() {
        for (settings, expected) in [
            (
                r#""cross-entropy", "class_weights": [1, 2]"#,
                "`class_weights` has 2 values, expected one for each of the 3 classes",
            ),
            (r#""cross-entropy", "class_weights": [1, -2, 1]"#, "`class_weights[1]` is -2, expected a finite number"),
            (r#""cross-entropy", "class_weights": [0, 0, 0]"#, "`class_weights` holds only zeros"),
            (r#""cross-entropy", "label_smoothing": 1.0"#, "`label_smoothing` is 1, expected"),
            (r#""cross-entropy", "label_smoothing": -0.1"#, "`label_smoothing` is -0.1, expected"),
            (r#""cross-entropy", "ignore_index": 255"#, "`ignore_index` is 255, expected none"),
            (r#""focal", "gamma": -1.0"#, "`gamma` is -1, expected a finite number from 0 up"),
            (r#""focal", "alpha": [1, 1]"#, "`alpha` has 2 values"),
            (r#""sigmoid-focal", "alpha": 1.5"#, "`alpha` is 1.5, expected a number from 0 to 1"),
            (r#""binary-cross-entropy", "pos_weight": [1, 1]"#, "`pos_weight` has 2 values"),
            (r#""huber", "delta": 0.0"#, "`delta` is 0, expected a finite number above 0"),
            (r#""smooth-l1", "beta": -1.0"#, "`beta` is -1, expected a finite number from 0 up"),
        ] {
            let loss = parse(&format!(r#"{{"kind": {settings}}}"#)).expect("well-formed settings");
            let error = loss.validate(3).expect_err(settings).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let not_a_number = CrossEntropy { label_smoothing: f64::NAN, ..CrossEntropy::default() };
        assert!(matches!(not_a_number.validate(3), Err(LossError::OutOfRange { key: "label_smoothing", .. })));
        let one_for_all = BinaryCrossEntropy { pos_weight: Some(vec![2.0]) };
        assert_eq!(one_for_all.validate(3), Ok(()));
    }
}
