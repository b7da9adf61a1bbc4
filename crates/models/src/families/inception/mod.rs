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
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::Pool2dOptions;

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::pooling::avg_pool2d;
use crate::layers::{Dropout, Initialisation, Linear, LinearConfig, MaxPool2d, global_avg_pool2d};
use crate::{Backbone, ClassifierParts, InputShape, ModelError, Network, Stage};
use blocks::{BasicConv2d, ConvShape, ReductionA, ReductionB, STRIDED_POOL, Units5x5, Units7x7, UnitsExpanded, square};

/// Probability of dropout before the last layer (torchvision's default).
const DEFAULT_DROPOUT: f64 = 0.5;
/// The least height and width in pixels: 75 → 37 → 35 → 17 → 15 → 7 → 3 → 1.
const MINIMUM_SIDE: usize = 75;
/// Channels before the last layer.
const FEATURES: usize = 2048;
/// Channels where the auxiliary head begins.
const AUXILIARY_FEATURES: usize = 768;

/// Where feature maps are taken: the last layer before the map shrinks, its stride and its channels.
const STAGES: [(&str, usize, usize); 5] = [
    ("Conv2d_2b_3x3", 2, 64),
    ("Conv2d_4a_3x3", 4, 192),
    ("Mixed_5d", 8, 288),
    ("Mixed_6e", 16, AUXILIARY_FEATURES),
    ("Mixed_7c", 32, FEATURES),
];

/// The options of Inception v3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct InceptionOptions {
    /// Probability of dropout before the last layer; default 0.5.
    pub dropout: f64,
    /// Whether there is an auxiliary head, which torchvision's files have; default false.
    pub auxiliary_head: bool,
}

impl Default for InceptionOptions {
    fn default() -> Self {
        Self { dropout: DEFAULT_DROPOUT, auxiliary_head: false }
    }
}

impl Family for InceptionOptions {
    type Variant = ();
    type Network<B: Backend> = Inception<B>;

    fn entries() -> &'static [Entry<()>] {
        const INCEPTION_V3: ModelCard = ModelCard {
            name: "inception-v3",
            description: "blocks of branches side by side, their kernels taken apart",
            // torchvision's 27,161,264 less the auxiliary head's 3,326,696.
            parameters: 23_834_568,
            classes: 1000,
            input: InputShape::rgb(299),
            paper: "Szegedy et al. 2015, arXiv 1512.00567",
        };
        &[Entry { card: INCEPTION_V3, variant: () }]
    }

    fn check(&self, request: &Request<()>) -> Result<(), ModelError> {
        request.is_dropout("dropout", self.dropout)
    }

    fn minimum_side(&self, _variant: ()) -> usize {
        MINIMUM_SIDE
    }

    fn init<B: Backend>(&self, request: &Request<()>, device: &B::Device) -> Inception<B> {
        let (classes, channels) = (request.classes, request.input.channels);
        InceptionConfig { classes, channels, dropout: self.dropout, auxiliary_head: self.auxiliary_head }.init(device)
    }

    fn head(&self, _variant: ()) -> Vec<String> {
        let auxiliary = self.auxiliary_head.then_some("AuxLogits.fc");
        auxiliary.into_iter().chain(["fc"]).map(str::to_owned).collect()
    }

    fn input_channels<B: Backend>(network: &Inception<B>) -> usize {
        network.Conv2d_1a_3x3.input_channels()
    }
}

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
    /// Logits of both heads, those of the auxiliary one where there is one.
    ///
    /// Training on both adds 0.4 times the auxiliary loss (0.3 in the paper's predecessor, 0.4 in torchvision's
    /// reference training), and needs images of at least 299 pixels.
    ///
    /// # Shapes
    ///
    /// - `images`: `[batch, channels, height, width]`
    /// - outputs: `[batch, classes]`
    pub fn forward_both(&self, images: Tensor<B, 4>) -> (Tensor<B, 2>, Option<Tensor<B, 2>>) {
        let last = STAGES.len() - 1;
        let middle = (0..last).fold(images, |map, index| self.forward_stage(index, map));
        let auxiliary = self.AuxLogits.as_ref().map(|head| head.forward(middle.clone()));
        (self.head(self.pool(self.forward_stage(last, middle))), auxiliary)
    }
}

/// Few layers pad, so that maps are smaller than the image over their stride: 147, 71, 35, 17 and 8 of 299 pixels.
impl<B: VisionBackend> Backbone<B> for Inception<B> {
    fn stages(&self) -> Vec<Stage> {
        STAGES.map(|(name, stride, channels)| Stage { name: name.to_owned(), stride, channels }).into()
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let pool = MaxPool2d { options: STRIDED_POOL };
        match index {
            0 => self.Conv2d_2b_3x3.forward(self.Conv2d_2a_3x3.forward(self.Conv2d_1a_3x3.forward(input))),
            1 => self.Conv2d_4a_3x3.forward(self.Conv2d_3b_1x1.forward(pool.forward(input))),
            2 => self.Mixed_5d.forward(self.Mixed_5c.forward(self.Mixed_5b.forward(pool.forward(input)))),
            3 => {
                let units = [&self.Mixed_6b, &self.Mixed_6c, &self.Mixed_6d, &self.Mixed_6e];
                units.into_iter().fold(self.Mixed_6a.forward(input), |map, unit| unit.forward(map))
            }
            4 => self.Mixed_7c.forward(self.Mixed_7b.forward(self.Mixed_7a.forward(input))),
            _ => panic!("Inception has {} stages, none of number {index}", STAGES.len()),
        }
    }
}

impl<B: VisionBackend> ClassifierParts<B> for Inception<B> {
    fn pool(&self, map: Tensor<B, 4>) -> Tensor<B, 2> {
        global_avg_pool2d(map)
    }

    fn head(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
        self.fc.forward(self.dropout.forward(features))
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["fc"]
    }
}

impl<B: VisionBackend> Network<B> for Inception<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.logits(images)
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
