//! The blocks of ResNet: convolutions around a shortcut.
//!
//! Names are those of torchvision's `BasicBlock` and `Bottleneck`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::Activation;

use crate::layers::{BatchNorm2d, Conv2d, Conv2dConfig, Initialisation};

/// How many times more channels a bottleneck block gives than it has inside (table 1).
pub(super) const BOTTLENECK_EXPANSION: usize = 4;

/// A convolution without bias that keeps the size, or divides it by `stride`.
pub(super) fn convolution(channels_in: usize, channels_out: usize, kernel: usize, stride: usize) -> Conv2dConfig {
    Conv2dConfig::new(channels_in, channels_out, kernel)
        .with_padding(kernel / 2)
        .with_stride(stride)
        .without_bias()
        .with_initialisation(Initialisation::KaimingNormalFanOut)
}

/// A 1×1 convolution and its normalisation, where a block changes the shape (option B of the paper's section 4.1).
type Downsample<B> = Option<(Conv2d<B>, BatchNorm2d<B>)>;

fn downsample<B: Backend>(channels_in: usize, channels_out: usize, stride: usize, device: &B::Device) -> Downsample<B> {
    (stride != 1 || channels_in != channels_out).then(|| {
        (convolution(channels_in, channels_out, 1, stride).init(device), BatchNorm2d::new(channels_out, device))
    })
}

fn shortcut<B: VisionBackend>(downsample: &Downsample<B>, input: Tensor<B, 4>) -> Tensor<B, 4> {
    match downsample {
        Some((convolution, norm)) => convolution.forward_normalised(input, norm, None, Activation::Identity),
        None => input,
    }
}

/// Two 3×3 convolutions around a shortcut (figure 5, left).
#[derive(Module, Debug)]
pub(super) struct BasicBlock<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm2d<B>,
    downsample: Downsample<B>,
}

impl<B: Backend> BasicBlock<B> {
    pub(super) fn new(channels_in: usize, width: usize, stride: usize, last_scale: f32, device: &B::Device) -> Self {
        Self {
            conv1: convolution(channels_in, width, 3, stride).init(device),
            bn1: BatchNorm2d::new(width, device),
            conv2: convolution(width, width, 3, 1).init(device),
            bn2: BatchNorm2d::with_scale(width, last_scale, device),
            downsample: downsample(channels_in, width, stride, device),
        }
    }
}

impl<B: VisionBackend> BasicBlock<B> {
    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let inner = self.conv1.forward_normalised(input.clone(), &self.bn1, None, Activation::Relu);
        let shortcut = shortcut(&self.downsample, input);
        self.conv2.forward_normalised(inner, &self.bn2, Some(shortcut), Activation::Relu)
    }
}

/// 1×1, 3×3 and 1×1 convolutions around a shortcut (figure 5, right), the stride in the 3×3 one.
#[derive(Module, Debug)]
pub(super) struct Bottleneck<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm2d<B>,
    conv3: Conv2d<B>,
    bn3: BatchNorm2d<B>,
    downsample: Downsample<B>,
}

impl<B: Backend> Bottleneck<B> {
    pub(super) fn new(
        channels_in: usize,
        width: usize,
        [stride, dilation]: [usize; 2],
        last_scale: f32,
        device: &B::Device,
    ) -> Self {
        let channels_out = width * BOTTLENECK_EXPANSION;
        Self {
            conv1: convolution(channels_in, width, 1, 1).init(device),
            bn1: BatchNorm2d::new(width, device),
            conv2: convolution(width, width, 3, stride).with_dilation(dilation).with_padding(dilation).init(device),
            bn2: BatchNorm2d::new(width, device),
            conv3: convolution(width, channels_out, 1, 1).init(device),
            bn3: BatchNorm2d::with_scale(channels_out, last_scale, device),
            downsample: downsample(channels_in, channels_out, stride, device),
        }
    }
}

impl<B: VisionBackend> Bottleneck<B> {
    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let inner = self.conv1.forward_normalised(input.clone(), &self.bn1, None, Activation::Relu);
        let inner = self.conv2.forward_normalised(inner, &self.bn2, None, Activation::Relu);
        let shortcut = shortcut(&self.downsample, input);
        self.conv3.forward_normalised(inner, &self.bn3, Some(shortcut), Activation::Relu)
    }
}

/// A block of either kind.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has one kind of block throughout")]
pub(super) enum Block<B: Backend> {
    Basic(BasicBlock<B>),
    Bottleneck(Bottleneck<B>),
}

impl<B: Backend> Block<B> {
    /// The convolution that strides.
    pub(super) fn strided(&self) -> &Conv2d<B> {
        match self {
            Self::Basic(block) => &block.conv1,
            Self::Bottleneck(block) => &block.conv2,
        }
    }

    /// The convolution that gives the block's channels.
    pub(super) fn last(&self) -> &Conv2d<B> {
        match self {
            Self::Basic(block) => &block.conv2,
            Self::Bottleneck(block) => &block.conv3,
        }
    }
}

impl<B: VisionBackend> Block<B> {
    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        match self {
            Self::Basic(block) => block.forward(input),
            Self::Bottleneck(block) => block.forward(input),
        }
    }
}
