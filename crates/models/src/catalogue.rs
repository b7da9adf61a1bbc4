//! The networks by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cifar_resnet::{CifarResNetDepth, Shortcut};
use crate::resnet::{ResNetDepth, ResNetStem};
use crate::vgg::VggDepth;
use crate::{InputShape, ModelError};

/// Classes of ImageNet-1k, what torchvision's networks are published with.
const IMAGENET_CLASSES: usize = 1000;

const LECUN_1998: &str = "LeCun et al. 1998, Gradient-based learning applied to document recognition";
const SIMONYAN_2014: &str = "Simonyan and Zisserman 2014, arXiv 1409.1556";
const HE_2015: &str = "He et al. 2015, arXiv 1512.03385";

/// How alike (Jaro-Winkler, 1 is equal) a name must be to a valid one for that to be suggested.
const SUGGESTION_SIMILARITY: f64 = 0.75;
/// How many names are suggested at most.
const SUGGESTIONS: usize = 3;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// [`crate::lenet`].
    LeNet,
    /// [`crate::cnn`].
    Cnn,
    /// [`crate::vgg`].
    Vgg {
        /// Number of layers.
        depth: VggDepth,
        /// Whether each convolution is followed by batch normalisation.
        batch_norm: bool,
        /// For which image size.
        variant: VggVariant,
    },
    /// [`crate::resnet`].
    ResNet {
        /// Number of layers.
        depth: ResNetDepth,
        /// What precedes the blocks.
        stem: ResNetStem,
    },
    /// [`crate::cifar_resnet`].
    CifarResNet {
        /// Number of layers.
        depth: CifarResNetDepth,
        /// How shortcuts change the shape.
        shortcut: Shortcut,
    },
}

/// For which image size a VGG's head is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VggVariant {
    /// About 224×224 pixels: three dense layers.
    ImageNet,
    /// About 32×32 pixels: one dense layer.
    Cifar,
}

/// One network of [`MODELS`]. Its figures are those of the default class count and input.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelCard {
    /// Its name in configs and on the command line.
    pub name: &'static str,
    /// What it is.
    pub architecture: Architecture,
    /// What it is, in one line.
    pub description: &'static str,
    /// Parameters with the default class count and input.
    pub parameters: usize,
    /// Default class count.
    pub classes: usize,
    /// Default input.
    pub input: InputShape,
    /// Where it comes from; empty where there is no paper.
    pub paper: &'static str,
}

const fn vgg(depth: VggDepth, batch_norm: bool, variant: VggVariant) -> Architecture {
    Architecture::Vgg { depth, batch_norm, variant }
}

const fn resnet(depth: ResNetDepth, stem: ResNetStem) -> Architecture {
    Architecture::ResNet { depth, stem }
}

const fn cifar_resnet(depth: CifarResNetDepth, shortcut: Shortcut) -> Architecture {
    Architecture::CifarResNet { depth, shortcut }
}

const fn card(
    name: &'static str,
    architecture: Architecture,
    description: &'static str,
    parameters: usize,
    classes: usize,
    input: InputShape,
    paper: &'static str,
) -> ModelCard {
    ModelCard { name, architecture, description, parameters, classes, input, paper }
}

/// Every network, by family.
pub static MODELS: [ModelCard; 32] = [
    card(
        "lenet",
        Architecture::LeNet,
        "two 5×5 convolutions and three dense layers (PyTorch tutorial's LeNet-5)",
        61_706,
        10,
        InputShape::grey(32),
        LECUN_1998,
    ),
    card(
        "cnn",
        Architecture::Cnn,
        "three stages of convolution, batch normalisation, ReLU and pooling, a dense layer",
        113_962,
        10,
        InputShape::rgb(32),
        "",
    ),
    card(
        "vgg11",
        vgg(VggDepth::Eleven, false, VggVariant::ImageNet),
        "11 layers of 3×3 convolutions",
        132_863_336,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        SIMONYAN_2014,
    ),
    card(
        "vgg11-bn",
        vgg(VggDepth::Eleven, true, VggVariant::ImageNet),
        "11 layers of 3×3 convolutions, batch normalisation",
        132_868_840,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        SIMONYAN_2014,
    ),
    card(
        "vgg13",
        vgg(VggDepth::Thirteen, false, VggVariant::ImageNet),
        "13 layers of 3×3 convolutions",
        133_047_848,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        SIMONYAN_2014,
    ),
    card(
        "vgg13-bn",
        vgg(VggDepth::Thirteen, true, VggVariant::ImageNet),
        "13 layers of 3×3 convolutions, batch normalisation",
        133_053_736,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        SIMONYAN_2014,
    ),
    card(
        "vgg16",
        vgg(VggDepth::Sixteen, false, VggVariant::ImageNet),
        "16 layers of 3×3 convolutions",
        138_357_544,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        SIMONYAN_2014,
    ),
    card(
        "vgg16-bn",
        vgg(VggDepth::Sixteen, true, VggVariant::ImageNet),
        "16 layers of 3×3 convolutions, batch normalisation",
        138_365_992,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        SIMONYAN_2014,
    ),
    card(
        "vgg19",
        vgg(VggDepth::Nineteen, false, VggVariant::ImageNet),
        "19 layers of 3×3 convolutions",
        143_667_240,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        SIMONYAN_2014,
    ),
    card(
        "vgg19-bn",
        vgg(VggDepth::Nineteen, true, VggVariant::ImageNet),
        "19 layers of 3×3 convolutions, batch normalisation",
        143_678_248,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        SIMONYAN_2014,
    ),
    card(
        "vgg11-bn-cifar",
        vgg(VggDepth::Eleven, true, VggVariant::Cifar),
        "the convolutions of vgg11-bn and one dense layer, for 32×32 pixels",
        9_231_114,
        10,
        InputShape::rgb(32),
        SIMONYAN_2014,
    ),
    card(
        "vgg13-bn-cifar",
        vgg(VggDepth::Thirteen, true, VggVariant::Cifar),
        "the convolutions of vgg13-bn and one dense layer, for 32×32 pixels",
        9_416_010,
        10,
        InputShape::rgb(32),
        SIMONYAN_2014,
    ),
    card(
        "vgg16-bn-cifar",
        vgg(VggDepth::Sixteen, true, VggVariant::Cifar),
        "the convolutions of vgg16-bn and one dense layer, for 32×32 pixels",
        14_728_266,
        10,
        InputShape::rgb(32),
        SIMONYAN_2014,
    ),
    card(
        "vgg19-bn-cifar",
        vgg(VggDepth::Nineteen, true, VggVariant::Cifar),
        "the convolutions of vgg19-bn and one dense layer, for 32×32 pixels",
        20_040_522,
        10,
        InputShape::rgb(32),
        SIMONYAN_2014,
    ),
    card(
        "resnet18",
        resnet(ResNetDepth::Eighteen, ResNetStem::ImageNet),
        "residual network of 18 layers, basic blocks",
        11_689_512,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        HE_2015,
    ),
    card(
        "resnet34",
        resnet(ResNetDepth::ThirtyFour, ResNetStem::ImageNet),
        "residual network of 34 layers, basic blocks",
        21_797_672,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        HE_2015,
    ),
    card(
        "resnet50",
        resnet(ResNetDepth::Fifty, ResNetStem::ImageNet),
        "residual network of 50 layers, bottleneck blocks",
        25_557_032,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        HE_2015,
    ),
    card(
        "resnet101",
        resnet(ResNetDepth::OneHundredOne, ResNetStem::ImageNet),
        "residual network of 101 layers, bottleneck blocks",
        44_549_160,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        HE_2015,
    ),
    card(
        "resnet152",
        resnet(ResNetDepth::OneHundredFiftyTwo, ResNetStem::ImageNet),
        "residual network of 152 layers, bottleneck blocks",
        60_192_808,
        IMAGENET_CLASSES,
        InputShape::rgb(224),
        HE_2015,
    ),
    card(
        "resnet18-cifar",
        resnet(ResNetDepth::Eighteen, ResNetStem::Cifar),
        "resnet18 with a 3×3 first convolution and no first pooling, for 32×32 pixels",
        11_173_962,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet34-cifar",
        resnet(ResNetDepth::ThirtyFour, ResNetStem::Cifar),
        "resnet34 with a 3×3 first convolution and no first pooling, for 32×32 pixels",
        21_282_122,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet50-cifar",
        resnet(ResNetDepth::Fifty, ResNetStem::Cifar),
        "resnet50 with a 3×3 first convolution and no first pooling, for 32×32 pixels",
        23_520_842,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet20",
        cifar_resnet(CifarResNetDepth::Twenty, Shortcut::Subsample),
        "CIFAR residual network of 20 layers, shortcuts without parameters",
        269_722,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet32",
        cifar_resnet(CifarResNetDepth::ThirtyTwo, Shortcut::Subsample),
        "CIFAR residual network of 32 layers, shortcuts without parameters",
        464_154,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet44",
        cifar_resnet(CifarResNetDepth::FortyFour, Shortcut::Subsample),
        "CIFAR residual network of 44 layers, shortcuts without parameters",
        658_586,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet56",
        cifar_resnet(CifarResNetDepth::FiftySix, Shortcut::Subsample),
        "CIFAR residual network of 56 layers, shortcuts without parameters",
        853_018,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet110",
        cifar_resnet(CifarResNetDepth::OneHundredTen, Shortcut::Subsample),
        "CIFAR residual network of 110 layers, shortcuts without parameters",
        1_727_962,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet20-b",
        cifar_resnet(CifarResNetDepth::Twenty, Shortcut::Projection),
        "CIFAR residual network of 20 layers, 1×1 convolutions as shortcuts",
        272_474,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet32-b",
        cifar_resnet(CifarResNetDepth::ThirtyTwo, Shortcut::Projection),
        "CIFAR residual network of 32 layers, 1×1 convolutions as shortcuts",
        466_906,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet44-b",
        cifar_resnet(CifarResNetDepth::FortyFour, Shortcut::Projection),
        "CIFAR residual network of 44 layers, 1×1 convolutions as shortcuts",
        661_338,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet56-b",
        cifar_resnet(CifarResNetDepth::FiftySix, Shortcut::Projection),
        "CIFAR residual network of 56 layers, 1×1 convolutions as shortcuts",
        855_770,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
    card(
        "resnet110-b",
        cifar_resnet(CifarResNetDepth::OneHundredTen, Shortcut::Projection),
        "CIFAR residual network of 110 layers, 1×1 convolutions as shortcuts",
        1_730_714,
        10,
        InputShape::rgb(32),
        HE_2015,
    ),
];

/// The name of one of [`MODELS`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ModelName(&'static ModelCard);

impl ModelName {
    /// Every name, by family.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        MODELS.iter().map(Self)
    }

    /// What is known about the network.
    pub fn card(self) -> &'static ModelCard {
        self.0
    }

    /// The name itself.
    pub fn as_str(self) -> &'static str {
        self.0.name
    }
}

/// The name in quotes.
impl fmt::Debug for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ModelName {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        Self::all()
            .find(|model| model.as_str() == name)
            .ok_or_else(|| ModelError::UnknownName { found: name.to_owned(), nearest: nearest(name) })
    }
}

/// Valid names like `name`, the nearest first.
fn nearest(name: &str) -> Vec<&'static str> {
    // `ResNet_18` and `resnet-18` are how others write `resnet18`.
    let plain = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(name);
    let mut candidates: Vec<(f64, &'static str)> = MODELS
        .iter()
        .map(|card| (strsim::jaro_winkler(&wanted, &plain(card.name)), card.name))
        .filter(|(similarity, _)| *similarity >= SUGGESTION_SIMILARITY)
        .collect();
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    candidates.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}

impl Serialize for ModelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ModelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_parses_to_itself() {
        for (index, card) in MODELS.iter().enumerate() {
            assert_eq!(MODELS.iter().position(|other| other.name == card.name), Some(index), "{}", card.name);
            assert_eq!(card.name.parse::<ModelName>().expect("a valid name").card(), card);
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest() {
        let nearest = |name: &str| match name.parse::<ModelName>() {
            Err(ModelError::UnknownName { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("resnet_18")[0], "resnet18");
        assert_eq!(nearest("VGG16_bn")[0], "vgg16-bn");
        assert_eq!(nearest("resnet19").len(), SUGGESTIONS);
        assert_eq!(nearest("zzz"), [""; 0]);
        let message = "lennet".parse::<ModelName>().expect_err("no such name").to_string();
        assert_eq!(message, "there is no model called `lennet`; did you mean `lenet`?");
    }
}
