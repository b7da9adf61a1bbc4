//! The backbone: Darknet-53 with cross-stage partial layers.
//!
//! Reference: Megvii's YOLOX, `yolox/models/darknet.py`, `CSPDarknet`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;

use super::YoloxConfig;
use super::blocks::{CspLayer, Focus, SppBottleneck, Unit};

/// CSPDarknet: a stem and four stages, each of which halves height and width and doubles the channels.
#[derive(Module, Debug)]
pub struct CspDarknet<B: Backend> {
    stem: Focus<B>,
    dark2: (Unit<B>, CspLayer<B>),
    dark3: (Unit<B>, CspLayer<B>),
    dark4: (Unit<B>, CspLayer<B>),
    dark5: (Unit<B>, SppBottleneck<B>, CspLayer<B>),
}

impl<B: Backend> CspDarknet<B> {
    pub(super) fn new(config: &YoloxConfig, device: &B::Device) -> Self {
        let depthwise = config.depthwise;
        let [base, second, third, fourth, fifth] = [1, 2, 4, 8, 16].map(|multiple| config.channels_of(multiple));
        let halving = |channels_in, channels_out| Unit::new([channels_in, channels_out], 2, depthwise, device);
        let partial = |channels: usize, blocks: usize, shortcut: bool| {
            CspLayer::new([channels; 2], config.blocks(blocks), shortcut, depthwise, device)
        };
        Self {
            stem: Focus::new([config.channels, base], device),
            dark2: (halving(base, second), partial(second, 1, true)),
            dark3: (halving(second, third), partial(third, 3, true)),
            dark4: (halving(third, fourth), partial(fourth, 3, true)),
            dark5: (halving(fourth, fifth), SppBottleneck::new([fifth; 2], device), partial(fifth, 1, false)),
        }
    }

    pub(super) fn input_channels(&self) -> usize {
        self.stem.input_channels()
    }
}

impl<B: VisionBackend> CspDarknet<B> {
    /// Feature maps of strides 8, 16 and 32 of `images` `[batch, channels, height, width]`.
    pub fn forward(&self, images: Tensor<B, 4>) -> [Tensor<B, 4>; 3] {
        let stage = |(unit, partial): &(Unit<B>, CspLayer<B>), input| partial.forward(unit.forward(input));
        let second = stage(&self.dark2, self.stem.forward(images));
        let third = stage(&self.dark3, second);
        let fourth = stage(&self.dark4, third.clone());
        let (unit, pooling, partial) = &self.dark5;
        let fifth = partial.forward(pooling.forward(unit.forward(fourth.clone())));
        [third, fourth, fifth]
    }
}
