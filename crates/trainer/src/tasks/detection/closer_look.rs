//! What a detector's evaluation found, for `eval` and the report.

use metrics::{DetectionMetrics, ErrorCosts, ScoreCurves, Sizes};

use crate::report::{DetectionClassRow, DetectionEvaluation, ErrorShare, RatioCurve, SizeRow, thinned};

/// Confidence at which confusions are counted: what `predict` shows unless told otherwise.
const CONFUSION_CONFIDENCE: f64 = 0.3;
/// IoU at which an object and a detection belong together, as `metrics` has it.
const CONFUSION_IOU: f64 = 0.5;
/// Classes whose curves are drawn, the worst ones.
const MOST_CURVES: usize = 24;

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

/// A closer look at the detections of one split.
pub(super) fn closer_look(split: &str, metrics: &DetectionMetrics) -> DetectionEvaluation {
    let per_class = class_rows(metrics);
    let curves = metrics.curves();
    let mut worst: Vec<(&DetectionClassRow, &ScoreCurves)> =
        per_class.iter().zip(&curves).filter(|(row, _)| row.ap50.is_some()).collect();
    worst.sort_by(|(a, _), (b, _)| a.ap50.unwrap_or_default().total_cmp(&b.ap50.unwrap_or_default()));
    worst.truncate(MOST_CURVES);
    let precision_recall = worst.iter().map(|(row, curves)| RatioCurve {
        class: row.class.clone(),
        figure: row.ap50,
        points: thinned(curves.precision_recall.clone(), |point| *point),
    });
    let f1 = worst.iter().map(|(row, curves)| RatioCurve {
        class: row.class.clone(),
        figure: row.best_f1,
        points: thinned(curves.f1.clone(), |point| *point),
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

#[cfg(test)]
mod tests {
    use metrics::Metric;
    use vision_types::{BBox, ClassNames, DetectedObject, Instance};

    use super::*;

    #[test]
    fn the_closer_look_has_every_part() {
        let at = |x: f32| BBox::from_xyxy(x, 0.0, x + 10.0, 10.0);
        let mut metrics = DetectionMetrics::new(ClassNames::new(["cat", "dog", "cow"]));
        let found = vec![DetectedObject::new(at(0.0), 0, 0.9), DetectedObject::new(at(90.0), 1, 0.8)];
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
