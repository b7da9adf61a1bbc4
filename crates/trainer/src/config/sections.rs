//! The sections of a configuration that belong to no other crate.

use augment::{BatchMix, Normalize, Pipeline};
use datasets::Fold;
use models::InputShape;
use serde::{Deserialize, Serialize};
use tensor_backend::ops::Precision;

use super::Section;
use crate::sampler::Sampling;
use crate::task::OnBadSample;

/// What is to be recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// One class an image.
    #[default]
    Classification,
    /// Boxes around objects.
    Detection,
    /// A class for each pixel.
    Segmentation,
}

impl TaskKind {
    /// The name in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Detection => "detection",
            Self::Segmentation => "segmentation",
        }
    }
}

/// A table that a task has no use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

impl Section for NoSettings {
    fn is_absent(&self) -> bool {
        true
    }
}

/// What the network sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputConfig {
    /// Height and width in pixels. Images of another size after augmentation are resized to it.
    pub size: InputSize,
    /// 3 for colour, 1 for grey.
    pub channels: usize,
    /// Subtracted and divided by, after pixels were brought to 0..1.
    pub normalize: Normalization,
}

impl Default for InputConfig {
    fn default() -> Self {
        Self { size: InputSize::Square(32), channels: 3, normalize: Normalization::Preset(NormalizationPreset::Unit) }
    }
}

impl InputConfig {
    /// The shape of one image.
    pub fn shape(&self) -> InputShape {
        let [height, width] = self.size.height_width();
        InputShape::new(self.channels, height, width)
    }

    pub(super) fn problem(&self) -> Option<String> {
        let [height, width] = self.size.height_width();
        if height == 0 || width == 0 {
            return Some(format!("input.size must be positive, found {height}×{width}"));
        }
        if !matches!(self.channels, 1 | 3) {
            return Some(format!("input.channels must be 1 (grey) or 3 (colour), found {}", self.channels));
        }
        let values = self.normalize.values();
        (!values.is_valid()).then(|| {
            format!(
                "input.normalize needs finite means and positive deviations, found {:?} and {:?}",
                values.mean, values.std
            )
        })
    }
}

/// Means and deviations, by the name of the data set they were measured on or by value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"imagenet\", \"cifar10\", \"mnist\", \"unit\" or { mean = [r, g, b], std = [r, g, b] }"
)]
pub enum Normalization {
    /// Well-known values.
    Preset(NormalizationPreset),
    /// Given values.
    Values(Normalize),
}

impl Normalization {
    /// The values.
    pub fn values(self) -> Normalize {
        match self {
            Self::Preset(NormalizationPreset::Imagenet) => Normalize::IMAGENET,
            Self::Preset(NormalizationPreset::Cifar10) => Normalize::CIFAR10,
            Self::Preset(NormalizationPreset::Mnist) => Normalize::MNIST,
            Self::Preset(NormalizationPreset::Unit) => Normalize::UNIT,
            Self::Values(values) => values,
        }
    }
}

/// Data sets whose means and deviations are well known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormalizationPreset {
    /// As torchvision's pretrained weights expect.
    Imagenet,
    /// CIFAR-10.
    Cifar10,
    /// MNIST.
    Mnist,
    /// Pixels stay in 0..1.
    Unit,
}

/// A size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InputSize {
    /// Height and width alike.
    Square(usize),
    /// `[height, width]`.
    HeightWidth([usize; 2]),
}

impl InputSize {
    /// `[height, width]`.
    pub fn height_width(self) -> [usize; 2] {
        match self {
            Self::Square(side) => [side; 2],
            Self::HeightWidth(size) => size,
        }
    }
}

/// How training samples are varied, and how samples are prepared for evaluation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Steps for training images, in order.
    pub train: Pipeline,
    /// Steps for evaluation and prediction, in order.
    pub eval: Pipeline,
    /// Blending of training images with one another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<BatchMix>,
}

impl Section for AugmentConfig {
    fn problem(&self) -> Option<String> {
        let pipeline =
            |name: &str, pipeline: &Pipeline| pipeline.validate().err().map(|error| format!("augment.{name}: {error}"));
        pipeline("train", &self.train).or_else(|| pipeline("eval", &self.eval)).or_else(|| {
            let mix = self.mix.as_ref()?;
            mix.validate().err().map(|error| format!("augment.mix: {error}"))
        })
    }
}

/// Epochs, batches, threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training split.
    pub epochs: usize,
    /// Samples a forward pass.
    pub batch_size: usize,
    /// Forward passes an optimiser step; their gradients are averaged.
    pub accumulate: usize,
    /// Loader threads; unset: one a processor core, at most 8. Results do not depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// What the operands of convolutions and linear layers are rounded to while training; evaluation and prediction
    /// are in `f32`.
    pub precision: Precision,
    /// How samples are picked.
    pub sampling: Sampling,
    /// Whether an incomplete last batch is left out.
    pub drop_last: bool,
    /// Epochs from one evaluation to the next; the last epoch is always evaluated. Only epochs that are can be the best.
    pub eval_every: usize,
    /// Which part of training and validation samples is held out in a cross-validation; unset: the splits of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
    /// Decay of a moving average of the weights, which is then what is evaluated and kept; unset: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// The figure that the best epoch is chosen by, such as `val.f1_macro`; unset: `val.accuracy`, `val.ap` or
    /// `val.mean_iou`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
    /// Minutes between checkpoints within an epoch.
    pub checkpoint_minutes: f64,
    /// What happens to unreadable samples.
    pub on_bad_sample: OnBadSample,
    /// Whether decoded images are kept in memory after their first use.
    pub cache: bool,
    /// Classification with all layers but the head frozen: whether what the frozen layers answer to each sample is
    /// computed once and kept in memory. Images are prepared as for evaluation.
    pub cache_features: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            accumulate: 1,
            workers: None,
            precision: Precision::F32,
            sampling: Sampling::Shuffled,
            drop_last: false,
            eval_every: 1,
            fold: None,
            ema: None,
            monitor: None,
            checkpoint_minutes: 5.0,
            on_bad_sample: OnBadSample::Error,
            cache: false,
            cache_features: false,
        }
    }
}

/// More loader threads than this only compete with the kernels.
const MOST_DEFAULT_WORKERS: usize = 8;

impl TrainConfig {
    /// The number of loader threads.
    pub fn worker_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or_else(|| cores().min(MOST_DEFAULT_WORKERS))
    }

    pub(super) fn problem(&self) -> Option<String> {
        let counts = [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size),
            ("accumulate", self.accumulate),
            ("eval_every", self.eval_every),
        ];
        for (key, value) in counts {
            if value == 0 {
                return Some(format!("train.{key} must be at least 1, found 0"));
            }
        }
        if let Some(Fold { number, of, .. }) =
            self.fold.filter(|fold| fold.of < 2 || !(1..=fold.of).contains(&fold.number))
        {
            return Some(format!("train.fold must be one of at least 2 parts, counted from 1, found {number} of {of}"));
        }
        if let Some(decay) = self.ema.filter(|decay| !(0.0..1.0).contains(decay)) {
            return Some(format!("train.ema must lie in 0..1, found {decay}"));
        }
        (self.checkpoint_minutes.is_nan() || self.checkpoint_minutes <= 0.0)
            .then(|| format!("train.checkpoint_minutes must be positive, found {}", self.checkpoint_minutes))
    }
}
