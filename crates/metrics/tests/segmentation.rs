//! Equality with scikit-learn, torchmetrics and scipy on the fixture that `fixtures/make_segmentation.py` wrote.

use std::collections::BTreeMap;

use metrics::{Metric, SegmentationMetrics};
use serde::Deserialize;
use vision_types::{ClassNames, Mask};

/// Both sides compute in f64; what differs is the order of sums.
const EXACT: f64 = 1e-12;
/// torchmetrics answers in f32.
const SINGLE_PRECISION: f64 = 2e-6;

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    images: Vec<Picture>,
    scores: BTreeMap<String, f64>,
    torchmetrics_mean_iou: f64,
    confusion_matrix: Vec<Vec<u64>>,
    iou: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Picture {
    width: u32,
    height: u32,
    target: Vec<u8>,
    prediction: Vec<u8>,
}

fn evaluated(case: &Case, batch: usize) -> SegmentationMetrics {
    let names = ClassNames::new((0..case.classes).map(|class| format!("class {class}")));
    let mut metrics = SegmentationMetrics::new(names);
    for pictures in case.images.chunks(batch) {
        let mask = |picture: &Picture, pixels: &[u8]| {
            Mask::from_pixels(picture.width, picture.height, pixels.to_vec()).expect("as many pixels")
        };
        let predictions: Vec<Mask> = pictures.iter().map(|picture| mask(picture, &picture.prediction)).collect();
        let targets: Vec<Mask> = pictures.iter().map(|picture| mask(picture, &picture.target)).collect();
        metrics.update(&predictions, &targets).expect("valid batch");
    }
    metrics
}

#[test]
fn figures_equal_the_references() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/segmentation.json")).expect("valid fixtures");
    assert_eq!(cases.len(), 5);
    for case in &cases {
        let metrics = evaluated(case, 2);
        let summary = metrics.summary();
        assert_eq!(case.scores.len(), 8);
        for (name, expected) in &case.scores {
            let score = summary.scores.iter().find(|score| score.name == *name).expect("a score of that name");
            let found = score.value.expect("defined");
            let error = (found - expected).abs() / expected.abs().max(1.0);
            assert!(error <= EXACT, "{}: {name} is {found}, expected {expected}", case.name);
            if name == "mean_iou" {
                let error = (found - case.torchmetrics_mean_iou).abs();
                assert!(error <= SINGLE_PRECISION, "{}: {found} and {}", case.name, case.torchmetrics_mean_iou);
            }
        }
        let rows: Vec<Vec<u64>> = summary.confusion_matrix.clone().into();
        assert_eq!(rows, case.confusion_matrix, "{}", case.name);
        for (row, expected) in summary.per_class.iter().zip(&case.iou) {
            match (row.iou, expected) {
                (Some(found), Some(expected)) => assert!((found - expected).abs() <= EXACT, "{}", case.name),
                (found, expected) => assert_eq!(found, *expected, "{}", case.name),
            }
        }
    }
}

#[test]
fn batches_do_not_matter() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/segmentation.json")).expect("valid fixtures");
    for case in &cases {
        let whole = evaluated(case, case.images.len()).summary();
        assert_eq!(evaluated(case, 1).summary(), whole, "{}", case.name);
    }
}
