//! Tasks, the training loop, checkpoints, schedules, the run directory and reports.
//!
//! One loop ([`fit`]) serves every task ([`task::Task`]): a task says how samples become tensors, what the loss is and
//! how outputs become predictions, and is the only place where models, losses, metrics and data meet. A run
//! ([`run::start_run`]) puts a task together from a [`config::RunConfig`] and leaves a
//! [`run_directory::RunDirectory`] behind; what it needs to know of the kind of recognition is in
//! [`recognition::Recognition`].
//!
//! This crate chooses no backend and prints nothing: it tells an [`observer::Observer`] what happens.

pub mod atomic_file;
pub mod checkpoint;
pub mod config;
mod distillation;
pub mod early_stopping;
pub mod ema;
pub mod environment;
mod error;
pub mod evaluate;
pub mod export;
mod feature_cache;
pub mod fit;
pub mod history;
pub mod initial_weights;
pub mod loader;
pub mod observer;
pub mod optim;
mod parameter_patterns;
pub mod recognition;
pub mod report;
pub mod run;
pub mod run_directory;
pub mod sampler;
pub mod schedule;
pub mod seeds;
pub mod task;
pub mod tasks;
pub mod test_time;
pub mod weights_file;

pub use distillation::DistillConfig;
pub use error::TrainError;
