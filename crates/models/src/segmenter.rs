//! Any segmentation network, chosen by name.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::catalogue::SEGMENTERS;
use crate::fcn_resnet::{self, FcnResNet, FcnResNetConfig};
use crate::fcn_vgg::{FcnStride, FcnVgg, FcnVggConfig};
use crate::resnet::ResNetDepth;
use crate::unet::{self, UNet, UNetConfig, Upsampling};
use crate::unet_resnet::{self, UNetResNet, UNetResNetConfig};
use crate::{InputShape, ModelCard, ModelError, ModelName, Network, vgg};

/// What a segmentation network's name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmenterKind {
    /// [`crate::unet`].
    UNet,
    /// [`crate::unet_resnet`].
    UNetResNet(ResNetDepth),
    /// [`crate::fcn_vgg`].
    FcnVgg(FcnStride),
    /// [`crate::fcn_resnet`].
    FcnResNet50,
}

/// The name of one of the segmentation networks.
pub type SegmenterName = ModelName<SegmenterKind>;

/// What a segmentation network answers: logits of each pixel, of the images' height and width.
///
/// Many classes take a softmax over the logits; a yes or no for each class (one logit: foreground or not) takes a
/// sigmoid. The network is the same.
#[derive(Debug, Clone)]
pub struct SegmenterOutput<B: Backend> {
    /// `[batch, classes, height, width]`.
    pub logits: Tensor<B, 4>,
    /// The auxiliary head's logits of the same shape, in training only; `None` where there is no such head.
    pub auxiliary: Option<Tensor<B, 4>>,
}

/// The `[model]` table of a segmentation network's config: a name, and options of its family where its defaults do not
/// fit.
///
/// An option left out has the family's default; one that the family does not have is an error.
///
/// # Examples
///
/// ```
/// use models::{InputShape, SegmenterConfig};
/// # use tensor_backend::SelectedBackend;
///
/// let config: SegmenterConfig = serde_json::from_str(r#"{"name": "unet", "width": 16, "upsampling": "bilinear"}"#)?;
/// let network = config.init::<SelectedBackend>(2, InputShape::grey(100), &Default::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmenterConfig {
    /// Which network.
    pub name: SegmenterName,
    /// `unet`: channels of the finest maps, each level down has twice as many; default 32 (the paper has 64).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// `unet`: number of poolings; default 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// Whether each convolution is followed by batch normalisation. `unet`: default true; `fcn32s`, `fcn16s` and
    /// `fcn8s`: default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_norm: Option<bool>,
    /// `unet`: how maps are doubled in size, `"transposed"` or `"bilinear"`; default `"transposed"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upsampling: Option<Upsampling>,
    /// `fcn-resnet50`: whether there is an auxiliary head for training; default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auxiliary: Option<bool>,
    /// `fcn32s`, `fcn16s` and `fcn8s`: probability of dropout, default 0.5; `fcn-resnet50`: default 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
}

/// A network's own config, options resolved.
enum Resolved {
    UNet(UNetConfig),
    UNetResNet(UNetResNetConfig),
    FcnVgg(FcnVggConfig),
    FcnResNet(FcnResNetConfig),
}

/// A name with default options.
impl From<SegmenterName> for SegmenterConfig {
    fn from(name: SegmenterName) -> Self {
        Self { name, width: None, depth: None, batch_norm: None, upsampling: None, auxiliary: None, dropout: None }
    }
}

impl SegmenterConfig {
    /// The network called `name`, with default options.
    ///
    /// # Errors
    ///
    /// [`ModelError::UnknownName`] with the nearest valid names.
    pub fn named(name: &str) -> Result<Self, ModelError> {
        name.parse::<SegmenterName>().map(Self::from)
    }

    /// Every segmentation network: name, description, parameter count, default input, paper.
    pub fn names() -> Vec<&'static ModelCard> {
        SEGMENTERS.iter().map(|entry| &entry.card).collect()
    }

    /// Checks the options, class count and image size without building anything.
    ///
    /// # Errors
    ///
    /// As for [`init`](Self::init).
    pub fn check(&self, classes: usize, input: InputShape) -> Result<(), ModelError> {
        self.resolve(classes, input).map(drop)
    }

    /// The network, its weights drawn from the calling thread's generator (see [`tensor_backend::random::seed`]), with
    /// `classes` logits a pixel.
    ///
    /// Any image size will do, from one pixel up: networks that halve the image enlarge it to fit by repeating its last
    /// row and column, and crop the logits.
    ///
    /// # Errors
    ///
    /// An option that the network does not have or cannot have, no classes, no channels, or an image without pixels.
    pub fn init<B: Backend>(
        &self,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<Segmenter<B>, ModelError> {
        Ok(match self.resolve(classes, input)? {
            Resolved::UNet(config) => Segmenter::UNet(config.init(device)),
            Resolved::UNetResNet(config) => Segmenter::UNetResNet(config.init(device)),
            Resolved::FcnVgg(config) => Segmenter::FcnVgg(config.init(device)),
            Resolved::FcnResNet(config) => Segmenter::FcnResNet(config.init(device)),
        })
    }

    /// Paths of the layers whose tensors depend on the number of classes: the tensors are these followed by `.weight`
    /// and `.bias`, transposed convolutions have no bias.
    pub fn head_prefixes(&self) -> Vec<&'static str> {
        match self.name.architecture() {
            SegmenterKind::UNet | SegmenterKind::UNetResNet(_) => vec!["head"],
            SegmenterKind::FcnVgg(stride) => {
                let mut paths = vec!["classifier.6"];
                if stride != FcnStride::ThirtyTwo {
                    paths.extend(["upscore2", "score_pool4"]);
                }
                if stride == FcnStride::Eight {
                    paths.extend(["upscore_pool4", "score_pool3"]);
                }
                paths.push("upscore");
                paths
            }
            SegmenterKind::FcnResNet50 if self.auxiliary == Some(true) => vec!["classifier.4", "aux_classifier.4"],
            SegmenterKind::FcnResNet50 => vec!["classifier.4"],
        }
    }

    /// What the network enlarges the sides of an image to multiples of, in pixels: images of such sides are not padded.
    pub fn size_step(&self) -> usize {
        match self.name.architecture() {
            SegmenterKind::UNet => 1 << self.depth.unwrap_or(unet::DEFAULT_DEPTH),
            SegmenterKind::UNetResNet(_) => unet_resnet::SIZE_STEP,
            SegmenterKind::FcnVgg(_) => vgg::MINIMUM_SIDE,
            SegmenterKind::FcnResNet50 => 1,
        }
    }

    /// Options of the network's family.
    fn allowed(&self) -> &'static [&'static str] {
        match self.name.architecture() {
            SegmenterKind::UNet => &["width", "depth", "batch_norm", "upsampling"],
            SegmenterKind::UNetResNet(_) => &[],
            SegmenterKind::FcnVgg(_) => &["batch_norm", "dropout"],
            SegmenterKind::FcnResNet50 => &["auxiliary", "dropout"],
        }
    }

    /// Options that were set.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let Self { name: _, width, depth, batch_norm, upsampling, auxiliary, dropout } = self;
        [
            ("width", width.is_some()),
            ("depth", depth.is_some()),
            ("batch_norm", batch_norm.is_some()),
            ("upsampling", upsampling.is_some()),
            ("auxiliary", auxiliary.is_some()),
            ("dropout", dropout.is_some()),
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
        if input.height.min(input.width) == 0 {
            return Err(ModelError::InputTooSmall { model, found: input, minimum: 1 });
        }
        let channels = input.channels;
        Ok(match self.name.architecture() {
            SegmenterKind::UNet => {
                let defaults = UNetConfig::new(classes);
                Resolved::UNet(UNetConfig {
                    width: self.width.unwrap_or(defaults.width),
                    depth: self.depth.unwrap_or(defaults.depth),
                    batch_norm: self.batch_norm.unwrap_or(defaults.batch_norm),
                    upsampling: self.upsampling.unwrap_or(defaults.upsampling),
                    classes,
                    channels,
                })
            }
            SegmenterKind::UNetResNet(depth) => {
                Resolved::UNetResNet(UNetResNetConfig::new(depth, classes).with_channels(channels))
            }
            SegmenterKind::FcnVgg(stride) => Resolved::FcnVgg(FcnVggConfig {
                stride,
                batch_norm: self.batch_norm.unwrap_or(false),
                dropout: self.dropout.unwrap_or(vgg::DEFAULT_DROPOUT),
                classes,
                channels,
            }),
            SegmenterKind::FcnResNet50 => Resolved::FcnResNet(FcnResNetConfig {
                auxiliary: self.auxiliary.unwrap_or(false),
                dropout: self.dropout.unwrap_or(fcn_resnet::DEFAULT_DROPOUT),
                classes,
                channels,
            }),
        })
    }

    fn check_values(&self) -> Result<(), ModelError> {
        let invalid = |option, found, expected| {
            Err(ModelError::InvalidOption { model: self.name.as_str(), option, found, expected })
        };
        if self.width == Some(0) {
            return invalid("width", "0".to_owned(), "at least 1");
        }
        if let Some(depth) = self.depth
            && !(1..=MOST_POOLINGS).contains(&depth)
        {
            return invalid("depth", depth.to_string(), "from 1 to 8 poolings");
        }
        match self.dropout {
            Some(dropout) if !(0.0..1.0).contains(&dropout) => {
                invalid("dropout", dropout.to_string(), "a probability of at least 0 and below 1")
            }
            _ => Ok(()),
        }
    }
}

/// More poolings than this leave nothing of any usual image.
const MOST_POOLINGS: usize = 8;

/// Any segmentation network. Names of its tensors are those of the network inside, without the variant's name.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program holds one or two of them")]
pub enum Segmenter<B: Backend> {
    /// U-Net.
    UNet(UNet<B>),
    /// U-Net on a ResNet.
    UNetResNet(UNetResNet<B>),
    /// FCN on VGG-16.
    FcnVgg(FcnVgg<B>),
    /// FCN on ResNet-50.
    FcnResNet(FcnResNet<B>),
}

impl<B: Backend> Segmenter<B> {
    /// Channels of the images that it sees.
    pub fn input_channels(&self) -> usize {
        match self {
            Self::UNet(network) => network.input_channels(),
            Self::UNetResNet(network) => network.input_channels(),
            Self::FcnVgg(network) => network.input_channels(),
            Self::FcnResNet(network) => network.input_channels(),
        }
    }
}

impl<B: VisionBackend> Network<B> for Segmenter<B> {
    type Output = SegmenterOutput<B>;

    /// Logits of each pixel of `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> SegmenterOutput<B> {
        match self {
            Self::UNet(network) => SegmenterOutput { logits: network.forward(images), auxiliary: None },
            Self::UNetResNet(network) => SegmenterOutput { logits: network.forward(images), auxiliary: None },
            Self::FcnVgg(network) => SegmenterOutput { logits: network.forward(images), auxiliary: None },
            Self::FcnResNet(network) => network.forward(images),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> SegmenterConfig {
        serde_json::from_str(json).expect("well-formed")
    }

    #[test]
    fn options_belong_to_their_family() {
        let input = InputShape::rgb(64);
        for (json, expected) in [
            (r#"{"name": "unet", "dropout": 0.5}"#, "the model `unet` has no option `dropout`"),
            (r#"{"name": "fcn8s", "width": 16}"#, "the model `fcn8s` has no option `width`"),
            (r#"{"name": "fcn-resnet50", "batch_norm": false}"#, "the model `fcn-resnet50` has no option `batch_norm`"),
            (r#"{"name": "unet", "width": 0}"#, "option `width` of the model `unet` is 0, expected at least 1"),
            (
                r#"{"name": "unet", "depth": 9}"#,
                "option `depth` of the model `unet` is 9, expected from 1 to 8 poolings",
            ),
            (r#"{"name": "fcn32s", "dropout": 1.0}"#, "option `dropout` of the model `fcn32s` is 1"),
        ] {
            let error = parse(json).check(2, input).expect_err(json).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        assert_eq!(parse(r#"{"name": "unet", "batch_norm": false, "depth": 3}"#).check(1, input), Ok(()));
        assert_eq!(parse(r#"{"name": "fcn-resnet50", "auxiliary": true}"#).check(1, input), Ok(()));
    }

    #[test]
    fn sizes_and_classes_are_checked() {
        let config = SegmenterConfig::named("unet").expect("a valid name");
        assert_eq!(config.check(1, InputShape::new(1, 1, 1)), Ok(()));
        assert!(matches!(config.check(0, InputShape::rgb(64)), Err(ModelError::TooFewClasses { .. })));
        assert!(matches!(config.check(1, InputShape::new(0, 8, 8)), Err(ModelError::NoChannels { .. })));
        assert!(matches!(config.check(1, InputShape::new(3, 0, 8)), Err(ModelError::InputTooSmall { .. })));
        let message = SegmenterConfig::named("resnet18").expect_err("a classifier").to_string();
        assert_eq!(message, "`resnet18` is a model for classification, expected one for segmentation");
        let message = SegmenterConfig::named("u-net2").expect_err("no such name").to_string();
        assert!(message.contains("`unet`"), "{message}");
    }
}
