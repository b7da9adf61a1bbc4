//! Top-k accuracy.

use vision_types::ClassId;

use crate::figure::{Figure, Shown};
use crate::{ClassRow, ClassifierMetric, Score};

/// The `k` for every classifier: that of the ImageNet challenge (Russakovsky et al. 2015).
const TOP_K: usize = 5;

/// The part of all samples whose true class is among the `k` highest scores. Equal scores rank in the order of the
/// classes (so top-1 is the accuracy of NumPy's `argmax`); scikit-learn's `top_k_accuracy_score` ranks them the other
/// way round. The score is called `top5` for `k` = 5.
#[derive(Debug, Clone)]
pub struct TopKAccuracy {
    k: usize,
    classes: usize,
    correct: u64,
    total: u64,
}

impl TopKAccuracy {
    /// Counts a sample as right when its class is among the `k` highest of `classes` scores.
    pub fn new(k: usize, classes: usize) -> Self {
        Self { k, classes, correct: 0, total: 0 }
    }

    /// The accuracy; `None` without samples.
    pub fn value(&self) -> Option<f64> {
        (self.total > 0).then(|| self.correct as f64 / self.total as f64)
    }
}

impl ClassifierMetric for TopKAccuracy {
    const FIGURES: &'static [Figure] = &[Figure::higher("top#").shown(Shown::Epoch)];
    const BEHIND: Option<&'static str> = Some("accuracy");
    // With `k` classes every sample is right.
    const LEAST_CLASSES: usize = TOP_K + 1;

    fn for_classes(classes: usize) -> Self {
        Self::new(TOP_K, classes)
    }

    fn expected_scores(&self) -> Option<usize> {
        Some(self.classes)
    }

    fn add(&mut self, scores: &[f32], target: ClassId) {
        let own = scores[target];
        let higher = scores.iter().filter(|&&score| score > own).count();
        let equal_before = scores[..target].iter().filter(|&&score| score == own).count();
        self.correct += u64::from(higher + equal_before < self.k);
        self.total += 1;
    }

    fn scores(&self, _rows: &mut [ClassRow]) -> Vec<Score> {
        vec![Score::new(format!("top{}", self.k), self.value())]
    }

    fn clear(&mut self) {
        *self = Self::new(self.k, self.classes);
    }
}

#[cfg(test)]
mod tests {
    use vision_types::ClassScores;

    use super::*;
    use crate::Metric;

    #[test]
    fn equal_scores_rank_in_the_order_of_the_classes() {
        let tied = ClassScores(vec![0.2, 0.3, 0.3, 0.2]);
        // Ranks: class 1, 2, 0, 3.
        for (k, right) in [(1, [0.0, 1.0, 0.0, 0.0]), (2, [0.0, 1.0, 1.0, 0.0]), (3, [1.0, 1.0, 1.0, 0.0])] {
            for (target, expected) in right.into_iter().enumerate() {
                let mut top = TopKAccuracy::new(k, 4);
                top.update(std::slice::from_ref(&tied), &[target]).unwrap();
                assert_eq!(top.value(), Some(expected), "class {target} among the top {k}");
            }
        }
    }

    #[test]
    fn its_name_says_k() {
        assert_eq!(TopKAccuracy::new(5, 10).compute(), [Score::new("top5", None)]);
    }
}
