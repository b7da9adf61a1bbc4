//! Equality with PyTorch: logits in both modes, the gradient of every parameter, running statistics.
//!
//! `fixture` reads the committed figures; `exported` reads full gradients of seeded PyTorch networks from the folder
//! named by `OKULO_TORCH_EXPORT`. Both are made by `tests/fixtures/export_torch.py`, with images that keep every ReLU
//! and maximum pooling away from its kink: there a gradient jumps, and float32 rounding of any implementation,
//! PyTorch's included, would decide to which side. Figures of YOLOX, read by `yolox`, are made by `export_yolox.py`;
//! those of segmentation networks, read by `segmenters`, by `export_segmentation.py`.

mod digest;
mod exported;
mod fixture;
mod formula;
mod gradients;
mod inception;
mod segmenters;
mod state_dicts;
mod yolox;

use tensor_backend::TrainingBackend;

/// What the tests run on.
type B = TrainingBackend;

/// Greatest difference of a logit, absolute. Logits here are of the order of 1 to 10.
const LOGIT_TOLERANCE: f64 = 1e-4;

/// Greatest difference of a gradient, relative to the norm of that parameter's gradient (of the layer's weight where
/// the parameter's own vanishes identically: the bias of a convolution before batch normalisation).
const GRADIENT_TOLERANCE: f64 = 1e-3;

/// Greatest difference of running statistics, relative to the norm of the tensor; means of both signs cancel, which
/// leaves them fewer digits than their terms had.
const RUNNING_TOLERANCE: f64 = 1e-4;
