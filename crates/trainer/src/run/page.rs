//! The report of a run.

use datasets::Splits;
use models::ModelSummary;

use super::Summary;
use super::directory::RunDirectory;
use crate::config::{AnnotationOf, DataTable, RunConfig, TaskTables};
use crate::error::TrainError;
use crate::report::{Gallery, Headline, HistoryRow, Note, NoteLevel, RunReport, SplitScores, Table, render};
use crate::tasks::pictures::{training_gallery, training_pictures};
use crate::tasks::{SplitEvaluation, TaskDefinition};
use crate::training::checkpoint::RunState;

/// What a report is made from.
pub(super) struct Page<'a, K: TaskDefinition> {
    pub(super) task: &'a K::Task,
    pub(super) splits: &'a Splits<AnnotationOf<K>>,
    pub(super) config: &'a RunConfig<K>,
    pub(super) directory: &'a RunDirectory,
    pub(super) state: &'a RunState,
    pub(super) evaluations: &'a [SplitEvaluation<K>],
}

impl<K: TaskDefinition> Page<'_, K> {
    /// Writes `report.html`.
    pub(super) fn write(&self, summary: &Summary, model: &ModelSummary) -> Result<(), TrainError> {
        self.directory.write_report(&render(&self.report(summary, model)?))
    }

    fn report(&self, summary: &Summary, model: &ModelSummary) -> Result<RunReport, TrainError> {
        let Self { config, state, directory, .. } = self;
        // The test split where there is one, else the validation split.
        let judged = self.evaluations.last();
        Ok(RunReport {
            name: directory.name(),
            task: config.task.as_str().to_owned(),
            subtitle: format!("{} on {}", K::model_name(&config.model), data_name(config)),
            headline: Headline {
                epochs_run: summary.epochs_run,
                epochs_planned: Some(config.train.epochs),
                best_epoch: summary.best_epoch,
                monitor: summary.monitor.clone(),
                train_seconds: Some(summary.train_seconds),
                parameters: Some(summary.parameters as u64),
                images_per_second: state.history.last().and_then(|row| row.get("images_per_second")),
                peak_memory_bytes: summary.peak_memory_bytes,
            },
            splits: self.split_scores(summary),
            history: state
                .history
                .iter()
                .map(|row| HistoryRow {
                    epoch: row.epoch,
                    columns: row.figures.iter().filter_map(|(name, value)| Some((name.clone(), (*value)?))).collect(),
                })
                .collect(),
            closer_look: judged.map(K::closer_look),
            galleries: self.galleries(judged),
            model_summary: Some(model_table(model)),
            config: config.to_toml()?,
            environment: environment_rows(directory)?,
            notes: self.notes(summary),
        })
    }

    fn split_scores(&self, summary: &Summary) -> Vec<SplitScores> {
        let best = self.state.history.iter().find(|row| Some(row.epoch) == summary.best_epoch);
        let train = best.map(|row| {
            let scores = row.figures.iter().filter_map(|(name, value)| {
                name.strip_prefix("train.").map(|name| metrics::Score { name: name.to_owned(), value: *value })
            });
            SplitScores { split: "train".to_owned(), scores: scores.collect() }
        });
        let judged = self.evaluations.iter();
        let judged = judged.map(|judged| SplitScores { split: judged.split.to_string(), scores: judged.scores() });
        train.into_iter().chain(judged).collect()
    }

    fn galleries(&self, judged: Option<&SplitEvaluation<K>>) -> Vec<Gallery> {
        let mut galleries =
            judged.map_or_else(Vec::new, |judged| K::galleries(&self.splits.classes, self.splits, judged));
        let samples = training_pictures::<K>(self.task, &self.splits.train, self.config.seed);
        galleries.push(training_gallery(samples, K::PICTURES));
        galleries
    }

    fn notes(&self, summary: &Summary) -> Vec<Note> {
        let mut notes = Vec::new();
        let warning = |text: String| Note { level: NoteLevel::Warning, text };
        let bad = &self.state.bad_samples;
        if !bad.is_empty() {
            let named: Vec<&str> = bad.iter().take(5).map(|bad| bad.source.as_str()).collect();
            let more = if bad.len() > named.len() { ", …" } else { "" };
            notes.push(warning(format!(
                "{} samples could not be read and were left out: {}{more}",
                bad.len(),
                named.join(", ")
            )));
        }
        if self.splits.validation.is_none() {
            let text = "There is no validation split: the best epoch was chosen by the training loss.".to_owned();
            notes.push(warning(text));
        }
        if summary.stopped_early {
            let text = format!(
                "Stopped early after {} of {} epochs: {} did not improve.",
                summary.epochs_run,
                self.config.train.epochs,
                summary.monitor.as_deref().unwrap_or("the monitored figure"),
            );
            notes.push(Note { level: NoteLevel::Info, text });
        }
        notes
    }
}

fn data_name<K: TaskTables>(config: &RunConfig<K>) -> String {
    let folder = config.data.path().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    match folder {
        Some(folder) => format!("{folder} ({})", config.data.kind()),
        None => config.data.kind().to_owned(),
    }
}

fn model_table(model: &ModelSummary) -> Table {
    Table {
        columns: ["layer", "kind", "output", "parameters", "MFLOPs"].map(str::to_owned).to_vec(),
        rows: model
            .layers
            .iter()
            .map(|layer| {
                let output: Vec<String> = layer.output.iter().skip(1).map(usize::to_string).collect();
                vec![
                    layer.path.clone(),
                    layer.kind.to_string(),
                    output.join("×"),
                    layer.parameters.to_string(),
                    format!("{:.2}", layer.flops as f64 / 1e6),
                ]
            })
            .collect(),
    }
}

fn environment_rows(directory: &RunDirectory) -> Result<Vec<(String, String)>, TrainError> {
    let environment = directory.read_environment()?;
    let mut rows = vec![("version".to_owned(), environment.version)];
    rows.extend(environment.commit.map(|commit| ("commit".to_owned(), commit)));
    rows.push(("backend".to_owned(), environment.backend));
    rows.push(("platform".to_owned(), environment.platform));
    rows.extend(environment.processor.map(|processor| ("processor".to_owned(), processor)));
    rows.push(("threads".to_owned(), environment.threads.to_string()));
    rows.push(("loader threads".to_owned(), environment.workers.to_string()));
    rows.push(("seed".to_owned(), environment.seed.to_string()));
    rows.push(("data fingerprint".to_owned(), environment.data_fingerprint));
    Ok(rows)
}
