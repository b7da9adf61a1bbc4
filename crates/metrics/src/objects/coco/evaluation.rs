//! Matching of detections with objects, and what follows from it.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::figures::{CocoFigures, average_precision};
use super::settings::{CocoSettings, Sizes};

/// What matching needs to know of an object or a detection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Its class.
    pub class: usize,
    /// Size in square pixels.
    pub area: f64,
    /// Whether an object is a group: any number of detections may match it.
    pub crowd: bool,
    /// Whether an object counts neither way.
    pub ignored: bool,
    /// A detection's confidence.
    pub score: f64,
}

/// A kind of objects, and how they are compared.
pub trait CocoObjects: Sync {
    /// An annotated object.
    type Known: Clone + std::fmt::Debug + Sync;
    /// A detection.
    type Found: Clone + std::fmt::Debug + Sync;

    /// COCO's settings for this kind.
    fn settings() -> CocoSettings {
        CocoSettings::default()
    }

    /// What matching needs to know of an object.
    fn known(object: &Self::Known) -> Facts;

    /// What matching needs to know of a detection.
    fn found(detection: &Self::Found) -> Facts;

    /// How well a detection fits an object, in `0..=1`; with a group, how much of it is inside.
    fn overlap(&self, found: &Self::Found, known: &Self::Known) -> f64;
}

/// What is there and what was found in an image.
pub type CocoImage<K> = (Vec<<K as CocoObjects>::Known>, Vec<<K as CocoObjects>::Found>);

/// Images with what is there and what was found.
#[derive(Debug, Clone)]
pub struct CocoImages<K: CocoObjects> {
    kind: K,
    settings: CocoSettings,
    images: Vec<CocoImage<K>>,
}

impl<K: CocoObjects + Default> Default for CocoImages<K> {
    fn default() -> Self {
        Self::new(K::default(), K::settings())
    }
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

impl<K: CocoObjects> CocoImages<K> {
    /// None yet.
    ///
    /// # Panics
    ///
    /// When the settings have a [`problem`](CocoSettings::problem).
    pub fn new(kind: K, settings: CocoSettings) -> Self {
        if let Some(problem) = settings.problem() {
            panic!("{problem}");
        }
        Self { kind, settings, images: Vec::new() }
    }

    /// Adds an image.
    pub fn add(&mut self, known: Vec<K::Known>, found: Vec<K::Found>) {
        self.images.push((known, found));
    }

    /// Every image, in order.
    pub fn images(&self) -> &[CocoImage<K>] {
        &self.images
    }

    /// The settings.
    pub fn settings(&self) -> &CocoSettings {
        &self.settings
    }

    /// Figures of `class`, with at most `most` of its detections an image.
    pub fn class_figures(&self, class: usize, sizes: Sizes, most: usize) -> CocoFigures {
        let of_class = self.by_class(class + 1).pop().unwrap_or_default();
        Judged::new(&of_class, &self.settings, sizes).figures(most)
    }

    /// Figures of the mean of the classes below `classes`.
    pub fn figures(&self, classes: usize, sizes: Sizes, most: usize) -> CocoFigures {
        let each: Vec<CocoFigures> = self
            .by_class(classes)
            .par_iter()
            .map(|of_class| Judged::new(of_class, &self.settings, sizes).figures(most))
            .collect();
        self.mean(each.iter())
    }

    /// Figures of each class below `classes`: of all objects, of small, medium and large ones ([`Sizes::EACH`]).
    pub fn each_class(&self, classes: usize) -> Vec<[CocoFigures; 4]> {
        let (settings, most) = (&self.settings, self.settings.most());
        let figures = |of_class: &Vec<ImageOfClass<'_, K>>| {
            Sizes::EACH.map(|sizes| Judged::new(of_class, settings, sizes).figures(most))
        };
        self.by_class(classes).par_iter().map(figures).collect()
    }

    /// Figures of the mean of the classes below `classes`: of all objects, of small, medium and large ones.
    pub fn by_size(&self, classes: usize) -> [CocoFigures; 4] {
        let each = self.each_class(classes);
        std::array::from_fn(|at| self.mean(each.iter().map(|figures| &figures[at])))
    }

    /// The objects of each class below `classes`, image by image; images without any are left out.
    fn by_class(&self, classes: usize) -> Vec<Vec<ImageOfClass<'_, K>>> {
        let mut by_class: Vec<Vec<ImageOfClass<'_, K>>> = std::iter::repeat_with(Vec::new).take(classes).collect();
        for (image, (known, found)) in self.images.iter().enumerate() {
            for object in known {
                let facts = K::known(object);
                if let Some(images) = by_class.get_mut(facts.class) {
                    ImageOfClass::of(images, image).known.push((facts, object));
                }
            }
            for detection in found {
                let facts = K::found(detection);
                if let Some(images) = by_class.get_mut(facts.class) {
                    ImageOfClass::of(images, image).found.push((facts, detection));
                }
            }
        }
        let most = self.settings.most();
        by_class.par_iter_mut().flatten().for_each(|image| image.prepare(&self.kind, most));
        by_class
    }

    fn mean<'a>(&self, each: impl Iterator<Item = &'a CocoFigures> + Clone) -> CocoFigures {
        CocoFigures::mean(&self.settings.iou_thresholds, each)
    }

    /// COCO's twelve figures by the names of its tools. With other [`most_detections`](CocoSettings::most_detections)
    /// than COCO's the figures `AR1`, `AR10` and `AR100` are of those numbers, and so are their names.
    pub fn summary(&self, classes: usize) -> Vec<(String, Option<f64>)> {
        let (settings, most) = (&self.settings, self.settings.most());
        let fewer = &settings.most_detections[..settings.most_detections.len() - 1];
        // Of all objects, of small, medium and large ones, then of all with fewer detections.
        let each: Vec<Vec<CocoFigures>> = self
            .by_class(classes)
            .par_iter()
            .map(|of_class| {
                let judged = Sizes::EACH.map(|sizes| Judged::new(of_class, settings, sizes));
                let by_size = judged.iter().map(|judged| judged.figures(most));
                by_size.chain(fewer.iter().map(|&most| judged[0].figures(most))).collect()
            })
            .collect();
        let mean = |at: usize| self.mean(each.iter().map(|figures| &figures[at]));
        let [all, small, medium, large] = std::array::from_fn(mean);
        let mut summary: Vec<(String, Option<f64>)> = [
            ("AP", all.ap()),
            ("AP50", all.ap50()),
            ("AP75", all.ap75()),
            ("APs", small.ap()),
            ("APm", medium.ap()),
            ("APl", large.ap()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        for (at, count) in fewer.iter().enumerate() {
            summary.push((format!("AR{count}"), mean(Sizes::EACH.len() + at).ar()));
        }
        summary.push((format!("AR{most}"), all.ar()));
        summary
            .extend([("ARs", &small), ("ARm", &medium), ("ARl", &large)].map(|(name, of)| (name.to_owned(), of.ar())));
        summary
    }
}

/// What there is of one class in an image.
struct ImageOfClass<'a, K: CocoObjects> {
    image: usize,
    known: Vec<(Facts, &'a K::Known)>,
    /// After [`prepare`](Self::prepare) the most confident ones in falling order.
    found: Vec<(Facts, &'a K::Found)>,
    /// `[detection][object]`.
    overlaps: Vec<f64>,
}

impl<K: CocoObjects> ImageOfClass<'_, K> {
    /// The last of `images` if it is number `image`, else a new one.
    fn of(images: &mut Vec<Self>, image: usize) -> &mut Self {
        if images.last().is_none_or(|last| last.image != image) {
            images.push(Self { image, known: Vec::new(), found: Vec::new(), overlaps: Vec::new() });
        }
        images.last_mut().expect("pushed just now")
    }

    /// Sorts the detections and compares each with every object: the same for all sizes and thresholds.
    fn prepare(&mut self, kind: &K, most: usize) {
        // Keeps the order of equals, as NumPy's merge sort does.
        self.found.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score));
        self.found.truncate(most);
        let known = &self.known;
        let rows = self.found.iter().map(|(_, found)| known.iter().map(move |(_, object)| kind.overlap(found, object)));
        self.overlaps = rows.flatten().collect();
    }

    /// Matches the detections with the objects at every IoU threshold.
    fn judge(&self, settings: &CocoSettings, sizes: Sizes) -> Compared {
        let [least, most] = settings.bounds(sizes);
        let outside = |area: f64| area < least || area > most;
        // Objects that count first, in their order.
        let mut objects: Vec<(usize, bool)> = self
            .known
            .iter()
            .enumerate()
            .map(|(at, (object, _))| (at, object.ignored || outside(object.area)))
            .collect();
        objects.sort_by_key(|(_, ignored)| *ignored);
        let mut detections = Vec::with_capacity(settings.iou_thresholds.len() * self.found.len());
        let mut taken = vec![false; objects.len()];
        for &threshold in &settings.iou_thresholds {
            taken.fill(false);
            for (row, (detection, _)) in self.found.iter().enumerate() {
                let overlaps = &self.overlaps[row * self.known.len()..][..self.known.len()];
                let mut best: Option<usize> = None;
                // pycocotools takes no threshold of 1 at its word.
                let mut least_overlap = threshold.min(1.0 - 1e-10);
                for (place, &(at, ignored)) in objects.iter().enumerate() {
                    if taken[place] && !self.known[at].0.crowd {
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
                    None if outside(detection.area) => Outcome::Ignored,
                    None => Outcome::Wrong,
                });
            }
        }
        let counting = objects.iter().filter(|(_, ignored)| !ignored).count();
        Compared { detections, found: self.found.len(), objects: counting }
    }
}

/// One class in all images, compared for objects of some sizes.
struct Judged<'s> {
    settings: &'s CocoSettings,
    images: Vec<Compared>,
    /// Score, number in `images` and rank in its image of each detection, by falling score; equal ones in the order of the
    /// images.
    order: Vec<(f64, usize, usize)>,
}

impl<'s> Judged<'s> {
    fn new<K: CocoObjects>(of_class: &[ImageOfClass<'_, K>], settings: &'s CocoSettings, sizes: Sizes) -> Self {
        let mut order: Vec<(f64, usize, usize)> = of_class
            .iter()
            .enumerate()
            .flat_map(|(number, image)| {
                image.found.iter().enumerate().map(move |(rank, (detection, _))| (detection.score, number, rank))
            })
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self { settings, images: of_class.iter().map(|image| image.judge(settings, sizes)).collect(), order }
    }

    /// Figures with at most `most` detections an image.
    fn figures(&self, most: usize) -> CocoFigures {
        let objects: usize = self.images.iter().map(|image| image.objects).sum();
        if objects == 0 {
            return CocoFigures::none(&self.settings.iou_thresholds);
        }
        let thresholds = self.settings.iou_thresholds.clone();
        let mut figures = CocoFigures { precision: Vec::new(), recall: Vec::new(), thresholds };
        for threshold in 0..self.settings.iou_thresholds.len() {
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
pub(in crate::objects) fn object_counts(boxes: &super::CocoBoxes) -> BTreeMap<usize, u64> {
    let mut counts = BTreeMap::new();
    for object in boxes.images.iter().flat_map(|(known, _)| known).filter(|object| !object.crowd) {
        *counts.entry(object.class).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::{CocoBoxes, FoundBox, KnownBox};
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
