//! Every family of networks, by what it answers: one list for classifiers, one for detectors, one for segmentation
//! networks. A line of a list is all that a program needs to know of a family.

#![allow(clippy::large_enum_variant, reason = "a program holds one or two networks")]

use std::fmt;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::de::MapAccess;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tensor_backend::VisionBackend;

use crate::backbone::{Backbone, ClassifierParts, Stage};
use crate::families::*;
use crate::families_macro::families;
use crate::family::{Family, ModelCard};
use crate::model_table::{FamilyConfig, ModelTable, RestOfTable, read_table};
use crate::suggestion::nearest;
use crate::{Answer, InputShape, ModelError, Network, SegmenterOutput};

families! {
    task: "classification",
    most_classes: 1_000_000,
    /// The `[model]` table of a classifier's config: a name, and options of its family where its defaults do not fit.
    ///
    /// An option left out has the family's default; one that the family does not have is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use models::{ClassifierConfig, InputShape};
    /// # use tensor_backend::SelectedBackend;
    ///
    /// let config: ClassifierConfig = serde_json::from_str(r#"{"name": "cnn", "widths": [16, 32], "dropout": 0.2}"#)?;
    /// let network = config.init::<SelectedBackend>(10, InputShape::rgb(32), &Default::default())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    config: ClassifierConfig,
    /// Any classifier. Names of its tensors are those of the network inside, without the variant's name.
    network: ClassifierNetwork,
    answers: as ClassifierParts,
    families: {
        /// LeNet.
        LeNet(lenet::LeNetOptions),
        /// Convolution-pooling stages.
        Cnn(cnn::CnnOptions),
        /// VGG.
        Vgg(vgg::VggOptions),
        /// ResNet.
        ResNet(resnet::ResNetOptions),
        /// ResNet for CIFAR.
        CifarResNet(cifar_resnet::CifarResNetOptions),
        /// Inception v3.
        Inception(inception::InceptionOptions),
    }
}

families! {
    task: "detection",
    most_classes: 100_000,
    /// The `[model]` table of a detector's config: a name, and options of its family where its defaults do not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use models::{DetectorConfig, InputShape};
    /// # use tensor_backend::SelectedBackend;
    ///
    /// let config: DetectorConfig = serde_json::from_str(r#"{"name": "yolox-nano"}"#)?;
    /// let network = config.init::<SelectedBackend>(3, InputShape::rgb(416), &Default::default())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    config: DetectorConfig,
    /// Any detector. Names of its tensors are those of the network inside, without the variant's name.
    network: DetectorNetwork,
    /// What a detector answers: the raw outputs of its family, which the family's loss and decoding read.
    answers: each its own DetectorOutput,
    families: {
        /// YOLOX.
        Yolox(yolox::YoloxOptions),
    }
}

// Masks have a byte a pixel, and one of its values says "ignore".
families! {
    task: "segmentation",
    most_classes: 255,
    /// The `[model]` table of a segmentation network's config: a name, and options of its family where its defaults do
    /// not fit.
    ///
    /// An option left out has the family's default; one that the family does not have is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use models::{InputShape, SegmenterConfig};
    /// # use tensor_backend::SelectedBackend;
    ///
    /// let table = r#"{"name": "unet", "width": 16, "upsampling": "bilinear"}"#;
    /// let config: SegmenterConfig = serde_json::from_str(table)?;
    /// let network = config.init::<SelectedBackend>(2, InputShape::grey(100), &Default::default())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    config: SegmenterConfig,
    /// Any segmentation network. Names of its tensors are those of the network inside, without the variant's name.
    network: SegmenterNetwork,
    answers: with SegmenterOutput,
    families: {
        /// U-Net.
        UNet(unet::UNetOptions),
        /// U-Net on a ResNet.
        UNetResNet(unet_resnet::UNetResNetOptions),
        /// FCN on VGG-16.
        FcnVgg(fcn_vgg::FcnVggOptions),
        /// FCN on ResNet-50.
        FcnResNet(fcn_resnet::FcnResNetOptions),
    }
}

/// The task that the network called `name` is for; `None` where there is no such network.
pub fn task_of(name: &str) -> Option<&'static str> {
    let is_in = |cards: Vec<&ModelCard>| cards.iter().any(|card| card.name == name);
    let lists = [
        (ClassifierConfig::TASK, is_in(ClassifierConfig::names())),
        (DetectorConfig::TASK, is_in(DetectorConfig::names())),
        (SegmenterConfig::TASK, is_in(SegmenterConfig::names())),
    ];
    lists.into_iter().find_map(|(task, has)| has.then_some(task))
}
