//! Boxes around objects.

use augment::{AugmentKey, Filter, ImageSize, Letterbox};
use burn::tensor::Tensor;
use datasets::Dataset;
use image::RgbImage;
use metrics::DetectionMetrics;
use models::DetectorNetwork;
use rand::RngExt;
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::{BBox, ClassNames, DetectedObject, Instance, Sample};

use super::Detection;
use super::families::DetectionLoss;
use super::settings::{DecodeConfig, DetectionAugment, Placement};
use crate::config::{ConfigError, InputConfig, RunConfig};
use crate::task::{
    BatchOf, HostBatch, HostTask, Judge, Judged, Learn, Learned, Loading, OnDevice, Phase, TaskError, read_sample,
    take_readable,
};
use crate::training::seeds::{Purpose, generator};

/// Sides of a detector's input are multiples of this: the largest stride of its feature maps.
const SIZE_STEP: usize = 32;

/// Detection: the target is a list of [`Instance`]s in pixels of the original image, the network gives raw boxes, the
/// prediction is a list of [`DetectedObject`]s in pixels of the original image.
#[derive(Debug, Clone)]
pub struct DetectionTask {
    classes: ClassNames,
    input: InputConfig,
    augment: DetectionAugment,
    loss: DetectionLoss,
    decode: DecodeConfig,
    epochs: u64,
}

/// What is known of a batch's objects.
#[derive(Debug, Clone)]
pub struct DetectionTargets {
    /// The objects in pixels of the network's input, image by image; with masks where the family learns from them. Crowds
    /// are not learnt from, nor are boxes of which nothing is inside the image.
    pub objects: Vec<Vec<Instance>>,
    /// Where each original image lies in the input.
    pub places: Vec<Letterbox>,
    /// Whether this is one of the last epochs, without mosaic and mixup; never in an evaluation.
    pub plain_epoch: bool,
}

impl DetectionTask {
    /// The task that `config` describes.
    ///
    /// # Errors
    ///
    /// A loss that the model's family does not have.
    pub fn new(config: &RunConfig<Detection>, classes: ClassNames) -> Result<Self, ConfigError> {
        let RunConfig { input, augment, loss, decode, model, train, .. } = config;
        Ok(Self {
            classes,
            input: input.clone(),
            augment: augment.clone(),
            loss: loss.of_model(model)?,
            decode: decode.clone(),
            epochs: train.epochs as u64,
        })
    }

    /// Names of the classes, in order.
    pub fn classes(&self) -> &ClassNames {
        &self.classes
    }

    /// How raw outputs become detections.
    pub fn decoding(&self) -> &DecodeConfig {
        &self.decode
    }

    /// What the network sees.
    pub fn input(&self) -> &InputConfig {
        &self.input
    }

    /// `image` scaled into an input of `size`, and where it lies there.
    pub fn letterboxed(&self, image: &RgbImage, size: ImageSize) -> (RgbImage, Letterbox) {
        let input = ImageSize::of(image);
        let place = match self.augment.letterbox {
            Placement::TopLeft => Letterbox::top_left(input, size),
            Placement::Centre => Letterbox::centred(input, size),
        };
        (place.apply_image(image, Filter::Bilinear, self.augment.pad), place)
    }

    /// Whether `epoch` is one of the last, without mosaic and mixup.
    fn is_plain(&self, epoch: u64) -> bool {
        epoch + self.augment.plain_epochs as u64 >= self.epochs
    }

    /// The side lengths of a training batch: a pure function of seed, epoch and batch.
    fn batch_size(&self, seed: u64, epoch: u64, batch: u64) -> ImageSize {
        let steps = self.augment.multi_scale as i64;
        let full = self.input.image_size();
        if steps == 0 {
            return full;
        }
        let group = batch / self.augment.multi_scale_batches as u64;
        // 2³² batches an epoch are out of reach, so positions of different epochs do not meet.
        let mut random = generator(seed, Purpose::BatchSize, (epoch << 32) | group);
        let change = random.random_range(-steps..=steps);
        let scaled = |side: u32| {
            let units = (i64::from(side) / SIZE_STEP as i64 + change).max(1);
            (units as u32) * SIZE_STEP as u32
        };
        // Both sides keep their proportion as far as steps allow.
        let width = scaled(full.width);
        let height = if full.height == full.width {
            width
        } else {
            let exact = f64::from(full.height) * f64::from(width) / f64::from(full.width);
            ((exact / SIZE_STEP as f64).round().max(1.0) as u32) * SIZE_STEP as u32
        };
        ImageSize::new(width, height)
    }

    /// An augmented training sample of `size`: its picture and the objects to learn, which crowds are not.
    ///
    /// # Errors
    ///
    /// When it or one of those mixed in cannot be read.
    pub fn augmented(
        &self,
        samples: &dyn Dataset<Annotation = Vec<Instance>>,
        index: usize,
        key: AugmentKey,
        size: ImageSize,
    ) -> Result<(RgbImage, Vec<Instance>), TaskError> {
        let read = |index: usize| {
            let mut sample = self.read(samples, index)?;
            sample.annotation.retain(|instance| !instance.crowd && instance.bbox.is_valid());
            Ok::<_, TaskError>(sample)
        };
        let plain = self.is_plain(key.epoch);
        let mosaic = self.augment.mosaic.as_ref().filter(|_| !plain);
        let draw = mosaic.and_then(|mosaic| mosaic.draw(key, samples.len(), size));
        let (mut image, mut instances) = match draw {
            Some(draw) => {
                let [second, third, fourth] = draw.partners();
                let four = [read(index)?, read(second)?, read(third)?, read(fourth)?];
                draw.apply(four.map(|sample| (sample.image, sample.annotation)))
            }
            None => {
                let sample = read(index)?;
                let (image, place) = self.letterboxed(&sample.image, size);
                (image, moved(sample.annotation, &place))
            }
        };
        if let Some(mixup) = self.augment.mixup.as_ref().filter(|_| !plain)
            && let Some(draw) = mixup.draw(key, samples.len(), size)
        {
            let partner = read(draw.partner())?;
            (image, instances) = draw.apply((image, instances), (partner.image, partner.annotation));
        }
        let boxes: Vec<BBox> = instances.iter().map(|instance| instance.bbox).collect();
        let drawn = self.augment.train.draw_around(key, ImageSize::of(&image), &boxes);
        let instances = drawn.apply_instances(instances, self.augment.min_visible);
        let image = drawn.apply_image(image);
        if ImageSize::of(&image) == size {
            return Ok((image, self.kept(instances)));
        }
        let (image, place) = self.letterboxed(&image, size);
        Ok((image, self.kept(moved(instances, &place))))
    }

    /// Those large enough to be learnt from.
    fn kept(&self, mut instances: Vec<Instance>) -> Vec<Instance> {
        let side = self.augment.min_side;
        instances.retain(|instance| instance.bbox.width() >= side && instance.bbox.height() >= side);
        instances
    }

    fn read(
        &self,
        samples: &dyn Dataset<Annotation = Vec<Instance>>,
        index: usize,
    ) -> Result<Sample<Vec<Instance>>, TaskError> {
        let sample = read_sample(samples, index)?;
        match sample.annotation.iter().find(|instance| instance.class >= self.classes.len()) {
            Some(instance) => Err(TaskError::UnknownClass {
                source_name: sample.source,
                class: instance.class,
                classes: self.classes.len(),
            }),
            None => Ok(sample),
        }
    }

    /// Objects to learn from, of an image that lies in the input at `place`.
    fn learnable(&self, instances: &[Instance], place: &Letterbox) -> Vec<Instance> {
        let ImageSize { width, height } = place.input();
        let clipped = |instance: &Instance| instance.bbox.clip(width as f32, height as f32);
        let inside = instances.iter().filter(|instance| !instance.crowd && clipped(instance).is_valid());
        inside
            .map(|instance| {
                let bbox = place.forward(clipped(instance));
                match self.loss.masks() {
                    true => Instance { bbox, ..place.forward_instance(instance.clone()) },
                    false => Instance::from_box(bbox, instance.class),
                }
            })
            .collect()
    }

    /// The objects in each of `images`, `[batch, channels, height, width]`, which lie in the input at `places`: in pixels
    /// of the original images.
    pub(super) fn answers<B: VisionBackend>(
        &self,
        network: &DetectorNetwork<B>,
        images: Tensor<B, 4>,
        places: &[Letterbox],
    ) -> Vec<Vec<DetectedObject>> {
        originals(self.loss.answer(network, images, (self.classes.len(), &self.decode)), places)
    }
}

/// `found`, in pixels of the original images, which lie in the input at `places`.
fn originals(found: Vec<Vec<DetectedObject>>, places: &[Letterbox]) -> Vec<Vec<DetectedObject>> {
    let original = |(objects, place): (Vec<DetectedObject>, &Letterbox)| {
        objects.into_iter().map(|object| place.inverse_object(object)).collect()
    };
    found.into_iter().zip(places).map(original).collect()
}

/// `instances` in pixels of a letterboxed image.
fn moved(instances: Vec<Instance>, place: &Letterbox) -> Vec<Instance> {
    instances.into_iter().map(|instance| place.forward_instance(instance)).collect()
}

impl HostTask for DetectionTask {
    type Target = Vec<Instance>;
    type Encoded = DetectionTargets;
    type Prediction = Vec<DetectedObject>;
    type Metrics = DetectionMetrics;

    fn load(
        &self,
        samples: &dyn Dataset<Annotation = Vec<Instance>>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<BatchOf<Self>, TaskError> {
        let (size, plain_epoch) = match loading.phase {
            Phase::Train { seed, epoch, batch } => (self.batch_size(seed, epoch, batch), self.is_plain(epoch)),
            Phase::Evaluate => (self.input.image_size(), false),
        };
        let per_image = self.input.channels * size.height as usize * size.width as usize;
        let mut images = vec![0.0; per_image * indices.len()];
        let mut encoded = DetectionTargets { objects: Vec::new(), places: Vec::new(), plain_epoch };
        let mut targets = Vec::with_capacity(indices.len());
        let (indices, bad_samples) = take_readable(indices, loading.on_bad_sample, |index| {
            let (image, place, target) = match loading.phase {
                Phase::Train { seed, epoch, .. } => {
                    let key = AugmentKey { seed, epoch, index: index as u64 };
                    let (image, instances) = self.augmented(samples, index, key, size)?;
                    (image, Letterbox::top_left(size, size), instances)
                }
                Phase::Evaluate => {
                    let sample = self.read(samples, index)?;
                    let (image, place) = self.letterboxed(&sample.image, size);
                    (image, place, sample.annotation)
                }
            };
            let start = targets.len() * per_image;
            self.input.write_pixels(&image, &mut images[start..start + per_image]);
            encoded.objects.push(self.learnable(&target, &place));
            encoded.places.push(place);
            targets.push(target);
            Ok(())
        })?;
        images.truncate(targets.len() * per_image);
        let shape = [targets.len(), self.input.channels, size.height as usize, size.width as usize];
        Ok(HostBatch { images, shape, encoded, targets, indices, bad_samples })
    }

    fn metrics(&self) -> DetectionMetrics {
        let metrics = DetectionMetrics::new(self.classes.clone());
        if self.loss.masks() { metrics.with_masks() } else { metrics }
    }
}

impl<B: VisionBackend> OnDevice<B> for DetectionTask {
    type Network = DetectorNetwork<B>;
    type Tensors = DetectionTargets;

    fn upload(&self, encoded: DetectionTargets, _device: &B::Device) -> DetectionTargets {
        encoded
    }
}

impl<B: AutodiffVisionBackend> Learn<B> for DetectionTask {
    fn learn(&self, network: &DetectorNetwork<B>, images: Tensor<B, 4>, targets: &DetectionTargets) -> Learned<B> {
        let loss = self.loss.learn(network, images, targets, (self.classes.len(), &self.decode));
        Learned { loss, scores: Vec::new() }
    }
}

impl<B: VisionBackend> Judge<B> for DetectionTask {
    fn judge(
        &self,
        network: &DetectorNetwork<B>,
        images: Tensor<B, 4>,
        targets: &DetectionTargets,
    ) -> Judged<B, Vec<DetectedObject>> {
        let (loss, found) = self.loss.judge(network, images, targets, (self.classes.len(), &self.decode));
        Judged { loss, predictions: originals(found, &targets.places) }
    }
}
