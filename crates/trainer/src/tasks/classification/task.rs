//! One class an image.

use augment::{AugmentKey, Augmentation, ImageSize, Normalize, Pipeline, Resize};
use burn::tensor::{Tensor, TensorData, activation};
use datasets::Dataset;
use image::RgbImage;
use losses::{ClassificationLoss, LossError, one_hot};
use metrics::ClassificationMetrics;
use tensor_backend::VisionBackend;
use vision_types::{ClassId, ClassNames, ClassScores};

use crate::config::{AugmentConfig, InputConfig};
use crate::task::{BadSample, HostBatch, HostTask, Loading, Loss, OnBadSample, Phase, Task, TaskError};

/// Classification: the target is a [`ClassId`], the network gives `[batch, classes]` logits, the prediction is a
/// probability a class.
#[derive(Debug, Clone)]
pub struct ClassificationTask {
    classes: ClassNames,
    input: InputConfig,
    normalize: Normalize,
    augment: AugmentConfig,
    to_input_size: Pipeline,
    loss: ClassificationLoss,
}

impl ClassificationTask {
    /// The task of telling `classes` apart.
    ///
    /// # Errors
    ///
    /// When the loss does not fit the number of classes.
    pub fn new(
        classes: ClassNames,
        input: InputConfig,
        augment: AugmentConfig,
        loss: ClassificationLoss,
    ) -> Result<Self, LossError> {
        loss.validate(classes.len())?;
        let [height, width] = input.size.height_width();
        let size = ImageSize { width: width as u32, height: height as u32 };
        let to_input_size = Pipeline::new([Augmentation::Resize(Resize::exactly(size))]);
        let normalize = input.normalize.values();
        Ok(Self { classes, input, normalize, augment, to_input_size, loss })
    }

    /// Names of the classes, in order.
    pub fn classes(&self) -> &ClassNames {
        &self.classes
    }

    /// What the network sees of `image`, as a picture: after the pipeline, at the input's size.
    pub fn prepare(&self, image: RgbImage, pipeline: &Pipeline, key: AugmentKey) -> RgbImage {
        let [height, width] = self.input.size.height_width();
        let image = pipeline.apply(image, key);
        if image.dimensions() == (width as u32, height as u32) { image } else { self.to_input_size.apply(image, key) }
    }

    /// `image` as the network sees it, without augmentation; `[channels, height, width]`, normalised.
    pub fn input_of(&self, image: RgbImage) -> Vec<f32> {
        let key = AugmentKey { seed: 0, epoch: 0, index: 0 };
        let prepared = self.prepare(image, &self.augment.eval, key);
        let mut pixels = vec![0.0; self.pixels_per_image()];
        self.write_pixels(&prepared, &mut pixels);
        pixels
    }

    /// The shape of a batch of `count` images.
    pub fn batch_shape(&self, count: usize) -> [usize; 4] {
        let [height, width] = self.input.size.height_width();
        [count, self.input.channels, height, width]
    }

    /// The training pipeline.
    pub fn train_pipeline(&self) -> &Pipeline {
        &self.augment.train
    }

    fn one_hot(&self, targets: &[ClassId]) -> Vec<f32> {
        one_hot(targets, self.classes.len()).expect("every class is checked as it is loaded")
    }

    fn pixels_per_image(&self) -> usize {
        self.batch_shape(1).iter().product()
    }

    fn write_pixels(&self, image: &RgbImage, pixels: &mut [f32]) {
        match self.input.channels {
            1 => self.normalize.write_grey_chw(image, pixels),
            _ => self.normalize.write_chw(image, pixels),
        }
    }
}

impl HostTask for ClassificationTask {
    type Target = ClassId;
    /// One probability a class for each sample, `[batch, classes]`: one-hot, or mixed.
    type Encoded = Vec<f32>;
    type Prediction = ClassScores;
    type Metrics = ClassificationMetrics;

    fn load(
        &self,
        samples: &dyn Dataset<Annotation = ClassId>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<HostBatch<ClassId, Vec<f32>>, TaskError> {
        let per_image = self.pixels_per_image();
        let mut images = vec![0.0; per_image * indices.len()];
        let (mut targets, mut kept, mut bad_samples) = (Vec::new(), Vec::new(), Vec::new());
        for &index in indices {
            let sample = match samples.get(index) {
                Ok(sample) => sample,
                Err(error) if !error.is_bad_sample() => return Err(error.into()),
                Err(error) if loading.on_bad_sample == OnBadSample::Skip => {
                    bad_samples.push(BadSample { source: samples.source(index), reason: error.to_string() });
                    continue;
                }
                Err(source) => return Err(TaskError::BadSample { source_name: samples.source(index), source }),
            };
            if sample.annotation >= self.classes.len() {
                return Err(TaskError::UnknownClass {
                    source_name: sample.source,
                    class: sample.annotation,
                    classes: self.classes.len(),
                });
            }
            let (pipeline, key) = match loading.phase {
                Phase::Train { seed, epoch, .. } => {
                    (&self.augment.train, AugmentKey { seed, epoch, index: index as u64 })
                }
                Phase::Evaluate => (&self.augment.eval, AugmentKey { seed: 0, epoch: 0, index: index as u64 }),
            };
            let image = self.prepare(sample.image, pipeline, key);
            let start = targets.len() * per_image;
            self.write_pixels(&image, &mut images[start..start + per_image]);
            targets.push(sample.annotation);
            kept.push(index);
        }
        images.truncate(targets.len() * per_image);
        let mut encoded = self.one_hot(&targets);
        let shape = self.batch_shape(targets.len());
        if let (Phase::Train { seed, epoch, batch }, Some(mix)) = (loading.phase, &self.augment.mix) {
            let [count, _, height, width] = shape.map(|side| side as u32);
            mix.draw(AugmentKey { seed, epoch, index: batch }, count as usize, height, width).apply(
                &mut images,
                &mut encoded,
                (height, width),
            );
        }
        Ok(HostBatch { images, shape, encoded, targets, indices: kept, bad_samples })
    }

    fn encode(&self, targets: &[ClassId]) -> Option<Vec<f32>> {
        Some(self.one_hot(targets))
    }

    fn metrics(&self) -> ClassificationMetrics {
        ClassificationMetrics::new(self.classes.clone())
    }

    fn class_of(&self, target: &ClassId) -> Option<usize> {
        Some(*target)
    }
}

impl<B: VisionBackend> Task<B> for ClassificationTask {
    type Tensors = Tensor<B, 2>;
    type Output = Tensor<B, 2>;

    fn upload(&self, encoded: Vec<f32>, device: &B::Device) -> Tensor<B, 2> {
        let shape = [encoded.len() / self.classes.len(), self.classes.len()];
        Tensor::from_data(TensorData::new(encoded, shape), device)
    }

    fn loss(&self, output: Tensor<B, 2>, targets: &Tensor<B, 2>) -> Loss<B> {
        Loss::single(self.loss.losses(output, targets.clone()).mean())
    }

    fn running_scores(
        &self,
        output: Tensor<B, 2>,
        _tensors: &Tensor<B, 2>,
        targets: &[ClassId],
    ) -> Vec<(&'static str, f64)> {
        let predictions = class_scores(output);
        let hits = predictions.iter().zip(targets).filter(|(scores, target)| scores.best() == **target).count();
        vec![("accuracy", hits as f64)]
    }

    /// The logarithm of the mean probabilities, which are logits of those.
    fn average(&self, outputs: Vec<Tensor<B, 2>>) -> Option<Tensor<B, 2>> {
        average_logits(outputs)
    }

    fn logits(output: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(output)
    }

    fn decode(&self, output: Tensor<B, 2>, _targets: &Tensor<B, 2>) -> Vec<ClassScores> {
        class_scores(output)
    }
}

/// Logits of the mean of the probabilities that several `[batch, classes]` logits stand for; `None` of none.
pub(super) fn average_logits<B: VisionBackend>(logits: Vec<Tensor<B, 2>>) -> Option<Tensor<B, 2>> {
    let count = logits.len() as f64;
    let sum = logits.into_iter().map(|logits| activation::softmax(logits, 1)).reduce(|sum, next| sum + next)?;
    // A probability of 0 has no logarithm.
    Some(sum.div_scalar(count).clamp_min(f32::MIN_POSITIVE).log())
}

/// The probabilities that `[batch, classes]` logits stand for.
pub(super) fn class_scores<B: VisionBackend>(logits: Tensor<B, 2>) -> Vec<ClassScores> {
    let [_, classes] = logits.dims();
    let probabilities = activation::softmax(logits.detach(), 1).into_data().convert::<f32>();
    let values: Vec<f32> = probabilities.into_vec().expect("converted to f32 just now");
    values.chunks_exact(classes).map(|row| ClassScores(row.to_vec())).collect()
}
