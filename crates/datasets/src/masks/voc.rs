//! The masks of Pascal VOC.
//!
//! ```text
//! root/ImageSets/Segmentation/train.txt, val.txt, test.txt, trainval.txt   names without extension, one a line
//! root/JPEGImages/2007_000032.jpg
//! root/SegmentationClass/2007_000032.png     palette positions are class numbers, 255 the "void" around objects
//! ```

use std::collections::HashSet;
use std::path::Path;

use vision_types::{ClassNames, did_you_mean, nearest_name};

use super::{MaskCode, MaskFiles, MaskPair, SegmentationData, SegmentationFolderSpec, Unpaired};
use crate::DatasetError;
use crate::annotations::annotated_files::{ImageIndex, read_text, relative, stem};
use crate::annotations::annotation_problem::{AnnotationProblem, ProblemKind};
use crate::kind::{DataKind, FileSettings, data_settings};
use crate::listing::Listing;
use crate::parts::Parts;
use crate::split::SplitFractions;

data_settings! {
    /// Settings of `voc`; the path is the folder with `JPEGImages` and `SegmentationClass`.
    pub struct VocMasksSpec from files {
        /// Names of the classes, in the order of their numbers; by default the 21 published ones.
        pub classes: Option<Vec<String>> = None, omit "Option::is_none";
    } with validation_split, test_split
}

impl DataKind for VocMasksSpec {
    type Data = SegmentationData;
    type Auto = SegmentationFolderSpec;
    const LOOKS_LIKE: &'static str = LOOKED_FOR;

    fn open(&self, root: &Path) -> Result<SegmentationData, DatasetError> {
        open(root, self.classes.as_deref(), self.fractions())
    }

    fn recognise(place: &Path, auto: &SegmentationFolderSpec) -> Result<Option<Self>, DatasetError> {
        Ok(recognise(place).then(|| Self::at(place, auto.fractions())))
    }
}

/// Names of the published classes, in the order of their numbers.
pub const VOC_CLASSES: [&str; 21] = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// The folder with the images.
const IMAGES: &str = "JPEGImages";
/// The folder with the masks.
const MASKS: &str = "SegmentationClass";
/// The folder with the lists of names.
const LISTS: [&str; 2] = ["ImageSets", "Segmentation"];

/// What was looked for, for messages.
const LOOKED_FOR: &str = "folders `JPEGImages` and `SegmentationClass` (Pascal VOC)";

/// Whether masks of Pascal VOC lie in `root`.
fn recognise(root: &Path) -> bool {
    root.join(IMAGES).is_dir() && root.join(MASKS).is_dir()
}

/// Opens the masks of Pascal VOC below `root`. Files are only listed.
///
/// Splits are those of `train.txt`, `val.txt` and `test.txt` (without `train.txt`: what `trainval.txt` has and
/// `val.txt` has not); without lists, all masks are for training. A split that is missing is set aside from training
/// data. Masks that no list names and images without masks that no list names are passed over, as the published data
/// have them.
///
/// # Errors
///
/// [`DatasetError::NotRecognised`], [`DatasetError::Annotation`] for a list that names no file, and the errors of
/// splitting.
fn open(root: &Path, classes: Option<&[String]>, fractions: SplitFractions) -> Result<SegmentationData, DatasetError> {
    fractions.check()?;
    if !recognise(root) {
        let found = Listing::of(root)?.describe();
        return Err(DatasetError::NotRecognised { path: root.to_owned(), found, looked_for: LOOKED_FOR.to_owned() });
    }
    let classes = match classes {
        Some(names) => ClassNames::new(names.iter().cloned()),
        None => ClassNames::new(VOC_CLASSES),
    };
    if !(1..=super::MOST_CLASSES).contains(&classes.len()) {
        return Err(DatasetError::InvalidSetting {
            key: "classes",
            found: format!("{} names", classes.len()),
            expected: format!("1 to {}", super::MOST_CLASSES),
        });
    }
    let folder =
        VocFolder { root, images: ImageIndex::of(&root.join(IMAGES))?, masks: ImageIndex::of(&root.join(MASKS))? };
    let lists = LISTS.iter().fold(root.to_owned(), |folder, part| folder.join(part));
    let list = |name: &str| Some(lists.join(name)).filter(|path| path.is_file());
    let mut problems = Vec::new();
    let validation = list("val.txt").map(|path| folder.listed(&path)).transpose()?;
    let test = match list("test.txt") {
        // The masks of published test images are withheld.
        Some(path) => Some(folder.listed_with_masks(&path)?).filter(|pairs| !pairs.is_empty()),
        None => None,
    };
    let train = match (list("train.txt"), list("trainval.txt")) {
        (Some(path), _) | (None, Some(path)) => {
            let taken: HashSet<&MaskPair> = validation.iter().flatten().collect();
            folder.listed(&path)?.into_iter().filter(|pair| !taken.contains(pair)).collect()
        }
        (None, None) => {
            let taken: HashSet<&MaskPair> = validation.iter().chain(&test).flatten().collect();
            let all = folder.all(&mut problems);
            all.into_iter().filter(|pair| !taken.contains(pair)).collect()
        }
    };
    let code = MaskCode::plain(classes.len());
    let files = |pairs: Vec<MaskPair>| MaskFiles::new(root, pairs, code.clone());
    let parts =
        Parts { train: files(train), validation: validation.map(files), test: test.map(files), ignored_files: 0 };
    Ok(SegmentationData { splits: parts.into_splits(classes, fractions)?, problems, unpaired: Unpaired::Error })
}

struct VocFolder<'a> {
    root: &'a Path,
    images: ImageIndex,
    masks: ImageIndex,
}

impl VocFolder<'_> {
    fn pair(&self, image: &Path, mask: &Path) -> MaskPair {
        MaskPair { image: relative(image, self.root), mask: relative(mask, self.root) }
    }

    /// The pairs that a list names.
    fn listed(&self, list: &Path) -> Result<Vec<MaskPair>, DatasetError> {
        let mut pairs = Vec::new();
        for (line, name) in names(&read_text(list)?) {
            let image = self.existing(&self.images, name, list, line)?;
            let mask = self.existing(&self.masks, name, list, line)?;
            pairs.push(self.pair(image, mask));
        }
        Ok(pairs)
    }

    /// The pairs that a list names, without images that have no mask.
    fn listed_with_masks(&self, list: &Path) -> Result<Vec<MaskPair>, DatasetError> {
        let mut pairs = Vec::new();
        for (line, name) in names(&read_text(list)?) {
            if let Some(mask) = self.masks.with_stem(name) {
                pairs.push(self.pair(self.existing(&self.images, name, list, line)?, mask));
            }
        }
        Ok(pairs)
    }

    fn existing<'a>(
        &self,
        files: &'a ImageIndex,
        name: &str,
        list: &Path,
        line: usize,
    ) -> Result<&'a Path, DatasetError> {
        files.with_stem(name).ok_or_else(|| {
            let stems: Vec<String> = files.images().into_iter().map(stem).collect();
            let hint = nearest_name(name, stems.iter().map(String::as_str));
            DatasetError::Annotation {
                path: list.to_owned(),
                place: format!(":{line}"),
                found: format!("`{name}`"),
                expected: format!(
                    "the name of a file in {}{}",
                    files.folder().display(),
                    did_you_mean(hint.as_deref())
                ),
            }
        })
    }

    /// Every mask with its image; masks without one become problems.
    fn all(&self, problems: &mut Vec<AnnotationProblem>) -> Vec<MaskPair> {
        let mut pairs = Vec::new();
        for mask in self.masks.images() {
            match self.images.with_stem(&stem(mask)) {
                Some(image) => pairs.push(self.pair(image, mask)),
                None => {
                    let expected = self.images.folder().join(format!("{}.jpg", stem(mask)));
                    let detail = format!("mask without an image; expected {}", expected.display());
                    problems.push(AnnotationProblem::of_file(ProblemKind::AnnotationWithoutImage, mask, detail));
                }
            }
        }
        pairs
    }
}

/// The first word of each line that has one, with the number of the line.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter_map(|(line, text)| Some((line, text.split_whitespace().next()?)))
}
