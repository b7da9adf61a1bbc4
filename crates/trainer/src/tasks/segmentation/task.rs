//! A class for each pixel.

use augment::{AugmentKey, Filter, GeometricMap, ImageSize, Letterbox, Rectangle};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use datasets::Dataset;
use image::RgbImage;
use losses::{BoundaryWeights, PixelTargets, boundary_weights};
use metrics::SegmentationMetrics;
use models::{Network, SegmenterNetwork, SegmenterOutput};
use rand::RngExt;
use tensor_backend::ops::{Interpolation, resize};
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::{ClassNames, Mask, Regions, Sample};

use super::Segmentation;
use super::blender::{Blender, argmax};
use super::settings::{Fit, SegmentationAugment, SegmentationDecode, SegmentationObjective};
use super::tiles::{Tile, Tiling, cut_image, cut_mask};
use crate::config::{ConfigError, InputConfig, RunConfig};
use crate::task::{
    BatchOf, HostBatch, HostTask, Judge, Judged, Learn, Learned, Loading, Loss, OnDevice, Phase, TaskError,
    read_sample, take_readable,
};
use crate::training::seeds::{Purpose, generator};

/// Tiles in one forward pass, however many an image has.
pub(super) const MOST_FORWARDED: usize = 8;

/// Segmentation: the target is a [`Mask`] in pixels of the original image, the network gives logits of each pixel of its
/// input, the prediction is a [`Mask`] of the original image's size.
#[derive(Debug, Clone)]
pub struct SegmentationTask {
    classes: ClassNames,
    input: InputConfig,
    augment: SegmentationAugment,
    loss: SegmentationObjective,
    decode: SegmentationDecode,
}

/// What is known of a batch's pixels, at the network's input size.
#[derive(Debug, Clone)]
pub struct EncodedMasks {
    masks: Vec<Mask>,
    /// The weight map of each mask; empty where there is none.
    weights: Vec<Vec<f32>>,
    places: Vec<Place>,
}

/// How the original image lies in the pictures that the network sees.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In one, scaled to its size.
    Stretched(ImageSize),
    /// In a part of one.
    Letterboxed(Letterbox),
    /// In several.
    Tiled(Tiling),
}

impl Place {
    /// Number of pictures.
    pub(super) fn pictures(&self) -> usize {
        match self {
            Self::Stretched(_) | Self::Letterboxed(_) => 1,
            Self::Tiled(tiling) => tiling.len(),
        }
    }
}

/// Targets on the device.
#[derive(Debug, Clone)]
pub struct MaskTensors<B: VisionBackend> {
    targets: PixelTargets<B>,
    places: Vec<Place>,
}

/// A mask and how sure the network is of each of its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentedImage {
    /// The most probable class of each pixel.
    pub mask: Mask,
    /// Its probability, row by row.
    pub confidence: Vec<f32>,
}

impl SegmentationTask {
    /// The task that `config` describes.
    ///
    /// # Errors
    ///
    /// When the loss does not fit the classes, or tiles would leave pixels unanswered.
    pub fn new(config: &RunConfig<Segmentation>, classes: ClassNames) -> Result<Self, ConfigError> {
        let RunConfig { input, augment, loss, decode, .. } = config;
        loss.loss
            .validate(classes.len())
            .map_err(|error| ConfigError::Invalid(format!("loss: {error} ({} classes)", classes.len())))?;
        if augment.fit == Fit::Tiles {
            let size = input.image_size();
            let most = Tiling::most_margin(size, decode.overlap);
            if decode.margin > most {
                return Err(ConfigError::Invalid(format!(
                    "decode.margin is {}, which leaves pixels between tiles of {size} unanswered, expected at most {most} \
                     with an overlap of {}",
                    decode.margin, decode.overlap
                )));
            }
        }
        Ok(Self { classes, input: input.clone(), augment: augment.clone(), loss: loss.clone(), decode: decode.clone() })
    }

    /// Names of the classes, in order.
    pub fn classes(&self) -> &ClassNames {
        &self.classes
    }

    /// How masks become objects.
    pub fn decoding(&self) -> &SegmentationDecode {
        &self.decode
    }

    /// The class that is no object: the first, where there are several.
    pub fn background(&self) -> Option<u8> {
        (self.classes.len() > 1).then_some(0)
    }

    /// What the network sees.
    pub fn input(&self) -> &InputConfig {
        &self.input
    }

    /// How an image comes to the network's input.
    pub(super) fn fit(&self) -> Fit {
        self.augment.fit
    }

    /// An augmented training sample of the input's size: its picture and the classes to learn.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or has a class that the network has not.
    pub fn augmented(
        &self,
        samples: &dyn Dataset<Annotation = Mask>,
        index: usize,
        key: AugmentKey,
    ) -> Result<(RgbImage, Mask), TaskError> {
        let Sample { image, annotation: mask, .. } = self.read(samples, index)?;
        let drawn = self.augment.train.draw(key, ImageSize::of(&image));
        let (image, mask) = (drawn.apply_image(image), drawn.apply_mask(mask, Mask::IGNORE));
        let (found, size) = (ImageSize::of(&image), self.input.image_size());
        if found == size {
            return Ok((image, mask));
        }
        Ok(match self.augment.fit {
            Fit::Stretch | Fit::Letterbox => {
                let map = self.fitting(found);
                (map.apply_image(image), map.apply_mask(&mask, Mask::IGNORE))
            }
            Fit::Tiles => {
                // 2³² samples are out of reach, so positions of different epochs do not meet.
                let mut random = generator(key.seed, Purpose::Tile, (key.epoch << 32) | key.index);
                let mut place = |length: u32, size: u32| random.random_range(0..=length.saturating_sub(size)) as usize;
                let tile = Tile { x: place(found.width, size.width), y: place(found.height, size.height) };
                (cut_image(&image, tile, size), cut_mask(&mask, tile, size))
            }
        })
    }

    /// The scaling that takes an image of `size` to the network's input, where it is scaled at all.
    fn fitting(&self, size: ImageSize) -> GeometricMap {
        let target = self.input.image_size();
        match self.augment.fit {
            Fit::Stretch | Fit::Tiles => {
                GeometricMap::Resize { part: Rectangle::whole(size), output: target, filter: Filter::Bilinear }
            }
            Fit::Letterbox => GeometricMap::Letterbox {
                place: Letterbox::top_left(size, target),
                filter: Filter::Bilinear,
                fill: [self.augment.pad; 3],
            },
        }
    }

    /// The tiles of `image`.
    pub(super) fn tiling(&self, image: &RgbImage) -> Tiling {
        Tiling::new(ImageSize::of(image), self.input.image_size(), self.decode.overlap)
    }

    /// The pictures of `image` that the network sees, without augmentation, and how they lie in it.
    pub(super) fn pictures(&self, image: RgbImage) -> (Vec<RgbImage>, Place) {
        let (size, target) = (ImageSize::of(&image), self.input.image_size());
        let place = match self.augment.fit {
            Fit::Stretch => Place::Stretched(size),
            Fit::Letterbox => Place::Letterboxed(Letterbox::top_left(size, target)),
            Fit::Tiles => Place::Tiled(self.tiling(&image)),
        };
        let pictures = match &place {
            Place::Stretched(_) if size == target => vec![image],
            Place::Stretched(_) | Place::Letterboxed(_) => vec![self.fitting(size).apply_image(image)],
            Place::Tiled(tiling) => tiling.iter().map(|tile| cut_image(&image, tile, target)).collect(),
        };
        (pictures, place)
    }

    /// The classes of those pictures.
    fn masks(&self, mask: &Mask, place: &Place) -> Vec<Mask> {
        let target = self.input.image_size();
        match place {
            Place::Stretched(size) if *size == target => vec![mask.clone()],
            Place::Stretched(size) => vec![self.fitting(*size).apply_mask(mask, Mask::IGNORE)],
            Place::Letterboxed(letterbox) => vec![self.fitting(letterbox.input()).apply_mask(mask, Mask::IGNORE)],
            Place::Tiled(tiling) => tiling.iter().map(|tile| cut_mask(mask, tile, target)).collect(),
        }
    }

    fn read(&self, samples: &dyn Dataset<Annotation = Mask>, index: usize) -> Result<Sample<Mask>, TaskError> {
        let sample = read_sample(samples, index)?;
        let classes = self.classes.len();
        let unknown = |class: &&u8| usize::from(**class) >= classes && **class != Mask::IGNORE;
        match sample.annotation.pixels().iter().find(unknown) {
            Some(&class) => {
                Err(TaskError::UnknownClass { source_name: sample.source, class: usize::from(class), classes })
            }
            None => Ok(sample),
        }
    }

    /// The weight map of a training mask.
    fn weights(&self, mask: &Mask) -> Option<Vec<f32>> {
        let settings = self.loss.boundary?;
        let regions = Regions::of(mask, self.background(), self.decode.connectivity);
        let settings = BoundaryWeights { strength: settings.strength, sigma: settings.sigma, class_weights: None };
        let (width, height) = (mask.width() as usize, mask.height() as usize);
        Some(boundary_weights(regions.labels(), width, height, settings).expect("settings were checked"))
    }

    fn loss<B: VisionBackend>(&self, output: SegmenterOutput<B>, tensors: &MaskTensors<B>) -> Loss<B> {
        let main = self.loss.loss.forward(output.logits, &tensors.targets);
        match output.auxiliary {
            None => Loss::single(main),
            Some(auxiliary) => {
                let auxiliary = self.loss.loss.forward(auxiliary, &tensors.targets);
                let auxiliary = auxiliary.mul_scalar(self.loss.auxiliary_weight);
                let terms = vec![("loss_main", main.clone()), ("loss_auxiliary", auxiliary.clone())];
                Loss { total: main + auxiliary, terms }
            }
        }
    }

    /// The network's output for an evaluation's pictures, of tiles some at a time.
    fn forward<B: VisionBackend>(&self, network: &SegmenterNetwork<B>, images: Tensor<B, 4>) -> SegmenterOutput<B> {
        let count = images.dims()[0];
        if count <= MOST_FORWARDED || self.augment.fit != Fit::Tiles {
            return network.forward(images);
        }
        let logits = (0..count).step_by(MOST_FORWARDED).map(|first| {
            let part = images.clone().narrow(0, first, MOST_FORWARDED.min(count - first));
            network.forward(part).logits
        });
        SegmenterOutput { logits: Tensor::cat(logits.collect(), 0), auxiliary: None }
    }

    /// The answer about each image, with its confidences.
    pub(super) fn answers<B: VisionBackend>(&self, logits: Tensor<B, 4>, places: &[Place]) -> Vec<SegmentedImage> {
        let classes = logits.dims()[1];
        let mut first = 0;
        places
            .iter()
            .map(|place| {
                let mine = logits.clone().narrow(0, first, place.pictures());
                first += place.pictures();
                match place {
                    Place::Stretched(size) => scaled(mine, *size),
                    Place::Letterboxed(letterbox) => {
                        let Rectangle { x, y, width, height } = letterbox.place();
                        let shown = mine.narrow(2, y as usize, height as usize).narrow(3, x as usize, width as usize);
                        scaled(shown, letterbox.input())
                    }
                    Place::Tiled(tiling) => {
                        let mut blender = Blender::new(tiling, classes, self.decode.margin);
                        blender.add(&host(mine));
                        blender.finish()
                    }
                }
            })
            .collect()
    }
}

/// Values on the host.
pub(super) fn host<B: Backend>(logits: Tensor<B, 4>) -> Vec<f32> {
    logits.detach().into_data().convert::<f32>().into_vec().expect("converted to f32 just now")
}

/// The answer of one picture's logits, brought to `size`.
fn scaled<B: VisionBackend>(logits: Tensor<B, 4>, size: ImageSize) -> SegmentedImage {
    let [_, classes, height, width] = logits.dims();
    let wanted = [size.height as usize, size.width as usize];
    let logits = if wanted == [height, width] { logits } else { resize(logits, wanted, Interpolation::Bilinear) };
    let values = host(logits);
    let pixels = wanted[0] * wanted[1];
    let (best, highest) = argmax(&values, pixels);
    // softmax of the highest: 1 / Σ exp(l - highest).
    let mut sums = vec![0.0f32; pixels];
    for channel in values.chunks_exact(pixels.max(1)).take(classes) {
        for ((sum, &highest), &value) in sums.iter_mut().zip(&highest).zip(channel) {
            *sum += (value - highest).exp();
        }
    }
    let confidence = sums.into_iter().map(|sum| 1.0 / sum).collect();
    let mask = Mask::from_pixels(size.width, size.height, best).expect("a class for each pixel");
    SegmentedImage { mask, confidence }
}

impl HostTask for SegmentationTask {
    type Target = Mask;
    type Encoded = EncodedMasks;
    type Prediction = Mask;
    type Metrics = SegmentationMetrics;

    fn load(
        &self,
        samples: &dyn Dataset<Annotation = Mask>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<BatchOf<Self>, TaskError> {
        let per_picture = self.input.values_per_image();
        let mut images = Vec::with_capacity(per_picture * indices.len());
        let mut encoded = EncodedMasks { masks: Vec::new(), weights: Vec::new(), places: Vec::new() };
        let mut targets = Vec::with_capacity(indices.len());
        let (indices, bad_samples) = take_readable(indices, loading.on_bad_sample, |index| {
            let (pictures, place, target) = match loading.phase {
                Phase::Train { seed, epoch, .. } => {
                    let key = AugmentKey { seed, epoch, index: index as u64 };
                    let (image, mask) = self.augmented(samples, index, key)?;
                    encoded.weights.extend(self.weights(&mask));
                    (vec![image], Place::Stretched(self.input.image_size()), mask)
                }
                Phase::Evaluate => {
                    let sample = self.read(samples, index)?;
                    let (pictures, place) = self.pictures(sample.image);
                    (pictures, place, sample.annotation)
                }
            };
            for picture in &pictures {
                let start = images.len();
                images.resize(start + per_picture, 0.0);
                self.input.write_pixels(picture, &mut images[start..]);
            }
            encoded.masks.extend(self.masks(&target, &place));
            encoded.places.push(place);
            targets.push(target);
            Ok(())
        })?;
        let shape = self.input.batch_shape(encoded.masks.len());
        Ok(HostBatch { images, shape, encoded, targets, indices, bad_samples })
    }

    fn metrics(&self) -> SegmentationMetrics {
        SegmentationMetrics::new(self.classes.clone())
    }

    fn evaluation_batch(&self, batch_size: usize) -> usize {
        match self.augment.fit {
            Fit::Stretch | Fit::Letterbox => batch_size,
            Fit::Tiles => 1,
        }
    }
}

impl<B: VisionBackend> OnDevice<B> for SegmentationTask {
    type Network = SegmenterNetwork<B>;
    type Tensors = MaskTensors<B>;

    fn upload(&self, encoded: EncodedMasks, device: &B::Device) -> MaskTensors<B> {
        let EncodedMasks { masks, weights, places } = encoded;
        let masks: Vec<&Mask> = masks.iter().collect();
        let targets = PixelTargets::from_masks(&masks, self.classes.len(), device).expect("classes were checked");
        let targets = if weights.is_empty() {
            targets
        } else {
            let weights: Vec<&[f32]> = weights.iter().map(Vec::as_slice).collect();
            targets.with_pixel_weights(&weights).expect("a map for each mask")
        };
        MaskTensors { targets, places }
    }
}

impl<B: AutodiffVisionBackend> Learn<B> for SegmentationTask {
    fn learn(&self, network: &SegmenterNetwork<B>, images: Tensor<B, 4>, targets: &MaskTensors<B>) -> Learned<B> {
        Learned { loss: self.loss(network.forward(images), targets), scores: Vec::new() }
    }
}

impl<B: VisionBackend> Judge<B> for SegmentationTask {
    fn judge(&self, network: &SegmenterNetwork<B>, images: Tensor<B, 4>, targets: &MaskTensors<B>) -> Judged<B, Mask> {
        let output = self.forward(network, images);
        let loss = self.loss(output.clone(), targets);
        let answers = self.answers(output.logits, &targets.places);
        Judged { loss, predictions: answers.into_iter().map(|answer| answer.mask).collect() }
    }
}
