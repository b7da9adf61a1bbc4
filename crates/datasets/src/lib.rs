//! Readers for image data sets, generated shapes, splits, checks and downloads.
//!
//! A [`DatasetSpec`] is what a configuration says; opening it lists the samples and gives [`Splits`], whose parts are
//! [`Dataset`]s that read an image when it is asked for:
//!
//! ```
//! use datasets::{Dataset, DatasetSpec, class_counts};
//!
//! let spec: DatasetSpec = toml::from_str("kind = \"shapes\"\ntrain = 80")?;
//! let splits = spec.open(None)?;
//! let sample = splits.train.get(3)?;
//! assert_eq!(sample.image.dimensions(), (32, 32));
//! assert_eq!(splits.classes.get(sample.annotation), Some("star"));
//! assert_eq!(class_counts(&splits.train, &splits.classes)?, [10; 8]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With files, `kind = "auto"` tells from the content of a folder what it is:
//!
//! ```no_run
//! # use datasets::DatasetSpec;
//! let spec: DatasetSpec = toml::from_str("kind = \"auto\"\nvalidation_split = 0.2")?;
//! let splits = spec.open(Some("flowers".as_ref()))?;
//! println!("{} training images of {} classes", splits.train.len(), splits.classes.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A new kind of data is one file with its reader and its settings, one `mod` line, and one line in the list of its
//! task (`specs/`).

pub mod annotations;
mod checks;
pub mod convert;
mod dataset;
mod digest;
mod download;
mod error;
mod fingerprint;
mod folds;
mod in_memory;
mod kind;
pub mod labelled;
mod listing;
pub mod masks;
mod parts;
mod random;
mod specs;
mod split;
mod subset;
pub mod synthetic;

pub use annotations::annotated_files::{
    AnnotatedFiles, AnnotatedFolderSpec, AnnotatedImage, DetectionData, EmptyImages,
};
pub use annotations::annotation_problem::{AnnotationProblem, CLIP_TOLERANCE, ProblemKind};
pub use annotations::coco::dataset::CocoSpec;
pub use annotations::voc::VocSpec;
pub use annotations::yolo::YoloSpec;
pub use annotations::{coco, voc, yolo};
pub use checks::{detection_doctor, detection_stats, doctor, segmentation_doctor, segmentation_stats, stats};
pub use dataset::{ClassificationSamples, Dataset, DetectionSamples, Samples, SegmentationSamples, class_counts};
pub use download::{ArchiveKind, Manifest, PublishedFigure, RemoteFile, UnpackError, WeightsManifest, fetch, unpack};
pub use error::DatasetError;
pub use fingerprint::{Fingerprint, fingerprint};
pub use folds::{Fold, stratified_folds};
pub use in_memory::InMemory;
pub use kind::{DEFAULT_VALIDATION_SPLIT, Keys};
pub use labelled::cifar::{Cifar10Spec, Cifar100Spec};
pub use labelled::file_name_pattern::FileNamePatternSpec;
pub use labelled::idx::{FashionMnistSpec, MnistSpec};
pub use labelled::image_folder::FolderSpec;
pub use labelled::{LabelledFiles, cifar, file_name_pattern, idx, image_folder};
pub use masks::coco::CocoMasksSpec;
pub use masks::folder::MaskFolderSpec;
pub use masks::instances::InstanceMasksSpec;
pub use masks::voc::VocMasksSpec;
pub use masks::{ClassColor, CrowdMask, MaskEncoding, SegmentationData, SegmentationFolderSpec, Unpaired};
pub use specs::{DatasetSpec, DetectionSpec, SegmentationSpec};
pub use split::{Partition, SplitFractions, SplitName, Splits, stratified_partition};
pub use subset::Subset;
pub use synthetic::mask_scenes::MaskScenesSpec;
pub use synthetic::shape_scenes::ScenesSpec;
pub use synthetic::shapes::ShapesSpec;
pub use synthetic::{ShapeKind, shape_scenes, shapes};
