//! ResNet for images of about 224×224 pixels, and its form for small images.
//!
//! Paper: He et al. 2015, "Deep residual learning for image recognition", table 1. Reference: torchvision
//! `models/resnet.py`, whose names and initial values these are; as there, a bottleneck block strides in its 3×3
//! convolution ("v1.5"). The small-image form has a 3×3 first convolution without stride and no first pooling, as in
//! kuangliu/pytorch-cifar `models/resnet.py`, under torchvision's names.

mod blocks;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Activation, Pool2dOptions};

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::{BatchNorm2d, Conv2d, Linear, LinearConfig, MaxPool2d, global_avg_pool2d};
use crate::{Backbone, ClassifierParts, InputShape, ModelError, Network, Stage};
use blocks::{BOTTLENECK_EXPANSION, BasicBlock, Block, Bottleneck, convolution};

/// Inner channels of the blocks in the four stages (table 1).
const STAGE_WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// The options of ResNet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ResNetOptions {
    /// Whether every block starts as the identity; default false.
    pub zero_init_residual: bool,
}

impl Family for ResNetOptions {
    /// How deep, and what precedes the blocks.
    type Variant = (ResNetDepth, ResNetStem);
    type Network<B: Backend> = ResNet<B>;

    fn entries() -> &'static [Entry<Self::Variant>] {
        &ENTRIES
    }

    fn check(&self, _request: &Request<Self::Variant>) -> Result<(), ModelError> {
        Ok(())
    }

    fn init<B: Backend>(&self, request: &Request<Self::Variant>, device: &B::Device) -> ResNet<B> {
        let (depth, stem) = request.variant;
        let (classes, channels) = (request.classes, request.input.channels);
        let zero_init_residual = self.zero_init_residual;
        ResNetConfig { depth, stem, classes, channels, zero_init_residual }.init(device)
    }

    fn head(&self, _variant: Self::Variant) -> Vec<String> {
        vec!["fc".to_owned()]
    }

    fn input_channels<B: Backend>(network: &ResNet<B>) -> usize {
        network.conv1.weight.dims()[1]
    }
}

/// The parameter counts of networks for ImageNet are torchvision's `num_params`, that of `resnet18-cifar` is
/// kuangliu/pytorch-cifar's.
static ENTRIES: [Entry<(ResNetDepth, ResNetStem)>; 8] = [
    imagenet("resnet18", ResNetDepth::Eighteen, 11_689_512, "18 layers, basic residual blocks"),
    imagenet("resnet34", ResNetDepth::ThirtyFour, 21_797_672, "34 layers, basic residual blocks"),
    imagenet("resnet50", ResNetDepth::Fifty, 25_557_032, "50 layers, bottleneck residual blocks"),
    imagenet("resnet101", ResNetDepth::OneHundredOne, 44_549_160, "101 layers, bottleneck residual blocks"),
    imagenet("resnet152", ResNetDepth::OneHundredFiftyTwo, 60_192_808, "152 layers, bottleneck residual blocks"),
    cifar("resnet18-cifar", ResNetDepth::Eighteen, 11_173_962, "resnet18 with a 3×3 stem, for 32×32 pixels"),
    cifar("resnet34-cifar", ResNetDepth::ThirtyFour, 21_282_122, "resnet34 with a 3×3 stem, for 32×32 pixels"),
    cifar("resnet50-cifar", ResNetDepth::Fifty, 23_520_842, "resnet50 with a 3×3 stem, for 32×32 pixels"),
];

const PAPER: &str = "He et al. 2015, arXiv 1512.03385";

const fn imagenet(
    name: &'static str,
    depth: ResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<(ResNetDepth, ResNetStem)> {
    let (classes, input) = (1000, InputShape::rgb(224));
    let card = ModelCard { name, description, parameters, classes, input, paper: PAPER };
    Entry { card, variant: (depth, ResNetStem::ImageNet) }
}

const fn cifar(
    name: &'static str,
    depth: ResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<(ResNetDepth, ResNetStem)> {
    let (classes, input) = (10, InputShape::rgb(32));
    let card = ModelCard { name, description, parameters, classes, input, paper: PAPER };
    Entry { card, variant: (depth, ResNetStem::Cifar) }
}

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

/// What both have: all but the last layer.
struct Trunk<'a, B: Backend> {
    conv1: &'a Conv2d<B>,
    bn1: &'a BatchNorm2d<B>,
    maxpool: Option<&'a MaxPool2d>,
    layers: [&'a [Block<B>]; 4],
}

impl<B: VisionBackend> Trunk<'_, B> {
    /// The map before the first pooling, where there is one, and those after each of `layer1` to `layer4`.
    fn stages(&self) -> Vec<Stage> {
        let mut stride = self.conv1.options.stride[0];
        let mut stages = Vec::new();
        if let Some(pool) = self.maxpool {
            stages.push(Stage { name: "stem".to_owned(), stride, channels: self.conv1.weight.dims()[0] });
            stride *= pool.options.stride[0];
        }
        for (index, blocks) in self.layers.into_iter().enumerate() {
            stride *= blocks[0].strided().options.stride[0];
            let channels = blocks[0].last().weight.dims()[0];
            stages.push(Stage { name: format!("layer{}", index + 1), stride, channels });
        }
        stages
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let stem = |images| self.conv1.forward_normalised(images, self.bn1, None, Activation::Relu);
        let layer = |index: usize, input| self.layers[index].iter().fold(input, |map, block| block.forward(map));
        match (self.maxpool, index) {
            (Some(_), 0) => stem(input),
            (Some(pool), 1) => layer(0, pool.forward(input)),
            (Some(_), _) => layer(index - 1, input),
            (None, 0) => layer(0, stem(input)),
            (None, _) => layer(index, input),
        }
    }
}

impl<B: VisionBackend> ResNet<B> {
    fn trunk(&self) -> Trunk<'_, B> {
        let Self { conv1, bn1, maxpool, layer1, layer2, layer3, layer4, fc: _ } = self;
        Trunk { conv1, bn1, maxpool: maxpool.as_ref(), layers: [layer1, layer2, layer3, layer4] }
    }
}

impl<B: VisionBackend> ResNetBackbone<B> {
    fn trunk(&self) -> Trunk<'_, B> {
        let Self { conv1, bn1, maxpool, layer1, layer2, layer3, layer4 } = self;
        Trunk { conv1, bn1, maxpool: maxpool.as_ref(), layers: [layer1, layer2, layer3, layer4] }
    }
}

/// Maps of strides 2 (before the first pooling), 4, 8, 16 and 32; of strides 1, 2, 4 and 8 with [`ResNetStem::Cifar`].
impl<B: VisionBackend> Backbone<B> for ResNet<B> {
    fn stages(&self) -> Vec<Stage> {
        self.trunk().stages()
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.trunk().forward_stage(index, input)
    }
}

/// As of a [`ResNet`]; a dilated stage has the stride of the one before.
impl<B: VisionBackend> Backbone<B> for ResNetBackbone<B> {
    fn stages(&self) -> Vec<Stage> {
        self.trunk().stages()
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.trunk().forward_stage(index, input)
    }
}

impl<B: VisionBackend> ClassifierParts<B> for ResNet<B> {
    fn pool(&self, map: Tensor<B, 4>) -> Tensor<B, 2> {
        global_avg_pool2d(map)
    }

    fn head(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
        self.fc.forward(features)
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["fc"]
    }
}

impl<B: VisionBackend> Network<B> for ResNet<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.logits(images)
    }
}
