//! Against the committed figures, which PyTorch computed in float64 from the same float32 weights and images.

use burn::module::AutodiffModule;
use burn::tensor::{Tensor, TensorData};
use models::layers::without_random_values;
use models::{ClassifierConfig, ClassifierNetwork, InputShape, Network};
use serde::Deserialize;
use tensor_backend::state_dict::{load_state_dict, state_dict, tensor_infos};

use super::digest::{Digest, norm};
use super::formula::{formula, formula_tensor};
use super::gradients::gradients;
use super::{B, GRADIENT_TOLERANCE, LOGIT_TOLERANCE, RUNNING_TOLERANCE};

#[derive(Debug, Deserialize)]
struct Case {
    model: ClassifierConfig,
    classes: usize,
    input: [usize; 3],
    batch: usize,
    /// Name of the images in the formula.
    images: String,
    inference_logits: Vec<f64>,
    training_logits: Vec<f64>,
    gradients: Vec<Digest>,
    running: Vec<Digest>,
}

fn cases(name: &str) -> Vec<Case> {
    let all: Vec<Case> = serde_json::from_str(include_str!("../fixtures/parity.json")).expect("a valid fixture");
    all.into_iter().filter(|case| case.model.name() == name).collect()
}

fn greatest_difference(found: Tensor<B, 2>, expected: &[f64]) -> f64 {
    let found: Vec<f32> = found.into_data().to_vec().expect("f32");
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs()).fold(0.0, f64::max)
}

/// Checks every case of the model `name`, of which there are `count`.
fn check(name: &str, count: usize) {
    let cases = cases(name);
    assert_eq!(cases.len(), count, "cases of {name}");
    for case in cases {
        check_case(&case);
    }
}

fn check_case(case: &Case) {
    let device = Default::default();
    let [channels, height, width] = case.input;
    let input = InputShape::new(channels, height, width);
    let name = serde_json::to_string(&case.model).expect("JSON");
    let network: ClassifierNetwork<B> =
        without_random_values(|| case.model.init(case.classes, input, &device)).expect("a valid config");
    let weights: Vec<_> = tensor_infos(&network).iter().map(formula_tensor).collect();
    let network = load_state_dict(network, &weights).expect("its own names and shapes");

    let shape = [case.batch, channels, height, width];
    let pixels = formula(&case.images, shape.iter().product()).iter().map(|unit| 3f64.sqrt() as f32 * unit).collect();
    let images = Tensor::<B, 4>::from_data(TensorData::new::<f32, _>(pixels, shape), &device);

    let inference = Tensor::from_inner(network.valid().forward(images.clone().inner()));
    let difference = greatest_difference(inference, &case.inference_logits);
    println!("{name}\n  inference logits differ by {difference:.2e}");
    assert!(difference <= LOGIT_TOLERANCE, "{name}: inference logits differ by {difference:e}");

    let logits = network.forward(images);
    let cotangent = formula("cotangent", case.batch * case.classes);
    let cotangent = Tensor::from_data(TensorData::new(cotangent, [case.batch, case.classes]), &device);
    let backward = (logits.clone() * cotangent).sum().backward();
    let difference = greatest_difference(logits, &case.training_logits);
    println!("  training logits differ by {difference:.2e}");
    assert!(difference <= LOGIT_TOLERANCE, "{name}: training logits differ by {difference:e}");

    let found = gradients(&network, &backward);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let expected: Vec<&str> = case.gradients.iter().map(|digest| digest.name.as_str()).collect();
    assert_eq!(names, expected, "{name}");
    let mut greatest: f64 = 0.0;
    let mut weight_norm = 0.0;
    for (digest, (parameter, gradient)) in case.gradients.iter().zip(&found) {
        let distance = if digest.vanishes { norm(gradient) / weight_norm } else { digest.distance(gradient) };
        assert!(distance <= GRADIENT_TOLERANCE, "{name}: the gradient of {parameter} differs by {distance:e}");
        greatest = greatest.max(distance);
        weight_norm = digest.norm;
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

#[test]
fn lenet() {
    check("lenet", 2);
}

#[test]
fn cnn() {
    check("cnn", 3);
}

#[test]
fn vgg11_bn() {
    check("vgg11-bn", 1);
}

#[test]
fn vgg11_bn_cifar() {
    check("vgg11-bn-cifar", 1);
}

#[test]
fn resnet18() {
    check("resnet18", 1);
}

#[test]
fn resnet18_cifar() {
    check("resnet18-cifar", 1);
}

#[test]
fn resnet50() {
    check("resnet50", 1);
}

#[test]
fn resnet20() {
    check("resnet20", 1);
}

#[test]
fn resnet20_b() {
    check("resnet20-b", 1);
}
