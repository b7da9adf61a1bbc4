//! An exponential moving average of a network's weights.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};
use tensor_backend::state_dict::TensorPath;

/// The averaged network after one more step: `decay · average + (1 - decay) · current` for every tensor, running
/// statistics included, as timm's `ModelEmaV2` does.
///
/// `decay` rises to its value over the first steps as `(1 + steps) / (10 + steps)`, the rule of TensorFlow's
/// `ExponentialMovingAverage`, so that short runs do not keep their initial weights.
pub fn average<B: Backend, M: Module<B>>(average: M, current: &M, decay: f64, steps: u64) -> M {
    let decay = decay.min((1.0 + steps as f64) / (10.0 + steps as f64));
    let mut reader = Reader::<B> { path: TensorPath::default(), tensors: HashMap::new() };
    current.visit(&mut reader);
    average.map(&mut Blender { path: TensorPath::default(), current: reader.tensors, decay })
}

struct Reader<B: Backend> {
    path: TensorPath,
    tensors: HashMap<String, B::FloatTensorPrimitive>,
}

impl<B: Backend> ModuleVisitor<B> for Reader<B> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.tensors.insert(self.path.name(), param.val().into_primitive().tensor());
    }
}

struct Blender<B: Backend> {
    path: TensorPath,
    current: HashMap<String, B::FloatTensorPrimitive>,
    decay: f64,
}

impl<B: Backend> ModuleMapper<B> for Blender<B> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let Some(current) = self.current.remove(&self.path.name()) else { return param };
        let current: Tensor<B, D> = Tensor::from_primitive(TensorPrimitive::Float(current));
        param.map(|average| average.mul_scalar(self.decay) + current.mul_scalar(1.0 - self.decay))
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use tensor_backend::Buffer;
    use tensor_backend::state_dict::state_dict;

    use super::*;

    #[derive(Module, Debug)]
    struct Net<B: Backend> {
        weight: Param<Tensor<B, 1>>,
        running_mean: Buffer<B, 1>,
    }

    fn net(weight: f32, mean: f32) -> Net<Flex> {
        let device = Default::default();
        Net {
            weight: Param::from_tensor(Tensor::from_floats([weight], &device)),
            running_mean: Buffer::new(Tensor::from_floats([mean], &device)),
        }
    }

    #[test]
    fn weights_and_statistics_are_averaged() {
        // Late in a run: 0.9 · 1 + 0.1 · 2 = 1.1, 0.9 · 10 + 0.1 · 0 = 9.
        let tensors = state_dict(&average(net(1.0, 10.0), &net(2.0, 0.0), 0.9, 1_000_000));
        assert!((tensors[0].values[0] - 1.1).abs() < 1e-6);
        assert!((tensors[1].values[0] - 9.0).abs() < 1e-6);
    }

    #[test]
    fn the_first_steps_forget_the_start_quickly() {
        // At step 0 the decay is 1 / 10: 0.1 · 1 + 0.9 · 2 = 1.9.
        let tensors = state_dict(&average(net(1.0, 0.0), &net(2.0, 0.0), 0.999, 0));
        assert!((tensors[0].values[0] - 1.9).abs() < 1e-6);
    }
}
