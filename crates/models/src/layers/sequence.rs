//! Layers one after another, as in PyTorch's `nn.Sequential`: a `Vec` of them gives their tensors the names
//! `0.weight`, `1.weight` and so on, counting layers without tensors too.

use std::iter::Peekable;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use tensor_backend::VisionBackend;
use tensor_backend::ops::Activation;

use super::{BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, Relu};

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
