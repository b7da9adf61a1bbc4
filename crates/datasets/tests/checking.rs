//! The doctor finds what was put wrong, and nothing else.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use datasets::doctor::{DoctorReport, doctor};
use datasets::{DatasetSpec, SplitName};
use image::{Rgb, RgbImage};

fn paint(path: &Path, value: u8, size: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(size, 16, Rgb([value; 3])).save(path).unwrap();
}

fn examine(root: &Path) -> DoctorReport {
    let spec: DatasetSpec = toml::from_str("kind = \"image-folder\"\nvalidation_split = 0").unwrap();
    let calls = AtomicUsize::new(0);
    let report = doctor(&spec.open(Some(root)).unwrap(), &|done, total| {
        assert!(done <= total);
        calls.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    assert_eq!(calls.into_inner(), report.checked);
    report
}

#[test]
fn a_healthy_folder_is_healthy() {
    let folder = tempfile::tempdir().unwrap();
    (0..6).for_each(|value| {
        paint(&folder.path().join(format!("{}/{value}.png", ["a", "b"][value as usize % 2])), value, 16)
    });
    let report = examine(folder.path());
    assert!(report.is_healthy() && !report.is_imbalanced(), "{report:?}");
    assert_eq!((report.checked, report.imbalance), (6, 1.0));
}

#[test]
fn each_fault_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let train = folder.path().join("train");
    (0..24).for_each(|value| paint(&train.join(format!("many/{value:02}.png")), value, 16));
    paint(&train.join("few/tiny.png"), 100, 7);
    paint(&train.join("few/copy.png"), 3, 16);
    paint(&folder.path().join("test/few/fresh.png"), 200, 16);
    fs::copy(train.join("many/05.png"), {
        fs::create_dir_all(folder.path().join("test/many")).unwrap();
        folder.path().join("test/many/leak.png")
    })
    .unwrap();
    let bytes = fs::read(train.join("many/07.png")).unwrap();
    fs::write(train.join("many/07.png"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(train.join("many/08.png"), "text").unwrap();
    fs::rename(train.join("many/09.png"), train.join("many/09.jpg")).unwrap();
    fs::write(train.join("many/list.csv"), "x").unwrap();

    let report = examine(folder.path());
    assert!(!report.is_healthy());
    assert_eq!(report.checked, 28);
    let problems: Vec<&str> = report.unreadable.iter().map(|bad| bad.problem.as_str()).collect();
    assert_eq!(problems.len(), 2);
    assert!(
        problems[0].contains("07.png: truncated PNG") && problems[1].contains("08.png: not an image"),
        "{problems:?}"
    );
    assert_eq!(report.wrong_extensions.len(), 1);
    assert_eq!((report.wrong_extensions[0].extension, report.wrong_extensions[0].content), ("JPEG", "PNG"));
    assert_eq!((report.tiny.len(), report.tiny[0].width, report.tiny[0].height), (1, 7, 16));
    assert_eq!(report.ignored_files, 1);

    // Classes in order: few/copy.png comes first and equals many/03.png; many/05.png was copied into the test split.
    assert_eq!(report.duplicates.len(), 2);
    let [relabelled, leaked] = &report.duplicates[..] else { unreachable!() };
    assert!(relabelled.across_classes && !relabelled.across_splits);
    assert_eq!(relabelled.samples.iter().map(|copy| copy.class.as_str()).collect::<Vec<_>>(), ["few", "many"]);
    assert!(leaked.across_splits && !leaked.across_classes);
    assert_eq!(leaked.samples[1].split, SplitName::Test);

    let few = &report.class_counts[0];
    assert_eq!((few.class.as_str(), few.train, few.val, few.test), ("few", 2, 0, 1));
    assert_eq!(report.imbalance, 12.0);
    assert!(report.is_imbalanced());
}
