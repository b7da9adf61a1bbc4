//! What a detector's evaluation found, for `eval` and the report.

use datasets::Splits;
use metrics::{DetectionMetrics, ErrorCosts, ScoreCurves, Sizes};
use vision_types::Instance;

use super::{Detection, DetectionTask, pictures};
use crate::config::RunConfig;
use crate::recognition::{Findings, SplitEvaluation};
use crate::report::{DetectionClassRow, DetectionEvaluation, ErrorShare, RatioCurve, SizeRow};

/// Confidence at which confusions are counted: what `predict` shows unless told otherwise.
const CONFUSION_CONFIDENCE: f64 = 0.3;
/// IoU at which an object and a detection belong together, as `metrics` has it.
const CONFUSION_IOU: f64 = 0.5;
/// Classes whose curves are drawn, the worst ones.
const MOST_CURVES: usize = 24;
/// Points of a curve closer than this in both coordinates are one point on the page.
const CURVE_RESOLUTION: f64 = 1.0 / 300.0;

/// One row a class.
pub(super) fn class_rows(metrics: &DetectionMetrics) -> Vec<DetectionClassRow> {
    metrics
        .per_class()
        .into_iter()
        .map(|row| DetectionClassRow {
            class: row.class,
            objects: row.objects,
            ap: row.ap,
            ap50: row.ap50,
            ap75: row.ap75,
            ar100: row.ar100,
            best_f1: row.best_f1.map(|(_, f1)| f1),
            best_threshold: row.best_f1.map(|(confidence, _)| confidence),
        })
        .collect()
}

/// The parts of the report that only detection has.
pub(super) fn findings(
    task: &DetectionTask,
    splits: &Splits<Vec<Instance>>,
    config: &RunConfig<Detection>,
    judged: Option<&SplitEvaluation<Detection>>,
) -> Findings {
    Findings {
        detection: judged.map(|judged| closer_look(judged.split.as_str(), &judged.metrics)),
        galleries: pictures::galleries(task, splits, config, judged),
        ..Findings::default()
    }
}

fn closer_look(split: &str, metrics: &DetectionMetrics) -> DetectionEvaluation {
    let per_class = class_rows(metrics);
    let curves = metrics.curves();
    let mut worst: Vec<(&DetectionClassRow, &ScoreCurves)> =
        per_class.iter().zip(&curves).filter(|(row, _)| row.ap50.is_some()).collect();
    worst.sort_by(|(a, _), (b, _)| a.ap50.unwrap_or_default().total_cmp(&b.ap50.unwrap_or_default()));
    worst.truncate(MOST_CURVES);
    let precision_recall = worst.iter().map(|(row, curves)| RatioCurve {
        class: row.class.clone(),
        figure: row.ap50,
        points: thinned(&curves.precision_recall),
    });
    let f1 = worst.iter().map(|(row, curves)| RatioCurve {
        class: row.class.clone(),
        figure: row.best_f1,
        points: thinned(&curves.f1),
    });
    let (precision_recall, f1) = (precision_recall.collect(), f1.collect());
    DetectionEvaluation {
        split: split.to_owned(),
        class_names: metrics.names().as_slice().to_vec(),
        sizes: Sizes::EACH.map(|sizes| size_row(metrics, sizes)).to_vec(),
        precision_recall,
        f1,
        confusion_matrix: Some(metrics.confusions(CONFUSION_CONFIDENCE)),
        confusion_thresholds: (CONFUSION_CONFIDENCE, CONFUSION_IOU),
        errors: error_shares(metrics.error_costs()),
        per_class,
    }
}

fn size_row(metrics: &DetectionMetrics, sizes: Sizes) -> SizeRow {
    let name = match sizes {
        Sizes::All => "all",
        Sizes::Small => "small, below 32² pixels",
        Sizes::Medium => "medium",
        Sizes::Large => "large, above 96² pixels",
    };
    let figures = metrics.figures(sizes);
    SizeRow { size: name.to_owned(), ap: figures.ap(), ar: figures.ar() }
}

fn error_shares(costs: ErrorCosts) -> Vec<ErrorShare> {
    [
        ("wrong class", "at the right place", costs.classification),
        ("wrong place", "right class, an IoU of 0.1 to 0.5", costs.localisation),
        ("both", "wrong class, an IoU of 0.1 to 0.5", costs.both),
        ("duplicate", "another detection of an object that was found", costs.duplicate),
        ("background", "nothing is there", costs.background),
        ("missed", "objects that no detection is about", costs.missed),
    ]
    .map(|(kind, meaning, delta)| ErrorShare { kind: kind.to_owned(), meaning: meaning.to_owned(), delta })
    .to_vec()
}

/// The curve without the points that would fall onto their predecessor on the page; both ends stay.
fn thinned(curve: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (at, &(x, y)) in curve.iter().enumerate() {
        let far = kept.last().is_none_or(|(previous_x, previous_y)| {
            (x - previous_x).abs() >= CURVE_RESOLUTION || (y - previous_y).abs() >= CURVE_RESOLUTION
        });
        if far || at + 1 == curve.len() {
            kept.push((x, y));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use metrics::Metric;
    use vision_types::{BBox, ClassNames, Detection as Found};

    use super::*;

    #[test]
    fn the_closer_look_has_every_part() {
        let at = |x: f32| BBox::from_xyxy(x, 0.0, x + 10.0, 10.0);
        let mut metrics = DetectionMetrics::new(ClassNames::new(["cat", "dog", "cow"]));
        let found = vec![Found { bbox: at(0.0), class: 0, score: 0.9 }, Found { bbox: at(90.0), class: 1, score: 0.8 }];
        let known = vec![Instance::from_box(at(0.0), 0), Instance::from_box(at(50.0), 1)];
        metrics.update(&[found], &[known]).expect("classes below three");
        let look = closer_look("test", &metrics);
        // The worst first; no cow is there.
        let classes = |curves: &[RatioCurve]| curves.iter().map(|curve| curve.class.clone()).collect::<Vec<_>>();
        assert_eq!(classes(&look.precision_recall), ["dog", "cat"]);
        assert_eq!(classes(&look.f1), ["dog", "cat"]);
        assert_eq!(look.per_class[2].ap, None);
        // Both objects have 100 square pixels.
        let sizes: Vec<Option<f64>> = look.sizes.iter().map(|row| row.ap.map(|ap| (ap * 1e9).round() / 1e9)).collect();
        assert_eq!(sizes, [Some(0.5), Some(0.5), None, None]);
        // Without the dog that was not found only the cat counts: from a mean of 1/2 to 1.
        assert_eq!(
            look.errors.last().map(|error| (error.kind.as_str(), (error.delta * 1e9).round() / 1e9)),
            Some(("missed", 0.5))
        );
        assert_eq!(look.confusion_matrix.expect("counted").row(3), [0, 1, 0, 0]);
    }
}
