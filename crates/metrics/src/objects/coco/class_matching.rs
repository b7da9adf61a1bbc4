//! One class in all images: which detections match which objects, and the figures that follow from it.
//!
//! Which object a detection is matched with depends on the IoU threshold and on the range of sizes. The candidates, and
//! their order by overlap, depend on neither, and are found once. All thresholds are then matched together, as the bits
//! of one number.

use std::ops::Range;

use rayon::prelude::*;

use super::evaluation::{CocoObjects, Facts};
use super::figures::{CocoFigures, average_precision_of_hits};
use super::settings::{CocoSettings, Sizes};

/// One bit an IoU threshold.
type Thresholds = u64;
/// IoU thresholds that are matched at once.
const BLOCK: usize = Thresholds::BITS as usize;
/// Detections that a thread compares with objects as one piece of work.
const DETECTIONS_A_PART: usize = 256;
/// pycocotools lowers a threshold of 1 to this.
const HIGHEST_THRESHOLD: f64 = 1.0 - 1e-10;

/// The objects and detections of one class, in the order of their images.
pub(super) struct OfClass<'a, K: CocoObjects> {
    known: Vec<(usize, &'a K::Known)>,
    found: Vec<(usize, &'a K::Found)>,
}

impl<K: CocoObjects> Default for OfClass<'_, K> {
    fn default() -> Self {
        Self { known: Vec::new(), found: Vec::new() }
    }
}

impl<'a, K: CocoObjects> OfClass<'a, K> {
    /// Adds an object of an image. Images must come in rising order.
    pub(super) fn add_known(&mut self, image: usize, object: &'a K::Known) {
        self.known.push((image, object));
    }

    /// Adds a detection. Images must come in rising order.
    pub(super) fn add_found(&mut self, image: usize, detection: &'a K::Found) {
        self.found.push((image, detection));
    }

    /// Appends the objects and detections of later images.
    pub(super) fn append(&mut self, mut later: Self) {
        if self.known.is_empty() && self.found.is_empty() {
            *self = later;
        } else {
            self.known.append(&mut later.known);
            self.found.append(&mut later.found);
        }
    }
}

/// An object that a detection may be matched with.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// Its number in the class.
    object: u32,
    /// How many IoU thresholds the overlap reaches; thresholds rise, so these are the first ones.
    reached: u32,
}

/// A detection that counts.
#[derive(Debug, Clone)]
struct Ranked {
    /// Size in square pixels.
    area: f64,
    /// Number of detections of its class in its image with a higher score.
    rank: usize,
    /// Its candidates.
    candidates: Range<usize>,
}

/// One class in all images, compared.
pub(super) struct MatchedClass<'s> {
    settings: &'s CocoSettings,
    objects: Vec<Facts>,
    /// By falling score; equal scores in the order of the images.
    detections: Vec<Ranked>,
    /// The candidates of each detection in turn, by falling overlap; of equal overlaps the last object first.
    candidates: Vec<Candidate>,
}

impl<'s> MatchedClass<'s> {
    /// Compares every detection that counts with the objects in its image.
    pub(super) fn new<K: CocoObjects>(kind: &K, settings: &'s CocoSettings, of_class: &OfClass<'_, K>) -> Self {
        let OfClass { known, found } = of_class;
        let in_order = order(found.iter().map(|(_, detection)| K::found(detection).score));
        let images = images(of_class);
        let mut taken = vec![0_usize; images.len()];
        let mut image_of = Vec::with_capacity(found.len());
        for (number, image) in images.iter().enumerate() {
            image_of.resize(image.detections.end, number);
        }
        let ranked: Vec<(usize, usize, usize)> = in_order
            .into_iter()
            .map(|detection| {
                let image = image_of[detection];
                taken[image] += 1;
                (detection, image, taken[image] - 1)
            })
            .filter(|&(_, _, rank)| rank < settings.most())
            .collect();
        let parts: Vec<(Vec<usize>, Vec<Candidate>)> = ranked
            .par_chunks(DETECTIONS_A_PART)
            .map(|part| {
                let (mut counts, mut candidates) = (Vec::with_capacity(part.len()), Vec::new());
                let mut fitting = Vec::new();
                for &(detection, image, _) in part {
                    let objects = images[image].objects.clone();
                    find_candidates(kind, settings, found[detection].1, known, objects, &mut fitting);
                    counts.push(fitting.len());
                    candidates.extend(fitting.iter().map(|&(_, candidate)| candidate));
                }
                (counts, candidates)
            })
            .collect();
        let (mut counts, mut candidates) = (Vec::with_capacity(ranked.len()), Vec::new());
        for (part_counts, part) in parts {
            counts.extend(part_counts);
            candidates.extend(part);
        }
        let mut end = 0;
        let detections = ranked.into_iter().zip(counts).map(|((detection, _, rank), count)| {
            let start = end;
            end += count;
            Ranked { area: K::found(found[detection].1).area, rank, candidates: start..end }
        });
        let detections = detections.collect();
        let objects = known.iter().map(|(_, object)| K::known(object)).collect();
        Self { settings, objects, detections, candidates }
    }

    /// Figures with at most `most` detections an image.
    pub(super) fn figures(&self, sizes: Sizes, most: usize) -> CocoFigures {
        let [smallest, largest] = self.settings.bounds(sizes);
        let outside = |area: f64| area < smallest || area > largest;
        let counting: Vec<bool> = self.objects.iter().map(|object| !(object.ignored || outside(object.area))).collect();
        let objects = counting.iter().filter(|counts| **counts).count();
        let thresholds = &self.settings.iou_thresholds;
        if objects == 0 {
            return CocoFigures::none(thresholds);
        }
        let mut figures = CocoFigures { thresholds: thresholds.clone(), precision: Vec::new(), recall: Vec::new() };
        for first in (0..thresholds.len()).step_by(BLOCK) {
            let count = BLOCK.min(thresholds.len() - first);
            for hits in self.hits(first, count, &counting, outside, most) {
                let (precision, recall) = average_precision_of_hits(&hits, objects);
                figures.precision.push(Some(precision));
                figures.recall.push(Some(recall));
            }
        }
        figures
    }

    /// Matches the detections with the objects at `count` IoU thresholds from number `first`. The result is, for each
    /// threshold, how many detections that count come before each right one.
    fn hits(
        &self,
        first: usize,
        count: usize,
        counting: &[bool],
        outside: impl Fn(f64) -> bool,
        most: usize,
    ) -> Vec<Vec<usize>> {
        let all = below(count);
        let reached = |candidate: &Candidate| below((candidate.reached as usize).saturating_sub(first)) & all;
        // At which thresholds an object is matched already.
        let mut matched: Vec<Thresholds> = vec![0; self.objects.len()];
        let mut hits = vec![Vec::new(); count];
        let mut passed = 0;
        // How many of those passed count neither way.
        let mut ignored_before = vec![0_usize; count];
        for detection in &self.detections {
            let (mut open, mut right, mut ignored) = (all, 0, 0);
            let candidates = &self.candidates[detection.candidates.clone()];
            // A match with an object that counts is never given up for one that does not.
            for candidate in candidates.iter().filter(|candidate| counting[candidate.object as usize]) {
                let matched = &mut matched[candidate.object as usize];
                let match_at = reached(candidate) & open & !*matched;
                *matched |= match_at;
                right |= match_at;
                open &= !match_at;
            }
            for candidate in candidates.iter().filter(|candidate| !counting[candidate.object as usize]) {
                let matched = &mut matched[candidate.object as usize];
                // Any number of detections may match a group.
                let free = if self.objects[candidate.object as usize].crowd { all } else { !*matched };
                let match_at = reached(candidate) & open & free;
                *matched |= match_at;
                ignored |= match_at;
                open &= !match_at;
            }
            if outside(detection.area) {
                ignored |= open;
            }
            if detection.rank >= most || ignored == all {
                continue;
            }
            for threshold in bits(right) {
                hits[threshold].push(passed - ignored_before[threshold]);
            }
            for threshold in bits(ignored) {
                ignored_before[threshold] += 1;
            }
            passed += 1;
        }
        hits
    }
}

/// The first `count` thresholds of a block.
fn below(count: usize) -> Thresholds {
    if count >= BLOCK { Thresholds::MAX } else { (1 << count) - 1 }
}

/// The thresholds in a set, rising.
fn bits(mut set: Thresholds) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (lowest < BLOCK).then_some(lowest)
    })
}

/// The positions of the scores, sorted by falling score; equal scores keep their order, as in NumPy's merge sort.
fn order(scores: impl Iterator<Item = f64>) -> Vec<usize> {
    let key = |(at, score): (usize, f64)| {
        // As `f64::total_cmp` orders them, turned round.
        let bits = score.to_bits();
        let rising = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
        u128::from(!rising) << 64 | at as u128
    };
    let mut keys: Vec<u128> = scores.enumerate().map(key).collect();
    keys.sort_unstable();
    keys.into_iter().map(|key| key as u64 as usize).collect()
}

/// What belongs to an image.
struct InImage {
    objects: Range<usize>,
    detections: Range<usize>,
}

/// The images that have detections, in order.
fn images<K: CocoObjects>(of_class: &OfClass<'_, K>) -> Vec<InImage> {
    let OfClass { known, found } = of_class;
    let mut images = Vec::new();
    let (mut objects_end, mut detections_end) = (0, 0);
    while let Some(&(image, _)) = found.get(detections_end) {
        let same = |rest: &[(usize, &K::Found)]| rest.iter().take_while(|(other, _)| *other == image).count();
        let detections = detections_end..detections_end + same(&found[detections_end..]);
        let start = objects_end + known[objects_end..].iter().take_while(|(other, _)| *other < image).count();
        let objects = start..start + known[start..].iter().take_while(|(other, _)| *other == image).count();
        (objects_end, detections_end) = (objects.end, detections.end);
        images.push(InImage { objects, detections });
    }
    images
}

/// The objects that a detection may be matched with and their overlaps, by falling overlap. Of equal overlaps the last
/// object comes first, as pycocotools replaces a match by a later one that is as good.
fn find_candidates<K: CocoObjects>(
    kind: &K,
    settings: &CocoSettings,
    detection: &K::Found,
    known: &[(usize, &K::Known)],
    objects: Range<usize>,
    fitting: &mut Vec<(f64, Candidate)>,
) {
    fitting.clear();
    for object in objects {
        let overlap = kind.overlap(detection, known[object].1);
        let thresholds = settings.iou_thresholds.iter();
        let reached = thresholds.take_while(|threshold| overlap >= threshold.min(HIGHEST_THRESHOLD)).count();
        if reached > 0 {
            let object = u32::try_from(object).expect("fewer than 2³² objects of a class");
            fitting.push((overlap, Candidate { object, reached: reached as u32 }));
        }
    }
    if fitting.len() > 1 {
        fitting.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(second.object.cmp(&first.object)));
    }
}
