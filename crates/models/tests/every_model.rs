//! Facts that hold for every registered model, so that a new one is tested by its line in the list.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use models::layers::without_random_values;
use models::summary::parameter_count;
use models::{ClassifierConfig, ClassifierNetwork, Network, summary};
use tensor_backend::state_dict::{TensorPath, tensor_infos};
use tensor_backend::{SelectedBackend, TrainingBackend};

fn uninitialised(config: &ClassifierConfig) -> ClassifierNetwork<TrainingBackend> {
    let card = config.card();
    without_random_values(|| config.init(card.classes, card.input, &Default::default())).expect("its own defaults")
}

/// The cards' counts are torchvision's `num_params` (VGG, ResNet; Inception's without its auxiliary head of 3,326,696),
/// He et al. 2015 table 6 to its digits (0.27, 0.46, 0.66, 0.85 and 1.7 million for the CIFAR ResNets),
/// kuangliu/pytorch-cifar's (11,173,962 for its ResNet-18) and 61,706 for LeNet-5 with a connected second convolution.
/// `cnn` by hand: convolutions 864 + 18,432 + 73,728, normalisations 2 · (32 + 64 + 128) = 448, dense 128 · 4 · 4 · 10
/// + 10 = 20,490; together 113,962.
#[test]
fn parameter_counts_are_those_of_the_cards() {
    for config in ClassifierConfig::all() {
        assert_eq!(parameter_count(&uninitialised(&config)), config.card().parameters, "{}", config.name());
    }
}

#[test]
fn the_head_is_the_only_thing_that_depends_on_the_classes() {
    for config in ClassifierConfig::all() {
        let (card, name) = (config.card(), config.name());
        let infos = |classes| {
            let network: ClassifierNetwork<SelectedBackend> =
                without_random_values(|| config.init(classes, card.input, &Default::default())).expect("valid");
            tensor_infos(&network)
        };
        let (seven, nine) = (infos(7), infos(9));
        let changed: Vec<&str> =
            seven.iter().zip(&nine).filter(|(a, b)| a != b).map(|(info, _)| info.name.as_str()).collect();
        let heads = config.head_prefixes();
        let expected: Vec<String> =
            heads.iter().flat_map(|head| [format!("{head}.weight"), format!("{head}.bias")]).collect();
        assert_eq!(changed, expected, "{name}");
    }
}

/// Multiply-accumulates in thousand millions, from torchvision's `Weights.meta["_ops"]`, to its three decimals.
#[test]
fn operations_are_those_that_torchvision_publishes() {
    let published = [
        ("vgg11", 7.609),
        ("vgg13", 11.308),
        ("vgg16", 15.47),
        ("vgg19", 19.632),
        ("vgg16-bn", 15.47),
        ("resnet18", 1.814),
        ("resnet34", 3.664),
        ("resnet50", 4.089),
        ("resnet101", 7.801),
        ("resnet152", 11.514),
        ("inception-v3", 5.713),
    ];
    for (name, expected) in published {
        let config = ClassifierConfig::named(name).expect("valid");
        let found = summary(&uninitialised(&config), config.card().input).flops as f64 / 2.0 / 1e9;
        assert!((found - expected).abs() < 0.0005 + 1e-9, "{name}: {found} {expected}");
    }
}

#[test]
fn a_summary_adds_up_and_ends_at_the_logits() {
    for config in ClassifierConfig::all() {
        let (card, name) = (config.card(), config.name());
        let summary = summary(&uninitialised(&config), card.input);
        assert_eq!(summary.parameters, card.parameters, "{name}");
        assert_eq!(summary.layers.iter().map(|layer| layer.parameters).sum::<usize>(), card.parameters, "{name}");
        assert_eq!((summary.trained, summary.frozen()), (Some(card.parameters), Some(0)), "{name}");
        let last = summary.layers.last().expect("layers");
        assert_eq!(last.output, [1, card.classes], "{name}");
        assert_eq!(Some(&last.path), config.head_prefixes().last(), "{name}");
    }
}

#[test]
fn every_model_for_small_images_answers_and_trains_every_parameter() {
    for config in ClassifierConfig::all().filter(|config| config.card().input.height <= SMALL_SIDE) {
        check_forward_and_gradients(&config, 2);
    }
}

/// One image each: at 224×224 pixels even that keeps batch normalisation busy with 7 · 7 pixels at the least.
#[test]
fn every_model_for_large_images_answers_and_trains_every_parameter() {
    for config in ClassifierConfig::all().filter(|config| config.card().input.height > SMALL_SIDE) {
        check_forward_and_gradients(&config, 1);
    }
}

/// Side of CIFAR's images, in pixels.
const SMALL_SIDE: usize = 32;

fn check_forward_and_gradients(config: &ClassifierConfig, batch: usize) {
    let device = Default::default();
    let (card, name) = (config.card(), config.name());
    tensor_backend::random::seed(1, 0);
    let network: ClassifierNetwork<TrainingBackend> =
        config.init(card.classes, card.input, &device).expect("its own defaults");
    let shape = [batch, card.input.channels, card.input.height, card.input.width];
    let images = tensor_backend::random::normal(shape, 0.0, 1.0, &device);
    let logits = network.forward(images);
    assert_eq!(logits.dims(), [batch, card.classes], "{name}");
    // A different weight for each logit, so that no gradient cancels by symmetry.
    let weights: Vec<f32> = (0..batch * card.classes).map(|index| (index as f32 * 0.7).sin()).collect();
    let weights = Tensor::from_data(TensorData::new(weights, [batch, card.classes]), &device);
    let gradients = (logits * weights).sum().backward();
    for (parameter, norm) in gradient_norms(&network, &gradients) {
        assert!(norm > 0.0 && norm.is_finite(), "{name}: the gradient of {parameter} has norm {norm}");
    }
}

type Gradients = <TrainingBackend as AutodiffBackend>::Gradients;

fn gradient_norms(network: &ClassifierNetwork<TrainingBackend>, gradients: &Gradients) -> Vec<(String, f32)> {
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
