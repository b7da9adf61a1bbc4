//! Plain networks of convolution-pooling stages with a dense head, as in most tutorials.
//!
//! A stage is some convolutions, each followed by batch normalisation (or not) and ReLU, and one 2×2 maximum pooling.
//! The names are those of a PyTorch network with two `nn.Sequential`s, `features` and `classifier`. With
//! `batch_norm: false, padding: 0, dense: [1024]` on 150×150 images it is the `Sequential` network that Keras tutorials
//! on small image folders use: convolutions without padding, 32, 64 and 128 channels, one large dense layer.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Pool2dOptions, flatten};

use crate::layers::{
    BatchNorm2d, Conv2dConfig, DenseLayer, Dropout, FeatureLayer, LinearConfig, MaxPool2d, Relu, forward_dense,
    forward_features, global_avg_pool2d, window_positions,
};
use crate::{InputShape, Network};

/// Side and step of the pooling windows.
const POOL: usize = 2;

/// How feature maps become a feature vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CnnHead {
    /// Every pixel of every channel: the network is for one image size.
    #[default]
    Flatten,
    /// The mean of each channel: any image size.
    GlobalAverage,
}

/// Makes a [`Cnn`].
#[derive(Debug, Clone, PartialEq)]
pub struct CnnConfig {
    /// Number of classes.
    pub classes: usize,
    /// Shape of an image: with [`CnnHead::Flatten`] the first dense layer depends on it.
    pub input: InputShape,
    /// Channels of each stage.
    pub widths: Vec<usize>,
    /// Convolutions a stage.
    pub convolutions: usize,
    /// Side of the kernels, in pixels.
    pub kernel: usize,
    /// Zeros on each side before each convolution; half the kernel keeps the size.
    pub padding: usize,
    /// Whether each convolution is followed by batch normalisation.
    pub batch_norm: bool,
    /// How feature maps become a vector.
    pub head: CnnHead,
    /// Features of the hidden dense layers.
    pub dense: Vec<usize>,
    /// Probability of dropout after each hidden dense layer, or before the last layer where there is none.
    pub dropout: f64,
}

impl CnnConfig {
    /// Stages of 32, 64 and 128 channels with one normalised 3×3 convolution each, no hidden dense layer.
    pub fn new(classes: usize, input: InputShape) -> Self {
        Self {
            classes,
            input,
            widths: vec![32, 64, 128],
            convolutions: 1,
            kernel: 3,
            padding: 1,
            batch_norm: true,
            head: CnnHead::Flatten,
            dense: Vec::new(),
            dropout: 0.0,
        }
    }

    /// Side of the last feature map for images with sides of `size` pixels; `None` when nothing is left.
    pub(crate) fn feature_side(&self, size: usize) -> Option<usize> {
        let stage = |size: usize| -> Option<usize> {
            let convolved = (0..self.convolutions)
                .try_fold(size, |size, _| window_positions(size, self.kernel, 1, self.padding))?;
            window_positions(convolved, POOL, POOL, 0)
        };
        self.widths.iter().try_fold(size, |size, _| stage(size))
    }

    /// Position of the last dense layer in `classifier`.
    pub(crate) fn head_index(&self) -> usize {
        // Dense, ReLU and dropout for each hidden layer; dropout alone where there is none.
        if self.dense.is_empty() { 1 } else { 3 * self.dense.len() }
    }

    /// The network, its weights drawn from the calling thread's generator as PyTorch draws them by default.
    ///
    /// # Panics
    ///
    /// When the images are too small, or there is no stage.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Cnn<B> {
        let InputShape { channels, height, width } = self.input;
        let side = |size| {
            self.feature_side(size)
                .unwrap_or_else(|| panic!("{} stages leave nothing of {}", self.widths.len(), self.input))
        };
        let last = *self.widths.last().expect("a network has at least one stage");
        let vector = match self.head {
            CnnHead::Flatten => last * side(height) * side(width),
            CnnHead::GlobalAverage => last,
        };
        Cnn {
            features: self.features(channels, device),
            classifier: self.classifier(vector, device),
            global_average: self.head == CnnHead::GlobalAverage,
        }
    }

    fn features<B: Backend>(&self, channels: usize, device: &B::Device) -> Vec<FeatureLayer<B>> {
        let mut layers = Vec::new();
        let mut channels_in = channels;
        for &width in &self.widths {
            for _ in 0..self.convolutions {
                let mut convolution = Conv2dConfig::new(channels_in, width, self.kernel).with_padding(self.padding);
                convolution.bias = !self.batch_norm;
                layers.push(FeatureLayer::Conv2d(convolution.init(device)));
                if self.batch_norm {
                    layers.push(FeatureLayer::BatchNorm2d(BatchNorm2d::new(width, device)));
                }
                layers.push(FeatureLayer::Relu(Relu));
                channels_in = width;
            }
            layers.push(FeatureLayer::MaxPool2d(MaxPool2d { options: Pool2dOptions::square(POOL, POOL) }));
        }
        layers
    }

    fn classifier<B: Backend>(&self, vector: usize, device: &B::Device) -> Vec<DenseLayer<B>> {
        let dropout = || DenseLayer::Dropout(Dropout { probability: self.dropout });
        let mut layers = Vec::new();
        let mut features_in = vector;
        for &features in &self.dense {
            layers.push(DenseLayer::Linear(LinearConfig::new(features_in, features).init(device)));
            layers.push(DenseLayer::Relu(Relu));
            layers.push(dropout());
            features_in = features;
        }
        if self.dense.is_empty() {
            layers.push(dropout());
        }
        layers.push(DenseLayer::Linear(LinearConfig::new(features_in, self.classes).init(device)));
        layers
    }
}

/// A network of convolution-pooling stages, see the [module](self).
#[derive(Module, Debug)]
pub struct Cnn<B: Backend> {
    features: Vec<FeatureLayer<B>>,
    classifier: Vec<DenseLayer<B>>,
    global_average: bool,
}

impl<B: VisionBackend> Cnn<B> {
    /// What the dense layers see, `[batch, features]`.
    fn vectors(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let features = forward_features(&self.features, images);
        if self.global_average { global_avg_pool2d(features) } else { flatten(features) }
    }
}

impl<B: VisionBackend> Network<B> for Cnn<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        forward_dense(&self.classifier, self.vectors(images))
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["classifier"]
    }

    fn head_input(&self, images: Tensor<B, 4>) -> Option<Tensor<B, 2>> {
        Some(self.vectors(images))
    }

    fn forward_head(&self, features: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(forward_dense(&self.classifier, features))
    }
}
