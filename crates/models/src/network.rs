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
    /// What the network answers: class scores, feature maps, raw detections.
    type Output;

    /// Runs the network on `images`: `[batch, channels, height, width]`, normalised.
    fn forward(&self, images: Tensor<B, 4>) -> Self::Output;

    /// Modules that the network ends in, by name, which see vectors instead of feature maps: what
    /// [`forward_head`](Self::forward_head) runs. None for networks that answer about places.
    fn head_modules(&self) -> &'static [&'static str] {
        &[]
    }

    /// What the head sees of `images`, `[batch, features]`; `None` without a head.
    fn head_input(&self, _images: Tensor<B, 4>) -> Option<Tensor<B, 2>> {
        None
    }

    /// The answer to what the head sees, so that `forward` is `forward_head` of `head_input`; `None` without a head.
    fn forward_head(&self, _features: Tensor<B, 2>) -> Option<Self::Output> {
        None
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
