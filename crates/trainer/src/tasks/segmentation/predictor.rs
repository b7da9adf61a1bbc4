//! A trained segmentation network, ready to answer.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use image::RgbImage;
use models::SegmenterConfig;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;
use vision_types::{ClassNames, Regions, Rle};

use super::settings::{Fit, SegmentationAugment, SegmentationDecode, SegmentationObjective};
use super::task::SegmentedImage;
use super::{Segmentation, SegmentationTask};
use crate::checkpoint::load_weights;
use crate::config::{InputConfig, RunConfig, TaskKind};
use crate::error::TrainError;
use crate::run_directory::RunDirectory;
use crate::task::{HostTask, Task};
use crate::weights_file;

/// What a weights file says of its model: enough to use it without its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmenterDescription {
    /// What is recognised.
    pub task: TaskKind,
    /// Names of the classes, in order.
    pub classes: ClassNames,
    /// What the network sees.
    pub input: InputConfig,
    /// How images come to its size.
    pub fit: Fit,
    /// Grey level around letterboxed images.
    pub pad: u8,
    /// How logits become masks and objects.
    pub decode: SegmentationDecode,
    /// The network.
    pub model: SegmenterConfig,
}

impl SegmenterDescription {
    /// The description of a run's model.
    pub fn new(config: &RunConfig<Segmentation>, classes: ClassNames) -> Self {
        Self {
            task: config.task,
            classes,
            input: config.input.clone(),
            fit: config.augment.fit,
            pad: config.augment.pad,
            decode: config.decode.clone(),
            model: config.model.clone(),
        }
    }

    /// A configuration that evaluates the model as its run did; the rest of it is the default.
    pub(crate) fn into_config(self) -> RunConfig<Segmentation> {
        RunConfig {
            input: self.input,
            augment: SegmentationAugment { fit: self.fit, pad: self.pad, ..SegmentationAugment::default() },
            decode: self.decode,
            model: self.model,
            ..RunConfig::default()
        }
    }
}

/// An object: a connected region of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentedObject {
    /// Its class number.
    pub class: u8,
    /// The mean probability of its pixels.
    pub score: f32,
    /// Its pixels.
    pub pixels: Rle,
    /// Its outer outline: corners of pixels, clockwise as seen. Holes are not outlined.
    pub outline: Vec<[u32; 2]>,
}

/// A trained segmentation network.
#[derive(Debug)]
pub struct Segmenter<B: VisionBackend> {
    network: models::Segmenter<B>,
    task: SegmentationTask,
    device: B::Device,
}

impl<B: VisionBackend> Segmenter<B> {
    /// The network that a run found best.
    ///
    /// # Errors
    ///
    /// When `run` is no run directory, or its weights are missing or damaged.
    pub fn open(run: &Path, device: &B::Device) -> Result<Self, TrainError> {
        Self::from_weights(&RunDirectory::open(run)?.weights_file()?, device)
    }

    /// The network in a weights file written by a run.
    ///
    /// # Errors
    ///
    /// When the file is missing, damaged, or does not describe its model.
    pub fn from_weights(file: &Path, device: &B::Device) -> Result<Self, TrainError> {
        let description: SegmenterDescription = weights_file::read_description(file)?;
        let SegmenterDescription { classes, input, fit, pad, decode, model, .. } = description;
        let network = load_weights(model.init::<B>(classes.len(), input.shape(), device)?, file)?;
        Ok(Self::from_parts(network, classes, input, fit, pad, decode, device))
    }

    pub(super) fn from_parts(
        network: models::Segmenter<B>,
        classes: ClassNames,
        input: InputConfig,
        fit: Fit,
        pad: u8,
        decode: SegmentationDecode,
        device: &B::Device,
    ) -> Self {
        // Prediction needs neither the rest of the augmentation nor a loss.
        let augment = SegmentationAugment { fit, pad, ..SegmentationAugment::default() };
        let task = SegmentationTask::from_parts(classes, input, augment, SegmentationObjective::default(), decode);
        Self { network, task, device: device.clone() }
    }

    /// Names of the classes, in order.
    pub fn classes(&self) -> &ClassNames {
        self.task.classes()
    }

    /// How masks become objects, unless asked otherwise.
    pub fn decoding(&self) -> &SegmentationDecode {
        self.task.decoding()
    }

    /// The class of each pixel of `images`, at their own sizes.
    pub fn segment(&self, images: &[RgbImage]) -> Vec<SegmentedImage> {
        let mut answers = Vec::with_capacity(images.len());
        // Images of many tiles are answered one at a time, which bounds the memory.
        for images in images.chunks(self.task.evaluation_batch(images.len().max(1))) {
            let (pictures, places): (Vec<_>, Vec<_>) =
                images.iter().map(|image| self.task.pictures(image.clone())).unzip();
            let pictures: Vec<RgbImage> = pictures.into_iter().flatten().collect();
            let size = self.task.input_size();
            let shape = [pictures.len(), self.task.input_channels(), size.height as usize, size.width as usize];
            let per_picture = shape[1..].iter().product();
            let mut pixels = vec![0.0; pictures.len() * per_picture];
            for (picture, pixels) in pictures.iter().zip(pixels.chunks_exact_mut(per_picture)) {
                self.task.write_pixels(picture, pixels);
            }
            let input = Tensor::from_data(TensorData::new(pixels, shape), &self.device);
            let output = Task::<B>::forward(&self.task, &self.network, input);
            answers.extend(self.task.answers(output.logits, &places));
        }
        answers
    }

    /// The connected regions of an answer that have at least `min_area` pixels, without the background.
    pub fn objects(&self, answer: &SegmentedImage, min_area: u64) -> Vec<SegmentedObject> {
        let connectivity = self.decoding().connectivity;
        let regions = Regions::of(&answer.mask, self.task.background(), connectivity);
        let mut sums = vec![0.0f64; regions.len()];
        for (label, confidence) in regions.labels().iter().zip(&answer.confidence) {
            if *label > 0 {
                sums[*label as usize - 1] += f64::from(*confidence);
            }
        }
        regions
            .iter()
            .enumerate()
            .filter(|(_, region)| region.area >= min_area.max(1))
            .map(|(index, region)| SegmentedObject {
                class: region.class,
                score: (sums[index] / region.area as f64) as f32,
                pixels: regions.pixels(index),
                outline: regions.outline(index, connectivity),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use tensor_backend::SelectedBackend;

    use super::*;
    use crate::config::{InputSize, Normalization, NormalizationPreset};

    /// A network of small receptive field (32 pixels at most around each), for images of `size` = `[height, width]`.
    fn segmenter(size: [usize; 2], fit: Fit, decode: SegmentationDecode) -> Segmenter<SelectedBackend> {
        let device = Default::default();
        tensor_backend::random::seed(7, 0);
        let input = InputConfig {
            size: InputSize::HeightWidth(size),
            channels: 3,
            normalize: Normalization::Preset(NormalizationPreset::Unit),
        };
        let model: SegmenterConfig =
            serde_json::from_str(r#"{"name": "unet", "width": 4, "depth": 2}"#).expect("options of a U-Net");
        let network = model.init(3, input.shape(), &device).expect("valid");
        Segmenter::from_parts(network, ClassNames::new(["a", "b", "c"]), input, fit, 0, decode, &device)
    }

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 % 251) as u8, (y * 13 % 241) as u8, ((x * y) % 239) as u8]))
    }

    #[test]
    fn tiles_give_what_the_whole_image_gives() {
        let image = picture(192, 160);
        let whole =
            segmenter([160, 192], Fit::Stretch, SegmentationDecode::default()).segment(std::slice::from_ref(&image));
        let decode = SegmentationDecode { overlap: 64, margin: 32, ..SegmentationDecode::default() };
        let tiled = segmenter([96, 96], Fit::Tiles, decode).segment(&[image]);
        let furthest = whole[0].confidence.iter().zip(&tiled[0].confidence);
        let furthest = furthest.map(|(whole, tiled)| (whole - tiled).abs()).fold(0.0, f32::max);
        assert!(furthest < 1e-5, "{furthest}");
        let other = whole[0].mask.pixels().iter().zip(tiled[0].mask.pixels()).filter(|(a, b)| a != b).count();
        // Only where two classes are as good as equal.
        assert!(other <= 2, "{other} pixels differ");
    }

    #[test]
    fn answers_have_the_size_of_their_images() {
        let images = [picture(70, 40), picture(1, 1), picture(33, 200)];
        for fit in [Fit::Stretch, Fit::Letterbox, Fit::Tiles] {
            let segmenter = segmenter([64, 64], fit, SegmentationDecode::default());
            let together = segmenter.segment(&images);
            for (image, answer) in images.iter().zip(&together) {
                assert_eq!((answer.mask.width(), answer.mask.height()), image.dimensions(), "{fit:?}");
                assert!(answer.confidence.iter().all(|value| (1.0 / 3.0 - 1e-4..=1.0001).contains(value)), "{fit:?}");
                // No image changes the answer about another.
                let alone = segmenter.segment(std::slice::from_ref(image));
                assert_eq!(alone[0].mask, answer.mask, "{fit:?}");
            }
            let objects = segmenter.objects(&together[0], 1);
            let foreground = together[0].mask.pixels().iter().filter(|class| **class != 0).count() as u64;
            assert_eq!(objects.iter().map(|object| object.pixels.area()).sum::<u64>(), foreground);
            let large = segmenter.objects(&together[0], 50);
            assert!(large.iter().all(|object| object.pixels.area() >= 50));
        }
        assert!(segmenter([64, 64], Fit::Stretch, SegmentationDecode::default()).segment(&[]).is_empty());
    }
}
