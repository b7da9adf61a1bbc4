//! What is written is read back as it was.

use std::collections::BTreeMap;
use std::path::Path;

use weights_io::{DType, FileFormat, WeightTensor, read, write_safetensors, write_torch};

fn tensors() -> Vec<WeightTensor> {
    let every_kind = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/every_kind.pth");
    read(&every_kind, None).expect("readable").tensors
}

fn sorted(mut tensors: Vec<WeightTensor>) -> Vec<WeightTensor> {
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    tensors
}

#[test]
fn every_type_comes_back_from_both_formats_and_bytes_repeat() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let metadata = BTreeMap::from([("okulo".to_owned(), "{\"classes\": [\"Katze\", \"Žába\"]}".to_owned())]);
    type Write = fn(&Path, &[WeightTensor], &BTreeMap<String, String>) -> Result<(), weights_io::WeightsError>;
    let writers: [(&str, Write, FileFormat); 2] =
        [("a.pth", write_torch, FileFormat::TorchZip), ("a.safetensors", write_safetensors, FileFormat::Safetensors)];
    for (name, write, format) in writers {
        let path = folder.path().join(name);
        write(&path, &tensors(), &metadata).expect("written");
        let back = read(&path, None).expect("readable");
        assert_eq!((back.format, &back.metadata), (format, &metadata));
        assert_eq!(weights_io::read_metadata(&path).expect("readable"), metadata);
        assert_eq!(sorted(back.tensors), sorted(tensors()), "{name}");
        let first = std::fs::read(&path).expect("a file");
        write(&path, &tensors(), &metadata).expect("written");
        assert_eq!(std::fs::read(&path).expect("a file"), first, "{name}");
    }
}

#[test]
fn pytorch_files_keep_the_order_and_lie_at_multiples_of_64_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.pth");
    let given = vec![
        WeightTensor::from_f32("b.weight", &[2, 1], &[1.5, -0.0]),
        WeightTensor::from_f32("a.bias", &[1], &[3.25]),
        WeightTensor::scalar_i64("b.num_batches_tracked", 12),
    ];
    write_torch(&path, &given, &BTreeMap::new()).expect("written");
    assert_eq!(read(&path, None).expect("readable").tensors, given);
    let bytes = std::fs::read(&path).expect("a file");
    let position = bytes.windows(4).position(|window| window == 3.25f32.to_le_bytes()).expect("stored as it is");
    assert_eq!(position % 64, 0);
}

#[test]
fn types_that_pytorch_cannot_store_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tensor = WeightTensor { name: "n".to_owned(), shape: vec![1], dtype: DType::U32, bytes: vec![0; 4] };
    let error = write_torch(&folder.path().join("a.pth"), &[tensor], &BTreeMap::new()).expect_err("no such storage");
    assert!(error.to_string().contains("U32"), "{error}");
}
