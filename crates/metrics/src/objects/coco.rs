//! COCO's evaluation of boxes.
//!
//! Source: pycocotools 2.0, `cocoeval.py`: the same matching, the same order of detections with equal scores, the same
//! 101 recall levels.

use std::collections::BTreeMap;

use rayon::prelude::*;

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

/// What became of a detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Right,
    Wrong,
    /// It counts neither way.
    Ignored,
}

/// One class in one image, compared.
struct Compared {
    /// `[IoU threshold][detection]`.
    detections: Vec<Outcome>,
    /// Detections in this image.
    found: usize,
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
        let of_class = self.by_class(class + 1).pop().unwrap_or_default();
        Judged::new(&of_class, sizes).figures(most)
    }

    /// Figures of the mean of the classes below `classes`.
    pub fn figures(&self, classes: usize, sizes: Sizes, most: usize) -> BoxFigures {
        let by_class = self.by_class(classes);
        let each: Vec<BoxFigures> =
            by_class.par_iter().map(|of_class| Judged::new(of_class, sizes).figures(most)).collect();
        BoxFigures::mean(each.iter())
    }

    /// The boxes of each class below `classes`, image by image; images without any are left out.
    fn by_class(&self, classes: usize) -> Vec<Vec<ImageOfClass<'_>>> {
        let mut by_class: Vec<Vec<ImageOfClass<'_>>> = std::iter::repeat_with(Vec::new).take(classes).collect();
        for (image, (known, found)) in self.images.iter().enumerate() {
            for object in known.iter().filter(|object| object.class < classes) {
                ImageOfClass::of(&mut by_class[object.class], image).known.push(object);
            }
            for detection in found.iter().filter(|detection| detection.class < classes) {
                ImageOfClass::of(&mut by_class[detection.class], image).found.push(detection);
            }
        }
        by_class.par_iter_mut().flatten().for_each(ImageOfClass::prepare);
        by_class
    }

    /// COCO's twelve figures by the names of its tools.
    pub fn twelve(&self, classes: usize) -> [(&'static str, Option<f64>); 12] {
        let each: Vec<[BoxFigures; 6]> = self
            .by_class(classes)
            .par_iter()
            .map(|of_class| {
                let [all, small, medium, large] = Sizes::EACH.map(|sizes| Judged::new(of_class, sizes));
                let [small, medium, large] = [small, medium, large].map(|judged| judged.figures(MOST_DETECTIONS));
                [all.figures(MOST_DETECTIONS), small, medium, large, all.figures(1), all.figures(10)]
            })
            .collect();
        let [all, small, medium, large, one, ten] =
            std::array::from_fn(|at| BoxFigures::mean(each.iter().map(|figures| &figures[at])));
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
    /// The mean of several classes.
    fn mean<'a>(each: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let mean = |of: fn(&Self) -> &Vec<Option<f64>>| -> Vec<Option<f64>> {
            (0..THRESHOLDS).map(|at| mean_of(each.clone().map(|figures| of(figures)[at]))).collect()
        };
        Self { precision: mean(|figures| &figures.precision), recall: mean(|figures| &figures.recall) }
    }

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
    // Precision falls and recall stays between two hits, so that only hits decide the curve.
    let (mut recalls, mut precisions) = (Vec::new(), Vec::new());
    for (rank, _) in right.enumerate().filter(|(_, right)| *right) {
        let hits = (precisions.len() + 1) as f64;
        recalls.push(hits / objects as f64);
        // pycocotools adds the distance from 1 to the next number, against a division by zero.
        precisions.push(hits / ((rank + 1) as f64 + f64::EPSILON));
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

/// The boxes of one class in an image.
#[derive(Debug, Default)]
struct ImageOfClass<'a> {
    image: usize,
    known: Vec<&'a KnownBox>,
    /// After [`prepare`](Self::prepare) the most confident ones in falling order.
    found: Vec<&'a FoundBox>,
    /// `[detection][object]`.
    overlaps: Vec<f64>,
}

impl<'a> ImageOfClass<'a> {
    /// The last of `images` if it is number `image`, else a new one.
    fn of(images: &mut Vec<Self>, image: usize) -> &mut Self {
        if images.last().is_none_or(|last| last.image != image) {
            images.push(Self { image, ..Self::default() });
        }
        images.last_mut().expect("pushed just now")
    }

    /// Sorts the detections and compares each with every object: the same for all sizes and thresholds.
    fn prepare(&mut self) {
        // Keeps the order of equals, as NumPy's merge sort does.
        self.found.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.found.truncate(MOST_DETECTIONS);
        let known = &self.known;
        let rows = self
            .found
            .iter()
            .map(|found| known.iter().map(move |object| overlap(found.bbox, object.bbox, object.crowd)));
        self.overlaps = rows.flatten().collect();
    }

    /// Matches the detections with the objects at every IoU threshold.
    fn judge(&self, sizes: Sizes) -> Compared {
        let [least, most] = sizes.bounds();
        let outside = |area: f64| area < least || area > most;
        // Objects that count first, in their order.
        let mut objects: Vec<(usize, bool)> =
            self.known.iter().enumerate().map(|(at, object)| (at, object.crowd || outside(object.area))).collect();
        objects.sort_by_key(|(_, ignored)| *ignored);
        let mut detections = Vec::with_capacity(THRESHOLDS * self.found.len());
        let mut taken = vec![false; objects.len()];
        for number in 0..THRESHOLDS {
            taken.fill(false);
            for (row, detection) in self.found.iter().enumerate() {
                let overlaps = &self.overlaps[row * self.known.len()..][..self.known.len()];
                let mut best: Option<usize> = None;
                // pycocotools takes no threshold of 1 at its word.
                let mut least_overlap = threshold(number).min(1.0 - 1e-10);
                for (place, &(at, ignored)) in objects.iter().enumerate() {
                    if taken[place] && !self.known[at].crowd {
                        continue;
                    }
                    // A match with an object that counts is never given up for one that does not.
                    if best.is_some_and(|best| !objects[best].1) && ignored {
                        break;
                    }
                    if overlaps[at] >= least_overlap {
                        least_overlap = overlaps[at];
                        best = Some(place);
                    }
                }
                detections.push(match best {
                    Some(best) => {
                        taken[best] = true;
                        if objects[best].1 { Outcome::Ignored } else { Outcome::Right }
                    }
                    None if outside(detection.bbox[2] * detection.bbox[3]) => Outcome::Ignored,
                    None => Outcome::Wrong,
                });
            }
        }
        let counting = objects.iter().filter(|(_, ignored)| !ignored).count();
        Compared { detections, found: self.found.len(), objects: counting }
    }
}

/// One class in all images, compared for objects of some sizes.
struct Judged {
    images: Vec<Compared>,
    /// Score, number in `images` and rank in its image of each detection, by falling score; equal ones in the order of the
    /// images.
    order: Vec<(f64, usize, usize)>,
}

impl Judged {
    fn new(of_class: &[ImageOfClass<'_>], sizes: Sizes) -> Self {
        let mut order: Vec<(f64, usize, usize)> = of_class
            .iter()
            .enumerate()
            .flat_map(|(number, image)| {
                image.found.iter().enumerate().map(move |(rank, detection)| (detection.score, number, rank))
            })
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self { images: of_class.iter().map(|image| image.judge(sizes)).collect(), order }
    }

    /// Figures with at most `most` detections an image.
    fn figures(&self, most: usize) -> BoxFigures {
        let objects: usize = self.images.iter().map(|image| image.objects).sum();
        if objects == 0 {
            return BoxFigures { precision: vec![None; THRESHOLDS], recall: vec![None; THRESHOLDS] };
        }
        let mut figures = BoxFigures::default();
        for threshold in 0..THRESHOLDS {
            let taken = self.order.iter().filter(|&&(_, _, rank)| rank < most);
            let outcomes = taken.map(|&(_, image, rank)| {
                let image = &self.images[image];
                image.detections[threshold * image.found + rank]
            });
            let counted = outcomes.filter(|outcome| *outcome != Outcome::Ignored);
            let counted = counted.map(|outcome| outcome == Outcome::Right);
            let (precision, recall) = average_precision(counted, objects);
            figures.precision.push(Some(precision));
            figures.recall.push(Some(recall));
        }
        figures
    }
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
