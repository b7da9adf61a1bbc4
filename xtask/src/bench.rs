//! `cargo xtask bench`: speed, measured the same way as the peer scripts do.

use std::process::ExitCode;
use std::time::Instant;

use burn::module::AutodiffModule;
use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor, TensorData};
use clap::{Args, Subcommand};
use losses::{BoxTarget, ClassificationLoss, PixelTargets, SegmentationLoss, YoloxLoss};
use models::{
    Classifier, ClassifierConfig, Detector, DetectorConfig, InputShape, ModelCard, ModelError, Network, Segmenter,
    SegmenterConfig, SegmenterOutput, YoloxOutput,
};
use serde::Serialize;
use tensor_backend::ops::{Precision, with_precision};
use tensor_backend::{
    BACKEND_NAME, SelectedBackend, SelectedDevice, TrainingBackend, join_graphs, open_device, random,
};
use trainer::training::optim::{Gradients, Optimizer, OptimizerConfig, OptimizerKind};
use vision_types::{BBox, Mask};

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
    let model = Model::named(&step.model)?;
    let card = model.card();
    let size = step.size.unwrap_or(card.input.height);
    let input = InputShape::new(card.input.channels, size, size);
    let batch = step.batch as usize;
    random::seed(0, 0);
    let seconds = match (model, bench) {
        (Model::Classifier(config), "train-step") => {
            let network: Classifier<TrainingBackend> = config.init(card.classes, input, &device)?;
            let labels: Vec<usize> = (0..batch).map(|sample| sample % card.classes).collect();
            let targets = TensorData::new(losses::one_hot(&labels, card.classes)?, [batch, card.classes]);
            let targets: Tensor<TrainingBackend, 2> = Tensor::from_data(targets, &device);
            let loss = ClassificationLoss::default();
            let loss = |logits| loss.losses(logits, targets.clone()).mean();
            train_step(network, loss, batch, input, step, &device)
        }
        (Model::Classifier(config), _) => {
            let network: Classifier<TrainingBackend> = config.init(card.classes, input, &device)?;
            inference(&network.valid(), |logits| drop(logits.into_data()), batch, input, step, &device)
        }
        (Model::Detector(config), "train-step") => {
            let network: Detector<TrainingBackend> = config.init(card.classes, input, &device)?;
            let boxes: Vec<Vec<BoxTarget>> = (0..batch).map(|image| objects(image, card.classes, input)).collect();
            let loss = YoloxLoss { classes: card.classes, l1: false };
            let loss = |output: YoloxOutput<_>| loss.forward(output.raw, &output.points, &boxes).total;
            train_step(network, loss, batch, input, step, &device)
        }
        (Model::Detector(config), _) => {
            let network: Detector<TrainingBackend> = config.init(card.classes, input, &device)?;
            inference(&network.valid(), |output| drop(output.raw.into_data()), batch, input, step, &device)
        }
        (Model::Segmenter(config), "train-step") => {
            let network: Segmenter<TrainingBackend> = config.init(card.classes, input, &device)?;
            let masks: Vec<Mask> = (0..batch).map(|image| squares(image, card.classes, size)).collect();
            let masks: Vec<&Mask> = masks.iter().collect();
            let targets = PixelTargets::<TrainingBackend>::from_masks(&masks, card.classes, &device)?;
            let loss = SegmentationLoss::default();
            let loss = |output: SegmenterOutput<_>| loss.forward(output.logits, &targets);
            train_step(network, loss, batch, input, step, &device)
        }
        (Model::Segmenter(config), _) => {
            let network: Segmenter<TrainingBackend> = config.init(card.classes, input, &device)?;
            inference(&network.valid(), |output| drop(output.logits.into_data()), batch, input, step, &device)
        }
    };
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
            "{bench} {} batch {batch} at {size}×{size}: {:.1} images/s ({:.2} ms, median of {}, {}, {} threads, {BACKEND_NAME})",
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

/// What is measured.
enum Model {
    Classifier(ClassifierConfig),
    Detector(DetectorConfig),
    Segmenter(SegmenterConfig),
}

impl Model {
    fn named(name: &str) -> Result<Self, ModelError> {
        match ClassifierConfig::named(name) {
            Err(ModelError::OtherTask { .. }) => match DetectorConfig::named(name) {
                Err(ModelError::OtherTask { .. }) => SegmenterConfig::named(name).map(Self::Segmenter),
                found => found.map(Self::Detector),
            },
            found => found.map(Self::Classifier),
        }
    }

    fn card(&self) -> &'static ModelCard {
        match self {
            Self::Classifier(config) => config.name.card(),
            Self::Detector(config) => config.name.card(),
            Self::Segmenter(config) => config.name.card(),
        }
    }
}

/// Objects in image number `image`: eight squares on a grid, of an eighth to a half of the image's height. The peer
/// script has the same.
fn objects(image: usize, classes: usize, input: InputShape) -> Vec<BoxTarget> {
    let (height, width) = (input.height as f32, input.width as f32);
    let object = |number: usize| {
        let side = height * [0.125, 0.25, 0.375, 0.5][(image + number) % 4];
        let (x, y) = (width * (1 + 2 * (number % 4)) as f32 / 8.0, height * (1 + 2 * (number / 4)) as f32 / 4.0);
        let bbox = BBox::from_cxcywh(x, y, side, side).clip(width, height);
        BoxTarget { bbox, class: (8 * image + number) % classes }
    };
    (0..8).map(object).collect()
}

/// The mask of image number `image`: squares of an eighth of its side, of all classes in turn. The peer script has the
/// same.
fn squares(image: usize, classes: usize, size: usize) -> Mask {
    let side = (size / 8).max(1);
    let class = |pixel: usize| ((pixel / size / side + pixel % size / side + image) % classes) as u8;
    let pixels = (0..size * size).map(class).collect();
    Mask::from_pixels(size as u32, size as u32, pixels).expect("as many pixels as that")
}

fn train_step<M: Network<TrainingBackend> + AutodiffModule<TrainingBackend>>(
    network: M,
    loss: impl Fn(M::Output) -> Tensor<TrainingBackend, 1>,
    batch: usize,
    input: InputShape,
    arguments: &StepArguments,
    device: &SelectedDevice,
) -> Vec<f64> {
    let mut network = Some(network);
    let optimizer = OptimizerConfig {
        kind: OptimizerKind::Sgd,
        momentum: 0.9,
        nesterov: true,
        weight_decay: 5e-4,
        ..OptimizerConfig::default()
    };
    let mut optimizer = Optimizer::<TrainingBackend>::new(optimizer);
    let images: Tensor<TrainingBackend, 4> = images(batch, input, device);
    // Small, so that the weights stay where they are: the speed must not depend on what is learnt.
    const LR: f64 = 1e-3;
    time(arguments, || {
        let current = network.take().expect("put back after every step");
        join_graphs(&current);
        let value = loss(with_precision(arguments.precision, || current.forward(images.clone())));
        let mut gradients = Gradients::<TrainingBackend>::default();
        gradients.add(&current, &mut value.backward());
        let _read_back: f64 = value.into_scalar().elem();
        network = Some(optimizer.step(current, gradients, LR));
        // Kernels of a GPU may still run; the processor's have ended.
        if let Err(error) = TrainingBackend::sync(device) {
            output::note(format!("warning: the device could not be waited for: {error:?}"));
        }
    })
}

fn inference<M: Network<SelectedBackend>>(
    network: &M,
    read_back: impl Fn(M::Output),
    batch: usize,
    input: InputShape,
    arguments: &StepArguments,
    device: &SelectedDevice,
) -> Vec<f64> {
    let images: Tensor<SelectedBackend, 4> = images(batch, input, device);
    time(arguments, || read_back(with_precision(arguments.precision, || network.forward(images.clone()))))
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
