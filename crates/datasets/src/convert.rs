//! Data sets written in another format, with an account of what that format cannot hold.
//!
//! | to | loses |
//! |---|---|
//! | COCO | marks of difficult objects |
//! | Pascal VOC | outlines and masks, areas, numbers of images and classes; boxes of at most one pixel's width or height are left out |
//! | YOLO | outlines and masks, areas, groups of objects ("crowd", left out), numbers of images and classes |
//! | class folders | nothing but the folders' own structure |

mod files;
mod writers;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;

use self::files::{OutputFiles, prepare};
use crate::{Dataset, DatasetError, DetectionData, SplitName, Splits};

/// A format for detection data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DetectionFormat {
    /// `annotations/instances_train.json`, `train/…`
    Coco,
    /// `Annotations/….xml`, `JPEGImages/…`, `ImageSets/Main/train.txt`
    Voc,
    /// `data.yaml`, `images/train/…`, `labels/train/….txt`
    Yolo,
}

impl FromStr for DetectionFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "coco" => Ok(Self::Coco),
            "voc" => Ok(Self::Voc),
            "yolo" => Ok(Self::Yolo),
            _ => Err(format!("unknown format `{name}`; expected coco, voc or yolo")),
        }
    }
}

impl fmt::Display for DetectionFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Coco => "coco",
            Self::Voc => "voc",
            Self::Yolo => "yolo",
        })
    }
}

/// What becomes of the image files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageTransfer {
    /// They are copied, byte by byte.
    #[default]
    Copy,
    /// Symbolic links are made to them.
    Link,
    /// Only annotations are written.
    Leave,
}

impl FromStr for ImageTransfer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "copy" => Ok(Self::Copy),
            "link" => Ok(Self::Link),
            "leave" => Ok(Self::Leave),
            _ => Err(format!("unknown transfer `{name}`; expected copy, link or leave")),
        }
    }
}

/// What was written and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConversionReport {
    /// The folder.
    pub folder: PathBuf,
    /// Number of images written.
    pub images: usize,
    /// Number of objects written; of labels for classification.
    pub objects: usize,
    /// Objects and images that are not there any more.
    pub left_out: Vec<Loss>,
    /// Properties that are not there any more, of objects that are.
    pub lost: Vec<Loss>,
}

/// Something that a format cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// What it is, in the plural.
    pub what: String,
    /// How often it was met.
    pub count: usize,
}

/// Counts of things that a format cannot hold.
#[derive(Debug, Default)]
struct Losses(BTreeMap<&'static str, usize>);

impl Losses {
    fn add(&mut self, what: &'static str, count: usize) {
        if count > 0 {
            *self.0.entry(what).or_insert(0) += count;
        }
    }

    fn into_list(self) -> Vec<Loss> {
        self.0.into_iter().map(|(what, count)| Loss { what: what.to_owned(), count }).collect()
    }
}

/// Writes every split of `data` to `folder`, which must be empty or not exist. Images keep their names, with their
/// folders in front where two have the same; generated ones become PNG. An image that cannot be read is left out.
///
/// # Errors
///
/// [`DatasetError::NotEmpty`], [`DatasetError::Unwritable`], and those of [`Dataset::annotation`].
pub fn convert_detection(
    data: &DetectionData,
    format: DetectionFormat,
    folder: &Path,
    transfer: ImageTransfer,
) -> Result<ConversionReport, DatasetError> {
    prepare(folder)?;
    let mut files = OutputFiles::new(folder, transfer);
    // Pascal VOC keeps the images of all splits in one folder.
    let shared = (format == DetectionFormat::Voc).then(|| PathBuf::from("JPEGImages"));
    let mut splits = Vec::new();
    for (split, samples) in data.splits.iter() {
        let inside = shared.clone().unwrap_or_else(|| match format {
            DetectionFormat::Yolo => Path::new("images").join(split.as_str()),
            _ => PathBuf::from(split.as_str()),
        });
        splits.push((split, files.transfer_all(samples, &inside)?));
    }
    let (mut left_out, mut lost) = (Losses::default(), Losses::default());
    left_out.add("images that cannot be read", files.unreadable());
    if format != DetectionFormat::Voc {
        lost.add("marks of difficult objects", data.difficult);
    }
    let objects = match format {
        DetectionFormat::Coco => writers::coco(folder, data, &splits)?,
        DetectionFormat::Voc => writers::voc(folder, data, &splits, &mut left_out, &mut lost)?,
        DetectionFormat::Yolo => writers::yolo(folder, data, &splits, &mut left_out, &mut lost)?,
    };
    Ok(ConversionReport {
        folder: folder.to_owned(),
        images: splits.iter().map(|(_, images)| images.len()).sum(),
        objects,
        left_out: left_out.into_list(),
        lost: lost.into_list(),
    })
}

/// Writes every split of classification data to `folder` as one folder a class, below `train`, `val` and `test`.
///
/// # Errors
///
/// As [`convert_detection`], and [`DatasetError::InvalidSetting`] where two classes would have one folder.
pub fn convert_classification(
    splits: &Splits,
    folder: &Path,
    transfer: ImageTransfer,
) -> Result<ConversionReport, DatasetError> {
    prepare(folder)?;
    let folders: Vec<String> = splits.classes.iter().map(files::folder_name).collect();
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = folders.iter().find(|name| !seen.insert(name.to_lowercase())) {
        return Err(DatasetError::InvalidSetting {
            key: "classes",
            found: format!("two classes whose folder is `{twice}`"),
            expected: "names that differ in more than case and special characters".to_owned(),
        });
    }
    let mut files = OutputFiles::new(folder, transfer);
    let mut images = 0;
    for (split, samples) in splits.iter() {
        for index in 0..samples.len() {
            let class = samples.annotation(index)?;
            let name = folders.get(class).cloned().unwrap_or_else(|| class.to_string());
            let inside = Path::new(split.as_str()).join(name);
            images += usize::from(files.transfer(samples, index, &inside)?.is_some());
        }
    }
    let mut left_out = Losses::default();
    left_out.add("images that cannot be read", files.unreadable());
    Ok(ConversionReport {
        folder: folder.to_owned(),
        images,
        objects: images,
        left_out: left_out.into_list(),
        lost: Vec::new(),
    })
}

/// The images of each split that were written.
type WrittenSplits = [(SplitName, Vec<files::WrittenImage>)];
