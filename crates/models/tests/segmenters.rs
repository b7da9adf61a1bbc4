//! Facts that hold for every segmentation network.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use models::layers::without_random_values;
use models::{InputShape, Network, SegmenterConfig, SegmenterNetwork, summary};
use tensor_backend::state_dict::{TensorPath, tensor_infos};
use tensor_backend::{SelectedBackend, TrainingBackend, random};

fn uninitialised(config: &SegmenterConfig, classes: usize, input: InputShape) -> SegmenterNetwork<TrainingBackend> {
    without_random_values(|| config.init(classes, input, &Default::default())).expect("valid")
}

#[test]
fn the_head_is_the_only_thing_that_depends_on_the_classes() {
    for config in SegmenterConfig::all() {
        let name = config.name();
        let infos = |classes| tensor_infos(&uninitialised(&config, classes, InputShape::rgb(64)));
        let (seven, nine) = (infos(7), infos(9));
        let changed: Vec<&str> =
            seven.iter().zip(&nine).filter(|(a, b)| a != b).map(|(info, _)| info.name.as_str()).collect();
        let heads = config.head_prefixes();
        for tensor in &changed {
            assert!(heads.iter().any(|head| tensor.starts_with(&format!("{head}."))), "{name}: {tensor}");
        }
        for head in heads {
            assert!(changed.contains(&format!("{head}.weight").as_str()), "{name}: {head}");
        }
    }
}

#[test]
fn a_summary_adds_up_and_ends_at_the_logits() {
    for config in SegmenterConfig::all() {
        let (card, name) = (config.card(), config.name());
        let network = uninitialised(&config, card.classes, card.input);
        assert_eq!(network.input_channels(), card.input.channels, "{name}");
        let summary = summary(&network, card.input);
        assert_eq!(summary.parameters, card.parameters, "{name}");
        assert_eq!(summary.layers.iter().map(|layer| layer.parameters).sum::<usize>(), card.parameters, "{name}");
        assert_eq!(summary.layers.last().expect("layers").output[1], card.classes, "{name}");
    }
}

/// Width 2, depth 1, 8×8 pixels of one channel, two logits.
#[test]
fn operations_of_a_tiny_unet_by_hand() {
    let config: SegmenterConfig =
        serde_json::from_str(r#"{"name": "unet", "width": 2, "depth": 1, "batch_norm": false}"#).expect("well-formed");
    let input = InputShape::grey(8);
    let found = summary(&uninitialised(&config, 2, input), input).flops / 2;
    // 3×3 convolutions of 1·2, 2·2 channels on 64 pixels, of 2·4, 4·4 on 16; up 4·2·4 on 16; 4·2, 2·2 on 64; head 2·2.
    let expected = 9 * (2 + 4) * 64 + 9 * (8 + 16) * 16 + 32 * 16 + 9 * (8 + 4) * 64 + 4 * 64;
    assert_eq!(found, expected);
}

#[test]
fn any_size_and_any_channels_give_logits_of_that_size() {
    let device = Default::default();
    for (name, channels, sizes) in [
        ("unet", 5, &[[1, 1], [17, 40], [16, 16]][..]),
        ("unet-resnet18", 2, &[[1, 1], [33, 40]][..]),
        ("fcn-resnet50", 1, &[[1, 1], [37, 20]][..]),
        ("fcn32s", 1, &[[20, 33]][..]),
        ("fcn8s", 4, &[[33, 7]][..]),
    ] {
        let config = SegmenterConfig::named(name).expect("a valid name");
        let network: SegmenterNetwork<SelectedBackend> =
            without_random_values(|| config.init(3, InputShape::new(channels, 1, 1), &device)).expect("valid");
        assert_eq!(network.input_channels(), channels);
        for &[height, width] in sizes {
            let output = network.forward(random::normal([2, channels, height, width], 0.0, 1.0, &device));
            assert_eq!(output.logits.dims(), [2, 3, height, width], "{name}");
            assert!(output.auxiliary.is_none(), "{name}");
        }
    }
}

#[test]
fn a_padded_image_is_an_image_with_a_repeated_border() {
    let device = Default::default();
    random::seed(4, 0);
    let config = SegmenterConfig::named("unet").expect("a valid name");
    let network: SegmenterNetwork<SelectedBackend> = config.init(2, InputShape::grey(16), &device).expect("valid");
    let image: Tensor<SelectedBackend, 4> = random::normal([1, 1, 15, 16], 0.0, 1.0, &device);
    let last = image.clone().slice([0..1, 0..1, 14..15, 0..16]);
    let enlarged = network.forward(Tensor::cat(vec![image.clone(), last], 2)).logits;
    let expected = enlarged.slice([0..1, 0..2, 0..15, 0..16]).into_data();
    assert_eq!(network.forward(image).logits.into_data(), expected);
}

#[test]
fn every_network_trains_every_parameter() {
    for (name, side) in
        [("unet", 32), ("unet-resnet18", 64), ("fcn32s", 32), ("fcn16s", 32), ("fcn8s", 32), ("fcn-resnet50", 48)]
    {
        let device = Default::default();
        random::seed(1, 0);
        let mut config = SegmenterConfig::named(name).expect("a valid name");
        if let SegmenterConfig::FcnResNet(config) = &mut config {
            config.options.auxiliary = true;
        }
        let network: SegmenterNetwork<TrainingBackend> = config.init(3, InputShape::rgb(side), &device).expect("valid");
        let images = random::normal([2, 3, side, side], 0.0, 1.0, &device);
        let output = network.forward(images);
        assert_eq!(output.logits.dims(), [2, 3, side, side], "{name}");
        assert_eq!(output.auxiliary.is_some(), name == "fcn-resnet50");
        let mut total = Tensor::zeros([1], &device);
        for logits in std::iter::once(output.logits).chain(output.auxiliary) {
            let weights = random::normal(logits.dims(), 0.0, 1.0, &device);
            total = total + (logits * weights).sum();
        }
        for (parameter, norm) in gradient_norms(&network, &total.backward()) {
            assert!(norm > 0.0 && norm.is_finite(), "{name}: the gradient of {parameter} has norm {norm}");
        }
    }
}

type Gradients = <TrainingBackend as AutodiffBackend>::Gradients;

fn gradient_norms(network: &SegmenterNetwork<TrainingBackend>, gradients: &Gradients) -> Vec<(String, f32)> {
    struct Reader<'a> {
        path: TensorPath,
        gradients: &'a Gradients,
        norms: Vec<(String, f32)>,
    }
    impl ModuleVisitor<TrainingBackend> for Reader<'_> {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            self.path.enter(name, container_type);
        }
        fn exit_module(&mut self, _name: &str, container_type: &str) {
            self.path.exit(container_type);
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<TrainingBackend, D>>) {
            if param.is_require_grad() {
                let gradient = param.val().grad(self.gradients);
                let norm = gradient.map_or(0.0, |gradient| gradient.square().sum().sqrt().into_scalar());
                self.norms.push((self.path.name(), norm));
            }
        }
    }
    let mut reader = Reader { path: TensorPath::default(), gradients, norms: Vec::new() };
    network.visit(&mut reader);
    reader.norms
}
