//! Image-recognition networks with the field names of their reference implementations.
//!
//! | what | where |
//! |---|---|
//! | the families: LeNet, ResNet, YOLOX, U-Net …, each with its paper and reference implementation | [`families`] |
//! | the families by what they answer: [`ClassifierConfig`], [`DetectorConfig`], [`SegmenterConfig`] | `lists` |
//! | what a family declares: options, names, checks, `init`, head | [`family`] |
//! | what networks are to others: images in, answers out; feature maps, pooling, head | [`Network`], [`backbone`] |
//! | what networks are made of | [`layers`] |
//! | a network as a table of layers | [`mod@summary`] |
//!
//! A program that chooses a network by name uses [`ClassifierConfig`], [`DetectorConfig`] or [`SegmenterConfig`]; one
//! that knows what it wants uses a family's own config, such as [`resnet::ResNetConfig::resnet18`]. Names and shapes of
//! a network's tensors ([`tensor_backend::state_dict`]) are those of the reference implementation's `state_dict()`,
//! without `num_batches_tracked`: the momentum of the running statistics is constant, so nothing depends on that
//! counter.
//!
//! This crate knows nothing of losses, metrics, data sets or files.

pub mod backbone;
mod error;
pub mod families;
mod families_macro;
pub mod family;
pub mod layers;
mod lists;
mod model_table;
mod network;
mod option_names;
mod suggestion;
pub mod summary;

pub use backbone::{Backbone, ClassifierParts, Stage};
pub use error::ModelError;
pub use families::*;
pub use family::ModelCard;
pub use lists::{
    ClassifierConfig, ClassifierNetwork, DetectorConfig, DetectorNetwork, DetectorOutput, SegmenterConfig,
    SegmenterNetwork, task_of,
};
pub use model_table::FamilyConfig;
pub use network::{Answer, InputShape, Network, SegmenterOutput};
pub use summary::{ModelSummary, summary};
pub use yolox::{YoloxOutput, decode_yolox};
