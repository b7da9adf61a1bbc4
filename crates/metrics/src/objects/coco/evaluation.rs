//! Matching of detections with objects, and what follows from it.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use super::class_matching::{MatchedClass, OfClass};
use super::figures::CocoFigures;
use super::settings::{CocoSettings, Sizes};

/// With fewer images than this, one thread sorts them by class.
const FEWEST_IMAGES: usize = 256;

/// What matching needs to know of an object or a detection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Its class.
    pub class: usize,
    /// Size in square pixels.
    pub area: f64,
    /// Whether an object is a crowd: any number of detections may match it.
    pub crowd: bool,
    /// Whether an object is ignored: neither finding nor missing it counts.
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

    /// The overlap of a detection with an object, in `0..=1`; with a crowd, the share of the detection inside it.
    fn overlap(&self, found: &Self::Found, known: &Self::Known) -> f64;
}

/// The annotated and the detected objects of an image.
pub type CocoImage<K> = (Vec<<K as CocoObjects>::Known>, Vec<<K as CocoObjects>::Found>);

/// Images with their annotated and detected objects.
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
        let mut of_class = [OfClass::default()];
        self.gather(0..self.images.len(), class, &mut of_class);
        MatchedClass::new(&self.kind, &self.settings, &of_class[0]).figures(sizes, most)
    }

    /// Figures of the mean of the classes below `classes`.
    pub fn figures(&self, classes: usize, sizes: Sizes, most: usize) -> CocoFigures {
        let each = self.map_classes(classes, |class| class.figures(sizes, most));
        self.mean(each.iter())
    }

    /// Figures of each class below `classes`: of all objects, of small, medium and large ones ([`Sizes::EACH`]).
    pub fn each_class(&self, classes: usize) -> Vec<[CocoFigures; 4]> {
        let most = self.settings.most();
        self.map_classes(classes, |class| Sizes::EACH.map(|sizes| class.figures(sizes, most)))
    }

    /// Figures of the mean of the classes below `classes`: of all objects, of small, medium and large ones.
    pub fn by_size(&self, classes: usize) -> [CocoFigures; 4] {
        let each = self.each_class(classes);
        std::array::from_fn(|at| self.mean(each.iter().map(|figures| &figures[at])))
    }

    /// `of`, computed for each class below `classes`.
    fn map_classes<T: Send>(&self, classes: usize, of: impl Fn(MatchedClass<'_>) -> T + Sync) -> Vec<T> {
        let of_class = |class: &OfClass<'_, K>| of(MatchedClass::new(&self.kind, &self.settings, class));
        self.by_class(classes).par_iter().with_max_len(1).map(of_class).collect()
    }

    /// The objects of each class below `classes`, image by image.
    fn by_class(&self, classes: usize) -> Vec<OfClass<'_, K>> {
        let none = || -> Vec<OfClass<'_, K>> { std::iter::repeat_with(OfClass::default).take(classes).collect() };
        let size = self.images.len().div_ceil(rayon::current_num_threads()).max(FEWEST_IMAGES);
        let starts: Vec<usize> = (0..self.images.len()).step_by(size).collect();
        let parts: Vec<Vec<OfClass<'_, K>>> = starts
            .into_par_iter()
            .map(|start| {
                let mut part = none();
                self.gather(start..self.images.len().min(start + size), 0, &mut part);
                part
            })
            .collect();
        let mut by_class = none();
        for part in parts {
            by_class.iter_mut().zip(part).for_each(|(class, later)| class.append(later));
        }
        by_class
    }

    /// Adds the objects and detections of some images to `classes`, whose first has the number `first`; other classes
    /// are left out.
    fn gather<'a>(&'a self, images: Range<usize>, first: usize, classes: &mut [OfClass<'a, K>]) {
        let number = |class: usize| class.wrapping_sub(first);
        for image in images {
            let (known, found) = &self.images[image];
            for object in known {
                if let Some(of_class) = classes.get_mut(number(K::known(object).class)) {
                    of_class.add_known(image, object);
                }
            }
            for detection in found {
                if let Some(of_class) = classes.get_mut(number(K::found(detection).class)) {
                    of_class.add_found(image, detection);
                }
            }
        }
    }

    fn mean<'a>(&self, each: impl Iterator<Item = &'a CocoFigures> + Clone) -> CocoFigures {
        CocoFigures::mean(&self.settings.iou_thresholds, each)
    }

    /// COCO's twelve figures by the names of its tools. With other [`most_detections`](CocoSettings::most_detections)
    /// than COCO's, `AR1`, `AR10` and `AR100` are computed for those numbers and named after them.
    pub fn summary(&self, classes: usize) -> Vec<(String, Option<f64>)> {
        let (settings, most) = (&self.settings, self.settings.most());
        let fewer = &settings.most_detections[..settings.most_detections.len() - 1];
        // Of all objects, of small, medium and large ones, then of all with fewer detections.
        let each = self.map_classes(classes, |class| -> Vec<CocoFigures> {
            let by_size = Sizes::EACH.into_iter().map(|sizes| class.figures(sizes, most));
            by_size.chain(fewer.iter().map(|&most| class.figures(Sizes::All, most))).collect()
        });
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
