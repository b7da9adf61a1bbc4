//! U-Net: an encoder that halves the image, a decoder that doubles it, and skips between maps of one size.
//!
//! Paper: Ronneberger et al. 2015, "U-Net: convolutional networks for biomedical image segmentation", figure 1. As in
//! most later implementations convolutions keep the size (the paper's shrink it and crop the skips), and batch
//! normalisation (Ioffe and Szegedy 2015) follows each of them unless it is switched off. The paper's network has
//! width 64, depth 4, no normalisation and transposed convolutions.
//!
//! Images of any size: sides that are no multiples of `2^depth` are enlarged to the next ones by repeating the last row
//! and column, and the logits are cropped back to the image's size.
//!
//! Names of tensors: `encoder.N` for the blocks from fine to coarse, `decoder.N` from coarse to fine, `head`; blocks
//! have `conv1`, `bn1`, `conv2`, `bn2`, and a decoder's step has `up` and `block`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Activation, Interpolation, Pool2dOptions, concatenate_channels, resize};

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::padding::{crop, pad_to_multiple};
use crate::layers::{
    BatchNorm2d, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Initialisation, MaxPool2d,
};
use crate::{InputShape, ModelError, Network};

/// Channels of the finest maps by default, half the paper's.
const DEFAULT_WIDTH: usize = 32;
/// Poolings by default (figure 1).
const DEFAULT_DEPTH: usize = 4;
/// Most channels of the finest maps.
const MOST_WIDTH: usize = 4096;
/// More poolings than this leave nothing of any usual image.
const MOST_POOLINGS: usize = 8;

/// The options of U-Net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UNetOptions {
    /// Channels of the finest maps, each level down has twice as many; default 32 (the paper has 64).
    pub width: usize,
    /// Number of poolings; default 4.
    pub depth: usize,
    /// Whether each 3×3 convolution is followed by batch normalisation; default true.
    pub batch_norm: bool,
    /// How maps are doubled in size, `"transposed"` or `"bilinear"`; default `"transposed"`.
    pub upsampling: Upsampling,
}

impl Default for UNetOptions {
    fn default() -> Self {
        let UNetConfig { width, depth, batch_norm, upsampling, classes: _, channels: _ } = UNetConfig::new(1);
        Self { width, depth, batch_norm, upsampling }
    }
}

impl UNetOptions {
    fn config(&self, request: &Request<()>) -> UNetConfig {
        let Self { width, depth, batch_norm, upsampling } = *self;
        let (classes, channels) = (request.classes, request.input.channels);
        UNetConfig { width, depth, batch_norm, upsampling, classes, channels }
    }
}

impl Family for UNetOptions {
    type Variant = ();
    type Network<B: Backend> = UNet<B>;

    fn entries() -> &'static [Entry<()>] {
        const UNET: ModelCard = ModelCard {
            name: "unet",
            description: "four poolings, transposed convolutions, batch normalisation, half the paper's width",
            parameters: 7_763_074,
            classes: 2,
            input: InputShape::rgb(256),
            paper: "Ronneberger et al. 2015, arXiv 1505.04597",
        };
        &[Entry { card: UNET, variant: () }]
    }

    fn check(&self, request: &Request<()>) -> Result<(), ModelError> {
        request.in_range("width", self.width, 1..=MOST_WIDTH)?;
        request.in_range("depth", self.depth, 1..=MOST_POOLINGS)
    }

    fn parameters(&self, request: &Request<()>) -> Option<u128> {
        Some(self.config(request).parameters())
    }

    fn size_step(&self, _variant: ()) -> usize {
        1 << self.depth
    }

    fn init<B: Backend>(&self, request: &Request<()>, device: &B::Device) -> UNet<B> {
        self.config(request).init(device)
    }

    fn head(&self, _variant: ()) -> Vec<String> {
        vec!["head".to_owned()]
    }

    fn input_channels<B: Backend>(network: &UNet<B>) -> usize {
        network.encoder[0].conv1.weight.dims()[1]
    }
}

/// How maps are doubled in size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Upsampling {
    /// `transposed`: a 2×2 transposed convolution with stride 2 that halves the channels, as in the paper.
    #[default]
    Transposed,
    /// `bilinear`: a 1×1 convolution that halves the channels, and bilinear interpolation. In this order because both
    /// commute (interpolation weights sum to 1), and there are fewer pixels before.
    Bilinear,
}

/// Makes a [`UNet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UNetConfig {
    /// Channels of the finest maps; each level down has twice as many.
    pub width: usize,
    /// Number of poolings.
    pub depth: usize,
    /// Whether each 3×3 convolution is followed by batch normalisation.
    pub batch_norm: bool,
    /// How maps are doubled in size.
    pub upsampling: Upsampling,
    /// Number of logits a pixel.
    pub classes: usize,
    /// Channels of an image.
    pub channels: usize,
}

impl UNetConfig {
    /// Width 32, depth 4, batch normalisation and transposed convolutions, for RGB images.
    pub fn new(classes: usize) -> Self {
        Self {
            width: DEFAULT_WIDTH,
            depth: DEFAULT_DEPTH,
            batch_norm: true,
            upsampling: Upsampling::default(),
            classes,
            channels: 3,
        }
    }

    /// The same with `width` channels in the finest maps.
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// The same with `depth` poolings.
    pub fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// The same with batch normalisation or without.
    pub fn with_batch_norm(mut self, batch_norm: bool) -> Self {
        self.batch_norm = batch_norm;
        self
    }

    /// The same with another way of doubling maps.
    pub fn with_upsampling(mut self, upsampling: Upsampling) -> Self {
        self.upsampling = upsampling;
        self
    }

    /// The same for images of `channels` channels.
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    /// How many parameters the network has.
    fn parameters(&self) -> u128 {
        let wide = |number: usize| number as u128;
        // A bias, or a scale and a shift.
        let others = if self.batch_norm { 2 } else { 1 };
        let block = |inputs: u128, outputs: u128| outputs * (9 * inputs + others) + outputs * (9 * outputs + others);
        let width = |level: usize| wide(self.width) << level;
        let kernel = match self.upsampling {
            Upsampling::Transposed => 4,
            Upsampling::Bilinear => 1,
        };
        let encoder: u128 = (1..=self.depth).map(|level| block(width(level - 1), width(level))).sum();
        let up = |level: usize| width(level) * (kernel * width(level + 1) + 1) + block(2 * width(level), width(level));
        let decoder: u128 = (0..self.depth).map(up).sum();
        block(wide(self.channels), width(0)) + encoder + decoder + wide(self.classes) * (width(0) + 1)
    }

    /// The network, its weights drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> UNet<B> {
        let width = |level: usize| self.width << level;
        let block = |channels_in, channels_out| DoubleConv::new(channels_in, channels_out, self.batch_norm, device);
        let encoder = (0..=self.depth)
            .map(|level| block(if level == 0 { self.channels } else { width(level - 1) }, width(level)));
        let encoder = encoder.collect();
        let decoder = (0..self.depth).rev().map(|level| UpStep {
            up: Up::new(self.upsampling, [width(level + 1), width(level)], device),
            block: block(2 * width(level), width(level)),
        });
        let decoder = decoder.collect();
        UNet { encoder, decoder, head: Conv2dConfig::new(self.width, self.classes, 1).init(device) }
    }
}

/// Two 3×3 convolutions, each with normalisation and rectifier.
#[derive(Module, Debug)]
pub(crate) struct DoubleConv<B: Backend> {
    conv1: Conv2d<B>,
    bn1: Option<BatchNorm2d<B>>,
    conv2: Conv2d<B>,
    bn2: Option<BatchNorm2d<B>>,
}

impl<B: Backend> DoubleConv<B> {
    pub(crate) fn new(channels_in: usize, channels_out: usize, batch_norm: bool, device: &B::Device) -> Self {
        let convolution = |channels_in| {
            // Section 3: normal with the deviation √(2 / fan-in).
            let config = Conv2dConfig::new(channels_in, channels_out, 3)
                .with_padding(1)
                .with_initialisation(Initialisation::KaimingNormalFanIn);
            if batch_norm { config.without_bias() } else { config }.init(device)
        };
        let norm = || batch_norm.then(|| BatchNorm2d::new(channels_out, device));
        Self { conv1: convolution(channels_in), bn1: norm(), conv2: convolution(channels_out), bn2: norm() }
    }
}

impl<B: VisionBackend> DoubleConv<B> {
    pub(crate) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let step = |input, convolution: &Conv2d<B>, norm: &Option<BatchNorm2d<B>>| match norm {
            Some(norm) => convolution.forward_normalised(input, norm, None, Activation::Relu),
            None => convolution.forward_activated(input, Activation::Relu),
        };
        let inner = step(input, &self.conv1, &self.bn1);
        step(inner, &self.conv2, &self.bn2)
    }
}

/// Doubles a map's sides and halves its channels.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has one kind throughout")]
enum Up<B: Backend> {
    Transposed(ConvTranspose2d<B>),
    Bilinear(Conv2d<B>),
}

impl<B: Backend> Up<B> {
    fn new(upsampling: Upsampling, [channels_in, channels_out]: [usize; 2], device: &B::Device) -> Self {
        match upsampling {
            Upsampling::Transposed => {
                Self::Transposed(ConvTranspose2dConfig::new(channels_in, channels_out, 2, 2).init(device))
            }
            Upsampling::Bilinear => Self::Bilinear(Conv2dConfig::new(channels_in, channels_out, 1).init(device)),
        }
    }
}

impl<B: VisionBackend> Up<B> {
    fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        match self {
            Self::Transposed(layer) => layer.forward(input),
            Self::Bilinear(layer) => {
                let [_, _, height, width] = input.dims();
                resize(layer.forward(input), [2 * height, 2 * width], Interpolation::Bilinear)
            }
        }
    }
}

/// One level up: doubles the coarser map and merges it with the encoder's of the same size.
#[derive(Module, Debug)]
struct UpStep<B: Backend> {
    up: Up<B>,
    block: DoubleConv<B>,
}

/// U-Net, see the [module](self).
#[derive(Module, Debug)]
pub struct UNet<B: Backend> {
    encoder: Vec<DoubleConv<B>>,
    decoder: Vec<UpStep<B>>,
    head: Conv2d<B>,
}

impl<B: VisionBackend> Network<B> for UNet<B> {
    type Output = Tensor<B, 4>;

    /// Logits `[batch, classes, height, width]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let [_, _, height, width] = images.dims();
        let halve = MaxPool2d { options: Pool2dOptions::square(2, 2) };
        let mut features = pad_to_multiple(images, 1 << self.decoder.len());
        let mut skips = Vec::with_capacity(self.encoder.len());
        for (level, block) in self.encoder.iter().enumerate() {
            if level > 0 {
                skips.push(features.clone());
                features = halve.forward(features);
            }
            features = block.forward(features);
        }
        for (step, skip) in self.decoder.iter().zip(skips.into_iter().rev()) {
            features = step.block.forward(concatenate_channels(vec![skip, step.up.forward(features)]));
        }
        crop(self.head.forward(features), [height, width])
    }
}
