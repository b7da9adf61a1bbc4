use metrics::{Metric, MetricError, Score};
use vision_types::{ClassNames, Detection, Instance};

/// Interim.
#[derive(Debug, Clone)]
pub struct DetectionMetrics {
    names: ClassNames,
    seen: Vec<(Vec<Detection>, Vec<Instance>)>,
}
impl DetectionMetrics {
    /// New.
    pub fn new(names: ClassNames) -> Self {
        Self { names, seen: Vec::new() }
    }
    fn ap(&self, iou: f32) -> f64 {
        let mut aps = Vec::new();
        for class in 0..self.names.len() {
            let mut rows: Vec<(f32, usize, vision_types::BBox)> = Vec::new();
            let mut total = 0;
            for (image, (found, truth)) in self.seen.iter().enumerate() {
                rows.extend(found.iter().filter(|d| d.class == class).take(100).map(|d| (d.score, image, d.bbox)));
                total += truth.iter().filter(|i| i.class == class).count();
            }
            if total == 0 {
                continue;
            }
            rows.sort_by(|a, b| b.0.total_cmp(&a.0));
            let mut used: Vec<Vec<bool>> = self.seen.iter().map(|(_, truth)| vec![false; truth.len()]).collect();
            let (mut tp, mut points) = (0usize, Vec::new());
            for (rank, (_, image, bbox)) in rows.iter().enumerate() {
                let truth = &self.seen[*image].1;
                let best = (0..truth.len())
                    .filter(|&i| truth[i].class == class && !used[*image][i])
                    .max_by(|&a, &b| truth[a].bbox.iou(*bbox).total_cmp(&truth[b].bbox.iou(*bbox)));
                if let Some(best) = best.filter(|&b| truth[b].bbox.iou(*bbox) >= iou) {
                    used[*image][best] = true;
                    tp += 1;
                }
                points.push((tp as f64 / total as f64, tp as f64 / (rank + 1) as f64));
            }
            let ap: f64 = (0..=100)
                .map(|r| points.iter().filter(|p| p.0 >= f64::from(r) / 100.0).map(|p| p.1).fold(0.0, f64::max))
                .sum::<f64>()
                / 101.0;
            aps.push(ap);
        }
        aps.iter().sum::<f64>() / aps.len().max(1) as f64
    }
}
impl Metric<Vec<Detection>, Vec<Instance>> for DetectionMetrics {
    fn update(&mut self, predictions: &[Vec<Detection>], targets: &[Vec<Instance>]) -> Result<(), MetricError> {
        self.seen.extend(predictions.iter().cloned().zip(targets.iter().cloned()));
        Ok(())
    }
    fn compute(&self) -> Vec<Score> {
        let all: Vec<f64> = (0..10).map(|i| self.ap(0.5 + 0.05 * i as f32)).collect();
        vec![
            Score::new("ap", Some(all.iter().sum::<f64>() / 10.0)),
            Score::new("ap50", Some(all[0])),
            Score::new("ap75", Some(all[5])),
        ]
    }
    fn reset(&mut self) {
        self.seen.clear();
    }
}
