//! The tables of a configuration that only segmentation has.

use augment::Pipeline;
use losses::{BoundaryWeights, SegmentationLoss};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vision_types::Connectivity;

use crate::config::{AugmentTable, ConfigTable};

/// How training images are varied, and how an image comes to the network's input size.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentationAugment {
    /// Steps for training images and their masks, in order.
    pub train: Pipeline,
    /// How images of another size come to the input's, in training, evaluation and prediction.
    pub fit: Fit,
    /// Grey level around letterboxed images.
    pub pad: u8,
}

/// How an image comes to the network's input size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Scaled to it, whatever becomes of the proportions; answers are scaled back.
    #[default]
    Stretch,
    /// Scaled with its proportions and padded on the right and below.
    Letterbox,
    /// Not scaled: overlapping tiles of the input's size, put together again; in training one tile, at random.
    Tiles,
}

/// How an image comes to a segmentation network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentationPreparation {
    /// How it comes to its size.
    pub fit: Fit,
    /// Grey level around letterboxed images.
    pub pad: u8,
}

impl AugmentTable for SegmentationAugment {
    type Preparation = SegmentationPreparation;

    fn preparation(&self) -> SegmentationPreparation {
        SegmentationPreparation { fit: self.fit, pad: self.pad }
    }

    fn with_preparation(SegmentationPreparation { fit, pad }: SegmentationPreparation) -> Self {
        Self { fit, pad, ..Self::default() }
    }
}

impl ConfigTable for SegmentationAugment {
    fn problem(&self) -> Option<String> {
        self.train.validate().err().map(|error| format!("augment.train: {error}"))
    }
}

/// What is minimised: the keys of a [`SegmentationLoss`], and what is added to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentationObjective {
    /// The loss.
    #[serde(flatten)]
    pub loss: SegmentationLoss,
    /// More weight for pixels between touching objects; unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<BoundarySettings>,
    /// Weight of the same loss of the auxiliary head, where the network has one.
    #[serde(default = "default_auxiliary_weight")]
    pub auxiliary_weight: f64,
}

/// torchvision's reference scripts have it so.
const fn default_auxiliary_weight() -> f64 {
    0.5
}

impl Default for SegmentationObjective {
    fn default() -> Self {
        Self { loss: SegmentationLoss::default(), boundary: None, auxiliary_weight: default_auxiliary_weight() }
    }
}

impl ConfigTable for SegmentationObjective {
    fn problem(&self) -> Option<String> {
        if !(self.auxiliary_weight >= 0.0 && self.auxiliary_weight.is_finite()) {
            let found = self.auxiliary_weight;
            return Some(format!("loss.auxiliary_weight must be finite and not negative, found {found}"));
        }
        let BoundarySettings { strength, sigma } = self.boundary?;
        (!(strength >= 0.0 && strength.is_finite() && sigma > 0.0 && sigma.is_finite())).then(|| {
            format!(
                "loss.boundary needs a strength from 0 up and a sigma above 0, found {strength} and {sigma} \
                 (10 and 5 in the U-Net paper)"
            )
        })
    }
}

/// The weight map of the U-Net paper ([`losses::boundary_weights`]); objects are the connected regions of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BoundarySettings {
    /// Weight in the middle of the narrowest gap.
    pub strength: f64,
    /// Width in pixels of a gap that counts.
    pub sigma: f64,
}

impl Default for BoundarySettings {
    fn default() -> Self {
        let BoundaryWeights { strength, sigma, .. } = BoundaryWeights::default();
        Self { strength, sigma }
    }
}

/// How logits become masks, and masks objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentationDecode {
    /// `fit = "tiles"`: pixels that neighbouring tiles share, in which their answers are blended.
    pub overlap: usize,
    /// `fit = "tiles"`: pixels at a tile's inner edges whose answers are not used, because they saw too little around them;
    /// at most half of `overlap`.
    pub margin: usize,
    /// Objects: pixels that a connected region must have.
    pub min_area: u64,
    /// Objects: whether pixels that touch by a corner are connected (8-connectivity) or only those that share an edge (4).
    pub connectivity: Connectivity,
}

impl Default for SegmentationDecode {
    fn default() -> Self {
        Self { overlap: 64, margin: 0, min_area: 1, connectivity: Connectivity::Eight }
    }
}

impl ConfigTable for SegmentationDecode {
    fn problem(&self) -> Option<String> {
        let Self { overlap, margin, .. } = *self;
        (2 * margin > overlap)
            .then(|| format!("decode.margin must be at most half of decode.overlap ({overlap}), found {margin}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_lies_beside_what_is_added_to_it() {
        let text = "kind = \"sum\"\nterms = [{ loss = { kind = \"cross-entropy\" } }, { weight = 2.0, loss = { kind = \"dice\" } }]\n\
                    boundary = { sigma = 3.0 }\n";
        let loss: SegmentationObjective = toml::from_str(text).expect("valid");
        assert!(matches!(&loss.loss, SegmentationLoss::Sum(sum) if sum.terms.len() == 2));
        assert_eq!(loss.boundary, Some(BoundarySettings { strength: 10.0, sigma: 3.0 }));
        let written = toml::to_string(&loss).expect("TOML");
        assert_eq!(toml::from_str::<SegmentationObjective>(&written).expect("valid"), loss, "{written}");
        for (wrong, expected) in [
            ("kind = \"dice\"\nsmothing = 2.0\n", "unknown field `smothing`"),
            ("kind = \"dise\"\n", "unknown variant `dise`"),
            ("kind = \"dice\"\nboundary = { width = 2 }\n", "unknown field `width`"),
        ] {
            let error = toml::from_str::<SegmentationObjective>(wrong).expect_err(wrong).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let loss = SegmentationObjective { auxiliary_weight: -1.0, ..SegmentationObjective::default() };
        assert!(loss.problem().expect("negative").starts_with("loss.auxiliary_weight must be"));
        let boundary = Some(BoundarySettings { sigma: 0.0, ..BoundarySettings::default() });
        let loss = SegmentationObjective { boundary, ..SegmentationObjective::default() };
        assert!(loss.problem().expect("no width").starts_with("loss.boundary needs"));
        let decode = SegmentationDecode { overlap: 20, margin: 11, ..SegmentationDecode::default() };
        assert!(decode.problem().expect("too wide").starts_with("decode.margin must be at most half"));
    }
}
