//! Facts that hold for every detector.

use models::layers::without_random_values;
use models::{DetectorConfig, DetectorNetwork, DetectorOutput, InputShape, Network, summary};
use tensor_backend::state_dict::{NamedTensor, state_dict, tensor_infos};
use tensor_backend::{SelectedBackend, TrainingBackend, random};

#[test]
fn the_predictions_of_classes_are_all_that_depends_on_the_classes() {
    for config in DetectorConfig::all() {
        let name = config.name();
        let infos = |classes| {
            let network: DetectorNetwork<SelectedBackend> =
                without_random_values(|| config.init(classes, InputShape::rgb(64), &Default::default()))
                    .expect("valid");
            tensor_infos(&network)
        };
        let changed: Vec<String> =
            infos(3).into_iter().zip(infos(5)).filter(|(a, b)| a != b).map(|(info, _)| info.name).collect();
        let heads = config.head_prefixes();
        let expected: Vec<String> =
            heads.iter().flat_map(|head| ["weight", "bias"].map(|tensor| format!("{head}.{tensor}"))).collect();
        assert_eq!(changed, expected, "{name}");
        if matches!(config, DetectorConfig::Yolox(_)) {
            assert_eq!(heads, ["head.cls_preds.0", "head.cls_preds.1", "head.cls_preds.2"], "{name}");
        }
    }
}

#[test]
fn a_summary_adds_up() {
    for config in DetectorConfig::all() {
        let (card, name) = (config.card(), config.name());
        let network: DetectorNetwork<TrainingBackend> =
            without_random_values(|| config.init(card.classes, card.input, &Default::default())).expect("valid");
        assert_eq!(network.input_channels(), card.input.channels, "{name}");
        let summary = summary(&network, card.input);
        assert_eq!(summary.parameters, card.parameters, "{name}");
        assert_eq!(summary.layers.iter().map(|layer| layer.parameters).sum::<usize>(), card.parameters, "{name}");
    }
}

/// Ge et al. 2021, tables 3 and 4, count 1.08 (nano at 416 pixels), 6.45 (tiny at 416), 26.8, 73.8, 155.6 and 281.9
/// thousand million operations, two a multiply-accumulate and batch normalisation with them; without it they are the
/// convolutions of the same networks, up to 3 % less.
#[test]
fn operations_are_about_those_of_the_paper() {
    let published = [1.08, 6.45, 26.8, 73.8, 155.6, 281.9];
    let sizes: Vec<DetectorConfig> =
        DetectorConfig::all().filter(|config| matches!(config, DetectorConfig::Yolox(_))).collect();
    assert_eq!(sizes.len(), published.len());
    for (config, published) in sizes.into_iter().zip(published) {
        let (card, name) = (config.card(), config.name());
        let network: DetectorNetwork<TrainingBackend> =
            without_random_values(|| config.init(card.classes, card.input, &Default::default())).expect("valid");
        let summary = summary(&network, card.input);
        let found = summary.flops as f64 / 1e9;
        assert!(found <= published && found >= 0.9 * published, "{name}: {found} {published}");
        assert_eq!(summary.layers.iter().map(|layer| layer.parameters).sum::<usize>(), card.parameters, "{name}");
    }
}

fn initial(name: &str) -> Vec<NamedTensor> {
    random::seed(5, 0);
    let config = DetectorConfig::named(name).expect("a valid name");
    state_dict(&config.init::<SelectedBackend>(4, InputShape::rgb(64), &Default::default()).expect("valid"))
}

#[test]
fn objects_and_classes_start_at_a_probability_of_one_percent() {
    let state = initial("yolox-nano");
    for level in 0..3 {
        for prediction in ["obj_preds", "cls_preds"] {
            let name = format!("head.{prediction}.{level}.bias");
            let tensor = state.iter().find(|tensor| tensor.name == name).expect("a bias");
            for logit in &tensor.values {
                let probability = 1.0 / (1.0 + (-logit).exp());
                assert!((probability - 0.01).abs() < 1e-6, "{name}: {probability}");
            }
        }
    }
    // Other biases as PyTorch draws them: uniform in ±1/√64, 64 inputs of a 1×1 convolution.
    let boxes = state.iter().find(|tensor| tensor.name == "head.reg_preds.0.bias").expect("a bias");
    assert!(boxes.values.iter().all(|value| value.abs() <= 0.125) && boxes.values.iter().any(|value| *value != 0.0));
}

#[test]
fn each_anchor_has_its_point_on_oblong_images() {
    let device = Default::default();
    let config = DetectorConfig::named("yolox-nano").expect("a valid name");
    let network: DetectorNetwork<SelectedBackend> = config.init(2, InputShape::new(3, 64, 96), &device).expect("valid");
    assert_eq!(network.input_channels(), 3);
    let output = match network.forward(random::normal([2, 3, 64, 96], 0.0, 1.0, &device)) {
        DetectorOutput::Yolox(output) => output,
        #[allow(unreachable_patterns, reason = "there may be one family only")]
        other => panic!("expected YOLOX's output, found {other:?}"),
    };
    // 8 · 12 + 4 · 6 + 2 · 3 = 126 cells.
    assert_eq!(output.raw.dims(), [2, 126, 7]);
    assert_eq!(output.points.len(), 126);
}

#[test]
#[should_panic(expected = "multiples of 32 pixels, found 64×80")]
fn sides_that_do_not_fit_are_refused() {
    let device = Default::default();
    let config = DetectorConfig::named("yolox-nano").expect("a valid name");
    let network: DetectorNetwork<SelectedBackend> =
        without_random_values(|| config.init(2, InputShape::rgb(64), &device)).expect("valid");
    network.forward(random::normal([1, 3, 64, 80], 0.0, 1.0, &device));
}
