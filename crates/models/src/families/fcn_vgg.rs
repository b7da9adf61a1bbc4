//! Fully convolutional networks on VGG-16: FCN-32s, FCN-16s and FCN-8s.
//!
//! Paper: Long et al. 2015, "Fully convolutional networks for semantic segmentation", sections 4.1 to 4.3 and figure 3.
//! The two dense layers of VGG become a 7×7 and a 1×1 convolution, and class scores, in the finer forms summed with
//! those of the fourth and third pooling, are enlarged by transposed convolutions that start as bilinear interpolation
//! and are trained.
//!
//! `features.N` and `classifier.N` are the layers of torchvision's `vgg16`, whose weights fit once those of the two
//! dense layers are reshaped to `[4096, 512, 7, 7]` and `[4096, 4096, 1, 1]`; `score_pool4`, `upscore2` and so on are
//! the names of the authors' network description.
//!
//! Images of any size: where the authors add a border of 100 pixels and crop the enlarged scores, sides are here
//! enlarged to multiples of 32 by repeating the last row and column, the 7×7 convolution keeps the size, and the scores
//! are cropped back to the image's size.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::{VisionBackend, ops};

use super::vgg::{self, VggConfig, VggDepth};
use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::padding::{crop, pad_to_multiple};
use crate::layers::sequence::{forward_pooling_stage, input_channels};
use crate::layers::{
    Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Dropout, FeatureLayer, Relu, forward_features,
};
use crate::{InputShape, ModelError, Network};

/// Channels of the two convolutions that were dense layers (VGG, table 1).
const HEAD_CHANNELS: usize = 4096;
/// Channels after the last three poolings (VGG, table 1).
const POOL_CHANNELS: [usize; 3] = [256, 512, 512];

/// The options of FCNs on VGG-16.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FcnVggOptions {
    /// Whether each convolution of the VGG is followed by batch normalisation; default false.
    pub batch_norm: bool,
    /// Probability of dropout after the two convolutions that were dense layers; default 0.5.
    pub dropout: f64,
}

impl Default for FcnVggOptions {
    fn default() -> Self {
        Self { batch_norm: false, dropout: vgg::DEFAULT_DROPOUT }
    }
}

impl Family for FcnVggOptions {
    type Variant = FcnStride;
    type Network<B: Backend> = FcnVgg<B>;

    fn entries() -> &'static [Entry<FcnStride>] {
        &ENTRIES
    }

    fn check(&self, request: &Request<FcnStride>) -> Result<(), ModelError> {
        request.is_dropout("dropout", self.dropout)
    }

    fn size_step(&self, _variant: FcnStride) -> usize {
        vgg::MINIMUM_SIDE
    }

    fn init<B: Backend>(&self, request: &Request<FcnStride>, device: &B::Device) -> FcnVgg<B> {
        let Self { batch_norm, dropout } = *self;
        let (classes, channels) = (request.classes, request.input.channels);
        FcnVggConfig { stride: request.variant, batch_norm, dropout, classes, channels }.init(device)
    }

    fn head(&self, stride: FcnStride) -> Vec<String> {
        let mut paths = vec!["classifier.6"];
        if stride != FcnStride::ThirtyTwo {
            paths.extend(["upscore2", "score_pool4"]);
        }
        if stride == FcnStride::Eight {
            paths.extend(["upscore_pool4", "score_pool3"]);
        }
        paths.push("upscore");
        paths.into_iter().map(str::to_owned).collect()
    }

    fn input_channels<B: Backend>(network: &FcnVgg<B>) -> usize {
        input_channels(&network.features)
    }
}

static ENTRIES: [Entry<FcnStride>; 3] = [
    entry("fcn32s", FcnStride::ThirtyTwo, 136_152_917, "VGG-16, scores of the last pooling"),
    entry("fcn16s", FcnStride::Sixteen, 134_815_994, "fcn32s with scores of the fourth pooling"),
    entry("fcn8s", FcnStride::Eight, 134_489_759, "fcn16s with scores of the third pooling"),
];

const fn entry(
    name: &'static str,
    variant: FcnStride,
    parameters: usize,
    description: &'static str,
) -> Entry<FcnStride> {
    let (classes, input, paper) = (21, InputShape::rgb(224), "Long et al. 2015, arXiv 1411.4038");
    Entry { card: ModelCard { name, description, parameters, classes, input, paper }, variant }
}

/// How fine the maps are that the scores are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FcnStride {
    /// FCN-32s: the last map alone.
    ThirtyTwo,
    /// FCN-16s: summed with the scores of the fourth pooling.
    Sixteen,
    /// FCN-8s: summed with the scores of the third pooling too.
    Eight,
}

/// Makes an [`FcnVgg`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FcnVggConfig {
    /// How fine the maps are that the scores are made from.
    pub stride: FcnStride,
    /// Whether each convolution of the VGG is followed by batch normalisation.
    pub batch_norm: bool,
    /// Probability of dropout after the two convolutions that were dense layers.
    pub dropout: f64,
    /// Number of logits a pixel.
    pub classes: usize,
    /// Channels of an image.
    pub channels: usize,
}

impl FcnVggConfig {
    /// The paper's network for RGB images.
    pub fn new(stride: FcnStride, classes: usize) -> Self {
        Self { stride, batch_norm: false, dropout: vgg::DEFAULT_DROPOUT, classes, channels: 3 }
    }

    /// The network, its weights drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> FcnVgg<B> {
        let vgg = VggConfig::new(VggDepth::Sixteen, self.batch_norm, self.classes).with_channels(self.channels);
        let [pool3, pool4, pool5] = POOL_CHANNELS;
        let convolution = |config: Conv2dConfig| FeatureLayer::Conv2d(config.init(device));
        let dropout = || FeatureLayer::Dropout(Dropout { probability: self.dropout });
        let classifier = vec![
            convolution(Conv2dConfig::new(pool5, HEAD_CHANNELS, 7).with_padding(3)),
            FeatureLayer::Relu(Relu),
            dropout(),
            convolution(Conv2dConfig::new(HEAD_CHANNELS, HEAD_CHANNELS, 1)),
            FeatureLayer::Relu(Relu),
            dropout(),
            convolution(Conv2dConfig::new(HEAD_CHANNELS, self.classes, 1)),
        ];
        let score = |channels| Conv2dConfig::new(channels, self.classes, 1).init(device);
        let enlarge = |factor: usize| {
            ConvTranspose2dConfig::new(self.classes, self.classes, 2 * factor, factor)
                .with_padding(factor / 2)
                .without_bias()
                .init_bilinear(device)
        };
        let fourth = self.stride != FcnStride::ThirtyTwo;
        let third = self.stride == FcnStride::Eight;
        FcnVgg {
            features: vgg.features(device),
            classifier,
            upscore2: fourth.then(|| enlarge(2)),
            score_pool4: fourth.then(|| score(pool4)),
            upscore_pool4: third.then(|| enlarge(2)),
            score_pool3: third.then(|| score(pool3)),
            upscore: enlarge(match self.stride {
                FcnStride::ThirtyTwo => 32,
                FcnStride::Sixteen => 16,
                FcnStride::Eight => 8,
            }),
        }
    }
}

/// FCN on VGG-16, see the [module](self).
#[derive(Module, Debug)]
pub struct FcnVgg<B: Backend> {
    features: Vec<FeatureLayer<B>>,
    classifier: Vec<FeatureLayer<B>>,
    upscore2: Option<ConvTranspose2d<B>>,
    score_pool4: Option<Conv2d<B>>,
    upscore_pool4: Option<ConvTranspose2d<B>>,
    score_pool3: Option<Conv2d<B>>,
    upscore: ConvTranspose2d<B>,
}

/// Enlarges `scores` and adds what `score` makes of `pooled`, where there are such layers.
fn merge<B: VisionBackend>(
    scores: Tensor<B, 4>,
    enlarge: &Option<ConvTranspose2d<B>>,
    score: &Option<Conv2d<B>>,
    pooled: Tensor<B, 4>,
) -> Tensor<B, 4> {
    match (enlarge, score) {
        (Some(enlarge), Some(score)) => ops::add(enlarge.forward(scores), score.forward(pooled)),
        _ => scores,
    }
}

impl<B: VisionBackend> Network<B> for FcnVgg<B> {
    type Output = Tensor<B, 4>;

    /// Logits `[batch, classes, height, width]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let [_, _, height, width] = images.dims();
        let stage = |map, index| forward_pooling_stage(&self.features, index, map);
        let pool3 = (0..3).fold(pad_to_multiple(images, vgg::MINIMUM_SIDE), stage);
        let pool4 = stage(pool3.clone(), 3);
        let pool5 = stage(pool4.clone(), 4);
        let scores = forward_features(&self.classifier, pool5);
        let scores = merge(scores, &self.upscore2, &self.score_pool4, pool4);
        let scores = merge(scores, &self.upscore_pool4, &self.score_pool3, pool3);
        crop(self.upscore.forward(scores), [height, width])
    }
}
