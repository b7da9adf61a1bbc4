//! YOLOX: an anchor-free detector with one box a cell.
//!
//! Paper: Ge et al. 2021, "YOLOX: exceeding YOLO series in 2021". Reference: Megvii's YOLOX, whose names of tensors and
//! initial values these are.
//!
//! | idea | file |
//! |---|---|
//! | convolution units and cross-stage partial layers | `blocks` |
//! | the backbone | `darknet` |
//! | the feature pyramid | `pyramid` |
//! | the decoupled head | `head` |
//! | raw outputs as detections | `decode` |

mod blocks;
mod darknet;
mod decode;
mod head;
mod pyramid;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use vision_types::AnchorPoint;

pub use blocks::{BaseConv, Bottleneck, CspLayer, DepthwiseConv, Focus, SppBottleneck, Unit};
pub use darknet::CspDarknet;
pub use decode::decode_yolox;
pub use head::YoloxHead;
pub use pyramid::FeaturePyramid;

use crate::family::{Entry, Family, ModelCard, Request};
use crate::{Answer, InputShape, ModelError, Network};

/// Pixels of the input that a cell of each of the three feature maps spans.
pub const STRIDES: [usize; 3] = [8, 16, 32];

/// Heights and widths of the input are multiples of this, so that feature maps fit onto one another.
pub const SIZE_STEP: usize = 32;

/// Values of an anchor point before those of the classes: the box's x, y, w and h, and objectness.
pub const BOX_VALUES: usize = 5;

/// Channels of the backbone's first feature map at full width.
const BASE_WIDTH: f64 = 64.0;
/// Residual blocks of a cross-stage partial layer at full depth.
const BASE_DEPTH: f64 = 3.0;

/// YOLOX has no options.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct YoloxOptions {}

impl Family for YoloxOptions {
    type Variant = YoloxSize;
    type Network<B: Backend> = Yolox<B>;

    const TAKES_ANY_SIDES: bool = false;

    fn entries() -> &'static [Entry<YoloxSize>] {
        &ENTRIES
    }

    fn check(&self, _request: &Request<YoloxSize>) -> Result<(), ModelError> {
        Ok(())
    }

    fn minimum_side(&self, _variant: YoloxSize) -> usize {
        SIZE_STEP
    }

    fn size_step(&self, _variant: YoloxSize) -> usize {
        SIZE_STEP
    }

    fn init<B: Backend>(&self, request: &Request<YoloxSize>, device: &B::Device) -> Yolox<B> {
        YoloxConfig::new(request.variant, request.classes).with_channels(request.input.channels).init(device)
    }

    /// The predictions of the classes, one for each map.
    fn head(&self, _variant: YoloxSize) -> Vec<String> {
        (0..STRIDES.len()).map(|level| format!("head.cls_preds.{level}")).collect()
    }

    fn input_channels<B: Backend>(network: &Yolox<B>) -> usize {
        network.backbone.input_channels()
    }
}

/// The parameter counts are, to the digits that the paper gives (tables 3 and 4: 0.91, 5.06, 9.0, 25.3, 54.2 and 99.1
/// million), those of Ge et al. 2021; the rest of their digits are those of the same networks in PyTorch, see the
/// tests.
static ENTRIES: [Entry<YoloxSize>; 6] = [
    entry("yolox-nano", YoloxSize::Nano, 416, 912_159, "a quarter of the width, depthwise convolutions"),
    entry("yolox-tiny", YoloxSize::Tiny, 416, 5_055_855, "three eighths of the width, a third of the depth"),
    entry("yolox-s", YoloxSize::S, 640, 8_968_255, "half the width, a third of the depth"),
    entry("yolox-m", YoloxSize::M, 640, 25_326_495, "three quarters of the width, two thirds of the depth"),
    entry("yolox-l", YoloxSize::L, 640, 54_208_895, "CSPDarknet with a pyramid of three maps and a decoupled head"),
    entry("yolox-x", YoloxSize::X, 640, 99_071_455, "five quarters of the width, four thirds of the depth"),
];

const fn entry(
    name: &'static str,
    variant: YoloxSize,
    side: usize,
    parameters: usize,
    description: &'static str,
) -> Entry<YoloxSize> {
    let (classes, input, paper) = (80, InputShape::rgb(side), "Ge et al. 2021, arXiv 2107.08430");
    Entry { card: ModelCard { name, description, parameters, classes, input, paper }, variant }
}

/// How large the network is (Ge et al. 2021, tables 3 and 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YoloxSize {
    /// 0.91 million parameters.
    Nano,
    /// 5.06 million parameters.
    Tiny,
    /// 9.0 million parameters.
    S,
    /// 25.3 million parameters.
    M,
    /// 54.2 million parameters.
    L,
    /// 99.1 million parameters.
    X,
}

/// Makes a [`Yolox`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YoloxConfig {
    /// Residual blocks, as a share of YOLOX-L's.
    pub depth: f64,
    /// Channels, as a share of YOLOX-L's.
    pub width: f64,
    /// Whether 3×3 convolutions are split into a depthwise and a 1×1 one.
    pub depthwise: bool,
    /// Number of classes.
    pub classes: usize,
    /// Channels of an image.
    pub channels: usize,
}

impl YoloxConfig {
    /// The paper's network of `size` for RGB images.
    pub fn new(size: YoloxSize, classes: usize) -> Self {
        let (depth, width) = match size {
            YoloxSize::Nano => (0.33, 0.25),
            YoloxSize::Tiny => (0.33, 0.375),
            YoloxSize::S => (0.33, 0.5),
            YoloxSize::M => (0.67, 0.75),
            YoloxSize::L => (1.0, 1.0),
            YoloxSize::X => (1.33, 1.25),
        };
        Self { depth, width, depthwise: size == YoloxSize::Nano, classes, channels: 3 }
    }

    /// The same for images of `channels` channels.
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    /// The network, its weights drawn from the calling thread's generator.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Yolox<B> {
        Yolox { backbone: FeaturePyramid::new(self, device), head: YoloxHead::new(self, device) }
    }

    /// Channels that are `multiple` of the first feature map's.
    fn channels_of(&self, multiple: usize) -> usize {
        (self.width * BASE_WIDTH) as usize * multiple
    }

    /// Residual blocks of a cross-stage partial layer, for `multiple` times the base depth.
    fn blocks(&self, multiple: usize) -> usize {
        ((self.depth * BASE_DEPTH).round() as usize).max(1) * multiple
    }
}

/// Raw outputs of a [`Yolox`]: one row an anchor point.
#[derive(Debug, Clone)]
pub struct YoloxOutput<B: Backend> {
    /// `[batch, anchors, 5 + classes]`: the box's x, y, w, h as [`AnchorPoint::decode`] reads them, then the logits of
    /// objectness and of each class.
    pub raw: Tensor<B, 3>,
    /// Where each of the anchors is.
    pub points: Vec<AnchorPoint>,
}

/// YOLOX, see the [module](self).
#[derive(Module, Debug)]
pub struct Yolox<B: Backend> {
    backbone: FeaturePyramid<B>,
    head: YoloxHead<B>,
}

impl<B: Backend> Answer for YoloxOutput<B> {
    fn wait(self) {
        self.raw.wait();
    }
}

impl<B: VisionBackend> Network<B> for Yolox<B> {
    type Output = YoloxOutput<B>;

    /// Raw outputs for `images` `[batch, channels, height, width]`.
    ///
    /// # Panics
    ///
    /// When height or width is no multiple of [`SIZE_STEP`].
    fn forward(&self, images: Tensor<B, 4>) -> YoloxOutput<B> {
        let [_, _, height, width] = images.dims();
        assert!(
            height.is_multiple_of(SIZE_STEP) && width.is_multiple_of(SIZE_STEP),
            "sides of YOLOX's images are multiples of {SIZE_STEP} pixels, found {height}×{width}"
        );
        let points = AnchorPoint::grid(height, width, &STRIDES);
        YoloxOutput { raw: self.head.forward(self.backbone.forward(images)), points }
    }
}
