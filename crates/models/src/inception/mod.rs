//! Inception v3 for images of 299×299 pixels.
//!
//! Paper: Szegedy et al. 2015, "Rethinking the Inception architecture for computer vision", table 1 and figures 5 to 7.
//! Reference: torchvision `models/inception.py`, whose names and initial values these are (its blocks lie in another
//! order than in the paper's figures, and are those of TensorFlow's published network). torchvision's weights were
//! trained on pixels minus 0.5, over 0.5: what its `transform_input` makes of ImageNet's normalisation.

#![allow(non_snake_case, reason = "field names are those of torchvision's state dict")]

mod blocks;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::Pool2dOptions;

use crate::Network;
use crate::layers::pooling::avg_pool2d;
use crate::layers::{Dropout, Initialisation, Linear, LinearConfig, MaxPool2d, global_avg_pool2d};
use blocks::{BasicConv2d, ConvShape, ReductionA, ReductionB, STRIDED_POOL, Units5x5, Units7x7, UnitsExpanded, square};

/// Probability of dropout before the last layer (torchvision's default).
pub(crate) const DEFAULT_DROPOUT: f64 = 0.5;
/// The least height and width in pixels: 75 → 37 → 35 → 17 → 15 → 7 → 3 → 1.
pub(crate) const MINIMUM_SIDE: usize = 75;
/// Channels before the last layer.
const FEATURES: usize = 2048;
/// Channels where the auxiliary head begins.
const AUXILIARY_FEATURES: usize = 768;

/// Makes an [`Inception`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InceptionConfig {
    /// Number of classes.
    pub classes: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Probability of dropout before the last layer.
    pub dropout: f64,
    /// Whether there is an auxiliary head (section 4 of the paper): its tensors are part of torchvision's files. It has
    /// no part in [`forward`](Network::forward).
    pub auxiliary_head: bool,
}

impl InceptionConfig {
    /// torchvision's network for RGB images, without its auxiliary head.
    pub fn new(classes: usize) -> Self {
        Self { classes, channels: 3, dropout: DEFAULT_DROPOUT, auxiliary_head: false }
    }

    /// The same with an auxiliary head.
    pub fn with_auxiliary_head(mut self) -> Self {
        self.auxiliary_head = true;
        self
    }

    /// The network, its weights drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Inception<B> {
        let conv = |shape: ConvShape| BasicConv2d::new(shape, device);
        Inception {
            Conv2d_1a_3x3: conv(square(self.channels, 32, 3).with_stride(2)),
            Conv2d_2a_3x3: conv(square(32, 32, 3)),
            Conv2d_2b_3x3: conv(square(32, 64, 3).with_padding(1)),
            Conv2d_3b_1x1: conv(square(64, 80, 1)),
            Conv2d_4a_3x3: conv(square(80, 192, 3)),
            Mixed_5b: Units5x5::new(192, 32, device),
            Mixed_5c: Units5x5::new(256, 64, device),
            Mixed_5d: Units5x5::new(288, 64, device),
            Mixed_6a: ReductionA::new(288, device),
            Mixed_6b: Units7x7::new(768, 128, device),
            Mixed_6c: Units7x7::new(768, 160, device),
            Mixed_6d: Units7x7::new(768, 160, device),
            Mixed_6e: Units7x7::new(768, 192, device),
            AuxLogits: self.auxiliary_head.then(|| AuxiliaryHead::new(self.classes, device)),
            Mixed_7a: ReductionB::new(768, device),
            Mixed_7b: UnitsExpanded::new(1280, device),
            Mixed_7c: UnitsExpanded::new(2048, device),
            dropout: Dropout { probability: self.dropout },
            fc: LinearConfig::new(FEATURES, self.classes).with_initialisation(Initialisation::NormalTenth).init(device),
        }
    }
}

/// Inception v3, see the [module](self).
#[derive(Module, Debug)]
pub struct Inception<B: Backend> {
    Conv2d_1a_3x3: BasicConv2d<B>,
    Conv2d_2a_3x3: BasicConv2d<B>,
    Conv2d_2b_3x3: BasicConv2d<B>,
    Conv2d_3b_1x1: BasicConv2d<B>,
    Conv2d_4a_3x3: BasicConv2d<B>,
    Mixed_5b: Units5x5<B>,
    Mixed_5c: Units5x5<B>,
    Mixed_5d: Units5x5<B>,
    Mixed_6a: ReductionA<B>,
    Mixed_6b: Units7x7<B>,
    Mixed_6c: Units7x7<B>,
    Mixed_6d: Units7x7<B>,
    Mixed_6e: Units7x7<B>,
    AuxLogits: Option<AuxiliaryHead<B>>,
    Mixed_7a: ReductionB<B>,
    Mixed_7b: UnitsExpanded<B>,
    Mixed_7c: UnitsExpanded<B>,
    dropout: Dropout,
    fc: Linear<B>,
}

impl<B: VisionBackend> Inception<B> {
    /// Feature maps where the auxiliary head begins, `[batch, 768, height, width]` of about a seventeenth of the image.
    fn features(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let pool = MaxPool2d { options: STRIDED_POOL };
        let features = self.Conv2d_1a_3x3.forward(images);
        let features = self.Conv2d_2b_3x3.forward(self.Conv2d_2a_3x3.forward(features));
        let features = self.Conv2d_3b_1x1.forward(pool.forward(features));
        let features = pool.forward(self.Conv2d_4a_3x3.forward(features));
        let features = self.Mixed_5c.forward(self.Mixed_5b.forward(features));
        let features = self.Mixed_6a.forward(self.Mixed_5d.forward(features));
        let features = self.Mixed_6c.forward(self.Mixed_6b.forward(features));
        self.Mixed_6e.forward(self.Mixed_6d.forward(features))
    }

    /// What the last layer sees, `[batch, 2048]`, of the feature maps of the middle.
    fn pooled(&self, features: Tensor<B, 4>) -> Tensor<B, 2> {
        let features = self.Mixed_7b.forward(self.Mixed_7a.forward(features));
        global_avg_pool2d(self.Mixed_7c.forward(features))
    }

    fn logits(&self, pooled: Tensor<B, 2>) -> Tensor<B, 2> {
        self.fc.forward(self.dropout.forward(pooled))
    }

    /// Logits of both heads, those of the auxiliary one where there is one.
    ///
    /// Training on both adds 0.4 times the auxiliary loss (0.3 in the paper's predecessor, 0.4 in torchvision's reference
    /// training), and needs images of at least 299 pixels.
    ///
    /// # Shapes
    ///
    /// - `images`: `[batch, channels, height, width]`
    /// - outputs: `[batch, classes]`
    pub fn forward_both(&self, images: Tensor<B, 4>) -> (Tensor<B, 2>, Option<Tensor<B, 2>>) {
        let features = self.features(images);
        let auxiliary = self.AuxLogits.as_ref().map(|head| head.forward(features.clone()));
        (self.logits(self.pooled(features)), auxiliary)
    }
}

impl<B: VisionBackend> Network<B> for Inception<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.logits(self.pooled(self.features(images)))
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["fc"]
    }

    fn head_input(&self, images: Tensor<B, 4>) -> Option<Tensor<B, 2>> {
        Some(self.pooled(self.features(images)))
    }

    fn forward_head(&self, features: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.logits(features))
    }
}

/// A second classifier on the features of the middle, which helps training (section 4).
#[derive(Module, Debug)]
struct AuxiliaryHead<B: Backend> {
    conv0: BasicConv2d<B>,
    conv1: BasicConv2d<B>,
    fc: Linear<B>,
}

impl<B: Backend> AuxiliaryHead<B> {
    fn new(classes: usize, device: &B::Device) -> Self {
        Self {
            conv0: BasicConv2d::new(square(AUXILIARY_FEATURES, 128, 1), device),
            conv1: BasicConv2d::with_initialisation(
                square(128, AUXILIARY_FEATURES, 5),
                Initialisation::SmallNormal,
                device,
            ),
            fc: LinearConfig::new(AUXILIARY_FEATURES, classes)
                .with_initialisation(Initialisation::NormalThousandth)
                .init(device),
        }
    }
}

impl<B: VisionBackend> AuxiliaryHead<B> {
    /// Logits `[batch, classes]` of features `[batch, 768, height, width]`, 17×17 of an image of 299×299.
    fn forward(&self, features: Tensor<B, 4>) -> Tensor<B, 2> {
        let features = avg_pool2d(features, Pool2dOptions::square(5, 3));
        let features = self.conv1.forward(self.conv0.forward(features));
        self.fc.forward(global_avg_pool2d(features))
    }
}
