//! Two-dimensional transposed convolution.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use tensor_backend::VisionBackend;
use tensor_backend::ops::{self, ConvTranspose2dOptions};

use super::Initialisation;
use super::trace::{self, LayerKind, LayerTrace};

/// Makes a [`ConvTranspose2d`] that enlarges an image by a whole factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvTranspose2dConfig {
    /// Channels in and out.
    pub channels: [usize; 2],
    /// Side of the kernel, in pixels.
    pub kernel: usize,
    /// How the kernel moves.
    pub options: ConvTranspose2dOptions,
    /// Whether there is a bias.
    pub bias: bool,
}

impl ConvTranspose2dConfig {
    /// A square `kernel` with a step of `stride` pixels in the output, nothing cut off, a bias.
    pub fn new(channels_in: usize, channels_out: usize, kernel: usize, stride: usize) -> Self {
        let options = ConvTranspose2dOptions { stride: [stride; 2], ..ConvTranspose2dOptions::default() };
        Self { channels: [channels_in, channels_out], kernel, options, bias: true }
    }

    /// The same with `padding` pixels cut from each side of the output.
    pub fn with_padding(mut self, padding: usize) -> Self {
        self.options.padding = [padding; 2];
        self
    }

    /// The same without a bias.
    pub fn without_bias(mut self) -> Self {
        self.bias = false;
        self
    }

    /// The layer with PyTorch's initial values, drawn from the calling thread's generator: uniform in ±1/√fan-in, where
    /// PyTorch takes for a fan-in `channels_out · kernel²`, the sizes after the weight's first.
    pub fn init<B: Backend>(&self, device: &B::Device) -> ConvTranspose2d<B> {
        let [channels_in, channels_out] = self.channels;
        let area = self.kernel * self.kernel;
        let initialisation = Initialisation::UniformFanIn;
        let shape = [channels_in, channels_out, self.kernel, self.kernel];
        let weight = initialisation.weight(shape, channels_out * area, channels_in * area, device);
        let bias = self.bias.then(|| initialisation.bias(channels_out, channels_out * area, device));
        ConvTranspose2d { weight, bias, options: self.options }
    }

    /// The layer as a bilinear interpolation of each channel by itself; its bias, if there is one, is 0.
    ///
    /// Source: Long et al. 2015, "Fully convolutional networks for semantic segmentation", section 4.3.
    ///
    /// # Panics
    ///
    /// When there are not as many channels out as in.
    pub fn init_bilinear<B: Backend>(&self, device: &B::Device) -> ConvTranspose2d<B> {
        let [channels, channels_out] = self.channels;
        assert_eq!(channels, channels_out, "an interpolation has as many channels out as in");
        let kernel = self.kernel;
        let tent = tent(kernel);
        let mut values = vec![0.0; channels * channels * kernel * kernel];
        for channel in 0..channels {
            let start = (channel * channels + channel) * kernel * kernel;
            for (row, vertical) in tent.iter().enumerate() {
                for (column, horizontal) in tent.iter().enumerate() {
                    values[start + row * kernel + column] = vertical * horizontal;
                }
            }
        }
        let shape = [channels, channels, kernel, kernel];
        let weight = Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device));
        let bias = self.bias.then(|| Param::from_tensor(Tensor::zeros([channels], device)));
        ConvTranspose2d { weight, bias, options: self.options }
    }
}

/// What each of `kernel` pixels takes of a pixel in their middle: 1 there, falling evenly to both sides.
fn tent(kernel: usize) -> Vec<f32> {
    let factor = kernel.div_ceil(2) as f32;
    let centre = (kernel - 1) as f32 / 2.0;
    (0..kernel).map(|pixel| 1.0 - (pixel as f32 - centre).abs() / factor).collect()
}

/// Two-dimensional transposed convolution, PyTorch's `nn.ConvTranspose2d`.
#[derive(Module, Debug)]
pub struct ConvTranspose2d<B: Backend> {
    /// `[channels_in, channels_out, kernel_height, kernel_width]`.
    pub weight: Param<Tensor<B, 4>>,
    /// `[channels_out]`.
    pub bias: Option<Param<Tensor<B, 1>>>,
    /// How the kernel moves.
    #[module(skip)]
    pub options: ConvTranspose2dOptions,
}

impl<B: VisionBackend> ConvTranspose2d<B> {
    /// Applies the layer.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, channels_in, height, width]`
    /// - output: `[batch, channels_out, height_out, width_out]`, with
    ///   `height_out = (height - 1) · stride + kernel - 2 · padding`
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        if trace::is_active() {
            return self.trace(input);
        }
        let bias = self.bias.as_ref().map(Param::val);
        ops::conv_transpose2d(input, self.weight.val(), bias, self.options)
    }

    fn trace(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, _, height, width] = input.dims();
        let [channels_in, channels_out, kernel_height, kernel_width] = self.weight.dims();
        let ConvTranspose2dOptions { stride, padding, output_padding, dilation, .. } = self.options;
        let side = |size: usize, kernel: usize, axis: usize| {
            (size - 1) * stride[axis] + dilation[axis] * (kernel - 1) + 1 + output_padding[axis] - 2 * padding[axis]
        };
        let output = [batch, channels_out, side(height, kernel_height, 0), side(width, kernel_width, 1)];
        let each = (channels_out * kernel_height * kernel_width) as u64;
        trace::record(LayerTrace {
            kind: LayerKind::ConvTranspose2d,
            parameter: Some(self.weight.id),
            output: output.to_vec(),
            multiply_accumulates: each * (batch * channels_in * height * width) as u64,
        });
        Tensor::zeros(output, &input.device())
    }
}

#[cfg(test)]
mod tests {
    use tensor_backend::SelectedBackend;

    use super::*;

    #[test]
    fn a_traced_shape_is_the_computed_one() {
        let device = Default::default();
        for (kernel, stride, padding) in [(2, 2, 0), (4, 2, 1), (16, 8, 4), (3, 1, 1)] {
            let config = ConvTranspose2dConfig::new(3, 5, kernel, stride).with_padding(padding);
            let layer: ConvTranspose2d<SelectedBackend> = config.init(&device);
            let input = || Tensor::ones([2, 3, 4, 6], &device);
            let computed = layer.forward(input()).dims();
            let traced = trace::follow(|| layer.forward(input()));
            assert_eq!(traced[0].output, computed, "{config:?}");
        }
    }

    #[test]
    fn the_bilinear_layer_keeps_a_ramp_and_does_not_mix_channels() {
        let device = Default::default();
        let config = ConvTranspose2dConfig::new(2, 2, 4, 2).with_padding(1).without_bias();
        let layer: ConvTranspose2d<SelectedBackend> = config.init_bilinear(&device);
        // Channel 0 is a ramp in steps of 4, channel 1 is zero.
        let ramp = [0.0f32, 4.0, 8.0, 12.0];
        let values: Vec<f32> = (0..4).flat_map(|_| ramp).chain([0.0; 16]).collect();
        let output = layer.forward(Tensor::from_data(TensorData::new(values, [1, 2, 4, 4]), &device));
        assert_eq!(output.dims(), [1, 2, 8, 8]);
        let output: Vec<f32> = output.into_data().to_vec().expect("f32");
        // Between 4 and 8 the new pixels lie a quarter and three quarters of the way.
        assert_eq!(output[3 * 8 + 2..3 * 8 + 6], [3.0, 5.0, 7.0, 9.0]);
        assert!(output[64..].iter().all(|value| *value == 0.0));
    }
}
