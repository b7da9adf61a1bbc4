//! What backbone, pyramid and head are made of.
//!
//! Reference: Megvii's YOLOX, `yolox/models/network_blocks.py`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Activation, Pool2dOptions, add, concatenate_channels, space_to_depth};

use crate::layers::{BatchNorm2d, Conv2d, Conv2dConfig, MaxPool2d};

/// YOLOX's addend to the variance in batch normalisation (`init_yolo` in its `yolox/exp/yolox_base.py`).
const EPSILON: f64 = 1e-3;
/// YOLOX's share of the newest batch in the running statistics.
const MOMENTUM: f64 = 0.03;

/// Convolution without bias, batch normalisation, SiLU.
#[derive(Module, Debug)]
pub struct BaseConv<B: Backend> {
    conv: Conv2d<B>,
    bn: BatchNorm2d<B>,
}

impl<B: Backend> BaseConv<B> {
    /// A unit from `channels[0]` to `channels[1]` channels, whose `kernel` × `kernel` window moves by `stride`.
    pub(super) fn new(channels: [usize; 2], kernel: usize, stride: usize, device: &B::Device) -> Self {
        Self::grouped(channels, kernel, stride, 1, device)
    }

    fn grouped(channels: [usize; 2], kernel: usize, stride: usize, groups: usize, device: &B::Device) -> Self {
        let [channels_in, channels_out] = channels;
        let conv = Conv2dConfig::new(channels_in, channels_out, kernel)
            .with_stride(stride)
            .with_padding((kernel - 1) / 2)
            .with_groups(groups)
            .without_bias()
            .init(device);
        let mut bn = BatchNorm2d::new(channels_out, device);
        (bn.epsilon, bn.momentum) = (EPSILON, MOMENTUM);
        Self { conv, bn }
    }

    /// Channels of the output.
    fn channels_out(&self) -> usize {
        self.conv.weight.dims()[0]
    }

    /// Channels of the input.
    pub(super) fn channels_in(&self) -> usize {
        self.conv.weight.dims()[1] * self.conv.options.groups
    }
}

impl<B: VisionBackend> BaseConv<B> {
    /// Applies the unit to `[batch, channels_in, height, width]`.
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.conv.forward_normalised(input, &self.bn, None, Activation::Silu)
    }
}

/// A convolution of each channel by itself, then a 1×1 convolution across channels.
#[derive(Module, Debug)]
pub struct DepthwiseConv<B: Backend> {
    dconv: BaseConv<B>,
    pconv: BaseConv<B>,
}

/// A 3×3 convolution unit: whole, or split into a depthwise and a 1×1 one.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has dozens of these, each holding pointers to its weights")]
pub enum Unit<B: Backend> {
    /// Whole.
    Base(BaseConv<B>),
    /// Split.
    Depthwise(DepthwiseConv<B>),
}

impl<B: Backend> Unit<B> {
    /// A 3×3 unit from `channels[0]` to `channels[1]` channels that moves by `stride`.
    pub(super) fn new(channels: [usize; 2], stride: usize, depthwise: bool, device: &B::Device) -> Self {
        const KERNEL: usize = 3;
        let [channels_in, _] = channels;
        if depthwise {
            let dconv = BaseConv::grouped([channels_in; 2], KERNEL, stride, channels_in, device);
            Self::Depthwise(DepthwiseConv { dconv, pconv: BaseConv::new(channels, 1, 1, device) })
        } else {
            Self::Base(BaseConv::new(channels, KERNEL, stride, device))
        }
    }
}

impl<B: VisionBackend> Unit<B> {
    /// Applies the unit to `[batch, channels_in, height, width]`.
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        match self {
            Self::Base(unit) => unit.forward(input),
            Self::Depthwise(DepthwiseConv { dconv, pconv }) => pconv.forward(dconv.forward(input)),
        }
    }
}

/// A 1×1 and a 3×3 unit, perhaps around a shortcut.
#[derive(Module, Debug)]
pub struct Bottleneck<B: Backend> {
    conv1: BaseConv<B>,
    conv2: Unit<B>,
    #[module(skip)]
    shortcut: bool,
}

impl<B: VisionBackend> Bottleneck<B> {
    /// Applies the block, which keeps the shape.
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let inner = self.conv2.forward(self.conv1.forward(input.clone()));
        if self.shortcut { add(inner, input) } else { inner }
    }
}

/// A cross-stage partial layer: half of the channels through bottlenecks, half around them (Wang et al. 2020, CSPNet).
#[derive(Module, Debug)]
pub struct CspLayer<B: Backend> {
    conv1: BaseConv<B>,
    conv2: BaseConv<B>,
    conv3: BaseConv<B>,
    m: Vec<Bottleneck<B>>,
}

impl<B: Backend> CspLayer<B> {
    /// A layer of `blocks` bottlenecks from `channels[0]` to `channels[1]` channels.
    pub(super) fn new(
        channels: [usize; 2],
        blocks: usize,
        shortcut: bool,
        depthwise: bool,
        device: &B::Device,
    ) -> Self {
        let [channels_in, channels_out] = channels;
        let hidden = channels_out / 2;
        let bottleneck = |_| Bottleneck {
            conv1: BaseConv::new([hidden; 2], 1, 1, device),
            conv2: Unit::new([hidden; 2], 1, depthwise, device),
            shortcut,
        };
        Self {
            conv1: BaseConv::new([channels_in, hidden], 1, 1, device),
            conv2: BaseConv::new([channels_in, hidden], 1, 1, device),
            conv3: BaseConv::new([2 * hidden, channels_out], 1, 1, device),
            m: (0..blocks).map(bottleneck).collect(),
        }
    }
}

impl<B: Backend> CspLayer<B> {
    /// Channels of the output.
    pub(super) fn channels_out(&self) -> usize {
        self.conv3.channels_out()
    }
}

impl<B: VisionBackend> CspLayer<B> {
    /// Applies the layer to `[batch, channels_in, height, width]`.
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let through = self.m.iter().fold(self.conv1.forward(input.clone()), |inner, block| block.forward(inner));
        let around = self.conv2.forward(input);
        self.conv3.forward(concatenate_channels(vec![through, around]))
    }
}

/// Windows of spatial pyramid pooling, in pixels.
const POOL: usize = 5;
/// How many window sizes there are: 5, 9 and 13 pixels.
const POOLS: usize = 3;

/// Spatial pyramid pooling: maxima of 5×5, 9×9 and 13×13 windows beside the input.
///
/// Maxima of 5×5 windows of maxima of 5×5 windows are those of 9×9 windows, and once more those of 13×13.
#[derive(Module, Debug)]
pub struct SppBottleneck<B: Backend> {
    conv1: BaseConv<B>,
    conv2: BaseConv<B>,
    pool: MaxPool2d,
}

impl<B: Backend> SppBottleneck<B> {
    /// A layer from `channels[0]` to `channels[1]` channels.
    pub(super) fn new(channels: [usize; 2], device: &B::Device) -> Self {
        let [channels_in, channels_out] = channels;
        let hidden = channels_in / 2;
        Self {
            conv1: BaseConv::new([channels_in, hidden], 1, 1, device),
            conv2: BaseConv::new([hidden * (1 + POOLS), channels_out], 1, 1, device),
            pool: MaxPool2d { options: Pool2dOptions::square(POOL, 1).with_padding(POOL / 2) },
        }
    }
}

impl<B: VisionBackend> SppBottleneck<B> {
    /// Applies the layer to `[batch, channels_in, height, width]`.
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let mut maps = vec![self.conv1.forward(input)];
        for pool in 0..POOLS {
            maps.push(self.pool.forward(maps[pool].clone()));
        }
        self.conv2.forward(concatenate_channels(maps))
    }
}

/// The stem: each 2×2 square of pixels becomes one pixel of four times the channels, then a 3×3 unit.
#[derive(Module, Debug)]
pub struct Focus<B: Backend> {
    conv: BaseConv<B>,
}

/// Pixels of a square.
const SQUARE: usize = 4;

impl<B: Backend> Focus<B> {
    /// A stem from `channels[0]` to `channels[1]` channels.
    pub(super) fn new(channels: [usize; 2], device: &B::Device) -> Self {
        let [channels_in, channels_out] = channels;
        Self { conv: BaseConv::new([SQUARE * channels_in, channels_out], 3, 1, device) }
    }

    /// Channels of an image.
    pub(super) fn input_channels(&self) -> usize {
        self.conv.channels_in() / SQUARE
    }
}

impl<B: VisionBackend> Focus<B> {
    /// `[batch, channels_out, height / 2, width / 2]` of `[batch, channels_in, height, width]`.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        self.conv.forward(space_to_depth(images))
    }
}
