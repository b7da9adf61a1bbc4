//! Feature maps: what other networks take of a network, whatever its family.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// One of the places in a [`Backbone`] where a feature map can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What it is called, after the layers that it ends with, such as `layer3` or `pool5`.
    pub name: String,
    /// Pixels of the image from one cell of the map to the next, in both directions.
    pub stride: usize,
    /// Channels of the map.
    pub channels: usize,
}

/// A network that gives feature maps: stages one after the other, each of which sees the map of the one before.
///
/// Feature pyramids, decoders and detection heads take any of them; [`stages`](Self::stages) tells them what to expect.
pub trait Backbone<B: Backend> {
    /// The stages, the finest first.
    fn stages(&self) -> Vec<Stage>;

    /// What stage number `index` makes of the map of the stage before; the first sees the images.
    ///
    /// # Shapes
    ///
    /// - `input`: `[batch, channels, height, width]`
    /// - output: `[batch, stage.channels, height_out, width_out]`; where every layer pads, `height_out` is the image's
    ///   height over `stage.stride`, and otherwise less
    fn forward_stage(&self, index: usize, input: Tensor<B, 4>) -> Tensor<B, 4>;

    /// The map of every stage, of `images` `[batch, channels, height, width]`, normalised.
    fn maps(&self, images: Tensor<B, 4>) -> Vec<Tensor<B, 4>> {
        let mut maps = Vec::new();
        let mut map = images;
        for index in 0..self.stages().len() {
            map = self.forward_stage(index, map);
            maps.push(map.clone());
        }
        maps
    }

    /// The map of the last stage alone: the others are given up as soon as the next one is there.
    fn last_map(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        (0..self.stages().len()).fold(images, |map, index| self.forward_stage(index, map))
    }
}

/// A network that tells classes apart: feature maps, pooling, head. Its answer is `head(pool(last_map(images)))`.
pub trait ClassifierParts<B: Backend>: Backbone<B> {
    /// The map of the last stage, `[batch, channels, height, width]`, as vectors `[batch, features]`.
    fn pool(&self, map: Tensor<B, 4>) -> Tensor<B, 2>;

    /// Logits `[batch, classes]` of `features` `[batch, features]`.
    fn head(&self, features: Tensor<B, 2>) -> Tensor<B, 2>;

    /// Modules that [`head`](Self::head) runs, by name.
    fn head_modules(&self) -> &'static [&'static str];

    /// What the head sees of `images` `[batch, channels, height, width]`, normalised: `[batch, features]`.
    fn features(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.pool(self.last_map(images))
    }

    /// Logits `[batch, classes]` of `images` `[batch, channels, height, width]`, normalised: what
    /// [`Network::forward`](crate::Network::forward) of a classifier is.
    fn logits(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.head(self.features(images))
    }
}
