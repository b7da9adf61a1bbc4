//! The families of networks, one file each (a folder where one file is too long): options, names, config, network.
//!
//! Which of them answer alike, and so can take one another's place in a program, is in `lists.rs`.

pub mod cifar_resnet;
pub mod cnn;
pub mod fcn_resnet;
pub mod fcn_vgg;
pub mod inception;
pub mod lenet;
pub mod resnet;
pub mod unet;
pub mod unet_resnet;
pub mod vgg;
pub mod yolox;
