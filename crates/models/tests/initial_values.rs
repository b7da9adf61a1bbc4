//! Networks start as their reference implementations do.

use models::{ClassifierConfig, InputShape};
use tensor_backend::state_dict::{NamedTensor, state_dict};
use tensor_backend::{SelectedBackend, random};

fn initial(config: &str) -> Vec<NamedTensor> {
    random::seed(11, 0);
    let config: ClassifierConfig = serde_json::from_str(config).expect("a valid config");
    let network = config.init::<SelectedBackend>(10, InputShape::rgb(32), &Default::default()).expect("valid");
    state_dict(&network)
}

fn values<'a>(state: &'a [NamedTensor], name: &str) -> &'a [f32] {
    &state.iter().find(|tensor| tensor.name == name).unwrap_or_else(|| panic!("a tensor {name}")).values
}

/// The deviation of a tensor of at least 4,000 values, whose relative standard error is at most 1 / √8,000 = 1.1 %
/// (less for a uniform distribution): four of them are 4.5 %.
fn has_deviation(state: &[NamedTensor], name: &str, expected: f64) {
    let values = values(state, name);
    assert!(values.len() >= 4000, "{name} has {} values", values.len());
    let deviation = (values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
    assert!((deviation / expected - 1.0).abs() < 0.045, "{name}: {deviation} where {expected} was expected");
}

fn is_constant(state: &[NamedTensor], name: &str, expected: f32) {
    assert!(values(state, name).iter().all(|value| *value == expected), "{name} is not {expected}");
}

#[test]
fn resnet_as_in_torchvision() {
    let state = initial(r#"{"name": "resnet18"}"#);
    // kaiming_normal_(fan_out): √(2 / (64 · 7 · 7)), √(2 / (512 · 3 · 3)).
    has_deviation(&state, "conv1.weight", (2.0f64 / 3136.0).sqrt());
    has_deviation(&state, "layer4.0.conv1.weight", (2.0f64 / 4608.0).sqrt());
    // nn.Linear: uniform in ±1/√512.
    has_deviation(&state, "fc.weight", 1.0 / (3.0f64 * 512.0).sqrt());
    is_constant(&state, "layer1.0.bn2.weight", 1.0);
    is_constant(&state, "layer1.0.bn2.bias", 0.0);
    is_constant(&state, "layer1.0.bn2.running_mean", 0.0);
    is_constant(&state, "layer1.0.bn2.running_var", 1.0);
}

#[test]
fn zero_init_residual_silences_the_last_normalisation_of_each_block() {
    let basic = initial(r#"{"name": "resnet18", "zero_init_residual": true}"#);
    is_constant(&basic, "layer3.1.bn2.weight", 0.0);
    is_constant(&basic, "layer3.1.bn1.weight", 1.0);
    is_constant(&basic, "layer3.0.downsample.1.weight", 1.0);
    let bottleneck = initial(r#"{"name": "resnet50-cifar", "zero_init_residual": true}"#);
    is_constant(&bottleneck, "layer3.1.bn3.weight", 0.0);
    is_constant(&bottleneck, "layer3.1.bn2.weight", 1.0);
}

#[test]
fn vgg_as_in_torchvision() {
    let state = initial(r#"{"name": "vgg11-bn"}"#);
    // kaiming_normal_(fan_out) of the second convolution: √(2 / (128 · 9)); zero biases.
    has_deviation(&state, "features.4.weight", (2.0f64 / 1152.0).sqrt());
    is_constant(&state, "features.4.bias", 0.0);
    has_deviation(&state, "classifier.6.weight", 0.01);
    is_constant(&state, "classifier.6.bias", 0.0);
}

#[test]
fn cifar_resnet_as_in_its_reference() {
    let state = initial(r#"{"name": "resnet20"}"#);
    // kaiming_normal_(fan_in): √(2 / (64 · 9)).
    has_deviation(&state, "layer3.1.conv1.weight", (2.0f64 / 576.0).sqrt());
    // The bias of nn.Linear: uniform in ±1/√64.
    let bias = values(&state, "linear.bias");
    assert!(bias.iter().all(|value| value.abs() <= 0.125) && bias.iter().any(|value| value.abs() > 0.05), "{bias:?}");
}

#[test]
fn lenet_as_in_pytorch() {
    let state = initial(r#"{"name": "lenet"}"#);
    // nn.Linear: uniform in ±1/√400, 400 = 16 · 5 · 5.
    has_deviation(&state, "fc1.weight", 1.0 / (3.0f64 * 400.0).sqrt());
}

#[test]
fn a_seed_fixes_every_value() {
    assert_eq!(initial(r#"{"name": "resnet20"}"#), initial(r#"{"name": "resnet20"}"#));
}
