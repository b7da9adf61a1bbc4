//! A folder of images and a folder of masks, whose files belong together by their names.
//!
//! ```text
//! root/images/a.jpg      or  root/train/images/a.jpg   or  root/images/train/a.jpg
//! root/masks/a.png           root/train/masks/a.png        root/masks/train/a.png
//!                            root/val/images/b.jpg …       root/images/val/b.jpg …
//! ```

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::data::unpaired;
use super::{
    ClassColor, EncodingSettings, MaskEncoding, MaskFiles, MaskPair, SegmentationData, SegmentationFolderSpec,
    Unpaired, settle,
};
use crate::annotations::annotated_files::{relative, stem};
use crate::annotations::annotation_problem::{AnnotationProblem, ProblemKind};
use crate::kind::{DataKind, FileSettings, data_settings};
use crate::listing::{Listing, file_name};
use crate::parts::Parts;
use crate::split::SplitFractions;
use crate::{DatasetError, SplitName};

data_settings! {
    /// Settings of `folder`.
    pub struct MaskFolderSpec from files {
        /// Folder of the images, in the path or in the folders of splits; by default `images` or another usual name.
        pub images: Option<PathBuf> = None, omit "Option::is_none";
        /// Folder of the masks; by default `masks` or another usual name.
        pub masks: Option<PathBuf> = None, omit "Option::is_none";
        /// What the file name of a mask has behind that of its image, before the extension.
        pub mask_suffix: String = String::new(), omit "String::is_empty";
        /// What becomes of images without masks and masks without images: `error` or `skip`.
        pub unpaired: Unpaired = Unpaired::Error;
        /// How masks name classes: `auto`, `index`, `binary` or `colors`.
        pub encoding: MaskEncoding = MaskEncoding::Auto;
        /// Names of the classes, in the order of their numbers; by default the numbers or colours, or `background` and
        /// `foreground`.
        pub classes: Option<Vec<String>> = None, omit "Option::is_none";
        /// The level or palette position of each class; by default its number.
        pub values: Option<Vec<u16>> = None, omit "Option::is_none";
        /// The colour of each class.
        pub colors: Option<Vec<ClassColor>> = None, omit "Option::is_none";
        /// The level or palette position of pixels to ignore; by default 255 where that is no class.
        pub ignore_index: Option<u16> = None, omit "Option::is_none";
        /// The colour of pixels to ignore; by default none.
        pub ignore_color: Option<[u8; 3]> = None, omit "Option::is_none";
    } with validation_split, test_split
}

impl DataKind for MaskFolderSpec {
    type Data = SegmentationData;
    type Auto = SegmentationFolderSpec;
    const LOOKS_LIKE: &'static str = LOOKED_FOR;

    fn open(&self, root: &Path) -> Result<SegmentationData, DatasetError> {
        let names = FolderNames {
            images: self.images.as_deref(),
            masks: self.masks.as_deref(),
            mask_suffix: &self.mask_suffix,
        };
        let encoding = EncodingSettings {
            encoding: self.encoding,
            classes: self.classes.as_deref(),
            values: self.values.as_deref(),
            colors: self.colors.as_deref(),
            ignore_index: self.ignore_index,
            ignore_color: self.ignore_color,
        };
        Ok(SegmentationData { unpaired: self.unpaired, ..open(root, names, encoding, self.fractions())? })
    }

    fn recognise(place: &Path, auto: &SegmentationFolderSpec) -> Result<Option<Self>, DatasetError> {
        Ok((place.is_dir() && recognise(place)?).then(|| Self::at(place, auto.fractions())))
    }
}

/// Usual names of the folder with the images, in lower case, in the order in which they are looked for.
const IMAGE_FOLDERS: [&str; 8] = ["images", "image", "imgs", "img", "jpegimages", "pictures", "inputs", "input"];
/// Usual names of the folder with the masks, likewise.
const MASK_FOLDERS: [&str; 12] = [
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "segmentations",
    "segmentation",
    "segmentationclass",
    "groundtruth",
    "gt",
    "targets",
    "target",
];

/// What was looked for, for messages.
const LOOKED_FOR: &str = "a folder `images` beside a folder `masks` (or their usual other names), also inside \
                                     `train`, `val` and `test` or with these inside";

/// Where files lie and how masks are named.
#[derive(Debug, Clone, Copy, Default)]
struct FolderNames<'a> {
    /// The folder of images, below the root or below the folder of each split.
    images: Option<&'a Path>,
    /// The folder of masks.
    masks: Option<&'a Path>,
    /// What the name of a mask has behind that of its image.
    mask_suffix: &'a str,
}

/// The folders of images and masks of one split.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Folders {
    images: PathBuf,
    masks: PathBuf,
}

/// The folders of train, validation and test.
#[derive(Debug, Default, PartialEq, Eq)]
struct Layout {
    parts: [Option<Folders>; 3],
    /// Folders of images of a split without masks.
    without_masks: Vec<PathBuf>,
}

/// Whether images and masks lie in `root` as this reader wants them.
fn recognise(root: &Path) -> Result<bool, DatasetError> {
    let Some(layout) = find(root, FolderNames::default())? else { return Ok(false) };
    let Some(train) = &layout.parts[SplitName::Train as usize] else { return Ok(false) };
    Ok(!Listing::of(&train.images)?.images.is_empty() && !Listing::of(&train.masks)?.images.is_empty())
}

/// The two folders directly below `folder`.
fn pair_in(folder: &Path, names: FolderNames<'_>) -> Result<(Option<PathBuf>, Option<PathBuf>), DatasetError> {
    let listing = Listing::of(folder)?;
    let find = |configured: Option<&Path>, usual: &[&str]| match configured {
        Some(name) => Some(folder.join(name)).filter(|path| path.is_dir()),
        None => usual
            .iter()
            .find_map(|name| listing.folders.iter().find(|path| file_name(path).eq_ignore_ascii_case(name)).cloned()),
    };
    Ok((find(names.images, &IMAGE_FOLDERS), find(names.masks, &MASK_FOLDERS)))
}

/// The folder of each split below `folder`, where there are any.
fn split_folders(folder: &Path) -> Result<[Option<PathBuf>; 3], DatasetError> {
    let mut found: [Option<PathBuf>; 3] = [None, None, None];
    for path in Listing::of(folder)?.folders {
        let Some(split) = SplitName::from_folder_name(&file_name(&path)) else { continue };
        if let Some(first) = found[split as usize].replace(path.clone()) {
            return Err(DatasetError::AmbiguousSplit { split, first, second: path });
        }
    }
    Ok(found)
}

fn find(root: &Path, names: FolderNames<'_>) -> Result<Option<Layout>, DatasetError> {
    let mut layout = Layout::default();
    if let (Some(images), Some(masks)) = pair_in(root, names)? {
        let (image_splits, mask_splits) = (split_folders(&images)?, split_folders(&masks)?);
        if image_splits[SplitName::Train as usize].is_none() {
            layout.parts[SplitName::Train as usize] = Some(Folders { images, masks });
            return Ok(Some(layout));
        }
        for (split, (images, found)) in SplitName::ALL.into_iter().zip(image_splits.into_iter().zip(mask_splits)) {
            let Some(images) = images else { continue };
            layout.add(split, images, found, || masks.join(split.as_str()))?;
        }
        return Ok(Some(layout));
    }
    for (split, folder) in SplitName::ALL.into_iter().zip(split_folders(root)?) {
        let Some(folder) = folder else { continue };
        let (images, masks) = pair_in(&folder, names)?;
        let Some(images) = images else { continue };
        layout.add(split, images, masks, || folder.join(names.masks.unwrap_or(Path::new(MASK_FOLDERS[0]))))?;
    }
    Ok(layout.parts[SplitName::Train as usize].is_some().then_some(layout))
}

impl Layout {
    /// Adds a split. Test images without masks are for predictions alone; in other splits masks must be there.
    fn add(
        &mut self,
        split: SplitName,
        images: PathBuf,
        masks: Option<PathBuf>,
        expected: impl Fn() -> PathBuf,
    ) -> Result<(), DatasetError> {
        match (masks, split) {
            (Some(masks), _) => self.parts[split as usize] = Some(Folders { images, masks }),
            (None, SplitName::Test) => self.without_masks.push(images),
            (None, _) => {
                let missing = std::io::ErrorKind::NotFound.into();
                return Err(DatasetError::from_io(&expected(), missing));
            }
        }
        Ok(())
    }
}

/// Opens the images and masks below `root`. Files are listed; masks are read only as far as the encoding needs it.
///
/// # Errors
///
/// A missing or unreadable folder, [`DatasetError::NotRecognised`], [`DatasetError::NoImages`],
/// [`DatasetError::Unpaired`] where no training image has a mask, and the errors of encodings and of splitting.
fn open(
    root: &Path,
    names: FolderNames<'_>,
    encoding: EncodingSettings<'_>,
    fractions: SplitFractions,
) -> Result<SegmentationData, DatasetError> {
    fractions.check()?;
    let Some(layout) = find(root, names)? else {
        return Err(not_recognised(root, names)?);
    };
    let (mut problems, mut ignored_files) = (Vec::new(), 0);
    for folder in &layout.without_masks {
        let listing = Listing::of(folder)?;
        ignored_files += listing.images.len() + listing.ignored();
    }
    let mut parts: [Option<Vec<MaskPair>>; 3] = [None, None, None];
    for (part, folders) in parts.iter_mut().zip(layout.parts) {
        let Some(folders) = folders else { continue };
        *part = Some(pairs(root, &folders, names.mask_suffix, &mut problems, &mut ignored_files)?);
    }
    let [Some(train), validation, test] = parts else { unreachable!("a layout has training data") };
    // Names that never match are the reason, not that nothing is left.
    if let (true, Some(error)) = (train.is_empty(), unpaired(&problems)) {
        return Err(error);
    }
    let masks: Vec<PathBuf> = [Some(&train), validation.as_ref(), test.as_ref()]
        .into_iter()
        .flatten()
        .flatten()
        .map(|pair| root.join(&pair.mask))
        .collect();
    let (code, classes) = settle(encoding, &masks)?;
    let files = |pairs| MaskFiles::new(root, pairs, code.clone());
    let parts = Parts { train: files(train), validation: validation.map(files), test: test.map(files), ignored_files };
    Ok(SegmentationData { splits: parts.into_splits(classes, fractions)?, problems, unpaired: Unpaired::Error })
}

/// Says what is missing: a configured folder by its path, otherwise what was looked for.
fn not_recognised(root: &Path, names: FolderNames<'_>) -> Result<DatasetError, DatasetError> {
    let listing = Listing::of(root)?;
    let (images, masks) = pair_in(root, names)?;
    for (configured, found) in [(names.images, images), (names.masks, masks)] {
        if let (Some(name), None) = (configured, found)
            && split_folders(root)?.iter().all(Option::is_none)
        {
            return Ok(DatasetError::from_io(&root.join(name), std::io::ErrorKind::NotFound.into()));
        }
    }
    Ok(DatasetError::NotRecognised {
        path: root.to_owned(),
        found: listing.describe(),
        looked_for: LOOKED_FOR.to_owned(),
    })
}

/// The images of one split with their masks; those that lack the other half become problems.
fn pairs(
    root: &Path,
    folders: &Folders,
    mask_suffix: &str,
    problems: &mut Vec<AnnotationProblem>,
    ignored_files: &mut usize,
) -> Result<Vec<MaskPair>, DatasetError> {
    let listing = Listing::of(&folders.images)?;
    *ignored_files += listing.ignored();
    // In one folder, the suffix alone tells a mask from an image.
    let together = folders.images == folders.masks;
    let is_mask = |path: &PathBuf| together && !mask_suffix.is_empty() && stem(path).ends_with(mask_suffix);
    let (masks, images): (Vec<PathBuf>, Vec<PathBuf>) = listing.images.into_iter().partition(is_mask);
    let masks = if together {
        masks
    } else {
        let listing = Listing::of(&folders.masks)?;
        *ignored_files += listing.ignored();
        listing.images
    };
    if images.is_empty() {
        return Err(DatasetError::NoImages {
            path: folders.images.clone(),
            ignored: *ignored_files,
            expected: LOOKED_FOR,
        });
    }
    let mut by_stem: HashMap<String, &PathBuf> = HashMap::with_capacity(masks.len());
    // The first of several masks with one name wins.
    for mask in masks.iter().rev() {
        by_stem.insert(stem(mask), mask);
    }
    let mut taken = HashSet::with_capacity(masks.len());
    let mut pairs = Vec::with_capacity(images.len());
    for image in &images {
        let name = format!("{}{mask_suffix}", stem(image));
        match by_stem.get(&name) {
            Some(mask) => {
                taken.insert(*mask);
                pairs.push(MaskPair { image: relative(image, root), mask: relative(mask, root) });
            }
            None => {
                let detail =
                    format!("image without a mask; expected {}", folders.masks.join(format!("{name}.png")).display());
                problems.push(AnnotationProblem::of_file(ProblemKind::ImageWithoutAnnotation, image, detail));
            }
        }
    }
    for mask in masks.iter().filter(|mask| !taken.contains(mask)) {
        let name = stem(mask);
        let name = name.strip_suffix(mask_suffix).unwrap_or(&name);
        let detail = format!("mask without an image; expected `{name}.*` in {}", folders.images.display());
        problems.push(AnnotationProblem::of_file(ProblemKind::AnnotationWithoutImage, mask, detail));
    }
    Ok(pairs)
}
