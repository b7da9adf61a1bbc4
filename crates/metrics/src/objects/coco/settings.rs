//! Settings of the evaluation: IoU thresholds, sizes of objects, numbers of detections.

/// Bounds of small, medium and large objects in square pixels: 32² and 96².
const SIZE_BOUNDS: [f64; 2] = [1024.0, 9216.0];
/// "No bound" in pycocotools.
const LARGEST_AREA: f64 = 1e10;

/// Sizes of the objects that a figure takes into account.
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
}

/// Settings of the evaluation; the defaults are COCO's.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoSettings {
    /// IoU thresholds at which a detection is right, rising. COCO's are 0.50, 0.55 … 0.95.
    pub iou_thresholds: Vec<f64>,
    /// Most detections that count of each class in an image, several numbers, rising. The last is used for average
    /// precision; average recall is given for each. COCO's are 1, 10 and 100 (for keypoints 20 alone).
    pub most_detections: Vec<usize>,
    /// Areas between small and medium and between medium and large objects, in square pixels. COCO's are 32² and 96².
    pub size_bounds: [f64; 2],
}

impl Default for CocoSettings {
    fn default() -> Self {
        Self {
            iou_thresholds: Self::thresholds(0.5, 0.95, 10),
            most_detections: vec![1, 10, 100],
            size_bounds: SIZE_BOUNDS,
        }
    }
}

impl CocoSettings {
    /// Numbers of detections for keypoints.
    pub(super) const KEYPOINT_DETECTIONS: [usize; 1] = [20];

    /// `count` evenly spaced thresholds, as NumPy's `linspace` gives them.
    pub fn thresholds(first: f64, last: f64, count: usize) -> Vec<f64> {
        let step = (last - first) / (count.max(2) - 1) as f64;
        (0..count)
            .map(|number| if number > 0 && number + 1 == count { last } else { first + number as f64 * step })
            .collect()
    }

    /// What is wrong with the settings, if anything.
    pub fn problem(&self) -> Option<String> {
        let rising = |values: &[f64]| values.windows(2).all(|pair| pair[0] < pair[1]);
        let thresholds = &self.iou_thresholds;
        let possible = |value: &f64| *value > 0.0 && *value <= 1.0;
        if thresholds.is_empty() || !rising(thresholds) || !thresholds.iter().all(possible) {
            return Some(format!("IoU thresholds must rise and lie above 0 and up to 1, found {thresholds:?}"));
        }
        let most = &self.most_detections;
        if most.is_empty() || most[0] == 0 || !most.windows(2).all(|pair| pair[0] < pair[1]) {
            return Some(format!("numbers of detections must rise from at least 1, found {most:?}"));
        }
        let [small, medium] = self.size_bounds;
        let rising = 0.0 < small && small < medium && medium < LARGEST_AREA;
        (!rising).then(|| format!("bounds of sizes must rise and be positive, found {small} and {medium}"))
    }

    /// The most detections that count.
    pub(super) fn most(&self) -> usize {
        self.most_detections.last().copied().unwrap_or_default()
    }

    /// Bounds in square pixels, both inclusive.
    pub fn bounds(&self, sizes: Sizes) -> [f64; 2] {
        let [small, medium] = self.size_bounds;
        match sizes {
            Sizes::All => [0.0, LARGEST_AREA],
            Sizes::Small => [0.0, small],
            Sizes::Medium => [small, medium],
            Sizes::Large => [medium, LARGEST_AREA],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_settings_are_named() {
        let settings = CocoSettings::default();
        assert_eq!(settings.problem(), None);
        assert_eq!((settings.iou_thresholds[5], settings.iou_thresholds[9]), (0.75, 0.95));
        for iou_thresholds in [vec![], vec![0.5, 0.5], vec![0.0], vec![1.1], vec![f64::NAN]] {
            assert!(CocoSettings { iou_thresholds, ..settings.clone() }.problem().unwrap().contains("IoU"));
        }
        for most_detections in [vec![], vec![0], vec![10, 1]] {
            assert!(CocoSettings { most_detections, ..settings.clone() }.problem().unwrap().contains("detections"));
        }
        assert!(CocoSettings { size_bounds: [9.0, 4.0], ..settings }.problem().unwrap().contains("sizes"));
        assert_eq!(CocoSettings::thresholds(0.5, 0.95, 1), [0.5]);
    }
}
