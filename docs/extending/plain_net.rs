//! Plain-Net: convolutions that halve the image, the mean of each channel, one dense layer.
//!
//! Paper: (authors, year, title, section). Field names are those of (reference implementation).

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::Activation;

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::{BatchNorm2d, Conv2d, Conv2dConfig, Linear, LinearConfig, global_avg_pool2d};
use crate::{Backbone, ClassifierParts, InputShape, ModelError, Network, Stage};

/// Most channels after the first convolution.
const MOST_WIDTH: usize = 4096;
/// Side of both kernels, in pixels.
const KERNEL: usize = 3;

/// The options of Plain-Net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PlainNetOptions {
    /// Channels after the first convolution, the second has twice as many; default 32.
    pub width: usize,
}

impl Default for PlainNetOptions {
    fn default() -> Self {
        Self { width: 32 }
    }
}

impl Family for PlainNetOptions {
    type Variant = ();
    type Network<B: Backend> = PlainNet<B>;

    fn entries() -> &'static [Entry<()>] {
        const PLAIN_NET: ModelCard = ModelCard {
            name: "plain-net",
            description: "two convolutions that halve the image, the mean of each channel, one dense layer",
            // Convolutions 864 + 18,432, normalisations 2 · (32 + 64), dense 64 · 10 + 10.
            parameters: 20_138,
            classes: 10,
            input: InputShape::rgb(32),
            paper: "",
        };
        &[Entry { card: PLAIN_NET, variant: () }]
    }

    fn check(&self, request: &Request<()>) -> Result<(), ModelError> {
        request.in_range("width", self.width, 1..=MOST_WIDTH)
    }

    fn init<B: Backend>(&self, request: &Request<()>, device: &B::Device) -> PlainNet<B> {
        // Batch normalisation has a shift of its own, so the convolutions need no bias.
        let convolution = |channels_in, channels_out| {
            Conv2dConfig::new(channels_in, channels_out, KERNEL).with_stride(2).with_padding(1).without_bias()
        };
        PlainNet {
            conv1: convolution(request.input.channels, self.width).init(device),
            bn1: BatchNorm2d::new(self.width, device),
            conv2: convolution(self.width, 2 * self.width).init(device),
            bn2: BatchNorm2d::new(2 * self.width, device),
            fc: LinearConfig::new(2 * self.width, request.classes).init(device),
        }
    }

    fn head(&self, _variant: ()) -> Vec<String> {
        vec!["fc".to_owned()]
    }

    fn input_channels<B: Backend>(network: &PlainNet<B>) -> usize {
        network.conv1.weight.dims()[1]
    }
}

/// Plain-Net, see the [module](self).
#[derive(Module, Debug)]
pub struct PlainNet<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm2d<B>,
    fc: Linear<B>,
}

impl<B: VisionBackend> Backbone<B> for PlainNet<B> {
    fn stages(&self) -> Vec<Stage> {
        let stage = |name: &str, stride, layer: &Conv2d<B>| {
            Stage { name: name.to_owned(), stride, channels: layer.weight.dims()[0] }
        };
        vec![stage("conv1", 2, &self.conv1), stage("conv2", 4, &self.conv2)]
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let (convolution, norm) = [(&self.conv1, &self.bn1), (&self.conv2, &self.bn2)][index];
        convolution.forward_normalised(input, norm, None, Activation::Relu)
    }
}

impl<B: VisionBackend> ClassifierParts<B> for PlainNet<B> {
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

impl<B: VisionBackend> Network<B> for PlainNet<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.logits(images)
    }
}
