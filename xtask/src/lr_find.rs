//! `cargo xtask lr-find`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use tensor_backend::{SelectedBackend, SelectedDevice, TrainingBackend, open_device};
use trainer::TrainError;
use trainer::config::{ConfigVisitor, RunConfig};
use trainer::report::render_lr_find;
use trainer::run::{LrFind, LrRange, find_learning_rate};
use trainer::tasks::{InferenceOn, TrainingOn};
use trainer::training::Session;

use crate::interrupt::{INTERRUPTED, stop_flag};
use crate::output;
use crate::progress::Progress;
use crate::recipes::Recipe;
use crate::train::RecipeArguments;

/// Arguments of `lr-find`.
#[derive(Debug, Args)]
pub(crate) struct LrFindArguments {
    #[command(flatten)]
    recipe: RecipeArguments,
    /// The first learning rate.
    #[arg(long, value_name = "LR", default_value_t = 1e-6)]
    lowest: f64,
    /// The last learning rate, unless the loss explodes before.
    #[arg(long, value_name = "LR", default_value_t = 10.0)]
    highest: f64,
    /// Optimiser steps from one to the other.
    #[arg(long, value_name = "N", default_value_t = 120)]
    steps: usize,
    /// Where the chart goes, an SVG file.
    #[arg(long, value_name = "FILE", default_value = "lr-find.svg")]
    chart: PathBuf,
    /// Print every step as one JSON document on standard output.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long)]
    quiet: bool,
}

/// Runs `lr-find`.
pub(crate) fn run(arguments: LrFindArguments) -> anyhow::Result<ExitCode> {
    let Recipe { config, .. } = arguments.recipe.read()?;
    let range = LrRange { lowest: arguments.lowest, highest: arguments.highest, steps: arguments.steps };
    let device = open_device()?;
    let stop = stop_flag()?;
    let mut progress = Progress::new(arguments.quiet);
    let mut session = Session { device: &device, observer: &mut progress, stop: &stop };
    let found = config.visit::<TrainingBackend, SelectedBackend, _>(Find { range, session: &mut session })?;
    drop(progress);
    let Some(found) = found else { return Ok(ExitCode::from(INTERRUPTED)) };
    let chart = &arguments.chart;
    std::fs::write(chart, render_lr_find(&found)).with_context(|| chart.display().to_string())?;
    if arguments.json {
        output::json(&found)?;
    } else {
        let rate =
            |rate: Option<f64>| rate.map_or_else(|| "none: the loss never fell".to_owned(), |lr| format!("{lr:.2e}"));
        output::line(format!("steepest fall at        {}", rate(found.steepest)));
        output::line(format!("a tenth of the minimum  {}", rate(found.tenth_of_minimum)));
        output::note(format!("chart: {}", chart.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the test.
struct Find<'a, 'b> {
    range: LrRange,
    session: &'a mut Session<'b, SelectedDevice>,
}

impl ConfigVisitor<TrainingBackend, SelectedBackend> for Find<'_, '_> {
    type Output = Result<Option<LrFind>, TrainError>;

    fn visit<K: TrainingOn<TrainingBackend> + InferenceOn<SelectedBackend>>(
        self,
        config: RunConfig<K>,
    ) -> Self::Output {
        find_learning_rate::<TrainingBackend, K>(&config, self.range, self.session)
    }
}
