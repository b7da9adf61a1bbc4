//! Plain-Segmenter: 3×3 convolutions that keep the size, and a 1×1 convolution to logits.
//!
//! Paper: (authors, year, title, section). Field names are those of (reference implementation).

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::Activation;

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::{BatchNorm2d, Conv2d, Conv2dConfig};
use crate::{InputShape, ModelError, Network};

/// Most channels between the convolutions.
const MOST_WIDTH: usize = 4096;

/// The options of Plain-Segmenter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PlainSegmenterOptions {
    /// Channels between the convolutions; default 16.
    pub width: usize,
}

impl Default for PlainSegmenterOptions {
    fn default() -> Self {
        Self { width: 16 }
    }
}

impl Family for PlainSegmenterOptions {
    type Variant = ();
    type Network<B: Backend> = PlainSegmenter<B>;

    fn entries() -> &'static [Entry<()>] {
        const PLAIN_SEGMENTER: ModelCard = ModelCard {
            name: "plain-segmenter",
            description: "two convolutions that keep the size",
            // Convolutions 432 + 2,304, normalisations 2 · 32, head 16 · 2 + 2.
            parameters: 2_834,
            classes: 2,
            input: InputShape::rgb(64),
            paper: "",
        };
        &[Entry { card: PLAIN_SEGMENTER, variant: () }]
    }

    fn check(&self, request: &Request<()>) -> Result<(), ModelError> {
        request.in_range("width", self.width, 1..=MOST_WIDTH)
    }

    fn init<B: Backend>(&self, request: &Request<()>, device: &B::Device) -> PlainSegmenter<B> {
        let convolution = |channels| Conv2dConfig::new(channels, self.width, 3).with_padding(1).without_bias();
        PlainSegmenter {
            conv1: convolution(request.input.channels).init(device),
            bn1: BatchNorm2d::new(self.width, device),
            conv2: convolution(self.width).init(device),
            bn2: BatchNorm2d::new(self.width, device),
            head: Conv2dConfig::new(self.width, request.classes, 1).init(device),
        }
    }

    fn head(&self, _variant: ()) -> Vec<String> {
        vec!["head".to_owned()]
    }

    fn input_channels<B: Backend>(network: &PlainSegmenter<B>) -> usize {
        network.conv1.weight.dims()[1]
    }
}

/// Plain-Segmenter, see the [module](self).
#[derive(Module, Debug)]
pub struct PlainSegmenter<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm2d<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm2d<B>,
    head: Conv2d<B>,
}

impl<B: VisionBackend> Network<B> for PlainSegmenter<B> {
    type Output = Tensor<B, 4>;

    /// Logits `[batch, classes, height, width]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let map = self.conv1.forward_normalised(images, &self.bn1, None, Activation::Relu);
        let map = self.conv2.forward_normalised(map, &self.bn2, None, Activation::Relu);
        self.head.forward(map)
    }
}
