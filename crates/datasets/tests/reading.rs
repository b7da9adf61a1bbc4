//! Folders as users have them, well-formed and not.

use std::fs;
use std::path::Path;

use datasets::{Dataset, DatasetError, DatasetSpec, SplitName, Splits, class_counts};
use image::{Rgb, RgbImage};

/// Writes a picture of one colour.
fn paint(path: &Path, value: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(4, 3, Rgb([value; 3])).save(path).unwrap();
}

/// `count` pictures of each class below `root`.
fn paint_classes(root: &Path, classes: &[&str], count: u8) {
    for class in classes {
        (0..count).for_each(|number| paint(&root.join(class).join(format!("{number:02}.png")), number));
    }
}

fn open(kind: &str, settings: &str, root: &Path) -> Result<Splits, DatasetError> {
    let spec: DatasetSpec = toml::from_str(&format!("kind = \"{kind}\"\n{settings}")).unwrap();
    spec.open(Some(root))
}

fn error(kind: &str, settings: &str, root: &Path) -> String {
    open(kind, settings, root).unwrap_err().to_string().replace(&root.display().to_string(), "ROOT")
}

fn sizes(splits: &Splits) -> Vec<(SplitName, usize)> {
    splits.iter().map(|(name, samples)| (name, samples.len())).collect()
}

#[test]
fn one_tree_is_cut_class_by_class() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    paint_classes(root, &["dog", "cat"], 10);
    paint(&root.join("cat/more/deep.png"), 7);
    fs::write(root.join("cat/notes.txt"), "x").unwrap();
    fs::write(root.join(".DS_Store"), "x").unwrap();
    let splits = open("image-folder", "validation_split = 0.2\ntest_split = 0.1", root).unwrap();
    assert_eq!(splits.classes.as_slice(), ["cat", "dog"]);
    assert_eq!(splits.ignored_files, 2);
    assert_eq!(sizes(&splits), [(SplitName::Train, 15), (SplitName::Validation, 4), (SplitName::Test, 2)]);
    assert_eq!(class_counts(&splits.train, &splits.classes).unwrap(), [8, 7]);
    let mut keys: Vec<String> =
        splits.iter().flat_map(|(_, samples)| (0..samples.len()).map(|index| samples.key(index))).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 21);
    assert!(keys.contains(&"cat/more/deep.png".to_owned()));
    let sample = splits.train.get(0).unwrap();
    let number: u8 = Path::new(&sample.source).file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(sample.image, RgbImage::from_pixel(4, 3, Rgb([number; 3])));
}

#[test]
fn fixed_folders_are_kept_and_missing_ones_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    paint_classes(&root.join("train"), &["a", "b"], 10);
    paint_classes(&root.join("test"), &["a", "b"], 3);
    let splits = open("image-folder", "test_split = 0.5", root).unwrap();
    assert_eq!(sizes(&splits), [(SplitName::Train, 18), (SplitName::Validation, 2), (SplitName::Test, 6)]);
    let splits = open("image-folder", "validation_split = 0.0", root).unwrap();
    assert_eq!(sizes(&splits), [(SplitName::Train, 20), (SplitName::Test, 6)]);
    paint_classes(&root.join("valid"), &["b"], 5);
    let splits = open("auto", "", root).unwrap();
    assert_eq!(sizes(&splits), [(SplitName::Train, 20), (SplitName::Validation, 5), (SplitName::Test, 6)]);
    assert_eq!(splits.validation.unwrap().annotation(0).unwrap(), 1);
}

#[test]
fn a_folder_with_test_data_alone_is_enough_to_evaluate() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    paint_classes(&root.join("test"), &["b", "a"], 3);
    for kind in ["auto", "image-folder"] {
        let splits = open(kind, "", root).unwrap();
        assert_eq!(sizes(&splits), [(SplitName::Train, 0), (SplitName::Test, 6)]);
        assert_eq!(splits.classes.as_slice(), ["a", "b"]);
        assert_eq!(splits.test.unwrap().key(0), "test/a/00.png");
    }
    // Pictures in the folder itself: `test` is a class.
    paint(&root.join("test/1.png"), 1);
    assert_eq!(open("image-folder", "", root).unwrap().classes.as_slice(), ["test"]);
}

#[test]
fn what_is_wrong_with_a_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("readme.txt"), "x").unwrap();
    assert_eq!(
        error("image-folder", "", root),
        "ROOT: no images found (1 other file ignored); expected one folder for each class, with images in it"
    );
    paint_classes(&root.join("train"), &["cat", "dog"], 4);
    fs::create_dir(root.join("train/bird")).unwrap();
    assert_eq!(
        error("image-folder", "", root),
        "ROOT/train/bird: class folder without images (it is empty); add images or remove the folder"
    );
    fs::remove_dir(root.join("train/bird")).unwrap();
    paint_classes(&root.join("test"), &["cat", "dogs"], 1);
    assert_eq!(
        error("image-folder", "", root),
        "ROOT/test/dogs/00.png: class `dogs` of the test split does not occur in training; did you mean `dog`?"
    );
    assert_eq!(error("image-folder", "", &root.join("tain")), "ROOT: no such file or folder; did you mean `train`?");
    assert_eq!(error("image-folder", "", &root.join("readme.txt")), "ROOT: expected a folder, found a file");
    fs::remove_dir_all(root.join("test")).unwrap();
    assert_eq!(
        error("image-folder", "validation_split = 0.1", root),
        "the val split is empty: validation_split = 0.1 of 8 samples in 2 classes rounds to none"
    );
    assert_eq!(
        error("image-folder", "validation_split = 1.5", root),
        "data set setting `validation_split`: found 1.5, expected a fraction from 0 to below 1"
    );
}

#[test]
fn names_hold_labels() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for class in ["old_cat", "dog"] {
        (0..10).for_each(|number| paint(&root.join(format!("{class}_{number}.png")), number));
    }
    let settings = "pattern = \"{label}_{id}.png\"\nvalidation_split = 0.3";
    let splits = open("file-name-pattern", settings, root).unwrap();
    assert_eq!(splits.classes.as_slice(), ["dog", "old_cat"]);
    assert_eq!(sizes(&splits), [(SplitName::Train, 14), (SplitName::Validation, 6)]);
    paint(&root.join("stray.png"), 0);
    assert_eq!(
        error("file-name-pattern", settings, root),
        "ROOT/stray.png: name does not fit the pattern `{label}_{id}.png` (0 more like it)"
    );
}

#[test]
fn a_text_file_named_png_fails_when_it_is_read_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    paint_classes(folder.path(), &["a"], 2);
    fs::write(folder.path().join("a/zz.png"), "not a picture").unwrap();
    let splits = open("image-folder", "validation_split = 0", folder.path()).unwrap();
    let error = splits.train.get(2).unwrap_err();
    assert!(error.is_bad_sample());
    assert!(error.to_string().contains("zz.png: not an image (starts with \"not a picture\": looks like text)"));
}

/// An IDX file of `sizes` with the values 0, 1, 2 … modulo `modulus`.
fn idx(sizes: &[u32], modulus: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    let count = sizes.iter().product::<u32>() as usize;
    bytes.extend((0..count).map(|value| (value % modulus) as u8));
    bytes
}

#[test]
fn idx_files_of_either_spelling_are_read_and_recognised() {
    for (joint, compressed) in [("-", false), (".", true)] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("inner");
        fs::create_dir(&root).unwrap();
        let write = |name: String, bytes: Vec<u8>| {
            if compressed {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                std::io::Write::write_all(&mut encoder, &bytes).unwrap();
                fs::write(root.join(name + ".gz"), encoder.finish().unwrap()).unwrap();
            } else {
                fs::write(root.join(name), bytes).unwrap();
            }
        };
        write(format!("train-images{joint}idx3-ubyte"), idx(&[20, 2, 3], 251));
        write(format!("train-labels{joint}idx1-ubyte"), idx(&[20], 10));
        let splits = open("auto", "", folder.path()).unwrap_err();
        // One label a class is left after rounding 0.1 of two.
        assert!(matches!(splits, DatasetError::EmptySplit { split: SplitName::Validation, .. }));
        let splits = open("auto", "validation_split = 0.5", folder.path()).unwrap();
        assert_eq!(sizes(&splits), [(SplitName::Train, 10), (SplitName::Validation, 10)]);
        let splits = open("mnist", "validation_split = 0", &root).unwrap();
        let sample = splits.train.get(13).unwrap();
        assert_eq!((sample.annotation, sample.source.as_str()), (3, "train-images#13"));
        // Image 13 starts at value 78; row 1, column 2 is 5 further.
        assert_eq!(sample.image.get_pixel(2, 1), &Rgb([83; 3]));
    }
}

#[test]
fn damaged_idx_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("train-images-idx3-ubyte"), idx(&[20, 2, 3], 251)).unwrap();
    assert_eq!(error("mnist", "", root), "ROOT/train-labels-idx1-ubyte: no such file or folder");
    fs::write(root.join("train-labels-idx1-ubyte"), idx(&[19], 10)).unwrap();
    assert_eq!(
        error("mnist", "", root),
        "ROOT/train-labels-idx1-ubyte: 19 labels, expected one for each of the 20 images"
    );
    fs::write(root.join("train-labels-idx1-ubyte"), idx(&[20], 12)).unwrap();
    assert_eq!(
        error("mnist", "", root),
        "ROOT/train-labels-idx1-ubyte: label 10 at position 10, expected one below 10"
    );
    fs::write(root.join("train-labels-idx1-ubyte"), [0x1f, 0x8b, 8, 0, 0]).unwrap();
    assert!(error("mnist", "", root).contains("train-labels-idx1-ubyte: damaged or truncated gzip"));
}

#[test]
fn cifar_is_read_from_a_folder_and_from_its_archive() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("cifar-10-batches-bin");
    fs::create_dir(&inner).unwrap();
    // Ten records a file: label i, red value = file, green = 100 + i, blue = 200.
    let batch = |file: u8| -> Vec<u8> {
        (0..10u8).flat_map(|i| [vec![i], vec![file; 1024], vec![100 + i; 1024], vec![200; 1024]].concat()).collect()
    };
    for file in 1..=5 {
        fs::write(inner.join(format!("data_batch_{file}.bin")), batch(file)).unwrap();
    }
    fs::write(inner.join("test_batch.bin"), batch(9)).unwrap();
    fs::write(inner.join("batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n").unwrap();
    let archive = folder.path().join("cifar-10-binary.tar.gz");
    let encoder = flate2::write::GzEncoder::new(fs::File::create(&archive).unwrap(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(encoder);
    builder.append_dir_all("cifar-10-batches-bin", &inner).unwrap();
    builder.into_inner().unwrap().finish().unwrap();

    for (kind, root) in [("cifar10", &inner), ("cifar10", &archive), ("auto", &archive), ("auto", &inner)] {
        let splits = open(kind, "validation_split = 0.2", root).unwrap();
        assert_eq!(sizes(&splits), [(SplitName::Train, 40), (SplitName::Validation, 10), (SplitName::Test, 10)]);
        assert_eq!(splits.classes.get(9), Some("j"));
        let splits = open(kind, "validation_split = 0", root).unwrap();
        let sample = splits.train.get(37).unwrap();
        assert_eq!((sample.annotation, sample.source.as_str()), (7, "data_batch_4#7"));
        assert_eq!(sample.image.get_pixel(31, 31), &Rgb([4, 107, 200]));
    }
    fs::remove_file(inner.join("data_batch_3.bin")).unwrap();
    assert_eq!(error("cifar10", "", &inner), "ROOT/data_batch_3.bin: no such file or folder");
}

#[test]
fn an_unknown_folder_says_what_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data.parquet"), "x").unwrap();
    let message = error("auto", "", folder.path());
    assert!(message.starts_with("ROOT: no data set recognised; found data.parquet; looked for IDX files"), "{message}");
    // A folder around the class folders, as archives unpack.
    paint_classes(&folder.path().join("set/train"), &["a", "b"], 10);
    fs::remove_file(folder.path().join("data.parquet")).unwrap();
    assert_eq!(open("auto", "", folder.path()).unwrap().classes.as_slice(), ["a", "b"]);
}
