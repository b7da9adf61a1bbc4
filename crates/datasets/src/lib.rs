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
//! A new data set is one file with a type that implements [`Dataset`], one `mod` line here and one variant of
//! [`DatasetSpec`].

mod annotated_files;
mod annotation_problem;
pub mod cifar;
pub mod coco;
pub mod convert;
mod dataset;
mod detect;
pub mod detection_doctor;
mod detection_spec;
pub mod detection_stats;
pub mod doctor;
mod error;
pub mod fetch;
pub mod file_name_pattern;
mod fingerprint;
mod folds;
mod generated;
pub mod idx;
pub mod image_folder;
mod in_memory;
mod labelled_arrays;
mod labelled_files;
mod listing;
mod manifest;
pub mod masks;
mod random;
pub mod segmentation_doctor;
mod segmentation_spec;
pub mod segmentation_stats;
mod shape_outline;
pub mod shape_scenes;
pub mod shapes;
mod spec;
mod split;
pub mod stats;
mod subset;
mod unpack;
pub mod voc;
mod weights_manifest;
pub mod yolo;

pub use annotated_files::{AnnotatedFiles, AnnotatedImage, DetectionData, EmptyImages};
pub use annotation_problem::{AnnotationProblem, CLIP_TOLERANCE, ProblemKind};
pub use dataset::{ClassificationSamples, Dataset, DetectionSamples, Samples, SegmentationSamples, class_counts};
pub use detect::{detect, detect_annotated, detect_masks};
pub use detection_spec::{AnnotatedFolderSpec, CocoSpec, DetectionSpec, ScenesSpec, VocSpec, YoloSpec};
pub use error::DatasetError;
pub use fingerprint::{Fingerprint, fingerprint};
pub use folds::{Fold, stratified_folds};
pub use in_memory::InMemory;
pub use labelled_files::LabelledFiles;
pub use manifest::{ArchiveKind, Manifest, RemoteFile};
pub use masks::{ClassColor, CrowdMask, MaskEncoding, SegmentationData};
pub use segmentation_spec::{
    CocoMasksSpec, InstanceMasksSpec, MaskFolderSpec, MaskScenesSpec, SegmentationFolderSpec, SegmentationSpec,
    Unpaired, VocMasksSpec,
};
pub use shape_outline::ShapeKind;
pub use spec::{
    Cifar10Spec, Cifar100Spec, DEFAULT_VALIDATION_SPLIT, DatasetSpec, FileNamePatternSpec, FolderSpec, MnistSpec,
    ShapesSpec,
};
pub use split::{Partition, SplitFractions, SplitName, Splits, stratified_partition};
pub use subset::Subset;
pub use unpack::{UnpackError, unpack};
pub use weights_manifest::{PublishedFigure, WeightsManifest};
