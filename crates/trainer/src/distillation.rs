//! Knowledge distillation: a network learns from the answers of a larger one besides the targets.
//!
//! Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network"; for the features before the head,
//! Romero et al. 2014, "FitNets". The teacher sees the very images that the student sees, augmented alike, and answers as in
//! inference.

use std::fmt;
use std::path::PathBuf;

use burn::module::{AutodiffModule, Devices, Module, ModuleMapper, ModuleVisitor};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::tensor::ops::Device;
use datasets::Dataset;
use models::{InputShape, Network};
use serde::{Deserialize, Serialize};
use tensor_backend::{AutodiffVisionBackend, VisionBackend};

use crate::config::ConfigError;
use crate::initial_weights::InitConfig;
use crate::task::{HostBatch, HostTask, Loading, Loss, Task, TaskError};

/// A teacher, and how much it has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistillConfig<M> {
    /// The file with the teacher's weights, as for `init.from`.
    pub from: PathBuf,
    /// The teacher's network, as in `[model]`.
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
    /// When the task has no class logits, or features are to be matched and heads differ.
    pub(crate) fn check<B: VisionBackend, N: Network<B, Output = T::Output>, T: Task<B>>(
        &self,
        student: &N,
        teacher: &N,
        input: InputShape,
        device: &B::Device,
    ) -> Result<(), ConfigError> {
        let image = || Tensor::zeros([1, input.channels, input.height, input.width], device);
        if T::logits(student.forward(image())).is_none() {
            return Err(ConfigError::Invalid("distill: only classifiers can be taught by another network".to_owned()));
        }
        let width = |network: &N| network.head_input(image()).map(|features| features.dims()[1]);
        let widths = [width(student), width(teacher)];
        if self.features > 0.0 && (widths[0].is_none() || widths[0] != widths[1]) {
            let [student, teacher] = widths.map(|width| width.map_or_else(|| "none".to_owned(), |w| w.to_string()));
            return Err(ConfigError::Invalid(format!(
                "distill.features needs heads that see as many features, found {student} of the network and {teacher} of \
                 its teacher"
            )));
        }
        Ok(())
    }
}

/// An answer, and what the teacher would have said.
#[derive(Debug, Clone)]
pub(crate) struct Taught<B: Backend, O> {
    answer: O,
    lesson: Option<Lesson<B>>,
}

/// What a teacher says about a batch.
#[derive(Debug, Clone)]
struct Lesson<B: Backend> {
    /// `[batch, classes]`.
    logits: Tensor<B, 2>,
    /// What the heads of student and teacher see, `[batch, features]`, where these are to be alike.
    features: Option<[Tensor<B, 2>; 2]>,
}

/// Class logits of a network's output.
type LogitsOf<B, O> = fn(O) -> Option<Tensor<B, 2>>;

/// What a student needs to know of its teacher.
struct Teacher<B: VisionBackend, T: Network<B>> {
    /// On the heap: a network is a large value, and the student's is on the stack already.
    network: Box<T>,
    logits: LogitsOf<B, T::Output>,
    matches_features: bool,
}

impl<B: VisionBackend, T: Network<B>> Clone for Teacher<B, T> {
    fn clone(&self) -> Self {
        Self { network: self.network.clone(), logits: self.logits, matches_features: self.matches_features }
    }
}

/// A network in training, and its teacher, which is no part of it.
pub(crate) struct Student<B: AutodiffVisionBackend, N, T: Network<B::InnerBackend>> {
    network: N,
    teacher: Teacher<B::InnerBackend, T>,
}

/// The same network answering alone.
pub(crate) struct Graduate<B: AutodiffVisionBackend, N, T: Network<B::InnerBackend>> {
    network: N,
    teacher: Teacher<B::InnerBackend, T>,
}

/// Brings a network together with its teacher.
pub(crate) struct School<B: AutodiffVisionBackend, T: Network<B::InnerBackend>> {
    teacher: Teacher<B::InnerBackend, T>,
}

impl<B: AutodiffVisionBackend, T: Network<B::InnerBackend>> School<B, T> {
    /// A school with one teacher, whose output `logits` reads.
    pub(crate) fn new<M>(
        teacher: T,
        logits: LogitsOf<B::InnerBackend, T::Output>,
        settings: &DistillConfig<M>,
    ) -> Self {
        Self { teacher: Teacher { network: Box::new(teacher), logits, matches_features: settings.features > 0.0 } }
    }

    /// A network that is to be taught.
    pub(crate) fn student<N>(&self, network: N) -> Student<B, N, T> {
        Student { network, teacher: self.teacher.clone() }
    }

    /// Its average or its frozen form.
    pub(crate) fn graduate<N>(&self, network: N) -> Graduate<B, N, T> {
        Graduate { network, teacher: self.teacher.clone() }
    }
}

/// Implements what a module needs by way of the network alone, under its own names: checkpoints are those of the network.
macro_rules! module_of_the_network {
    ($name:ident, $backend:ty) => {
        impl<B: AutodiffVisionBackend, N, T: Network<B::InnerBackend>> $name<B, N, T> {
            pub(crate) fn into_network(self) -> N {
                self.network
            }

            fn with<M>(self, change: impl FnOnce(N) -> M) -> $name<B, M, T> {
                $name { network: change(self.network), teacher: self.teacher }
            }
        }

        impl<B: AutodiffVisionBackend, N: Clone, T: Network<B::InnerBackend>> Clone for $name<B, N, T> {
            fn clone(&self) -> Self {
                Self { network: self.network.clone(), teacher: self.teacher.clone() }
            }
        }

        impl<B: AutodiffVisionBackend, N: fmt::Debug, T: Network<B::InnerBackend>> fmt::Debug for $name<B, N, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.network).finish()
            }
        }

        impl<B, N, T> Module<$backend> for $name<B, N, T>
        where
            B: AutodiffVisionBackend,
            N: Module<$backend>,
            T: Network<B::InnerBackend>,
        {
            type Record = N::Record;

            fn collect_devices(&self, devices: Devices<$backend>) -> Devices<$backend> {
                self.network.collect_devices(devices)
            }

            fn fork(self, device: &Device<$backend>) -> Self {
                self.with(|network| network.fork(device))
            }

            fn to_device(self, device: &Device<$backend>) -> Self {
                self.with(|network| network.to_device(device))
            }

            fn visit<V: ModuleVisitor<$backend>>(&self, visitor: &mut V) {
                self.network.visit(visitor);
            }

            fn map<M: ModuleMapper<$backend>>(self, mapper: &mut M) -> Self {
                self.with(|network| network.map(mapper))
            }

            fn load_record(self, record: Self::Record) -> Self {
                self.with(|network| network.load_record(record))
            }

            fn into_record(self) -> Self::Record {
                self.network.into_record()
            }
        }
    };
}
module_of_the_network!(Student, B);
module_of_the_network!(Graduate, B::InnerBackend);

impl<B, N, T> AutodiffModule<B> for Student<B, N, T>
where
    B: AutodiffVisionBackend,
    N: AutodiffModule<B>,
    T: Network<B::InnerBackend>,
{
    type InnerModule = Graduate<B, N::InnerModule, T>;

    fn valid(&self) -> Self::InnerModule {
        Graduate { network: self.network.valid(), teacher: self.teacher.clone() }
    }

    fn from_inner(module: Self::InnerModule) -> Self {
        Self { network: N::from_inner(module.network), teacher: module.teacher }
    }
}

impl<B, N, T> Network<B> for Student<B, N, T>
where
    B: AutodiffVisionBackend,
    N: Network<B>,
    T: Network<B::InnerBackend>,
{
    type Output = Taught<B, N::Output>;

    fn forward(&self, images: Tensor<B, 4>) -> Self::Output {
        let Teacher { network: teacher, logits, matches_features } = &self.teacher;
        let teacher = &**teacher;
        let expected = "`DistillConfig::check` found heads and logits";
        let seen = images.clone().inner();
        let (answer, said, features) = if *matches_features {
            let features = self.network.head_input(images).expect(expected);
            let shown = teacher.head_input(seen).expect(expected);
            let answer = self.network.forward_head(features.clone()).expect(expected);
            let said = teacher.forward_head(shown.clone()).expect(expected);
            (answer, said, Some([features, Tensor::from_inner(shown)]))
        } else {
            (self.network.forward(images), teacher.forward(seen), None)
        };
        let logits = Tensor::from_inner(logits(said).expect(expected));
        Taught { answer, lesson: Some(Lesson { logits, features }) }
    }
}

impl<B, N, T> Network<B::InnerBackend> for Graduate<B, N, T>
where
    B: AutodiffVisionBackend,
    N: Network<B::InnerBackend>,
    T: Network<B::InnerBackend>,
{
    type Output = Taught<B::InnerBackend, N::Output>;

    fn forward(&self, images: Tensor<B::InnerBackend, 4>) -> Self::Output {
        Taught { answer: self.network.forward(images), lesson: None }
    }
}

/// A task whose loss heeds a teacher.
pub(crate) struct TaughtTask<'a, T> {
    task: &'a T,
    temperature: f64,
    weight: f64,
    features: f64,
}

impl<'a, T> TaughtTask<'a, T> {
    pub(crate) const fn new<M>(task: &'a T, settings: &DistillConfig<M>) -> Self {
        Self { task, temperature: settings.temperature, weight: settings.weight, features: settings.features }
    }
}

impl<T: HostTask> HostTask for TaughtTask<'_, T> {
    type Target = T::Target;
    type Encoded = T::Encoded;
    type Prediction = T::Prediction;
    type Metrics = T::Metrics;

    fn load(
        &self,
        samples: &dyn Dataset<Annotation = T::Target>,
        indices: &[usize],
        loading: Loading,
    ) -> Result<HostBatch<T::Target, T::Encoded>, TaskError> {
        self.task.load(samples, indices, loading)
    }

    fn metrics(&self) -> T::Metrics {
        self.task.metrics()
    }

    fn class_of(&self, target: &T::Target) -> Option<usize> {
        self.task.class_of(target)
    }
}

impl<B: VisionBackend, T: Task<B>> Task<B> for TaughtTask<'_, T> {
    type Tensors = T::Tensors;
    type Output = Taught<B, T::Output>;

    fn upload(&self, encoded: T::Encoded, device: &B::Device) -> T::Tensors {
        self.task.upload(encoded, device)
    }

    fn loss(&self, output: Self::Output, targets: &T::Tensors) -> Loss<B> {
        let Taught { answer, lesson } = output;
        let Loss { total, mut terms } = self.task.loss(answer.clone(), targets);
        let Some(Lesson { logits, features }) = lesson else { return Loss { total, terms } };
        let said = T::logits(answer).expect("`DistillConfig::check` found logits");
        let soft = losses::distillation(said, logits, self.temperature).mean().mul_scalar(self.weight);
        let mut total = total.mul_scalar(1.0 - self.weight) + soft.clone();
        terms.push(("distillation_loss", soft));
        if let Some([seen, shown]) = features {
            let distance = (seen - shown).square().mean().mul_scalar(self.features);
            total = total + distance.clone();
            terms.push(("feature_loss", distance));
        }
        Loss { total, terms }
    }

    fn decode(&self, output: Self::Output, targets: &T::Tensors) -> Vec<T::Prediction> {
        self.task.decode(output.answer, targets)
    }

    fn running_scores(
        &self,
        output: Self::Output,
        tensors: &T::Tensors,
        targets: &[T::Target],
    ) -> Vec<(&'static str, f64)> {
        self.task.running_scores(output.answer, tensors, targets)
    }
}
