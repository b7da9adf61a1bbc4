//! Facts that hold for the feature maps of every classifier, whatever its family.

use burn::module::AutodiffModule;
use burn::tensor::{Tensor, TensorData};
use models::layers::without_random_values;
use models::{Backbone, ClassifierConfig, ClassifierNetwork, ClassifierParts, InputShape, Network};
use tensor_backend::state_dict::tensor_infos;
use tensor_backend::{SelectedBackend, TrainingBackend, random};

fn bits<const D: usize>(tensor: Tensor<SelectedBackend, D>) -> Vec<u32> {
    tensor.into_data().to_vec::<f32>().expect("f32").into_iter().map(f32::to_bits).collect()
}

/// A map has the channels that its stage says, and one cell more in each direction of an image that is larger by the
/// stride; where every layer pads, it has the image's size over the stride.
#[test]
fn strides_and_channels_are_those_of_the_maps() {
    for config in ClassifierConfig::all() {
        let name = config.name();
        let channels = config.card().input.channels;
        // Only shapes matter here.
        let input = InputShape::new(channels, 96, 96);
        let network: ClassifierNetwork<SelectedBackend> =
            without_random_values(|| config.init(10, input, &Default::default())).expect("its own defaults");
        assert_eq!(network.input_channels(), channels, "{name}");
        let stages = network.stages();
        let greatest = stages.last().expect("a stage").stride;
        let maps = |side: usize| network.maps(Tensor::zeros([1, channels, side, side + greatest], &Default::default()));
        let side = config.minimum_side().next_multiple_of(greatest) + greatest;
        let (small, large) = (maps(side), maps(side + greatest));
        assert_eq!((small.len(), large.len()), (stages.len(), stages.len()), "{name}");
        for (stage, (small, large)) in stages.iter().zip(small.into_iter().zip(large)) {
            let [_, channels, height, width] = small.dims();
            assert_eq!(channels, stage.channels, "{name}: {stage:?}");
            let more = greatest / stage.stride;
            assert_eq!(width - height, more, "{name}: {stage:?}");
            assert_eq!(large.dims(), [1, channels, height + more, width + more], "{name}: {stage:?}");
            let pads = !["lenet", "inception-v3"].contains(&name);
            assert!(!pads || height == side / stage.stride, "{name}: {stage:?} of {side} pixels has {height}");
            assert!(height <= side / stage.stride, "{name}: {stage:?} of {side} pixels has {height}");
        }
        assert!(stages.windows(2).all(|pair| pair[0].stride < pair[1].stride), "{name}: {stages:?}");
    }
}

#[test]
fn parts_are_the_network_and_pass_gradients_on() {
    for config in ClassifierConfig::all() {
        random::seed(1, 0);
        let side = config.minimum_side().max(32);
        let input = InputShape::new(config.card().input.channels, side, side);
        let network: ClassifierNetwork<TrainingBackend> =
            config.init(10, input, &Default::default()).expect("its own defaults");
        random::seed(2, 0);
        let images = random::normal([2, input.channels, side, side], 0.0, 1.0, &Default::default());
        check_parts(config.name(), &network, &images);
        check_gradients(config.name(), &network, images);
    }
}

/// The head of the pooled last map is the network, bit for bit, in inference and in training.
fn check_parts(name: &str, network: &ClassifierNetwork<TrainingBackend>, images: &Tensor<TrainingBackend, 4>) {
    let (valid, inner) = (network.valid(), images.clone().inner());
    let logits = valid.forward(inner.clone());
    assert_eq!(logits.dims(), [2, 10], "{name}");
    let last = valid.maps(inner.clone()).pop().expect("a stage");
    assert_eq!(bits(last.clone()), bits(valid.last_map(inner)), "{name}");
    assert_eq!(bits(valid.head(valid.pool(last))), bits(logits), "{name}");

    random::seed(3, 0);
    let logits = network.forward(images.clone());
    random::seed(3, 0);
    let last = network.maps(images.clone()).pop().expect("a stage");
    assert_eq!(bits(network.head(network.pool(last)).inner()), bits(logits.inner()), "{name}");
}

/// What is asked of one stage moves the image: nothing on the way holds a gradient back.
fn check_gradients(name: &str, network: &ClassifierNetwork<TrainingBackend>, images: Tensor<TrainingBackend, 4>) {
    let images = images.require_grad();
    for (index, stage) in network.stages().iter().enumerate() {
        let map = (0..=index).fold(images.clone(), |map, index| network.forward_stage(index, map));
        let shape = map.dims();
        let weights = (0..shape.iter().product()).map(|index: usize| (index as f32 * 0.7).sin()).collect();
        let weights = Tensor::from_data(TensorData::new::<f32, _>(weights, shape), &Default::default());
        let gradients = (map * weights).sum().backward();
        let gradient = images.grad(&gradients).expect("the image's");
        let norm: f32 = gradient.square().sum().sqrt().into_scalar();
        assert!(norm > 0.0 && norm.is_finite(), "{name}: {stage:?}: the gradient of the image has norm {norm}");
    }
}

/// The layers that depend on the classes lie in the modules of the head, and these are modules of the network.
#[test]
fn the_head_is_made_of_modules_of_the_network() {
    for config in ClassifierConfig::all() {
        let (card, name) = (config.card(), config.name());
        let network: ClassifierNetwork<SelectedBackend> =
            without_random_values(|| config.init(10, card.input, &Default::default())).expect("its own defaults");
        let module = |path: &str| path.split('.').next().map(str::to_owned).expect("a name");
        let modules: Vec<String> = tensor_infos(&network).iter().map(|info| module(&info.name)).collect();
        let head = network.head_modules();
        assert!(!head.is_empty() && head.iter().all(|head| modules.iter().any(|module| module == head)), "{name}");
        assert!(modules.iter().any(|module| !head.contains(&module.as_str())), "{name} is more than its head");
        let depend = config.head_prefixes();
        assert!(depend.iter().all(|path| head.contains(&module(path).as_str())), "{name}: {depend:?} in {head:?}");
    }
}
