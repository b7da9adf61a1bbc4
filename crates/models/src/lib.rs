//! Image-recognition networks with the field names of their reference implementations.
//!
//! | family | file | reference implementation |
//! |---|---|---|
//! | LeNet | [`lenet`] | PyTorch's CIFAR-10 tutorial |
//! | plain convolution-pooling networks | [`cnn`] | the tutorials of Keras |
//! | VGG | [`vgg`] | torchvision |
//! | ResNet | [`resnet`] | torchvision |
//! | ResNet for CIFAR | [`cifar_resnet`] | akamaster/pytorch_resnet_cifar10 |
//! | Inception v3 | [`inception`] | torchvision |
//! | YOLOX | [`yolox`] | Megvii's YOLOX |
//! | U-Net | [`unet`] | the paper |
//! | FCN on VGG-16 | [`fcn_vgg`] | the paper, on torchvision's VGG |
//! | FCN on ResNet-50 | [`fcn_resnet`] | torchvision |
//!
//! A program that chooses a network by name uses [`ClassifierConfig`], [`DetectorConfig`] or [`SegmenterConfig`]; one
//! that knows what it wants uses a family's own config, such as [`resnet::ResNetConfig::resnet18`]. Names and shapes of a
//! network's tensors ([`tensor_backend::state_dict`]) are those of the reference implementation's `state_dict()`, without
//! `num_batches_tracked`: the momentum of the running statistics is constant, so nothing depends on that counter.
//!
//! This crate knows nothing of losses, metrics, data sets or files.

pub mod catalogue;
pub mod cifar_resnet;
pub mod classifier;
pub mod cnn;
pub mod detector;
mod error;
pub mod fcn_resnet;
pub mod fcn_vgg;
pub mod inception;
pub mod layers;
pub mod lenet;
mod model_name;
mod network;
mod padding;
pub mod resnet;
pub mod segmenter;
pub mod summary;
mod trace;
pub mod unet;
pub mod unet_resnet;
pub mod vgg;
pub mod yolox;

pub use catalogue::{Architecture, Catalogue, ModelCard};
pub use classifier::{Classifier, ClassifierConfig, ClassifierName};
pub use detector::{Detector, DetectorConfig, DetectorName};
pub use error::ModelError;
pub use model_name::ModelName;
pub use network::{InputShape, Network};
pub use segmenter::{Segmenter, SegmenterConfig, SegmenterName, SegmenterOutput};
pub use summary::{ModelSummary, summary};
pub use yolox::{YoloxOutput, decode_yolox};
