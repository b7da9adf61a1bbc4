//! Pooling layers.

use burn::module::Module;
use burn::tensor::Tensor;
use tensor_backend::VisionBackend;
use tensor_backend::ops::{self, Pool2dOptions};

use super::trace::{self, LayerKind, LayerTrace};

/// Maximum of each window, PyTorch's `nn.MaxPool2d`.
#[derive(Module, Clone, Debug)]
pub struct MaxPool2d {
    /// How the window moves.
    pub options: Pool2dOptions,
}

impl MaxPool2d {
    /// Applies the layer.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, channels, height, width]`
    /// - output: `[batch, channels, height_out, width_out]`
    pub fn forward<B: VisionBackend>(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let output = ops::max_pool2d(input, self.options);
        record(LayerKind::MaxPool2d, &output);
        output
    }
}

/// Mean over all pixels, `[batch, channels, height, width]` to `[batch, channels]`: PyTorch's
/// `nn.AdaptiveAvgPool2d(1)` and `flatten(1)`.
pub fn global_avg_pool2d<B: VisionBackend>(input: Tensor<B, 4>) -> Tensor<B, 2> {
    let output = ops::global_avg_pool2d(input);
    record(LayerKind::GlobalAvgPool2d, &output);
    output
}

/// Mean of each window, border pixels counting as zeros: PyTorch's `nn.AvgPool2d`.
pub(crate) fn avg_pool2d<B: VisionBackend>(input: Tensor<B, 4>, options: Pool2dOptions) -> Tensor<B, 4> {
    let output = ops::avg_pool2d(input, options, true);
    record(LayerKind::AvgPool2d, &output);
    output
}

/// Means of `size[0]` × `size[1]` nearly equal windows, PyTorch's `nn.AdaptiveAvgPool2d(size)`.
pub(crate) fn adaptive_avg_pool2d<B: VisionBackend>(input: Tensor<B, 4>, size: [usize; 2]) -> Tensor<B, 4> {
    let output = ops::adaptive_avg_pool2d(input, size);
    record(LayerKind::AdaptiveAvgPool2d, &output);
    output
}

fn record<B: VisionBackend, const D: usize>(kind: LayerKind, output: &Tensor<B, D>) {
    if trace::is_active() {
        let output = output.dims().to_vec();
        trace::record(LayerTrace { kind, parameter: None, output, multiply_accumulates: 0 });
    }
}
