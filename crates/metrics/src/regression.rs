//! Errors of numbers: mean absolute and mean squared error.

use crate::check::check_lengths;
use crate::figure::Figure;
use crate::{Metric, MetricError, RunningMean, Score};

/// The figures of [`RegressionMetrics`].
pub(crate) const FIGURES: &[Figure] = &[Figure::lower("mae"), Figure::lower("mse"), Figure::lower("rmse")];

/// Mean absolute error `mae`, mean squared error `mse` and its root `rmse`, in the units of the target (`mse` in their
/// square); scikit-learn's `mean_absolute_error`, `mean_squared_error` and `root_mean_squared_error`.
#[derive(Debug, Clone, Default)]
pub struct RegressionMetrics {
    absolute: RunningMean,
    squared: RunningMean,
}

impl RegressionMetrics {
    /// Nothing taken in yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Metric<f32, f32> for RegressionMetrics {
    fn update(&mut self, predictions: &[f32], targets: &[f32]) -> Result<(), MetricError> {
        check_lengths(predictions.len(), targets.len())?;
        for (what, values) in [("prediction", predictions), ("target", targets)] {
            if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                return Err(MetricError::NotFinite { what, index, value: f64::from(values[index]) });
            }
        }
        for (&prediction, &target) in predictions.iter().zip(targets) {
            let error = f64::from(prediction) - f64::from(target);
            self.absolute.add(error.abs(), 1);
            self.squared.add(error * error, 1);
        }
        Ok(())
    }

    fn compute(&self) -> Vec<Score> {
        let squared = self.squared.value();
        vec![
            Score::new("mae", self.absolute.value()),
            Score::new("mse", squared),
            Score::new("rmse", squared.map(f64::sqrt)),
        ]
    }

    fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_by_hand() {
        let mut metrics = RegressionMetrics::new();
        metrics.update(&[1.0, 5.0], &[4.0, 1.0]).unwrap();
        // Errors −3 and 4: mae 7/2, mse 25/2.
        let values: Vec<_> = metrics.compute().into_iter().map(|score| score.value.unwrap()).collect();
        assert_eq!(values, [3.5, 12.5, 12.5_f64.sqrt()]);
        metrics.reset();
        assert!(metrics.compute().iter().all(|score| score.value.is_none()));
    }

    #[test]
    fn what_is_not_a_number_is_named_and_nothing_is_counted() {
        let mut metrics = RegressionMetrics::new();
        let error = metrics.update(&[1.0, 2.0], &[1.0, f32::INFINITY]).unwrap_err();
        assert_eq!(error.to_string(), "target 1 of the batch is inf, expected a finite number");
        assert!(metrics.update(&[1.0], &[]).is_err());
        assert!(metrics.compute().iter().all(|score| score.value.is_none()));
    }
}
