//! Batch normalisation of images.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::ops::{self, Activation, BatchNormOutput};
use tensor_backend::{Buffer, VisionBackend};

use super::trace::{self, LayerKind, LayerTrace};

/// PyTorch's default share of the newest batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// PyTorch's default addend to the variance.
const EPSILON: f64 = 1e-5;

/// Names of the tensors that belong to a [`BatchNorm2d`]'s state but are not parameters.
pub(crate) const BUFFER_NAMES: [&str; 2] = ["running_mean", "running_var"];

/// Batch normalisation, PyTorch's `nn.BatchNorm2d`, with an optional sum and activation in the same operation.
///
/// On a backend with gradients it normalises by the batch's statistics and moves the running ones towards them (by
/// `momentum`, with the unbiased variance, as PyTorch does); on one without, or when [`frozen`](Self::frozen) or
/// neither its scale nor its shift is trained, it normalises by the running ones. A layer with one of the two held
/// still goes on with the batch's: without them nothing would keep the activations of a network that is trained within
/// bounds.
///
/// Source: Ioffe and Szegedy 2015, "Batch normalization". `num_batches_tracked` is left out: PyTorch reads it only when
/// `momentum=None`.
#[derive(Module, Debug)]
pub struct BatchNorm2d<B: Backend> {
    /// Scale of each channel, `[channels]`.
    pub weight: Param<Tensor<B, 1>>,
    /// Shift of each channel, `[channels]`.
    pub bias: Param<Tensor<B, 1>>,
    /// Running mean of each channel, `[channels]`.
    pub running_mean: Buffer<B, 1>,
    /// Running unbiased variance of each channel, `[channels]`.
    pub running_var: Buffer<B, 1>,
    /// Share of the newest batch in the running statistics.
    pub momentum: f64,
    /// Addend to the variance.
    pub epsilon: f64,
    /// Whether the running statistics are used, and left as they are, in training too.
    #[module(skip)]
    pub frozen: bool,
}

impl<B: Backend> BatchNorm2d<B> {
    /// A layer with scale 1, shift 0, mean 0 and variance 1.
    pub fn new(channels: usize, device: &B::Device) -> Self {
        Self::with_scale(channels, 1.0, device)
    }

    /// The same with another initial scale: 0 in the last normalisation of a residual branch makes the block start as
    /// the identity (Goyal et al. 2017, section 5.1).
    pub fn with_scale(channels: usize, scale: f32, device: &B::Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::full([channels], scale, device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            running_mean: Buffer::new(Tensor::zeros([channels], device)),
            running_var: Buffer::new(Tensor::ones([channels], device)),
            momentum: MOMENTUM,
            epsilon: EPSILON,
            frozen: false,
        }
    }
}

impl<B: VisionBackend> BatchNorm2d<B> {
    /// Normalises `input`: `[batch, channels, height, width]`.
    pub fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        self.forward_with(input, None, Activation::Identity)
    }

    /// `activation(normalised(input) + residual)` in one operation.
    ///
    /// # Shapes
    ///
    /// - `input`, `residual`, output: `[batch, channels, height, width]`
    pub fn forward_with(
        &self,
        input: Tensor<B, 4>,
        residual: Option<Tensor<B, 4>>,
        activation: Activation,
    ) -> Tensor<B, 4> {
        if trace::is_active() {
            trace::record(LayerTrace {
                kind: LayerKind::BatchNorm2d,
                parameter: Some(self.weight.id),
                output: input.dims().to_vec(),
                multiply_accumulates: 0,
            });
            return input;
        }
        let (weight, bias) = (self.weight.val(), self.bias.val());
        let trained = self.weight.is_require_grad() || self.bias.is_require_grad();
        if self.frozen || !trained || !B::ad_enabled(&input.device()) {
            let (mean, variance) = (self.running_mean.value(), self.running_var.value());
            return ops::batch_norm_inference(input, weight, bias, mean, variance, residual, activation, self.epsilon);
        }
        let BatchNormOutput { output, mean, variance } =
            ops::batch_norm_train(input, weight, bias, residual, activation, self.epsilon);
        self.update(&self.running_mean, mean);
        self.update(&self.running_var, variance);
        output
    }

    fn update(&self, running: &Buffer<B, 1>, batch: Tensor<B, 1>) {
        let kept = running.value().mul_scalar(1.0 - self.momentum);
        // Detached, so that no step's graph is held by the next one's statistics.
        running.set((kept + batch.mul_scalar(self.momentum)).detach());
    }
}

#[cfg(test)]
mod tests {
    use burn::module::AutodiffModule;
    use burn::tensor::Shape;
    use tensor_backend::TrainingBackend;

    use super::*;

    fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
        tensor.into_data().to_vec().expect("f32")
    }

    fn close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    fn layer_and_input() -> (BatchNorm2d<TrainingBackend>, Tensor<TrainingBackend, 4>) {
        let device = Default::default();
        let input = Tensor::<_, 1>::from_floats([1.0, 3.0, 5.0, 7.0], &device).reshape(Shape::new([2, 1, 1, 2]));
        (BatchNorm2d::new(1, &device), input)
    }

    #[test]
    fn training_uses_the_batch_and_moves_the_running_statistics() {
        let (layer, input) = layer_and_input();
        // Mean 4, deviations -3, -1, 1, 3: biased variance 20 / 4 = 5, unbiased 20 / 3.
        let output = values(layer.forward(input.clone()));
        let scale = 1.0 / 5.00001f32.sqrt();
        close(&output, &[-3.0 * scale, -scale, scale, 3.0 * scale]);
        // 0.9 · 0 + 0.1 · 4 and 0.9 · 1 + 0.1 · 20 / 3.
        close(&values(layer.running_mean.value()), &[0.4]);
        close(&values(layer.running_var.value()), &[0.9 + 2.0 / 3.0]);

        // Inference: (1 - 0.4) / √(0.9 + 2/3 + ε) and so on.
        let scale = 1.0 / (0.9f32 + 2.0 / 3.0 + 1e-5).sqrt();
        let output = values(layer.valid().forward(input.inner()));
        close(&output, &[0.6 * scale, 2.6 * scale, 4.6 * scale, 6.6 * scale]);
        close(&values(layer.running_mean.value()), &[0.4]);
    }

    #[test]
    fn a_frozen_layer_trains_by_its_running_statistics() {
        let (mut layer, input) = layer_and_input();
        layer.frozen = true;
        let scale = 1.0 / 1.00001f32.sqrt();
        close(&values(layer.forward(input)), &[scale, 3.0 * scale, 5.0 * scale, 7.0 * scale]);
        close(&values(layer.running_mean.value()), &[0.0]);
        close(&values(layer.running_var.value()), &[1.0]);
    }

    #[test]
    fn running_statistics_are_kept_where_neither_scale_nor_shift_is_trained() {
        let (layer, input) = layer_and_input();
        for (scale, shift, moved) in
            [(true, true, true), (false, true, true), (true, false, true), (false, false, false)]
        {
            let mut layer = layer.clone();
            layer.weight = layer.weight.set_require_grad(scale);
            layer.bias = layer.bias.set_require_grad(shift);
            let output = values(layer.forward(input.clone()));
            // By the batch's mean of 4 and variance of 5, or by 0 and 1.
            let deviation = if moved { -3.0 / 5.00001f32.sqrt() } else { 1.0 / 1.00001f32.sqrt() };
            close(&output[..1], &[deviation]);
            close(&values(layer.running_mean.value()), &[if moved { 0.4 } else { 0.0 }]);
        }
    }

    #[test]
    fn the_residual_is_added_before_the_activation() {
        let (mut layer, input) = layer_and_input();
        layer.frozen = true;
        layer.epsilon = 0.0;
        let residual = input.clone().mul_scalar(-2.0) + 4.0;
        // x - 2x + 4 = 4 - x: 3, 1, -1, -3.
        close(&values(layer.forward_with(input, Some(residual), Activation::Relu)), &[3.0, 1.0, 0.0, 0.0]);
    }
}
