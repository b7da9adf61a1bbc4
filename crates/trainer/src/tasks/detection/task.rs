//! Boxes around objects.

use augment::{AugmentKey, Filter, ImageSize, Letterbox, Normalize};
use burn::tensor::TensorData;
use datasets::Dataset;
use image::RgbImage;
use losses::{BoxTarget, YoloxLoss};
use metrics::DetectionMetrics;
use models::YoloxOutput;
use rand::RngExt;
use tensor_backend::VisionBackend;
use vision_types::{BBox, ClassNames, Detection, Instance, Sample, nms};

use super::Detection as DetectionKind;
use super::settings::{DecodeConfig, DetectionAugment, DetectionLoss, L1Phase, NmsKind, Placement};
use crate::config::{InputConfig, RunConfig};
use crate::seeds::{Purpose, generator};
use crate::task::{BadSample, HostBatch, HostTask, Loading, Loss, OnBadSample, Phase, Task, TaskError};

/// Sides of a detector's input are multiples of this: the largest stride of its feature maps.
const SIZE_STEP: usize = 32;

/// Detection: the target is a list of [`Instance`]s in pixels of the original image, the network gives raw boxes, the
/// prediction is a list of [`Detection`]s in pixels of the original image.
#[derive(Debug, Clone)]
pub struct DetectionTask {
    classes: ClassNames,
    input: InputConfig,
    normalize: Normalize,
    augment: DetectionAugment,
    loss: DetectionLoss,
    decode: DecodeConfig,
    epochs: u64,
}

/// Targets of a batch, ready for the loss.
#[derive(Debug, Clone)]
pub struct EncodedBoxes {
    /// Boxes in pixels of the network's input, image by image.
    boxes: Vec<Vec<BoxTarget>>,
    /// Where each original image lies in the input.
    places: Vec<Letterbox>,
    /// Whether the loss on raw box sizes is added.
    l1: bool,
}

impl DetectionTask {
    /// The task that `config` describes.
    pub fn new(config: &RunConfig<DetectionKind>, classes: ClassNames) -> Self {
        let RunConfig { input, augment, loss, decode, train, .. } = config;
        Self::from_parts(classes, input.clone(), augment.clone(), loss.clone(), decode.clone(), train.epochs)
    }

    pub(super) fn from_parts(
        classes: ClassNames,
        input: InputConfig,
        augment: DetectionAugment,
        loss: DetectionLoss,
        decode: DecodeConfig,
        epochs: usize,
    ) -> Self {
        let normalize = input.normalize.values();
        Self { classes, input, normalize, augment, loss, decode, epochs: epochs as u64 }
    }

    /// Names of the classes, in order.
    pub fn classes(&self) -> &ClassNames {
        &self.classes
    }

    /// How raw outputs become detections.
    pub fn decoding(&self) -> &DecodeConfig {
        &self.decode
    }

    /// Size of the network's input.
    pub fn input_size(&self) -> ImageSize {
        let [height, width] = self.input.size.height_width();
        ImageSize::new(width as u32, height as u32)
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

    /// `[channels, height, width]` numbers of a picture of the input's size.
    pub fn write_pixels(&self, image: &RgbImage, pixels: &mut [f32]) {
        match self.input.channels {
            1 => self.normalize.write_grey_chw(image, pixels),
            _ => self.normalize.write_chw(image, pixels),
        }
    }

    /// Whether `epoch` is one of the last, without mosaic and mixup.
    fn is_plain(&self, epoch: u64) -> bool {
        epoch + self.augment.plain_epochs as u64 >= self.epochs
    }

    /// The side lengths of a training batch: a pure function of seed, epoch and batch.
    fn batch_size(&self, seed: u64, epoch: u64, batch: u64) -> ImageSize {
        let steps = self.augment.multi_scale as i64;
        let full = self.input_size();
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
        let sample = samples.get(index).map_err(|source| match source.is_bad_sample() {
            true => TaskError::BadSample { source_name: samples.source(index), source },
            false => source.into(),
        })?;
        match sample.annotation.iter().find(|instance| instance.class >= self.classes.len()) {
            Some(instance) => Err(TaskError::UnknownClass {
                source_name: sample.source,
                class: instance.class,
                classes: self.classes.len(),
            }),
            None => Ok(sample),
        }
    }

    /// What the loss wants to know of the objects of an image that lies in the input at `place`. Crowds are not learnt
    /// from, nor are boxes of which nothing is inside the image.
    fn targets(instances: &[Instance], place: &Letterbox) -> Vec<BoxTarget> {
        let ImageSize { width, height } = place.input();
        instances
            .iter()
            .filter(|instance| !instance.crowd)
            .map(|instance| (instance.bbox.clip(width as f32, height as f32), instance.class))
            .filter(|(bbox, _)| bbox.is_valid())
            .map(|(bbox, class)| BoxTarget { bbox: place.forward(bbox), class })
            .collect()
    }

    /// Detections in pixels of the input, the most confident first.
    fn suppressed(&self, candidates: Vec<Detection>) -> Vec<Detection> {
        let DecodeConfig { nms, iou_threshold, max_detections, score_threshold, .. } = self.decode;
        match nms {
            NmsKind::ClassWise => nms::class_wise(candidates, iou_threshold, max_detections),
            NmsKind::ClassAgnostic => nms::class_agnostic(candidates, iou_threshold, max_detections),
            NmsKind::Soft => nms::soft_nms(candidates, nms::SOFT_SIGMA, score_threshold, max_detections),
        }
    }
}

/// `instances` in pixels of a letterboxed image.
fn moved(mut instances: Vec<Instance>, place: &Letterbox) -> Vec<Instance> {
    for instance in &mut instances {
        *instance = place.forward_instance(instance.clone());
    }
    instances
}

impl HostTask for DetectionTask {
    type Target = Vec<Instance>;
    type Encoded = EncodedBoxes;
    type Prediction = Vec<Detection>;
    type Metrics = DetectionMetrics;

    fn load(
        &self,
        samples: &dyn Dataset<Annotation = Vec<Instance>>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<HostBatch<Vec<Instance>, EncodedBoxes>, TaskError> {
        let (size, l1) = match loading.phase {
            Phase::Train { seed, epoch, batch } => {
                let DetectionLoss::Yolox(loss) = &self.loss;
                let l1 = match loss.l1 {
                    L1Phase::Never => false,
                    L1Phase::PlainEpochs => self.is_plain(epoch),
                    L1Phase::Always => true,
                };
                (self.batch_size(seed, epoch, batch), l1)
            }
            Phase::Evaluate => (self.input_size(), false),
        };
        let (width, height) = (size.width as usize, size.height as usize);
        let per_image = self.input.channels * height * width;
        let mut images = vec![0.0; per_image * indices.len()];
        let mut encoded = EncodedBoxes { boxes: Vec::new(), places: Vec::new(), l1 };
        let (mut targets, mut kept, mut bad_samples) = (Vec::new(), Vec::new(), Vec::new());
        for &index in indices {
            let loaded = match loading.phase {
                Phase::Train { seed, epoch, .. } => {
                    let key = AugmentKey { seed, epoch, index: index as u64 };
                    let whole = Letterbox::top_left(size, size);
                    self.augmented(samples, index, key, size).map(|(image, instances)| (image, whole, instances))
                }
                Phase::Evaluate => self.read(samples, index).map(|sample| {
                    let (image, place) = self.letterboxed(&sample.image, size);
                    (image, place, sample.annotation)
                }),
            };
            let (image, place, target) = match loaded {
                Ok(loaded) => loaded,
                Err(TaskError::BadSample { source_name, source }) if loading.on_bad_sample == OnBadSample::Skip => {
                    bad_samples.push(BadSample { source: source_name, reason: source.to_string() });
                    continue;
                }
                Err(error) => return Err(error),
            };
            let start = targets.len() * per_image;
            self.write_pixels(&image, &mut images[start..start + per_image]);
            encoded.boxes.push(Self::targets(&target, &place));
            encoded.places.push(place);
            targets.push(target);
            kept.push(index);
        }
        images.truncate(targets.len() * per_image);
        let shape = [targets.len(), self.input.channels, height, width];
        Ok(HostBatch { images, shape, encoded, targets, indices: kept, bad_samples })
    }

    fn metrics(&self) -> DetectionMetrics {
        DetectionMetrics::new(self.classes.clone())
    }

    fn class_of(&self, _target: &Vec<Instance>) -> Option<usize> {
        None
    }
}

impl<B: VisionBackend> Task<B> for DetectionTask {
    type Tensors = EncodedBoxes;
    type Output = YoloxOutput<B>;

    fn upload(&self, encoded: EncodedBoxes, _device: &B::Device) -> EncodedBoxes {
        encoded
    }

    fn loss(&self, output: YoloxOutput<B>, targets: &EncodedBoxes) -> Loss<B> {
        let DetectionLoss::Yolox(_) = &self.loss;
        let loss = YoloxLoss { classes: self.classes.len(), l1: targets.l1 };
        let terms = loss.forward(output.raw, &output.points, &targets.boxes);
        let mut parts =
            vec![("loss_iou", terms.iou), ("loss_objectness", terms.objectness), ("loss_class", terms.class)];
        if targets.l1 {
            parts.push(("loss_l1", terms.l1));
        }
        Loss { total: terms.total, terms: parts }
    }

    fn decode(&self, output: YoloxOutput<B>, targets: &EncodedBoxes) -> Vec<Vec<Detection>> {
        let [images, anchors, channels] = output.raw.dims();
        let raw: TensorData = output.raw.detach().into_data().convert::<f32>();
        let raw = raw.as_slice::<f32>().expect("converted to f32 just now");
        (0..images)
            .map(|image| {
                let values = &raw[image * anchors * channels..][..anchors * channels];
                let candidates = models::decode_yolox(
                    values,
                    &output.points,
                    self.classes.len(),
                    self.decode.score_threshold,
                    self.decode.multi_label,
                );
                let place = &targets.places[image];
                let mut found = self.suppressed(candidates);
                for detection in &mut found {
                    detection.bbox = place.inverse(detection.bbox);
                }
                found
            })
            .collect()
    }
}

impl EncodedBoxes {
    /// Images without known objects, each where `places` says.
    pub(super) fn unknown(places: Vec<Letterbox>) -> Self {
        Self { boxes: vec![Vec::new(); places.len()], places, l1: false }
    }
}
