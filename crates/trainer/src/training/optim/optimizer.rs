//! SGD, Adam, AdamW, RMSprop and AdaGrad.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tensor_backend::ops::optim::{Adam, AdamState, Sgd, adam, sgd};
use tensor_backend::ops::reshape;
use tensor_backend::state_dict::{NamedTensor, TensorPath, tensor_infos};
use tensor_backend::{AutodiffVisionBackend, VisionBackend};

use super::Gradients;
use super::groups::{ParameterGroup, Rate, Rates};
use crate::config::ConfigError;

/// Which optimiser, how fast, and with how much weight decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "snake_case", deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The update rule.
    pub kind: OptimizerKind,
    /// Learning rate, before the schedule's factor.
    pub lr: f64,
    /// Weight decay: L2 for all but `adamw`, where it is decoupled (Loshchilov and Hutter 2019).
    pub weight_decay: f64,
    /// Whether biases and normalisation parameters (everything with one dimension) decay as well.
    pub decay_norm_and_bias: bool,
    /// `sgd`, `rmsprop`: how much of the last step is kept.
    pub momentum: f64,
    /// `sgd`: look ahead along the momentum (Nesterov).
    pub nesterov: bool,
    /// `adam`, `adamw`: decay rates of the first and second moment.
    pub betas: [f64; 2],
    /// `rmsprop`: decay rate of the mean square.
    pub alpha: f64,
    /// Keeps divisions finite. Unset: PyTorch's default for the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// Largest Euclidean norm of all gradients together; unset: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Largest magnitude of each gradient entry; unset: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// Epochs over which the learning rate rises in a line, before the schedule begins; may be a fraction.
    pub warmup_epochs: f64,
    /// The learning rate at the start of the warm-up, as a fraction.
    pub warmup_start: f64,
    /// What the learning rate is multiplied with from each layer to the one before it, the last layer's being 1
    /// (layer-wise decay: Clark et al. 2020, "ELECTRA"; Bao et al. 2021, "BEiT"); unset: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_decay: Option<f64>,
    /// Parameters with learning rates of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<ParameterGroup>,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Adamw,
            lr: 1e-3,
            weight_decay: 0.0,
            decay_norm_and_bias: true,
            momentum: 0.9,
            nesterov: false,
            betas: [0.9, 0.999],
            alpha: 0.99,
            epsilon: None,
            clip_norm: None,
            clip_value: None,
            warmup_epochs: 0.0,
            warmup_start: 0.0,
            layer_decay: None,
            groups: Vec::new(),
        }
    }
}

/// The update rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum; PyTorch's `SGD` without dampening.
    Sgd,
    /// Kingma and Ba 2015.
    Adam,
    /// Adam with decoupled weight decay, Loshchilov and Hutter 2019.
    Adamw,
    /// Tieleman and Hinton 2012; PyTorch's `RMSprop`, not centred.
    Rmsprop,
    /// Duchi et al. 2011.
    Adagrad,
}

/// As many epochs as a run can have.
const MOST_WARMUP_EPOCHS: f64 = 1e6;

impl OptimizerConfig {
    fn epsilon(&self) -> f64 {
        // PyTorch's defaults.
        self.epsilon.unwrap_or(match self.kind {
            OptimizerKind::Adagrad => 1e-10,
            _ => 1e-8,
        })
    }

    /// Checks that each of [`groups`](Self::groups) names parameters of `network`.
    ///
    /// # Errors
    ///
    /// When a pattern fits none, with the nearest that does.
    pub fn check_groups<B: Backend, M: Module<B>>(&self, network: &M) -> Result<(), ConfigError> {
        self.groups.iter().try_for_each(|group| group.check(&tensor_infos(network)))
    }

    /// What is wrong with the settings, if anything: the key, and what it must be.
    pub fn problem(&self) -> Option<String> {
        let fraction = |name: &str, value: f64| {
            (!(0.0..1.0).contains(&value)).then(|| format!("optim.{name} must lie in 0..1, found {value}"))
        };
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return Some(format!("optim.lr must be a positive number, found {}", self.lr));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return Some(format!("optim.weight_decay must not be negative, found {}", self.weight_decay));
        }
        for (key, value) in [("clip_norm", self.clip_norm), ("clip_value", self.clip_value), ("epsilon", self.epsilon)]
        {
            if let Some(value) = value.filter(|value| !(*value > 0.0 && value.is_finite())) {
                return Some(format!("optim.{key} must be a positive number, found {value}"));
            }
        }
        if !(0.0..=MOST_WARMUP_EPOCHS).contains(&self.warmup_epochs) {
            let found = self.warmup_epochs;
            return Some(format!("optim.warmup_epochs must lie in 0..={MOST_WARMUP_EPOCHS}, found {found}"));
        }
        if !(0.0..=1.0).contains(&self.warmup_start) {
            return Some(format!("optim.warmup_start must lie in 0..=1, found {}", self.warmup_start));
        }
        if let Some(decay) = self.layer_decay.filter(|decay| !(*decay > 0.0 && *decay <= 1.0)) {
            return Some(format!("optim.layer_decay must lie above 0 and up to 1, found {decay}"));
        }
        if let Some(problem) = self.groups.iter().find_map(ParameterGroup::problem) {
            return Some(problem);
        }
        if self.nesterov && self.momentum == 0.0 {
            return Some("optim.nesterov needs optim.momentum above 0".to_owned());
        }
        fraction("momentum", self.momentum)
            .or_else(|| fraction("betas", self.betas[0]))
            .or_else(|| fraction("betas", self.betas[1]))
            .or_else(|| fraction("alpha", self.alpha))
    }
}

/// An optimiser with its state for every parameter.
#[derive(Debug, Clone)]
pub struct Optimizer<B: AutodiffVisionBackend> {
    config: OptimizerConfig,
    states: BTreeMap<String, ParameterState<B>>,
    /// Of the network that the first step was made with.
    rates: Option<Rates>,
}

/// The state of one parameter. Unused slots stay empty.
#[derive(Debug, Clone)]
struct ParameterState<B: AutodiffVisionBackend> {
    steps: u64,
    first: Option<Tensor<B::InnerBackend, 1>>,
    second: Option<Tensor<B::InnerBackend, 1>>,
}

impl<B: AutodiffVisionBackend> Default for ParameterState<B> {
    fn default() -> Self {
        Self { steps: 0, first: None, second: None }
    }
}

const FIRST: &str = "first";
const SECOND: &str = "second";
const STEPS: &str = "steps";

impl<B: AutodiffVisionBackend> Optimizer<B> {
    /// An optimiser that has made no step.
    pub fn new(config: OptimizerConfig) -> Self {
        Self { config, states: BTreeMap::new(), rates: None }
    }

    /// `module` after one step along `gradients` with learning rate `lr`.
    ///
    /// Parameters without a gradient (frozen, or not part of the loss) stay as they are.
    pub fn step<M: Module<B>>(&mut self, module: M, gradients: Gradients<B>, lr: f64) -> M {
        struct Stepper<'a, B: AutodiffVisionBackend> {
            path: TensorPath,
            optimizer: &'a mut Optimizer<B>,
            rates: &'a Rates,
            gradients: Gradients<B>,
            lr: f64,
        }
        impl<B: AutodiffVisionBackend> ModuleMapper<B> for Stepper<'_, B> {
            fn enter_module(&mut self, name: &str, container_type: &str) {
                self.path.enter(name, container_type);
            }
            fn exit_module(&mut self, _name: &str, container_type: &str) {
                self.path.exit(container_type);
            }
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
                let name = self.path.name();
                let Some(gradient) = self.gradients.remove(&name) else { return param };
                let state = self.optimizer.states.remove(&name).unwrap_or_default();
                let (id, tensor, mapper) = param.consume();
                let shape: [usize; D] = tensor.dims();
                let trained = tensor.is_require_grad();
                let weight = reshape(tensor.inner(), [shape.iter().product()]);
                let config = &self.optimizer.config;
                let Rate { factor, weight_decay } = self.rates.of(&name, D, config);
                let (weight, state) = update(config, weight_decay, weight, gradient, state, self.lr * factor);
                self.optimizer.states.insert(name, state);
                let tensor = Tensor::from_inner(reshape(weight, shape)).set_require_grad(trained);
                Param::from_mapped_value(id, tensor, mapper)
            }
        }
        let rates = self.rates.take().unwrap_or_else(|| Rates::new(&self.config, &tensor_infos(&module)));
        let module =
            module.map(&mut Stepper { path: TensorPath::default(), optimizer: self, rates: &rates, gradients, lr });
        self.rates = Some(rates);
        module
    }

    /// The state as named tensors, for a checkpoint.
    pub fn state(&self) -> Vec<NamedTensor> {
        let mut tensors = Vec::new();
        for (name, state) in &self.states {
            // Steps of up to 2²⁴ are exact in f32; two halves keep any count exact.
            let (low, high) = ((state.steps & 0xff_ffff) as f32, (state.steps >> 24) as f32);
            tensors.push(NamedTensor { name: format!("{name}/{STEPS}"), shape: vec![2], values: vec![low, high] });
            for (slot, tensor) in [(FIRST, &state.first), (SECOND, &state.second)] {
                let Some(tensor) = tensor else { continue };
                let data = tensor.clone().into_data().convert::<f32>();
                let shape = data.shape.to_vec();
                let values = data.into_vec().expect("converted to f32 just now");
                tensors.push(NamedTensor { name: format!("{name}/{slot}"), shape, values });
            }
        }
        tensors
    }

    /// Goes on from the state of a checkpoint.
    pub fn restore(&mut self, tensors: Vec<NamedTensor>, device: &B::Device) {
        self.states.clear();
        for tensor in tensors {
            let Some((name, slot)) = tensor.name.rsplit_once('/') else { continue };
            let state = self.states.entry(name.to_owned()).or_default();
            let restored =
                || Some(Tensor::from_data(TensorData::new(tensor.values.clone(), tensor.shape.clone()), device));
            match slot {
                STEPS => state.steps = tensor.values[0] as u64 | ((tensor.values[1] as u64) << 24),
                FIRST => state.first = restored(),
                SECOND => state.second = restored(),
                _ => {}
            }
        }
    }
}

/// One parameter's step: the formulas of `torch.optim`, on flat tensors.
fn update<B: AutodiffVisionBackend>(
    config: &OptimizerConfig,
    weight_decay: f64,
    weight: Tensor<B::InnerBackend, 1>,
    gradient: Tensor<B::InnerBackend, 1>,
    state: ParameterState<B>,
    rate: f64,
) -> (Tensor<B::InnerBackend, 1>, ParameterState<B>) {
    let steps = state.steps + 1;
    match config.kind {
        OptimizerKind::Sgd => {
            let OptimizerConfig { momentum, nesterov, .. } = *config;
            let settings = Sgd { rate, momentum, dampening: 0.0, nesterov, weight_decay };
            let (weight, velocity) = sgd(weight, gradient, state.first, settings);
            // Without momentum the velocity is the gradient, and the next step does not need it.
            (weight, ParameterState { steps, first: (momentum > 0.0).then_some(velocity), second: None })
        }
        OptimizerKind::Adam | OptimizerKind::Adamw => {
            let decoupled = config.kind == OptimizerKind::Adamw;
            let settings = Adam { rate, betas: config.betas, epsilon: config.epsilon(), weight_decay, decoupled };
            let moments = state.first.zip(state.second);
            let earlier = moments.map(|(mean, square)| AdamState { mean, square, steps: state.steps });
            let (weight, state) = adam(weight, gradient, earlier, settings);
            (weight, ParameterState { steps, first: Some(state.mean), second: Some(state.square) })
        }
        OptimizerKind::Rmsprop | OptimizerKind::Adagrad => {
            adapt::<B>(config, weight_decay, weight, gradient, state, rate)
        }
    }
}

/// A step of RMSprop or AdaGrad, made of elementwise operations: too rarely used for kernels of their own.
fn adapt<B: AutodiffVisionBackend>(
    config: &OptimizerConfig,
    weight_decay: f64,
    weight: Tensor<B::InnerBackend, 1>,
    gradient: Tensor<B::InnerBackend, 1>,
    state: ParameterState<B>,
    rate: f64,
) -> (Tensor<B::InnerBackend, 1>, ParameterState<B>) {
    let gradient = if weight_decay > 0.0 { gradient + weight.clone().mul_scalar(weight_decay) } else { gradient };
    let square = gradient.clone().square();
    let second = match (config.kind, state.second) {
        (OptimizerKind::Adagrad, Some(sum)) => sum + square,
        (OptimizerKind::Adagrad, None) => square,
        (_, average) => blend(average, square, config.alpha),
    };
    let step = gradient / second.clone().sqrt().add_scalar(config.epsilon());
    let keeps_velocity = config.kind == OptimizerKind::Rmsprop && config.momentum > 0.0;
    let step = match state.first {
        Some(velocity) if keeps_velocity => velocity.mul_scalar(config.momentum) + step,
        _ => step,
    };
    let first = keeps_velocity.then(|| step.clone());
    (weight - step.mul_scalar(rate), ParameterState { steps: state.steps + 1, first, second: Some(second) })
}

/// `rate · average + (1 - rate) · value`, from zero at first.
fn blend<B: VisionBackend>(average: Option<Tensor<B, 1>>, value: Tensor<B, 1>, rate: f64) -> Tensor<B, 1> {
    let value = value.mul_scalar(1.0 - rate);
    match average {
        Some(average) => average.mul_scalar(rate) + value,
        None => value,
    }
}
