//! A mean over samples that arrive in batches.

/// The mean of a figure over samples, each batch weighted by its size: what an epoch's loss is made of.
///
/// ```
/// let mut loss = metrics::RunningMean::new();
/// loss.add(2.0, 3);
/// loss.add(4.0, 1);
/// assert_eq!(loss.value(), Some(2.5)); // (2 · 3 + 4 · 1) / 4
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunningMean {
    sum: f64,
    count: u64,
}

impl RunningMean {
    /// Nothing taken in yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the mean `value` of `count` samples.
    pub fn add(&mut self, value: f64, count: u64) {
        if count > 0 {
            self.sum += value * count as f64;
            self.count += count;
        }
    }

    /// Number of samples taken in.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean; `None` without samples. It is not finite when a value was not: whoever trains wants to see a loss of
    /// NaN.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Forgets everything taken in.
    pub fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_weigh_by_their_size() {
        let mut mean = RunningMean::new();
        assert_eq!(mean.value(), None);
        mean.add(1.0, 2);
        mean.add(7.0, 1);
        mean.add(f64::NAN, 0);
        // (1 · 2 + 7 · 1) / 3.
        assert_eq!(mean.value(), Some(3.0));
        assert_eq!(mean.count(), 3);
        mean.add(f64::NAN, 1);
        assert!(mean.value().is_some_and(f64::is_nan));
        mean.reset();
        assert_eq!(mean.value(), None);
    }
}
