//! Inception v3 against torchvision's, with and without its auxiliary head.

use burn::module::AutodiffModule;
use burn::tensor::{Tensor, TensorData};
use models::inception::InceptionConfig;
use models::layers::without_random_values;
use models::{ClassifierConfig, Network};
use serde::Deserialize;
use tensor_backend::state_dict::{load_state_dict, state_dict, tensor_infos};

use super::digest::Digest;
use super::formula::{formula, formula_tensor};
use super::{B, RUNNING_TOLERANCE};

/// Logits here are of the order of 0.1, ten times smaller than those of the other networks; so is their tolerance.
const LOGIT_TOLERANCE: f64 = 1e-5;

/// In training mode normalisation divides by deviations over two images, down to single pixels in the auxiliary head,
/// which enlarges rounding errors: PyTorch's own logits in `f32` are up to 1.0e-4 from those in `f64` on these inputs,
/// those of the auxiliary head 7.3e-4.
const TRAINING_LOGIT_TOLERANCE: f64 = 1e-3;

#[derive(Debug, Deserialize)]
struct Case {
    model: ClassifierConfig,
    size: usize,
    batch: usize,
    inference_logits: Vec<f64>,
    training_logits: Option<Vec<f64>>,
    auxiliary_logits: Option<Vec<f64>>,
    #[serde(default)]
    running: Vec<Digest>,
}

fn assert_close(what: &str, found: Tensor<B, 2>, expected: &[f64], tolerance: f64) {
    let found: Vec<f32> = found.into_data().to_vec().expect("f32");
    assert_eq!(found.len(), expected.len(), "{what}");
    let difference =
        found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs()).fold(0.0, f64::max);
    println!("{what} differ by {difference:.2e}");
    assert!(difference <= tolerance, "{what} differ by {difference:e}");
}

#[test]
fn inception_equals_torchvision() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../fixtures/inception.json")).expect("a valid fixture");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let device = Default::default();
        let ClassifierConfig::Inception(model) = &case.model else { panic!("cases of Inception") };
        let with_head = model.options.auxiliary_head;
        let mut config = InceptionConfig::new(10);
        (config.dropout, config.auxiliary_head) = (0.0, with_head);
        let network = without_random_values(|| config.init::<B>(&device));
        let weights: Vec<_> = tensor_infos(&network).iter().map(formula_tensor).collect();
        let network = load_state_dict(network, &weights).expect("its own names and shapes");

        let shape = [case.batch, 3, case.size, case.size];
        let pixels = formula("images", shape.iter().product()).iter().map(|unit| 3f64.sqrt() as f32 * unit).collect();
        let images = Tensor::<B, 4>::from_data(TensorData::new::<f32, _>(pixels, shape), &device);
        let inference = network.valid().forward(images.clone().inner());
        assert_close("inference logits", Tensor::from_inner(inference), &case.inference_logits, LOGIT_TOLERANCE);

        let (Some(expected), Some(expected_auxiliary)) = (&case.training_logits, &case.auxiliary_logits) else {
            assert!(!with_head);
            continue;
        };
        let (logits, auxiliary) = network.forward_both(images);
        assert_close("training logits", logits, expected, TRAINING_LOGIT_TOLERANCE);
        let auxiliary = auxiliary.expect("a head");
        assert_close("auxiliary logits", auxiliary, expected_auxiliary, TRAINING_LOGIT_TOLERANCE);
        let state = state_dict(&network);
        assert!(case.running.iter().any(|digest| digest.name.starts_with("AuxLogits.")));
        for digest in &case.running {
            let tensor = state.iter().find(|tensor| tensor.name == digest.name).expect("statistics by this name");
            let distance = digest.distance(&tensor.values);
            assert!(distance <= RUNNING_TOLERANCE, "{} differs by {distance:e}", digest.name);
        }
    }
}

/// torchvision's `num_params` with the auxiliary head, which its published weights have.
#[test]
fn the_auxiliary_head_adds_its_parameters() {
    let config = InceptionConfig::new(1000).with_auxiliary_head();
    let network = without_random_values(|| config.init::<B>(&Default::default()));
    assert_eq!(models::summary::parameter_count(&network), 27_161_264);
    let infos = tensor_infos(&network);
    let head: Vec<&str> =
        infos.iter().map(|info| info.name.as_str()).filter(|name| name.starts_with("AuxLogits.")).collect();
    assert_eq!((head[0], head.len()), ("AuxLogits.conv0.conv.weight", 12));
}
