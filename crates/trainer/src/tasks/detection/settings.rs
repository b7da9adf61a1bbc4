//! The tables of a configuration that only detection has.

use std::collections::BTreeMap;

use augment::{AugmentError, DetectionMixup, Mosaic, Pipeline};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vision_types::{DetectedObject, nms};

use crate::config::{AugmentTable, ConfigTable};

/// The grey around letterboxed images, as YOLOX pads.
const YOLOX_PAD: u8 = 114;

/// How training samples are varied, and where images lie in the network's input.
///
/// An image is put into the input's size by a mosaic or a letterbox first; the steps of `train` come after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DetectionAugment {
    /// Steps for training images of the input's size, in order.
    pub train: Pipeline,
    /// Four images in one, and the random warp that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mosaic: Option<Mosaic>,
    /// Another image blended in, after the mosaic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixup: Option<DetectionMixup>,
    /// Epochs at the end without mosaic and mixup, when the loss on raw box sizes is added.
    pub plain_epochs: usize,
    /// Sides of training batches vary by up to this many steps of 32 pixels around the input's; 0: never.
    pub multi_scale: usize,
    /// Batches that share one size.
    pub multi_scale_batches: usize,
    /// Share of a box that must stay visible for it to be kept, `0..=1`.
    pub min_visible: f32,
    /// Sides in pixels that a box must have in the network's input for it to be kept.
    pub min_side: f32,
    /// Where an image lies in the input, in training, evaluation and prediction.
    pub letterbox: Placement,
    /// Grey level around letterboxed images.
    pub pad: u8,
}

/// Where a scaled image lies in the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// In the upper left corner, as YOLOX trains.
    #[default]
    TopLeft,
    /// In the middle.
    Centre,
}

impl Default for DetectionAugment {
    fn default() -> Self {
        Self {
            train: Pipeline::default(),
            mosaic: None,
            mixup: None,
            plain_epochs: 0,
            multi_scale: 0,
            multi_scale_batches: 10,
            min_visible: 0.1,
            min_side: 1.0,
            letterbox: Placement::TopLeft,
            pad: YOLOX_PAD,
        }
    }
}

/// How an image comes to a detector's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectionPreparation {
    /// Where it lies there.
    pub letterbox: Placement,
    /// Grey level around it.
    pub pad: u8,
}

impl AugmentTable for DetectionAugment {
    type Preparation = DetectionPreparation;

    fn preparation(&self) -> DetectionPreparation {
        DetectionPreparation { letterbox: self.letterbox, pad: self.pad }
    }

    fn with_preparation(DetectionPreparation { letterbox, pad }: DetectionPreparation) -> Self {
        Self { letterbox, pad, ..Self::default() }
    }
}

impl ConfigTable for DetectionAugment {
    fn problem(&self) -> Option<String> {
        let named = |name: &'static str| move |error: AugmentError| format!("augment.{name}: {error}");
        let checks = [
            self.train.validate().map_err(named("train")),
            self.mosaic.as_ref().map_or(Ok(()), Mosaic::validate).map_err(named("mosaic")),
            self.mixup.as_ref().map_or(Ok(()), DetectionMixup::validate).map_err(named("mixup")),
        ];
        if let Some(problem) = checks.into_iter().find_map(Result::err) {
            return Some(problem);
        }
        if self.multi_scale_batches == 0 {
            return Some("augment.multi_scale_batches must be at least 1, found 0".to_owned());
        }
        if !(0.0..=1.0).contains(&self.min_visible) {
            return Some(format!("augment.min_visible must lie in 0..=1, found {}", self.min_visible));
        }
        (!self.min_side.is_finite() || self.min_side < 0.0)
            .then(|| format!("augment.min_side must be 0 or more pixels, found {}", self.min_side))
    }
}

/// How raw outputs become detections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecodeConfig {
    /// Detections below this confidence are dropped before anything else.
    pub score_threshold: f32,
    /// How detections of the same object are told from one another.
    pub nms: NmsKind,
    /// Overlap (IoU) above which the weaker of two detections goes.
    pub iou_threshold: f32,
    /// Detections kept of one image, the most confident ones.
    pub max_detections: usize,
    /// Whether an anchor point may answer with several classes instead of its best.
    pub multi_label: bool,
    /// Confidences that `predict` asks for, by class name; its `--score` for the others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub class_thresholds: BTreeMap<String, f32>,
}

/// How detections of the same object are told from one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NmsKind {
    /// Only detections of one class suppress one another.
    #[default]
    ClassWise,
    /// Any detection suppresses any.
    ClassAgnostic,
    /// Class by class, overlapping detections lose confidence by a Gaussian instead of going (Bodla et al. 2017).
    Soft,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self {
            // What YOLOX's evaluation uses.
            score_threshold: 0.001,
            nms: NmsKind::ClassWise,
            iou_threshold: 0.65,
            max_detections: 300,
            multi_label: false,
            class_thresholds: BTreeMap::new(),
        }
    }
}

impl DecodeConfig {
    /// Of several detections of one object the most confident, at most `max_detections`, the most confident first.
    pub fn suppressed(&self, candidates: Vec<DetectedObject>) -> Vec<DetectedObject> {
        let Self { nms, iou_threshold, max_detections, score_threshold, .. } = *self;
        match nms {
            NmsKind::ClassWise => nms::class_wise(candidates, iou_threshold, max_detections),
            NmsKind::ClassAgnostic => nms::class_agnostic(candidates, iou_threshold, max_detections),
            NmsKind::Soft => nms::soft_nms(candidates, nms::SOFT_SIGMA, score_threshold, max_detections),
        }
    }
}

impl ConfigTable for DecodeConfig {
    fn problem(&self) -> Option<String> {
        let thresholds =
            self.class_thresholds.iter().map(|(class, value)| (format!("class_thresholds.{class}"), *value));
        let fixed = [("score_threshold", self.score_threshold), ("iou_threshold", self.iou_threshold)]
            .map(|(k, v)| (k.to_owned(), v));
        for (key, value) in fixed.into_iter().chain(thresholds) {
            if !(0.0..=1.0).contains(&value) {
                return Some(format!("decode.{key} must lie in 0..=1, found {value}"));
            }
        }
        (self.max_detections == 0).then(|| "decode.max_detections must be at least 1, found 0".to_owned())
    }
}
