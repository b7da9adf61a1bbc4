//! `cargo xtask train --folds K`: a run for each part of the data held out.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;
use trainer::run::Summary;

use crate::output;

/// A figure over all folds.
#[derive(Debug, Serialize)]
struct Spread {
    mean: f64,
    /// Of the folds as a sample, `n - 1` in the denominator.
    standard_deviation: f64,
}

/// The figures of a cross-validation.
#[derive(Debug, Serialize)]
pub(crate) struct CrossValidation {
    folds: Vec<Summary>,
    /// By split and name, those that every fold has.
    figures: BTreeMap<String, BTreeMap<String, Spread>>,
}

impl CrossValidation {
    /// Puts the runs together.
    pub(crate) fn new(folds: Vec<Summary>) -> Self {
        let mut figures: BTreeMap<String, BTreeMap<String, Spread>> = BTreeMap::new();
        let first = folds.first().map(|summary| &summary.splits);
        for (split, of_first) in first.into_iter().flatten() {
            for name in of_first.as_object().into_iter().flat_map(|figures| figures.keys()) {
                let values: Vec<f64> = folds.iter().filter_map(|summary| summary.figure(split, name)).collect();
                if values.len() == folds.len() {
                    figures.entry(split.clone()).or_default().insert(name.clone(), spread(&values));
                }
            }
        }
        Self { folds, figures }
    }

    /// Writes it into the folder that holds the runs, and prints it.
    pub(crate) fn finish(&self, folder: &Path, json: bool) -> anyhow::Result<()> {
        let file = folder.join("cross-validation.json");
        std::fs::write(&file, serde_json::to_vec_pretty(self)?).with_context(|| file.display().to_string())?;
        if json {
            return output::json(self);
        }
        let mut rows = vec![["figure", "mean", "standard deviation"].map(str::to_owned).to_vec()];
        for (split, figures) in &self.figures {
            rows.extend(figures.iter().map(|(name, Spread { mean, standard_deviation })| {
                vec![format!("{split}.{name}"), format!("{mean:.4}"), format!("{standard_deviation:.4}")]
            }));
        }
        output::line(output::table(&rows));
        output::note(format!("{} folds: {}", self.folds.len(), file.display()));
        Ok(())
    }
}

fn spread(values: &[f64]) -> Spread {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Spread { mean, standard_deviation: (squares / (count - 1.0).max(1.0)).sqrt() }
}

/// Fails unless `folder` can take the runs.
pub(crate) fn prepare(folder: &Path, overwrite: bool) -> anyhow::Result<()> {
    if folder.exists() && !overwrite {
        bail!("{} exists; --overwrite replaces the runs in it", folder.display());
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_by_hand() {
        // Mean 2, squares 1 + 0 + 1 over 2.
        let Spread { mean, standard_deviation } = spread(&[1.0, 2.0, 3.0]);
        assert_eq!((mean, standard_deviation), (2.0, 1.0));
    }
}
