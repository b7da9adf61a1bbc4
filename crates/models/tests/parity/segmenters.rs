//! Segmentation networks: names, shapes and counts of their tensors, logits and gradients, against
//! `fixtures/export_segmentation.py`.

use burn::module::AutodiffModule;
use burn::tensor::{Tensor, TensorData};
use models::layers::without_random_values;
use models::summary::parameter_count;
use models::{InputShape, Network, SegmenterConfig, SegmenterNetwork};
use serde::Deserialize;
use tensor_backend::state_dict::{load_state_dict, tensor_infos};

use super::digest::Digest;
use super::formula::{formula, formula_tensor};
use super::gradients::gradients;
use super::{B, GRADIENT_TOLERANCE, LOGIT_TOLERANCE};

#[derive(Deserialize)]
struct Reference {
    model: SegmenterConfig,
    classes: usize,
    parameters: usize,
    /// `name 64x3x7x7`, without `num_batches_tracked`.
    tensors: Vec<String>,
}

#[test]
fn every_network_has_the_tensors_of_its_reference() {
    let references: Vec<Reference> =
        serde_json::from_str(include_str!("../fixtures/segmenter_tensors.json")).expect("a valid fixture");
    assert_eq!(references.len(), 12);
    for Reference { model, classes, parameters, mut tensors } in references {
        let name = serde_json::to_string(&model).expect("JSON");
        let network: SegmenterNetwork<B> =
            without_random_values(|| model.init(classes, InputShape::rgb(64), &Default::default())).expect("valid");
        assert_eq!(parameter_count(&network), parameters, "{name}");
        if model == SegmenterConfig::named(model.name()).expect("its own name") {
            assert_eq!(model.card().parameters, parameters, "{name}");
        }
        let mut found: Vec<String> = tensor_infos(&network)
            .iter()
            .map(|info| {
                let shape: Vec<String> = info.shape.iter().map(usize::to_string).collect();
                format!("{} {}", info.name, shape.join("x"))
            })
            .collect();
        // A PyTorch module lists the layers of FCN-8s in another order.
        found.sort();
        tensors.sort();
        assert_eq!(found, tensors, "{name}");
    }
}

#[derive(Deserialize)]
struct Case {
    model: SegmenterConfig,
    classes: usize,
    input: [usize; 3],
    batch: usize,
    /// Name of the images in the formula.
    images: String,
    inference_logits: Vec<f64>,
    training_logits: Vec<Vec<f64>>,
    gradients: Vec<Digest>,
}

fn greatest_difference(found: Tensor<B, 4>, expected: &[f64]) -> f64 {
    let found: Vec<f32> = found.into_data().to_vec().expect("f32");
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs()).fold(0.0, f64::max)
}

#[test]
fn logits_and_gradients_are_those_of_pytorch() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../fixtures/segmentation.json")).expect("a valid fixture");
    assert_eq!(cases.len(), 5);
    for case in &cases {
        check_case(case);
    }
}

fn check_case(case: &Case) {
    let device = Default::default();
    let [channels, height, width] = case.input;
    let name = serde_json::to_string(&case.model).expect("JSON");
    let network: SegmenterNetwork<B> =
        without_random_values(|| case.model.init(case.classes, InputShape::new(channels, height, width), &device))
            .expect("a valid config");
    let weights: Vec<_> = tensor_infos(&network).iter().map(formula_tensor).collect();
    let network = load_state_dict(network, &weights).expect("its own names and shapes");

    let shape = [case.batch, channels, height, width];
    let pixels = formula(&case.images, shape.iter().product()).iter().map(|unit| 3f64.sqrt() as f32 * unit).collect();
    let images = Tensor::<B, 4>::from_data(TensorData::new::<f32, _>(pixels, shape), &device);

    let inference = network.valid().forward(images.clone().inner());
    assert!(inference.auxiliary.is_none(), "{name}: auxiliary scores are for training");
    let difference = greatest_difference(Tensor::from_inner(inference.logits), &case.inference_logits);
    println!("{name}\n  inference logits differ by {difference:.2e}");
    assert!(difference <= LOGIT_TOLERANCE, "{name}: inference logits differ by {difference:e}");

    // The ResNet's coarsest maps have a dozen values a channel, whose statistics enlarge rounding, and its images keep
    // no distance from kinks. From f64, PyTorch's own f32 has 2.3e-5 (logits up to 3.5) and 3.3e-3 (gradients) in this
    // case.
    let (logit_tolerance, gradient_tolerance) =
        if name.contains("unet-resnet") { (3e-4, 1e-2) } else { (LOGIT_TOLERANCE, GRADIENT_TOLERANCE) };
    let output = network.forward(images);
    let outputs: Vec<Tensor<B, 4>> = std::iter::once(output.logits).chain(output.auxiliary).collect();
    assert_eq!(outputs.len(), case.training_logits.len(), "{name}");
    let mut total = Tensor::<B, 1>::zeros([1], &device);
    for (number, (output, expected)) in outputs.into_iter().zip(&case.training_logits).enumerate() {
        let difference = greatest_difference(output.clone(), expected);
        println!("  training logits {number} differ by {difference:.2e}");
        assert!(difference <= logit_tolerance, "{name}: training logits differ by {difference:e}");
        let shape = output.dims();
        let cotangent = formula(&format!("cotangent {number}"), shape.iter().product());
        total = total + (output * Tensor::from_data(TensorData::new(cotangent, shape), &device)).sum();
    }
    let mut found = gradients(&network, &total.backward());
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found.len(), case.gradients.len(), "{name}");
    let mut greatest: f64 = 0.0;
    for (parameter, gradient) in &found {
        let digest = case.gradients.iter().find(|digest| digest.name == *parameter).expect("a gradient of this name");
        let distance = digest.distance(gradient);
        assert!(distance <= gradient_tolerance, "{name}: the gradient of {parameter} differs by {distance:e}");
        greatest = greatest.max(distance);
    }
    println!("  gradients differ by at most {greatest:.2e}");
}
