//! ResNet for CIFAR: three stages of 16, 32 and 64 channels, 6n + 2 layers.
//!
//! Paper: He et al. 2015, "Deep residual learning for image recognition", section 4.2 and table 6. Reference:
//! akamaster/pytorch_resnet_cifar10 `resnet.py`, whose names and initial values these are.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Activation, Conv2dOptions, conv2d};

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::{BatchNorm2d, Conv2d, Conv2dConfig, Initialisation, Linear, LinearConfig, global_avg_pool2d};
use crate::{Backbone, ClassifierParts, InputShape, ModelError, Network, Stage};

/// Channels of the three stages (section 4.2).
const STAGE_WIDTHS: [usize; 3] = [16, 32, 64];

/// ResNet for CIFAR has no options.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CifarResNetOptions {}

impl Family for CifarResNetOptions {
    /// How deep, and how shortcuts change the shape.
    type Variant = (CifarResNetDepth, Shortcut);
    type Network<B: Backend> = CifarResNet<B>;

    fn entries() -> &'static [Entry<Self::Variant>] {
        &ENTRIES
    }

    fn check(&self, _request: &Request<Self::Variant>) -> Result<(), ModelError> {
        Ok(())
    }

    fn init<B: Backend>(&self, request: &Request<Self::Variant>, device: &B::Device) -> CifarResNet<B> {
        let (depth, shortcut) = request.variant;
        CifarResNetConfig { depth, shortcut, classes: request.classes, channels: request.input.channels }.init(device)
    }

    fn head(&self, _variant: Self::Variant) -> Vec<String> {
        vec!["linear".to_owned()]
    }

    fn input_channels<B: Backend>(network: &CifarResNet<B>) -> usize {
        network.conv1.weight.dims()[1]
    }
}

/// The parameter counts are, to its digits, those of table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million.
static ENTRIES: [Entry<(CifarResNetDepth, Shortcut)>; 10] = [
    option_a("resnet20", CifarResNetDepth::Twenty, 269_722, "20 layers, for 32×32 pixels"),
    option_a("resnet32", CifarResNetDepth::ThirtyTwo, 464_154, "32 layers, for 32×32 pixels"),
    option_a("resnet44", CifarResNetDepth::FortyFour, 658_586, "44 layers, for 32×32 pixels"),
    option_a("resnet56", CifarResNetDepth::FiftySix, 853_018, "56 layers, for 32×32 pixels"),
    option_a("resnet110", CifarResNetDepth::OneHundredTen, 1_727_962, "110 layers, for 32×32 pixels"),
    option_b("resnet20-b", CifarResNetDepth::Twenty, 272_474, "resnet20 with 1×1 convolutions as shortcuts"),
    option_b("resnet32-b", CifarResNetDepth::ThirtyTwo, 466_906, "resnet32 with 1×1 convolutions as shortcuts"),
    option_b("resnet44-b", CifarResNetDepth::FortyFour, 661_338, "resnet44 with 1×1 convolutions as shortcuts"),
    option_b("resnet56-b", CifarResNetDepth::FiftySix, 855_770, "resnet56 with 1×1 convolutions as shortcuts"),
    option_b("resnet110-b", CifarResNetDepth::OneHundredTen, 1_730_714, "resnet110 with 1×1 convolutions as shortcuts"),
];

const fn option_a(
    name: &'static str,
    depth: CifarResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<(CifarResNetDepth, Shortcut)> {
    let (classes, input, paper) = (10, InputShape::rgb(32), "He et al. 2015, arXiv 1512.03385");
    let card = ModelCard { name, description, parameters, classes, input, paper };
    Entry { card, variant: (depth, Shortcut::Subsample) }
}

const fn option_b(
    name: &'static str,
    depth: CifarResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<(CifarResNetDepth, Shortcut)> {
    Entry { variant: (depth, Shortcut::Projection), ..option_a(name, depth, parameters, description) }
}

/// Number of layers with weights: 6n + 2 for n blocks a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CifarResNetDepth {
    /// 20 layers, n = 3.
    Twenty,
    /// 32 layers, n = 5.
    ThirtyTwo,
    /// 44 layers, n = 7.
    FortyFour,
    /// 56 layers, n = 9.
    FiftySix,
    /// 110 layers, n = 18.
    OneHundredTen,
}

impl CifarResNetDepth {
    const fn blocks(self) -> usize {
        match self {
            Self::Twenty => 3,
            Self::ThirtyTwo => 5,
            Self::FortyFour => 7,
            Self::FiftySix => 9,
            Self::OneHundredTen => 18,
        }
    }
}

/// How a block's input reaches its output where the shape changes (section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortcut {
    /// Option A: every second pixel, and zeros in the new channels; no parameters. The paper's choice for CIFAR.
    Subsample,
    /// Option B: a 1×1 convolution with batch normalisation.
    Projection,
}

/// Makes a [`CifarResNet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CifarResNetConfig {
    /// Number of layers.
    pub depth: CifarResNetDepth,
    /// How shortcuts change the shape.
    pub shortcut: Shortcut,
    /// Number of classes.
    pub classes: usize,
    /// Channels of an image.
    pub channels: usize,
}

impl CifarResNetConfig {
    /// The paper's network of `depth` for RGB images, with option A shortcuts.
    pub fn new(depth: CifarResNetDepth, classes: usize) -> Self {
        Self { depth, shortcut: Shortcut::Subsample, classes, channels: 3 }
    }

    /// 20 layers, option A shortcuts.
    pub fn resnet20(classes: usize) -> Self {
        Self::new(CifarResNetDepth::Twenty, classes)
    }

    /// The same with other shortcuts.
    pub fn with_shortcut(mut self, shortcut: Shortcut) -> Self {
        self.shortcut = shortcut;
        self
    }

    /// The same for images of `channels` channels.
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    /// The network, its weights drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> CifarResNet<B> {
        let [first, second, third] = STAGE_WIDTHS;
        let stage = |channels_in: usize, width: usize| -> Vec<CifarBlock<B>> {
            (0..self.depth.blocks())
                .map(|block| {
                    let channels = if block == 0 { channels_in } else { width };
                    CifarBlock::new(channels, width, self.shortcut, device)
                })
                .collect()
        };
        CifarResNet {
            conv1: convolution(self.channels, first, 3, 1).init(device),
            bn1: BatchNorm2d::new(first, device),
            layer1: stage(first, first),
            layer2: stage(first, second),
            layer3: stage(second, third),
            linear: LinearConfig::new(third, self.classes)
                .with_initialisation(Initialisation::KaimingNormalFanIn)
                .init(device),
        }
    }
}

fn convolution(channels_in: usize, channels_out: usize, kernel: usize, stride: usize) -> Conv2dConfig {
    Conv2dConfig::new(channels_in, channels_out, kernel)
        .with_padding(kernel / 2)
        .with_stride(stride)
        .without_bias()
        .with_initialisation(Initialisation::KaimingNormalFanIn)
}

/// Two 3×3 convolutions around a shortcut; a block that widens also halves height and width.
#[derive(Module, Debug)]
struct CifarBlock<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm2d<B>,
    shortcut: Option<(Conv2d<B>, BatchNorm2d<B>)>,
}

impl<B: Backend> CifarBlock<B> {
    fn new(channels_in: usize, width: usize, shortcut: Shortcut, device: &B::Device) -> Self {
        let widens = channels_in != width;
        let stride = if widens { 2 } else { 1 };
        let project = widens && shortcut == Shortcut::Projection;
        Self {
            conv1: convolution(channels_in, width, 3, stride).init(device),
            bn1: BatchNorm2d::new(width, device),
            conv2: convolution(width, width, 3, 1).init(device),
            bn2: BatchNorm2d::new(width, device),
            shortcut: project
                .then(|| (convolution(channels_in, width, 1, stride).init(device), BatchNorm2d::new(width, device))),
        }
    }
}

impl<B: VisionBackend> CifarBlock<B> {
    fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let inner = self.conv1.forward_normalised(input.clone(), &self.bn1, None, Activation::Relu);
        let width = inner.dims()[1];
        let residual = match &self.shortcut {
            Some((convolution, norm)) => convolution.forward_normalised(input, norm, None, Activation::Identity),
            None if input.dims()[1] == width => input,
            None => subsample(input, width),
        };
        self.conv2.forward_normalised(inner, &self.bn2, Some(residual), Activation::Relu)
    }
}

/// Option A: every second pixel, the new channels half before and half after the old ones, all zero.
///
/// Done as a 1×1 convolution with constant weights, a one for each old channel: the sums are exact, and feature maps
/// stay in the order that convolutions store them in, which slicing and padding would undo.
fn subsample<B: VisionBackend>(input: Tensor<B, 4>, width: usize) -> Tensor<B, 4> {
    let channels = input.dims()[1];
    let before = (width - channels) / 2;
    let mut selection = vec![0.0_f32; width * channels];
    for channel in 0..channels {
        selection[(before + channel) * channels + channel] = 1.0;
    }
    let selection = Tensor::from_data(TensorData::new(selection, [width, channels, 1, 1]), &input.device());
    conv2d(input, selection, None, Conv2dOptions { stride: [2, 2], ..Conv2dOptions::default() })
}

/// ResNet for CIFAR, see the [module](self).
#[derive(Module, Debug)]
pub struct CifarResNet<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    layer1: Vec<CifarBlock<B>>,
    layer2: Vec<CifarBlock<B>>,
    layer3: Vec<CifarBlock<B>>,
    linear: Linear<B>,
}

impl<B: VisionBackend> CifarResNet<B> {
    fn layers(&self) -> [&Vec<CifarBlock<B>>; 3] {
        [&self.layer1, &self.layer2, &self.layer3]
    }
}

impl<B: VisionBackend> Backbone<B> for CifarResNet<B> {
    /// The maps after the three stages of blocks; the first convolution belongs to the first.
    fn stages(&self) -> Vec<Stage> {
        let mut stride = 1;
        let stage = |(index, blocks): (usize, &Vec<CifarBlock<B>>)| {
            let first = &blocks[0];
            stride *= first.conv1.options.stride[0];
            Stage { name: format!("layer{}", index + 1), stride, channels: first.conv2.weight.dims()[0] }
        };
        self.layers().into_iter().enumerate().map(stage).collect()
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let input = match index {
            0 => self.conv1.forward_normalised(input, &self.bn1, None, Activation::Relu),
            _ => input,
        };
        self.layers()[index].iter().fold(input, |features, block| block.forward(features))
    }
}

impl<B: VisionBackend> ClassifierParts<B> for CifarResNet<B> {
    fn pool(&self, map: Tensor<B, 4>) -> Tensor<B, 2> {
        global_avg_pool2d(map)
    }

    fn head(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
        self.linear.forward(features)
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["linear"]
    }
}

impl<B: VisionBackend> Network<B> for CifarResNet<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.logits(images)
    }
}

#[cfg(test)]
mod tests {
    use tensor_backend::SelectedBackend;

    use super::*;

    #[test]
    fn subsampling_takes_every_second_pixel_between_zero_channels() {
        let device = Default::default();
        let input: Tensor<SelectedBackend, 4> =
            Tensor::<_, 1>::from_floats([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], &device).reshape([1, 1, 3, 3]);
        let output: Vec<f32> = subsample(input, 3).into_data().to_vec().expect("f32");
        assert_eq!(output, [0.0, 0.0, 0.0, 0.0, 1.0, 3.0, 7.0, 9.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
