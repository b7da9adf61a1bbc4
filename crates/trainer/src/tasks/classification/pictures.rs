//! The pictures and the report of a run.

use augment::AugmentKey;
use datasets::{ClassificationSamples, Dataset, Splits};
use image::RgbImage;
use models::ModelSummary;
use vision_types::Sample;

use super::ClassificationTask;
use super::evaluation::{SampleOutcome, SplitEvaluation};
use super::run::Summary;
use crate::checkpoint::RunState;
use crate::config::RunConfig;
use crate::error::TrainError;
use crate::report::{
    Evaluation, Gallery, GalleryItem, Headline, HistoryRow, Note, NoteLevel, RunReport, SplitScores, Table, render,
};
use crate::run_directory::RunDirectory;
use crate::sampler::order;

/// Pictures in a gallery of the report.
const GALLERY_ITEMS: usize = 24;
/// Columns of a contact sheet.
const SHEET_COLUMNS: usize = 8;
/// Pixels of a contact sheet's cell.
const SHEET_CELL: u32 = 96;

/// The first samples of the first epoch, as the network sees them.
fn training_batch(
    task: &ClassificationTask,
    train: &ClassificationSamples,
    config: &RunConfig,
) -> Vec<Sample<vision_types::ClassId>> {
    let classes = vec![0; train.len()];
    let mut shown = Vec::new();
    for index in order(crate::sampler::Sampling::Shuffled, config.seed, 0, &classes) {
        if shown.len() == GALLERY_ITEMS {
            break;
        }
        // A sample that cannot be read is told of where it matters, in training.
        let Ok(sample) = train.get(index) else { continue };
        let key = AugmentKey { seed: config.seed, epoch: 0, index: index as u64 };
        let image = task.prepare(sample.image, task.train_pipeline(), key);
        shown.push(Sample { image, ..sample });
    }
    shown
}

/// Writes a contact sheet of augmented training samples, to be looked at while the run goes on.
pub(super) fn write_training_batch(
    task: &ClassificationTask,
    train: &ClassificationSamples,
    config: &RunConfig,
    directory: &RunDirectory,
) -> Result<(), TrainError> {
    let samples = training_batch(task, train, config);
    if samples.is_empty() {
        return Ok(());
    }
    let sheet = datasets::contact_sheet(&samples, task.classes(), SHEET_COLUMNS, SHEET_CELL);
    let path = directory.samples_folder().join("training_batch.png");
    sheet.save(&path).map_err(|error| TrainError::File { path, source: std::io::Error::other(error) })
}

/// What a report is made from.
pub(super) struct ReportParts<'a> {
    pub(super) task: &'a ClassificationTask,
    pub(super) splits: &'a Splits,
    pub(super) config: &'a RunConfig,
    pub(super) directory: &'a RunDirectory,
    pub(super) state: &'a RunState,
    pub(super) evaluations: &'a [SplitEvaluation],
    pub(super) summary: &'a Summary,
    pub(super) model: &'a ModelSummary,
}

/// Writes `report.html`.
pub(super) fn write_report(parts: &ReportParts<'_>) -> Result<(), TrainError> {
    let ReportParts { config, state, summary, directory, .. } = parts;
    // The test split where there is one, else the validation split.
    let judged = parts.evaluations.last();
    let mut galleries = Vec::new();
    if let Some(judged) = judged {
        galleries.extend(outcome_galleries(parts, judged));
    }
    galleries.push(Gallery {
        title: "Training samples".to_owned(),
        note: "as the network sees them in the first epoch, augmented".to_owned(),
        items: training_batch(parts.task, &parts.splits.train, config)
            .into_iter()
            .map(|sample| GalleryItem {
                true_label: class_name(parts, sample.annotation),
                image: sample.image,
                caption: sample.source,
                ..GalleryItem::default()
            })
            .collect(),
    });

    let mut splits = Vec::new();
    if let Some(row) = state.history.iter().find(|row| Some(row.epoch) == summary.best_epoch) {
        let scores = row.figures.iter().filter_map(|(name, value)| {
            name.strip_prefix("train.").map(|name| metrics::Score { name: name.to_owned(), value: *value })
        });
        splits.push(SplitScores { split: "train".to_owned(), scores: scores.collect() });
    }
    splits.extend(
        parts
            .evaluations
            .iter()
            .map(|evaluation| SplitScores { split: evaluation.split.to_string(), scores: evaluation.scores() }),
    );

    let report = RunReport {
        name: directory.name(),
        task: "classification".to_owned(),
        subtitle: format!("{} on {}", config.model.name.as_str(), data_name(config)),
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
        splits,
        history: state
            .history
            .iter()
            .map(|row| HistoryRow {
                epoch: row.epoch,
                columns: row.figures.iter().filter_map(|(name, value)| Some((name.clone(), (*value)?))).collect(),
            })
            .collect(),
        evaluation: judged.map(|judged| Evaluation::from_metrics(judged.split.as_str(), &judged.metrics)),
        galleries,
        model_summary: Some(model_table(parts.model)),
        config: config.to_toml()?,
        environment: environment_rows(directory)?,
        notes: notes(parts),
    };
    directory.write_report(&render(&report))
}

/// The worst and the most certain answers of an evaluation.
fn outcome_galleries(parts: &ReportParts<'_>, judged: &SplitEvaluation) -> Vec<Gallery> {
    let Ok(samples) = parts.splits.get(judged.split) else { return Vec::new() };
    let mut by_target_score: Vec<&SampleOutcome> = judged.outcomes.iter().collect();
    by_target_score.sort_by(|a, b| a.target_score.total_cmp(&b.target_score));
    let wrong = by_target_score.iter().filter(|outcome| outcome.predicted != outcome.target).copied();
    let right = by_target_score.iter().rev().filter(|outcome| outcome.predicted == outcome.target).copied();
    [
        (
            format!("Worst {} samples", judged.split),
            "wrong answers, those with the lowest probability of the true class first",
            gallery_items(parts, samples, wrong.take(GALLERY_ITEMS)),
        ),
        (
            format!("Most certain {} samples", judged.split),
            "right answers, those with the highest probability first",
            gallery_items(parts, samples, right.take(GALLERY_ITEMS / 2)),
        ),
    ]
    .into_iter()
    .filter(|(_, _, items)| !items.is_empty())
    .map(|(title, note, items)| Gallery { title, note: note.to_owned(), items })
    .collect()
}

fn gallery_items<'a>(
    parts: &ReportParts<'_>,
    samples: &ClassificationSamples,
    outcomes: impl Iterator<Item = &'a SampleOutcome>,
) -> Vec<GalleryItem> {
    outcomes
        .map(|outcome| {
            // The sample was read a moment ago; if it is gone, an empty picture still tells the rest.
            let image = samples.get(outcome.index).map_or_else(|_| RgbImage::new(1, 1), |sample| sample.image);
            GalleryItem {
                image,
                caption: samples.source(outcome.index),
                true_label: class_name(parts, outcome.target),
                predicted_label: class_name(parts, outcome.predicted),
                score: Some(outcome.score),
            }
        })
        .collect()
}

fn class_name(parts: &ReportParts<'_>, class: vision_types::ClassId) -> Option<String> {
    parts.task.classes().get(class).map(str::to_owned)
}

fn data_name(config: &RunConfig) -> String {
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

fn notes(parts: &ReportParts<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    let warning = |text: String| Note { level: NoteLevel::Warning, text };
    let bad = &parts.state.bad_samples;
    if !bad.is_empty() {
        let named: Vec<&str> = bad.iter().take(5).map(|bad| bad.source.as_str()).collect();
        let more = if bad.len() > named.len() { ", …" } else { "" };
        notes.push(warning(format!(
            "{} samples could not be read and were left out: {}{more}",
            bad.len(),
            named.join(", ")
        )));
    }
    if parts.splits.validation.is_none() {
        let text = "There is no validation split: the best epoch was chosen by the training loss.".to_owned();
        notes.push(warning(text));
    }
    if parts.summary.stopped_early {
        let text = format!(
            "Stopped early after {} of {} epochs: {} did not improve.",
            parts.summary.epochs_run,
            parts.config.train.epochs,
            parts.summary.monitor.as_deref().unwrap_or("the monitored figure"),
        );
        notes.push(Note { level: NoteLevel::Info, text });
    }
    notes
}
