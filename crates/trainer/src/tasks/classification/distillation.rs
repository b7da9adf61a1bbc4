//! Knowledge distillation: a network learns from the answers of a larger one besides the targets.
//!
//! Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network"; for the features before the head,
//! Romero et al. 2014, "FitNets". The teacher sees the very images that the student sees, augmented alike, and answers as in
//! inference.

use std::path::PathBuf;

use burn::tensor::Tensor;
use models::{ClassifierNetwork, ClassifierParts, InputShape, Network};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::ClassScores;

use super::ClassificationTask;
use super::task::{ClassTensors, EncodedClasses};
use crate::config::ConfigError;
use crate::task::{Judge, Judged, Learn, Learned, Loss, OnDevice, Wrapper};
use crate::weights::InitConfig;

/// A teacher, and how much it has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DistillConfig", bound = "")]
pub struct DistillConfig<M> {
    /// The file with the teacher's weights, as for `init.from`.
    pub from: PathBuf,
    /// The teacher's network, as in `[model]`.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub model: M,
    /// Which set of tensors of a file that has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Tensors of the file that the teacher has no use for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// What logits are divided by before they become probabilities: the higher, the more wrong classes matter.
    #[serde(default = "default_temperature")]
    pub temperature: f64,
    /// Share of the teacher's answers in the loss; the rest is the loss of the targets.
    #[serde(default = "default_weight")]
    pub weight: f64,
    /// Weight of the mean squared difference of what the heads of both see; needs heads of the same size.
    #[serde(default)]
    pub features: f64,
}

fn default_temperature() -> f64 {
    4.0
}

fn default_weight() -> f64 {
    0.5
}

impl<M> DistillConfig<M> {
    /// What is wrong with the settings, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Some(format!("distill.temperature must be positive, found {}", self.temperature));
        }
        if !(0.0..=1.0).contains(&self.weight) {
            return Some(format!("distill.weight must lie in 0..=1, found {}", self.weight));
        }
        if !(self.features >= 0.0 && self.features.is_finite()) {
            return Some(format!("distill.features must not be negative, found {}", self.features));
        }
        None
    }

    /// Where the teacher's weights come from.
    pub(crate) fn init(&self) -> InitConfig {
        InitConfig {
            from: Some(self.from.clone()),
            key: self.key.clone(),
            ignore: self.ignore.clone(),
            ..InitConfig::default()
        }
    }

    /// Checks that `teacher` can teach `student`, both about images of `input`.
    ///
    /// # Errors
    ///
    /// When features are to be matched and heads differ.
    pub(crate) fn check<B: VisionBackend>(
        &self,
        student: &ClassifierNetwork<B>,
        teacher: &ClassifierNetwork<B>,
        input: InputShape,
        device: &B::Device,
    ) -> Result<(), ConfigError> {
        let image = || Tensor::zeros([1, input.channels, input.height, input.width], device);
        let width = |network: &ClassifierNetwork<B>| network.features(image()).dims()[1];
        if self.features > 0.0 && width(student) != width(teacher) {
            return Err(ConfigError::Invalid(format!(
                "distill.features needs heads that see as many features, found {} of the network and {} of its teacher",
                width(student),
                width(teacher)
            )));
        }
        Ok(())
    }
}

/// Classification whose loss heeds a teacher, which answers on `I`, the backend without gradients.
pub(crate) struct Distilled<'a, I: VisionBackend> {
    task: &'a ClassificationTask,
    teacher: ClassifierNetwork<I>,
    temperature: f64,
    weight: f64,
    features: f64,
}

impl<'a, I: VisionBackend> Distilled<'a, I> {
    /// `task`, learnt from `teacher` as well.
    pub(crate) const fn new<M>(
        task: &'a ClassificationTask,
        teacher: ClassifierNetwork<I>,
        settings: &DistillConfig<M>,
    ) -> Self {
        let DistillConfig { temperature, weight, features, .. } = *settings;
        Self { task, teacher, temperature, weight, features }
    }

    /// What the heads of both see, where these are to be alike, and the logits of both.
    fn answers<B: AutodiffVisionBackend<InnerBackend = I>>(
        &self,
        network: &ClassifierNetwork<B>,
        images: Tensor<B, 4>,
    ) -> Answers<B> {
        let seen = images.clone().inner();
        if self.features == 0.0 {
            let (student, teacher) = (network.forward(images), self.teacher.forward(seen));
            return Answers { student, teacher: Tensor::from_inner(teacher), features: None };
        }
        let (student_features, teacher_features) = (network.features(images), self.teacher.features(seen));
        let student = network.head(student_features.clone());
        let teacher = self.teacher.head(teacher_features.clone());
        let features = Some([student_features, Tensor::from_inner(teacher_features)]);
        Answers { student, teacher: Tensor::from_inner(teacher), features }
    }
}

/// What student and teacher answer to a batch.
struct Answers<B: VisionBackend> {
    /// Logits, `[batch, classes]`.
    student: Tensor<B, 2>,
    /// Logits, `[batch, classes]`.
    teacher: Tensor<B, 2>,
    /// What the heads of student and teacher see, `[batch, features]`.
    features: Option<[Tensor<B, 2>; 2]>,
}

impl<I: VisionBackend> Wrapper for Distilled<'_, I> {
    type Inner = ClassificationTask;

    fn inner(&self) -> &ClassificationTask {
        self.task
    }
}

impl<B: VisionBackend, I: VisionBackend> OnDevice<B> for Distilled<'_, I> {
    type Network = ClassifierNetwork<B>;
    type Tensors = ClassTensors<B>;

    fn upload(&self, encoded: EncodedClasses, device: &B::Device) -> ClassTensors<B> {
        self.task.upload(encoded, device)
    }
}

impl<B: AutodiffVisionBackend> Learn<B> for Distilled<'_, B::InnerBackend> {
    fn learn(&self, network: &ClassifierNetwork<B>, images: Tensor<B, 4>, targets: &ClassTensors<B>) -> Learned<B> {
        let Answers { student, teacher, features } = self.answers(network, images);
        let Learned { loss: Loss { total, mut terms }, scores } = self.task.learned(student.clone(), targets);
        let soft = losses::distillation(teacher, student, self.temperature).mean().mul_scalar(self.weight);
        let mut total = total.mul_scalar(1.0 - self.weight) + soft.clone();
        terms.push(("distillation_loss", soft));
        if let Some([seen, shown]) = features {
            let distance = (seen - shown).square().mean().mul_scalar(self.features);
            total = total + distance.clone();
            terms.push(("feature_loss", distance));
        }
        Learned { loss: Loss { total, terms }, scores }
    }
}

/// The network answers alone.
impl<B: VisionBackend, I: VisionBackend> Judge<B> for Distilled<'_, I> {
    fn judge(
        &self,
        network: &ClassifierNetwork<B>,
        images: Tensor<B, 4>,
        targets: &ClassTensors<B>,
    ) -> Judged<B, ClassScores> {
        self.task.judge(network, images, targets)
    }
}
