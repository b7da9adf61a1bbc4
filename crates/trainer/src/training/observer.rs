//! What a run tells those who watch it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::task::BadSample;
use crate::training::history::HistoryRow;

/// Something that happened in a run.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// An epoch begins, or goes on after a resume.
    EpochStarted {
        /// Its number, from 1.
        epoch: usize,
        /// Epochs of the whole run.
        epochs: usize,
        /// Batches of this epoch.
        batches: usize,
        /// Batches that an earlier part of the run has done already.
        done: usize,
    },
    /// One batch was learnt from.
    BatchDone {
        /// Batches of this epoch done so far.
        done: usize,
        /// Samples in the batch.
        samples: usize,
        /// The mean loss of the epoch so far.
        mean_loss: f64,
        /// The learning rate.
        lr: f64,
    },
    /// An evaluation begins.
    EvaluationStarted {
        /// The split's name.
        split: &'a str,
        /// Its batches.
        batches: usize,
    },
    /// One batch was evaluated.
    EvaluationBatchDone {
        /// Batches evaluated so far.
        done: usize,
    },
    /// An epoch is over.
    EpochEnded {
        /// Its figures.
        row: &'a HistoryRow,
        /// Whether it is the best so far.
        improved: bool,
    },
    /// A checkpoint was written.
    CheckpointSaved {
        /// Its folder.
        path: &'a Path,
    },
    /// A sample was left out.
    BadSample(&'a BadSample),
    /// Something the user should know.
    Note(&'a str),
}

/// Watches a run: a progress bar, a log, a test.
pub trait Observer {
    /// Called for every event, on the training thread.
    fn on_event(&mut self, event: Event<'_>);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on_event(&mut self, _event: Event<'_>) {}
}

/// What a pass over samples needs beside its task and network: where it computes, who watches it, and who may end it.
pub struct Session<'a, D> {
    /// The device.
    pub device: &'a D,
    /// Is told what happens.
    pub observer: &'a mut dyn Observer,
    /// Ends the pass after the current step.
    pub stop: &'a StopFlag,
}

/// A request to stop after the current step, from a signal handler or another thread.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks for the stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
