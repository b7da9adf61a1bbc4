//! The evaluation of the Pascal VOC challenges.
//!
//! Source: Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge", section 4.2, and the development
//! kits (`VOCevaldet.m`): eleven recall levels up to 2009, every point of the curve from 2010 on.

use rayon::prelude::*;

/// Recall levels 0, 0.1 … 1 of the challenges up to 2009.
const RECALL_LEVELS: usize = 11;

/// How the area under the curve of precision over recall is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VocInterpolation {
    /// The mean of the highest precision at or beyond each of the recalls 0, 0.1 … 1 (VOC 2007).
    ElevenPoint,
    /// The exact area under the falling envelope (VOC 2010 to 2012).
    #[default]
    EveryPoint,
}

/// Settings of the evaluation; the defaults are those of VOC 2012.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VocSettings {
    /// Lowest IoU with an object for a detection to be right.
    pub iou_threshold: f64,
    /// How the area is measured.
    pub interpolation: VocInterpolation,
    /// Whether both corners are pixels inside the box, so that a box from 5 to 7 is 3 wide. That is the meaning of the
    /// XML files of the challenges; boxes given by width and height do not mean it.
    pub inclusive_corners: bool,
}

impl Default for VocSettings {
    fn default() -> Self {
        Self { iou_threshold: 0.5, interpolation: VocInterpolation::EveryPoint, inclusive_corners: false }
    }
}

/// An annotated box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VocKnown {
    /// Corners `[x1, y1, x2, y2]` in pixels.
    pub xyxy: [f64; 4],
    /// Its class.
    pub class: usize,
    /// Whether it is ignored: neither finding nor missing it counts.
    pub difficult: bool,
}

/// A detected box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VocFound {
    /// Corners `[x1, y1, x2, y2]` in pixels.
    pub xyxy: [f64; 4],
    /// Its class.
    pub class: usize,
    /// Confidence.
    pub score: f64,
}

/// What was found of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct VocClass {
    /// Objects that count.
    pub objects: usize,
    /// Average precision; `None` without such objects.
    pub ap: Option<f64>,
    /// Recall and precision after each detection that counts, the most confident first; equal
    /// confidences in the order of the images.
    pub curve: Vec<(f64, f64)>,
}

/// Images with their annotated and detected boxes.
#[derive(Debug, Clone, Default)]
pub struct VocBoxes {
    settings: VocSettings,
    images: Vec<(Vec<VocKnown>, Vec<VocFound>)>,
}

impl VocBoxes {
    /// None yet.
    pub fn new(settings: VocSettings) -> Self {
        Self { settings, images: Vec::new() }
    }

    /// Adds an image.
    pub fn add(&mut self, known: Vec<VocKnown>, found: Vec<VocFound>) {
        self.images.push((known, found));
    }

    /// Each class below `classes`.
    pub fn each_class(&self, classes: usize) -> Vec<VocClass> {
        (0..classes).into_par_iter().map(|class| self.class(class)).collect()
    }

    /// Mean average precision of the classes below `classes` that have objects.
    pub fn map(&self, classes: usize) -> Option<f64> {
        let each: Vec<f64> = self.each_class(classes).iter().filter_map(|class| class.ap).collect();
        (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
    }

    /// One class.
    pub fn class(&self, class: usize) -> VocClass {
        let known: Vec<Vec<&VocKnown>> = self
            .images
            .iter()
            .map(|(known, _)| known.iter().filter(|object| object.class == class).collect())
            .collect();
        let mut found: Vec<(usize, &VocFound)> = self
            .images
            .iter()
            .enumerate()
            .flat_map(|(image, (_, found))| {
                found.iter().filter(|detection| detection.class == class).map(move |detection| (image, detection))
            })
            .collect();
        found.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
        let objects = known.iter().flatten().filter(|object| !object.difficult).count();
        let mut taken: Vec<Vec<bool>> = known.iter().map(|known| vec![false; known.len()]).collect();
        let (mut hits, mut counted) = (0usize, 0usize);
        let mut curve = Vec::new();
        for (image, detection) in found {
            // The object with the largest overlap, whether it is taken or not; the first of equals.
            let mut best: Option<(usize, f64)> = None;
            for (at, object) in known[image].iter().enumerate() {
                let iou = self.iou(detection.xyxy, object.xyxy);
                if best.is_none_or(|(_, most)| iou > most) {
                    best = Some((at, iou));
                }
            }
            let matched = best.filter(|(_, iou)| *iou >= self.settings.iou_threshold).map(|(at, _)| at);
            if matched.is_some_and(|at| known[image][at].difficult) {
                continue;
            }
            counted += 1;
            if let Some(at) = matched.filter(|&at| !taken[image][at]) {
                taken[image][at] = true;
                hits += 1;
            }
            curve.push((hits as f64 / objects.max(1) as f64, hits as f64 / counted as f64));
        }
        let ap = (objects > 0).then(|| self.settings.interpolation.average_precision(&curve));
        VocClass { objects, ap, curve }
    }

    fn iou(&self, a: [f64; 4], b: [f64; 4]) -> f64 {
        let more = if self.settings.inclusive_corners { 1.0 } else { 0.0 };
        let side = |low: f64, high: f64| high - low + more;
        let (width, height) = (side(a[0].max(b[0]), a[2].min(b[2])), side(a[1].max(b[1]), a[3].min(b[3])));
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let area = |x: [f64; 4]| side(x[0], x[2]) * side(x[1], x[3]);
        width * height / (area(a) + area(b) - width * height)
    }
}

impl VocInterpolation {
    /// The area under `curve` of (recall, precision), whose recall never falls.
    fn average_precision(self, curve: &[(f64, f64)]) -> f64 {
        // The highest precision from here on.
        let mut envelope: Vec<(f64, f64)> = curve.to_vec();
        for at in (1..envelope.len()).rev() {
            envelope[at - 1].1 = envelope[at - 1].1.max(envelope[at].1);
        }
        match self {
            Self::ElevenPoint => {
                let level = |number: usize| {
                    // Recalls are fractions of counts: a tenth of them must not be missed by a rounding error.
                    let wanted = number as f64 / (RECALL_LEVELS - 1) as f64 - 1e-12;
                    let reached = envelope.partition_point(|(recall, _)| *recall < wanted);
                    envelope.get(reached).map_or(0.0, |(_, precision)| *precision)
                };
                (0..RECALL_LEVELS).map(level).sum::<f64>() / RECALL_LEVELS as f64
            }
            Self::EveryPoint => {
                let mut area = 0.0;
                let mut before = 0.0;
                for (recall, precision) in envelope {
                    area += (recall - before) * precision;
                    before = recall;
                }
                area
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(x: f64, difficult: bool) -> VocKnown {
        VocKnown { xyxy: [x, 0.0, x + 10.0, 10.0], class: 0, difficult }
    }

    fn found(x: f64, score: f64) -> VocFound {
        VocFound { xyxy: [x, 0.0, x + 10.0, 10.0], class: 0, score }
    }

    #[test]
    fn both_areas_under_a_known_curve() {
        // Right, wrong, right of two objects: recalls 1/2, 1/2, 1 and precisions 1, 1/2, 2/3.
        let answer = |interpolation| {
            let mut boxes = VocBoxes::new(VocSettings { interpolation, ..VocSettings::default() });
            boxes.add(
                vec![known(0.0, false), known(50.0, false)],
                vec![found(0.0, 0.9), found(100.0, 0.8), found(50.0, 0.7)],
            );
            boxes.map(1).unwrap()
        };
        // 1/2 · 1 + 1/2 · 2/3; recalls 0 to 0.5 have 1, 0.6 to 1 have 2/3.
        assert!((answer(VocInterpolation::EveryPoint) - 5.0 / 6.0).abs() < 1e-12);
        assert!((answer(VocInterpolation::ElevenPoint) - (6.0 + 5.0 * 2.0 / 3.0) / 11.0).abs() < 1e-12);
    }

    #[test]
    fn a_second_detection_is_wrong_and_difficult_objects_do_not_count() {
        let mut boxes = VocBoxes::default();
        boxes.add(vec![known(0.0, false), known(50.0, true)], vec![found(50.0, 0.9), found(0.0, 0.8), found(1.0, 0.7)]);
        let class = boxes.class(0);
        assert_eq!((class.objects, class.curve), (1, vec![(1.0, 1.0), (1.0, 0.5)]));
        assert_eq!(boxes.class(1).ap, None);
    }

    #[test]
    fn corners_are_pixels_or_edges() {
        let iou = |inclusive_corners| {
            let boxes = VocBoxes::new(VocSettings { inclusive_corners, ..VocSettings::default() });
            boxes.iou([0.0, 0.0, 9.0, 9.0], [5.0, 0.0, 14.0, 9.0])
        };
        // 5 of 15 columns shared; as edges 4 of 14.
        assert!((iou(true) - 1.0 / 3.0).abs() < 1e-12);
        assert!((iou(false) - 4.0 / 14.0).abs() < 1e-12);
    }
}
