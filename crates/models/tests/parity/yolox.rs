//! YOLOX against `yolox_reference.py`, which PyTorch computed in float64 from the same float32 weights and images.

use burn::module::AutodiffModule;
use burn::tensor::{Tensor, TensorData};
use models::layers::without_random_values;
use models::summary::parameter_count;
use models::{DetectorConfig, DetectorNetwork, DetectorOutput, InputShape, Network, YoloxOutput};
use serde::Deserialize;
use tensor_backend::VisionBackend;
use tensor_backend::state_dict::{load_state_dict, state_dict, tensor_infos};

use super::digest::Digest;
use super::formula::{formula, formula_tensor};
use super::gradients::gradients;
use super::{B, GRADIENT_TOLERANCE, LOGIT_TOLERANCE, RUNNING_TOLERANCE};

#[derive(Deserialize)]
struct Fixture {
    references: Vec<Reference>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Reference {
    name: String,
    parameters: usize,
    /// `name 64x3x7x7`, without `num_batches_tracked`; left out where only the sizes differ from those of others.
    #[serde(default)]
    tensors: Vec<String>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    side: usize,
    batch: usize,
    /// Name of the images in the formula.
    images: String,
    inference: Digest,
    training: Digest,
    gradients: Vec<Digest>,
    running: Vec<Digest>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/yolox.json")).expect("a valid fixture")
}

fn sizes() -> Vec<DetectorConfig> {
    DetectorConfig::all().filter(|config| matches!(config, DetectorConfig::Yolox(_))).collect()
}

fn uninitialised(name: &str, classes: usize, side: usize) -> DetectorNetwork<B> {
    let config = DetectorConfig::named(name).expect("a valid name");
    without_random_values(|| config.init(classes, InputShape::rgb(side), &Default::default())).expect("valid")
}

fn raw<B: VisionBackend>(output: DetectorOutput<B>) -> Tensor<B, 3> {
    match output {
        DetectorOutput::Yolox(YoloxOutput { raw, .. }) => raw,
        #[allow(unreachable_patterns, reason = "there may be one family only")]
        other => panic!("expected YOLOX's output, found {other:?}"),
    }
}

#[test]
fn every_size_has_the_tensors_of_its_reference() {
    let references = fixture().references;
    assert_eq!(references.len(), sizes().len(), "a reference for every size");
    for Reference { name, parameters, tensors } in references {
        let card = DetectorConfig::named(&name).expect("a valid name").card();
        assert_eq!(card.parameters, parameters, "{name}");
        let network = uninitialised(&name, card.classes, card.input.height);
        assert_eq!(parameter_count(&network), parameters, "{name}");
        let found: Vec<String> = tensor_infos(&network)
            .iter()
            .map(|info| {
                let shape: Vec<String> = info.shape.iter().map(usize::to_string).collect();
                format!("{} {}", info.name, shape.join("x"))
            })
            .collect();
        assert!(tensors.is_empty() || found == tensors, "{name}: {found:#?} and {tensors:#?}");
    }
}

#[test]
fn the_large_sizes_have_their_published_parameter_counts() {
    // Ge et al. 2021, tables 3 and 4, in millions.
    let published = [0.91, 5.06, 9.0, 25.3, 54.2, 99.1];
    for (config, published) in sizes().iter().zip(published) {
        let (name, millions) = (config.name(), config.card().parameters as f64 / 1e6);
        // Half of the last published digit.
        let tolerance = if published < 9.0 { 0.005 } else { 0.05 };
        assert!((millions - published).abs() <= tolerance, "{name}: {millions} {published}");
    }
}

#[test]
fn nano() {
    check("yolox-nano");
}

#[test]
fn tiny() {
    check("yolox-tiny");
}

fn check(name: &str) {
    let case = fixture().cases.into_iter().find(|case| case.name == name).expect("a case of this name");
    let Case { classes, side, batch, .. } = case;
    let device = Default::default();
    let network = uninitialised(&case.name, classes, side);
    let weights: Vec<_> = tensor_infos(&network).iter().map(formula_tensor).collect();
    let network = load_state_dict(network, &weights).expect("its own names and shapes");
    let shape = [batch, 3, side, side];
    let pixels = formula(&case.images, shape.iter().product()).iter().map(|unit| 3f64.sqrt() as f32 * unit).collect();
    let images = Tensor::<B, 4>::from_data(TensorData::new::<f32, _>(pixels, shape), &device);

    let found: Vec<f32> = raw(network.valid().forward(images.clone().inner())).into_data().to_vec().expect("f32");
    let distance = case.inference.distance(&found);
    println!("{name}\n  raw outputs in inference differ by {distance:.2e}");
    assert!(distance <= LOGIT_TOLERANCE, "{name}: raw outputs in inference differ by {distance:e}");

    let raw = raw(network.forward(images));
    let found: Vec<f32> = raw.clone().into_data().to_vec().expect("f32");
    let distance = case.training.distance(&found);
    println!("  raw outputs in training differ by {distance:.2e}");
    assert!(distance <= LOGIT_TOLERANCE, "{name}: raw outputs in training differ by {distance:e}");

    let shape = raw.dims();
    let cotangent = TensorData::new(formula("cotangent", shape.iter().product()), shape);
    let backward = (raw * Tensor::from_data(cotangent, &device)).sum().backward();
    let found = gradients(&network, &backward);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let expected: Vec<&str> = case.gradients.iter().map(|digest| digest.name.as_str()).collect();
    assert_eq!(names, expected, "{name}");
    let mut greatest: f64 = 0.0;
    for (digest, (parameter, gradient)) in case.gradients.iter().zip(&found) {
        let distance = digest.distance(gradient);
        assert!(distance <= GRADIENT_TOLERANCE, "{name}: the gradient of {parameter} differs by {distance:e}");
        greatest = greatest.max(distance);
    }
    println!("  gradients differ by at most {greatest:.2e}");

    let state = state_dict(&network);
    let mut greatest: f64 = 0.0;
    for digest in &case.running {
        let tensor = state.iter().find(|tensor| tensor.name == digest.name).expect("running statistics by this name");
        let distance = digest.distance(&tensor.values);
        assert!(distance <= RUNNING_TOLERANCE, "{name}: {} differs by {distance:e}", digest.name);
        greatest = greatest.max(distance);
    }
    println!("  running statistics differ by at most {greatest:.2e}");
}
