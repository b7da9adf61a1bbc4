//! Detections at one IoU threshold: curves over the confidence, the confusion matrix, and what each kind of error
//! costs.

use super::coco::{CocoBoxes, FoundBox, KnownBox, average_precision, overlap};
use crate::ConfusionMatrix;

/// The IoU at which a detection is right.
const RIGHT: f64 = 0.5;
/// Below this IoU a detection counts as background, not as a badly placed object (Bolya et al. 2020, section 3.2).
const BACKGROUND: f64 = 0.1;

/// Precision, recall and F1 of one class over the confidence, at an IoU of 0.5.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScoreCurves {
    /// Recall and precision, the most confident detections first.
    pub precision_recall: Vec<(f64, f64)>,
    /// Confidence and F1, by rising confidence.
    pub f1: Vec<(f64, f64)>,
}

impl ScoreCurves {
    /// The confidence with the highest F1, and that F1; of several such confidences the highest.
    pub fn best_f1(&self) -> Option<(f64, f64)> {
        self.f1.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1).then(a.0.total_cmp(&b.0)))
    }
}

/// How much the mean AP50 would rise without one kind of error.
///
/// Source: Bolya et al. 2020, "TIDE: a general toolbox for identifying object detection errors", sections 3.2 and 3.3.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ErrorCosts {
    /// Right place, wrong class.
    pub classification: f64,
    /// Right class, place not exact enough.
    pub localisation: f64,
    /// Wrong class and place not exact enough.
    pub both: f64,
    /// A second detection of an object.
    pub duplicate: f64,
    /// A detection of nothing.
    pub background: f64,
    /// An object to which no detection belongs, right or wrong.
    pub missed: f64,
}

/// How a detection counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Right,
    /// Inside a crowd: neither right nor wrong.
    Excused,
    /// Wrong class; with the number of the object that it overlaps.
    Classification(usize),
    /// Right class, but not exact enough; with the number of the object that it overlaps.
    Localisation(usize),
    Both,
    Duplicate,
    Background,
}

struct Judged<'a> {
    detection: &'a FoundBox,
    image: usize,
    outcome: Outcome,
}

/// Every detection of the classes, by falling score, and the missed objects as `(image, object)`.
struct Assessment<'a> {
    judged: Vec<Judged<'a>>,
    /// For each image and object: whether it is found, and whether a detection with a classification or localisation error
    /// belongs to it.
    objects: Vec<Vec<(bool, bool)>>,
}

fn assess(boxes: &CocoBoxes) -> Assessment<'_> {
    let (mut judged, mut objects) = (Vec::new(), Vec::new());
    for (image, (known, found)) in boxes.images().iter().enumerate() {
        let (mut taken, mut spoken_for) = (vec![false; known.len()], vec![false; known.len()]);
        let mut ranked: Vec<&FoundBox> = found.iter().collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut outcomes: Vec<(&FoundBox, Option<Outcome>)> = Vec::with_capacity(ranked.len());
        for detection in ranked {
            let best = best_object(known, detection, |at, object| object.class == detection.class && !taken[at]);
            let right = best.filter(|(_, iou)| *iou >= RIGHT);
            if let Some((at, _)) = right {
                taken[at] = true;
            }
            outcomes.push((detection, right.map(|_| Outcome::Right)));
        }
        for (detection, outcome) in outcomes {
            let outcome = outcome.unwrap_or_else(|| mistake(known, detection));
            if let Outcome::Classification(at) | Outcome::Localisation(at) = outcome {
                spoken_for[at] = true;
            }
            judged.push(Judged { detection, image, outcome });
        }
        objects.push(taken.into_iter().zip(spoken_for).collect());
    }
    judged.sort_by(|a, b| b.detection.score.total_cmp(&a.detection.score));
    Assessment { judged, objects }
}

/// The object with the largest overlap among those for which `counts` holds, crowds left out.
fn best_object(
    known: &[KnownBox],
    detection: &FoundBox,
    counts: impl Fn(usize, &KnownBox) -> bool,
) -> Option<(usize, f64)> {
    let candidates = known.iter().enumerate().filter(|(at, object)| !object.crowd && counts(*at, object));
    candidates
        .map(|(at, object)| (at, overlap(detection.bbox, object.bbox, false)))
        .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
}

/// The kind of error of a detection that is not right.
fn mistake(known: &[KnownBox], detection: &FoundBox) -> Outcome {
    let excused = known.iter().any(|object| {
        object.crowd && object.class == detection.class && overlap(detection.bbox, object.bbox, true) >= RIGHT
    });
    if excused {
        return Outcome::Excused;
    }
    let same = best_object(known, detection, |_, object| object.class == detection.class);
    let other = best_object(known, detection, |_, object| object.class != detection.class);
    match (same, other) {
        (Some((at, iou)), _) if (BACKGROUND..RIGHT).contains(&iou) => Outcome::Localisation(at),
        (_, Some((at, iou))) if iou >= RIGHT => Outcome::Classification(at),
        (Some((_, iou)), _) if iou >= RIGHT => Outcome::Duplicate,
        (_, Some((_, iou))) if iou >= BACKGROUND => Outcome::Both,
        _ => Outcome::Background,
    }
}

/// The curves of each class.
pub(super) fn curves(boxes: &CocoBoxes, classes: usize) -> Vec<ScoreCurves> {
    let assessment = assess(boxes);
    let counts = super::coco::object_counts(boxes);
    let mut curves = vec![ScoreCurves::default(); classes];
    let (mut hits, mut all) = (vec![0usize; classes], vec![0usize; classes]);
    for Judged { detection, outcome, .. } in &assessment.judged {
        let (class, objects) = (detection.class, counts.get(&detection.class).copied().unwrap_or_default());
        if *outcome == Outcome::Excused || objects == 0 {
            continue;
        }
        all[class] += 1;
        hits[class] += usize::from(*outcome == Outcome::Right);
        let (right, found) = (hits[class] as f64, all[class] as f64);
        curves[class].precision_recall.push((right / objects as f64, right / found));
        // Equal confidences stand or fall together: the last of them counts.
        let point = (detection.score, 2.0 * right / (found + objects as f64));
        match curves[class].f1.last_mut() {
            Some(last) if last.0 == point.0 => *last = point,
            _ => curves[class].f1.push(point),
        }
    }
    for curve in &mut curves {
        curve.f1.reverse();
    }
    curves
}

/// The confusion matrix of objects (rows) and detections of at least `confidence` (columns). They are matched by an IoU
/// of at least 0.5, the largest overlaps first, whatever their classes; the last class is the background.
pub(super) fn confusions(boxes: &CocoBoxes, classes: usize, confidence: f64) -> ConfusionMatrix {
    let background = classes;
    let (mut predictions, mut targets) = (Vec::new(), Vec::new());
    for (known, found) in boxes.images() {
        let shown: Vec<&FoundBox> = found.iter().filter(|detection| detection.score >= confidence).collect();
        let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
        for (at, detection) in shown.iter().enumerate() {
            for (object, there) in known.iter().enumerate().filter(|(_, there)| !there.crowd) {
                let iou = overlap(detection.bbox, there.bbox, false);
                if iou >= RIGHT {
                    pairs.push((iou, at, object));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut used, mut met) = (vec![false; shown.len()], vec![false; known.len()]);
        for (_, at, object) in pairs {
            if !used[at] && !met[object] {
                (used[at], met[object]) = (true, true);
                predictions.push(shown[at].class);
                targets.push(known[object].class);
            }
        }
        for (detection, _) in shown.iter().zip(&used).filter(|(_, used)| !**used) {
            let excused = known.iter().any(|object| {
                object.crowd && object.class == detection.class && overlap(detection.bbox, object.bbox, true) >= RIGHT
            });
            if !excused {
                predictions.push(detection.class);
                targets.push(background);
            }
        }
        for object in known.iter().zip(&met).filter(|(object, met)| !**met && !object.crowd).map(|(object, _)| object) {
            predictions.push(background);
            targets.push(object.class);
        }
    }
    let mut matrix = ConfusionMatrix::new(classes + 1);
    matrix.count(&predictions, &targets).expect("every class was checked when it was taken in");
    matrix
}

/// A kind of error that is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fix {
    None,
    Classification,
    Localisation,
    Both,
    Duplicate,
    Background,
    Missed,
}

/// What each kind of error costs.
pub(super) fn error_costs(boxes: &CocoBoxes, classes: usize) -> ErrorCosts {
    let assessment = assess(boxes);
    let as_it_is = fixed_ap50(boxes, &assessment, classes, Fix::None);
    let cost = |fix| (fixed_ap50(boxes, &assessment, classes, fix) - as_it_is).max(0.0);
    ErrorCosts {
        classification: cost(Fix::Classification),
        localisation: cost(Fix::Localisation),
        both: cost(Fix::Both),
        duplicate: cost(Fix::Duplicate),
        background: cost(Fix::Background),
        missed: cost(Fix::Missed),
    }
}

/// The mean AP50 once errors of one kind are corrected: a detection of a wrong class or place becomes a true positive
/// if its object is not matched yet, other wrong detections are removed, and missed objects no longer count.
fn fixed_ap50(boxes: &CocoBoxes, assessment: &Assessment<'_>, classes: usize, fix: Fix) -> f64 {
    let mut right: Vec<Vec<bool>> = vec![Vec::new(); classes];
    let mut free: Vec<Vec<bool>> =
        assessment.objects.iter().map(|objects| objects.iter().map(|(found, _)| !found).collect()).collect();
    for Judged { detection, image, outcome } in &assessment.judged {
        let mut put_right = |at: usize| {
            if std::mem::replace(&mut free[*image][at], false) {
                right[boxes.images()[*image].0[at].class].push(true);
            }
        };
        match (outcome, fix) {
            (Outcome::Excused, _) => {}
            (Outcome::Right, _) => right[detection.class].push(true),
            (Outcome::Classification(at), Fix::Classification) | (Outcome::Localisation(at), Fix::Localisation) => {
                put_right(*at);
            }
            (Outcome::Both, Fix::Both)
            | (Outcome::Duplicate, Fix::Duplicate)
            | (Outcome::Background, Fix::Background) => {}
            _ => right[detection.class].push(false),
        }
    }
    let mut objects = vec![0usize; classes];
    for ((known, _), states) in boxes.images().iter().zip(&assessment.objects) {
        for (object, (found, spoken_for)) in known.iter().zip(states) {
            let excused = !found && !spoken_for && fix == Fix::Missed;
            objects[object.class] += usize::from(!(object.crowd || excused));
        }
    }
    let each: Vec<f64> = right
        .into_iter()
        .zip(objects)
        .filter(|(_, objects)| *objects > 0)
        .map(|(right, objects)| average_precision(right.into_iter(), objects).0)
        .collect();
    if each.is_empty() { 0.0 } else { each.iter().sum::<f64>() / each.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(x: f64, class: usize) -> KnownBox {
        KnownBox { bbox: [x, 0.0, 10.0, 10.0], class, area: 100.0, crowd: false }
    }

    fn found(x: f64, class: usize, score: f64) -> FoundBox {
        FoundBox { bbox: [x, 0.0, 10.0, 10.0], class, score }
    }

    /// Five objects; one detection of each kind.
    fn one_of_each() -> CocoBoxes {
        let mut boxes = CocoBoxes::default();
        boxes.add(
            vec![known(0.0, 0), known(100.0, 0), known(200.0, 1), known(300.0, 0), known(400.0, 1)],
            vec![
                found(0.0, 0, 0.9),   // right
                found(1.0, 0, 0.8),   // the same again
                found(106.0, 0, 0.7), // 4 of 16 shared: an IoU of 0.25
                found(200.0, 0, 0.6), // of class 1
                found(407.0, 0, 0.5), // 3 of 17 shared with an object of class 1
                found(600.0, 0, 0.4), // nothing
            ],
        );
        boxes
    }

    #[test]
    fn every_detection_is_of_one_kind() {
        let boxes = one_of_each();
        let outcomes: Vec<Outcome> = assess(&boxes).judged.iter().map(|judged| judged.outcome).collect();
        assert_eq!(
            outcomes,
            [
                Outcome::Right,
                Outcome::Duplicate,
                Outcome::Localisation(1),
                Outcome::Classification(2),
                Outcome::Both,
                Outcome::Background
            ]
        );
    }

    #[test]
    fn costs_are_what_ap50_gains() {
        let boxes = one_of_each();
        let costs = error_costs(&boxes, 2);
        // Class 0 has three objects, one found at precision 1: 34 of 101 levels. Class 1 has two, none found.
        let before = 34.0 / 101.0 / 2.0;
        // With the place put right two of three are found, the second after one mistake: precision 2/3.
        let with_place = (34.0 + 33.0 * 2.0 / 3.0) / 101.0 / 2.0;
        assert!((costs.localisation - (with_place - before)).abs() < 1e-12, "{costs:?}");
        // With the class put right class 1 has one of two at precision 1: 51 levels; class 0 is as before.
        assert!((costs.classification - 51.0 / 101.0 / 2.0).abs() < 1e-12, "{costs:?}");
        // Without the objects at 300 and 400 class 0 has two, one found: 51 levels; class 1 has one, not found.
        assert!((costs.missed - (51.0 / 101.0 / 2.0 - before)).abs() < 1e-12, "{costs:?}");
        // Mistakes after the last hit cost nothing.
        assert_eq!((costs.both, costs.duplicate, costs.background), (0.0, 0.0, 0.0));
    }

    #[test]
    fn confusions_have_a_class_for_the_background() {
        let matrix = confusions(&one_of_each(), 2, 0.3);
        // Object 0 found, object 200 taken for class 0; 100 and 300 are missed, and so is 400 of class 1; the
        // duplicate, the two misplaced ones and the one of nothing are detections of the background.
        assert_eq!([0, 1, 2].map(|row| matrix.row(row).to_vec()), [vec![1, 0, 2], vec![1, 0, 1], vec![4, 0, 0]]);
        assert_eq!(confusions(&one_of_each(), 2, 0.85).row(2), [0, 0, 0]);
    }

    #[test]
    fn curves_follow_the_confidence() {
        let curves = curves(&one_of_each(), 2);
        assert_eq!(curves[0].precision_recall[..2], [(1.0 / 3.0, 1.0), (1.0 / 3.0, 0.5)]);
        // One right of one found and three there: 2 / (1 + 3).
        assert_eq!(curves[0].best_f1(), Some((0.9, 0.5)));
        assert_eq!(curves[1], ScoreCurves::default());
    }
}
