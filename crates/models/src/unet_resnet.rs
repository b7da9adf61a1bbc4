//! U-Net whose encoder is a ResNet, which may start from weights of a classifier.
//!
//! Papers: Ronneberger et al. 2015, "U-Net: convolutional networks for biomedical image segmentation", for the decoder and
//! the skips; He et al. 2015, "Deep residual learning for image recognition", for the encoder. Widths of the decoder,
//! nearest-neighbour enlarging and the 3×3 head are those of `Unet` in segmentation_models.pytorch, whose parameter counts
//! these networks have.
//!
//! Images of any size: sides that are no multiples of 32 are enlarged to the next ones by repeating the last row and
//! column, and the logits are cropped back to the image's size.
//!
//! Names of tensors: `backbone` with torchvision's names inside, `decoder.N` from coarse to fine with `conv1`, `bn1`,
//! `conv2`, `bn2`, and `head`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Interpolation, concatenate_channels, resize};

use crate::Network;
use crate::layers::{Conv2d, Conv2dConfig};
use crate::padding::{crop, pad_to_multiple};
use crate::resnet::{ResNetBackbone, ResNetConfig, ResNetDepth};
use crate::unet::DoubleConv;

/// Channels of the decoder's maps, from coarse to fine.
const DECODER_WIDTHS: [usize; 5] = [256, 128, 64, 32, 16];
/// Channels of the encoder's maps by a plain ResNet's stages; bottleneck networks have four times as many.
const STAGE_WIDTHS: [usize; 4] = [64, 128, 256, 512];
/// Channels before the first pooling.
const STEM_WIDTH: usize = 64;
/// The encoder halves the image five times: sides are enlarged to multiples of this.
pub(crate) const SIZE_STEP: usize = 1 << 5;

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

impl<B: Backend> UNetResNet<B> {
    /// Channels of the images that it sees.
    pub fn input_channels(&self) -> usize {
        self.backbone.input_channels()
    }
}

impl<B: VisionBackend> Network<B> for UNetResNet<B> {
    type Output = Tensor<B, 4>;

    /// Logits `[batch, classes, height, width]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let [_, _, height, width] = images.dims();
        let [stem, first, second, third, mut features] = self.backbone.levels(pad_to_multiple(images, SIZE_STEP));
        let mut skips = vec![stem, first, second, third];
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
