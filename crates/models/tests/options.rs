//! Configs by name: options, and what is said about wrong ones.

use models::family::{Family, Request};
use models::layers::without_random_values;
use models::summary::parameter_count;
use models::{
    ClassifierConfig, ClassifierNetwork, DetectorConfig, FamilyConfig, InputShape, ModelError, SegmenterConfig,
    SegmenterNetwork, task_of,
};
use tensor_backend::SelectedBackend;
use tensor_backend::state_dict::tensor_infos;

fn config(json: &str) -> ClassifierConfig {
    serde_json::from_str(json).expect("a valid config")
}

fn unreadable<C: serde::de::DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
    serde_json::from_str::<C>(json).expect_err("something is wrong").to_string()
}

fn refusal(json: &str, classes: usize, input: InputShape) -> String {
    config(json).check(classes, input).expect_err("something is wrong").to_string()
}

#[test]
fn the_image_folder_network_of_keras_tutorials() {
    let config = config(r#"{"name": "cnn", "batch_norm": false, "padding": 0, "dense": [1024], "dropout": 0.5}"#);
    let network: ClassifierNetwork<SelectedBackend> =
        without_random_values(|| config.init(2, InputShape::rgb(150), &Default::default())).expect("valid");
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
    assert_eq!(config.head_prefixes(), ["classifier.3"]);
}

#[test]
fn a_config_is_written_as_it_was_read() {
    for json in [r#"{"name":"resnet20"}"#, r#"{"name":"cnn","widths":[8,16],"head":"global-average","dropout":0.25}"#] {
        assert_eq!(serde_json::to_string(&config(json)).expect("JSON"), json);
    }
}

#[test]
fn unknown_names_and_options_are_named() {
    let error = unreadable::<ClassifierConfig>(r#"{"name": "resnet-18"}"#);
    assert!(error.contains("no model called `resnet-18`; did you mean `resnet18`"), "{error}");
    let options =
        "its options are `widths`, `convolutions`, `kernel`, `padding`, `batch_norm`, `head`, `dense`, `dropout`";
    for (json, expected) in [
        (
            r#"{"name": "cnn", "width": [8]}"#,
            format!("the model `cnn` has no option `width`; {options}; did you mean `widths`?"),
        ),
        (
            r#"{"width": [8], "name": "cnn"}"#,
            format!("the model `cnn` has no option `width`; {options}; did you mean `widths`?"),
        ),
        (r#"{"name": "cnn", "zzz": 1}"#, format!("the model `cnn` has no option `zzz`; {options} at")),
        (
            r#"{"name": "resnet20", "dropout": 0.1}"#,
            "the model `resnet20` has no option `dropout`; it has no options".to_owned(),
        ),
        (
            r#"{"name": "vgg16-bn-cifar", "dropout": 0.1}"#,
            "the model `vgg16-bn-cifar` has no option `dropout`; it has no options".to_owned(),
        ),
        (
            r#"{"name": "vgg16", "widths": [8]}"#,
            "the model `vgg16` has no option `widths`; its options are `dropout`".to_owned(),
        ),
        (r#"{"name": "cnn", "name": "lenet"}"#, format!("the model `cnn` has no option `name`; {options}")),
        (r#"{"widths": [8]}"#, "missing field `name`".to_owned()),
        (r#"["cnn"]"#, "expected a table with the name of a model and its options".to_owned()),
        (r#"{"name": 3}"#, "expected the name of a model".to_owned()),
    ] {
        let error = unreadable::<ClassifierConfig>(json);
        assert!(error.contains(&expected), "{json}: {error}");
    }
    let error = unreadable::<SegmenterConfig>(r#"{"name": "unet", "dropout": 0.5}"#);
    assert!(error.starts_with("the model `unet` has no option `dropout`; its options are `width`, `depth`"), "{error}");
    let error = unreadable::<SegmenterConfig>(r#"{"name": "fcn8s", "width": 16}"#);
    assert!(error.starts_with("the model `fcn8s` has no option `width`"), "{error}");
    let error = unreadable::<SegmenterConfig>(r#"{"name": "fcn-resnet50", "batch_norm": false}"#);
    assert!(error.starts_with("the model `fcn-resnet50` has no option `batch_norm`"), "{error}");
    let error = unreadable::<DetectorConfig>(r#"{"name": "yolox-s", "dropout": 0.5}"#);
    assert!(error.starts_with("the model `yolox-s` has no option `dropout`; it has no options"), "{error}");
}

/// Where in a file a value or key is wrong is told where the name comes first, and the option is named in any case.
#[test]
fn a_wrong_type_names_its_option_or_its_place() {
    let error = unreadable::<ClassifierConfig>("{\"name\": \"cnn\",\n\"kernel\": \"three\"}");
    assert_eq!(error, "invalid type: string \"three\", expected usize at line 2 column 17");
    let error = unreadable::<ClassifierConfig>("{\"kernel\": \"three\", \"name\": \"cnn\"}");
    let expected = "option `kernel` of the model `cnn`: invalid type: string \"three\", expected usize";
    assert!(error.starts_with(expected), "{error}");
    let error = unreadable::<ClassifierConfig>("{\"name\": \"cnn\",\n\"kernels\": 3}");
    assert!(error.ends_with("did you mean `kernel`? at line 2 column 9"), "{error}");
}

#[test]
fn options_are_the_same_before_and_after_the_name() {
    let expected =
        config(r#"{"name": "cnn", "widths": [8, 16], "padding": 0, "head": "global-average", "dropout": 0.25}"#);
    let before = r#"{"dropout": 0.25, "head": "global-average", "padding": 0, "widths": [8, 16], "name": "cnn"}"#;
    let between = r#"{"dropout": 0.25, "widths": [8, 16], "name": "cnn", "head": "global-average", "padding": 0}"#;
    assert_eq!(config(before), expected);
    assert_eq!(config(between), expected);
    assert_ne!(config(r#"{"name": "cnn"}"#), expected);
}

#[test]
fn written_are_the_options_that_are_not_defaults() {
    for (json, expected) in [
        (r#"{"name": "vgg16", "dropout": 0.5}"#, r#"{"name":"vgg16"}"#),
        (r#"{"name": "cnn", "padding": 1, "kernel": 3}"#, r#"{"name":"cnn","padding":1}"#),
    ] {
        assert_eq!(serde_json::to_string(&config(json)).expect("JSON"), expected);
    }
    // Every network is read back as it is written, and has the options that it says.
    for model in ClassifierConfig::all() {
        let text = serde_json::to_string(&model).expect("JSON");
        assert_eq!(text, format!(r#"{{"name":"{}"}}"#, model.name()));
        assert_eq!(config(&text), model);
        for (option, value) in model.options().into_iter().filter(|(_, value)| !value.is_null()) {
            let text = serde_json::json!({"name": model.name(), option: value}).to_string();
            assert_eq!(config(&text), model, "{text}");
        }
    }
}

#[test]
fn every_name_is_there_once_and_belongs_to_one_task() {
    let lists = [
        (ClassifierConfig::TASK, ClassifierConfig::names()),
        (DetectorConfig::TASK, DetectorConfig::names()),
        (SegmenterConfig::TASK, SegmenterConfig::names()),
    ];
    let mut seen = std::collections::HashSet::new();
    for (task, cards) in lists {
        for card in cards {
            assert!(seen.insert(card.name), "{} is there twice", card.name);
            assert_eq!(task_of(card.name), Some(task), "{}", card.name);
            assert!(card.parameters > 0 && card.classes > 0 && !card.description.is_empty(), "{}", card.name);
        }
    }
    assert_eq!(task_of("resnet19"), None);
    assert!(ClassifierConfig::all().all(|model| ClassifierConfig::named(model.name()) == Ok(model.clone())));
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest() {
    let nearest = |name: &str| match ClassifierConfig::named(name) {
        Err(ModelError::UnknownName { nearest, .. }) => nearest,
        other => panic!("{other:?}"),
    };
    assert_eq!(nearest("resnet_18")[0], "resnet18");
    assert_eq!(nearest("VGG16_bn")[0], "vgg16-bn");
    assert_eq!(nearest("resnet19").len(), 3);
    assert_eq!(nearest("zzz"), [""; 0]);
    let message = ClassifierConfig::named("lennet").expect_err("no such name").to_string();
    assert_eq!(message, "there is no model called `lennet`; did you mean `lenet`?");
    let message = DetectorConfig::named("yolox_n").expect_err("no such name").to_string();
    assert!(message.contains("`yolox-nano`"), "{message}");
    let message = SegmenterConfig::named("u-net2").expect_err("no such name").to_string();
    assert!(message.contains("`unet`"), "{message}");
}

#[test]
fn a_name_of_another_task_is_told_so() {
    let message = ClassifierConfig::named("yolox-nano").expect_err("a detector").to_string();
    assert_eq!(message, "`yolox-nano` is a model for detection, expected one for classification");
    let message = SegmenterConfig::named("resnet18").expect_err("a classifier").to_string();
    assert_eq!(message, "`resnet18` is a model for classification, expected one for segmentation");
    let message = unreadable::<DetectorConfig>(r#"{"name": "resnet18"}"#);
    assert!(message.starts_with("`resnet18` is a model for classification, expected one for detection"), "{message}");
}

#[test]
fn sides_of_a_detector_are_multiples_of_the_largest_stride() {
    let config = DetectorConfig::named("yolox-tiny").expect("a valid name");
    assert_eq!(config.check(3, InputShape::new(3, 320, 416)), Ok(()));
    let message = config.check(3, InputShape::new(3, 320, 400)).expect_err("400 = 12.5 · 32").to_string();
    let expected = "images of 320×400 pixels do not suit the model `yolox-tiny`: height and width must be multiples \
                    of 32 pixels, such as 320×416";
    assert_eq!(message, expected);
    assert!(config.check(3, InputShape::rgb(0)).is_err());
    assert!(config.check(0, InputShape::rgb(416)).is_err());
    assert!(config.check(1, InputShape::new(0, 416, 416)).is_err());
}

#[test]
fn sizes_and_classes_of_a_segmenter_are_checked() {
    let config = SegmenterConfig::named("unet").expect("a valid name");
    assert_eq!(config.check(1, InputShape::new(1, 1, 1)), Ok(()));
    assert!(matches!(config.check(0, InputShape::rgb(64)), Err(ModelError::TooFewClasses { .. })));
    assert!(matches!(config.check(1, InputShape::new(0, 8, 8)), Err(ModelError::NoChannels { .. })));
    assert!(matches!(config.check(1, InputShape::new(3, 0, 8)), Err(ModelError::InputTooSmall { .. })));
    assert_eq!(config.size_step(), 16);
    assert_eq!(segmenter(r#"{"name": "unet", "depth": 2}"#).size_step(), 4);
}

fn segmenter(json: &str) -> SegmenterConfig {
    serde_json::from_str(json).expect("a valid config")
}

#[test]
fn options_of_a_segmenter_have_ranges() {
    let input = InputShape::rgb(64);
    for (json, expected) in [
        (r#"{"name": "unet", "width": 0}"#, "option `width` of the model `unet` is 0, expected at least 1"),
        (
            r#"{"name": "unet", "depth": 9}"#,
            "option `depth` of the model `unet` is 9, expected at least 1 and at most 8",
        ),
        (r#"{"name": "fcn32s", "dropout": 1.0}"#, "option `dropout` of the model `fcn32s` is 1"),
    ] {
        let error = segmenter(json).check(2, input).expect_err(json).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(segmenter(r#"{"name": "unet", "batch_norm": false, "depth": 3}"#).check(1, input), Ok(()));
    assert_eq!(segmenter(r#"{"name": "fcn-resnet50", "auxiliary": true}"#).check(1, input), Ok(()));
}

/// No number ends in a panic, an endless loop or an exhausted memory.
#[test]
fn absurd_numbers_are_refused_in_words() {
    let rgb = InputShape::rgb(32);
    for (json, expected) in [
        (
            r#"{"name": "cnn", "widths": [100000000]}"#,
            "option `widths` of the model `cnn` is [100000000], expected from 1 to 16 numbers, each of at least 1 and \
             at most 16384 channels",
        ),
        (
            r#"{"name": "cnn", "widths": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}"#,
            "option `widths` of the model `cnn` is [1, 1",
        ),
        (
            r#"{"name": "cnn", "kernel": 100000000}"#,
            "option `kernel` of the model `cnn` is 100000000, expected at least 1",
        ),
        (
            r#"{"name": "cnn", "convolutions": 18446744073709551615}"#,
            "option `convolutions` of the model `cnn` is 1844",
        ),
        (
            r#"{"name": "cnn", "padding": 18446744073709551615}"#,
            "option `padding` of the model `cnn` is 184467440737095516",
        ),
        (
            r#"{"name": "cnn", "dense": [18446744073709551615]}"#,
            "option `dense` of the model `cnn` is [18446744073709551615]",
        ),
        (
            r#"{"name": "lenet", "padding": 18446744073709551615}"#,
            "option `padding` of the model `lenet` is 1844674407370955",
        ),
        // Each is in its range, together they are not: 16,384 · (3 · 9 + 2) + 15 · 16,384 · (16,384 · 9 + 2), and
        // 10 · (16 · 16 · 16,384 + 1) of the last layer.
        (
            r#"{"name": "cnn", "widths": [16384], "convolutions": 16}"#,
            "the model `cnn` would have 36281696266 parameters with these options and images, expected at most \
             2000000000",
        ),
    ] {
        let message = refusal(json, 10, rgb);
        assert!(message.starts_with(expected), "{message}");
    }
    for (json, expected) in [
        (
            r#"{"name": "unet", "width": 100000000}"#,
            "option `width` of the model `unet` is 100000000, expected at least 1",
        ),
        (
            r#"{"name": "unet", "depth": 18446744073709551615}"#,
            "option `depth` of the model `unet` is 18446744073709551615",
        ),
        (r#"{"name": "unet", "width": 4096, "depth": 8}"#, "the model `unet` would have "),
    ] {
        let message = segmenter(json).check(2, rgb).expect_err(json).to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    let of = |name: &str, classes, input| {
        ClassifierConfig::named(name).expect("valid").check(classes, input).expect_err("absurd").to_string()
    };
    assert!(of("resnet18", 1_000_001, rgb).ends_with("asked for 1000001 classes, expected at most 1000000"));
    assert!(of("resnet18", 10, InputShape::new(100_000_000, 32, 32)).contains("images of 100000000 channels"));
    let message = of("resnet18", 10, InputShape::rgb(100_000_000));
    assert_eq!(
        message,
        "images of 100000000×100000000 pixels are too large for the model `resnet18`: height and width may be 65536 \
         pixels at most"
    );
    // 16 · 16,381² · 120 and more.
    assert!(of("lenet", 10, InputShape::grey(1 << 16)).starts_with("the model `lenet` would have 5"));
    let message = segmenter(r#"{"name": "fcn8s"}"#).check(256, rgb).expect_err("a mask has a byte").to_string();
    assert!(message.ends_with("asked for 256 classes, expected at most 255"), "{message}");
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

/// What is refused for its size is counted right.
#[test]
fn parameters_by_options_are_those_of_the_network() {
    fn counted<F: Family>(config: &FamilyConfig<F>, classes: usize, input: InputShape) -> Option<u128> {
        let request = Request { model: config.card().name, variant: config.variant(), classes, input };
        config.options.parameters(&request)
    }
    let device = Default::default();
    for json in [
        r#"{"name": "lenet"}"#,
        r#"{"name": "lenet", "padding": 3}"#,
        r#"{"name": "cnn"}"#,
        r#"{"name": "cnn", "batch_norm": false, "padding": 0, "dense": [30, 20], "convolutions": 2, "widths": [4, 6]}"#,
        r#"{"name": "cnn", "kernel": 5, "head": "global-average", "dense": [7]}"#,
    ] {
        let (config, input) = (config(json), InputShape::new(2, 40, 33));
        let count = match &config {
            ClassifierConfig::LeNet(config) => counted(config, 5, input),
            ClassifierConfig::Cnn(config) => counted(config, 5, input),
            other => panic!("{other:?} has one size"),
        };
        let network: ClassifierNetwork<SelectedBackend> =
            without_random_values(|| config.init(5, input, &device)).expect("valid");
        assert_eq!(count, Some(parameter_count(&network) as u128), "{json}");
    }
    for json in [
        r#"{"name": "unet"}"#,
        r#"{"name": "unet", "width": 6, "depth": 2, "batch_norm": false, "upsampling": "bilinear"}"#,
        r#"{"name": "unet", "width": 5, "depth": 1, "batch_norm": false}"#,
    ] {
        let (config, input) = (segmenter(json), InputShape::new(2, 40, 33));
        let SegmenterConfig::UNet(unet) = &config else { panic!("a U-Net") };
        let network: SegmenterNetwork<SelectedBackend> =
            without_random_values(|| config.init(5, input, &device)).expect("valid");
        assert_eq!(counted(unet, 5, input), Some(parameter_count(&network) as u128), "{json}");
    }
}
