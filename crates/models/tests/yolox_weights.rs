//! Published weights of YOLOX-nano against ONNX Runtime on the published ONNX file, on real images.
//!
//! The weights and the images are read from the folder that `OKULO_TEST_DATA` names; without it the test is skipped.
//! The figures are made by `tests/fixtures/export_yolox.py --data FOLDER`; with `--full OUT` it also writes all of ONNX
//! Runtime's values, which are compared too where `OKULO_ORT_OUTPUT` names that folder.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use image::RgbImage;
use image::imageops::replace;
use models::layers::without_random_values;
use models::{DetectorConfig, DetectorNetwork, DetectorOutput, InputShape, Network};
use safetensors::SafeTensors;
use serde::Deserialize;
use tensor_backend::SelectedBackend;
use tensor_backend::state_dict::{NamedTensor, load_state_dict};

const WEIGHTS: &str = "weights/yolox-nano/yolox_nano_coco_from_onnx.safetensors";
/// Classes of COCO.
const CLASSES: usize = 80;
/// ImageNet's, which the published weights were trained with.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];
/// Greatest difference of a raw output; they reach 38. These weights amplify rounding: ONNX Runtime's values of this
/// image are up to 9.1e-4 from what float64 gives.
const TOLERANCE: f64 = 1e-3;

#[derive(Deserialize)]
struct Fixture {
    side: usize,
    grey: u8,
    /// Every so many values of an output are kept.
    step: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    image: String,
    /// ONNX Runtime's values.
    samples: Vec<f64>,
    /// Of all of ONNX Runtime's values.
    mean: f64,
    /// Of their squares.
    mean_square: f64,
    /// What float64 gives.
    exact_samples: Vec<f64>,
    /// How much ONNX Runtime's values differ from float64 at most.
    greatest_error: f64,
}

fn published_network(folder: &Path, side: usize) -> DetectorNetwork<SelectedBackend> {
    let bytes = std::fs::read(folder.join(WEIGHTS)).expect("the published weights");
    let tensors = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let tensors: Vec<NamedTensor> = tensors
        .iter()
        .map(|(name, view)| {
            let values = view.data().chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("4 bytes")));
            NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values: values.collect() }
        })
        .collect();
    let config = DetectorConfig::named("yolox-nano").expect("a valid name");
    let network = without_random_values(|| config.init(CLASSES, InputShape::rgb(side), &Default::default()));
    load_state_dict(network.expect("valid"), &tensors).expect("every tensor by its name and shape, and no other")
}

/// The image in the middle of a grey square, normalised.
fn pixels(folder: &Path, fixture: &Fixture, case: &Case) -> Vec<f32> {
    let side = fixture.side as u32;
    let image = image::open(folder.join(&case.image)).expect("an image").to_rgb8();
    let mut canvas = RgbImage::from_pixel(side, side, image::Rgb([fixture.grey; 3]));
    let [left, top] = [image.width(), image.height()].map(|length| i64::from((side - length) / 2));
    replace(&mut canvas, &image, left, top);
    let plane = |channel: usize| {
        let normalised = move |value: u8| (f32::from(value) / 255.0 - MEAN[channel]) / DEVIATION[channel];
        canvas.pixels().map(move |pixel| normalised(pixel[channel])).collect::<Vec<f32>>()
    };
    (0..3).flat_map(plane).collect()
}

#[test]
fn raw_outputs_are_those_of_onnx_runtime() {
    let Some(folder) = std::env::var_os("OKULO_TEST_DATA") else {
        println!("skipped: OKULO_TEST_DATA is not set");
        return;
    };
    let folder = Path::new(&folder);
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/yolox_onnx.json")).expect("a valid fixture");
    let network = published_network(folder, fixture.side);
    for case in &fixture.cases {
        check(&network, folder, &fixture, case);
    }
}

fn check(network: &DetectorNetwork<SelectedBackend>, folder: &Path, fixture: &Fixture, case: &Case) {
    let images = TensorData::new(pixels(folder, fixture, case), [1, 3, fixture.side, fixture.side]);
    let output = match network.forward(Tensor::from_data(images, &Default::default())) {
        DetectorOutput::Yolox(output) => output,
        #[allow(unreachable_patterns, reason = "there may be one family only")]
        other => panic!("expected YOLOX's output, found {other:?}"),
    };
    // 80² + 40² + 20² cells.
    assert_eq!(output.raw.dims(), [1, 8400, 5 + CLASSES]);
    let found: Vec<f32> = output.raw.into_data().to_vec().expect("f32");

    let greatest = |expected: &[f64]| {
        let pairs = found.iter().step_by(fixture.step).zip(expected);
        pairs.map(|(found, expected)| (f64::from(*found) - expected).abs()).fold(0.0, f64::max)
    };
    let (difference, error) = (greatest(&case.samples), greatest(&case.exact_samples));
    println!(
        "{}\n  {} values differ by at most {difference:.2e} from ONNX Runtime's, {error:.2e} from float64 \
         (ONNX Runtime's by {:.2e}, of all)",
        case.image,
        case.samples.len(),
        case.greatest_error
    );
    assert!(difference <= TOLERANCE, "{}: raw outputs differ by {difference:e}", case.image);
    assert!(error <= 2.0 * case.greatest_error, "{}: raw outputs differ from float64 by {error:e}", case.image);
    let mean = |of: fn(f64) -> f64| found.iter().map(|value| of(f64::from(*value))).sum::<f64>() / found.len() as f64;
    let close =
        |found: f64, expected: f64| assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{found} {expected}");
    close(mean(|value| value), case.mean);
    close(mean(|value| value * value), case.mean_square);

    if let Some(outputs) = std::env::var_os("OKULO_ORT_OUTPUT") {
        let stem = Path::new(&case.image).file_stem().expect("a file").to_string_lossy();
        let bytes = std::fs::read(Path::new(&outputs).join(format!("{stem}.f32"))).expect("ONNX Runtime's values");
        let expected = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("4 bytes")));
        assert_eq!(expected.len(), found.len());
        let greatest = expected.zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("  all {} values differ by at most {greatest:.2e}", found.len());
        assert!(f64::from(greatest) <= TOLERANCE, "{}: raw outputs differ by {greatest:e}", case.image);
    }
}
