//! Layers one after another, as in PyTorch's `nn.Sequential`: a `Vec` of them gives their tensors the names
//! `0.weight`, `1.weight` and so on, counting layers without tensors too.

use std::iter::Peekable;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::Activation;

use super::{BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, Relu};
use crate::backbone::Stage;

/// A layer over feature maps `[batch, channels, height, width]`.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has dozens of these, each holding pointers to its weights")]
pub enum FeatureLayer<B: Backend> {
    /// Convolution.
    Conv2d(Conv2d<B>),
    /// Batch normalisation.
    BatchNorm2d(BatchNorm2d<B>),
    /// `max(x, 0)`.
    Relu(Relu),
    /// Maximum of each window.
    MaxPool2d(MaxPool2d),
    /// Dropout.
    Dropout(Dropout),
}

/// A layer over feature vectors `[batch, features]`.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has a handful of these")]
pub enum DenseLayer<B: Backend> {
    /// Fully connected.
    Linear(Linear<B>),
    /// `max(x, 0)`.
    Relu(Relu),
    /// Dropout.
    Dropout(Dropout),
}

/// Applies `layers` in order; a convolution or batch normalisation and what can be done with it are one operation.
pub fn forward_features<B: VisionBackend>(layers: &[FeatureLayer<B>], input: Tensor<B, 4>) -> Tensor<B, 4> {
    let mut layers = layers.iter().peekable();
    let mut features = input;
    while let Some(layer) = layers.next() {
        features = match layer {
            FeatureLayer::Conv2d(layer) => {
                let norm = layers.next_if(|next| matches!(next, FeatureLayer::BatchNorm2d(_)));
                let activation = activation_after(&mut layers);
                match norm {
                    Some(FeatureLayer::BatchNorm2d(norm)) => layer.forward_normalised(features, norm, None, activation),
                    _ => layer.forward_activated(features, activation),
                }
            }
            FeatureLayer::BatchNorm2d(layer) => layer.forward_with(features, None, activation_after(&mut layers)),
            FeatureLayer::Relu(layer) => layer.forward(features),
            FeatureLayer::MaxPool2d(layer) => layer.forward(features),
            FeatureLayer::Dropout(layer) => layer.forward(features),
        };
    }
    features
}

/// Channels of what the first convolution of `layers` sees.
///
/// # Panics
///
/// When there is none.
pub(crate) fn input_channels<B: Backend>(layers: &[FeatureLayer<B>]) -> usize {
    let convolution = layers.iter().find_map(|layer| match layer {
        FeatureLayer::Conv2d(layer) => Some(layer),
        _ => None,
    });
    let convolution = convolution.expect("there is a convolution");
    convolution.weight.dims()[1] * convolution.options.groups
}

/// The layers of each stage: those up to and with a pooling. Convolutions stay with what they are one operation with.
pub(crate) fn pooling_stages<B: Backend>(layers: &[FeatureLayer<B>]) -> impl Iterator<Item = &[FeatureLayer<B>]> {
    layers.split_inclusive(|layer| matches!(layer, FeatureLayer::MaxPool2d(_)))
}

/// What the maps after the poolings `pool1`, `pool2` … are like.
pub(crate) fn pooled_maps<B: Backend>(layers: &[FeatureLayer<B>]) -> Vec<Stage> {
    let (mut stride, mut channels) = (1, 0);
    let stage = |(index, stage): (usize, &[FeatureLayer<B>])| {
        for layer in stage {
            match layer {
                FeatureLayer::Conv2d(layer) => {
                    stride *= layer.options.stride[0];
                    channels = layer.weight.dims()[0];
                }
                FeatureLayer::MaxPool2d(layer) => stride *= layer.options.stride[0],
                FeatureLayer::BatchNorm2d(_) | FeatureLayer::Relu(_) | FeatureLayer::Dropout(_) => {}
            }
        }
        Stage { name: format!("pool{}", index + 1), stride, channels }
    };
    pooling_stages(layers).enumerate().map(stage).collect()
}

/// What stage number `index` makes of the map of the stage before.
pub(crate) fn forward_pooling_stage<B: VisionBackend>(
    layers: &[FeatureLayer<B>],
    index: usize,
    input: Tensor<B, 4>,
) -> Tensor<B, 4> {
    forward_features(pooling_stages(layers).nth(index).expect("a stage of this number"), input)
}

/// The activation that is the next layer, which is taken.
fn activation_after<'a, B: Backend>(layers: &mut Peekable<impl Iterator<Item = &'a FeatureLayer<B>>>) -> Activation
where
    FeatureLayer<B>: 'a,
{
    match layers.next_if(|next| matches!(next, FeatureLayer::Relu(_))) {
        Some(_) => Activation::Relu,
        None => Activation::Identity,
    }
}

/// Applies `layers` in order.
pub fn forward_dense<B: VisionBackend>(layers: &[DenseLayer<B>], input: Tensor<B, 2>) -> Tensor<B, 2> {
    layers.iter().fold(input, |features, layer| match layer {
        DenseLayer::Linear(layer) => layer.forward(features),
        DenseLayer::Relu(layer) => layer.forward(features),
        DenseLayer::Dropout(layer) => layer.forward(features),
    })
}
