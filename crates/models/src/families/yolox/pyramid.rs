//! The feature pyramid: what the deepest map knows goes up to the finer ones, and back down.
//!
//! Paper: Liu et al. 2018, "Path aggregation network for instance segmentation". Reference: Megvii's YOLOX,
//! `yolox/models/yolo_pafpn.py`, `YOLOPAFPN`.
#![allow(non_snake_case, reason = "the names of the reference's tensors")]

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Interpolation, concatenate_channels, resize};

use super::YoloxConfig;
use super::blocks::{BaseConv, CspLayer, Unit};
use super::darknet::CspDarknet;
use crate::Backbone;

/// Backbone and path aggregation network.
#[derive(Module, Debug)]
pub struct FeaturePyramid<B: Backend> {
    backbone: CspDarknet<B>,
    lateral_conv0: BaseConv<B>,
    C3_p4: CspLayer<B>,
    reduce_conv1: BaseConv<B>,
    C3_p3: CspLayer<B>,
    bu_conv2: Unit<B>,
    C3_n3: CspLayer<B>,
    bu_conv1: Unit<B>,
    C3_n4: CspLayer<B>,
}

impl<B: Backend> FeaturePyramid<B> {
    pub(super) fn new(config: &YoloxConfig, device: &B::Device) -> Self {
        let depthwise = config.depthwise;
        let [third, fourth, fifth] = [4, 8, 16].map(|multiple| config.channels_of(multiple));
        let partial = |channels_in: usize, channels_out: usize| {
            CspLayer::new([channels_in, channels_out], config.blocks(1), false, depthwise, device)
        };
        let narrowing = |channels_in, channels_out| BaseConv::new([channels_in, channels_out], 1, 1, device);
        Self {
            backbone: CspDarknet::new(config, device),
            lateral_conv0: narrowing(fifth, fourth),
            C3_p4: partial(2 * fourth, fourth),
            reduce_conv1: narrowing(fourth, third),
            C3_p3: partial(2 * third, third),
            bu_conv2: Unit::new([third; 2], 2, depthwise, device),
            C3_n3: partial(2 * third, fourth),
            bu_conv1: Unit::new([fourth; 2], 2, depthwise, device),
            C3_n4: partial(2 * fourth, fifth),
        }
    }

    pub(super) fn input_channels(&self) -> usize {
        self.backbone.input_channels()
    }
}

impl<B: VisionBackend> FeaturePyramid<B> {
    /// Feature maps of strides 8, 16 and 32 of `images` `[batch, channels, height, width]`.
    pub fn forward(&self, images: Tensor<B, 4>) -> [Tensor<B, 4>; 3] {
        let maps = self.backbone.maps(images);
        let [third, fourth, fifth] = maps.try_into().expect("three maps");
        let top = self.lateral_conv0.forward(fifth);
        let middle = self.C3_p4.forward(concatenate_channels(vec![doubled(top.clone()), fourth]));
        let middle = self.reduce_conv1.forward(middle);
        let fine = self.C3_p3.forward(concatenate_channels(vec![doubled(middle.clone()), third]));
        let down = self.bu_conv2.forward(fine.clone());
        let medium = self.C3_n3.forward(concatenate_channels(vec![down, middle]));
        let down = self.bu_conv1.forward(medium.clone());
        let coarse = self.C3_n4.forward(concatenate_channels(vec![down, top]));
        [fine, medium, coarse]
    }
}

/// Each pixel as a 2×2 square.
fn doubled<B: VisionBackend>(input: Tensor<B, 4>) -> Tensor<B, 4> {
    let [_, _, height, width] = input.dims();
    resize(input, [2 * height, 2 * width], Interpolation::Nearest)
}
