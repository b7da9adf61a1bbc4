//! Optimisers take the steps of `torch.optim`; the fixture is written by `fixtures/make_optimizers.py`.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;
use tensor_backend::TrainingBackend;
use tensor_backend::state_dict::state_dict;
use trainer::training::optim::{Clipping, Gradients, Optimizer, OptimizerConfig};

#[derive(Module, Debug)]
struct Layer<B: Backend> {
    weight: Param<Tensor<B, 2>>,
    bias: Param<Tensor<B, 1>>,
}

type Matrix = [[f32; 2]; 2];

#[derive(Deserialize)]
struct Fixture {
    start: (Matrix, [f32; 2]),
    gradients: Vec<(Matrix, [f32; 2])>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    config: OptimizerConfig,
    weight: Vec<f64>,
    bias: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/optimizers.json")).expect("the fixture is of this shape")
}

fn layer(start: &(Matrix, [f32; 2])) -> Layer<TrainingBackend> {
    let device = Default::default();
    Layer {
        weight: Param::from_tensor(Tensor::from_data(TensorData::from(start.0), &device)),
        bias: Param::from_tensor(Tensor::from_data(TensorData::from(start.1), &device)),
    }
}

/// Gradients of `Σ weight · gradient`, which are the given ones.
fn gradients(layer: &Layer<TrainingBackend>, given: &(Matrix, [f32; 2])) -> Gradients<TrainingBackend> {
    let device = Default::default();
    let weight: Tensor<TrainingBackend, 2> = Tensor::from_data(TensorData::from(given.0), &device);
    let bias: Tensor<TrainingBackend, 1> = Tensor::from_data(TensorData::from(given.1), &device);
    let loss = (layer.weight.val() * weight).sum() + (layer.bias.val() * bias).sum();
    let mut gradients = Gradients::default();
    gradients.add(layer, &mut loss.backward());
    gradients
}

fn assert_close(name: &str, found: &[f32], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() < 2e-6, "{name}: {found} against {expected}");
    }
}

#[test]
fn five_steps_equal_those_of_pytorch() {
    let fixture = fixture();
    for case in &fixture.cases {
        let mut layer = layer(&fixture.start);
        let mut optimizer = Optimizer::new(case.config.clone());
        for given in &fixture.gradients {
            let gradients = gradients(&layer, given);
            layer = optimizer.step(layer, gradients, case.config.lr);
        }
        let tensors = state_dict(&layer);
        assert_close(&case.name, &tensors[0].values, &case.weight);
        assert_close(&case.name, &tensors[1].values, &case.bias);
    }
}

#[test]
fn a_restored_optimizer_goes_on_bit_for_bit() {
    let fixture = fixture();
    for case in &fixture.cases {
        let run = |interrupted: bool| {
            let mut layer = layer(&fixture.start);
            let mut optimizer = Optimizer::new(case.config.clone());
            for (step, given) in fixture.gradients.iter().enumerate() {
                if interrupted && step == 2 {
                    let state = optimizer.state();
                    optimizer = Optimizer::new(case.config.clone());
                    optimizer.restore(state, &Default::default());
                }
                let gradients = gradients(&layer, given);
                layer = optimizer.step(layer, gradients, case.config.lr);
            }
            state_dict(&layer)
        };
        assert_eq!(run(true), run(false), "{}", case.name);
    }
}

#[test]
fn biases_may_be_left_out_of_weight_decay() {
    let fixture = fixture();
    let zero = ([[0.0; 2]; 2], [0.0; 2]);
    let layer = layer(&fixture.start);
    let gradients = gradients(&layer, &zero);
    let config = OptimizerConfig { weight_decay: 0.5, decay_norm_and_bias: false, lr: 0.1, ..Default::default() };
    let tensors = state_dict(&Optimizer::new(config).step(layer, gradients, 0.1));
    // AdamW with a zero gradient only decays: 0.5 · (1 - 0.1 · 0.5) = 0.475.
    assert!((tensors[0].values[0] - 0.475).abs() < 1e-6);
    assert_eq!(tensors[1].values, fixture.start.1);
}

#[test]
fn gradients_are_clipped_by_value_and_then_by_norm() {
    let fixture = fixture();
    let layer = layer(&fixture.start);
    let mut clipped = gradients(&layer, &([[3.0, 0.0], [0.0, -8.0]], [0.0, 0.0]));
    // By value: (3, -4), whose norm is 5; then by norm to 1: (0.6, -0.8).
    let norm = clipped.clip(Clipping { value: Some(4.0), norm: Some(1.0) });
    assert_eq!(norm, Some(5.0));
    let values: Vec<f32> = clipped.remove("weight").expect("it has one").into_data().to_vec().expect("f32");
    for (found, expected) in values.iter().zip([0.6, 0.0, 0.0, -0.8]) {
        assert!((found - expected).abs() < 1e-6, "{values:?}");
    }
}

#[test]
fn gradients_of_two_passes_add_up() {
    let fixture = fixture();
    let layer = layer(&fixture.start);
    let (first, second) = (&fixture.gradients[0], &fixture.gradients[1]);
    let device = Default::default();
    let mut sum = gradients(&layer, first);
    let weight: Tensor<TrainingBackend, 2> = Tensor::from_data(TensorData::from(second.0), &device);
    sum.add(&layer, &mut (layer.weight.val() * weight).sum().backward());
    let values: Vec<f32> = sum.remove("weight").expect("it has one").into_data().to_vec().expect("f32");
    assert!((values[0] - (first.0[0][0] + second.0[0][0])).abs() < 1e-7);
}
