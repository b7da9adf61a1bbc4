//! Every network, with its published figures.

use crate::InputShape;
use crate::cifar_resnet::{CifarResNetDepth, Shortcut};
use crate::fcn_vgg::FcnStride;
use crate::resnet::{ResNetDepth, ResNetStem};
use crate::segmenter::SegmenterKind;
use crate::vgg::VggDepth;
use crate::yolox::YoloxSize;

/// Classes of ImageNet-1k, what torchvision's networks are published with.
const IMAGENET_CLASSES: usize = 1000;
/// What torchvision's classifiers are published for.
const IMAGENET_INPUT: InputShape = InputShape::rgb(224);
/// Classes of CIFAR-10 and MNIST.
const SMALL_CLASSES: usize = 10;
/// Classes of COCO.
const COCO_CLASSES: usize = 80;
/// Classes of Pascal VOC with the background, what FCNs are published with.
const VOC_CLASSES: usize = 21;
/// An image of CIFAR.
const SMALL_INPUT: InputShape = InputShape::rgb(32);

const LECUN_1998: &str = "LeCun et al. 1998, Gradient-based learning applied to document recognition";
const SIMONYAN_2014: &str = "Simonyan and Zisserman 2014, arXiv 1409.1556";
const SZEGEDY_2015: &str = "Szegedy et al. 2015, arXiv 1512.00567";
const GE_2021: &str = "Ge et al. 2021, arXiv 2107.08430";
const RONNEBERGER_2015: &str = "Ronneberger et al. 2015, arXiv 1505.04597";
const LONG_2015: &str = "Long et al. 2015, arXiv 1411.4038";
const HE_2015: &str = "He et al. 2015, arXiv 1512.03385";

/// A family of networks for one task, which a name can be looked up in.
pub trait Catalogue: Copy + Eq + 'static {
    /// What the networks are for.
    const TASK: &'static str;

    /// The networks.
    fn entries() -> &'static [Entry<Self>];
}

/// One network of a [`Catalogue`].
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<A> {
    /// What is known about it.
    pub card: ModelCard,
    /// What it is.
    pub architecture: A,
}

/// What a classifier's name stands for.
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
    /// [`crate::inception`].
    Inception,
}

/// For which image size a VGG's head is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VggVariant {
    /// About 224×224 pixels: three dense layers.
    ImageNet,
    /// About 32×32 pixels: one dense layer.
    Cifar,
}

/// What is known about a network. Its figures are those of the default class count and input.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelCard {
    /// Its name in configs and on the command line.
    pub name: &'static str,
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

const fn vgg(
    name: &'static str,
    depth: VggDepth,
    batch_norm: bool,
    parameters: usize,
    description: &'static str,
) -> Entry<Architecture> {
    let architecture = Architecture::Vgg { depth, batch_norm, variant: VggVariant::ImageNet };
    let (classes, input) = (IMAGENET_CLASSES, IMAGENET_INPUT);
    Entry { card: ModelCard { name, description, parameters, classes, input, paper: SIMONYAN_2014 }, architecture }
}

const fn vgg_cifar(
    name: &'static str,
    depth: VggDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<Architecture> {
    let architecture = Architecture::Vgg { depth, batch_norm: true, variant: VggVariant::Cifar };
    let (classes, input) = (SMALL_CLASSES, SMALL_INPUT);
    Entry { card: ModelCard { name, description, parameters, classes, input, paper: SIMONYAN_2014 }, architecture }
}

const fn resnet(
    name: &'static str,
    depth: ResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<Architecture> {
    let architecture = Architecture::ResNet { depth, stem: ResNetStem::ImageNet };
    let (classes, input) = (IMAGENET_CLASSES, IMAGENET_INPUT);
    Entry { card: ModelCard { name, description, parameters, classes, input, paper: HE_2015 }, architecture }
}

const fn resnet_cifar(
    name: &'static str,
    depth: ResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<Architecture> {
    let architecture = Architecture::ResNet { depth, stem: ResNetStem::Cifar };
    let (classes, input) = (SMALL_CLASSES, SMALL_INPUT);
    Entry { card: ModelCard { name, description, parameters, classes, input, paper: HE_2015 }, architecture }
}

const fn cifar_resnet(
    name: &'static str,
    depth: CifarResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<Architecture> {
    let architecture = Architecture::CifarResNet { depth, shortcut: Shortcut::Subsample };
    let (classes, input) = (SMALL_CLASSES, SMALL_INPUT);
    Entry { card: ModelCard { name, description, parameters, classes, input, paper: HE_2015 }, architecture }
}

const fn cifar_resnet_b(
    name: &'static str,
    depth: CifarResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<Architecture> {
    let architecture = Architecture::CifarResNet { depth, shortcut: Shortcut::Projection };
    Entry { architecture, ..cifar_resnet(name, depth, parameters, description) }
}

const fn yolox(
    name: &'static str,
    size: YoloxSize,
    side: usize,
    parameters: usize,
    description: &'static str,
) -> Entry<YoloxSize> {
    let (classes, input) = (COCO_CLASSES, InputShape::rgb(side));
    Entry { card: ModelCard { name, description, parameters, classes, input, paper: GE_2021 }, architecture: size }
}

const fn fcn(
    name: &'static str,
    architecture: SegmenterKind,
    parameters: usize,
    description: &'static str,
) -> Entry<SegmenterKind> {
    let (classes, input) = (VOC_CLASSES, IMAGENET_INPUT);
    Entry { card: ModelCard { name, description, parameters, classes, input, paper: LONG_2015 }, architecture }
}

const fn unet_resnet(
    name: &'static str,
    depth: ResNetDepth,
    parameters: usize,
    description: &'static str,
) -> Entry<SegmenterKind> {
    Entry {
        card: ModelCard {
            name,
            description,
            parameters,
            classes: 2,
            input: InputShape::rgb(256),
            paper: RONNEBERGER_2015,
        },
        architecture: SegmenterKind::UNetResNet(depth),
    }
}

impl Catalogue for Architecture {
    const TASK: &'static str = "classification";

    fn entries() -> &'static [Entry<Self>] {
        &CLASSIFIERS
    }
}

impl Catalogue for YoloxSize {
    const TASK: &'static str = "detection";

    fn entries() -> &'static [Entry<Self>] {
        &DETECTORS
    }
}

impl Catalogue for SegmenterKind {
    const TASK: &'static str = "segmentation";

    fn entries() -> &'static [Entry<Self>] {
        &SEGMENTERS
    }
}

/// The task that the network called `name` is for; `None` where there is no such network.
pub fn task_of(name: &str) -> Option<&'static str> {
    fn find<A: Catalogue>(name: &str) -> Option<&'static str> {
        A::entries().iter().any(|entry| entry.card.name == name).then_some(A::TASK)
    }
    find::<Architecture>(name).or_else(|| find::<YoloxSize>(name)).or_else(|| find::<SegmenterKind>(name))
}

/// Every classifier, by family.
///
/// Sources of the parameter counts: torchvision's `num_params`; He et al. 2015, table 6, to its digits for the CIFAR
/// ResNets; for all of them the same networks in PyTorch, see the tests.
pub static CLASSIFIERS: [Entry<Architecture>; 33] = [
    Entry {
        card: ModelCard {
            name: "lenet",
            description: "two 5×5 convolutions and three dense layers, as in PyTorch's tutorial",
            parameters: 61_706,
            classes: SMALL_CLASSES,
            input: InputShape::grey(32),
            paper: LECUN_1998,
        },
        architecture: Architecture::LeNet,
    },
    Entry {
        card: ModelCard {
            name: "cnn",
            description: "three stages of convolution, batch normalisation, ReLU and pooling, one dense layer",
            parameters: 113_962,
            classes: SMALL_CLASSES,
            input: SMALL_INPUT,
            paper: "",
        },
        architecture: Architecture::Cnn,
    },
    vgg("vgg11", VggDepth::Eleven, false, 132_863_336, "11 layers, 3×3 convolutions"),
    vgg("vgg11-bn", VggDepth::Eleven, true, 132_868_840, "vgg11 with batch normalisation"),
    vgg("vgg13", VggDepth::Thirteen, false, 133_047_848, "13 layers, 3×3 convolutions"),
    vgg("vgg13-bn", VggDepth::Thirteen, true, 133_053_736, "vgg13 with batch normalisation"),
    vgg("vgg16", VggDepth::Sixteen, false, 138_357_544, "16 layers, 3×3 convolutions"),
    vgg("vgg16-bn", VggDepth::Sixteen, true, 138_365_992, "vgg16 with batch normalisation"),
    vgg("vgg19", VggDepth::Nineteen, false, 143_667_240, "19 layers, 3×3 convolutions"),
    vgg("vgg19-bn", VggDepth::Nineteen, true, 143_678_248, "vgg19 with batch normalisation"),
    vgg_cifar("vgg11-bn-cifar", VggDepth::Eleven, 9_231_114, "vgg11-bn with one dense layer, for 32×32 pixels"),
    vgg_cifar("vgg13-bn-cifar", VggDepth::Thirteen, 9_416_010, "vgg13-bn with one dense layer, for 32×32 pixels"),
    vgg_cifar("vgg16-bn-cifar", VggDepth::Sixteen, 14_728_266, "vgg16-bn with one dense layer, for 32×32 pixels"),
    vgg_cifar("vgg19-bn-cifar", VggDepth::Nineteen, 20_040_522, "vgg19-bn with one dense layer, for 32×32 pixels"),
    resnet("resnet18", ResNetDepth::Eighteen, 11_689_512, "18 layers, basic residual blocks"),
    resnet("resnet34", ResNetDepth::ThirtyFour, 21_797_672, "34 layers, basic residual blocks"),
    resnet("resnet50", ResNetDepth::Fifty, 25_557_032, "50 layers, bottleneck residual blocks"),
    resnet("resnet101", ResNetDepth::OneHundredOne, 44_549_160, "101 layers, bottleneck residual blocks"),
    resnet("resnet152", ResNetDepth::OneHundredFiftyTwo, 60_192_808, "152 layers, bottleneck residual blocks"),
    resnet_cifar("resnet18-cifar", ResNetDepth::Eighteen, 11_173_962, "resnet18 with a 3×3 stem, for 32×32 pixels"),
    resnet_cifar("resnet34-cifar", ResNetDepth::ThirtyFour, 21_282_122, "resnet34 with a 3×3 stem, for 32×32 pixels"),
    resnet_cifar("resnet50-cifar", ResNetDepth::Fifty, 23_520_842, "resnet50 with a 3×3 stem, for 32×32 pixels"),
    cifar_resnet("resnet20", CifarResNetDepth::Twenty, 269_722, "20 layers, for 32×32 pixels"),
    cifar_resnet("resnet32", CifarResNetDepth::ThirtyTwo, 464_154, "32 layers, for 32×32 pixels"),
    cifar_resnet("resnet44", CifarResNetDepth::FortyFour, 658_586, "44 layers, for 32×32 pixels"),
    cifar_resnet("resnet56", CifarResNetDepth::FiftySix, 853_018, "56 layers, for 32×32 pixels"),
    cifar_resnet("resnet110", CifarResNetDepth::OneHundredTen, 1_727_962, "110 layers, for 32×32 pixels"),
    cifar_resnet_b("resnet20-b", CifarResNetDepth::Twenty, 272_474, "resnet20 with 1×1 convolutions as shortcuts"),
    cifar_resnet_b("resnet32-b", CifarResNetDepth::ThirtyTwo, 466_906, "resnet32 with 1×1 convolutions as shortcuts"),
    cifar_resnet_b("resnet44-b", CifarResNetDepth::FortyFour, 661_338, "resnet44 with 1×1 convolutions as shortcuts"),
    cifar_resnet_b("resnet56-b", CifarResNetDepth::FiftySix, 855_770, "resnet56 with 1×1 convolutions as shortcuts"),
    cifar_resnet_b(
        "resnet110-b",
        CifarResNetDepth::OneHundredTen,
        1_730_714,
        "resnet110 with 1×1 convolutions as shortcuts",
    ),
    Entry {
        card: ModelCard {
            name: "inception-v3",
            description: "blocks of branches side by side, their kernels taken apart",
            parameters: 23_834_568,
            classes: IMAGENET_CLASSES,
            input: InputShape::rgb(299),
            paper: SZEGEDY_2015,
        },
        architecture: Architecture::Inception,
    },
];

/// Every detector, by size.
///
/// The parameter counts are, to the digits that the paper gives (tables 3 and 4: 0.91, 5.06, 9.0, 25.3, 54.2 and 99.1
/// million), those of Ge et al. 2021; the rest of their digits are those of the same networks in PyTorch, see the tests.
pub static DETECTORS: [Entry<YoloxSize>; 6] = [
    yolox("yolox-nano", YoloxSize::Nano, 416, 912_159, "a quarter of the width, depthwise convolutions"),
    yolox("yolox-tiny", YoloxSize::Tiny, 416, 5_055_855, "three eighths of the width, a third of the depth"),
    yolox("yolox-s", YoloxSize::S, 640, 8_968_255, "half the width, a third of the depth"),
    yolox("yolox-m", YoloxSize::M, 640, 25_326_495, "three quarters of the width, two thirds of the depth"),
    yolox("yolox-l", YoloxSize::L, 640, 54_208_895, "CSPDarknet with a pyramid of three maps and a decoupled head"),
    yolox("yolox-x", YoloxSize::X, 640, 99_071_455, "five quarters of the width, four thirds of the depth"),
];

/// Every segmentation network.
///
/// Sources of the parameter counts: torchvision for `fcn-resnet50` (without the auxiliary head, which has 2,365,205
/// more); for the others the same networks in PyTorch, see the tests.
pub static SEGMENTERS: [Entry<SegmenterKind>; 8] = [
    Entry {
        card: ModelCard {
            name: "unet",
            description: "four poolings, transposed convolutions, batch normalisation, half the paper's width",
            parameters: 7_763_074,
            classes: 2,
            input: InputShape::rgb(256),
            paper: RONNEBERGER_2015,
        },
        architecture: SegmenterKind::UNet,
    },
    unet_resnet("unet-resnet18", ResNetDepth::Eighteen, 14_328_354, "U-Net with a ResNet-18 for an encoder"),
    unet_resnet("unet-resnet34", ResNetDepth::ThirtyFour, 24_436_514, "U-Net with a ResNet-34 for an encoder"),
    unet_resnet("unet-resnet50", ResNetDepth::Fifty, 32_521_250, "U-Net with a ResNet-50 for an encoder"),
    fcn("fcn32s", SegmenterKind::FcnVgg(FcnStride::ThirtyTwo), 136_152_917, "VGG-16, scores of the last pooling"),
    fcn("fcn16s", SegmenterKind::FcnVgg(FcnStride::Sixteen), 134_815_994, "fcn32s with scores of the fourth pooling"),
    fcn("fcn8s", SegmenterKind::FcnVgg(FcnStride::Eight), 134_489_759, "fcn16s with scores of the third pooling"),
    fcn("fcn-resnet50", SegmenterKind::FcnResNet50, 32_957_013, "dilated ResNet-50, scores interpolated"),
];
