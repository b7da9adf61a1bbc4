//! Log-cosh: squared near the target, absolute far from it, and smooth everywhere.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::LossSettings;
use crate::elementwise::{ElementwiseLoss, difference};

/// `ln cosh(output - target)`, Keras' `LogCosh`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogCosh {}

impl LossSettings for LogCosh {}

impl ElementwiseLoss for LogCosh {
    fn elements<B: VisionBackend, const D: usize>(&self, outputs: Tensor<B, D>, targets: Tensor<B, D>) -> Tensor<B, D> {
        let distance = difference(outputs, targets).abs();
        // ln cosh d = d + ln(1 + e^-2d) - ln 2, which no large d overflows.
        let rest = activation::softplus(distance.clone().mul_scalar(-2.0), 1.0);
        (distance + rest).sub_scalar(std::f64::consts::LN_2)
    }
}

#[cfg(test)]
mod tests {
    use tensor_backend::SelectedBackend;

    use super::*;

    /// ln cosh 0 = 0 and ln cosh 1 = ln((e + 1/e) / 2) = 0.433781; for large d it is d - ln 2: 100 - 0.693147 = 99.306853.
    #[test]
    fn log_cosh_is_squared_near_and_absolute_far_from_the_target() {
        let device = Default::default();
        let outputs = Tensor::<SelectedBackend, 1>::from_data([2.0, 3.0, -98.0], &device);
        let targets = Tensor::from_data([2.0, 2.0, 2.0], &device);
        let losses: Vec<f32> = LogCosh {}.elements(outputs, targets).into_data().to_vec().expect("f32");
        for (loss, expected) in losses.iter().zip([0.0, 0.433_781, 99.306_85]) {
            assert!((loss - expected).abs() < 1e-5, "{loss} is not {expected}");
        }
    }
}
