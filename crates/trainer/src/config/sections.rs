//! The sections of a configuration that belong to no other crate.

use augment::{BatchMix, ImageSize, Normalize, Pipeline};
use datasets::Fold;
use image::RgbImage;
use models::InputShape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tensor_backend::ops::Precision;

use super::{AugmentTable, ConfigTable};
use crate::task::OnBadSample;
use crate::training::sampler::Sampling;

/// What is to be recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// One class an image.
    #[default]
    Classification,
    /// Objects in images: boxes with classes.
    Detection,
    /// A class for each pixel.
    Segmentation,
}

impl TaskKind {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Classification, Self::Detection, Self::Segmentation];

    /// The task with this name in files.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.as_str() == name)
    }

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

impl ConfigTable for NoSettings {
    fn is_absent(&self) -> bool {
        true
    }
}

/// What the network sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

    /// Its size in pixels.
    pub fn image_size(&self) -> ImageSize {
        let [height, width] = self.size.height_width();
        ImageSize::new(width as u32, height as u32)
    }

    /// The shape of a batch of `count` images, `[batch, channels, height, width]`.
    pub fn batch_shape(&self, count: usize) -> [usize; 4] {
        let [height, width] = self.size.height_width();
        [count, self.channels, height, width]
    }

    /// Numbers of one image.
    pub fn values_per_image(&self) -> usize {
        self.batch_shape(1).iter().product()
    }

    /// Writes the normalised `[channels, height, width]` numbers of a picture, which may be of another size than this.
    pub fn write_pixels(&self, picture: &RgbImage, pixels: &mut [f32]) {
        let normalize = self.normalize.values();
        match self.channels {
            1 => normalize.write_grey_chw(picture, pixels),
            _ => normalize.write_chw(picture, pixels),
        }
    }

    pub(super) fn problem(&self) -> Option<String> {
        let [height, width] = self.size.height_width();
        if height == 0 || width == 0 || height.max(width) > MOST_PIXELS_A_SIDE {
            return Some(format!(
                "input.size must lie in 1..={MOST_PIXELS_A_SIDE} pixels a side, found {height}×{width}"
            ));
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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClassificationAugment {
    /// Steps for training images, in order.
    pub train: Pipeline,
    /// Steps for evaluation and prediction, in order.
    pub eval: Pipeline,
    /// Blending of training images with one another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<BatchMix>,
}

impl ConfigTable for ClassificationAugment {
    fn problem(&self) -> Option<String> {
        let pipeline =
            |name: &str, pipeline: &Pipeline| pipeline.validate().err().map(|error| format!("augment.{name}: {error}"));
        pipeline("train", &self.train).or_else(|| pipeline("eval", &self.eval)).or_else(|| {
            let mix = self.mix.as_ref()?;
            mix.validate().err().map(|error| format!("augment.mix: {error}"))
        })
    }
}

/// How a classifier's images come to its input: the steps of `augment.eval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassificationPreparation {
    /// The steps, in order.
    pub eval: Pipeline,
}

impl AugmentTable for ClassificationAugment {
    type Preparation = ClassificationPreparation;

    fn preparation(&self) -> ClassificationPreparation {
        ClassificationPreparation { eval: self.eval.clone() }
    }

    fn with_preparation(preparation: ClassificationPreparation) -> Self {
        Self { eval: preparation.eval, ..Self::default() }
    }
}

/// Epochs, batches, threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// Sides of a network's input beyond this are a slip: a single such picture has 3 GiB of numbers.
const MOST_PIXELS_A_SIDE: usize = 16_384;
/// Passes over the data beyond this are a slip.
const MOST_EPOCHS: usize = 1_000_000;
/// So are more samples in a batch, or batches in a step.
const MOST_BATCH: usize = 1 << 20;
/// So are more loader threads: a system does not start many more.
const MOST_WORKERS: usize = 1024;
/// Minutes of a year.
const MOST_CHECKPOINT_MINUTES: f64 = 525_600.0;
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
            ("epochs", self.epochs, MOST_EPOCHS),
            ("batch_size", self.batch_size, MOST_BATCH),
            ("accumulate", self.accumulate, MOST_BATCH),
            ("eval_every", self.eval_every, MOST_EPOCHS),
        ];
        for (key, value, most) in counts {
            if !(1..=most).contains(&value) {
                return Some(format!("train.{key} must be at least 1 and at most {most}, found {value}"));
            }
        }
        if let Some(workers) = self.workers.filter(|workers| *workers > MOST_WORKERS) {
            return Some(format!("train.workers must be at most {MOST_WORKERS}, found {workers}"));
        }
        if let Some(Fold { number, of, .. }) =
            self.fold.filter(|fold| fold.of < 2 || !(1..=fold.of).contains(&fold.number))
        {
            return Some(format!("train.fold must be one of at least 2 parts, counted from 1, found {number} of {of}"));
        }
        if let Some(decay) = self.ema.filter(|decay| !(0.0..1.0).contains(decay)) {
            return Some(format!("train.ema must lie in 0..1, found {decay}"));
        }
        let longest = MOST_CHECKPOINT_MINUTES;
        (!(self.checkpoint_minutes > 0.0 && self.checkpoint_minutes <= longest)).then(|| {
            let found = self.checkpoint_minutes;
            format!("train.checkpoint_minutes must be above 0 and at most {longest} (a year), found {found}")
        })
    }
}
