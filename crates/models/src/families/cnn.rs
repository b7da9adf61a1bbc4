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

use crate::family::{Entry, Family, ModelCard, Request};
use crate::layers::convolution::least_side;
use crate::layers::sequence::{forward_pooling_stage, input_channels, pooled_maps};
use crate::layers::{
    BatchNorm2d, Conv2dConfig, DenseLayer, Dropout, FeatureLayer, LinearConfig, MaxPool2d, Relu, forward_dense,
    global_avg_pool2d, window_positions,
};
use crate::{Backbone, ClassifierParts, InputShape, ModelError, Network, Stage};

/// Side and step of the pooling windows.
const POOL: usize = 2;

/// How feature maps become a feature vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CnnHead {
    /// Every pixel of every channel: the network is for one image size.
    #[default]
    Flatten,
    /// The mean of each channel: any image size.
    GlobalAverage,
}

/// Most stages: so many halvings leave one pixel of the largest image.
const MOST_STAGES: usize = 16;
/// Most channels of a stage.
const MOST_CHANNELS: usize = 16_384;
/// Most convolutions a stage.
const MOST_CONVOLUTIONS: usize = 16;
/// Greatest side of the kernels, and most zeros around an image, in pixels.
const GREATEST_KERNEL: usize = 31;
/// Most hidden dense layers.
const MOST_DENSE: usize = 16;
/// Most features of a hidden dense layer.
const MOST_FEATURES: usize = 1_000_000;

/// The options of convolution-pooling networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CnnOptions {
    /// Channels of each stage; default 32, 64, 128.
    pub widths: Vec<usize>,
    /// Convolutions a stage; default 1.
    pub convolutions: usize,
    /// Side of the kernels in pixels; default 3.
    pub kernel: usize,
    /// Zeros on each side before each convolution; unset: half the kernel, which keeps the size.
    pub padding: Option<usize>,
    /// Whether each convolution is followed by batch normalisation; default true.
    pub batch_norm: bool,
    /// How feature maps become a vector, `"flatten"` or `"global-average"`; default `"flatten"`.
    pub head: CnnHead,
    /// Features of the hidden dense layers; default none.
    pub dense: Vec<usize>,
    /// Probability of dropout in the head; default 0.
    pub dropout: f64,
}

impl Default for CnnOptions {
    fn default() -> Self {
        let CnnConfig {
            classes: _,
            input: _,
            widths,
            convolutions,
            kernel,
            padding: _,
            batch_norm,
            head,
            dense,
            dropout,
        } = CnnConfig::new(1, InputShape::rgb(1));
        Self { widths, convolutions, kernel, padding: None, batch_norm, head, dense, dropout }
    }
}

impl CnnOptions {
    fn config(&self, classes: usize, input: InputShape) -> CnnConfig {
        let Self { widths, convolutions, kernel, padding, batch_norm, head, dense, dropout } = self.clone();
        let padding = padding.unwrap_or(kernel / 2);
        CnnConfig { classes, input, widths, convolutions, kernel, padding, batch_norm, head, dense, dropout }
    }
}

impl Family for CnnOptions {
    type Variant = ();
    type Network<B: Backend> = Cnn<B>;

    fn entries() -> &'static [Entry<()>] {
        const CNN: ModelCard = ModelCard {
            name: "cnn",
            description: "three stages of convolution, batch normalisation, ReLU and pooling, one dense layer",
            parameters: 113_962,
            classes: 10,
            input: InputShape::rgb(32),
            paper: "",
        };
        &[Entry { card: CNN, variant: () }]
    }

    fn check(&self, request: &Request<()>) -> Result<(), ModelError> {
        request.all_in_range("widths", &self.widths, 1..=MOST_STAGES, 1..=MOST_CHANNELS, "channels")?;
        request.all_in_range("dense", &self.dense, 0..=MOST_DENSE, 1..=MOST_FEATURES, "features")?;
        request.in_range("convolutions", self.convolutions, 1..=MOST_CONVOLUTIONS)?;
        request.in_range("kernel", self.kernel, 1..=GREATEST_KERNEL)?;
        request.in_range("padding", self.padding.unwrap_or(0), 0..=GREATEST_KERNEL)?;
        request.is_dropout("dropout", self.dropout)
    }

    fn parameters(&self, request: &Request<()>) -> Option<u128> {
        self.config(request.classes, request.input).parameters()
    }

    fn minimum_side(&self, _variant: ()) -> usize {
        let config = self.config(1, InputShape::rgb(1));
        least_side(|size| config.feature_side(size))
    }

    fn init<B: Backend>(&self, request: &Request<()>, device: &B::Device) -> Cnn<B> {
        self.config(request.classes, request.input).init(device)
    }

    fn head(&self, _variant: ()) -> Vec<String> {
        vec![format!("classifier.{}", self.config(1, InputShape::rgb(1)).head_index())]
    }

    fn input_channels<B: Backend>(network: &Cnn<B>) -> usize {
        input_channels(&network.features)
    }
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
    fn feature_side(&self, size: usize) -> Option<usize> {
        let stage = |size: usize| -> Option<usize> {
            let convolved = (0..self.convolutions)
                .try_fold(size, |size, _| window_positions(size, self.kernel, 1, self.padding))?;
            window_positions(convolved, POOL, POOL, 0)
        };
        self.widths.iter().try_fold(size, |size, _| stage(size))
    }

    /// Position of the last dense layer in `classifier`.
    fn head_index(&self) -> usize {
        // Dense, ReLU and dropout for each hidden layer; dropout alone where there is none.
        if self.dense.is_empty() { 1 } else { 3 * self.dense.len() }
    }

    /// Features that the dense layers see; `None` when nothing is left of the images, or there is no stage.
    fn vector(&self) -> Option<usize> {
        let [height, width] = [self.feature_side(self.input.height)?, self.feature_side(self.input.width)?];
        let channels = *self.widths.last()?;
        Some(match self.head {
            CnnHead::Flatten => channels * height * width,
            CnnHead::GlobalAverage => channels,
        })
    }

    /// How many parameters the network has; `None` when nothing is left of the images, or there is no stage.
    fn parameters(&self) -> Option<u128> {
        let wide = |number: usize| number as u128;
        let area = wide(self.kernel) * wide(self.kernel);
        let mut count = 0;
        let mut channels_in = self.input.channels;
        for &width in &self.widths {
            for _ in 0..self.convolutions {
                // A bias, or a scale and a shift.
                let others = if self.batch_norm { 2 } else { 1 };
                count += wide(width) * (wide(channels_in) * area + others);
                channels_in = width;
            }
        }
        let mut features_in = self.vector()?;
        for &features in self.dense.iter().chain([&self.classes]) {
            count += wide(features) * (wide(features_in) + 1);
            features_in = features;
        }
        Some(count)
    }

    /// The network, its weights drawn from the calling thread's generator as PyTorch draws them by default.
    ///
    /// # Panics
    ///
    /// When the images are too small, or there is no stage.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Cnn<B> {
        let nothing = || panic!("{} stages leave nothing of {}", self.widths.len(), self.input);
        let vector = self.vector().unwrap_or_else(nothing);
        Cnn {
            features: self.features(self.input.channels, device),
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

impl<B: VisionBackend> Backbone<B> for Cnn<B> {
    /// The maps after the poolings.
    fn stages(&self) -> Vec<Stage> {
        pooled_maps(&self.features)
    }

    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4> {
        forward_pooling_stage(&self.features, index, input)
    }
}

impl<B: VisionBackend> ClassifierParts<B> for Cnn<B> {
    fn pool(&self, map: Tensor<B, 4>) -> Tensor<B, 2> {
        if self.global_average { global_avg_pool2d(map) } else { flatten(map) }
    }

    fn head(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
        forward_dense(&self.classifier, features)
    }

    fn head_modules(&self) -> &'static [&'static str] {
        &["classifier"]
    }
}

impl<B: VisionBackend> Network<B> for Cnn<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.logits(images)
    }
}
