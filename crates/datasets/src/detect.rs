//! Telling what data set lies in a folder.

use std::path::Path;

use crate::cifar::{self, Cifar};
use crate::detection_spec::{AnnotatedFolderSpec, CocoSpec, DetectionSpec, VocSpec, YoloSpec};
use crate::listing::{Listing, file_name};
use crate::masks::{folder as mask_folder, instances, voc as voc_masks};
use crate::segmentation_spec::{
    CocoMasksSpec, InstanceMasksSpec, MaskFolderSpec, SegmentationFolderSpec, SegmentationSpec, VocMasksSpec,
};
use crate::spec::{Cifar10Spec, Cifar100Spec, DatasetSpec, FolderSpec, MnistSpec};
use crate::{DatasetError, coco, idx, image_folder, voc, yolo};

/// The layouts that are tried, for messages.
const LOOKED_FOR: &str = "IDX files (train-images-idx3-ubyte), CIFAR binary files (data_batch_1.bin, train.bin) or \
                          their .tar.gz, and folders of images, one for each class";

/// Tells from the content of `root` what data set it is: IDX files, CIFAR binary files or class folders. Where `root`
/// holds nothing but one folder, as archives unpack, that folder is looked at as well. The result has the path where
/// the data were found and the split settings of `spec`.
///
/// # Errors
///
/// [`DatasetError::NotRecognised`], or a missing or unreadable path.
pub fn detect(root: &Path, spec: &FolderSpec) -> Result<DatasetSpec, DatasetError> {
    std::fs::metadata(root).map_err(|source| DatasetError::from_io(root, source))?;
    let not_recognised = |found| DatasetError::NotRecognised { path: root.to_owned(), found, looked_for: LOOKED_FOR };
    if let Some(found) = detect_here(root, spec)? {
        return Ok(found);
    }
    if root.is_file() {
        return Err(not_recognised("a file".to_owned()));
    }
    let listing = Listing::of(root)?;
    if let [inner] = listing.folders.as_slice() {
        // A folder with images in it is a single class, not the data set of its own.
        if let Some(found) = detect_here(inner, spec)? {
            return Ok(found);
        }
    }
    Err(not_recognised(listing.describe()))
}

/// The layouts of annotated data that are tried, for messages.
const ANNOTATED_LOOKED_FOR: &str = "COCO files (annotations/instances_train*.json), Pascal VOC files (Annotations/*.xml) \
                                    and YOLO files (data.yaml, images and labels)";

/// Tells from the content of `root` what data set for detection it is: COCO, Pascal VOC or YOLO files, in this order.
/// Where `root` holds nothing but one folder, that folder is looked at as well. The result has the path where the data
/// were found and the settings of `spec`.
///
/// # Errors
///
/// [`DatasetError::NotRecognised`], [`DatasetError::AmbiguousSplit`], or a missing or unreadable path.
pub fn detect_annotated(root: &Path, spec: &AnnotatedFolderSpec) -> Result<DetectionSpec, DatasetError> {
    std::fs::metadata(root).map_err(|source| DatasetError::from_io(root, source))?;
    let not_recognised =
        |found| DatasetError::NotRecognised { path: root.to_owned(), found, looked_for: ANNOTATED_LOOKED_FOR };
    if root.is_file() {
        let extension = root.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        return match extension {
            "json" => Ok(annotated_coco(root, spec)),
            "yaml" | "yml" => Ok(annotated_yolo(root, spec)),
            _ => Err(not_recognised("a file".to_owned())),
        };
    }
    let listing = Listing::of(root)?;
    let inner = if let [inner] = listing.folders.as_slice() { Some(inner.as_path()) } else { None };
    for folder in std::iter::once(root).chain(inner) {
        if coco::dataset::recognise(folder)? {
            return Ok(annotated_coco(folder, spec));
        }
        if voc::recognise(folder)? {
            let AnnotatedFolderSpec { empty_images, validation_split, test_split, split_seed, .. } = *spec;
            let path = Some(folder.to_owned());
            let defaults = VocSpec::default();
            return Ok(DetectionSpec::Voc(VocSpec {
                path,
                empty_images,
                validation_split,
                test_split,
                split_seed,
                ..defaults
            }));
        }
        if yolo::recognise(folder)? {
            return Ok(annotated_yolo(folder, spec));
        }
    }
    Err(not_recognised(listing.describe()))
}

fn annotated_coco(path: &Path, spec: &AnnotatedFolderSpec) -> DetectionSpec {
    let AnnotatedFolderSpec { empty_images, validation_split, test_split, split_seed, .. } = *spec;
    let path = Some(path.to_owned());
    let defaults = CocoSpec::default();
    DetectionSpec::Coco(CocoSpec { path, empty_images, validation_split, test_split, split_seed, ..defaults })
}

fn annotated_yolo(path: &Path, spec: &AnnotatedFolderSpec) -> DetectionSpec {
    let AnnotatedFolderSpec { empty_images, validation_split, test_split, split_seed, .. } = *spec;
    let path = Some(path.to_owned());
    let defaults = YoloSpec::default();
    DetectionSpec::Yolo(YoloSpec { path, empty_images, validation_split, test_split, split_seed, ..defaults })
}

/// The layouts of data with masks that are tried, for messages.
const MASKS_LOOKED_FOR: &str = "COCO files (annotations/instances_train*.json), folders `JPEGImages` and \
                                `SegmentationClass` (Pascal VOC), folders with an image in `images` and one file for \
                                each object in `masks`, and a folder `images` (or image, imgs …) beside a folder \
                                `masks` (or mask, labels, label …), also inside `train`, `val` and `test` or with \
                                these inside";

/// Tells from the content of `root` what data set for segmentation it is: COCO files, masks of Pascal VOC, one mask for
/// each object, or images and masks in folders, in this order. Where `root` holds nothing but one folder, that folder is
/// looked at as well. The result has the path where the data were found and the settings of `spec`.
///
/// # Errors
///
/// [`DatasetError::NotRecognised`], [`DatasetError::AmbiguousSplit`], or a missing or unreadable path.
pub fn detect_masks(root: &Path, spec: &SegmentationFolderSpec) -> Result<SegmentationSpec, DatasetError> {
    std::fs::metadata(root).map_err(|source| DatasetError::from_io(root, source))?;
    let SegmentationFolderSpec { validation_split, test_split, split_seed, .. } = *spec;
    let coco_at = |path: &Path| {
        let (path, defaults) = (Some(path.to_owned()), CocoMasksSpec::default());
        SegmentationSpec::Coco(CocoMasksSpec { path, validation_split, test_split, split_seed, ..defaults })
    };
    let not_recognised =
        |found| DatasetError::NotRecognised { path: root.to_owned(), found, looked_for: MASKS_LOOKED_FOR };
    if root.is_file() {
        let is_json = root.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        return if is_json { Ok(coco_at(root)) } else { Err(not_recognised("a file".to_owned())) };
    }
    let listing = Listing::of(root)?;
    let inner = if let [inner] = listing.folders.as_slice() { Some(inner.as_path()) } else { None };
    for folder in std::iter::once(root).chain(inner) {
        let path = Some(folder.to_owned());
        if coco::dataset::recognise(folder)? {
            return Ok(coco_at(folder));
        }
        if voc_masks::recognise(folder) {
            let defaults = VocMasksSpec::default();
            let spec = VocMasksSpec { path, validation_split, test_split, split_seed, ..defaults };
            return Ok(SegmentationSpec::Voc(spec));
        }
        if instances::recognise(folder)? {
            let defaults = InstanceMasksSpec::default();
            let spec = InstanceMasksSpec { path, validation_split, test_split, split_seed, ..defaults };
            return Ok(SegmentationSpec::Instances(spec));
        }
        if mask_folder::recognise(folder)? {
            let defaults = MaskFolderSpec::default();
            let spec = MaskFolderSpec { path, validation_split, test_split, split_seed, ..defaults };
            return Ok(SegmentationSpec::Folder(spec));
        }
    }
    Err(not_recognised(listing.describe()))
}

fn detect_here(root: &Path, spec: &FolderSpec) -> Result<Option<DatasetSpec>, DatasetError> {
    let path = Some(root.to_owned());
    let (validation_split, split_seed) = (spec.validation_split, spec.split_seed);
    if let Some(cifar) = cifar::recognise(root) {
        return Ok(Some(match cifar {
            Cifar::Ten => DatasetSpec::Cifar10(Cifar10Spec { path, validation_split, split_seed }),
            Cifar::Hundred(labels) => {
                DatasetSpec::Cifar100(Cifar100Spec { path, labels, validation_split, split_seed })
            }
        }));
    }
    if root.is_file() {
        return Ok(None);
    }
    if idx::recognise(root)? {
        let spec = MnistSpec { path, validation_split, split_seed, classes: None };
        // The files of the two have the same names and sizes; only the folder can tell them apart.
        let fashion = file_name(root).to_ascii_lowercase().contains("fashion");
        return Ok(Some(if fashion { DatasetSpec::FashionMnist(spec) } else { DatasetSpec::Mnist(spec) }));
    }
    if !wraps_a_data_set(root)? && image_folder::recognise(root)? {
        return Ok(Some(DatasetSpec::ImageFolder(FolderSpec { path, ..spec.clone() })));
    }
    Ok(None)
}

/// Whether `root` holds nothing but one folder, which holds class folders itself (and is not called `train`,
/// `val` or `test`).
fn wraps_a_data_set(root: &Path) -> Result<bool, DatasetError> {
    let listing = Listing::of(root)?;
    if listing.evaluation_splits()?.is_some() {
        return Ok(false);
    }
    match listing.folders.as_slice() {
        [inner] if listing.fixed_splits()?.is_none() && Listing::of(inner)?.images.is_empty() => {
            image_folder::recognise(inner)
        }
        _ => Ok(false),
    }
}
