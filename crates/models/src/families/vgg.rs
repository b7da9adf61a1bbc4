//! VGG: stacks of 3×3 convolutions, five poolings, a dense head.
//!
//! Paper: Simonyan and Zisserman 2014, "Very deep convolutional networks for large-scale image recognition", table 1,
//! columns A, B, D and E; with batch normalisation (Ioffe and Szegedy 2015) after each convolution where asked for.
//! Reference: torchvision `models/vgg.py`, whose names (`features.N`, `classifier.N`) and initial values these are. The
//! head for small images, one dense layer called `classifier`, is that of kuangliu/pytorch-cifar `models/vgg.py`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Pool2dOptions, flatten};

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::pooling::adaptive_avg_pool2d;
use crate::layers::sequence::{forward_pooling_stage, input_channels, pooled_maps};
use crate::layers::{
    BatchNorm2d, Conv2dConfig, DenseLayer, Dropout, FeatureLayer, Initialisation, Linear, LinearConfig, MaxPool2d,
    Relu, forward_dense, global_avg_pool2d,
};
use crate::{Backbone, ClassifierParts, InputShape, ModelError, Network, Stage};

/// Channels of each convolution's output in the five stages (table 1).
const STAGE_WIDTHS: [usize; 5] = [64, 128, 256, 512, 512];
/// Side of the feature map that torchvision's head averages to: 224 / 2⁵.
const HEAD_SIDE: usize = 7;
/// Features of the two hidden dense layers (table 1).
const HEAD_FEATURES: usize = 4096;
/// Probability of dropout after them (section 3.1).
pub(crate) const DEFAULT_DROPOUT: f64 = 0.5;
/// The least height and width in pixels: five poolings halve the image.
pub(crate) const MINIMUM_SIDE: usize = 1 << STAGE_WIDTHS.len();

/// The options of VGG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct VggOptions {
    /// Probability of dropout after each hidden dense layer; default 0.5. Networks for small images have none.
    pub dropout: f64,
}

impl Default for VggOptions {
    fn default() -> Self {
        Self { dropout: DEFAULT_DROPOUT }
    }
}

/// What a VGG's name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VggVariant {
    /// Number of layers.
    pub depth: VggDepth,
    /// Whether each convolution is followed by batch normalisation.
    pub batch_norm: bool,
    /// Whether the head is for images of about 32×32 pixels, one dense layer; otherwise for about 224×224, three.
    pub small_images: bool,
}

impl Family for VggOptions {
    type Variant = VggVariant;
    type Network<B: Backend> = Vgg<B>;

    fn entries() -> &'static [Entry<VggVariant>] {
        &ENTRIES
    }

    fn options_of(variant: VggVariant) -> &'static [&'static str] {
        if variant.small_images { &[] } else { &["dropout"] }
    }

    fn check(&self, request: &Request<VggVariant>) -> Result<(), ModelError> {
        request.is_dropout("dropout", self.dropout)
    }

    fn minimum_side(&self, _variant: VggVariant) -> usize {
        MINIMUM_SIDE
    }

    fn init<B: Backend>(&self, request: &Request<VggVariant>, device: &B::Device) -> Vgg<B> {
        let VggVariant { depth, batch_norm, small_images } = request.variant;
        let head = if small_images { VggHead::Cifar } else { VggHead::ImageNet { dropout: self.dropout } };
        VggConfig { depth, batch_norm, head, classes: request.classes, channels: request.input.channels }.init(device)
    }

    fn head(&self, variant: VggVariant) -> Vec<String> {
        vec![if variant.small_images { "classifier" } else { "classifier.6" }.to_owned()]
    }

    fn input_channels<B: Backend>(network: &Vgg<B>) -> usize {
        input_channels(&network.features)
    }
}

/// The parameter counts of networks for ImageNet are torchvision's `num_params`.
static ENTRIES: [Entry<VggVariant>; 12] = [
    imagenet("vgg11", VggDepth::Eleven, false, 132_863_336, "11 layers, 3×3 convolutions"),
    imagenet("vgg11-bn", VggDepth::Eleven, true, 132_868_840, "vgg11 with batch normalisation"),
    imagenet("vgg13", VggDepth::Thirteen, false, 133_047_848, "13 layers, 3×3 convolutions"),
    imagenet("vgg13-bn", VggDepth::Thirteen, true, 133_053_736, "vgg13 with batch normalisation"),
    imagenet("vgg16", VggDepth::Sixteen, false, 138_357_544, "16 layers, 3×3 convolutions"),
    imagenet("vgg16-bn", VggDepth::Sixteen, true, 138_365_992, "vgg16 with batch normalisation"),
    imagenet("vgg19", VggDepth::Nineteen, false, 143_667_240, "19 layers, 3×3 convolutions"),
    imagenet("vgg19-bn", VggDepth::Nineteen, true, 143_678_248, "vgg19 with batch normalisation"),
    cifar("vgg11-bn-cifar", VggDepth::Eleven, 9_231_114, "vgg11-bn with one dense layer, for 32×32 pixels"),
    cifar("vgg13-bn-cifar", VggDepth::Thirteen, 9_416_010, "vgg13-bn with one dense layer, for 32×32 pixels"),
    cifar("vgg16-bn-cifar", VggDepth::Sixteen, 14_728_266, "vgg16-bn with one dense layer, for 32×32 pixels"),
    cifar("vgg19-bn-cifar", VggDepth::Nineteen, 20_040_522, "vgg19-bn with one dense layer, for 32×32 pixels"),
];

const PAPER: &str = "Simonyan and Zisserman 2014, arXiv 1409.1556";

const fn imagenet(
    name: &'static str,
    depth: VggDepth,
    batch_norm: bool,
    parameters: usize,
    description: &'static str,
) -> Entry<VggVariant> {
    let (classes, input) = (1000, InputShape::rgb(224));
    let variant = VggVariant { depth, batch_norm, small_images: false };
    Entry { card: ModelCard { name, description, parameters, classes, input, paper: PAPER }, variant }
}

const fn cifar(name: &'static str, depth: VggDepth, parameters: usize, description: &'static str) -> Entry<VggVariant> {
    let (classes, input) = (10, InputShape::rgb(32));
    let variant = VggVariant { depth, batch_norm: true, small_images: true };
    Entry { card: ModelCard { name, description, parameters, classes, input, paper: PAPER }, variant }
}

/// Number of layers with weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VggDepth {
    /// 11 layers, column A.
    Eleven,
    /// 13 layers, column B.
    Thirteen,
    /// 16 layers, column D.
    Sixteen,
    /// 19 layers, column E.
    Nineteen,
}

impl VggDepth {
    /// Convolutions in each stage (table 1).
    const fn convolutions(self) -> [usize; 5] {
        match self {
            Self::Eleven => [1, 1, 2, 2, 2],
            Self::Thirteen => [2, 2, 2, 2, 2],
            Self::Sixteen => [2, 2, 3, 3, 3],
            Self::Nineteen => [2, 2, 4, 4, 4],
        }
    }
}

/// What follows the convolutions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum VggHead {
    /// torchvision's: averaged to 7×7, two hidden dense layers of 4096 features with dropout.
    ImageNet {
        /// Probability of dropout after each hidden layer.
        dropout: f64,
    },
    /// One dense layer on the mean of each channel, for images of about 32×32 pixels.
    Cifar,
}

/// Makes a [`Vgg`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VggConfig {
    /// Number of layers.
    pub depth: VggDepth,
    /// Whether each convolution is followed by batch normalisation.
    pub batch_norm: bool,
    /// What follows the convolutions.
    pub head: VggHead,
    /// Number of classes.
    pub classes: usize,
    /// Channels of an image.
    pub channels: usize,
}

impl VggConfig {
    /// torchvision's network of `depth` for RGB images.
    pub fn new(depth: VggDepth, batch_norm: bool, classes: usize) -> Self {
        let head = VggHead::ImageNet { dropout: DEFAULT_DROPOUT };
        Self { depth, batch_norm, head, classes, channels: 3 }
    }

    /// The same with another head.
    pub fn with_head(mut self, head: VggHead) -> Self {
        self.head = head;
        self
    }

    /// The same for images of `channels` channels.
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    /// The network, its weights drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Vgg<B> {
        let features = self.features(device);
        let dense = |features_in, features_out| {
            LinearConfig::new(features_in, features_out).with_initialisation(Initialisation::SmallNormal).init(device)
        };
        let last = STAGE_WIDTHS[STAGE_WIDTHS.len() - 1];
        let classifier = match self.head {
            VggHead::ImageNet { dropout } => VggClassifier::Dense(vec![
                DenseLayer::Linear(dense(last * HEAD_SIDE * HEAD_SIDE, HEAD_FEATURES)),
                DenseLayer::Relu(Relu),
                DenseLayer::Dropout(Dropout { probability: dropout }),
                DenseLayer::Linear(dense(HEAD_FEATURES, HEAD_FEATURES)),
                DenseLayer::Relu(Relu),
                DenseLayer::Dropout(Dropout { probability: dropout }),
                DenseLayer::Linear(dense(HEAD_FEATURES, self.classes)),
            ]),
            VggHead::Cifar => VggClassifier::Linear(LinearConfig::new(last, self.classes).init(device)),
        };
        Vgg { features, classifier }
    }

    /// The convolutions and poolings, without the head.
    pub(crate) fn features<B: Backend>(&self, device: &B::Device) -> Vec<FeatureLayer<B>> {
        let mut layers = Vec::new();
        let mut channels_in = self.channels;
        for (width, convolutions) in STAGE_WIDTHS.into_iter().zip(self.depth.convolutions()) {
            for _ in 0..convolutions {
                let convolution = Conv2dConfig::new(channels_in, width, 3)
                    .with_padding(1)
                    .with_initialisation(Initialisation::KaimingNormalFanOut);
                layers.push(FeatureLayer::Conv2d(convolution.init(device)));
                if self.batch_norm {
                    layers.push(FeatureLayer::BatchNorm2d(BatchNorm2d::new(width, device)));
                }
                layers.push(FeatureLayer::Relu(Relu));
                channels_in = width;
            }
            layers.push(FeatureLayer::MaxPool2d(MaxPool2d { options: Pool2dOptions::square(2, 2) }));
        }
        layers
    }
}

/// The layers after the convolutions.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has one of these")]
enum VggClassifier<B: Backend> {
    Dense(Vec<DenseLayer<B>>),
    Linear(Linear<B>),
}

/// VGG, see the [module](self).
#[derive(Module, Debug)]
pub struct Vgg<B: Backend> {
    features: Vec<FeatureLayer<B>>,
    classifier: VggClassifier<B>,
}

impl<B: VisionBackend> Backbone<B> for Vgg<B> {
    /// The maps after the five poolings.
    fn stages(&self) -> Vec<Stage> {
        pooled_maps(&self.features)
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        forward_pooling_stage(&self.features, index, input)
    }
}

impl<B: VisionBackend> ClassifierParts<B> for Vgg<B> {
    fn pool(&self, map: Tensor<B, 4>) -> Tensor<B, 2> {
        match &self.classifier {
            VggClassifier::Dense(_) => flatten(adaptive_avg_pool2d(map, [HEAD_SIDE; 2])),
            VggClassifier::Linear(_) => global_avg_pool2d(map),
        }
    }

    fn head(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.classifier {
            VggClassifier::Dense(layers) => forward_dense(layers, features),
            VggClassifier::Linear(layer) => layer.forward(features),
        }
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["classifier"]
    }
}

impl<B: VisionBackend> Network<B> for Vgg<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]` of at least 32×32 pixels.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.logits(images)
    }
}
