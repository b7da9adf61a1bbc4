//! Initial values of weights and biases, as PyTorch and torchvision draw them.

use std::cell::Cell;

use burn::module::Param;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::random;

/// Standard deviation of the dense layers' weights in torchvision's `VGG.__init__`.
const TORCHVISION_DENSE_STD: f32 = 0.01;

/// How a layer's weight and bias are drawn, from the calling thread's generator (see [`random::seed`]).
///
/// *Fan-in* is the number of inputs that one output sees, *fan-out* the number of outputs that one input reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Initialisation {
    /// PyTorch's default for `nn.Conv2d` and `nn.Linear`: weight `kaiming_uniform_(a=√5)` and bias, both uniform in
    /// ±1/√fan-in.
    ///
    /// `kaiming_uniform_` has the bound `gain · √(3 / fan-in)` with `gain = √(2 / (1 + a²)) = √(1/3)`, hence 1/√fan-in.
    #[default]
    UniformFanIn,
    /// `kaiming_normal_(mode="fan_out", nonlinearity="relu")`, deviation √(2 / fan-out), and zero bias: convolutions of
    /// torchvision's ResNet and VGG.
    ///
    /// Source: He et al. 2015, "Delving deep into rectifiers", section 2.2.
    KaimingNormalFanOut,
    /// `kaiming_normal_()`, deviation √(2 / fan-in); the bias stays at PyTorch's default. Every layer of
    /// akamaster/pytorch_resnet_cifar10.
    KaimingNormalFanIn,
    /// Normal with deviation 0.01 and zero bias: dense layers of torchvision's VGG.
    SmallNormal,
    /// Normal with deviation 0.1; the bias stays at PyTorch's default: torchvision's Inception. (It cuts the
    /// distribution off at 2, twenty deviations away.)
    NormalTenth,
    /// Normal with deviation 0.001; the bias stays at PyTorch's default: the last layer of Inception's auxiliary head.
    NormalThousandth,
}

#[derive(Debug, Clone, Copy)]
enum Distribution {
    Constant(f32),
    Uniform { bound: f32 },
    Normal { std: f32 },
}

impl Initialisation {
    /// A weight of `shape` for a layer with the given fans.
    pub(crate) fn weight<B: Backend, const D: usize>(
        self,
        shape: [usize; D],
        fan_in: usize,
        fan_out: usize,
        device: &B::Device,
    ) -> Param<Tensor<B, D>> {
        let distribution = match self {
            Self::UniformFanIn => Distribution::Uniform { bound: (fan_in as f32).sqrt().recip() },
            Self::KaimingNormalFanOut => Distribution::Normal { std: (2.0 / fan_out as f32).sqrt() },
            Self::KaimingNormalFanIn => Distribution::Normal { std: (2.0 / fan_in as f32).sqrt() },
            Self::SmallNormal => Distribution::Normal { std: TORCHVISION_DENSE_STD },
            Self::NormalTenth => Distribution::Normal { std: 0.1 },
            Self::NormalThousandth => Distribution::Normal { std: 0.001 },
        };
        distribution.param(shape, device)
    }

    /// A bias of `features` values for a layer with the given fan-in.
    pub(crate) fn bias<B: Backend>(self, features: usize, fan_in: usize, device: &B::Device) -> Param<Tensor<B, 1>> {
        let distribution = match self {
            Self::UniformFanIn | Self::KaimingNormalFanIn | Self::NormalTenth | Self::NormalThousandth => {
                Distribution::Uniform { bound: (fan_in as f32).sqrt().recip() }
            }
            Self::KaimingNormalFanOut | Self::SmallNormal => Distribution::Constant(0.0),
        };
        distribution.param([features], device)
    }
}

impl Distribution {
    fn param<B: Backend, const D: usize>(self, shape: [usize; D], device: &B::Device) -> Param<Tensor<B, D>> {
        let tensor = match self {
            _ if SKIP_RANDOM.get() => Tensor::zeros(shape, device),
            Self::Constant(value) => Tensor::full(shape, value, device),
            Self::Uniform { bound } => random::uniform(shape, -bound, bound, device),
            Self::Normal { std } => random::normal(shape, 0.0, std, device),
        };
        Param::from_tensor(tensor)
    }
}

thread_local! {
    static SKIP_RANDOM: Cell<bool> = const { Cell::new(false) };
}

/// Builds a network with zeros in place of random weights, and without touching the generator: for one whose weights
/// are loaded right afterwards, or that is only counted. Like PyTorch's `torch.nn.utils.skip_init`.
///
/// # Examples
///
/// ```
/// use models::layers::without_random_values;
/// use models::resnet::ResNetConfig;
///
/// # use tensor_backend::SelectedBackend;
/// let network = without_random_values(|| ResNetConfig::resnet18(1000).init::<SelectedBackend>(&Default::default()));
/// ```
pub fn without_random_values<T>(build: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            SKIP_RANDOM.set(self.0);
        }
    }
    let _restore = Restore(SKIP_RANDOM.replace(true));
    build()
}

#[cfg(test)]
mod tests {
    use tensor_backend::SelectedBackend;

    use super::*;

    fn moments(param: Param<Tensor<SelectedBackend, 2>>) -> (f64, f64) {
        let values: Vec<f32> = param.val().into_data().to_vec().expect("f32");
        let deviation =
            (values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        (deviation, f64::from(largest))
    }

    #[test]
    fn deviations_are_those_of_the_formulas() {
        let device = Default::default();
        let draw = |initialisation: Initialisation| {
            random::seed(3, 0);
            moments(initialisation.weight([200, 100], 100, 200, &device))
        };
        // 20,000 draws: a relative standard error of the deviation of 1 / √40,000 = 0.5 %; four of them are 2 %.
        let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 0.02, "{found} {expected}");

        // Uniform in ±b has deviation b / √3, here b = 1 / √100 = 0.1.
        let (deviation, largest) = draw(Initialisation::UniformFanIn);
        close(deviation, 0.1 / 3f64.sqrt());
        assert!(largest <= 0.1 && largest > 0.099, "{largest}");

        close(draw(Initialisation::KaimingNormalFanOut).0, (2.0f64 / 200.0).sqrt());
        close(draw(Initialisation::KaimingNormalFanIn).0, (2.0f64 / 100.0).sqrt());
        close(draw(Initialisation::SmallNormal).0, 0.01);
    }

    #[test]
    fn without_random_values_leaves_the_generator_alone() {
        let device = Default::default();
        let draw = || -> Vec<f32> {
            let param: Param<Tensor<SelectedBackend, 1>> = Initialisation::UniformFanIn.bias(8, 4, &device);
            param.val().into_data().to_vec().expect("f32")
        };
        random::seed(5, 0);
        let expected = draw();
        random::seed(5, 0);
        assert_eq!(without_random_values(draw), [0.0; 8]);
        assert_eq!(draw(), expected);
    }
}
