//! Equality with scikit-learn and torchmetrics on the fixtures that `fixtures/make_fixtures.py` wrote.

use std::collections::BTreeMap;

use metrics::{ClassificationMetrics, Metric};
use serde::Deserialize;
use vision_types::{ClassNames, ClassScores};

/// Both sides compute in f64; what differs is the order of sums of at most some hundred terms.
const EXACT: f64 = 1e-12;
/// torchmetrics answers in f32.
const SINGLE_PRECISION: f64 = 2e-6;

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    predictions: Vec<ClassScores>,
    targets: Vec<usize>,
    scores: BTreeMap<String, Option<f64>>,
    torchmetrics: BTreeMap<String, Option<f64>>,
    per_class: Vec<ReferenceRow>,
    confusion_matrix: Vec<Vec<u64>>,
    curves: Vec<Curves>,
}

#[derive(Deserialize)]
struct ReferenceRow {
    support: u64,
    precision: f64,
    recall: f64,
    f1: f64,
    roc_auc: Option<f64>,
    pr_auc: Option<f64>,
}

#[derive(Deserialize)]
struct Curves {
    class: usize,
    /// False positive rate, true positive rate, threshold.
    roc: Vec<(f64, f64, Option<f64>)>,
    /// Precision, recall, threshold, from the highest threshold.
    precision_recall: Vec<(f64, f64, Option<f64>)>,
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixtures/classification.json")).expect("valid fixtures");
    assert_eq!(cases.len(), 10);
    cases
}

fn evaluated(case: &Case) -> ClassificationMetrics {
    let names = ClassNames::new((0..case.classes).map(|class| format!("class {class}")));
    let mut metrics = ClassificationMetrics::new(names);
    // Uneven batches, to accumulate as in an evaluation.
    for (predictions, targets) in case.predictions.chunks(7).zip(case.targets.chunks(7)) {
        metrics.update(predictions, targets).expect("valid batch");
    }
    metrics
}

#[track_caller]
fn assert_close(found: Option<f64>, expected: Option<f64>, tolerance: f64, what: &str) {
    match (found, expected) {
        (None, None) => {}
        (Some(a), Some(b)) if (a - b).abs() <= tolerance => {}
        _ => panic!("{what}: {found:?}, the reference says {expected:?}"),
    }
}

#[test]
fn every_score_equals_scikit_learn() {
    for case in cases() {
        let summary = evaluated(&case).summary();
        assert_eq!(summary.samples as usize, case.targets.len());
        assert_eq!(case.scores.len(), 19);
        for (name, expected) in &case.scores {
            assert_close(summary.score(name), *expected, EXACT, &format!("{name} of {}", case.name));
        }
    }
}

#[test]
fn scores_agree_with_torchmetrics_in_single_precision() {
    for case in cases() {
        let summary = evaluated(&case).summary();
        for (name, expected) in &case.torchmetrics {
            let found = summary.score(name);
            if name == "cohen_kappa" && found.is_none() {
                continue; // 0 / 0, for which scikit-learn and this crate give nothing and torchmetrics 0 or NaN.
            }
            assert_close(found, *expected, SINGLE_PRECISION, &format!("{name} of {}", case.name));
        }
    }
}

#[test]
fn every_class_equals_scikit_learn() {
    for case in cases() {
        let summary = evaluated(&case).summary();
        assert_eq!(Vec::<Vec<u64>>::from(summary.confusion_matrix.clone()), case.confusion_matrix, "{}", case.name);
        assert_eq!(summary.per_class.len(), case.per_class.len());
        for (row, reference) in summary.per_class.iter().zip(&case.per_class) {
            let what = format!("{} of {}", row.class, case.name);
            assert_eq!(row.support, reference.support, "{what}");
            assert_close(Some(row.precision), Some(reference.precision), EXACT, &what);
            assert_close(Some(row.recall), Some(reference.recall), EXACT, &what);
            assert_close(Some(row.f1), Some(reference.f1), EXACT, &what);
            assert_close(row.roc_auc, reference.roc_auc, EXACT, &what);
            assert_close(row.pr_auc, reference.pr_auc, EXACT, &what);
        }
    }
}

#[test]
fn curves_equal_scikit_learn_point_by_point() {
    for case in cases() {
        let metrics = evaluated(&case);
        let ranking = metrics.ranking().expect("with ranking");
        for reference in &case.curves {
            let what = format!("class {} of {}", reference.class, case.name);
            let roc = ranking.roc_curve(reference.class).expect("both kinds of samples");
            assert_eq!(roc.len(), reference.roc.len(), "points of the ROC curve of {what}");
            for (point, &(false_positives, true_positives, threshold)) in roc.iter().zip(&reference.roc) {
                assert_close(Some(point.false_positive_rate), Some(false_positives), EXACT, &what);
                assert_close(Some(point.true_positive_rate), Some(true_positives), EXACT, &what);
                assert_close(point.threshold.map(f64::from), threshold, EXACT, &what);
            }
            let curve = ranking.precision_recall_curve(reference.class).expect("samples of the class");
            assert_eq!(curve.len(), reference.precision_recall.len(), "points of the PR curve of {what}");
            for (point, &(precision, recall, threshold)) in curve.iter().zip(&reference.precision_recall) {
                assert_close(Some(point.precision), Some(precision), EXACT, &what);
                assert_close(Some(point.recall), Some(recall), EXACT, &what);
                assert_close(point.threshold.map(f64::from), threshold, EXACT, &what);
            }
        }
    }
    assert!(cases().iter().map(|case| case.curves.len()).sum::<usize>() >= 15);
}
