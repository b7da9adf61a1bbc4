//! `cargo xtask bench`: speed, measured the same way as the peer scripts do.

use std::process::ExitCode;
use std::time::Instant;

use burn::module::AutodiffModule;
use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor, TensorData};
use clap::{Args, Subcommand};
use losses::ClassificationLoss;
use models::{Classifier, ClassifierConfig, InputShape, Network};
use serde::Serialize;
use tensor_backend::{BACKEND_NAME, SelectedBackend, SelectedDevice, TrainingBackend, open_device, random};
use trainer::optim::{Gradients, Optimizer, OptimizerConfig, OptimizerKind};

use crate::output;

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// A full training step (forward, loss, backward, SGD with Nesterov momentum and weight decay) on one fixed batch.
    TrainStep(StepArguments),
    /// A forward pass without gradients.
    Inference(StepArguments),
}

#[derive(Debug, Args)]
struct StepArguments {
    /// The model.
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Images a step.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Side of the images in pixels; default: the model's own.
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,
    /// Timed steps.
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Steps before the timed ones.
    #[arg(long, value_name = "N", default_value_t = 3)]
    warmup: u32,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What a measurement gave.
#[derive(Debug, Serialize)]
struct Measurement {
    bench: &'static str,
    model: String,
    batch: usize,
    size: usize,
    images_per_second: f64,
    median_seconds: f64,
    runs: usize,
    threads: usize,
    features: &'static str,
    peak_memory_bytes: Option<u64>,
}

/// Runs `bench`.
pub(crate) fn run(arguments: BenchArguments) -> anyhow::Result<ExitCode> {
    let (bench, step) = match &arguments.command {
        BenchCommand::TrainStep(step) => ("train-step", step),
        BenchCommand::Inference(step) => ("inference", step),
    };
    let device = open_device()?;
    let config = ClassifierConfig::named(&step.model)?;
    let card = config.name.card();
    let size = step.size.unwrap_or(card.input.height);
    let input = InputShape::new(card.input.channels, size, size);
    let batch = step.batch as usize;
    random::seed(0, 0);
    let seconds = match bench {
        "train-step" => train_step(&config, card.classes, input, batch, step, &device)?,
        _ => inference(&config, card.classes, input, batch, step, &device)?,
    };
    let median_seconds = median(seconds);
    let measurement = Measurement {
        bench,
        model: step.model.clone(),
        batch,
        size,
        images_per_second: batch as f64 / median_seconds,
        median_seconds,
        runs: step.runs as usize,
        threads: rayon::current_num_threads(),
        features: BACKEND_NAME,
        peak_memory_bytes: trainer::environment::peak_memory_bytes(),
    };
    if step.json {
        output::json(&measurement)?;
    } else {
        output::line(format!(
            "{bench} {} batch {batch} at {size}×{size}: {:.1} images/s ({:.2} ms, median of {}, {} threads, {BACKEND_NAME})",
            step.model,
            measurement.images_per_second,
            median_seconds * 1e3,
            measurement.runs,
            measurement.threads,
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    if seconds.len() % 2 == 1 { seconds[middle] } else { (seconds[middle - 1] + seconds[middle]) / 2.0 }
}

/// Times `step` after the warm-up; it must end with a value read back from the device.
fn time(arguments: &StepArguments, mut step: impl FnMut()) -> Vec<f64> {
    for _ in 0..arguments.warmup {
        step();
    }
    (0..arguments.runs)
        .map(|_| {
            let started = Instant::now();
            step();
            started.elapsed().as_secs_f64()
        })
        .collect()
}

fn images<B: Backend>(batch: usize, input: InputShape, device: &B::Device) -> Tensor<B, 4> {
    random::normal([batch, input.channels, input.height, input.width], 0.0, 1.0, device)
}

fn train_step(
    config: &ClassifierConfig,
    classes: usize,
    input: InputShape,
    batch: usize,
    arguments: &StepArguments,
    device: &SelectedDevice,
) -> anyhow::Result<Vec<f64>> {
    let mut network: Option<Classifier<TrainingBackend>> = Some(config.init(classes, input, device)?);
    let optimizer = OptimizerConfig {
        kind: OptimizerKind::Sgd,
        momentum: 0.9,
        nesterov: true,
        weight_decay: 5e-4,
        ..OptimizerConfig::default()
    };
    let mut optimizer = Optimizer::<TrainingBackend>::new(optimizer);
    let images: Tensor<TrainingBackend, 4> = images(batch, input, device);
    let labels: Vec<usize> = (0..batch).map(|sample| sample % classes).collect();
    let targets = TensorData::new(losses::one_hot(&labels, classes)?, [batch, classes]);
    let targets: Tensor<TrainingBackend, 2> = Tensor::from_data(targets, device);
    let loss = ClassificationLoss::default();
    // Small, so that the weights stay where they are: the speed must not depend on what is learnt.
    const LR: f64 = 1e-3;
    Ok(time(arguments, || {
        let current = network.take().expect("put back after every step");
        let value = loss.losses(current.forward(images.clone()), targets.clone()).mean();
        let mut gradients = Gradients::<TrainingBackend>::default();
        gradients.add(&current, &mut value.backward());
        let _read_back: f64 = value.into_scalar().elem();
        network = Some(optimizer.step(current, gradients, LR));
        // Kernels of a GPU may still run; the processor's have ended.
        if let Err(error) = TrainingBackend::sync(device) {
            output::note(format!("warning: the device could not be waited for: {error:?}"));
        }
    }))
}

fn inference(
    config: &ClassifierConfig,
    classes: usize,
    input: InputShape,
    batch: usize,
    arguments: &StepArguments,
    device: &SelectedDevice,
) -> anyhow::Result<Vec<f64>> {
    let network: Classifier<TrainingBackend> = config.init(classes, input, device)?;
    let network = network.valid();
    let images: Tensor<SelectedBackend, 4> = images(batch, input, device);
    Ok(time(arguments, || {
        let _read_back = network.forward(images.clone()).into_data();
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_both() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
