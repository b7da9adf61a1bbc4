//! The pipelines of well-known recipes.

use crate::steps::crop::{CentreCrop, RandomCrop};
use crate::steps::flip::HorizontalFlip;
use crate::steps::random_resized_crop::RandomResizedCrop;
use crate::steps::resize::Resize;
use crate::{Augmentation, ImageSize, Pipeline};

/// Training on CIFAR: a 32×32 crop of the image with 4 black pixels around it, and a flip (He et al., "Deep Residual
/// Learning for Image Recognition", section 4.2).
pub fn cifar_train() -> Pipeline {
    Pipeline::new([
        Augmentation::RandomCrop(RandomCrop::padded(ImageSize::new(32, 32), 4)),
        Augmentation::HorizontalFlip(HorizontalFlip::default()),
    ])
}

/// Training on ImageNet: a random resized crop of `side` pixels, and a flip (torchvision's reference training).
pub fn imagenet_train(side: u32) -> Pipeline {
    Pipeline::new([
        Augmentation::RandomResizedCrop(RandomResizedCrop::new(ImageSize::new(side, side))),
        Augmentation::HorizontalFlip(HorizontalFlip::default()),
    ])
}

/// Evaluation on ImageNet: the shorter side to `resize` pixels, then the central square of `side` (256 and 224 in
/// torchvision's first weights).
pub fn imagenet_evaluation(resize: u32, side: u32) -> Pipeline {
    Pipeline::new([
        Augmentation::Resize(Resize::shorter_side(resize)),
        Augmentation::CentreCrop(CentreCrop { size: ImageSize::new(side, side) }),
    ])
}
