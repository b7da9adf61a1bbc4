//! COCO's evaluation of boxes.
//!
//! Source: pycocotools 2.0, `cocoeval.py`: the same matching, the same order of detections with equal scores, the same
//! 101 recall levels.

use std::collections::BTreeMap;

/// IoU thresholds 0.50, 0.55 … 0.95, as NumPy's `linspace` gives them.
const THRESHOLDS: usize = 10;
/// Recall levels 0, 0.01 … 1.
const RECALL_LEVELS: usize = 101;
/// Detections of one class that count in an image.
const MOST_DETECTIONS: usize = 100;
/// Bounds of small, medium and large objects in square pixels: 32² and 96².
const SIZE_BOUNDS: [f64; 2] = [1024.0, 9216.0];
/// "No bound" in pycocotools.
const LARGEST_AREA: f64 = 1e10;

/// An annotated box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownBox {
    /// `[x, y, width, height]` in pixels.
    pub bbox: [f64; 4],
    /// Its class.
    pub class: usize,
    /// Size of the object in square pixels.
    pub area: f64,
    /// Whether it is a group of objects.
    pub crowd: bool,
}

/// A detected box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoundBox {
    /// `[x, y, width, height]` in pixels.
    pub bbox: [f64; 4],
    /// Its class.
    pub class: usize,
    /// Confidence.
    pub score: f64,
}

/// Which objects a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// All of them.
    All,
    /// Up to 32² square pixels.
    Small,
    /// From 32² to 96² square pixels.
    Medium,
    /// From 96² square pixels.
    Large,
}

impl Sizes {
    /// Every choice.
    pub const EACH: [Self; 4] = [Self::All, Self::Small, Self::Medium, Self::Large];

    /// Bounds in square pixels, both inclusive.
    pub const fn bounds(self) -> [f64; 2] {
        let [small, medium] = SIZE_BOUNDS;
        match self {
            Self::All => [0.0, LARGEST_AREA],
            Self::Small => [0.0, small],
            Self::Medium => [small, medium],
            Self::Large => [medium, LARGEST_AREA],
        }
    }
}

/// Images with what is there and what was found.
#[derive(Debug, Clone, Default)]
pub struct CocoBoxes {
    images: Vec<(Vec<KnownBox>, Vec<FoundBox>)>,
}

/// Figures of one class or of the mean of several; `None` where there are no such objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BoxFigures {
    /// Average precision at each IoU threshold.
    precision: Vec<Option<f64>>,
    /// Highest recall at each IoU threshold.
    recall: Vec<Option<f64>>,
}

/// One class in one image, compared.
struct Compared {
    /// Scores in falling order.
    scores: Vec<f64>,
    /// For each IoU threshold and detection: matched, ignored.
    detections: Vec<Vec<(bool, bool)>>,
    /// Objects that count.
    objects: usize,
}

/// The `number`th IoU threshold.
pub(super) fn threshold(number: usize) -> f64 {
    let (first, last) = (0.5, 0.95);
    if number + 1 == THRESHOLDS { last } else { first + number as f64 * ((last - first) / (THRESHOLDS - 1) as f64) }
}

/// IoU of a detection with an object; with a crowd, the share of the detection inside.
pub(super) fn overlap(found: [f64; 4], known: [f64; 4], crowd: bool) -> f64 {
    let side =
        |axis: usize| (found[axis] + found[axis + 2]).min(known[axis] + known[axis + 2]) - found[axis].max(known[axis]);
    let (width, height) = (side(0), side(1));
    if width <= 0.0 || height <= 0.0 {
        return 0.0;
    }
    let (inside, area) = (width * height, found[2] * found[3]);
    inside / if crowd { area } else { area + known[2] * known[3] - inside }
}

impl CocoBoxes {
    /// Adds an image.
    pub fn add(&mut self, known: Vec<KnownBox>, found: Vec<FoundBox>) {
        self.images.push((known, found));
    }

    /// Every image, in order.
    pub fn images(&self) -> &[(Vec<KnownBox>, Vec<FoundBox>)] {
        &self.images
    }

    /// Figures of `class`, with at most `most` of its detections an image.
    pub fn class_figures(&self, class: usize, sizes: Sizes, most: usize) -> BoxFigures {
        let compared: Vec<Compared> =
            self.images.iter().filter_map(|(known, found)| compare(known, found, class, sizes)).collect();
        let objects: usize = compared.iter().map(|image| image.objects).sum();
        if objects == 0 {
            return BoxFigures { precision: vec![None; THRESHOLDS], recall: vec![None; THRESHOLDS] };
        }
        // Detections by falling score, equal ones in the order of the images.
        let mut order: Vec<(f64, usize, usize)> = compared
            .iter()
            .enumerate()
            .flat_map(|(image, one)| {
                one.scores.iter().take(most).enumerate().map(move |(rank, score)| (*score, image, rank))
            })
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut figures = BoxFigures::default();
        for threshold in 0..THRESHOLDS {
            let outcomes = order.iter().map(|&(_, image, rank)| compared[image].detections[threshold][rank]);
            let counted = outcomes.filter(|(_, ignored)| !ignored).map(|(matched, _)| matched);
            let (precision, recall) = average_precision(counted, objects);
            figures.precision.push(Some(precision));
            figures.recall.push(Some(recall));
        }
        figures
    }

    /// Figures of the mean of the classes below `classes`.
    pub fn figures(&self, classes: usize, sizes: Sizes, most: usize) -> BoxFigures {
        let each: Vec<BoxFigures> = (0..classes).map(|class| self.class_figures(class, sizes, most)).collect();
        let mean = |of: fn(&BoxFigures) -> &Vec<Option<f64>>| -> Vec<Option<f64>> {
            (0..THRESHOLDS).map(|at| mean_of(each.iter().map(|figures| of(figures)[at]))).collect()
        };
        BoxFigures { precision: mean(|figures| &figures.precision), recall: mean(|figures| &figures.recall) }
    }

    /// COCO's twelve figures by the names of its tools.
    pub fn twelve(&self, classes: usize) -> [(&'static str, Option<f64>); 12] {
        let [all, small, medium, large] = Sizes::EACH.map(|sizes| self.figures(classes, sizes, MOST_DETECTIONS));
        let [one, ten] = [1, 10].map(|most| self.figures(classes, Sizes::All, most));
        [
            ("AP", all.ap()),
            ("AP50", all.ap50()),
            ("AP75", all.ap75()),
            ("APs", small.ap()),
            ("APm", medium.ap()),
            ("APl", large.ap()),
            ("AR1", one.ar()),
            ("AR10", ten.ar()),
            ("AR100", all.ar()),
            ("ARs", small.ar()),
            ("ARm", medium.ar()),
            ("ARl", large.ar()),
        ]
    }
}

impl BoxFigures {
    /// Average precision, the mean over all IoU thresholds.
    pub fn ap(&self) -> Option<f64> {
        mean_of(self.precision.iter().copied())
    }

    /// Average precision at an IoU of 0.50.
    pub fn ap50(&self) -> Option<f64> {
        self.precision.first().copied().flatten()
    }

    /// Average precision at an IoU of 0.75.
    pub fn ap75(&self) -> Option<f64> {
        self.precision.get(THRESHOLDS / 2).copied().flatten()
    }

    /// Average recall, the mean over all IoU thresholds.
    pub fn ar(&self) -> Option<f64> {
        mean_of(self.recall.iter().copied())
    }
}

/// The mean of what is defined; `None` of nothing.
fn mean_of(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0usize);
    for value in values.flatten() {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

/// Average precision and highest recall of detections in falling order of their scores, right or wrong.
pub(super) fn average_precision(right: impl Iterator<Item = bool>, objects: usize) -> (f64, f64) {
    let (mut hits, mut recalls, mut precisions) = (0usize, Vec::new(), Vec::new());
    for (rank, right) in right.enumerate() {
        hits += usize::from(right);
        recalls.push(hits as f64 / objects as f64);
        // pycocotools adds the distance from 1 to the next number, against a division by zero.
        precisions.push(hits as f64 / ((rank + 1) as f64 + f64::EPSILON));
    }
    for at in (1..precisions.len()).rev() {
        precisions[at - 1] = precisions[at - 1].max(precisions[at]);
    }
    let levels = (0..RECALL_LEVELS).map(|level| {
        let level = if level + 1 == RECALL_LEVELS { 1.0 } else { level as f64 * 0.01 };
        let reached = recalls.partition_point(|recall| *recall < level);
        precisions.get(reached).copied().unwrap_or(0.0)
    });
    (levels.sum::<f64>() / RECALL_LEVELS as f64, recalls.last().copied().unwrap_or(0.0))
}

/// Matches the detections of `class` in one image with its objects at every IoU threshold.
fn compare(known: &[KnownBox], found: &[FoundBox], class: usize, sizes: Sizes) -> Option<Compared> {
    let [least, most] = sizes.bounds();
    let outside = |area: f64| area < least || area > most;
    let mut objects: Vec<(&KnownBox, bool)> = known
        .iter()
        .filter(|object| object.class == class)
        .map(|object| (object, object.crowd || outside(object.area)))
        .collect();
    let mut detections: Vec<&FoundBox> = found.iter().filter(|detection| detection.class == class).collect();
    if objects.is_empty() && detections.is_empty() {
        return None;
    }
    // Both sorts keep the order of equals, as NumPy's merge sort does.
    objects.sort_by_key(|(_, ignored)| *ignored);
    detections.sort_by(|a, b| b.score.total_cmp(&a.score));
    detections.truncate(MOST_DETECTIONS);
    let overlaps: Vec<Vec<f64>> = detections
        .iter()
        .map(|detection| objects.iter().map(|(object, _)| overlap(detection.bbox, object.bbox, object.crowd)).collect())
        .collect();
    let matched_at = |number: usize| -> Vec<(bool, bool)> {
        let mut taken = vec![false; objects.len()];
        detections
            .iter()
            .zip(&overlaps)
            .map(|(detection, overlaps)| {
                let mut best: Option<usize> = None;
                // pycocotools takes no threshold of 1 at its word.
                let mut least_overlap = threshold(number).min(1.0 - 1e-10);
                for (at, (object, ignored)) in objects.iter().enumerate() {
                    if taken[at] && !object.crowd {
                        continue;
                    }
                    // A match with an object that counts is never given up for one that does not.
                    if best.is_some_and(|best| !objects[best].1) && *ignored {
                        break;
                    }
                    if overlaps[at] >= least_overlap {
                        least_overlap = overlaps[at];
                        best = Some(at);
                    }
                }
                match best {
                    Some(best) => {
                        taken[best] = true;
                        (true, objects[best].1)
                    }
                    None => (false, outside(detection.bbox[2] * detection.bbox[3])),
                }
            })
            .collect()
    };
    Some(Compared {
        scores: detections.iter().map(|detection| detection.score).collect(),
        detections: (0..THRESHOLDS).map(matched_at).collect(),
        objects: objects.iter().filter(|(_, ignored)| !ignored).count(),
    })
}

/// Objects of each class, without crowds.
pub(super) fn object_counts(boxes: &CocoBoxes) -> BTreeMap<usize, u64> {
    let mut counts = BTreeMap::new();
    for object in boxes.images.iter().flat_map(|(known, _)| known).filter(|object| !object.crowd) {
        *counts.entry(object.class).or_default() += 1;
    }
    counts
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

    /// To nine digits: pycocotools' addend keeps a precision of 1 a rounding error below it.
    fn rounded(value: Option<f64>) -> Option<f64> {
        value.map(|value| (value * 1e9).round() / 1e9)
    }

    #[test]
    fn a_perfect_answer_has_an_average_precision_of_one_and_no_objects_none() {
        let mut boxes = CocoBoxes::default();
        boxes.add(vec![known(0.0, 0), known(50.0, 1)], vec![found(0.0, 0, 0.9), found(50.0, 1, 0.8)]);
        let figures = boxes.figures(3, Sizes::All, 100);
        assert_eq!([figures.ap(), figures.ap50(), figures.ar()].map(rounded), [Some(1.0); 3]);
        assert_eq!(boxes.class_figures(2, Sizes::All, 100).ap(), None);
        assert_eq!(boxes.figures(3, Sizes::Large, 100).ap(), None);
    }

    #[test]
    fn a_mistake_before_a_hit_halves_the_precision() {
        let mut boxes = CocoBoxes::default();
        boxes.add(vec![known(0.0, 0), known(100.0, 0)], vec![found(50.0, 0, 0.9), found(0.0, 0, 0.8)]);
        // One of two objects, found second: precision 1/2 up to a recall of 1/2, which is 51 of 101 levels.
        let figures = boxes.class_figures(0, Sizes::All, 100);
        assert!((figures.ap50().unwrap() - 51.0 / 101.0 / 2.0).abs() < 1e-12, "{figures:?}");
        assert_eq!(figures.ar(), Some(0.5));
        // With one detection an image only the mistake is left.
        assert_eq!(boxes.class_figures(0, Sizes::All, 1).ap(), Some(0.0));
    }

    #[test]
    fn thresholds_of_the_overlap_are_inclusive_and_crowds_excuse() {
        let mut boxes = CocoBoxes::default();
        // 5 of 15 shared: IoU 1/3. 20 wide against 10: IoU 1/2, right at 0.50 and at no other threshold.
        boxes.add(vec![known(0.0, 0)], vec![FoundBox { bbox: [0.0, 0.0, 20.0, 10.0], class: 0, score: 0.9 }]);
        let figures = boxes.class_figures(0, Sizes::All, 100);
        assert_eq!([figures.ap50(), figures.ap75()].map(rounded), [Some(1.0), Some(0.0)]);
        assert!((figures.ap().unwrap() - 0.1).abs() < 1e-12);
        let mut crowded = CocoBoxes::default();
        let crowd = KnownBox { bbox: [100.0, 0.0, 90.0, 90.0], class: 0, area: 8100.0, crowd: true };
        let inside = [110.0, 130.0, 150.0].map(|x| found(x, 0, 0.95));
        crowded.add(vec![crowd, known(0.0, 0)], [&inside[..], &[found(0.0, 0, 0.5)]].concat());
        assert_eq!(rounded(crowded.class_figures(0, Sizes::All, 100).ap()), Some(1.0));
    }
}
