//! LeNet: two convolutions with pooling, three dense layers.
//!
//! Paper: LeCun et al. 1998, "Gradient-based learning applied to document recognition", figure 2 (LeNet-5). The variant
//! here is that of PyTorch's CIFAR-10 tutorial: ReLU instead of scaled tanh, maximum instead of trainable average
//! pooling, a fully connected second convolution and a plain dense output instead of radial basis functions. Field
//! names are the tutorial's.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Activation, Pool2dOptions, activate, flatten};

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::convolution::least_side;
use crate::layers::{Conv2d, Conv2dConfig, Linear, LinearConfig, MaxPool2d, window_positions};
use crate::{Backbone, ClassifierParts, InputShape, ModelError, Network, Stage};

/// Channels after the two convolutions, as in LeNet-5's C1 and C3.
const CHANNELS: [usize; 2] = [6, 16];
/// Side of both kernels, in pixels.
const KERNEL: usize = 5;
/// Features of the two hidden dense layers, as in LeNet-5's C5 and F6.
const DENSE: [usize; 2] = [120, 84];
/// Side and step of the pooling windows.
const POOL: usize = 2;

/// Most zeros on a side of the image.
const MOST_PADDING: usize = 256;

/// The options of LeNet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LeNetOptions {
    /// Zeros on each side of the image; default 0. 2 gives 28×28 digits the paper's 32×32 pixels.
    pub padding: usize,
}

impl LeNetOptions {
    fn config(&self, classes: usize, input: InputShape) -> LeNetConfig {
        LeNetConfig::new(classes, input).with_padding(self.padding)
    }
}

impl Family for LeNetOptions {
    type Variant = ();
    type Network<B: Backend> = LeNet<B>;

    fn entries() -> &'static [Entry<()>] {
        const LENET: ModelCard = ModelCard {
            name: "lenet",
            description: "two 5×5 convolutions and three dense layers, as in PyTorch's tutorial",
            parameters: 61_706,
            classes: 10,
            input: InputShape::grey(32),
            paper: "LeCun et al. 1998, Gradient-based learning applied to document recognition",
        };
        &[Entry { card: LENET, variant: () }]
    }

    fn check(&self, request: &Request<()>) -> Result<(), ModelError> {
        request.in_range("padding", self.padding, 0..=MOST_PADDING)
    }

    fn parameters(&self, request: &Request<()>) -> Option<u128> {
        let [first, second] = CHANNELS;
        let features = self.config(request.classes, request.input).features()?;
        let layers = [
            (request.input.channels * KERNEL * KERNEL, first),
            (first * KERNEL * KERNEL, second),
            (features, DENSE[0]),
            (DENSE[0], DENSE[1]),
            (DENSE[1], request.classes),
        ];
        Some(layers.iter().map(|&(inputs, outputs)| (inputs as u128 + 1) * outputs as u128).sum())
    }

    fn minimum_side(&self, _variant: ()) -> usize {
        let config = self.config(1, InputShape::grey(1));
        least_side(|size| config.feature_side(size))
    }

    fn init<B: Backend>(&self, request: &Request<()>, device: &B::Device) -> LeNet<B> {
        self.config(request.classes, request.input).init(device)
    }

    fn head(&self, _variant: ()) -> Vec<String> {
        vec!["fc3".to_owned()]
    }

    fn input_channels<B: Backend>(network: &LeNet<B>) -> usize {
        network.conv1.weight.dims()[1]
    }
}

/// Makes a [`LeNet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeNetConfig {
    /// Number of classes.
    pub classes: usize,
    /// Shape of an image: the first dense layer depends on it.
    pub input: InputShape,
    /// Zeros added on each side before the first convolution: 2 gives 28×28 digits the paper's 32×32 pixels.
    pub padding: usize,
}

impl LeNetConfig {
    /// A network for images of shape `input`, without padding.
    pub fn new(classes: usize, input: InputShape) -> Self {
        Self { classes, input, padding: 0 }
    }

    /// The same with `padding` zeros on each side of the image.
    pub fn with_padding(mut self, padding: usize) -> Self {
        self.padding = padding;
        self
    }

    /// Side of the last feature map for images with sides of `size` pixels; `None` when nothing is left.
    fn feature_side(&self, size: usize) -> Option<usize> {
        let first = window_positions(size, KERNEL, 1, self.padding)? / POOL;
        let second = window_positions(first, KERNEL, 1, 0)? / POOL;
        (second > 0).then_some(second)
    }

    /// Features that the first dense layer sees; `None` when nothing is left of the images.
    fn features(&self) -> Option<usize> {
        Some(CHANNELS[1] * self.feature_side(self.input.height)? * self.feature_side(self.input.width)?)
    }

    /// The network, its weights drawn from the calling thread's generator.
    ///
    /// # Panics
    ///
    /// When the images are too small: less than 16 pixels without padding.
    pub fn init<B: Backend>(&self, device: &B::Device) -> LeNet<B> {
        let channels = self.input.channels;
        let features = self.features().unwrap_or_else(|| panic!("LeNet leaves nothing of {}", self.input));
        LeNet {
            conv1: Conv2dConfig::new(channels, CHANNELS[0], KERNEL).with_padding(self.padding).init(device),
            conv2: Conv2dConfig::new(CHANNELS[0], CHANNELS[1], KERNEL).init(device),
            fc1: LinearConfig::new(features, DENSE[0]).init(device),
            fc2: LinearConfig::new(DENSE[0], DENSE[1]).init(device),
            fc3: LinearConfig::new(DENSE[1], self.classes).init(device),
        }
    }
}

/// LeNet, see the [module](self).
#[derive(Module, Debug)]
pub struct LeNet<B: Backend> {
    conv1: Conv2d<B>,
    conv2: Conv2d<B>,
    fc1: Linear<B>,
    fc2: Linear<B>,
    fc3: Linear<B>,
}

impl<B: VisionBackend> Backbone<B> for LeNet<B> {
    /// The maps after the two poolings.
    fn stages(&self) -> Vec<Stage> {
        let stage = |index: usize, convolution: &Conv2d<B>| Stage {
            name: format!("pool{index}"),
            stride: POOL.pow(index as u32),
            channels: convolution.weight.dims()[0],
        };
        vec![stage(1, &self.conv1), stage(2, &self.conv2)]
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let convolution = [&self.conv1, &self.conv2][index];
        let pool = MaxPool2d { options: Pool2dOptions::square(POOL, POOL) };
        pool.forward(activate(convolution.forward(input), Activation::Relu))
    }
}

impl<B: VisionBackend> ClassifierParts<B> for LeNet<B> {
    fn pool(&self, map: Tensor<B, 4>) -> Tensor<B, 2> {
        flatten(map)
    }

    fn head(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
        let features = activate(self.fc1.forward(features), Activation::Relu);
        let features = activate(self.fc2.forward(features), Activation::Relu);
        self.fc3.forward(features)
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["fc1", "fc2", "fc3"]
    }
}

impl<B: VisionBackend> Network<B> for LeNet<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`, of the configured size.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.logits(images)
    }
}
