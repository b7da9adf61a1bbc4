//! Published data for segmentation, read from the folder that `OKULO_TEST_DATA` names; skipped where it is not set.
//!
//! The figures are those of NumPy, Pillow, SciPy and pycocotools, see `fixtures/make_mask_figures.py`.

mod published;

use std::collections::BTreeMap;
use std::path::Path;

use datasets::convert::{DetectionFormat, ImageTransfer, convert_detection};
use datasets::segmentation_doctor::segmentation_doctor;
use datasets::segmentation_stats::segmentation_stats;
use datasets::{Dataset, DetectionSpec, SegmentationData, SegmentationSpec};
use serde::Deserialize;
use vision_types::Mask;

use published::test_data;

/// What others count.
#[derive(Deserialize)]
struct Figures {
    /// Foreground pixels by the name of a label.
    membrane: BTreeMap<String, u64>,
    /// Objects, foreground pixels, and pixels within 1 of two or more objects, by the name of an image.
    nuclei: BTreeMap<String, [u64; 3]>,
    /// Pixels by the number of a category, 0 for the background and 255 for those ignored.
    coco: BTreeMap<i64, u64>,
    /// Pixels by level.
    semantic: BTreeMap<u16, u64>,
}

fn figures() -> Figures {
    serde_json::from_str(include_str!("fixtures/mask_figures.json")).unwrap()
}

fn read(settings: &str, path: &Path) -> SegmentationData {
    toml::from_str::<SegmentationSpec>(settings).unwrap().read(Some(path)).unwrap()
}

fn count(mask: &Mask, class: u8) -> u64 {
    mask.pixels().iter().filter(|&&pixel| pixel == class).count() as u64
}

fn stem(path: &str) -> String {
    Path::new(path).file_stem().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_membrane_label_has_its_foreground() {
    let Some(path) = test_data("isbi-membrane") else { return };
    let named = "kind = \"folder\"\nimages = \"image\"\nmasks = \"label\"\nvalidation_split = 0";
    for settings in [named, "kind = \"auto\"\nvalidation_split = 0"] {
        let data = read(settings, &path);
        assert_eq!(data.problems, []);
        assert_eq!(data.splits.classes.as_slice(), ["background", "foreground"]);
        let train = &data.splits.train;
        let found: BTreeMap<String, u64> = (0..train.len())
            .map(|index| (stem(&train.key(index)), count(&train.annotation(index).unwrap(), 1)))
            .collect();
        assert_eq!(found, figures().membrane);
        assert_eq!(train.get(0).unwrap().image.dimensions(), (512, 512));
    }
    let data = read("kind = \"auto\"\nvalidation_split = 0.2", &path);
    assert_eq!((data.splits.train.len(), data.splits.validation.as_ref().unwrap().len()), (24, 6));
    assert!(segmentation_doctor(&data, &|_, _| ()).unwrap().is_healthy());
}

#[test]
fn every_nuclei_image_has_its_foreground_and_borders() {
    let Some(path) = test_data("nuclei") else { return };
    let figures = figures().nuclei;
    let plain = read("kind = \"auto\"\nvalidation_split = 0", &path);
    let border = read("kind = \"instances\"\nborder = 1\nvalidation_split = 0", &path);
    assert_eq!((plain.splits.train.len(), plain.problems.len()), (132, 0));
    for index in 0..132 {
        let (samples, bordered) = (&plain.splits.train, &border.splits.train);
        let sample = samples.get(index).unwrap();
        let [_, foreground, near] = figures[&stem(&samples.key(index))];
        assert_eq!(count(&sample.annotation, 1), foreground, "{}", sample.source);
        assert_eq!(count(&bordered.annotation(index).unwrap(), 2), near, "{}", sample.source);
        assert_eq!(sample.image.dimensions(), (sample.annotation.width(), sample.annotation.height()));
    }
}

#[test]
fn nuclei_as_objects_survive_as_coco_files() {
    let Some(path) = test_data("nuclei") else { return };
    let spec = toml::from_str::<SegmentationSpec>("kind = \"instances\"\nvalidation_split = 0").unwrap();
    let SegmentationSpec::Instances(spec) = spec else { unreachable!("the kind is written above") };
    let data = spec.read_objects(Some(&path)).unwrap();
    let out = tempfile::tempdir().unwrap();
    let report = convert_detection(&data, DetectionFormat::Coco, out.path(), ImageTransfer::Link).unwrap();
    assert_eq!((report.images, report.objects, report.left_out.len()), (132, 5545, 0));
    let back = toml::from_str::<DetectionSpec>("kind = \"coco\"\nvalidation_split = 0").unwrap();
    let back = back.read(Some(out.path())).unwrap();
    let figures = figures().nuclei;
    for index in 0..132 {
        let objects = back.splits.train.annotation(index).unwrap();
        assert_eq!(objects, data.splits.train.annotation(index).unwrap());
        assert_eq!(objects.len() as u64, figures[&stem(&back.splits.train.key(index))][0]);
    }
}

#[test]
fn coco128_is_painted_as_by_pycocotools() {
    let Some(path) = test_data("coco128") else { return };
    let data = read("kind = \"auto\"\nvalidation_split = 0", &path);
    assert_eq!((data.splits.classes.len(), data.splits.classes.get(0)), (81, Some("background")));
    let stats = segmentation_stats(&data, 1).unwrap();
    let detection = toml::from_str::<DetectionSpec>("kind = \"coco\"\nvalidation_split = 0").unwrap();
    let ids = detection.read(Some(&path)).unwrap().category_ids.unwrap();
    let train = &stats.splits[0];
    let numbered = std::iter::once(0).chain(ids).zip(&train.per_class);
    let mut found: BTreeMap<i64, u64> =
        numbered.map(|(id, class)| (id, class.pixels)).filter(|(_, pixels)| *pixels > 0).collect();
    found.insert(255, train.ignored.pixels);
    assert_eq!(found, figures().coco);
}

#[test]
fn published_semantic_masks_have_the_levels_of_pillow() {
    let Some(path) = test_data("coco128") else { return };
    let figures = figures().semantic;
    let values: Vec<String> = figures.keys().map(u16::to_string).collect();
    let settings = format!(
        "kind = \"folder\"\nimages = \"images/train2017\"\nmasks = \"semantic/masks/train2017\"\nunpaired = \"skip\"\n\
         validation_split = 0\nvalues = [{}]",
        values.join(", ")
    );
    let data = read(&settings, &path);
    // The masks are of 100 images, of which the folder has some, among 128.
    assert_eq!(data.splits.train.len() + data.problems.len(), 128 + (100 - data.splits.train.len()));
    let stats = segmentation_stats(&data, 1).unwrap();
    let found: BTreeMap<u16, u64> =
        figures.keys().copied().zip(stats.splits[0].per_class.iter().map(|c| c.pixels)).collect();
    assert_eq!(found, figures);
}
