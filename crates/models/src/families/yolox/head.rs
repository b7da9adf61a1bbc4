//! The decoupled head: one branch for classes, one for boxes and objectness.
//!
//! Paper: Ge et al. 2021, section 2.1 and figure 2. Reference: Megvii's YOLOX, `yolox/models/yolo_head.py`,
//! `YOLOXHead`.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::{concatenate_channels, pixel_rows};

use super::YoloxConfig;
use super::blocks::{BaseConv, Unit};
use crate::layers::{Conv2d, Conv2dConfig};

/// How probable an object, and each class, is at the start everywhere: few cells hold one (Lin et al. 2017, "Focal loss
/// for dense object detection", section 4.1).
const PRIOR: f64 = 1e-2;

/// Units of each branch.
const BRANCH_UNITS: usize = 2;

/// The head, with a stem, two branches and three predictions for each feature map.
#[derive(Module, Debug)]
pub struct YoloxHead<B: Backend> {
    cls_convs: Vec<Vec<Unit<B>>>,
    reg_convs: Vec<Vec<Unit<B>>>,
    cls_preds: Vec<Conv2d<B>>,
    reg_preds: Vec<Conv2d<B>>,
    obj_preds: Vec<Conv2d<B>>,
    stems: Vec<BaseConv<B>>,
}

impl<B: Backend> YoloxHead<B> {
    pub(super) fn new(config: &YoloxConfig, device: &B::Device) -> Self {
        const MULTIPLES: [usize; 3] = [4, 8, 16];
        let width = config.channels_of(MULTIPLES[0]);
        let branch = || -> Vec<Unit<B>> {
            (0..BRANCH_UNITS).map(|_| Unit::new([width; 2], 1, config.depthwise, device)).collect()
        };
        let prediction = |channels: usize| Conv2dConfig::new(width, channels, 1).init(device);
        let sparse = |channels: usize| with_prior(prediction(channels));
        let each = MULTIPLES.iter();
        Self {
            cls_convs: each.clone().map(|_| branch()).collect(),
            reg_convs: each.clone().map(|_| branch()).collect(),
            cls_preds: each.clone().map(|_| sparse(config.classes)).collect(),
            reg_preds: each.clone().map(|_| prediction(4)).collect(),
            obj_preds: each.clone().map(|_| sparse(1)).collect(),
            stems: each.map(|&multiple| BaseConv::new([config.channels_of(multiple), width], 1, 1, device)).collect(),
        }
    }
}

/// The same with a bias whose sigmoid is [`PRIOR`].
fn with_prior<B: Backend>(mut prediction: Conv2d<B>) -> Conv2d<B> {
    prediction.bias = prediction.bias.map(|bias| {
        let logit = (PRIOR / (1.0 - PRIOR)).ln();
        Param::from_tensor(Tensor::full(bias.shape(), logit, &bias.device()))
    });
    prediction
}

impl<B: VisionBackend> YoloxHead<B> {
    /// `[batch, anchors, 5 + classes]` of the feature maps of strides 8, 16 and 32.
    pub fn forward(&self, maps: [Tensor<B, 4>; 3]) -> Tensor<B, 3> {
        let through = |branch: &[Unit<B>], stem| branch.iter().fold(stem, |inner, unit| unit.forward(inner));
        let level = |(index, map): (usize, Tensor<B, 4>)| {
            let stem = self.stems[index].forward(map);
            let classes = self.cls_preds[index].forward(through(&self.cls_convs[index], stem.clone()));
            let features = through(&self.reg_convs[index], stem);
            let boxes = self.reg_preds[index].forward(features.clone());
            let objectness = self.obj_preds[index].forward(features);
            concatenate_channels(vec![boxes, objectness, classes])
        };
        pixel_rows(maps.into_iter().enumerate().map(level).collect())
    }
}
