//! One class an image.

use augment::{AugmentKey, Augmentation, ImageSize, Pipeline, Resize};
use burn::tensor::{Tensor, TensorData, activation};
use datasets::Dataset;
use image::RgbImage;
use losses::{ClassificationLoss, LossError, one_hot};
use metrics::ClassificationMetrics;
use models::{ClassifierNetwork, Network};
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::{ClassId, ClassNames, ClassScores, Sample};

use crate::config::{ClassificationAugment, InputConfig};
use crate::task::{
    BatchOf, HostBatch, HostTask, Judge, Judged, Learn, Learned, Loading, Loss, OnDevice, Phase, TaskError,
    read_sample, take_readable,
};

/// Classification: the target is a [`ClassId`], the network gives `[batch, classes]` logits, the prediction is a
/// probability a class.
#[derive(Debug, Clone)]
pub struct ClassificationTask {
    classes: ClassNames,
    input: InputConfig,
    augment: ClassificationAugment,
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
        augment: ClassificationAugment,
        loss: ClassificationLoss,
    ) -> Result<Self, LossError> {
        loss.validate(classes.len())?;
        let to_input_size = Pipeline::new([Augmentation::Resize(Resize::exactly(input.image_size()))]);
        Ok(Self { classes, input, augment, to_input_size, loss })
    }

    /// Names of the classes, in order.
    pub fn classes(&self) -> &ClassNames {
        &self.classes
    }

    /// What the network sees.
    pub fn input(&self) -> &InputConfig {
        &self.input
    }

    /// What the network sees of `image`, as a picture: after the pipeline, at the input's size.
    pub fn prepare(&self, image: RgbImage, pipeline: &Pipeline, key: AugmentKey) -> RgbImage {
        let image = pipeline.apply(image, key);
        if ImageSize::of(&image) == self.input.image_size() { image } else { self.to_input_size.apply(image, key) }
    }

    /// The same without augmentation.
    pub fn prepared(&self, image: RgbImage) -> RgbImage {
        self.prepare(image, &self.augment.eval, AugmentKey { seed: 0, epoch: 0, index: 0 })
    }

    /// The training pipeline.
    pub fn train_pipeline(&self) -> &Pipeline {
        &self.augment.train
    }

    /// Targets as arrays.
    pub(super) fn encode(&self, targets: &[ClassId]) -> EncodedClasses {
        let probabilities = one_hot(targets, self.classes.len()).expect("every class is checked as it is loaded");
        EncodedClasses { probabilities, classes: targets.to_vec() }
    }

    /// The mean loss of `[batch, classes]` logits.
    fn loss<B: VisionBackend>(&self, logits: Tensor<B, 2>, targets: &ClassTensors<B>) -> Loss<B> {
        Loss::single(self.loss.losses(logits, targets.probabilities.clone()).mean())
    }

    /// What `[batch, classes]` logits teach.
    pub(super) fn learned<B: VisionBackend>(&self, logits: Tensor<B, 2>, targets: &ClassTensors<B>) -> Learned<B> {
        let predictions = class_scores(logits.clone());
        let pairs = predictions.iter().zip(&targets.classes);
        let hits = pairs.filter(|(scores, target)| scores.best() == **target).count();
        Learned { loss: self.loss(logits, targets), scores: vec![("accuracy", hits as f64)] }
    }

    /// What `[batch, classes]` logits answer.
    pub(super) fn judged<B: VisionBackend>(
        &self,
        logits: Tensor<B, 2>,
        targets: &ClassTensors<B>,
    ) -> Judged<B, ClassScores> {
        Judged { loss: self.loss(logits.clone(), targets), predictions: class_scores(logits) }
    }
}

/// What is known of a batch.
#[derive(Debug, Clone)]
pub struct EncodedClasses {
    /// One probability a class for each sample, `[batch, classes]`: one-hot, or mixed.
    probabilities: Vec<f32>,
    /// The samples' own classes.
    classes: Vec<ClassId>,
}

/// The same on the device.
#[derive(Debug, Clone)]
pub struct ClassTensors<B: VisionBackend> {
    /// `[batch, classes]`.
    probabilities: Tensor<B, 2>,
    classes: Vec<ClassId>,
}

impl HostTask for ClassificationTask {
    type Target = ClassId;
    type Encoded = EncodedClasses;
    type Prediction = ClassScores;
    type Metrics = ClassificationMetrics;

    fn load(
        &self,
        samples: &dyn Dataset<Annotation = ClassId>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<BatchOf<Self>, TaskError> {
        let per_image = self.input.values_per_image();
        let mut images = vec![0.0; per_image * indices.len()];
        let mut targets = Vec::with_capacity(indices.len());
        let (indices, bad_samples) = take_readable(indices, loading.on_bad_sample, |index| {
            let Sample { image, annotation: class, source: source_name } = read_sample(samples, index)?;
            let classes = self.classes.len();
            if class >= classes {
                return Err(TaskError::UnknownClass { source_name, class, classes });
            }
            let (pipeline, seed, epoch) = match loading.phase {
                Phase::Train { seed, epoch, .. } => (&self.augment.train, seed, epoch),
                Phase::Evaluate => (&self.augment.eval, 0, 0),
            };
            let image = self.prepare(image, pipeline, AugmentKey { seed, epoch, index: index as u64 });
            let start = targets.len() * per_image;
            self.input.write_pixels(&image, &mut images[start..start + per_image]);
            targets.push(class);
            Ok(())
        })?;
        images.truncate(targets.len() * per_image);
        let mut encoded = self.encode(&targets);
        let shape = self.input.batch_shape(targets.len());
        if let (Phase::Train { seed, epoch, batch }, Some(mix)) = (loading.phase, &self.augment.mix) {
            let [count, _, height, width] = shape.map(|side| side as u32);
            mix.draw(AugmentKey { seed, epoch, index: batch }, count as usize, height, width).apply(
                &mut images,
                &mut encoded.probabilities,
                (height, width),
            );
        }
        Ok(HostBatch { images, shape, encoded, targets, indices, bad_samples })
    }

    fn metrics(&self) -> ClassificationMetrics {
        ClassificationMetrics::new(self.classes.clone())
    }

    fn class_of(&self, target: &ClassId) -> Option<usize> {
        Some(*target)
    }
}

impl<B: VisionBackend> OnDevice<B> for ClassificationTask {
    type Network = ClassifierNetwork<B>;
    type Tensors = ClassTensors<B>;

    fn upload(&self, encoded: EncodedClasses, device: &B::Device) -> ClassTensors<B> {
        let EncodedClasses { probabilities, classes } = encoded;
        let shape = [classes.len(), self.classes.len()];
        ClassTensors { probabilities: Tensor::from_data(TensorData::new(probabilities, shape), device), classes }
    }
}

impl<B: AutodiffVisionBackend> Learn<B> for ClassificationTask {
    fn learn(&self, network: &ClassifierNetwork<B>, images: Tensor<B, 4>, targets: &ClassTensors<B>) -> Learned<B> {
        self.learned(network.forward(images), targets)
    }
}

impl<B: VisionBackend> Judge<B> for ClassificationTask {
    fn judge(
        &self,
        network: &ClassifierNetwork<B>,
        images: Tensor<B, 4>,
        targets: &ClassTensors<B>,
    ) -> Judged<B, ClassScores> {
        self.judged(network.forward(images), targets)
    }
}

/// The probabilities that `[batch, classes]` logits stand for.
pub(super) fn class_scores<B: VisionBackend>(logits: Tensor<B, 2>) -> Vec<ClassScores> {
    let [_, classes] = logits.dims();
    let probabilities = activation::softmax(logits.detach(), 1).into_data().convert::<f32>();
    let values: Vec<f32> = probabilities.into_vec().expect("converted to f32 just now");
    values.chunks_exact(classes).map(|row| ClassScores(row.to_vec())).collect()
}
