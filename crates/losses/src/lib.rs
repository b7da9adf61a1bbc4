//! Loss functions of image recognition: tensors in, scalar out.
//!
//! Every loss is a plain, serialisable config struct with a forward pass that is generic over
//! [`VisionBackend`](tensor_backend::VisionBackend); keys are kebab-case, unknown keys are refused. How the losses of
//! a batch become one figure is always said by the caller, see [`Reduction`] and [`SampleLosses`].
//!
//! A classifier is trained with a [`CrossEntropy`] on targets made by [`one_hot`]:
//!
//! ```
//! use burn::tensor::{Tensor, TensorData};
//! use losses::{CrossEntropy, one_hot};
//! use tensor_backend::SelectedBackend;
//!
//! let loss = CrossEntropy::default();
//! loss.validate(2)?;
//! let device = Default::default();
//! let targets = TensorData::new(one_hot(&[1], 2)?, [1, 2]);
//! let logits = Tensor::<SelectedBackend, 2>::from_data([[0.0, 0.0]], &device);
//! let mean = loss.soft_losses(logits, Tensor::from_data(targets, &device)).mean();
//! // Two equally likely classes: ln 2.
//! assert!((mean.into_scalar() - 0.693_147_2).abs() < 1e-6);
//! # Ok::<(), losses::LossError>(())
//! ```

mod cross_entropy;
mod error;
mod log_softmax;
mod reduction;
mod targets;

pub use cross_entropy::{CrossEntropy, Normalisation};
pub use error::LossError;
pub use reduction::{Reduction, SampleLosses};
pub use targets::{class_indices, one_hot};
