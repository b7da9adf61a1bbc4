//! Fully convolutional networks on VGG-16: FCN-32s, FCN-16s and FCN-8s.
//!
//! Paper: Long et al. 2015, "Fully convolutional networks for semantic segmentation", sections 4.1 to 4.3 and figure 3.
//! The two dense layers of VGG become a 7×7 and a 1×1 convolution, and class scores, in the finer forms summed with
//! those of the fourth and third pooling, are enlarged by transposed convolutions that start as bilinear interpolation
//! and are trained.
//!
//! `features.N` and `classifier.N` are the layers of torchvision's `vgg16`, whose weights fit once those of the two
//! dense layers are reshaped to `[4096, 512, 7, 7]` and `[4096, 4096, 1, 1]`; `score_pool4`, `upscore2` and so on are the
//! names of the authors' network description.
//!
//! Images of any size: where the authors add a border of 100 pixels and crop the enlarged scores, sides are here
//! enlarged to multiples of 32 by repeating the last row and column, the 7×7 convolution keeps the size, and the scores
//! are cropped back to the image's size.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::{VisionBackend, ops};

use crate::Network;
use crate::layers::{
    Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Dropout, FeatureLayer, Relu, forward_features,
};
use crate::padding::{crop, pad_to_multiple};
use crate::vgg::{VggConfig, VggDepth};

/// Channels of the two convolutions that were dense layers (VGG, table 1).
const HEAD_CHANNELS: usize = 4096;
/// Channels after the last three poolings (VGG, table 1).
const POOL_CHANNELS: [usize; 3] = [256, 512, 512];
/// What the five poolings divide the sides by.
const STEP: usize = 32;

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
        Self { stride, batch_norm: false, dropout: crate::vgg::DEFAULT_DROPOUT, classes, channels: 3 }
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

impl<B: Backend> FcnVgg<B> {
    /// Channels of the images that it sees.
    pub fn input_channels(&self) -> usize {
        match &self.features[0] {
            FeatureLayer::Conv2d(layer) => layer.weight.dims()[1],
            _ => unreachable!("a VGG starts with a convolution"),
        }
    }

    /// The layers up to and with the third, fourth and fifth pooling.
    fn stages(&self) -> [&[FeatureLayer<B>]; 3] {
        let mut ends = self
            .features
            .iter()
            .enumerate()
            .filter_map(|(index, layer)| matches!(layer, FeatureLayer::MaxPool2d(_)).then_some(index + 1));
        let (Some(third), Some(fourth)) = (ends.nth(2), ends.next()) else { unreachable!("a VGG has five poolings") };
        [&self.features[..third], &self.features[third..fourth], &self.features[fourth..]]
    }
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
        let [to_third, to_fourth, to_fifth] = self.stages();
        let pool3 = forward_features(to_third, pad_to_multiple(images, STEP));
        let pool4 = forward_features(to_fourth, pool3.clone());
        let pool5 = forward_features(to_fifth, pool4.clone());
        let scores = forward_features(&self.classifier, pool5);
        let scores = merge(scores, &self.upscore2, &self.score_pool4, pool4);
        let scores = merge(scores, &self.upscore_pool4, &self.score_pool3, pool3);
        crop(self.upscore.forward(scores), [height, width])
    }
}
