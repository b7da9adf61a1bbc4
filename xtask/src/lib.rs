//! The command line of Okulo: `cargo xtask train`, `eval`, `predict`, `export`, `data`, `bench`, `ci`.
//!
//! A library, so that the integration tests build the very same program with their own checks turned on.

mod bench;
mod ci;
mod cross_validation;
mod data;
mod eval;
mod export;
mod interrupt;
mod judge_files;
mod lr_find;
mod output;
mod predict;
mod progress;
mod recipes;
mod train;
mod weights;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trainer::TrainError;
use trainer::config::ConfigError;

/// ndarray's tensors are vectors, whose memory the kernels' pool can only keep as the program's allocator.
#[cfg(all(feature = "ndarray", not(feature = "cuda")))]
#[global_allocator]
static ALLOCATOR: tensor_backend::kernels::memory::PooledAllocator = tensor_backend::kernels::memory::PooledAllocator;

/// Trains, evaluates and applies image-recognition models.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model; without arguments: a small network on generated shapes, in under a minute.
    Train(train::TrainArguments),
    /// Raise the learning rate from step to step, and draw the loss: where does training work?
    LrFind(lr_find::LrFindArguments),
    /// Evaluate a run's best model on a split, other weights, or detections in files.
    Eval(eval::EvalArguments),
    /// Classify images, or find objects in them, with a run's best model.
    Predict(predict::PredictArguments),
    /// Write a run's best weights, or a weights file, for PyTorch or as safetensors.
    Export(export::ExportArguments),
    /// Fetch, check, convert and look at data sets.
    Data(data::DataArguments),
    /// Fetch published weights.
    Weights(weights::WeightsArguments),
    /// Measure speed.
    Bench(bench::BenchArguments),
    /// Run every check and test.
    Ci(ci::CiArguments),
}

/// Exit status of a wrong command line or configuration; clap uses the same.
const USAGE_ERROR: u8 = 2;

/// Runs the program with the arguments of this process. Gives its exit status: 0 on success, 1 on failure, 2 on a wrong
/// command line or configuration, 130 after Ctrl-C.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    tensor_backend::compute_on_this_thread();
    let result = match cli.command {
        Command::Train(arguments) => train::run(arguments),
        Command::LrFind(arguments) => lr_find::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Data(arguments) => data::run(arguments),
        Command::Weights(arguments) => weights::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Ci(arguments) => ci::run(arguments).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        output::error(&error);
        if is_usage_error(&error) { ExitCode::from(USAGE_ERROR) } else { ExitCode::FAILURE }
    })
}

fn is_usage_error(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<ConfigError>()
            || cause.is::<models::ModelError>()
            || cause.is::<recipes::UnknownRecipe>()
            || matches!(cause.downcast_ref(), Some(TrainError::Config(_) | TrainError::Model(_)))
    })
}
