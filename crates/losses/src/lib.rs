//! Loss functions of image recognition: tensors in, scalar out.
//!
//! Every loss is a plain, serialisable config struct with a forward pass that is generic over
//! [`VisionBackend`](tensor_backend::VisionBackend); keys are snake_case, values kebab-case, unknown keys are refused.
//! The caller always chooses how the losses of a batch become one number, see [`Reduction`] and [`SampleLosses`].
//!
//! A classifier is trained with a [`ClassificationLoss`] on targets made by [`one_hot`]:
//!
//! ```
//! use burn::tensor::{Tensor, TensorData};
//! use losses::{ClassificationLoss, one_hot};
//! use tensor_backend::SelectedBackend;
//!
//! let loss = ClassificationLoss::default();
//! loss.validate(2)?;
//! let device = Default::default();
//! let targets = TensorData::new(one_hot(&[1], 2)?, [1, 2]);
//! let logits = Tensor::<SelectedBackend, 2>::from_data([[0.0, 0.0]], &device);
//! let mean = loss.losses(logits, Tensor::from_data(targets, &device)).mean();
//! // Two equally likely classes: ln 2.
//! assert!((mean.into_scalar() - std::f32::consts::LN_2).abs() < 1e-6);
//! # Ok::<(), losses::LossError>(())
//! ```

mod binary_cross_entropy;
mod boxes;
mod classification;
mod cross_entropy;
mod distillation;
mod elementwise;
mod error;
mod focal;
mod huber;
mod log_softmax;
mod mean_absolute;
mod mean_squared;
mod reduction;
mod segmentation;
mod settings;
mod sigmoid_focal;
mod smooth_l1;
mod soft_targets;
mod targets;
mod yolox;

pub use boxes::BoxLoss;
pub use classification::*;
pub use cross_entropy::Normalisation;
pub use distillation::distillation;
pub use elementwise::ElementwiseLoss;
pub use error::LossError;
pub use reduction::{Reduction, SampleLosses};
pub use segmentation::*;
pub use settings::LossSettings;
pub use soft_targets::SoftTargetLoss;
pub use targets::{class_indices, one_hot};
pub use yolox::{BoxTarget, YoloxLoss, YoloxTerms};
