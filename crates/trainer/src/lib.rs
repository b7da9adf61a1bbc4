//! Tasks, the training loop, checkpoints, schedules, the run directory and reports.
//!
//! | room | what is in it |
//! |---|---|
//! | [`task`] | what a task is to the loop: it loads, learns and is judged |
//! | [`tasks`] | classification, detection, segmentation: where models, losses, metrics and data meet |
//! | [`training`] | the one loop, and what it is made of: order, schedule, optimiser, checkpoints, evaluation |
//! | [`config`] | the configuration of a run |
//! | [`weights`] | weights files of runs and of other programs |
//! | [`run`] | a whole run, its directory, its evaluation |
//! | [`report`] | the page that tells a run |
//!
//! One loop ([`training::fit()`]) serves every task ([`task::Train`]). A run ([`run::start_run`]) puts a task together from a
//! [`config::RunConfig`] and leaves a [`run::RunDirectory`] behind; what it needs to know of the task is in
//! [`tasks::TaskDefinition`].
//!
//! This crate chooses no backend and prints nothing: it tells a [`training::Observer`] what happens.

pub mod atomic_file;
pub mod config;
mod error;
pub mod report;
pub mod run;
pub mod task;
pub mod tasks;
pub mod training;
pub mod weights;

pub use error::TrainError;
