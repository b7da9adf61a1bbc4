//! Published data sets, read from the folder that `OKULO_TEST_DATA` names; skipped where it is not set.

mod published;

use datasets::stats::image_stats;
use datasets::{ClassificationSamples, Dataset, DatasetSpec, class_counts};
use pictures::image_file;

use published::test_data;

fn open(settings: &str, path: &std::path::Path) -> datasets::Splits {
    toml::from_str::<DatasetSpec>(settings).unwrap().open(Some(path)).unwrap()
}

#[test]
fn mnist_has_its_published_counts_mean_and_deviation() {
    let Some(path) = test_data("mnist") else { return };
    let splits = open("kind = \"auto\"\nvalidation_split = 0", &path);
    let train = class_counts(&splits.train, &splits.classes).unwrap();
    assert_eq!(train, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    let test: ClassificationSamples = splits.test.unwrap();
    let counts = class_counts(&test, &splits.classes).unwrap();
    assert_eq!(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    // The constants of every PyTorch example.
    let stats = image_stats(&splits.train, usize::MAX).unwrap();
    assert!((stats.mean[0] - 0.1307).abs() < 5e-5 && (stats.std[0] - 0.3081).abs() < 5e-5, "{stats:?}");
}

#[test]
fn cifar10_as_jpeg_folders_is_whole() {
    // Unpacked from cifar10-jpg.tar.gz.
    let Some(path) = test_data("cifar10-jpg") else { return };
    let splits = open("kind = \"auto\"\nvalidation_split = 0", &path);
    assert_eq!(class_counts(&splits.train, &splits.classes).unwrap(), [5000; 10]);
    assert_eq!(class_counts(splits.test.as_ref().unwrap(), &splits.classes).unwrap(), [1000; 10]);
    assert_eq!(image_stats(&splits.train, usize::MAX).unwrap().read, 50_000);
}

#[test]
fn every_coco_photograph_is_read_and_none_cut_in_half_is() {
    let Some(path) = test_data("coco128/images") else { return };
    let mut folders = vec![path];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = image_file::read_bytes(&path).unwrap();
            image_file::decode(&bytes, &path).unwrap();
            let error = image_file::decode(&bytes[..bytes.len() / 2], &path).unwrap_err();
            assert!(error.to_string().contains("truncated JPEG: no end-of-image marker"), "{error}");
            read += 1;
        }
    }
    assert_eq!(read, 128);
}

#[test]
fn the_class_of_a_sample_is_its_folder() {
    let Some(path) = test_data("cifar10-jpg") else { return };
    let splits = open("kind = \"image-folder\"", &path);
    for index in (0..splits.train.len()).step_by(997) {
        let source = std::path::PathBuf::from(splits.train.source(index));
        let folder = source.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(splits.classes.get(splits.train.annotation(index).unwrap()), Some(folder.as_str()));
    }
}
