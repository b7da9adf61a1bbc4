//! A tensor's digest, and how far values are from one.

use serde::Deserialize;

use super::formula::formula;

/// What is kept of a reference tensor.
#[derive(Debug, Deserialize)]
pub(crate) struct Digest {
    pub(crate) name: String,
    pub(crate) norm: f64,
    /// Greatest absolute entry.
    largest: f64,
    /// Product with `formula("projection NAME")`.
    projection: f64,
    /// Some entries by flat index.
    samples: Vec<(usize, f64)>,
    /// Whether this is the gradient of a parameter that has no effect.
    #[serde(default)]
    pub(crate) vanishes: bool,
}

impl Digest {
    /// How far `values` are from the digested tensor: the greatest of the differences of norm and projection relative
    /// to the norm, and of the samples relative to the greatest entry.
    ///
    /// The projection's factors are uniform in ±1, so that a difference d of the tensors changes it by about |d| / √3.
    pub(crate) fn distance(&self, values: &[f32]) -> f64 {
        let norm = norm(values);
        let projection: f64 = formula(&format!("projection {}", self.name), values.len())
            .iter()
            .zip(values)
            .map(|(factor, value)| f64::from(*factor) * f64::from(*value))
            .sum();
        let samples = self
            .samples
            .iter()
            .map(|(index, expected)| (f64::from(values[*index]) - expected).abs() / self.largest)
            .fold(0.0, f64::max);
        let relative = |found: f64, expected: f64| (found - expected).abs() / self.norm;
        relative(norm, self.norm).max(relative(projection, self.projection)).max(samples)
    }
}

/// Euclidean norm.
pub(crate) fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}
