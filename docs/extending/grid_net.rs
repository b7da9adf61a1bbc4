//! Grid-Net: convolutions that halve the image, and for each cell of the last map one box, its objectness and its class.
//!
//! After Redmon et al. 2016, "You only look once" (arXiv 1506.02640), section 2, with one box a cell and no dense layers.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::Activation;

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::{BatchNorm2d, Conv2d, Conv2dConfig};
use crate::{Answer, InputShape, ModelError, Network};

/// Values of a cell before those of the classes: the box's x, y, width and height, and objectness.
pub const BOX_VALUES: usize = 5;
/// Pixels of the image in each direction that a cell stands for: five convolutions halve it.
pub const STRIDE: usize = 32;
/// Most channels after the first convolution.
const MOST_WIDTH: usize = 1024;

/// The options of Grid-Net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct GridNetOptions {
    /// Channels after the first convolution; each of the next three has twice as many; default 16.
    pub width: usize,
}

impl Default for GridNetOptions {
    fn default() -> Self {
        Self { width: 16 }
    }
}

impl GridNetOptions {
    /// Channels after each convolution.
    fn channels(&self) -> [usize; 5] {
        [1, 2, 4, 8, 8].map(|factor| factor * self.width)
    }
}

impl Family for GridNetOptions {
    type Variant = ();
    type Network<B: Backend> = GridNet<B>;

    const TAKES_ANY_SIDES: bool = false;

    fn entries() -> &'static [Entry<()>] {
        const GRID_NET: ModelCard = ModelCard {
            name: "grid-net",
            description: "five convolutions that halve the image, one box a cell",
            // Convolutions 432 + 4,608 + 18,432 + 73,728 + 147,456, normalisations 2 · 368, head 128 · 85 + 85.
            parameters: 256_357,
            classes: 80,
            input: InputShape::rgb(416),
            paper: "Redmon et al. 2016, arXiv 1506.02640",
        };
        &[Entry { card: GRID_NET, variant: () }]
    }

    fn check(&self, request: &Request<()>) -> Result<(), ModelError> {
        request.in_range("width", self.width, 1..=MOST_WIDTH)
    }

    fn minimum_side(&self, _variant: ()) -> usize {
        STRIDE
    }

    fn size_step(&self, _variant: ()) -> usize {
        STRIDE
    }

    fn init<B: Backend>(&self, request: &Request<()>, device: &B::Device) -> GridNet<B> {
        let mut inputs = request.input.channels;
        let blocks = self.channels().map(|outputs| {
            let convolution = Conv2dConfig::new(inputs, outputs, 3).with_stride(2).with_padding(1).without_bias();
            inputs = outputs;
            Block { conv: convolution.init(device), bn: BatchNorm2d::new(outputs, device) }
        });
        GridNet {
            blocks: blocks.into_iter().collect(),
            head: Conv2dConfig::new(inputs, BOX_VALUES + request.classes, 1).init(device),
        }
    }

    fn head(&self, _variant: ()) -> Vec<String> {
        vec!["head".to_owned()]
    }

    fn input_channels<B: Backend>(network: &GridNet<B>) -> usize {
        network.blocks[0].conv.weight.dims()[1]
    }
}

/// Convolution and batch normalisation.
#[derive(Module, Debug)]
struct Block<B: Backend> {
    conv: Conv2d<B>,
    bn: BatchNorm2d<B>,
}

/// Grid-Net, see the [module](self).
#[derive(Module, Debug)]
pub struct GridNet<B: Backend> {
    blocks: Vec<Block<B>>,
    head: Conv2d<B>,
}

/// What a [`GridNet`] answers.
#[derive(Debug, Clone)]
pub struct GridOutput<B: Backend> {
    /// Logits, `[batch, 5 + classes, rows, columns]`: where in its cell the box's middle lies (x, y, through a sigmoid), the
    /// logarithms of its width and height in cells, objectness, classes.
    pub raw: Tensor<B, 4>,
}

impl<B: Backend> Answer for GridOutput<B> {
    fn wait(self) {
        self.raw.wait();
    }
}

impl<B: VisionBackend> Network<B> for GridNet<B> {
    type Output = GridOutput<B>;

    /// Raw outputs for `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> GridOutput<B> {
        let features = self.blocks.iter().fold(images, |map, block| {
            block.conv.forward_normalised(map, &block.bn, None, Activation::Relu)
        });
        GridOutput { raw: self.head.forward(features) }
    }
}
