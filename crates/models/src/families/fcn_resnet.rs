//! The fully convolutional network on ResNet-50.
//!
//! Paper: Long et al. 2015, "Fully convolutional networks for semantic segmentation", with the dilated ResNet of Chen
//! et al. 2017, "Rethinking atrous convolution for semantic image segmentation", section 3.1. Reference: torchvision
//! `models/segmentation/fcn.py`, `fcn_resnet50`, whose names and initial values these are: the last two stages keep the
//! size and dilate their convolutions instead, a small head scores the last map, and its scores are enlarged by
//! bilinear interpolation. The auxiliary head, on the third stage, helps training and is left out of predictions.
//!
//! Images of any size: nothing needs to be enlarged, since the scores are interpolated to the image's size.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Interpolation, resize};

use super::resnet::{ResNetBackbone, ResNetConfig};
use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::{BatchNorm2d, Conv2dConfig, Dropout, FeatureLayer, Relu, forward_features};
use crate::{Backbone, InputShape, ModelError, Network, SegmenterOutput};

/// Channels of the last two stages.
const STAGE_CHANNELS: [usize; 2] = [1024, 2048];
/// Channels inside a head by those of its input (torchvision's `FCNHead`).
const HEAD_DIVISOR: usize = 4;
/// Stages that dilate instead of stride.
const DILATED_STAGES: usize = 2;
/// Probability of dropout in the heads (torchvision's `FCNHead`).
const DEFAULT_DROPOUT: f64 = 0.1;

/// The options of the FCN on ResNet-50.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FcnResNetOptions {
    /// Whether there is an auxiliary head for training; default false.
    pub auxiliary: bool,
    /// Probability of dropout in the heads; default 0.1.
    pub dropout: f64,
}

impl Default for FcnResNetOptions {
    fn default() -> Self {
        Self { auxiliary: false, dropout: DEFAULT_DROPOUT }
    }
}

impl Family for FcnResNetOptions {
    type Variant = ();
    type Network<B: Backend> = FcnResNet<B>;

    fn entries() -> &'static [Entry<()>] {
        const FCN_RESNET50: ModelCard = ModelCard {
            name: "fcn-resnet50",
            description: "dilated ResNet-50, scores interpolated",
            // torchvision's without the auxiliary head, which has 2,365,205 more.
            parameters: 32_957_013,
            classes: 21,
            input: InputShape::rgb(224),
            paper: "Long et al. 2015, arXiv 1411.4038",
        };
        &[Entry { card: FCN_RESNET50, variant: () }]
    }

    fn check(&self, request: &Request<()>) -> Result<(), ModelError> {
        request.is_dropout("dropout", self.dropout)
    }

    fn init<B: Backend>(&self, request: &Request<()>, device: &B::Device) -> FcnResNet<B> {
        let Self { auxiliary, dropout } = *self;
        FcnResNetConfig { auxiliary, dropout, classes: request.classes, channels: request.input.channels }.init(device)
    }

    fn head(&self, _variant: ()) -> Vec<String> {
        let auxiliary = self.auxiliary.then_some("aux_classifier.4");
        ["classifier.4"].into_iter().chain(auxiliary).map(str::to_owned).collect()
    }

    fn input_channels<B: Backend>(network: &FcnResNet<B>) -> usize {
        network.backbone.input_channels()
    }
}

/// Makes an [`FcnResNet`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FcnResNetConfig {
    /// Whether there is an auxiliary head.
    pub auxiliary: bool,
    /// Probability of dropout in the heads.
    pub dropout: f64,
    /// Number of logits a pixel.
    pub classes: usize,
    /// Channels of an image.
    pub channels: usize,
}

impl FcnResNetConfig {
    /// torchvision's `fcn_resnet50` without an auxiliary head, for RGB images.
    pub fn new(classes: usize) -> Self {
        Self { auxiliary: false, dropout: DEFAULT_DROPOUT, classes, channels: 3 }
    }

    /// The same with an auxiliary head, or without.
    pub fn with_auxiliary(mut self, auxiliary: bool) -> Self {
        self.auxiliary = auxiliary;
        self
    }

    /// The network, its weights drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> FcnResNet<B> {
        let backbone = ResNetConfig::resnet50(self.classes).with_channels(self.channels);
        let [third, fourth] = STAGE_CHANNELS;
        FcnResNet {
            backbone: backbone.backbone(DILATED_STAGES, device),
            classifier: self.head(fourth, device),
            aux_classifier: self.auxiliary.then(|| self.head(third, device)),
        }
    }

    fn head<B: Backend>(&self, channels: usize, device: &B::Device) -> Vec<FeatureLayer<B>> {
        let inner = channels / HEAD_DIVISOR;
        vec![
            FeatureLayer::Conv2d(Conv2dConfig::new(channels, inner, 3).with_padding(1).without_bias().init(device)),
            FeatureLayer::BatchNorm2d(BatchNorm2d::new(inner, device)),
            FeatureLayer::Relu(Relu),
            FeatureLayer::Dropout(Dropout { probability: self.dropout }),
            FeatureLayer::Conv2d(Conv2dConfig::new(inner, self.classes, 1).init(device)),
        ]
    }
}

/// FCN on ResNet-50, see the [module](self).
#[derive(Module, Debug)]
pub struct FcnResNet<B: Backend> {
    backbone: ResNetBackbone<B>,
    classifier: Vec<FeatureLayer<B>>,
    aux_classifier: Option<Vec<FeatureLayer<B>>>,
}

impl<B: VisionBackend> Network<B> for FcnResNet<B> {
    type Output = SegmenterOutput<B>;

    /// Logits `[batch, classes, height, width]` of `images` `[batch, channels, height, width]`; the auxiliary ones
    /// where there is such a head and gradients are taken.
    fn forward(&self, images: Tensor<B, 4>) -> SegmenterOutput<B> {
        let [_, _, height, width] = images.dims();
        let training = B::ad_enabled(&images.device());
        let last = self.backbone.stages().len() - 1;
        let third = (0..last).fold(images, |map, index| self.backbone.forward_stage(index, map));
        let auxiliary = self.aux_classifier.as_ref().filter(|_| training).map(|head| (head, third.clone()));
        let fourth = self.backbone.forward_stage(last, third);
        let score = |head: &[FeatureLayer<B>], features| {
            resize(forward_features(head, features), [height, width], Interpolation::Bilinear)
        };
        let logits = score(&self.classifier, fourth);
        SegmenterOutput { logits, auxiliary: auxiliary.map(|(head, third)| score(head, third)) }
    }
}
