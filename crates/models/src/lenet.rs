//! LeNet: two convolutions with pooling, three dense layers.
//!
//! Paper: LeCun et al. 1998, "Gradient-based learning applied to document recognition", figure 2 (LeNet-5). The variant
//! here is that of PyTorch's CIFAR-10 tutorial: ReLU instead of scaled tanh, maximum instead of trainable average
//! pooling, a fully connected second convolution and a plain dense output instead of radial basis functions. Field
//! names are the tutorial's.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Activation, Pool2dOptions, activate, flatten};

use crate::layers::{Conv2d, Conv2dConfig, Linear, LinearConfig, MaxPool2d, window_positions};
use crate::{InputShape, Network};

/// Channels after the two convolutions, as in LeNet-5's C1 and C3.
const CHANNELS: [usize; 2] = [6, 16];
/// Side of both kernels, in pixels.
const KERNEL: usize = 5;
/// Features of the two hidden dense layers, as in LeNet-5's C5 and F6.
const DENSE: [usize; 2] = [120, 84];
/// Side and step of the pooling windows.
const POOL: usize = 2;

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
    pub(crate) fn feature_side(&self, size: usize) -> Option<usize> {
        let first = window_positions(size, KERNEL, 1, self.padding)? / POOL;
        let second = window_positions(first, KERNEL, 1, 0)? / POOL;
        (second > 0).then_some(second)
    }

    /// The network, its weights drawn from the calling thread's generator.
    ///
    /// # Panics
    ///
    /// When the images are too small: less than 16 pixels without padding.
    pub fn init<B: Backend>(&self, device: &B::Device) -> LeNet<B> {
        let InputShape { channels, height, width } = self.input;
        let side = |size| self.feature_side(size).unwrap_or_else(|| panic!("LeNet leaves nothing of {}", self.input));
        let features = CHANNELS[1] * side(height) * side(width);
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

impl<B: VisionBackend> LeNet<B> {
    /// What the dense layers see, `[batch, features]`.
    fn vectors(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let pool = MaxPool2d { options: Pool2dOptions::square(POOL, POOL) };
        let features = pool.forward(activate(self.conv1.forward(images), Activation::Relu));
        flatten(pool.forward(activate(self.conv2.forward(features), Activation::Relu)))
    }

    fn logits(&self, vectors: Tensor<B, 2>) -> Tensor<B, 2> {
        let features = activate(self.fc1.forward(vectors), Activation::Relu);
        let features = activate(self.fc2.forward(features), Activation::Relu);
        self.fc3.forward(features)
    }
}

impl<B: VisionBackend> Network<B> for LeNet<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`, of the configured size.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.logits(self.vectors(images))
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["fc1", "fc2", "fc3"]
    }

    fn head_input(&self, images: Tensor<B, 4>) -> Option<Tensor<B, 2>> {
        Some(self.vectors(images))
    }

    fn forward_head(&self, features: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.logits(features))
    }
}
