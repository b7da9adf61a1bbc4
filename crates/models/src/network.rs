//! What every network is.

use std::fmt;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

/// A network over images.
///
/// `forward` gives the same type in training and inference; on a backend with gradients batch normalisation uses the
/// batch's statistics and dropout drops, on one without (`module.valid()`) neither does.
pub trait Network<B: Backend>: Module<B> {
    /// What the network answers: class scores, a class for each pixel, raw detections.
    type Output: Answer;

    /// Runs the network on `images`: `[batch, channels, height, width]`, normalised.
    fn forward(&self, images: Tensor<B, 4>) -> Self::Output;
}

/// What a network answers.
pub trait Answer {
    /// Brings the answer to the host and drops it: once this returns, the device has computed it.
    fn wait(self);
}

impl<B: Backend, const D: usize> Answer for Tensor<B, D> {
    fn wait(self) {
        drop(self.into_data());
    }
}

impl<B: Backend> Answer for SegmenterOutput<B> {
    fn wait(self) {
        self.logits.wait();
        if let Some(auxiliary) = self.auxiliary {
            auxiliary.wait();
        }
    }
}

/// What a segmentation network answers: logits of each pixel, of the images' height and width.
///
/// Many classes take a softmax over the logits; a yes or no for each class (one logit: foreground or not) takes a
/// sigmoid. The network is the same.
#[derive(Debug, Clone)]
pub struct SegmenterOutput<B: Backend> {
    /// `[batch, classes, height, width]`.
    pub logits: Tensor<B, 4>,
    /// The auxiliary head's logits of the same shape, in training only; `None` where there is no such head.
    pub auxiliary: Option<Tensor<B, 4>>,
}

/// Logits alone, from a network without an auxiliary head.
impl<B: Backend> From<Tensor<B, 4>> for SegmenterOutput<B> {
    fn from(logits: Tensor<B, 4>) -> Self {
        Self { logits, auxiliary: None }
    }
}

/// Shape of one input image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputShape {
    /// Colour channels: 3 for RGB, 1 for grey.
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

impl InputShape {
    /// An image of `channels` channels and `height` × `width` pixels.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// A square RGB image with sides of `size` pixels.
    pub const fn rgb(size: usize) -> Self {
        Self::new(3, size, size)
    }

    /// A square grey image with sides of `size` pixels.
    pub const fn grey(size: usize) -> Self {
        Self::new(1, size, size)
    }
}

/// `channels×height×width`.
impl fmt::Display for InputShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}×{}×{}", self.channels, self.height, self.width))
    }
}
