//! Any classifier, chosen by name.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::catalogue::{CLASSIFIERS, VggVariant};
use crate::cifar_resnet::{CifarResNet, CifarResNetConfig};
use crate::cnn::{Cnn, CnnConfig, CnnHead};
use crate::inception::{self, Inception, InceptionConfig};
use crate::lenet::{LeNet, LeNetConfig};
use crate::resnet::{ResNet, ResNetConfig};
use crate::vgg::{self, Vgg, VggConfig, VggHead};
use crate::{Architecture, InputShape, ModelCard, ModelError, ModelName, Network};

/// The name of one of the classifiers.
pub type ClassifierName = ModelName<Architecture>;

/// The `[model]` table of a config: a name, and options of its family where its defaults do not fit.
///
/// An option left out has the family's default; one that the family does not have is an error.
///
/// # Examples
///
/// ```
/// use models::{ClassifierConfig, InputShape};
/// # use tensor_backend::SelectedBackend;
///
/// let config: ClassifierConfig = serde_json::from_str(r#"{"name": "cnn", "widths": [16, 32], "dropout": 0.2}"#)?;
/// let network = config.init::<SelectedBackend>(10, InputShape::rgb(32), &Default::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// Which network.
    pub name: ClassifierName,
    /// `cnn`: channels of each stage; default 32, 64, 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widths: Option<Vec<usize>>,
    /// `cnn`: convolutions a stage; default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convolutions: Option<usize>,
    /// `cnn`: side of the kernels in pixels; default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<usize>,
    /// `cnn`: zeros on each side before each convolution; default half the kernel, which keeps the size. `lenet`: zeros
    /// on each side of the image; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<usize>,
    /// `cnn`: whether each convolution is followed by batch normalisation; default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_norm: Option<bool>,
    /// `cnn`: how feature maps become a vector, `"flatten"` or `"global-average"`; default `"flatten"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<CnnHead>,
    /// `cnn`: features of the hidden dense layers; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense: Option<Vec<usize>>,
    /// `cnn`: probability of dropout in the head; default 0. `vgg…` with torchvision's head, `inception-v3`: default 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// `resnet18` … `resnet152` and their `-cifar` forms: whether every block starts as the identity; default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zero_init_residual: Option<bool>,
    /// `inception-v3`: whether there is an auxiliary head, which torchvision's files have; default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auxiliary_head: Option<bool>,
}

/// A network's own config, options and sizes resolved.
enum Resolved {
    LeNet(LeNetConfig),
    Cnn(CnnConfig),
    Vgg(VggConfig),
    ResNet(ResNetConfig),
    CifarResNet(CifarResNetConfig),
    Inception(InceptionConfig),
}

/// A name with default options.
impl From<ClassifierName> for ClassifierConfig {
    fn from(name: ClassifierName) -> Self {
        Self {
            name,
            widths: None,
            convolutions: None,
            kernel: None,
            padding: None,
            batch_norm: None,
            head: None,
            dense: None,
            dropout: None,
            zero_init_residual: None,
            auxiliary_head: None,
        }
    }
}

impl ClassifierConfig {
    /// The network called `name`, with default options.
    ///
    /// # Errors
    ///
    /// [`ModelError::UnknownName`] with the nearest valid names.
    pub fn named(name: &str) -> Result<Self, ModelError> {
        name.parse::<ClassifierName>().map(Self::from)
    }

    /// Every classifier: name, description, parameter count, default input, paper.
    pub fn names() -> Vec<&'static ModelCard> {
        CLASSIFIERS.iter().map(|entry| &entry.card).collect()
    }

    /// Checks the options, class count and image size without building anything.
    ///
    /// # Errors
    ///
    /// As for [`init`](Self::init).
    pub fn check(&self, classes: usize, input: InputShape) -> Result<(), ModelError> {
        self.resolve(classes, input).map(drop)
    }

    /// The network, its weights drawn from the calling thread's generator (see [`tensor_backend::random::seed`]).
    ///
    /// # Errors
    ///
    /// An option that the network does not have or cannot have, no classes, no channels, or images that are too small.
    pub fn init<B: Backend>(
        &self,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<Classifier<B>, ModelError> {
        Ok(match self.resolve(classes, input)? {
            Resolved::LeNet(config) => Classifier::LeNet(config.init(device)),
            Resolved::Cnn(config) => Classifier::Cnn(config.init(device)),
            Resolved::Vgg(config) => Classifier::Vgg(config.init(device)),
            Resolved::ResNet(config) => Classifier::ResNet(config.init(device)),
            Resolved::CifarResNet(config) => Classifier::CifarResNet(config.init(device)),
            Resolved::Inception(config) => Classifier::Inception(config.init(device)),
        })
    }

    /// Path of the last dense layer, the one that depends on the number of classes: its tensors are this followed by
    /// `.weight` and `.bias`.
    pub fn head_prefix(&self) -> String {
        match self.name.architecture() {
            Architecture::LeNet => "fc3".to_owned(),
            Architecture::Cnn => {
                let mut config = CnnConfig::new(1, self.name.card().input);
                config.dense = self.dense.clone().unwrap_or_default();
                format!("classifier.{}", config.head_index())
            }
            Architecture::Vgg { variant: VggVariant::ImageNet, .. } => "classifier.6".to_owned(),
            Architecture::Vgg { variant: VggVariant::Cifar, .. } => "classifier".to_owned(),
            Architecture::ResNet { .. } | Architecture::Inception => "fc".to_owned(),
            Architecture::CifarResNet { .. } => "linear".to_owned(),
        }
    }

    /// The least height and width of an image, in pixels.
    pub fn minimum_side(&self) -> usize {
        match self.name.architecture() {
            Architecture::LeNet => {
                let config = self.lenet(1, self.name.card().input);
                least_side(|size| config.feature_side(size))
            }
            Architecture::Cnn => {
                let config = self.cnn(1, self.name.card().input);
                least_side(|size| config.feature_side(size))
            }
            Architecture::Vgg { .. } => vgg::MINIMUM_SIDE,
            Architecture::Inception => inception::MINIMUM_SIDE,
            // Every layer of a ResNet pads, so one pixel remains one pixel.
            Architecture::ResNet { .. } | Architecture::CifarResNet { .. } => 1,
        }
    }

    /// Options of the network's family.
    fn allowed(&self) -> &'static [&'static str] {
        match self.name.architecture() {
            Architecture::LeNet => &["padding"],
            Architecture::Cnn => {
                &["widths", "convolutions", "kernel", "padding", "batch_norm", "head", "dense", "dropout"]
            }
            Architecture::Vgg { variant: VggVariant::ImageNet, .. } => &["dropout"],
            Architecture::ResNet { .. } => &["zero_init_residual"],
            Architecture::Inception => &["dropout", "auxiliary_head"],
            Architecture::Vgg { variant: VggVariant::Cifar, .. } | Architecture::CifarResNet { .. } => &[],
        }
    }

    /// Options that were set.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let Self {
            name: _,
            widths,
            convolutions,
            kernel,
            padding,
            batch_norm,
            head,
            dense,
            dropout,
            zero_init_residual,
            auxiliary_head,
        } = self;
        [
            ("widths", widths.is_some()),
            ("convolutions", convolutions.is_some()),
            ("kernel", kernel.is_some()),
            ("padding", padding.is_some()),
            ("batch_norm", batch_norm.is_some()),
            ("head", head.is_some()),
            ("dense", dense.is_some()),
            ("dropout", dropout.is_some()),
            ("zero_init_residual", zero_init_residual.is_some()),
            ("auxiliary_head", auxiliary_head.is_some()),
        ]
        .into_iter()
        .filter_map(|(option, given)| given.then_some(option))
    }

    fn resolve(&self, classes: usize, input: InputShape) -> Result<Resolved, ModelError> {
        let model = self.name.as_str();
        let allowed = self.allowed();
        if let Some(option) = self.given().find(|option| !allowed.contains(option)) {
            return Err(ModelError::UnknownOption { model, option, allowed });
        }
        self.check_values()?;
        if classes == 0 {
            return Err(ModelError::TooFewClasses { model, found: classes });
        }
        if input.channels == 0 {
            return Err(ModelError::NoChannels { model });
        }
        let minimum = self.minimum_side();
        if input.height.min(input.width) < minimum {
            return Err(ModelError::InputTooSmall { model, found: input, minimum });
        }
        Ok(match self.name.architecture() {
            Architecture::LeNet => Resolved::LeNet(self.lenet(classes, input)),
            Architecture::Cnn => Resolved::Cnn(self.cnn(classes, input)),
            Architecture::Vgg { depth, batch_norm, variant } => {
                let head = match variant {
                    VggVariant::ImageNet => VggHead::ImageNet { dropout: self.dropout.unwrap_or(vgg::DEFAULT_DROPOUT) },
                    VggVariant::Cifar => VggHead::Cifar,
                };
                Resolved::Vgg(VggConfig { depth, batch_norm, head, classes, channels: input.channels })
            }
            Architecture::ResNet { depth, stem } => Resolved::ResNet(ResNetConfig {
                depth,
                stem,
                classes,
                channels: input.channels,
                zero_init_residual: self.zero_init_residual.unwrap_or(false),
            }),
            Architecture::CifarResNet { depth, shortcut } => {
                Resolved::CifarResNet(CifarResNetConfig { depth, shortcut, classes, channels: input.channels })
            }
            Architecture::Inception => Resolved::Inception(InceptionConfig {
                classes,
                channels: input.channels,
                dropout: self.dropout.unwrap_or(inception::DEFAULT_DROPOUT),
                auxiliary_head: self.auxiliary_head.unwrap_or(false),
            }),
        })
    }

    fn check_values(&self) -> Result<(), ModelError> {
        let invalid = |option, found, expected| {
            Err(ModelError::InvalidOption { model: self.name.as_str(), option, found, expected })
        };
        if let Some(widths) = &self.widths
            && (widths.is_empty() || widths.contains(&0))
        {
            return invalid("widths", format!("{widths:?}"), "at least one stage, each of at least 1 channel");
        }
        if let Some(dense) = &self.dense
            && dense.contains(&0)
        {
            return invalid("dense", format!("{dense:?}"), "layers of at least 1 feature");
        }
        for (option, value) in [("convolutions", self.convolutions), ("kernel", self.kernel)] {
            if value == Some(0) {
                return invalid(option, "0".to_owned(), "at least 1");
            }
        }
        match self.dropout {
            Some(dropout) if !(0.0..1.0).contains(&dropout) => {
                invalid("dropout", dropout.to_string(), "a probability of at least 0 and below 1")
            }
            _ => Ok(()),
        }
    }

    fn lenet(&self, classes: usize, input: InputShape) -> LeNetConfig {
        LeNetConfig::new(classes, input).with_padding(self.padding.unwrap_or(0))
    }

    fn cnn(&self, classes: usize, input: InputShape) -> CnnConfig {
        let defaults = CnnConfig::new(classes, input);
        let kernel = self.kernel.unwrap_or(defaults.kernel);
        CnnConfig {
            widths: self.widths.clone().unwrap_or(defaults.widths),
            convolutions: self.convolutions.unwrap_or(defaults.convolutions),
            kernel,
            padding: self.padding.unwrap_or(kernel / 2),
            batch_norm: self.batch_norm.unwrap_or(defaults.batch_norm),
            head: self.head.unwrap_or(defaults.head),
            dense: self.dense.clone().unwrap_or(defaults.dense),
            dropout: self.dropout.unwrap_or(defaults.dropout),
            ..defaults
        }
    }
}

/// The least size from which `feature_side` leaves something.
fn least_side(feature_side: impl Fn(usize) -> Option<usize>) -> usize {
    (1..).find(|size| feature_side(*size).is_some()).unwrap_or(usize::MAX)
}

/// Any classifier. Names of its tensors are those of the network inside, without the variant's name.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program holds one or two of them")]
pub enum Classifier<B: Backend> {
    /// LeNet.
    LeNet(LeNet<B>),
    /// Convolution-pooling stages.
    Cnn(Cnn<B>),
    /// VGG.
    Vgg(Vgg<B>),
    /// ResNet.
    ResNet(ResNet<B>),
    /// ResNet for CIFAR.
    CifarResNet(CifarResNet<B>),
    /// Inception v3.
    Inception(Inception<B>),
}

impl<B: VisionBackend> Network<B> for Classifier<B> {
    type Output = Tensor<B, 2>;

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        match self {
            Self::LeNet(network) => network.forward(images),
            Self::Cnn(network) => network.forward(images),
            Self::Vgg(network) => network.forward(images),
            Self::ResNet(network) => network.forward(images),
            Self::CifarResNet(network) => network.forward(images),
            Self::Inception(network) => network.forward(images),
        }
    }

    fn head_modules(&self) -> &'static [&'static str] {
        match self {
            Self::LeNet(network) => Network::<B>::head_modules(network),
            Self::Cnn(network) => Network::<B>::head_modules(network),
            Self::Vgg(network) => Network::<B>::head_modules(network),
            Self::ResNet(network) => Network::<B>::head_modules(network),
            Self::CifarResNet(network) => Network::<B>::head_modules(network),
            Self::Inception(network) => Network::<B>::head_modules(network),
        }
    }

    fn head_input(&self, images: Tensor<B, 4>) -> Option<Tensor<B, 2>> {
        match self {
            Self::LeNet(network) => network.head_input(images),
            Self::Cnn(network) => network.head_input(images),
            Self::Vgg(network) => network.head_input(images),
            Self::ResNet(network) => network.head_input(images),
            Self::CifarResNet(network) => network.head_input(images),
            Self::Inception(network) => network.head_input(images),
        }
    }

    fn forward_head(&self, features: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        match self {
            Self::LeNet(network) => network.forward_head(features),
            Self::Cnn(network) => network.forward_head(features),
            Self::Vgg(network) => network.forward_head(features),
            Self::ResNet(network) => network.forward_head(features),
            Self::CifarResNet(network) => network.forward_head(features),
            Self::Inception(network) => network.forward_head(features),
        }
    }
}
