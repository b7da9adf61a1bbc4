//! A folder with COCO annotation files and their images.
//!
//! ```text
//! root/annotations/instances_train2017.json   or (as Roboflow exports)  root/train/_annotations.coco.json
//! root/annotations/instances_val2017.json                               root/train/a.jpg
//! root/train2017/000000000009.jpg                                       root/valid/_annotations.coco.json …
//! root/val2017/000000000139.jpg           or  root/anything.json and a folder of images
//! ```

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use pictures::image_file;
use rayon::prelude::*;
use vision_types::{BBox, ClassId, ClassNames, Instance, Segmentation};

use super::annotation_file::{Annotation, AnnotationFile, Category, Image, Parts as FileParts};
use crate::annotations::annotated_files::{
    AnnotatedFolderSpec, AnnotatedImage, DetectionData, EmptyImages, relative, stem,
};
use crate::annotations::annotation_problem::{AnnotationProblem, ProblemKind, fit_box};
use crate::error::expected_class;
use crate::kind::{DataKind, FileSettings, data_settings, has_extension};
use crate::listing::{Listing, file_name};
use crate::parts::Parts;
use crate::{DatasetError, SplitName};

data_settings! {
    /// Settings of `coco`; the path may also be an annotation file. Files and folders are relative to it.
    pub struct CocoSpec from files {
        /// Annotations for training; by default looked for, as `annotations/instances_train2017.json` and the like.
        pub train_annotations: Option<PathBuf> = None, omit "Option::is_none";
        /// Folder of the training images; by default looked for, as `train2017` and the like.
        pub train_images: Option<PathBuf> = None, omit "Option::is_none";
        /// Annotations for validation.
        pub val_annotations: Option<PathBuf> = None, omit "Option::is_none";
        /// Folder of the validation images.
        pub val_images: Option<PathBuf> = None, omit "Option::is_none";
        /// Annotations for testing.
        pub test_annotations: Option<PathBuf> = None, omit "Option::is_none";
        /// Folder of the test images.
        pub test_images: Option<PathBuf> = None, omit "Option::is_none";
        /// What becomes of training images without objects: `keep` or `drop`.
        pub empty_images: EmptyImages = EmptyImages::Keep;
    } with validation_split, test_split
}

impl DataKind for CocoSpec {
    type Data = DetectionData;
    type Auto = AnnotatedFolderSpec;
    const LOOKS_LIKE: &'static str = LOOKS_LIKE;

    fn open(&self, root: &Path) -> Result<DetectionData, DatasetError> {
        open(root, self)
    }

    fn recognise(place: &Path, auto: &AnnotatedFolderSpec) -> Result<Option<Self>, DatasetError> {
        let found = || Self { empty_images: auto.empty_images, ..Self::at(place, auto.fractions()) };
        Ok(recognise(place)?.then(found))
    }
}

/// What was looked for, for messages.
pub(crate) const LOOKS_LIKE: &str = "COCO files (annotations/instances_train*.json)";

/// Beginnings of the names of COCO's files that hold other things than boxes.
const OTHER_CONTENT: [&str; 5] = ["captions", "person_keypoints", "panoptic", "image_info", "stuff"];

/// Whether annotation files of COCO lie in `root`, or in folders of splits, or `root` is a file that may be one.
pub(crate) fn recognise(root: &Path) -> Result<bool, DatasetError> {
    Ok(has_extension(root, &["json"]) && root.is_file()
        || root.is_dir() && find_annotations(root)?.iter().any(Option::is_some))
}

/// The annotation files of train, validation and test below `root`. A single file of no split is that of training.
fn find_annotations(root: &Path) -> Result<[Option<PathBuf>; 3], DatasetError> {
    let mut found: [Option<PathBuf>; 3] = [None, None, None];
    for folder in [root.join("annotations"), root.to_owned()] {
        if !folder.is_dir() {
            continue;
        }
        let files: Vec<PathBuf> = Listing::of(&folder)?.others.into_iter().filter(|file| may_be_coco(file)).collect();
        for file in &files {
            let Some(split) = SplitName::in_words(&stem(file)) else { continue };
            let slot = &mut found[split as usize];
            let preferred = |file: &Path| file_name(file).starts_with("instances");
            match slot {
                Some(first) if preferred(first) == preferred(file) => {
                    return Err(DatasetError::AmbiguousSplit { split, first: first.clone(), second: file.clone() });
                }
                Some(first) if preferred(first) => {}
                _ => *slot = Some(file.clone()),
            }
        }
        if found.iter().any(Option::is_some) {
            return Ok(found);
        }
        if let [only] = files.as_slice() {
            found[SplitName::Train as usize] = Some(only.clone());
            return Ok(found);
        }
    }
    if let Some(fixed) = Listing::of(root)?.fixed_splits()? {
        for (slot, folder) in found.iter_mut().zip([fixed.train, fixed.validation, fixed.test]) {
            let Some(folder) = folder else { continue };
            let files: Vec<PathBuf> =
                Listing::of(&folder)?.others.into_iter().filter(|file| may_be_coco(file)).collect();
            let named = files.iter().find(|file| file_name(file) == "_annotations.coco.json").cloned();
            *slot = named.or_else(|| if let [only] = files.as_slice() { Some(only.clone()) } else { None });
        }
    }
    Ok(found)
}

/// Whether a file is JSON with the keys of an annotation file, as far as its beginning tells.
fn may_be_coco(file: &Path) -> bool {
    use std::io::Read;
    /// Bytes that are looked at: before the first list of a file stand short texts.
    const BEGINNING: u64 = 64 * 1024;
    let name = file_name(file);
    if !name.ends_with(".json") || OTHER_CONTENT.iter().any(|other| name.starts_with(other)) {
        return false;
    }
    let mut beginning = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(BEGINNING).read_to_end(&mut beginning));
    let text = String::from_utf8_lossy(&beginning);
    let has = |key: &str| text.contains(key);
    read.is_ok()
        && text.trim_start().starts_with('{')
        && (has("\"images\"") || has("\"annotations\"") || (has("\"info\"") && has("\"licenses\"")))
}

/// Opens the COCO files below `root`, or the single file that it is. Images are only looked for (of those whose size
/// the file does not say, the header is read).
///
/// Classes are the categories of the training file, in the order of their numbers, which need not be contiguous; those
/// of other splits are matched by name. A split that is missing is set aside from training data.
///
/// # Errors
///
/// A missing or unreadable file, [`DatasetError::NotRecognised`], [`DatasetError::Annotation`] or
/// [`DatasetError::Format`] for a damaged file, an unknown category, an ambiguous number or a folder of images that
/// cannot be found, and the errors of splitting.
pub(crate) fn open(root: &Path, settings: &CocoSpec) -> Result<DetectionData, DatasetError> {
    settings.fractions().check()?;
    let files = [
        (&settings.train_annotations, &settings.train_images),
        (&settings.val_annotations, &settings.val_images),
        (&settings.test_annotations, &settings.test_images),
    ];
    let metadata = std::fs::metadata(root).map_err(|source| DatasetError::from_io(root, source))?;
    let (folder, found) = if metadata.is_file() {
        (root.parent().unwrap_or(Path::new(".")).to_owned(), [Some(root.to_owned()), None, None])
    } else if settings.train_annotations.is_some() {
        (root.to_owned(), [None, None, None])
    } else {
        (root.to_owned(), find_annotations(root)?)
    };
    let mut reader = CocoReader { root: &folder, classes: None, problems: Vec::new() };
    let mut parts = Parts { train: Vec::new(), validation: None, test: None, ignored_files: 0 };
    for ((split, found), (annotations, images)) in SplitName::ALL.into_iter().zip(found).zip(files) {
        let annotations = annotations.as_ref().map(|file| folder.join(file)).or(found);
        let Some(annotations) = annotations else {
            if split == SplitName::Train {
                return Err(DatasetError::NotRecognised {
                    path: folder.clone(),
                    found: Listing::of(&folder)?.describe(),
                    looked_for: "annotations/instances_train*.json, train/_annotations.coco.json or a single .json"
                        .to_owned(),
                });
            }
            continue;
        };
        let images = reader.read(&annotations, images.as_deref(), split)?;
        match split {
            SplitName::Train => parts.train = images,
            SplitName::Validation => parts.validation = Some(images),
            SplitName::Test => parts.test = Some(images),
        }
    }
    let Some(classes) = reader.classes else { unreachable!("the training file was read above") };
    Ok(DetectionData {
        splits: parts.into_image_splits(&folder, classes.names, settings.fractions(), settings.empty_images)?,
        problems: reader.problems,
        difficult: 0,
        category_ids: Some(classes.ids),
    })
}

/// Classes of the training file.
struct Classes {
    names: ClassNames,
    ids: Vec<i64>,
}

struct CocoReader<'a> {
    root: &'a Path,
    classes: Option<Classes>,
    problems: Vec<AnnotationProblem>,
}

/// An error at an entry of the file.
fn wrong(path: &Path, place: impl std::fmt::Display, found: String, expected: String) -> DatasetError {
    DatasetError::Annotation { path: path.to_owned(), place: format!(": {place}"), found, expected }
}

impl CocoReader<'_> {
    fn read(
        &mut self,
        path: &Path,
        images: Option<&Path>,
        split: SplitName,
    ) -> Result<Vec<AnnotatedImage>, DatasetError> {
        let file = AnnotationFile::read(path, FileParts { segmentation: true, keypoints: false })?;
        let classes = self.number_categories(&file.categories, path)?;
        let folder = image_folder(self.root, path, images, split, &file.images)?;
        let mut positions: HashMap<i64, usize> = HashMap::with_capacity(file.images.len());
        for (position, image) in file.images.iter().enumerate() {
            if let Some(first) = positions.insert(image.id, position) {
                let found = format!("the id of `{}` again", file.images[first].file_name);
                return Err(wrong(path, format_args!("image {}", image.id), found, "each id once".to_owned()));
            }
        }
        let mut annotated = self.list_images(&folder, &file.images, path);

        let mut ids = HashSet::with_capacity(file.annotations.len());
        let mut objects: Vec<Vec<&Annotation>> = vec![Vec::new(); file.images.len()];
        for annotation in &file.annotations {
            if !ids.insert(annotation.id) {
                self.problem(ProblemKind::DuplicateId, path, annotation, "the id occurs before".to_owned());
            }
            match positions.get(&annotation.image_id) {
                Some(&position) => objects[position].push(annotation),
                None => {
                    let detail = format!("there is no image {}", annotation.image_id);
                    self.problem(ProblemKind::AnnotationWithoutImage, path, annotation, detail);
                }
            }
        }
        let read: Vec<(Vec<Instance>, Vec<AnnotationProblem>)> = annotated
            .par_iter()
            .zip(&objects)
            .map(|(image, objects)| self.objects(path, image.size, objects, &classes, split))
            .collect::<Result<_, DatasetError>>()?;
        for (image, (objects, problems)) in annotated.iter_mut().zip(read) {
            image.objects = objects;
            self.problems.extend(problems);
        }
        Ok(annotated)
    }

    fn problem(&mut self, kind: ProblemKind, path: &Path, annotation: &Annotation, detail: String) {
        self.problems.push(problem(kind, path, annotation, detail));
    }

    /// The class of each category of a file; `None` for one that training lacks.
    fn number_categories(
        &mut self,
        categories: &[Category],
        path: &Path,
    ) -> Result<HashMap<i64, (Option<ClassId>, String)>, DatasetError> {
        let mut sorted: Vec<&Category> = categories.iter().collect();
        sorted.sort_by_key(|category| category.id);
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let found = format!("`{}` and `{}` with one id", pair[0].name, pair[1].name);
            return Err(wrong(path, format_args!("category {}", pair[0].id), found, "each id once".to_owned()));
        }
        let mut names = HashSet::new();
        for category in &sorted {
            if !names.insert(category.name.as_str()) {
                self.problems.push(AnnotationProblem {
                    kind: ProblemKind::DuplicateClass,
                    file: path.to_owned(),
                    place: format!(": category {}", category.id),
                    detail: format!("another category is called `{}` too", category.name),
                });
            }
        }
        let classes = self.classes.get_or_insert_with(|| Classes {
            names: ClassNames::new(sorted.iter().map(|category| category.name.clone())),
            ids: sorted.iter().map(|category| category.id).collect(),
        });
        let class_of = |category: &Category| {
            let same = classes.ids.binary_search(&category.id).ok();
            // Of two classes with one name, the number decides.
            same.filter(|&class| classes.names.get(class) == Some(category.name.as_str()))
                .or_else(|| classes.names.id_of(&category.name))
        };
        Ok(categories.iter().map(|category| (category.id, (class_of(category), category.name.clone()))).collect())
    }

    /// The images with their sizes, without objects.
    fn list_images(&mut self, folder: &Path, images: &[Image], path: &Path) -> Vec<AnnotatedImage> {
        let listed: Vec<(AnnotatedImage, Option<AnnotationProblem>)> = images
            .par_iter()
            .map(|image| {
                let file = folder.join(&image.file_name);
                let problem = |kind, detail| AnnotationProblem {
                    kind,
                    file: path.to_owned(),
                    place: format!(": image {}", image.id),
                    detail,
                };
                let mut size = Some((image.width, image.height)).filter(|(width, height)| *width > 0 && *height > 0);
                let mut found = None;
                if !file.is_file() {
                    found = Some(problem(ProblemKind::MissingImage, format!("{} does not exist", file.display())));
                } else if size.is_none() {
                    match image_file::dimensions(&file) {
                        Ok(actual) => size = Some(actual),
                        Err(error) => found = Some(problem(ProblemKind::UnreadableImage, error.to_string())),
                    }
                }
                let file = relative(&file, self.root);
                (AnnotatedImage { file, size, id: Some(image.id), objects: Vec::new() }, found)
            })
            .collect();
        let (annotated, problems): (Vec<_>, Vec<_>) = listed.into_iter().unzip();
        self.problems.extend(problems.into_iter().flatten());
        annotated
    }

    /// The objects of one image.
    fn objects(
        &self,
        path: &Path,
        size: Option<(u32, u32)>,
        annotations: &[&Annotation],
        categories: &HashMap<i64, (Option<ClassId>, String)>,
        split: SplitName,
    ) -> Result<(Vec<Instance>, Vec<AnnotationProblem>), DatasetError> {
        let (mut objects, mut problems) = (Vec::with_capacity(annotations.len()), Vec::new());
        for &annotation in annotations {
            let wrong = |found, expected| wrong(path, format_args!("annotation {}", annotation.id), found, expected);
            let Some((class, name)) = categories.get(&annotation.category_id) else {
                let found = format!("category_id {}", annotation.category_id);
                return Err(wrong(found, "the id of one of the `categories`".to_owned()));
            };
            let Some(class) = *class else {
                let expected = match &self.classes {
                    Some(classes) => expected_class(name, &classes.names, false, split),
                    None => String::new(),
                };
                return Err(wrong(format!("category `{name}`"), expected));
            };
            let segmentation = annotation.segmentation.as_ref().map(super::Outline::to_segmentation).transpose();
            let segmentation = segmentation.map_err(|found| wrong(found, "a valid `segmentation`".to_owned()))?;
            if let (Some(Segmentation::Rle(mask)), Some((width, height))) = (&segmentation, size)
                && (mask.width, mask.height) != (width, height)
            {
                let found = format!("a mask of {}×{} pixels", mask.width, mask.height);
                return Err(wrong(found, format!("the size of its image, {width}×{height}")));
            }
            let Some(corners) = corners(annotation, segmentation.as_ref()) else {
                return Err(wrong("neither `bbox` nor `segmentation`".to_owned(), "one of them".to_owned()));
            };
            let (bbox, found) = fit_box(corners, size);
            if let Some((kind, detail)) = found {
                problems.push(problem(kind, path, annotation, format!("{name} {detail}")));
            }
            let Some(bbox) = bbox else { continue };
            let area = annotation.area.unwrap_or_else(|| area(bbox, segmentation.as_ref(), size));
            let instance = Instance { bbox, class, segmentation, area, crowd: annotation.iscrowd };
            if objects.contains(&instance) {
                problems.push(problem(
                    ProblemKind::DuplicateBox,
                    path,
                    annotation,
                    format!("{name} with the same box"),
                ));
            }
            objects.push(instance);
        }
        Ok((objects, problems))
    }
}

fn problem(kind: ProblemKind, path: &Path, annotation: &Annotation, detail: String) -> AnnotationProblem {
    let place = format!(": annotation {} of image {}", annotation.id, annotation.image_id);
    AnnotationProblem { kind, file: path.to_owned(), place, detail }
}

/// The box `(x1, y1, x2, y2)` that an annotation gives, or that its shape has.
fn corners(annotation: &Annotation, segmentation: Option<&Segmentation>) -> Option<[f64; 4]> {
    if let Some([x, y, width, height]) = annotation.bbox {
        return Some([x, y, x + width, y + height]);
    }
    match segmentation? {
        Segmentation::Rle(mask) => {
            let BBox { x1, y1, x2, y2 } = mask.bbox();
            Some([x1, y1, x2, y2].map(f64::from))
        }
        Segmentation::Polygons(outlines) => {
            let edge =
                |axis: usize, pick: fn(f64, f64) -> f64| outlines.iter().flatten().map(|at| at[axis]).reduce(pick);
            Some([edge(0, f64::min)?, edge(1, f64::min)?, edge(0, f64::max)?, edge(1, f64::max)?])
        }
    }
}

/// The area of an object whose annotation does not say it: that of its pixels, otherwise that of its box.
fn area(bbox: BBox, segmentation: Option<&Segmentation>, size: Option<(u32, u32)>) -> f64 {
    let pixels = segmentation.zip(size).and_then(|(shape, (width, height))| shape.to_rle(height, width).ok());
    pixels.map_or_else(|| f64::from(bbox.width()) * f64::from(bbox.height()), |mask| mask.area() as f64)
}

/// The folder that the images of a file lie in: the configured one, or the first of the usual ones in which one of the
/// first images exists.
fn image_folder(
    root: &Path,
    annotations: &Path,
    configured: Option<&Path>,
    split: SplitName,
    images: &[Image],
) -> Result<PathBuf, DatasetError> {
    /// Images that are looked for, in case some are missing.
    const TRIED: usize = 20;
    if let Some(folder) = configured {
        let folder = root.join(folder);
        std::fs::metadata(&folder).map_err(|source| DatasetError::from_io(&folder, source))?;
        return Ok(folder);
    }
    let name = stem(annotations);
    let name = name.strip_prefix("instances_").unwrap_or(&name);
    let here = annotations.parent().unwrap_or(Path::new("."));
    let inside = root.join("images");
    let mut candidates = vec![root.join(name), inside.join(name)];
    for folder in [root, &inside] {
        candidates.extend([split.as_str(), "valid", "validation"].map(|split| folder.join(split)));
    }
    candidates.extend([inside, root.join("JPEGImages"), here.to_owned(), root.to_owned()]);
    let holds_one = |folder: &&PathBuf| images.iter().take(TRIED).any(|image| folder.join(&image.file_name).is_file());
    if let Some(folder) = candidates.iter().find(holds_one) {
        return Ok(folder.clone());
    }
    match images.first() {
        None => Ok(root.to_owned()),
        Some(first) => Err(wrong(
            annotations,
            format_args!("image {}", first.id),
            format!("`{}`, which lies in none of the usual folders", first.file_name),
            format!(
                "it in {}, or the folder of images in the configuration (`{}_images`)",
                candidates[0].display(),
                split.as_str()
            ),
        )),
    }
}
