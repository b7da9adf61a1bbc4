//! Configs by name: options, and what is said about wrong ones.

use models::{Classifier, ClassifierConfig, InputShape, ModelError};
use tensor_backend::SelectedBackend;
use tensor_backend::state_dict::tensor_infos;

fn config(json: &str) -> ClassifierConfig {
    serde_json::from_str(json).expect("a valid config")
}

fn refusal(json: &str, classes: usize, input: InputShape) -> String {
    config(json).check(classes, input).expect_err("something is wrong").to_string()
}

#[test]
fn the_image_folder_network_of_keras_tutorials() {
    let config = config(r#"{"name": "cnn", "batch_norm": false, "padding": 0, "dense": [1024], "dropout": 0.5}"#);
    let network: Classifier<SelectedBackend> =
        models::layers::without_random_values(|| config.init(2, InputShape::rgb(150), &Default::default()))
            .expect("valid");
    // 150 → 148 → 74 → 72 → 36 → 34 → 17 pixels: Flatten gives 17 · 17 · 128 = 36,992 features, as Keras prints.
    let found: Vec<(String, Vec<usize>)> =
        tensor_infos(&network).into_iter().map(|info| (info.name, info.shape)).filter(|(_, s)| s.len() > 1).collect();
    let expected = [
        ("features.0.weight", vec![32, 3, 3, 3]),
        ("features.3.weight", vec![64, 32, 3, 3]),
        ("features.6.weight", vec![128, 64, 3, 3]),
        ("classifier.0.weight", vec![1024, 36_992]),
        ("classifier.3.weight", vec![2, 1024]),
    ];
    assert_eq!(found, expected.map(|(name, shape)| (name.to_owned(), shape)));
    assert_eq!(config.head_prefix(), "classifier.3");
}

#[test]
fn a_config_is_written_as_it_was_read() {
    for json in [r#"{"name":"resnet20"}"#, r#"{"name":"cnn","widths":[8,16],"head":"global-average","dropout":0.25}"#] {
        assert_eq!(serde_json::to_string(&config(json)).expect("JSON"), json);
    }
}

#[test]
fn unknown_names_and_options_are_named() {
    let error = serde_json::from_str::<ClassifierConfig>(r#"{"name": "resnet-18"}"#).expect_err("no such name");
    assert!(error.to_string().contains("no model called `resnet-18`; did you mean `resnet18`"), "{error}");
    let error = serde_json::from_str::<ClassifierConfig>(r#"{"name": "cnn", "width": [8]}"#).expect_err("no such key");
    assert!(error.to_string().contains("unknown field `width`"), "{error}");
    assert_eq!(
        refusal(r#"{"name": "resnet20", "dropout": 0.1}"#, 10, InputShape::rgb(32)),
        "the model `resnet20` has no option `dropout`; it has no options"
    );
    assert_eq!(
        refusal(r#"{"name": "vgg16", "widths": [8]}"#, 10, InputShape::rgb(224)),
        "the model `vgg16` has no option `widths`; its options are `dropout`"
    );
}

#[test]
fn impossible_values_are_refused() {
    let rgb = InputShape::rgb(32);
    for (json, expected) in [
        (r#"{"name": "cnn", "widths": []}"#, "option `widths` of the model `cnn` is []"),
        (r#"{"name": "cnn", "widths": [8, 0]}"#, "option `widths` of the model `cnn` is [8, 0]"),
        (r#"{"name": "cnn", "dense": [0]}"#, "option `dense` of the model `cnn` is [0]"),
        (r#"{"name": "cnn", "kernel": 0}"#, "option `kernel` of the model `cnn` is 0, expected at least 1"),
        (r#"{"name": "vgg11", "dropout": 1.0}"#, "option `dropout` of the model `vgg11` is 1"),
        (r#"{"name": "vgg11", "dropout": -0.5}"#, "option `dropout` of the model `vgg11` is -0.5"),
    ] {
        let message = refusal(json, 10, rgb);
        assert!(message.starts_with(expected), "{message}");
    }
    assert_eq!(refusal(r#"{"name": "cnn"}"#, 0, rgb), "the model `cnn` was asked for 0 classes, expected at least 1");
    assert!(refusal(r#"{"name": "cnn"}"#, 2, InputShape::new(0, 32, 32)).contains("images of 0 channels"));
}

#[test]
fn too_small_an_image_is_refused_and_the_least_one_is_not() {
    // LeNet: 16 → 12 → 6 → 2 → 1; 15 → 11 → 5 → 1 → 0. With padding 2 the image may be 4 smaller.
    // cnn: three halvings need 8. The Keras form without padding: 22 → 20 → 10 → 8 → 4 → 2 → 1.
    for (json, minimum) in [
        (r#"{"name": "lenet"}"#, 16),
        (r#"{"name": "lenet", "padding": 2}"#, 12),
        (r#"{"name": "cnn"}"#, 8),
        (r#"{"name": "cnn", "padding": 0}"#, 22),
        (r#"{"name": "vgg16-bn"}"#, 32),
        (r#"{"name": "vgg16-bn-cifar"}"#, 32),
        (r#"{"name": "inception-v3"}"#, 75),
        (r#"{"name": "resnet18"}"#, 1),
        (r#"{"name": "resnet20"}"#, 1),
    ] {
        let config = config(json);
        assert_eq!(config.minimum_side(), minimum, "{json}");
        assert_eq!(config.check(10, InputShape::rgb(minimum)), Ok(()), "{json}");
        if minimum > 1 {
            let small = InputShape::new(3, minimum, minimum - 1);
            let error = config.check(10, small).expect_err("too small");
            assert!(
                matches!(error, ModelError::InputTooSmall { found, minimum: m, .. } if found == small && m == minimum)
            );
        }
    }
    assert_eq!(
        refusal(r#"{"name": "vgg16"}"#, 10, InputShape::rgb(28)),
        "images of 28×28 pixels are too small for the model `vgg16`: it needs at least 32×32 (4 more in height, 4 more \
         in width). Enlarge them, or choose a model for smaller images"
    );
}
