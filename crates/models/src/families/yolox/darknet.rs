//! The backbone: Darknet-53 with cross-stage partial layers.
//!
//! Reference: Megvii's YOLOX, `yolox/models/darknet.py`, `CSPDarknet`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;

use super::blocks::{CspLayer, Focus, SppBottleneck, Unit};
use super::{STRIDES, YoloxConfig};
use crate::{Backbone, Stage};

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

/// The maps of strides 8, 16 and 32, which the pyramid sees.
impl<B: VisionBackend> Backbone<B> for CspDarknet<B> {
    fn stages(&self) -> Vec<Stage> {
        let (_, third) = &self.dark3;
        let (_, fourth) = &self.dark4;
        let (_, _, fifth) = &self.dark5;
        let stages = ["dark3", "dark4", "dark5"].into_iter().zip(STRIDES).zip([third, fourth, fifth]);
        let stage = |((name, stride), layer): ((&str, usize), &CspLayer<B>)| Stage {
            name: name.to_owned(),
            stride,
            channels: layer.channels_out(),
        };
        stages.map(stage).collect()
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let stage = |(unit, partial): &(Unit<B>, CspLayer<B>), input| partial.forward(unit.forward(input));
        match index {
            0 => stage(&self.dark3, stage(&self.dark2, self.stem.forward(input))),
            1 => stage(&self.dark4, input),
            2 => {
                let (unit, pooling, partial) = &self.dark5;
                partial.forward(pooling.forward(unit.forward(input)))
            }
            _ => panic!("CSPDarknet has three stages, none of number {index}"),
        }
    }
}
