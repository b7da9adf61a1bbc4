//! One folder for each image, with one mask file for each object (the layout of the 2018 Data Science Bowl).
//!
//! ```text
//! root/stage1_train/00ae…/images/00ae….png     the image
//! root/stage1_train/00ae…/masks/07a9….png      an object: every pixel that is not 0
//! root/stage1_train/00ae…/masks/0e54….png …    another
//! ```
//!
//! The folders may also lie in `root` itself, or in `train`, `val` and `test`; of other folders the split is told by a
//! word in their name.

use std::path::{Path, PathBuf};

use pictures::{StoredMask, image_file};
use rayon::prelude::*;
use vision_types::{ClassNames, Instance, Mask, Rle, Sample, Segmentation};

use super::data::unpaired;
use super::files::check_size;
use super::{SegmentationData, SegmentationFolderSpec, Unpaired};
use crate::annotations::annotated_files::{AnnotatedImage, DetectionData, EmptyImages, relative};
use crate::annotations::annotation_problem::{AnnotationProblem, ProblemKind};
use crate::dataset::{check_index, key_of};
use crate::error::require_in;
use crate::kind::{DataKind, FileSettings, data_settings};
use crate::listing::{Listing, file_name};
use crate::parts::Parts;
use crate::split::SplitFractions;
use crate::{Dataset, DatasetError, SplitName};

/// What was looked for, for messages.
const LOOKED_FOR: &str = "folders with an image in `images` and one file for each object in `masks`";

/// Largest `border`: more than this lies between objects that do not touch.
const MOST_BORDER: u32 = 255;

data_settings! {
    /// Settings of `instances`.
    pub struct InstanceMasksSpec from files {
        /// Folder of the image, in the folder of each image.
        pub images: PathBuf = PathBuf::from("images");
        /// Folder of the masks of its objects, in the folder of each image.
        pub masks: PathBuf = PathBuf::from("masks");
        /// What becomes of images without a folder of masks: `error` or `skip`.
        pub unpaired: Unpaired = Unpaired::Error;
        /// Names of background and foreground, and of the border where there is one; by default these words.
        pub classes: Option<Vec<String>> = None, omit "Option::is_none";
        /// Pixels with two or more objects at most so many columns and rows away are a third class; 0 for none.
        pub border: u32 = 0;
    } with validation_split, test_split
}

impl DataKind for InstanceMasksSpec {
    type Data = SegmentationData;
    type Auto = SegmentationFolderSpec;
    const LOOKS_LIKE: &'static str = LOOKED_FOR;

    fn open(&self, root: &Path) -> Result<SegmentationData, DatasetError> {
        require_in("border", self.border, 0..=MOST_BORDER, " pixels")?;
        let classes = ClassNames::new(self.class_names()?);
        let data = open(root, self.names(), classes, self.border, self.fractions())?;
        Ok(SegmentationData { unpaired: self.unpaired, ..data })
    }

    fn recognise(place: &Path, auto: &SegmentationFolderSpec) -> Result<Option<Self>, DatasetError> {
        Ok((place.is_dir() && recognise(place)?).then(|| Self::at(place, auto.fractions())))
    }
}

impl InstanceMasksSpec {
    fn names(&self) -> InstanceNames<'_> {
        InstanceNames { images: &self.images, masks: &self.masks }
    }

    /// The names of the classes, one more where there is a border.
    fn class_names(&self) -> Result<Vec<String>, DatasetError> {
        let expected = if self.border > 0 { 3 } else { 2 };
        match &self.classes {
            None => {
                Ok(["background", "foreground", "border"][..expected].iter().map(|&name| name.to_owned()).collect())
            }
            Some(names) if names.len() == expected => Ok(names.clone()),
            Some(names) => Err(DatasetError::InvalidSetting {
                key: "classes",
                found: format!("{} names", names.len()),
                expected: format!("{expected}: of background, foreground and, with a `border`, border"),
            }),
        }
    }

    /// The same data as objects with their pixels, each of the class of the foreground, for detection and for
    /// conversion. Every mask file is opened.
    ///
    /// # Errors
    ///
    /// Those of opening, and the first mask that cannot be read.
    pub fn read_objects(&self, root: Option<&Path>) -> Result<DetectionData, DatasetError> {
        let path = root.or(self.path.as_deref()).ok_or(DatasetError::PathRequired { kind: "instances" })?;
        read_objects(path, self.names(), &self.class_names()?[1], self.fractions())
    }
}

/// The class number of foreground pixels.
const FOREGROUND: u8 = 1;
/// The class number of pixels between objects that touch.
const BORDER: u8 = 2;

/// Names of the two folders in the folder of an image.
#[derive(Debug, Clone, Copy)]
struct InstanceNames<'a> {
    images: &'a Path,
    masks: &'a Path,
}

/// An image file and the files of its objects, relative to the root of the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
struct InstanceFiles {
    image: PathBuf,
    masks: Vec<PathBuf>,
}

/// Images with one mask file for each object, as masks of background (0), foreground (1) and, where asked for, borders
/// between objects (2). Files are read when they are asked for.
#[derive(Debug, Clone)]
pub struct InstanceMasks {
    root: PathBuf,
    items: Vec<InstanceFiles>,
    border: u32,
}

/// The pixels of one object.
struct Object {
    path: PathBuf,
    size: (u32, u32),
    inside: Vec<bool>,
}

impl Object {
    fn read(path: PathBuf) -> Result<Self, DatasetError> {
        let stored = StoredMask::read(&path)?;
        let inside = match stored.values() {
            Some(values) => values.iter().map(|&value| value > 0).collect(),
            None => stored.colours().iter().map(|colour| colour != &[0; 3]).collect(),
        };
        Ok(Self { path, size: (stored.width, stored.height), inside })
    }

    /// First and last column and row of its pixels, `None` where there are none.
    fn bounds(&self) -> Option<[usize; 4]> {
        let width = self.size.0 as usize;
        let mut bounds: Option<[usize; 4]> = None;
        for (place, _) in self.inside.iter().enumerate().filter(|(_, inside)| **inside) {
            let (x, y) = (place % width, place / width);
            let [left, top, right, bottom] = bounds.unwrap_or([x, y, x, y]);
            bounds = Some([left.min(x), top.min(y), right.max(x), bottom.max(y)]);
        }
        bounds
    }

    /// Adds 1 to every pixel with a pixel of the object at most `reach` columns and rows away.
    fn count_near(&self, reach: usize, counts: &mut [u8]) {
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        let Some([left, top, right, bottom]) = self.bounds() else { return };
        let columns = left.saturating_sub(reach)..(right + reach + 1).min(width);
        // Along rows first, then along columns: the square is the product of the two.
        let across = |x: usize, y: usize| {
            self.inside[y * width + x.saturating_sub(reach)..y * width + (x + reach + 1).min(width)].contains(&true)
        };
        let spread: Vec<Vec<bool>> = (top..=bottom).map(|y| columns.clone().map(|x| across(x, y)).collect()).collect();
        for y in top.saturating_sub(reach)..(bottom + reach + 1).min(height) {
            let rows = y.saturating_sub(reach).max(top)..=(y + reach).min(bottom);
            for (position, x) in columns.clone().enumerate() {
                if rows.clone().any(|row| spread[row - top][position]) {
                    let count = &mut counts[y * width + x];
                    *count = count.saturating_add(1);
                }
            }
        }
    }
}

impl InstanceMasks {
    fn image_path(&self, index: usize) -> PathBuf {
        self.root.join(&self.items[index].image)
    }

    /// The objects of sample `index`, all of one size.
    fn objects(&self, index: usize) -> Result<Vec<Object>, DatasetError> {
        let mut objects: Vec<Object> = Vec::with_capacity(self.items[index].masks.len());
        for file in &self.items[index].masks {
            let object = Object::read(self.root.join(file))?;
            if let Some(first) = objects.first().filter(|first| first.size != object.size) {
                let ((width, height), (first_width, first_height)) = (object.size, first.size);
                let detail = format!(
                    "a mask of {width}×{height} pixels, expected {first_width}×{first_height} as {}",
                    first.path.display()
                );
                return Err(DatasetError::Format { path: object.path, detail });
            }
            objects.push(object);
        }
        Ok(objects)
    }

    /// The mask of the objects, in an image of `size`.
    fn paint(&self, objects: &[Object], size: (u32, u32)) -> Mask {
        let mut mask = Mask::filled(size.0, size.1, 0);
        for object in objects {
            for (pixel, _) in mask.pixels_mut().iter_mut().zip(&object.inside).filter(|(_, inside)| **inside) {
                *pixel = FOREGROUND;
            }
        }
        if self.border > 0 {
            let mut near = vec![0; mask.pixels().len()];
            for object in objects {
                object.count_near(self.border as usize, &mut near);
            }
            for (pixel, _) in mask.pixels_mut().iter_mut().zip(&near).filter(|(_, near)| **near > 1) {
                *pixel = BORDER;
            }
        }
        mask
    }
}

impl Dataset for InstanceMasks {
    type Annotation = Mask;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn get(&self, index: usize) -> Result<Sample<Mask>, DatasetError> {
        check_index(index, self.len())?;
        let path = self.image_path(index);
        let image = image_file::read(&path)?;
        let objects = self.objects(index)?;
        if let Some(first) = objects.first() {
            check_size(&image, &path, first.size, &first.path)?;
        }
        let annotation = self.paint(&objects, image.dimensions());
        Ok(Sample { image, annotation, source: path.display().to_string() })
    }

    fn annotation(&self, index: usize) -> Result<Mask, DatasetError> {
        check_index(index, self.len())?;
        let objects = self.objects(index)?;
        let size = match objects.first() {
            Some(first) => first.size,
            None => image_file::dimensions(&self.image_path(index))?,
        };
        Ok(self.paint(&objects, size))
    }

    fn source(&self, index: usize) -> String {
        self.image_path(index).display().to_string()
    }

    fn key(&self, index: usize) -> String {
        key_of(&self.items[index].image)
    }

    fn annotation_files(&self, index: usize) -> Vec<PathBuf> {
        self.items[index].masks.iter().map(|mask| self.root.join(mask)).collect()
    }

    fn file(&self, index: usize) -> Option<PathBuf> {
        Some(self.image_path(index))
    }
}

/// Whether a folder of an image with its objects lies directly in `folder`.
fn holds_items(folder: &Path, names: InstanceNames<'_>) -> Result<bool, DatasetError> {
    for path in Listing::of(folder)?.folders {
        let images = path.join(names.images);
        // Folders with many images have one mask for each, not one for each object.
        if path.join(names.masks).is_dir() && images.is_dir() && Listing::of(&images)?.images.len() == 1 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folders whose folders are those of images: of train, validation and test.
fn find(root: &Path, names: InstanceNames<'_>) -> Result<Option<[Option<PathBuf>; 3]>, DatasetError> {
    if holds_items(root, names)? {
        return Ok(Some([Some(root.to_owned()), None, None]));
    }
    let mut found: [Option<PathBuf>; 3] = [None, None, None];
    let mut unnamed = Vec::new();
    for folder in Listing::of(root)?.folders {
        if !holds_items(&folder, names)? {
            continue;
        }
        let Some(split) = SplitName::in_words(&file_name(&folder)) else {
            unnamed.push(folder);
            continue;
        };
        if let Some(first) = found[split as usize].replace(folder.clone()) {
            return Err(DatasetError::AmbiguousSplit { split, first, second: folder });
        }
    }
    let train = &mut found[SplitName::Train as usize];
    if let ([only], None) = (unnamed.as_slice(), &train) {
        *train = Some(only.clone());
    }
    Ok(train.is_some().then_some(found))
}

/// Whether images with one mask file for each object lie in `root`.
fn recognise(root: &Path) -> Result<bool, DatasetError> {
    let names = InstanceNames { images: Path::new("images"), masks: Path::new("masks") };
    Ok(find(root, names)?.is_some())
}

/// The images of each split, with the files of their objects.
struct Found {
    parts: [Option<Vec<InstanceFiles>>; 3],
    problems: Vec<AnnotationProblem>,
    ignored_files: usize,
}

fn list(root: &Path, names: InstanceNames<'_>) -> Result<Found, DatasetError> {
    let Some(folders) = find(root, names)? else {
        let found = Listing::of(root)?.describe();
        return Err(DatasetError::NotRecognised { path: root.to_owned(), found, looked_for: LOOKED_FOR.to_owned() });
    };
    let mut found = Found { parts: [None, None, None], problems: Vec::new(), ignored_files: 0 };
    for (part, folder) in folders.into_iter().enumerate() {
        let Some(folder) = folder else { continue };
        let listing = Listing::of(&folder)?;
        let mut ignored = listing.images.len() + listing.ignored();
        let mut items = Vec::with_capacity(listing.folders.len());
        for folder in listing.folders.iter().filter(|folder| folder.join(names.images).is_dir()) {
            let images = Listing::of(&folder.join(names.images))?;
            ignored += images.ignored();
            let [image] = images.images.as_slice() else {
                return Err(DatasetError::Format {
                    path: folder.join(names.images),
                    detail: format!("{} images, expected one", images.images.len()),
                });
            };
            let masks = folder.join(names.masks);
            if !masks.is_dir() {
                let detail = format!("image without masks; expected the folder {}", masks.display());
                found.problems.push(AnnotationProblem::of_file(ProblemKind::ImageWithoutAnnotation, image, detail));
                continue;
            }
            let masks = Listing::of(&masks)?;
            ignored += masks.ignored();
            items.push(InstanceFiles {
                image: relative(image, root),
                masks: masks.images.iter().map(|mask| relative(mask, root)).collect(),
            });
        }
        found.parts[part] = Some(items);
        found.ignored_files += ignored;
    }
    Ok(found)
}

/// Opens images with one mask file for each object below `root`, as masks of foreground; files are only listed. With
/// `border` above 0, pixels with two or more objects at most so many columns and rows away are a class of their own.
///
/// # Errors
///
/// A missing or unreadable folder, [`DatasetError::NotRecognised`], [`DatasetError::Format`] for an image folder that
/// has not exactly one image, and the errors of splitting.
fn open(
    root: &Path,
    names: InstanceNames<'_>,
    classes: ClassNames,
    border: u32,
    fractions: SplitFractions,
) -> Result<SegmentationData, DatasetError> {
    fractions.check()?;
    let Found { parts: [train, validation, test], problems, ignored_files } = list(root, names)?;
    if let (true, Some(error)) = (train.as_ref().is_none_or(Vec::is_empty), unpaired(&problems)) {
        return Err(error);
    }
    let masks = |items| InstanceMasks { root: root.to_owned(), items, border };
    let parts = Parts {
        train: masks(train.unwrap_or_default()),
        validation: validation.map(masks),
        test: test.map(masks),
        ignored_files,
    };
    Ok(SegmentationData { splits: parts.into_splits(classes, fractions)?, problems, unpaired: Unpaired::Error })
}

/// Reads the same files as objects with their pixels, all of one class: every mask file is opened. A mask without a
/// pixel is no object and becomes a problem.
///
/// # Errors
///
/// As [`open`], and the first mask that cannot be read or is not of its image's size.
fn read_objects(
    root: &Path,
    names: InstanceNames<'_>,
    class: &str,
    fractions: SplitFractions,
) -> Result<DetectionData, DatasetError> {
    fractions.check()?;
    let Found { parts, mut problems, ignored_files } = list(root, names)?;
    let mut annotated: [Option<Vec<AnnotatedImage>>; 3] = [None, None, None];
    for (part, items) in annotated.iter_mut().zip(parts) {
        let Some(items) = items else { continue };
        let masks = InstanceMasks { root: root.to_owned(), items, border: 0 };
        let read = (0..masks.len()).into_par_iter().map(|index| masks.instances(index));
        let (images, empty): (Vec<_>, Vec<_>) = read.collect::<Result<Vec<_>, DatasetError>>()?.into_iter().unzip();
        problems.extend(empty.into_iter().flatten());
        *part = Some(images);
    }
    let [train, validation, test] = annotated;
    let parts = Parts { train: train.unwrap_or_default(), validation, test, ignored_files };
    Ok(DetectionData {
        splits: parts.into_image_splits(root, ClassNames::new([class]), fractions, EmptyImages::Keep)?,
        problems,
        difficult: 0,
        category_ids: None,
    })
}

impl InstanceMasks {
    /// Image `index` with its objects, and masks without a pixel.
    fn instances(&self, index: usize) -> Result<(AnnotatedImage, Vec<AnnotationProblem>), DatasetError> {
        let path = self.image_path(index);
        let size = image_file::dimensions(&path)?;
        let (mut objects, mut empty) = (Vec::new(), Vec::new());
        for object in self.objects(index)? {
            if object.size != size {
                let (mask, mask_size) = (object.path, object.size);
                return Err(DatasetError::MaskSize { mask, mask_size, image: path, image_size: size });
            }
            let pixels: Vec<u8> = object.inside.iter().map(|&inside| u8::from(inside)).collect();
            let Some(rle) = Rle::from_mask_pixels(&pixels, size.1, size.0).filter(|rle| rle.area() > 0) else {
                let kind = ProblemKind::DegenerateBox;
                empty.push(AnnotationProblem::of_file(kind, &object.path, "no pixel of an object"));
                continue;
            };
            objects.push(Instance {
                bbox: rle.bbox(),
                class: 0,
                area: rle.area() as f64,
                segmentation: Some(Segmentation::Rle(rle)),
                crowd: false,
            });
        }
        let file = self.items[index].image.clone();
        Ok((AnnotatedImage { file, size: Some(size), id: None, objects }, empty))
    }
}
