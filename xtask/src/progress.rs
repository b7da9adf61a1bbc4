//! A run's progress on standard error: a bar on a terminal, a plain line every few seconds elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use metrics::Shown;
use trainer::training::history::HistoryRow;
use trainer::training::observer::{Event, Observer};

use crate::output::{self, Style, styled};

/// Time between two plain lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Shows progress.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    is_terminal: bool,
    quiet: bool,
    epoch: (usize, usize),
    batches: usize,
    samples: usize,
    started: Instant,
    last_line: Instant,
}

impl Progress {
    /// Progress on standard error; with `quiet`, only notes and warnings.
    pub(crate) fn new(quiet: bool) -> Self {
        let now = Instant::now();
        Self {
            bar: None,
            is_terminal: std::io::stderr().is_terminal(),
            quiet,
            epoch: (0, 0),
            batches: 0,
            samples: 0,
            started: now,
            last_line: now,
        }
    }

    fn start_bar(&mut self, label: String, batches: usize, done: usize) {
        self.end_bar();
        (self.batches, self.samples) = (batches, 0);
        (self.started, self.last_line) = (Instant::now(), Instant::now());
        if self.quiet || !self.is_terminal {
            return;
        }
        let template = "{prefix} [{bar:24}] {pos}/{len} {msg} {eta} left";
        let style = ProgressStyle::with_template(template).expect("a constant template").progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(batches as u64), ProgressDrawTarget::stderr());
        bar.set_style(style);
        bar.set_prefix(label);
        bar.set_position(done as u64);
        self.bar = Some(bar);
    }

    fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Writes a line above the bar.
    fn write(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => output::note(text),
        }
    }

    fn batch_done(&mut self, done: usize, samples: usize, mean_loss: f64, lr: f64) {
        self.samples += samples;
        let rate = self.samples as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        let message = format!("loss {mean_loss:.4}  lr {lr:.2e}  {rate:.0} images/s");
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            bar.set_message(message);
        } else if !self.quiet && self.last_line.elapsed() >= PLAIN_INTERVAL {
            let (epoch, epochs) = self.epoch;
            output::note(format!("epoch {epoch}/{epochs}  batch {done}/{}  {message}", self.batches));
            self.last_line = Instant::now();
        }
    }
}

impl Observer for Progress {
    fn on_event(&mut self, event: Event<'_>) {
        match event {
            Event::EpochStarted { epoch, epochs, batches, done } => {
                self.epoch = (epoch, epochs);
                self.start_bar(format!("epoch {epoch}/{epochs}"), batches, done);
            }
            Event::BatchDone { done, samples, mean_loss, lr } => self.batch_done(done, samples, mean_loss, lr),
            Event::EvaluationStarted { split, batches } => self.start_bar(format!("evaluating {split}"), batches, 0),
            Event::EvaluationBatchDone { done } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(done as u64);
                    if done == self.batches {
                        self.end_bar();
                    }
                }
            }
            Event::EpochEnded { row, improved } => {
                self.end_bar();
                if !self.quiet {
                    output::note(epoch_line(row, self.epoch.1, improved));
                }
            }
            Event::CheckpointSaved { .. } => {}
            Event::BadSample(bad) => {
                let label = styled("warning:", Style::Warning);
                self.write(&format!("{label} left out {}: {}", bad.source, bad.reason));
            }
            Event::Note(text) => self.write(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end_bar();
    }
}

/// The figures of an epoch that people see, those of training first.
fn epoch_line(row: &HistoryRow, epochs: usize, improved: bool) -> String {
    let mut parts = vec![format!("epoch {:>width$}/{epochs}", row.epoch, width = epochs.to_string().len())];
    for split in ["train.", "val."] {
        let columns = row.figures.iter().map(|(column, _)| column.as_str());
        let names: Vec<&str> = columns.filter(|column| column.starts_with(split)).collect();
        let shown = metrics::shown(&names, Shown::Epoch).into_iter();
        parts.extend(shown.filter_map(|name| Some(format!("{name} {:.4}", row.get(name)?))));
    }
    if let Some(lr) = row.get("lr") {
        parts.push(format!("lr {lr:.2e}"));
    }
    if let (Some(rate), Some(seconds)) = (row.get("images_per_second"), row.get("seconds")) {
        parts.push(format!("{rate:.0} images/s  {seconds:.1} s"));
    }
    if improved {
        parts.push(styled("best", Style::Good));
    }
    parts.join("  ")
}
