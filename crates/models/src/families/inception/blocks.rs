//! The blocks of Inception v3: branches side by side on the same input, their outputs one after another in channels.
//!
//! Names, channels and order of the branches are those of torchvision's `InceptionA` to `InceptionE`.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::{Activation, Pool2dOptions, concatenate_channels};

use crate::layers::pooling::avg_pool2d;
use crate::layers::{BatchNorm2d, Conv2d, Conv2dConfig, Initialisation, MaxPool2d};

/// Addend to the variance in torchvision's `BasicConv2d`.
const EPSILON: f64 = 1e-3;
/// The pooling that halves a feature map.
pub(super) const STRIDED_POOL: Pool2dOptions = Pool2dOptions::square(3, 2);
/// The average pooling of the pooling branches; the border counts.
const BRANCH_POOL: Pool2dOptions = Pool2dOptions::square(3, 1).with_padding(1);

/// Channels in and out, kernel, stride and padding of a convolution.
pub(super) type ConvShape = Conv2dConfig;

/// A square kernel, stride 1, no padding.
pub(super) fn square(channels_in: usize, channels_out: usize, kernel: usize) -> ConvShape {
    Conv2dConfig::new(channels_in, channels_out, kernel).without_bias()
}

/// A kernel of `length` columns in one row, which keeps the size.
fn row(channels_in: usize, channels_out: usize, length: usize) -> ConvShape {
    let mut shape = square(channels_in, channels_out, 1);
    (shape.kernel, shape.options.padding) = ([1, length], [0, length / 2]);
    shape
}

/// A kernel of `length` rows in one column, which keeps the size.
fn column(channels_in: usize, channels_out: usize, length: usize) -> ConvShape {
    let mut shape = square(channels_in, channels_out, 1);
    (shape.kernel, shape.options.padding) = ([length, 1], [length / 2, 0]);
    shape
}

/// Convolution, batch normalisation, ReLU.
#[derive(Module, Debug)]
pub(super) struct BasicConv2d<B: Backend> {
    conv: Conv2d<B>,
    bn: BatchNorm2d<B>,
}

impl<B: Backend> BasicConv2d<B> {
    pub(super) fn new(shape: ConvShape, device: &B::Device) -> Self {
        Self::with_initialisation(shape, Initialisation::NormalTenth, device)
    }

    pub(super) fn with_initialisation(shape: ConvShape, initialisation: Initialisation, device: &B::Device) -> Self {
        let mut bn = BatchNorm2d::new(shape.channels[1], device);
        bn.epsilon = EPSILON;
        Self { conv: shape.with_initialisation(initialisation).init(device), bn }
    }

    pub(super) fn input_channels(&self) -> usize {
        self.conv.weight.dims()[1]
    }
}

impl<B: VisionBackend> BasicConv2d<B> {
    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.conv.forward_normalised(input, &self.bn, None, Activation::Relu)
    }
}

/// torchvision's `InceptionA` (figure 5 of the paper): a 5×5 branch and one of two 3×3 convolutions.
#[derive(Module, Debug)]
pub(super) struct Units5x5<B: Backend> {
    branch1x1: BasicConv2d<B>,
    branch5x5_1: BasicConv2d<B>,
    branch5x5_2: BasicConv2d<B>,
    branch3x3dbl_1: BasicConv2d<B>,
    branch3x3dbl_2: BasicConv2d<B>,
    branch3x3dbl_3: BasicConv2d<B>,
    branch_pool: BasicConv2d<B>,
}

impl<B: Backend> Units5x5<B> {
    /// From `channels` channels to 224 and `pool` of the pooling branch.
    pub(super) fn new(channels: usize, pool: usize, device: &B::Device) -> Self {
        let conv = |shape: ConvShape| BasicConv2d::new(shape, device);
        Self {
            branch1x1: conv(square(channels, 64, 1)),
            branch5x5_1: conv(square(channels, 48, 1)),
            branch5x5_2: conv(square(48, 64, 5).with_padding(2)),
            branch3x3dbl_1: conv(square(channels, 64, 1)),
            branch3x3dbl_2: conv(square(64, 96, 3).with_padding(1)),
            branch3x3dbl_3: conv(square(96, 96, 3).with_padding(1)),
            branch_pool: conv(square(channels, pool, 1)),
        }
    }
}

impl<B: VisionBackend> Units5x5<B> {
    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let five = self.branch5x5_2.forward(self.branch5x5_1.forward(input.clone()));
        let three = self.branch3x3dbl_2.forward(self.branch3x3dbl_1.forward(input.clone()));
        let three = self.branch3x3dbl_3.forward(three);
        let pooled = self.branch_pool.forward(avg_pool2d(input.clone(), BRANCH_POOL));
        concatenate_channels(vec![self.branch1x1.forward(input), five, three, pooled])
    }
}

/// torchvision's `InceptionB`: halves the size.
#[derive(Module, Debug)]
pub(super) struct ReductionA<B: Backend> {
    branch3x3: BasicConv2d<B>,
    branch3x3dbl_1: BasicConv2d<B>,
    branch3x3dbl_2: BasicConv2d<B>,
    branch3x3dbl_3: BasicConv2d<B>,
}

impl<B: Backend> ReductionA<B> {
    /// From `channels` channels to 480 more.
    pub(super) fn new(channels: usize, device: &B::Device) -> Self {
        let conv = |shape: ConvShape| BasicConv2d::new(shape, device);
        Self {
            branch3x3: conv(square(channels, 384, 3).with_stride(2)),
            branch3x3dbl_1: conv(square(channels, 64, 1)),
            branch3x3dbl_2: conv(square(64, 96, 3).with_padding(1)),
            branch3x3dbl_3: conv(square(96, 96, 3).with_stride(2)),
        }
    }
}

impl<B: VisionBackend> ReductionA<B> {
    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let double = self.branch3x3dbl_2.forward(self.branch3x3dbl_1.forward(input.clone()));
        let double = self.branch3x3dbl_3.forward(double);
        let pooled = MaxPool2d { options: STRIDED_POOL }.forward(input.clone());
        concatenate_channels(vec![self.branch3x3.forward(input), double, pooled])
    }
}

/// torchvision's `InceptionC` (figure 6): 7×7 convolutions as rows and columns.
#[derive(Module, Debug)]
pub(super) struct Units7x7<B: Backend> {
    branch1x1: BasicConv2d<B>,
    branch7x7_1: BasicConv2d<B>,
    branch7x7_2: BasicConv2d<B>,
    branch7x7_3: BasicConv2d<B>,
    branch7x7dbl_1: BasicConv2d<B>,
    branch7x7dbl_2: BasicConv2d<B>,
    branch7x7dbl_3: BasicConv2d<B>,
    branch7x7dbl_4: BasicConv2d<B>,
    branch7x7dbl_5: BasicConv2d<B>,
    branch_pool: BasicConv2d<B>,
}

impl<B: Backend> Units7x7<B> {
    /// From `channels` channels to 768, with `inner` channels inside the 7×7 branches.
    pub(super) fn new(channels: usize, inner: usize, device: &B::Device) -> Self {
        let conv = |shape: ConvShape| BasicConv2d::new(shape, device);
        Self {
            branch1x1: conv(square(channels, 192, 1)),
            branch7x7_1: conv(square(channels, inner, 1)),
            branch7x7_2: conv(row(inner, inner, 7)),
            branch7x7_3: conv(column(inner, 192, 7)),
            branch7x7dbl_1: conv(square(channels, inner, 1)),
            branch7x7dbl_2: conv(column(inner, inner, 7)),
            branch7x7dbl_3: conv(row(inner, inner, 7)),
            branch7x7dbl_4: conv(column(inner, inner, 7)),
            branch7x7dbl_5: conv(row(inner, 192, 7)),
            branch_pool: conv(square(channels, 192, 1)),
        }
    }
}

impl<B: VisionBackend> Units7x7<B> {
    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let single = self.branch7x7_2.forward(self.branch7x7_1.forward(input.clone()));
        let single = self.branch7x7_3.forward(single);
        let double = [&self.branch7x7dbl_1, &self.branch7x7dbl_2, &self.branch7x7dbl_3, &self.branch7x7dbl_4]
            .into_iter()
            .fold(input.clone(), |features, layer| layer.forward(features));
        let double = self.branch7x7dbl_5.forward(double);
        let pooled = self.branch_pool.forward(avg_pool2d(input.clone(), BRANCH_POOL));
        concatenate_channels(vec![self.branch1x1.forward(input), single, double, pooled])
    }
}

/// torchvision's `InceptionD`: halves the size.
#[derive(Module, Debug)]
pub(super) struct ReductionB<B: Backend> {
    branch3x3_1: BasicConv2d<B>,
    branch3x3_2: BasicConv2d<B>,
    branch7x7x3_1: BasicConv2d<B>,
    branch7x7x3_2: BasicConv2d<B>,
    branch7x7x3_3: BasicConv2d<B>,
    branch7x7x3_4: BasicConv2d<B>,
}

impl<B: Backend> ReductionB<B> {
    /// From `channels` channels to 512 more.
    pub(super) fn new(channels: usize, device: &B::Device) -> Self {
        let conv = |shape: ConvShape| BasicConv2d::new(shape, device);
        Self {
            branch3x3_1: conv(square(channels, 192, 1)),
            branch3x3_2: conv(square(192, 320, 3).with_stride(2)),
            branch7x7x3_1: conv(square(channels, 192, 1)),
            branch7x7x3_2: conv(row(192, 192, 7)),
            branch7x7x3_3: conv(column(192, 192, 7)),
            branch7x7x3_4: conv(square(192, 192, 3).with_stride(2)),
        }
    }
}

impl<B: VisionBackend> ReductionB<B> {
    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let three = self.branch3x3_2.forward(self.branch3x3_1.forward(input.clone()));
        let seven = self.branch7x7x3_2.forward(self.branch7x7x3_1.forward(input.clone()));
        let seven = self.branch7x7x3_4.forward(self.branch7x7x3_3.forward(seven));
        let pooled = MaxPool2d { options: STRIDED_POOL }.forward(input);
        concatenate_channels(vec![three, seven, pooled])
    }
}

/// torchvision's `InceptionE` (figure 7): 3×3 convolutions end in a row and a column side by side.
#[derive(Module, Debug)]
pub(super) struct UnitsExpanded<B: Backend> {
    branch1x1: BasicConv2d<B>,
    branch3x3_1: BasicConv2d<B>,
    branch3x3_2a: BasicConv2d<B>,
    branch3x3_2b: BasicConv2d<B>,
    branch3x3dbl_1: BasicConv2d<B>,
    branch3x3dbl_2: BasicConv2d<B>,
    branch3x3dbl_3a: BasicConv2d<B>,
    branch3x3dbl_3b: BasicConv2d<B>,
    branch_pool: BasicConv2d<B>,
}

impl<B: Backend> UnitsExpanded<B> {
    /// From `channels` channels to 2048.
    pub(super) fn new(channels: usize, device: &B::Device) -> Self {
        let conv = |shape: ConvShape| BasicConv2d::new(shape, device);
        Self {
            branch1x1: conv(square(channels, 320, 1)),
            branch3x3_1: conv(square(channels, 384, 1)),
            branch3x3_2a: conv(row(384, 384, 3)),
            branch3x3_2b: conv(column(384, 384, 3)),
            branch3x3dbl_1: conv(square(channels, 448, 1)),
            branch3x3dbl_2: conv(square(448, 384, 3).with_padding(1)),
            branch3x3dbl_3a: conv(row(384, 384, 3)),
            branch3x3dbl_3b: conv(column(384, 384, 3)),
            branch_pool: conv(square(channels, 192, 1)),
        }
    }
}

impl<B: VisionBackend> UnitsExpanded<B> {
    pub(super) fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let single = self.branch3x3_1.forward(input.clone());
        let double = self.branch3x3dbl_2.forward(self.branch3x3dbl_1.forward(input.clone()));
        let pooled = self.branch_pool.forward(avg_pool2d(input.clone(), BRANCH_POOL));
        concatenate_channels(vec![
            self.branch1x1.forward(input),
            self.branch3x3_2a.forward(single.clone()),
            self.branch3x3_2b.forward(single),
            self.branch3x3dbl_3a.forward(double.clone()),
            self.branch3x3dbl_3b.forward(double),
            pooled,
        ])
    }
}
