//! Published detection data, read from the folder that `OKULO_TEST_DATA` names; skipped where it is not set.

mod published;

use std::collections::BTreeMap;
use std::path::Path;

use datasets::convert::{DetectionFormat, ImageTransfer, convert_detection};
use datasets::detection_doctor::detection_doctor;
use datasets::detection_stats::{AreaCounts, detection_stats};
use datasets::{Dataset, DetectionData, DetectionSpec, ProblemKind};
use serde::Deserialize;
use vision_types::Instance;

use published::test_data;

fn open(settings: &str, path: &Path) -> DetectionData {
    toml::from_str::<DetectionSpec>(settings).unwrap().read(Some(path)).unwrap()
}

/// The objects of every image of every split, by the name of the image without its extension.
fn objects(data: &DetectionData) -> BTreeMap<String, Vec<Instance>> {
    let mut all = BTreeMap::new();
    for (_, samples) in data.splits.iter() {
        for index in 0..samples.len() {
            let stem = Path::new(&samples.key(index)).file_stem().unwrap().to_string_lossy().into_owned();
            all.insert(stem, samples.annotation(index).unwrap());
        }
    }
    all
}

/// What pycocotools reads of one category; `fixtures/make_coco128_figures.py` wrote it.
#[derive(Deserialize)]
struct CategoryFigures {
    id: i64,
    name: String,
    annotations: usize,
    crowd: usize,
    images: usize,
    area: f64,
    pixels: u64,
}

#[test]
fn coco128_has_the_counts_areas_and_masks_of_pycocotools() {
    let Some(path) = test_data("coco128") else { return };
    let data = open("kind = \"auto\"\nvalidation_split = 0", &path);
    assert_eq!(data.problems, []);
    let samples = &data.splits.train;
    assert_eq!((samples.len(), samples.image_id(0), samples.stated_size(0)), (128, Some(9), Some((640, 480))));
    let reference: Vec<CategoryFigures> = serde_json::from_str(include_str!("fixtures/coco128_figures.json")).unwrap();
    assert_eq!(reference.iter().map(|figures| figures.annotations).sum::<usize>(), 939);
    assert_eq!(data.category_ids, Some(reference.iter().map(|figures| figures.id).collect()));

    let mut pixels = vec![0; reference.len()];
    let mut areas = vec![0.0; reference.len()];
    for index in 0..samples.len() {
        let (width, height) = samples.stated_size(index).unwrap();
        for object in samples.annotation(index).unwrap() {
            areas[object.class] += object.area;
            pixels[object.class] += object.segmentation.unwrap().to_rle(height, width).unwrap().area();
        }
    }
    let stats = detection_stats(&data, 1).unwrap();
    let split = &stats.splits[0];
    for (class, figures) in reference.iter().enumerate() {
        assert_eq!(data.splits.classes.get(class), Some(figures.name.as_str()));
        assert_eq!(split.per_class[class].objects, figures.annotations, "{}", figures.name);
        assert_eq!(split.per_class[class].images, figures.images, "{}", figures.name);
        assert_eq!(pixels[class], figures.pixels, "{}", figures.name);
        // The sums are formed in another order.
        assert!((areas[class] - figures.area).abs() <= 1e-9 * figures.area, "{}", figures.name);
    }
    assert_eq!(split.crowd, reference.iter().map(|figures| figures.crowd).sum::<usize>());
    assert_eq!((split.objects, split.crowd, split.images_without_objects), (939, 10, 2));
    assert_eq!(split.areas, AreaCounts { small: 414, medium: 296, large: 229 });
}

/// Of every image, class and fractions of the objects, sorted.
fn fractions(data: &DetectionData, sizes: &BTreeMap<String, (u32, u32)>) -> BTreeMap<String, Vec<[f64; 5]>> {
    let all = objects(data).into_iter().map(|(name, objects)| {
        let (width, height) = sizes[&name];
        let mut lines: Vec<[f64; 5]> = objects
            .iter()
            .filter(|object| !object.crowd)
            .map(|object| {
                let [x, y, w, h] = object.bbox.to_cxcywh().map(f64::from);
                let (width, height) = (f64::from(width), f64::from(height));
                [object.class as f64, x / width, y / height, w / width, h / height]
            })
            .collect();
        lines.sort_by(|a, b| a.partial_cmp(b).unwrap());
        (name, lines)
    });
    all.collect()
}

#[test]
fn coco128_converted_to_yolo_equals_the_published_labels() {
    let Some(path) = test_data("coco128") else { return };
    let coco = open("kind = \"coco\"\nvalidation_split = 0", &path);
    let out = tempfile::tempdir().unwrap();
    let report = convert_detection(&coco, DetectionFormat::Yolo, out.path(), ImageTransfer::Leave).unwrap();
    // 939 annotations without 10 groups.
    assert_eq!((report.images, report.objects), (128, 929));
    assert_eq!(report.left_out.iter().map(|loss| loss.count).sum::<usize>(), 10);

    let mut compared = 0;
    for index in 0..coco.splits.train.len() {
        let stem = Path::new(&coco.splits.train.key(index)).file_stem().unwrap().to_string_lossy().into_owned();
        let read = |folder: &Path| -> Vec<Vec<f64>> {
            // The publisher wrote no file for images without objects.
            let text = std::fs::read_to_string(folder.join(format!("{stem}.txt"))).unwrap_or_default();
            let mut lines: Vec<Vec<f64>> = text
                .lines()
                .map(|line| line.split_whitespace().map(|number| number.parse().unwrap()).collect())
                .collect();
            lines.sort_by(|a, b| a.partial_cmp(b).unwrap());
            lines
        };
        let published = read(&path.join("labels/train2017"));
        let ours = read(&out.path().join("labels/train"));
        assert_eq!(ours.len(), published.len(), "{stem}");
        for published in published {
            // Six digits were published: half of the last one, and the rounding of a 32-bit box.
            let near = |ours: &&Vec<f64>| {
                ours.iter().zip(&published).all(|(a, b)| (a - b).abs() <= 5e-7 * b.abs().max(1.0) + 1e-7)
            };
            assert!(ours.iter().any(|ours| near(&ours)), "{stem}: {published:?} is not among {ours:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 929);
}

#[test]
fn coco128_read_from_its_labels_has_the_same_boxes() {
    let Some(path) = test_data("coco128") else { return };
    let coco = open("kind = \"coco\"\nvalidation_split = 0", &path);
    let yolo = open("kind = \"yolo\"\nvalidation_split = 0", &path);
    // Labels of two images that are not there.
    let orphans: Vec<&str> = yolo
        .problems
        .iter()
        .filter(|problem| problem.kind == ProblemKind::AnnotationWithoutImage)
        .map(|problem| problem.file.file_stem().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(orphans, ["000000000656", "000000000659"]);
    assert_eq!(yolo.problems.len(), 2);
    let sizes: BTreeMap<String, (u32, u32)> = (0..128)
        .map(|index| {
            let stem = Path::new(&coco.splits.train.key(index)).file_stem().unwrap().to_string_lossy().into_owned();
            (stem, coco.splits.train.stated_size(index).unwrap())
        })
        .collect();
    let (from_coco, from_yolo) = (fractions(&coco, &sizes), fractions(&yolo, &sizes));
    assert_eq!(from_coco.len(), 128);
    let mut compared = 0;
    for (name, lines) in &from_coco {
        assert_eq!(lines.len(), from_yolo[name].len(), "{name}");
        for line in lines {
            let near = |other: &&[f64; 5]| line.iter().zip(*other).all(|(a, b)| (a - b).abs() < 2e-6);
            assert!(from_yolo[name].iter().any(|other| near(&other)), "{name}: {line:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 929);
}

#[test]
fn bccd_has_its_published_counts_and_its_flaws_are_named() {
    let Some(path) = test_data("bccd") else { return };
    let data = open("kind = \"auto\"", &path);
    assert_eq!(data.splits.classes.as_slice(), ["Platelets", "RBC", "WBC"]);
    let sizes: Vec<usize> = data.splits.iter().map(|(_, samples)| samples.len()).collect();
    assert_eq!(sizes, [205, 87, 72]);
    let report = detection_doctor(&data, &|_, _| ()).unwrap();
    let of_kind = |kind: ProblemKind| -> Vec<String> {
        let problems = report.problems.iter().filter(|problem| problem.kind == kind);
        let named = problems.map(|problem| {
            let file = problem.file.file_name().unwrap().to_string_lossy();
            format!("{file}{}: {}", problem.place, problem.detail)
        });
        let mut named: Vec<String> = named.collect();
        named.sort();
        named
    };
    let degenerate = of_kind(ProblemKind::DegenerateBox);
    assert_eq!(
        degenerate,
        [
            "BloodImage_00338.xml:158: RBC box (504, 337, 504, 337)",
            "BloodImage_00343.xml:50: RBC box (181, 329, 181, 329)"
        ]
    );
    // Every file belongs to the image that it names, has its size, and keeps its boxes inside.
    for kind in [
        ProblemKind::NameMismatch,
        ProblemKind::MissingImage,
        ProblemKind::AnnotationWithoutImage,
        ProblemKind::ImageWithoutAnnotation,
        ProblemKind::BoxOutsideImage,
        ProblemKind::ClippedBox,
    ] {
        assert_eq!(of_kind(kind), [""; 0], "{kind:?}");
    }
    assert_eq!((report.size_mismatches.len(), report.wrong_extensions.len()), (0, 0));
    // 4,888 boxes are written; two have no area.
    let objects: usize = report.class_counts.iter().map(|count| count.train + count.val + count.test).sum();
    assert_eq!(objects + degenerate.len(), 4888);
    assert!(!report.is_healthy());
    assert_eq!(report.unreadable, []);
}
