//! Maximum and average pooling.

use burn::tensor::Tensor;

use super::{primitive, reshape, tensor};
use crate::{AveragePool, VisionBackend};

/// How a pooling window moves; `[vertical, horizontal]`, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool2dOptions {
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Border added on each side.
    pub padding: [usize; 2],
    /// Whether a last, incomplete window counts (PyTorch's `ceil_mode`).
    pub ceil_mode: bool,
}

impl Pool2dOptions {
    /// A square window of `kernel` pixels every `stride` pixels, no border.
    pub const fn square(kernel: usize, stride: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: [0, 0], ceil_mode: false }
    }

    /// The same with `padding` pixels on each side.
    pub const fn with_padding(mut self, padding: usize) -> Self {
        self.padding = [padding; 2];
        self
    }

    /// The same, counting a last, incomplete window or not.
    pub const fn with_ceil_mode(mut self, ceil_mode: bool) -> Self {
        self.ceil_mode = ceil_mode;
        self
    }
}

/// Maximum of each window, NaN where it holds one; the border never wins.
///
/// # Shapes
///
/// - `input`: `[batch, channels, height, width]`
/// - output: `[batch, channels, height_out, width_out]`
pub fn max_pool2d<B: VisionBackend>(input: Tensor<B, 4>, options: Pool2dOptions) -> Tensor<B, 4> {
    tensor(B::vision_max_pool2d(primitive(input), options))
}

/// Mean of each window; border pixels count as zeros when `count_include_pad`.
///
/// # Shapes
///
/// As for [`max_pool2d`].
pub fn avg_pool2d<B: VisionBackend>(
    input: Tensor<B, 4>,
    options: Pool2dOptions,
    count_include_pad: bool,
) -> Tensor<B, 4> {
    let pool = AveragePool::Sliding { options, count_border: count_include_pad };
    tensor(B::vision_average_pool(primitive(input), pool))
}

/// Mean of `size[0]` × `size[1]` nearly equal windows that cover the image, PyTorch's `adaptive_avg_pool2d`.
///
/// # Shapes
///
/// - `input`: `[batch, channels, height, width]`
/// - output: `[batch, channels, size[0], size[1]]`
pub fn adaptive_avg_pool2d<B: VisionBackend>(input: Tensor<B, 4>, size: [usize; 2]) -> Tensor<B, 4> {
    let [_, _, height, width] = input.dims();
    if size == [height, width] {
        return input;
    }
    tensor(B::vision_average_pool(primitive(input), AveragePool::Adaptive { size }))
}

/// Mean over all pixels.
///
/// # Shapes
///
/// - `input`: `[batch, channels, height, width]`
/// - output: `[batch, channels]`
pub fn global_avg_pool2d<B: VisionBackend>(input: Tensor<B, 4>) -> Tensor<B, 2> {
    let [batch, channels, _, _] = input.dims();
    reshape(adaptive_avg_pool2d(input, [1, 1]), [batch, channels])
}
