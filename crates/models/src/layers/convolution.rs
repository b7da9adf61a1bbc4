//! Two-dimensional convolution.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::ops::{self, Activation, Conv2dOptions};
use tensor_backend::{InferenceNorm, Prepared, VisionBackend};

use super::trace::{self, LayerKind, LayerTrace};
use super::{BatchNorm2d, Initialisation};

/// How many positions a window of `kernel` pixels has along a side of `size` pixels: the side of a convolution's or
/// pooling's output. `None` when the window does not fit.
pub fn window_positions(size: usize, kernel: usize, stride: usize, padding: usize) -> Option<usize> {
    Some((size + 2 * padding).checked_sub(kernel)? / stride + 1)
}

/// The least size of an image from which `feature_side` leaves something; whatever is left of one size is left of
/// larger ones too.
pub(crate) fn least_side(feature_side: impl Fn(usize) -> Option<usize>) -> usize {
    // Larger than any network's: sixteen stages that halve the image, each of some hundred pixels.
    let (mut too_small, mut enough) = (0, 1 << 40);
    while enough - too_small > 1 {
        let middle = too_small + (enough - too_small) / 2;
        if feature_side(middle).is_some() { enough = middle } else { too_small = middle }
    }
    enough
}

/// Makes a [`Conv2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dConfig {
    /// Channels in and out.
    pub channels: [usize; 2],
    /// Height and width of the kernel, in pixels.
    pub kernel: [usize; 2],
    /// How the kernel moves.
    pub options: Conv2dOptions,
    /// Whether there is a bias.
    pub bias: bool,
    /// Initial values.
    pub initialisation: Initialisation,
}

impl Conv2dConfig {
    /// A square `kernel` with a step of 1 pixel, no padding, a bias and PyTorch's initial values.
    pub fn new(channels_in: usize, channels_out: usize, kernel: usize) -> Self {
        Self {
            channels: [channels_in, channels_out],
            kernel: [kernel; 2],
            options: Conv2dOptions::default(),
            bias: true,
            initialisation: Initialisation::default(),
        }
    }

    /// The same with a step of `stride` pixels.
    pub fn with_stride(mut self, stride: usize) -> Self {
        self.options.stride = [stride; 2];
        self
    }

    /// The same with `padding` zeros on each side.
    pub fn with_padding(mut self, padding: usize) -> Self {
        self.options.padding = [padding; 2];
        self
    }

    /// The same with `dilation` pixels between the taps of the kernel.
    pub fn with_dilation(mut self, dilation: usize) -> Self {
        self.options.dilation = [dilation; 2];
        self
    }

    /// The same with `groups` groups of channels that do not see one another; as many as channels: depthwise.
    pub fn with_groups(mut self, groups: usize) -> Self {
        self.options.groups = groups;
        self
    }

    /// The same without a bias, as before batch normalisation, which has its own.
    pub fn without_bias(mut self) -> Self {
        self.bias = false;
        self
    }

    /// The same with other initial values.
    pub fn with_initialisation(mut self, initialisation: Initialisation) -> Self {
        self.initialisation = initialisation;
        self
    }

    /// The layer, its values drawn from the calling thread's generator.
    ///
    /// # Panics
    ///
    /// When the groups do not divide both numbers of channels.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Conv2d<B> {
        let [channels_in, channels_out] = self.channels;
        let groups = self.options.groups;
        assert!(
            groups > 0 && channels_in.is_multiple_of(groups) && channels_out.is_multiple_of(groups),
            "{groups} groups do not divide {channels_in} and {channels_out} channels"
        );
        let [height, width] = self.kernel;
        // PyTorch's fans of a weight [out, in / groups, height, width] do not look at the groups.
        let fan_in = channels_in / groups * height * width;
        let fan_out = channels_out * height * width;
        let shape = [channels_out, channels_in / groups, height, width];
        Conv2d {
            weight: self.initialisation.weight(shape, fan_in, fan_out, device),
            bias: self.bias.then(|| self.initialisation.bias(channels_out, fan_in, device)),
            options: self.options,
            prepared: Prepared::new(),
        }
    }
}

/// Two-dimensional convolution, PyTorch's `nn.Conv2d`.
#[derive(Module, Debug)]
pub struct Conv2d<B: Backend> {
    /// `[channels_out, channels_in / groups, kernel_height, kernel_width]`.
    pub weight: Param<Tensor<B, 4>>,
    /// `[channels_out]`.
    pub bias: Option<Param<Tensor<B, 1>>>,
    /// How the kernel moves.
    pub options: Conv2dOptions,
    /// The weight as the kernels want it, kept between inferences.
    #[module(skip)]
    pub prepared: Prepared,
}

impl<B: VisionBackend> Conv2d<B> {
    /// Applies the layer.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, channels_in, height, width]`
    /// - output: `[batch, channels_out, height_out, width_out]`, see [`ops::conv2d`]
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        if trace::is_active() {
            return self.trace(input);
        }
        if !B::ad_enabled(&input.device()) {
            return self.infer(input, None, None, Activation::Identity);
        }
        let bias = self.bias.as_ref().map(Param::val);
        ops::conv2d(input, self.weight.val(), bias, self.options)
    }

    /// `activation(norm(self(input)) + residual)`: three passes over memory in training, one in inference.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, channels_in, height, width]`
    /// - `residual`, output: `[batch, channels_out, height_out, width_out]`
    pub fn forward_normalised(
        &self,
        input: Tensor<B, 4>,
        norm: &BatchNorm2d<B>,
        residual: Option<Tensor<B, 4>>,
        activation: Activation,
    ) -> Tensor<B, 4> {
        if trace::is_active() || B::ad_enabled(&input.device()) {
            return norm.forward_with(self.forward(input), residual, activation);
        }
        let norm = InferenceNorm {
            weight: norm.weight.val(),
            bias: norm.bias.val(),
            mean: norm.running_mean.value(),
            variance: norm.running_var.value(),
            epsilon: norm.epsilon,
        };
        self.infer(input, Some(norm), residual, activation)
    }

    /// `activation(self(input))`, in one operation where there are no gradients.
    pub fn forward_activated(&self, input: Tensor<B, 4>, activation: Activation) -> Tensor<B, 4> {
        if trace::is_active() || B::ad_enabled(&input.device()) {
            return ops::activate(self.forward(input), activation);
        }
        self.infer(input, None, None, activation)
    }

    fn infer(
        &self,
        input: Tensor<B, 4>,
        norm: Option<InferenceNorm<Tensor<B, 1>>>,
        residual: Option<Tensor<B, 4>>,
        activation: Activation,
    ) -> Tensor<B, 4> {
        let (weight, bias) = (self.weight.val(), self.bias.as_ref().map(Param::val));
        ops::conv2d_inference(input, weight, bias, norm, residual, activation, self.options, &self.prepared)
    }

    fn trace(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, _, height, width] = input.dims();
        let [channels_out, channels_in_group, kernel_height, kernel_width] = self.weight.dims();
        let Conv2dOptions { stride, padding, dilation, .. } = self.options;
        let side = |size: usize, kernel: usize, axis: usize| {
            window_positions(size, dilation[axis] * (kernel - 1) + 1, stride[axis], padding[axis])
                .expect("the kernel fits into the padded image")
        };
        let output = [batch, channels_out, side(height, kernel_height, 0), side(width, kernel_width, 1)];
        let each = (channels_in_group * kernel_height * kernel_width) as u64;
        trace::record(LayerTrace {
            kind: LayerKind::Conv2d,
            parameter: Some(self.weight.id),
            output: output.to_vec(),
            multiply_accumulates: each * output.iter().product::<usize>() as u64,
        });
        Tensor::zeros(output, &input.device())
    }
}

#[cfg(test)]
mod tests {
    use tensor_backend::SelectedBackend;

    use super::*;

    #[test]
    fn positions_of_a_window() {
        // 3 pixels every 2 on 7: at 0, 2 and 4. With one pixel of padding 9: at 0, 2, 4 and 6.
        assert_eq!(window_positions(7, 3, 2, 0), Some(3));
        assert_eq!(window_positions(7, 3, 2, 1), Some(4));
        assert_eq!(window_positions(3, 3, 1, 0), Some(1));
        assert_eq!(window_positions(2, 3, 1, 0), None);
    }

    #[test]
    fn the_least_side_is_the_first_that_fits() {
        // A 5×5 window and a halving: 6 → 2 → 1, 5 → 1 → 0.
        let side = |size| window_positions(size, 5, 1, 0).map(|side| side / 2).filter(|side| *side > 0);
        assert_eq!(least_side(side), 6);
        assert_eq!(least_side(Some), 1);
    }

    #[test]
    fn a_traced_shape_is_the_computed_one() {
        let device = Default::default();
        for (kernel, stride, padding, dilation, groups) in
            [(3, 1, 1, 1, 1), (7, 2, 3, 1, 1), (1, 2, 0, 1, 2), (5, 1, 0, 1, 1), (3, 2, 2, 2, 4), (2, 3, 1, 3, 1)]
        {
            let mut config = Conv2dConfig::new(4, 8, kernel).with_stride(stride).with_padding(padding);
            config.options.dilation = [dilation; 2];
            config.options.groups = groups;
            let layer: Conv2d<SelectedBackend> = config.init(&device);
            let input = || Tensor::ones([2, 4, 15, 18], &device);
            let computed = layer.forward(input()).dims();
            let traced = trace::follow(|| layer.forward(input()));
            assert_eq!(traced[0].output, computed, "{config:?}");
            // Each output takes kernel² products for each of its group's input channels.
            let products = (kernel * kernel * 4 / groups * computed.iter().product::<usize>()) as u64;
            assert_eq!(traced[0].multiply_accumulates, products, "{config:?}");
        }
    }
}
