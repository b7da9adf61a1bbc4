//! The confusion matrix, from which all threshold metrics of a classifier follow.

use serde::{Deserialize, Serialize};
use vision_types::ClassId;

use crate::check::{best_class, check_lengths, check_targets};
use crate::figure::{Figure, Shown};
use crate::{Average, ClassFigures, ClassRow, ClassifierMetric, MetricError, Score};

/// How often each class was taken for each other: rows are true classes, columns predicted ones, as in scikit-learn's
/// `confusion_matrix`. Serialised as a list of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<u64>>", into = "Vec<Vec<u64>>")]
pub struct ConfusionMatrix {
    classes: usize,
    /// `[true × classes + predicted]`.
    counts: Vec<u64>,
}

/// One cell off the diagonal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// The true class.
    pub target: ClassId,
    /// The class it was taken for.
    pub predicted: ClassId,
    /// How many samples.
    pub count: u64,
    /// Their part of all samples of the true class.
    pub fraction: f64,
}

impl ConfusionMatrix {
    /// An empty matrix for `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Counts a batch of predicted classes.
    ///
    /// # Errors
    ///
    /// When the lengths differ or a class does not exist; nothing is counted then.
    pub fn count(&mut self, predictions: &[ClassId], targets: &[ClassId]) -> Result<(), MetricError> {
        check_lengths(predictions.len(), targets.len())?;
        check_targets(targets, self.classes)?;
        let classes = self.classes;
        if let Some(index) = predictions.iter().position(|&prediction| prediction >= classes) {
            return Err(MetricError::PredictionOutOfRange { index, prediction: predictions[index], classes });
        }
        for (&predicted, &target) in predictions.iter().zip(targets) {
            self.count_one(target, predicted);
        }
        Ok(())
    }

    /// Counts one sample whose classes have been checked.
    fn count_one(&mut self, target: ClassId, predicted: ClassId) {
        self.counts[target * self.classes + predicted] += 1;
    }

    /// Adds counts `[true × classes + predicted]`, as many as there are cells.
    pub(crate) fn add_counts(&mut self, counts: &[u64]) {
        for (sum, count) in self.counts.iter_mut().zip(counts) {
            *sum += count;
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many samples of class `target` were taken for class `predicted`.
    ///
    /// # Panics
    ///
    /// When either is not below the number of classes.
    pub fn get(&self, target: ClassId, predicted: ClassId) -> u64 {
        assert!(predicted < self.classes, "class {predicted} of {} classes", self.classes);
        self.counts[target * self.classes + predicted]
    }

    /// The counts of one true class, by predicted class.
    ///
    /// # Panics
    ///
    /// When `target` is not below the number of classes.
    pub fn row(&self, target: ClassId) -> &[u64] {
        &self.counts[target * self.classes..(target + 1) * self.classes]
    }

    /// The counts row by row, `classes × classes` of them.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Number of samples.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Number of samples whose class was predicted right.
    pub fn correct(&self) -> u64 {
        (0..self.classes).map(|class| self.get(class, class)).sum()
    }

    /// Number of samples of each true class.
    pub fn supports(&self) -> Vec<u64> {
        (0..self.classes).map(|class| self.row(class).iter().sum()).collect()
    }

    /// How often each class was predicted.
    pub fn predicted(&self) -> Vec<u64> {
        (0..self.classes).map(|class| (0..self.classes).map(|target| self.get(target, class)).sum()).collect()
    }

    /// Each row divided by its sum (scikit-learn's `normalize="true"`), row by row: the diagonal holds the recalls.
    /// Rows of classes without samples are zero.
    pub fn normalized(&self) -> Vec<f64> {
        let supports = self.supports();
        let divide = |(cell, &count): (usize, &u64)| ratio(count, supports[cell / self.classes]).unwrap_or(0.0);
        self.counts.iter().enumerate().map(divide).collect()
    }

    /// The `limit` largest cells off the diagonal, largest first; equal counts come in the order of the larger
    /// fraction, then of the classes.
    pub fn most_confused(&self, limit: usize) -> Vec<Confusion> {
        let supports = self.supports();
        let mut confusions: Vec<Confusion> = (0..self.classes)
            .flat_map(|target| (0..self.classes).map(move |predicted| (target, predicted)))
            .filter(|&(target, predicted)| target != predicted && self.get(target, predicted) > 0)
            .map(|(target, predicted)| {
                let count = self.get(target, predicted);
                Confusion { target, predicted, count, fraction: count as f64 / supports[target] as f64 }
            })
            .collect();
        confusions.sort_by(|a, b| b.count.cmp(&a.count).then(b.fraction.total_cmp(&a.fraction)));
        confusions.truncate(limit);
        confusions
    }

    /// The part of all samples that was predicted right; `None` without samples.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.correct(), self.total())
    }

    /// The mean recall of the classes that have samples (scikit-learn's `balanced_accuracy_score`).
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let present: Vec<f64> =
            self.per_class().iter().filter(|class| class.support > 0).map(|class| class.recall).collect();
        (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64)
    }

    /// Support, precision, recall and F1 of each class.
    pub fn per_class(&self) -> Vec<ClassFigures> {
        let (supports, predicted) = (self.supports(), self.predicted());
        (0..self.classes)
            .map(|class| ClassFigures::from_counts(self.get(class, class), supports[class], predicted[class]))
            .collect()
    }

    /// Cohen's kappa (scikit-learn's `cohen_kappa_score`): the agreement of truth and prediction beyond what their
    /// marginal frequencies make by chance, 1 for perfect, 0 for chance. `None` when chance alone agrees always, that
    /// is when both only ever name one and the same class.
    pub fn cohen_kappa(&self) -> Option<f64> {
        let total = self.total() as f64;
        let chance = self.chance_agreement() as f64 / total;
        let kappa = 1.0 - (total - self.correct() as f64) / (total - chance);
        kappa.is_finite().then_some(kappa)
    }

    /// Matthews correlation coefficient of any number of classes (Gorodkin 2004, "Comparing two K-category assignments
    /// by a K-category correlation coefficient"; scikit-learn's `matthews_corrcoef`), 0 when either side names only one
    /// class; `None` without samples.
    pub fn matthews(&self) -> Option<f64> {
        let total = i128::from(self.total());
        if total == 0 {
            return None;
        }
        let square_sum = |counts: Vec<u64>| counts.iter().map(|&count| i128::from(count).pow(2)).sum::<i128>();
        let covariance = i128::from(self.correct()) * total - self.chance_agreement() as i128;
        let target_variance = total.pow(2) - square_sum(self.supports());
        let predicted_variance = total.pow(2) - square_sum(self.predicted());
        if target_variance == 0 || predicted_variance == 0 {
            return Some(0.0);
        }
        Some(covariance as f64 / (target_variance as f64 * predicted_variance as f64).sqrt())
    }

    /// Sum over classes of how often it is true times how often it is predicted.
    fn chance_agreement(&self) -> u128 {
        let products = self.supports().into_iter().zip(self.predicted());
        products.map(|(support, predicted)| u128::from(support) * u128::from(predicted)).sum()
    }

    /// Forgets all counts.
    pub fn clear(&mut self) {
        self.counts.fill(0);
    }
}

/// `part / whole`, `None` when the whole is zero.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Scores `accuracy`, `balanced_accuracy`, `precision_*`, `recall_*`, `f1_*` (macro, micro, weighted), `cohen_kappa`
/// and `matthews`.
impl ClassifierMetric for ConfusionMatrix {
    const FIGURES: &'static [Figure] = &[
        Figure::higher("accuracy").shown(Shown::Monitored),
        Figure::higher("balanced_accuracy"),
        Figure::higher("precision_macro"),
        Figure::higher("precision_micro"),
        Figure::higher("precision_weighted"),
        Figure::higher("recall_macro"),
        Figure::higher("recall_micro"),
        Figure::higher("recall_weighted"),
        Figure::higher("f1_macro").shown(Shown::Epoch),
        Figure::higher("f1_micro"),
        Figure::higher("f1_weighted"),
        Figure::higher("cohen_kappa"),
        Figure::higher("matthews"),
    ];

    fn for_classes(classes: usize) -> Self {
        Self::new(classes)
    }

    fn expected_scores(&self) -> Option<usize> {
        Some(self.classes)
    }

    fn add(&mut self, scores: &[f32], target: ClassId) {
        self.count_one(target, best_class(scores));
    }

    fn scores(&self, rows: &mut [ClassRow]) -> Vec<Score> {
        let per_class = self.per_class();
        for (row, class) in rows.iter_mut().zip(&per_class) {
            (row.support, row.predicted) = (class.support, class.predicted);
            (row.precision, row.recall, row.f1) = (class.precision, class.recall, class.f1);
        }
        let mut scores =
            vec![Score::new("accuracy", self.accuracy()), Score::new("balanced_accuracy", self.balanced_accuracy())];
        for average in [Average::Macro, Average::Micro, Average::Weighted] {
            let figures = average.of(&per_class);
            let suffix = average.suffix();
            scores.push(Score::new(format!("precision_{suffix}"), figures.map(|[precision, _, _]| precision)));
            scores.push(Score::new(format!("recall_{suffix}"), figures.map(|[_, recall, _]| recall)));
            scores.push(Score::new(format!("f1_{suffix}"), figures.map(|[_, _, f1]| f1)));
        }
        scores.push(Score::new("cohen_kappa", self.cohen_kappa()));
        scores.push(Score::new("matthews", self.matthews()));
        scores
    }

    fn clear(&mut self) {
        self.clear();
    }
}

impl From<ConfusionMatrix> for Vec<Vec<u64>> {
    fn from(matrix: ConfusionMatrix) -> Self {
        (0..matrix.classes).map(|class| matrix.row(class).to_vec()).collect()
    }
}

impl TryFrom<Vec<Vec<u64>>> for ConfusionMatrix {
    type Error = MetricError;

    fn try_from(rows: Vec<Vec<u64>>) -> Result<Self, MetricError> {
        let classes = rows.len();
        if let Some(row) = rows.iter().position(|row| row.len() != classes) {
            return Err(MetricError::NotSquare { row, found: rows[row].len(), expected: classes });
        }
        Ok(Self { classes, counts: rows.concat() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metric;

    /// Targets 0 0 0 1 1 2, predictions 0 0 1 1 1 1.
    fn matrix() -> ConfusionMatrix {
        let mut matrix = ConfusionMatrix::new(3);
        matrix.count(&[0, 0, 1, 1, 1, 1], &[0, 0, 0, 1, 1, 2]).unwrap();
        matrix
    }

    #[test]
    fn rows_are_true_and_columns_predicted() {
        assert_eq!(matrix().counts(), [2, 1, 0, 0, 2, 0, 0, 1, 0]);
        assert_eq!(matrix().supports(), [3, 2, 1]);
        assert_eq!(matrix().predicted(), [2, 4, 0]);
        assert_eq!(matrix().normalized(), [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn figures_by_hand() {
        let matrix = matrix();
        assert_eq!(matrix.accuracy(), Some(4.0 / 6.0));
        // Recalls 2/3, 1, 0.
        assert_eq!(matrix.balanced_accuracy(), Some((2.0 / 3.0 + 1.0 + 0.0) / 3.0));
        // Chance: (3·2 + 2·4 + 1·0) / 6 = 7/3 of 6. Kappa: 1 − (6 − 4) / (6 − 7/3) = 1 − 6/11 = 5/11.
        assert!((matrix.cohen_kappa().unwrap() - 5.0 / 11.0).abs() < 1e-15);
        // Covariance 4·6 − 14 = 10; variances 36 − (9 + 4 + 1) = 22 and 36 − (4 + 16 + 0) = 16.
        assert!((matrix.matthews().unwrap() - 10.0 / 352.0_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn most_confused_come_largest_fraction_first_among_equal_counts() {
        let confused = matrix().most_confused(10);
        assert_eq!(confused.len(), 2);
        // One of one sample of class 2, then one of three of class 0.
        assert_eq!((confused[0].target, confused[0].predicted, confused[0].fraction), (2, 1, 1.0));
        assert_eq!((confused[1].target, confused[1].predicted, confused[1].count), (0, 1, 1));
        assert_eq!(matrix().most_confused(1).len(), 1);
    }

    #[test]
    fn without_samples_nothing_is_defined() {
        let scores = ConfusionMatrix::new(3).compute();
        assert_eq!(scores.len(), 13);
        assert!(scores.iter().all(|score| score.value.is_none()), "{scores:?}");
    }

    #[test]
    fn classes_that_do_not_exist_are_refused_and_nothing_is_counted() {
        let mut matrix = ConfusionMatrix::new(2);
        let error = matrix.count(&[0, 5], &[0, 1]).unwrap_err();
        assert_eq!(error, MetricError::PredictionOutOfRange { index: 1, prediction: 5, classes: 2 });
        let error = matrix.count(&[0, 1], &[0, 2]).unwrap_err();
        assert_eq!(error, MetricError::TargetOutOfRange { index: 1, target: 2, classes: 2 });
        assert_eq!(matrix.total(), 0);
    }

    #[test]
    fn json_is_a_list_of_rows_and_returns() {
        let json = serde_json::to_string(&matrix()).unwrap();
        assert_eq!(json, "[[2,1,0],[0,2,0],[0,1,0]]");
        assert_eq!(serde_json::from_str::<ConfusionMatrix>(&json).unwrap(), matrix());
        let error = serde_json::from_str::<ConfusionMatrix>("[[1,2],[3]]").unwrap_err();
        assert!(error.to_string().starts_with("row 1 of the confusion matrix has 1 counts, expected 2"), "{error}");
    }
}
