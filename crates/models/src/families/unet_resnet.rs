//! U-Net whose encoder is a ResNet, which may start from weights of a classifier.
//!
//! Papers: Ronneberger et al. 2015, "U-Net: convolutional networks for biomedical image segmentation", for the decoder
//! and the skips; He et al. 2015, "Deep residual learning for image recognition", for the encoder. Widths of the
//! decoder, nearest-neighbour enlarging and the 3×3 head are those of `Unet` in segmentation_models.pytorch, whose
//! parameter counts these networks have.
//!
//! Images of any size: sides that are no multiples of 32 are enlarged to the next ones by repeating the last row and
//! column, and the logits are cropped back to the image's size.
//!
//! Names of tensors: `backbone` with torchvision's names inside, `decoder.N` from coarse to fine with `conv1`, `bn1`,
//! `conv2`, `bn2`, and `head`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Interpolation, concatenate_channels, resize};

use super::resnet::{ResNetBackbone, ResNetConfig, ResNetDepth};
use super::unet::DoubleConv;
use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::padding::{crop, pad_to_multiple};
use crate::layers::{Conv2d, Conv2dConfig};
use crate::{Backbone, InputShape, ModelError, Network};

/// Channels of the decoder's maps, from coarse to fine.
const DECODER_WIDTHS: [usize; 5] = [256, 128, 64, 32, 16];
/// Channels of the encoder's maps by a plain ResNet's stages; bottleneck networks have four times as many.
const STAGE_WIDTHS: [usize; 4] = [64, 128, 256, 512];
/// Channels before the first pooling.
const STEM_WIDTH: usize = 64;
/// The encoder halves the image five times: sides are enlarged to multiples of this.
const SIZE_STEP: usize = 1 << 5;

/// A U-Net on a ResNet has no options.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UNetResNetOptions {}

impl Family for UNetResNetOptions {
    /// The encoder.
    type Variant = ResNetDepth;
    type Network<B: Backend> = UNetResNet<B>;

    fn entries() -> &'static [Entry<ResNetDepth>] {
        &ENTRIES
    }

    fn check(&self, _request: &Request<ResNetDepth>) -> Result<(), ModelError> {
        Ok(())
    }

    fn size_step(&self, _variant: ResNetDepth) -> usize {
        SIZE_STEP
    }

    fn init<B: Backend>(&self, request: &Request<ResNetDepth>, device: &B::Device) -> UNetResNet<B> {
        let config = UNetResNetConfig::new(request.variant, request.classes);
        config.with_channels(request.input.channels).init(device)
    }

    fn head(&self, _variant: ResNetDepth) -> Vec<String> {
        vec!["head".to_owned()]
    }

    fn input_channels<B: Backend>(network: &UNetResNet<B>) -> usize {
        network.backbone.input_channels()
    }
}

static ENTRIES: [Entry<ResNetDepth>; 3] = [
    entry("unet-resnet18", ResNetDepth::Eighteen, 14_328_354, "U-Net with a ResNet-18 for an encoder"),
    entry("unet-resnet34", ResNetDepth::ThirtyFour, 24_436_514, "U-Net with a ResNet-34 for an encoder"),
    entry("unet-resnet50", ResNetDepth::Fifty, 32_521_250, "U-Net with a ResNet-50 for an encoder"),
];

const fn entry(
    name: &'static str,
    variant: ResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<ResNetDepth> {
    let (classes, input, paper) = (2, InputShape::rgb(256), "Ronneberger et al. 2015, arXiv 1505.04597");
    Entry { card: ModelCard { name, description, parameters, classes, input, paper }, variant }
}

/// Makes a [`UNetResNet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UNetResNetConfig {
    /// The encoder.
    pub depth: ResNetDepth,
    /// Number of logits a pixel.
    pub classes: usize,
    /// Channels of an image.
    pub channels: usize,
}

impl UNetResNetConfig {
    /// The network for RGB images.
    pub fn new(depth: ResNetDepth, classes: usize) -> Self {
        Self { depth, classes, channels: 3 }
    }

    /// The same for images of `channels` channels.
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    /// The network, its weights drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> UNetResNet<B> {
        let [first, second, third, fourth] = STAGE_WIDTHS.map(|width| width * self.depth.expansion());
        let backbone = ResNetConfig::new(self.depth, self.classes).with_channels(self.channels);
        let backbone = backbone.backbone(0, device);
        // The last step has no map of the encoder of its size.
        let skips = [third, second, first, STEM_WIDTH, 0];
        let mut coarser = fourth;
        let decoder = skips.into_iter().zip(DECODER_WIDTHS).map(|(skip, width)| {
            let block = DoubleConv::new(coarser + skip, width, true, device);
            coarser = width;
            block
        });
        let decoder = decoder.collect();
        let head = Conv2dConfig::new(DECODER_WIDTHS[4], self.classes, 3).with_padding(1).init(device);
        UNetResNet { backbone, decoder, head }
    }
}

/// U-Net on a ResNet, see the [module](self).
#[derive(Module, Debug)]
pub struct UNetResNet<B: Backend> {
    backbone: ResNetBackbone<B>,
    decoder: Vec<DoubleConv<B>>,
    head: Conv2d<B>,
}

impl<B: VisionBackend> Network<B> for UNetResNet<B> {
    type Output = Tensor<B, 4>;

    /// Logits `[batch, classes, height, width]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let [_, _, height, width] = images.dims();
        let mut skips = self.backbone.maps(pad_to_multiple(images, SIZE_STEP));
        let mut features = skips.pop().expect("a ResNet has stages");
        for block in &self.decoder {
            let [_, _, height, width] = features.dims();
            features = resize(features, [2 * height, 2 * width], Interpolation::Nearest);
            if let Some(skip) = skips.pop() {
                features = concatenate_channels(vec![features, skip]);
            }
            features = block.forward(features);
        }
        crop(self.head.forward(features), [height, width])
    }
}
