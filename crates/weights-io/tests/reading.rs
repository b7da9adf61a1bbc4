//! PyTorch's files are read as PyTorch reads them, and nothing in them is executed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use weights_io::{ContentError, DType, FileFormat, WeightTensor, WeightsError, parse, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn names(tensors: &[WeightTensor]) -> Vec<&str> {
    tensors.iter().map(|tensor| tensor.name.as_str()).collect()
}

const STATE_DICT: [&str; 6] =
    ["0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"];

fn refused(name: &str, key: Option<&str>) -> ContentError {
    match read(&fixture(name), key) {
        Err(WeightsError::Content { source, .. }) => source,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn both_forms_hold_what_pytorch_reads_from_them() {
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(fixture("expected.json")).expect("a file")).expect("JSON");
    let forms = [(".pth", FileFormat::TorchZip), (".th", FileFormat::TorchPickle)];
    for (name, tensors) in expected.as_object().expect("an object") {
        let tensors = tensors.as_object().expect("an object");
        for (ending, format) in forms {
            let file = name.replace(".pth", ending);
            let weights = read(&fixture(&file), None).expect("readable");
            assert_eq!(weights.format, format, "{file}");
            assert_eq!(weights.tensors.len(), tensors.len(), "{file}");
            for tensor in &weights.tensors {
                let expected = &tensors[&tensor.name];
                let numbers = |key: &str| -> Vec<f64> {
                    expected[key].as_array().expect("a list").iter().map(|n| n.as_f64().expect("a number")).collect()
                };
                let shape: Vec<f64> = tensor.shape.iter().map(|&side| side as f64).collect();
                assert_eq!(shape, numbers("shape"), "{file}: {}", tensor.name);
                let values: Vec<f64> = tensor.to_f32().into_iter().map(f64::from).collect();
                assert_eq!(values, numbers("values"), "{file}: {}", tensor.name);
            }
        }
    }
}

#[test]
fn types_are_those_of_the_file() {
    let weights = read(&fixture("every_kind.pth"), None).expect("readable");
    let types: BTreeMap<&str, DType> = weights.tensors.iter().map(|t| (t.name.as_str(), t.dtype)).collect();
    assert_eq!(types["float64.weight"], DType::F64);
    assert_eq!(types["bfloat16.weight"], DType::BF16);
    assert_eq!(types["float16.weight"], DType::F16);
    assert_eq!(types["bool.weight"], DType::Bool);
    assert_eq!(types["single"], DType::I64);
}

#[test]
fn the_state_dict_of_a_checkpoint_is_found_and_its_wrapper_taken_off() {
    for file in ["checkpoint.pth", "checkpoint.th"] {
        let weights = read(&fixture(file), None).expect("readable");
        assert_eq!(weights.key.as_deref(), Some("state_dict"), "{file}");
        assert_eq!(names(&weights.tensors), STATE_DICT, "{file}");
        assert_eq!(read(&fixture(file), Some("state_dict")).expect("readable"), weights, "{file}");
    }
}

#[test]
fn of_several_state_dicts_one_has_to_be_chosen() {
    for file in ["averages.pth", "averages.th"] {
        let error = refused(file, None);
        assert_eq!(error, ContentError::Ambiguous { keys: vec!["model.net".to_owned(), "ema".to_owned()] }, "{file}");
        assert!(error.to_string().contains("`model.net`, `ema`"), "{error}");
        // The only one below a key will do.
        for key in ["model", "model.net", "ema"] {
            let weights = read(&fixture(file), Some(key)).expect("readable");
            assert_eq!(names(&weights.tensors), STATE_DICT, "{file}: {key}");
        }
        let error = refused(file, Some("mode")).to_string();
        assert!(error.contains("`mode`") && error.contains("`ema`"), "{error}");
    }
}

#[test]
fn a_pickled_module_is_not_built_but_named() {
    let global = "torch.nn.modules.container.Sequential".to_owned();
    assert_eq!(refused("whole_module.pth", None), ContentError::ForbiddenGlobal { global });
}

/// `cos\nsystem\n` and a call of it: what a hostile pickle looks like.
const HOSTILE: &[u8] = b"\x80\x02cos\nsystem\nX\x09\x00\x00\x00touch /xy\x85R.";

#[test]
fn a_hostile_pickle_is_an_error_that_names_what_it_asks_for() {
    let system = ContentError::ForbiddenGlobal { global: "os.system".to_owned() };
    assert_eq!(parse(HOSTILE, None), Err(system.clone()));
    // The same where the state dict is expected, after the three pickles that precede it.
    let legacy = std::fs::read(fixture("state_dict.th")).expect("a file");
    let object = legacy.windows(2).enumerate().filter(|(_, two)| *two == [0x80, 2]).nth(3).expect("four pickles").0;
    assert_eq!(parse(&[&legacy[..object], HOSTILE].concat(), None), Err(system));
    // Names of later protocols are taken from the stack.
    let builtins = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.";
    assert_eq!(parse(builtins, None), Err(ContentError::ForbiddenGlobal { global: "builtins.eval".to_owned() }));
}

#[test]
fn a_cut_file_is_an_error_wherever_it_is_cut() {
    for file in ["checkpoint.pth", "checkpoint.th"] {
        let bytes = std::fs::read(fixture(file)).expect("a file");
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length], None).is_err(), "{file} cut to {length} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn a_changed_value_in_an_archive_is_noticed() {
    let mut bytes = std::fs::read(fixture("state_dict.pth")).expect("a file");
    let weights = parse(&bytes, None).expect("readable");
    let value = &weights.tensors[0].bytes;
    let position = bytes.windows(value.len()).position(|window| window == value).expect("stored as it is");
    bytes[position] ^= 1;
    let error = parse(&bytes, None).expect_err("another value").to_string();
    assert!(error.contains("data/0"), "{error}");
}

#[test]
fn a_tensor_larger_than_its_file_is_refused() {
    // One value, expanded to a thousand million: strides 0, as `expand` makes them.
    let weights = read(&fixture("state_dict.th"), None).expect("readable");
    assert_eq!(names(&weights.tensors)[0], "0.weight");
    let bytes = std::fs::read(fixture("state_dict.th")).expect("a file");
    // Its size (2, 1, 1, 1) and stride (1, 1, 1, 1) follow one another as BININT1 instructions.
    let shape = b"(K\x02K\x01K\x01K\x01t";
    let start = bytes.windows(shape.len()).position(|window| window == shape).expect("the shape");
    let stride = b"(K\x01K\x01K\x01K\x01t";
    let offset = bytes[start..].windows(stride.len()).position(|window| window == stride).expect("the strides");
    let between = &bytes[start + shape.len()..start + offset];
    let large = b"(J\x00\xCA\x9A\x3BK\x01K\x01K\x01t";
    let still = b"(K\x00K\x00K\x00K\x00t";
    let changed = [&bytes[..start], large, between, still, &bytes[start + offset + stride.len()..]].concat();
    match parse(&changed, None) {
        Err(ContentError::TooLarge { found, .. }) => assert_eq!(found, 4_000_000_000),
        other => panic!("{other:?}"),
    }
}

#[test]
fn other_files_are_told_from_weights() {
    for bytes in [&b""[..], b"hello", &[0xFF; 40], b"\x89PNG\r\n\x1a\n"] {
        assert_eq!(parse(bytes, None), Err(ContentError::UnknownFormat));
    }
}
