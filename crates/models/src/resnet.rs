//! ResNet for images of about 224×224 pixels, and its form for small images.
//!
//! Paper: He et al. 2015, "Deep residual learning for image recognition", table 1. Reference: torchvision
//! `models/resnet.py`, whose names and initial values these are; as there, a bottleneck block strides in its 3×3
//! convolution ("v1.5"). The small-image form has a 3×3 first convolution without stride and no first pooling, as in
//! kuangliu/pytorch-cifar `models/resnet.py`, under torchvision's names.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Activation, Pool2dOptions};

use crate::Network;
use crate::layers::{
    BatchNorm2d, Conv2d, Conv2dConfig, Initialisation, Linear, LinearConfig, MaxPool2d, global_avg_pool2d,
};

/// Inner channels of the blocks in the four stages (table 1).
const STAGE_WIDTHS: [usize; 4] = [64, 128, 256, 512];
/// How many times more channels a bottleneck block gives than it has inside (table 1).
const BOTTLENECK_EXPANSION: usize = 4;

/// Number of layers with weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResNetDepth {
    /// 18 layers, basic blocks.
    Eighteen,
    /// 34 layers, basic blocks.
    ThirtyFour,
    /// 50 layers, bottleneck blocks.
    Fifty,
    /// 101 layers, bottleneck blocks.
    OneHundredOne,
    /// 152 layers, bottleneck blocks.
    OneHundredFiftyTwo,
}

impl ResNetDepth {
    /// Blocks in each stage (table 1).
    const fn blocks(self) -> [usize; 4] {
        match self {
            Self::Eighteen => [2, 2, 2, 2],
            Self::ThirtyFour | Self::Fifty => [3, 4, 6, 3],
            Self::OneHundredOne => [3, 4, 23, 3],
            Self::OneHundredFiftyTwo => [3, 8, 36, 3],
        }
    }

    const fn is_bottleneck(self) -> bool {
        !matches!(self, Self::Eighteen | Self::ThirtyFour)
    }

    pub(crate) const fn expansion(self) -> usize {
        if self.is_bottleneck() { BOTTLENECK_EXPANSION } else { 1 }
    }
}

/// What precedes the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResNetStem {
    /// A 7×7 convolution and a 3×3 pooling, each with stride 2.
    ImageNet,
    /// A 3×3 convolution that keeps the size, for images of about 32×32 pixels.
    Cifar,
}

/// Makes a [`ResNet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResNetConfig {
    /// Number of layers.
    pub depth: ResNetDepth,
    /// What precedes the blocks.
    pub stem: ResNetStem,
    /// Number of classes.
    pub classes: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Whether the last normalisation of each residual branch starts with scale 0, so that every block starts as the
    /// identity (Goyal et al. 2017, section 5.1); torchvision's option of this name, off by default as there.
    pub zero_init_residual: bool,
}

impl ResNetConfig {
    /// torchvision's network of `depth` for RGB images.
    pub fn new(depth: ResNetDepth, classes: usize) -> Self {
        Self { depth, stem: ResNetStem::ImageNet, classes, channels: 3, zero_init_residual: false }
    }

    /// 18 layers.
    pub fn resnet18(classes: usize) -> Self {
        Self::new(ResNetDepth::Eighteen, classes)
    }

    /// 34 layers.
    pub fn resnet34(classes: usize) -> Self {
        Self::new(ResNetDepth::ThirtyFour, classes)
    }

    /// 50 layers.
    pub fn resnet50(classes: usize) -> Self {
        Self::new(ResNetDepth::Fifty, classes)
    }

    /// 101 layers.
    pub fn resnet101(classes: usize) -> Self {
        Self::new(ResNetDepth::OneHundredOne, classes)
    }

    /// 152 layers.
    pub fn resnet152(classes: usize) -> Self {
        Self::new(ResNetDepth::OneHundredFiftyTwo, classes)
    }

    /// The same with another stem.
    pub fn with_stem(mut self, stem: ResNetStem) -> Self {
        self.stem = stem;
        self
    }

    /// The same for images of `channels` channels.
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    /// The same with every block starting as the identity, or not.
    pub fn with_zero_init_residual(mut self, zero_init_residual: bool) -> Self {
        self.zero_init_residual = zero_init_residual;
        self
    }

    /// The network, its weights drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> ResNet<B> {
        let ResNetBackbone { conv1, bn1, maxpool, layer1, layer2, layer3, layer4 } = self.backbone(0, device);
        let fc = LinearConfig::new(STAGE_WIDTHS[3] * self.depth.expansion(), self.classes).init(device);
        ResNet { conv1, bn1, maxpool, layer1, layer2, layer3, layer4, fc }
    }

    /// The network without its last layer. The last `dilated` stages keep the size and dilate the 3×3 convolutions of
    /// bottleneck blocks instead, torchvision's `replace_stride_with_dilation`: only for networks made of those.
    pub(crate) fn backbone<B: Backend>(&self, dilated: usize, device: &B::Device) -> ResNetBackbone<B> {
        let width = STAGE_WIDTHS[0];
        let (conv1, maxpool) = match self.stem {
            ResNetStem::ImageNet => (
                convolution(self.channels, width, 7, 2),
                Some(MaxPool2d { options: Pool2dOptions::square(3, 2).with_padding(1) }),
            ),
            ResNetStem::Cifar => (convolution(self.channels, width, 3, 1), None),
        };
        ResNetBackbone {
            conv1: conv1.init(device),
            bn1: BatchNorm2d::new(width, device),
            maxpool,
            layer1: self.stage(0, dilated, device),
            layer2: self.stage(1, dilated, device),
            layer3: self.stage(2, dilated, device),
            layer4: self.stage(3, dilated, device),
        }
    }

    /// Stage number `index`, where the last `dilated` stages keep the size: their convolutions see pixels as far apart
    /// as without, and a stage's first block as far as the stage before (torchvision's `_make_layer`).
    fn stage<B: Backend>(&self, index: usize, dilated: usize, device: &B::Device) -> Vec<Block<B>> {
        let width = STAGE_WIDTHS[index];
        let channels_out = width * self.depth.expansion();
        let channels_in = if index == 0 { width } else { STAGE_WIDTHS[index - 1] * self.depth.expansion() };
        let first_dilated = STAGE_WIDTHS.len() - dilated;
        let dilation = |stage: usize| 1 << (stage + 1).saturating_sub(first_dilated);
        (0..self.depth.blocks()[index])
            .map(|block| {
                let first = block == 0;
                let stride = if first && index > 0 && index < first_dilated { 2 } else { 1 };
                let channels = if first { channels_in } else { channels_out };
                let last_scale = if self.zero_init_residual { 0.0 } else { 1.0 };
                if self.depth.is_bottleneck() {
                    let dilation = if first { dilation(index.saturating_sub(1)) } else { dilation(index) };
                    Block::Bottleneck(Bottleneck::new(channels, width, [stride, dilation], last_scale, device))
                } else {
                    Block::Basic(BasicBlock::new(channels, width, stride, last_scale, device))
                }
            })
            .collect()
    }
}

/// A convolution without bias that keeps the size, or divides it by `stride`.
fn convolution(channels_in: usize, channels_out: usize, kernel: usize, stride: usize) -> Conv2dConfig {
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
struct BasicBlock<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm2d<B>,
    downsample: Downsample<B>,
}

impl<B: Backend> BasicBlock<B> {
    fn new(channels_in: usize, width: usize, stride: usize, last_scale: f32, device: &B::Device) -> Self {
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
    fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let inner = self.conv1.forward_normalised(input.clone(), &self.bn1, None, Activation::Relu);
        let shortcut = shortcut(&self.downsample, input);
        self.conv2.forward_normalised(inner, &self.bn2, Some(shortcut), Activation::Relu)
    }
}

/// 1×1, 3×3 and 1×1 convolutions around a shortcut (figure 5, right), the stride in the 3×3 one.
#[derive(Module, Debug)]
struct Bottleneck<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm2d<B>,
    conv3: Conv2d<B>,
    bn3: BatchNorm2d<B>,
    downsample: Downsample<B>,
}

impl<B: Backend> Bottleneck<B> {
    fn new(
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
    fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let inner = self.conv1.forward_normalised(input.clone(), &self.bn1, None, Activation::Relu);
        let inner = self.conv2.forward_normalised(inner, &self.bn2, None, Activation::Relu);
        let shortcut = shortcut(&self.downsample, input);
        self.conv3.forward_normalised(inner, &self.bn3, Some(shortcut), Activation::Relu)
    }
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has one kind of block throughout")]
enum Block<B: Backend> {
    Basic(BasicBlock<B>),
    Bottleneck(Bottleneck<B>),
}

/// ResNet, see the [module](self).
#[derive(Module, Debug)]
pub struct ResNet<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    maxpool: Option<MaxPool2d>,
    layer1: Vec<Block<B>>,
    layer2: Vec<Block<B>>,
    layer3: Vec<Block<B>>,
    layer4: Vec<Block<B>>,
    fc: Linear<B>,
}

impl<B: VisionBackend> ResNet<B> {
    /// Feature maps after the four stages, for decoders and detection heads.
    ///
    /// # Shapes
    ///
    /// - `images`: `[batch, channels, height, width]`
    /// - output: `[batch, width, height / step, width / step]` with steps 4, 8, 16 and 32 (1, 2, 4 and 8 with
    ///   [`ResNetStem::Cifar`]), rounded up, and widths 64, 128, 256 and 512, four times that in bottleneck networks
    pub fn stages(&self, images: Tensor<B, 4>) -> [Tensor<B, 4>; 4] {
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        let [_, first, second, third, fourth] = forward_levels(&self.conv1, &self.bn1, &self.maxpool, stages, images);
        [first, second, third, fourth]
    }

    /// What the last layer sees, `[batch, features]`.
    fn pooled(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let [_, _, _, features] = self.stages(images);
        global_avg_pool2d(features)
    }
}

/// A ResNet without its last layer, for decoders and detection heads.
#[derive(Module, Debug)]
pub struct ResNetBackbone<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    maxpool: Option<MaxPool2d>,
    layer1: Vec<Block<B>>,
    layer2: Vec<Block<B>>,
    layer3: Vec<Block<B>>,
    layer4: Vec<Block<B>>,
}

impl<B: Backend> ResNetBackbone<B> {
    /// Channels of the images that it sees.
    pub(crate) fn input_channels(&self) -> usize {
        self.conv1.weight.dims()[1]
    }
}

impl<B: VisionBackend> ResNetBackbone<B> {
    /// As [`ResNet::stages`]; a dilated stage has the step of the one before.
    pub fn stages(&self, images: Tensor<B, 4>) -> [Tensor<B, 4>; 4] {
        let [_, first, second, third, fourth] = self.levels(images);
        [first, second, third, fourth]
    }

    /// The map before the first pooling, of half the image's size (of its whole size with [`ResNetStem::Cifar`]) and 64
    /// channels, and those of [`stages`](Self::stages).
    pub(crate) fn levels(&self, images: Tensor<B, 4>) -> [Tensor<B, 4>; 5] {
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        forward_levels(&self.conv1, &self.bn1, &self.maxpool, stages, images)
    }
}

fn forward_levels<B: VisionBackend>(
    conv1: &Conv2d<B>,
    bn1: &BatchNorm2d<B>,
    maxpool: &Option<MaxPool2d>,
    layers: [&Vec<Block<B>>; 4],
    images: Tensor<B, 4>,
) -> [Tensor<B, 4>; 5] {
    let stem = conv1.forward_normalised(images, bn1, None, Activation::Relu);
    let pooled = match maxpool {
        Some(pool) => pool.forward(stem.clone()),
        None => stem.clone(),
    };
    let first = forward_blocks(layers[0], pooled);
    let second = forward_blocks(layers[1], first.clone());
    let third = forward_blocks(layers[2], second.clone());
    let fourth = forward_blocks(layers[3], third.clone());
    [stem, first, second, third, fourth]
}

fn forward_blocks<B: VisionBackend>(blocks: &[Block<B>], input: Tensor<B, 4>) -> Tensor<B, 4> {
    blocks.iter().fold(input, |features, block| match block {
        Block::Basic(block) => block.forward(features),
        Block::Bottleneck(block) => block.forward(features),
    })
}

impl<B: VisionBackend> Network<B> for ResNet<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.fc.forward(self.pooled(images))
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["fc"]
    }

    fn head_input(&self, images: Tensor<B, 4>) -> Option<Tensor<B, 2>> {
        Some(self.pooled(images))
    }

    fn forward_head(&self, features: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.fc.forward(features))
    }
}
