//! `cargo xtask bench`: speed, measured the same way as the peer scripts do.

use std::process::ExitCode;
use std::time::Instant;

use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor};
use clap::{Args, Subcommand};
use datasets::{Dataset, DatasetError};
use image::RgbImage;
use models::{Answer, ClassifierConfig, DetectorConfig, InputShape, ModelCard, ModelError, Network, SegmenterConfig};
use serde::Serialize;
use tensor_backend::ops::{Precision, with_precision};
use tensor_backend::{
    BACKEND_NAME, SelectedBackend, SelectedDevice, TrainingBackend, join_graphs, open_device, random,
};
use trainer::config::{AnyRunConfig, ConfigVisitor, RunConfig};
use trainer::task::{HostTask, Learn, Loading, OnBadSample, OnDevice, Phase};
use trainer::tasks::{InferenceOn, TrainingOn};
use trainer::training::optim::{Gradients, Optimizer, OptimizerConfig, OptimizerKind};
use vision_types::{ClassNames, Sample};

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
    /// What the operands of convolutions and linear layers are rounded to: f32 or bf16.
    #[arg(long, value_name = "NAME", default_value = "f32", value_parser = precision)]
    precision: Precision,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

fn precision(name: &str) -> Result<Precision, String> {
    let found = Precision::ALL.into_iter().find(|precision| precision.as_str() == name);
    found.ok_or_else(|| format!("expected one of {}", Precision::ALL.map(Precision::as_str).join(", ")))
}

/// What a measurement gave.
#[derive(Debug, Serialize)]
struct Measurement {
    bench: &'static str,
    model: String,
    batch: usize,
    size: usize,
    precision: Precision,
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
    let card = card(&step.model)?;
    let size = step.size.unwrap_or(card.input.height);
    let input = InputShape::new(card.input.channels, size, size);
    let config = AnyRunConfig::of_weights(None, &step.model, &[format!("input.size={size}")])?;
    random::seed(0, 0);
    let seconds = match &arguments.command {
        BenchCommand::TrainStep(_) => {
            config.visit::<TrainingBackend, SelectedBackend, _>(TrainStep { card, input, step, device: &device })?
        }
        BenchCommand::Inference(_) => {
            config.visit::<TrainingBackend, SelectedBackend, _>(Inference { card, input, step, device: &device })?
        }
    };
    let batch = step.batch as usize;
    let median_seconds = median(seconds);
    let measurement = Measurement {
        bench,
        model: step.model.clone(),
        batch,
        size,
        precision: step.precision,
        images_per_second: batch as f64 / median_seconds,
        median_seconds,
        runs: step.runs as usize,
        threads: rayon::current_num_threads(),
        features: BACKEND_NAME,
        peak_memory_bytes: trainer::run::environment::peak_memory_bytes(),
    };
    if step.json {
        output::json(&measurement)?;
    } else {
        output::line(format!(
            "{bench} {} batch {batch} at {size}×{size}: {:.1} images/s ({:.2} ms, median of {}, {}, {} threads, \
             {BACKEND_NAME})",
            step.model,
            measurement.images_per_second,
            median_seconds * 1e3,
            measurement.runs,
            step.precision.as_str(),
            measurement.threads,
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is known of the model called `name`.
fn card(name: &str) -> Result<&'static ModelCard, ModelError> {
    let all = [ClassifierConfig::names(), DetectorConfig::names(), SegmenterConfig::names()];
    match all.into_iter().flatten().find(|card| card.name == name) {
        Some(card) => Ok(card),
        // The error names the nearest.
        None => ClassifierConfig::named(name).map(|config| config.card()),
    }
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

/// Images with an example of the task's annotation each.
struct Examples<A> {
    annotations: Vec<A>,
    image: RgbImage,
}

impl<A: Clone + Send + Sync> Dataset for Examples<A> {
    type Annotation = A;

    fn len(&self) -> usize {
        self.annotations.len()
    }

    fn get(&self, index: usize) -> Result<Sample<A>, DatasetError> {
        Ok(Sample { image: self.image.clone(), annotation: self.annotation(index)?, source: self.source(index) })
    }

    fn annotation(&self, index: usize) -> Result<A, DatasetError> {
        Ok(self.annotations[index].clone())
    }

    fn source(&self, index: usize) -> String {
        format!("example {index}")
    }

    fn key(&self, index: usize) -> String {
        self.source(index)
    }
}

/// Times a training step of a task's own loss.
struct TrainStep<'a> {
    card: &'a ModelCard,
    input: InputShape,
    step: &'a StepArguments,
    device: &'a SelectedDevice,
}

impl ConfigVisitor<TrainingBackend, SelectedBackend> for TrainStep<'_> {
    type Output = anyhow::Result<Vec<f64>>;

    fn visit<K: TrainingOn<TrainingBackend> + InferenceOn<SelectedBackend>>(
        self,
        config: RunConfig<K>,
    ) -> Self::Output {
        let Self { card, input, step, device } = self;
        let classes = ClassNames::new((0..card.classes).map(|class| format!("class {class}")));
        let task = K::task(&config, classes)?;
        let network = <K as InferenceOn<TrainingBackend>>::network(&config.model, card.classes, input, device)?;
        let batch = step.batch as usize;
        let examples = Examples {
            annotations: (0..batch).map(|number| K::example(number, card.classes, input)).collect(),
            image: RgbImage::new(input.width as u32, input.height as u32),
        };
        let indices: Vec<usize> = (0..batch).collect();
        let phase = Phase::Train { seed: 0, epoch: 0, batch: 0 };
        let loaded = task.load(&examples, &indices, Loading { phase, on_bad_sample: OnBadSample::Error })?;
        let targets = OnDevice::<TrainingBackend>::upload(&task, loaded.encoded, device);

        let mut optimizer = Optimizer::<TrainingBackend>::new(OptimizerConfig {
            kind: OptimizerKind::Sgd,
            momentum: 0.9,
            nesterov: true,
            weight_decay: 5e-4,
            ..OptimizerConfig::default()
        });
        let images: Tensor<TrainingBackend, 4> = images(batch, input, device);
        // Small, so that the weights stay where they are: the speed must not depend on what is learnt.
        const LR: f64 = 1e-3;
        let mut network = Some(network);
        Ok(time(step, || {
            let current = network.take().expect("put back after every step");
            join_graphs(&current);
            let learned = with_precision(step.precision, || task.learn(&current, images.clone(), &targets));
            let value = learned.loss.total;
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
}

/// Times a forward pass.
struct Inference<'a> {
    card: &'a ModelCard,
    input: InputShape,
    step: &'a StepArguments,
    device: &'a SelectedDevice,
}

impl ConfigVisitor<TrainingBackend, SelectedBackend> for Inference<'_> {
    type Output = anyhow::Result<Vec<f64>>;

    fn visit<K: TrainingOn<TrainingBackend> + InferenceOn<SelectedBackend>>(
        self,
        config: RunConfig<K>,
    ) -> Self::Output {
        let Self { card, input, step, device } = self;
        let network = <K as InferenceOn<SelectedBackend>>::network(&config.model, card.classes, input, device)?;
        let images: Tensor<SelectedBackend, 4> = images(step.batch as usize, input, device);
        Ok(time(step, || with_precision(step.precision, || network.forward(images.clone())).wait()))
    }
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
