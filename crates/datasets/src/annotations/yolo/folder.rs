//! A folder of YOLO text files.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use pictures::{PictureError, image_file};
use rayon::prelude::*;
use vision_types::{ClassNames, Instance, Segmentation};

use super::YoloSpec;
use super::data_file::{self, DataFile};
use super::label_file::{self, YoloObject};
use crate::annotations::annotated_files::{AnnotatedImage, DetectionData, read_text, relative, stem};
use crate::annotations::annotation_problem::{AnnotationProblem, ProblemKind, fit_box};
use crate::kind::FileSettings;
use crate::listing::{Listing, collect, file_name};
use crate::parts::Parts;
use crate::{DatasetError, SplitName};

/// The folder of images, and that of labels with the same folders inside.
const IMAGES: &str = "images";
const LABELS: &str = "labels";

/// Image files of each split.
#[derive(Debug, Default)]
struct Files {
    train: Vec<PathBuf>,
    validation: Option<Vec<PathBuf>>,
    test: Option<Vec<PathBuf>>,
    ignored: usize,
}

/// Whether YOLO files lie in `root`: a data file, a folder `labels` beside `images` (also in folders of splits), or
/// images and labels side by side with a list of class names.
pub(super) fn recognise(root: &Path) -> Result<bool, DatasetError> {
    if data_file::find(root)?.is_some() {
        return Ok(true);
    }
    let pair = |folder: &Path| folder.join(IMAGES).is_dir() && folder.join(LABELS).is_dir();
    if pair(root) {
        return Ok(true);
    }
    let listing = Listing::of(root)?;
    if let Some(train) = listing.fixed_splits()?.and_then(|fixed| fixed.train) {
        return Ok(pair(&train));
    }
    let labelled = |image: &PathBuf| image.with_extension("txt").is_file();
    Ok(data_file::find_names(&[root])?.is_some() && listing.images.iter().any(labelled))
}

/// Opens the YOLO files below `root`, or those that a data file says. Of each image, the header is read for its size.
///
/// Splits are those of the data file, or the folders in `images` (`train2017` counts as `train`), or folders `train`,
/// `valid` and `test` that each hold `images` and `labels`; a split that is missing is set aside from training data. An
/// image without a label file has no objects.
///
/// # Errors
///
/// A missing or unreadable folder, [`DatasetError::NotRecognised`], [`DatasetError::Annotation`] for a damaged file or
/// a class number without a name, and the errors of splitting.
pub(super) fn open(root: &Path, settings: &YoloSpec) -> Result<DetectionData, DatasetError> {
    settings.fractions().check()?;
    let metadata = std::fs::metadata(root).map_err(|source| DatasetError::from_io(root, source))?;
    let (folder, data) = if metadata.is_file() {
        (root.parent().unwrap_or(Path::new(".")).to_owned(), Some(DataFile::read(root)?))
    } else {
        (root.to_owned(), data_file::find(root)?.map(|file| DataFile::read(&file)).transpose()?)
    };
    let files = match &data {
        Some(data) if !data.train.is_empty() => files_of_data_file(data)?,
        _ => files_of_folder(&folder)?,
    };
    if files.train.is_empty() {
        let expected = "`images` with a folder for each split, and `labels` beside it";
        return Err(DatasetError::NoImages { path: folder, ignored: files.ignored, expected });
    }

    let mut reader = YoloReader { root: &folder, problems: Vec::new(), labels: HashSet::new() };
    let train = reader.read_all(files.train)?;
    let validation = files.validation.map(|part| reader.read_all(part)).transpose()?;
    let test = files.test.map(|part| reader.read_all(part)).transpose()?;
    reader.name_labels_without_image()?;

    let all = || [Some(&train), validation.as_ref(), test.as_ref()].into_iter().flatten().flatten();
    let classes = class_names(&folder, data, settings, || {
        all().flat_map(|read| &read.objects).map(|object| object.class + 1).max().unwrap_or_default()
    })?;
    let number =
        |part: Vec<Read>, problems: &mut Vec<AnnotationProblem>| -> Result<Vec<AnnotatedImage>, DatasetError> {
            part.into_iter().map(|read| read.annotate(&folder, &classes, problems)).collect()
        };
    let parts = Parts {
        train: number(train, &mut reader.problems)?,
        validation: validation.map(|part| number(part, &mut reader.problems)).transpose()?,
        test: test.map(|part| number(part, &mut reader.problems)).transpose()?,
        ignored_files: files.ignored,
    };
    Ok(DetectionData {
        splits: parts.into_image_splits(&folder, classes, settings.fractions(), settings.empty_images)?,
        problems: reader.problems,
        difficult: 0,
        category_ids: None,
    })
}

/// Class names of the configuration, the data file or a list; without any, the numbers that occur.
fn class_names(
    root: &Path,
    data: Option<DataFile>,
    settings: &YoloSpec,
    count: impl FnOnce() -> usize,
) -> Result<ClassNames, DatasetError> {
    /// More classes than this are a damaged file rather than a data set.
    const MOST_UNNAMED: usize = 100_000;
    if let Some(names) = &settings.classes {
        return Ok(ClassNames::new(names.iter().cloned()));
    }
    if let Some(names) = data.and_then(|data| data.names) {
        return Ok(ClassNames::new(names));
    }
    let labels = root.join(LABELS);
    if let Some(file) = data_file::find_names(&[root, &labels, &root.join("train")])? {
        return Ok(ClassNames::new(data_file::read_names(&file)?));
    }
    let count = count();
    if count > MOST_UNNAMED {
        return Err(DatasetError::Format {
            path: labels,
            detail: format!("found class number {}, expected numbers below {MOST_UNNAMED}", count - 1),
        });
    }
    Ok(ClassNames::new((0..count).map(|number| number.to_string())))
}

/// The images that a data file points to.
fn files_of_data_file(data: &DataFile) -> Result<Files, DatasetError> {
    let mut ignored = 0;
    let mut read = |paths: &[super::yaml::Text]| -> Result<Vec<PathBuf>, DatasetError> {
        let mut images = Vec::new();
        for written in paths {
            let path = data.resolve(written)?;
            if path.is_dir() {
                let (found, more_ignored) = collect(&path)?;
                images.extend(found);
                ignored += more_ignored;
            } else {
                images.extend(listed_images(&path)?);
            }
        }
        Ok(images)
    };
    let train = read(&data.train)?;
    let validation = if data.validation.is_empty() { None } else { Some(read(&data.validation)?) };
    let test = if data.test.is_empty() { None } else { Some(read(&data.test)?) };
    Ok(Files { train, validation, test, ignored })
}

/// The images that a list names, one path a line, seen from where the list lies or from the folder above it.
fn listed_images(list: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let here = list.parent().unwrap_or(Path::new("."));
    let text = read_text(list)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let found = |line: &str| {
        let line = line.strip_prefix("./").unwrap_or(line);
        let above = here.parent().map(|above| above.join(line));
        let candidates = [Some(here.join(line)), above];
        candidates.into_iter().flatten().find(|path| path.exists()).unwrap_or_else(|| here.join(line))
    };
    Ok(lines.map(found).collect())
}

/// The split of a folder such as `train2017`.
fn split_of(folder: &Path) -> Option<SplitName> {
    let name = file_name(folder);
    SplitName::from_folder_name(name.trim_end_matches(|character: char| !character.is_alphabetic()))
}

fn files_of_folder(root: &Path) -> Result<Files, DatasetError> {
    let images = root.join(IMAGES);
    let folders: Vec<(SplitName, PathBuf)> = if images.is_dir() {
        let listing = Listing::of(&images)?;
        let splits: Vec<_> =
            listing.folders.iter().filter_map(|folder| Some((split_of(folder)?, folder.clone()))).collect();
        if splits.iter().any(|(split, _)| *split == SplitName::Train) && splits.len() == listing.folders.len() {
            splits
        } else {
            vec![(SplitName::Train, images)]
        }
    } else {
        let listing = Listing::of(root)?;
        let inner = |folder: PathBuf| Some(folder.join(IMAGES)).filter(|inner| inner.is_dir()).unwrap_or(folder);
        match listing.fixed_splits()? {
            Some(fixed) => {
                let parts = [
                    (SplitName::Train, fixed.train),
                    (SplitName::Validation, fixed.validation),
                    (SplitName::Test, fixed.test),
                ];
                parts.into_iter().filter_map(|(split, folder)| Some((split, inner(folder?)))).collect()
            }
            None if !listing.images.is_empty() => vec![(SplitName::Train, root.to_owned())],
            None => {
                return Err(DatasetError::NotRecognised {
                    path: root.to_owned(),
                    found: listing.describe(),
                    looked_for: "data.yaml, folders `images` and `labels`, or images with .txt files beside them"
                        .to_owned(),
                });
            }
        }
    };
    let mut files = Files::default();
    for (split, folder) in folders {
        let (images, ignored) = collect(&folder)?;
        // Beside the images, other files are their labels.
        files.ignored += if label_of(&folder.join("x.jpg")).parent() == Some(&folder) { 0 } else { ignored };
        match split {
            SplitName::Train => files.train.extend(images),
            SplitName::Validation => files.validation.get_or_insert_default().extend(images),
            SplitName::Test => files.test.get_or_insert_default().extend(images),
        }
    }
    Ok(files)
}

/// Where the labels of an image lie: in `labels` in place of the last folder `images` of its path, otherwise beside it.
fn label_of(image: &Path) -> PathBuf {
    let parts: Vec<_> = image.components().collect();
    let folders = &parts[..parts.len().saturating_sub(1)];
    let label = match folders.iter().rposition(|part| part.as_os_str() == IMAGES) {
        Some(place) => {
            let before = parts[..place].iter();
            let labels = std::iter::once(&std::path::Component::Normal(LABELS.as_ref())).collect::<PathBuf>();
            before.collect::<PathBuf>().join(labels).join(parts[place + 1..].iter().collect::<PathBuf>())
        }
        None => image.to_owned(),
    };
    label.with_extension("txt")
}

/// One image with its labels.
struct Read {
    image: PathBuf,
    label: PathBuf,
    objects: Vec<YoloObject>,
    size: Option<(u32, u32)>,
}

struct YoloReader<'a> {
    root: &'a Path,
    problems: Vec<AnnotationProblem>,
    /// The label files that belong to an image.
    labels: HashSet<PathBuf>,
}

impl YoloReader<'_> {
    /// Reads the labels and sizes of images, in parallel; problems keep the order of the images.
    fn read_all(&mut self, images: Vec<PathBuf>) -> Result<Vec<Read>, DatasetError> {
        let read: Vec<(Read, Option<AnnotationProblem>)> =
            images.into_par_iter().map(read_one).collect::<Result<_, DatasetError>>()?;
        let mut all = Vec::with_capacity(read.len());
        for (one, problem) in read {
            self.problems.extend(problem);
            self.labels.insert(one.label.clone());
            all.push(one);
        }
        Ok(all)
    }

    /// Looks for label files to which no image belongs, in every folder where some belong to one.
    fn name_labels_without_image(&mut self) -> Result<(), DatasetError> {
        let folders: BTreeSet<&Path> = self.labels.iter().filter_map(|label| label.parent()).collect();
        for folder in folders {
            // Where labels lie beside the images, other text files are no labels.
            if !folder.is_dir() || !folder.iter().any(|part| part == LABELS) {
                continue;
            }
            for file in Listing::of(folder)?.others {
                let is_label = file.extension().is_some_and(|extension| extension == "txt");
                if is_label && !self.labels.contains(&file) && !data_file::is_no_label_file(&file) {
                    let detail = format!("no image {} in {}", stem(&file), self.root.display());
                    self.problems.push(AnnotationProblem::of_file(ProblemKind::AnnotationWithoutImage, &file, detail));
                }
            }
        }
        Ok(())
    }
}

fn read_one(image: PathBuf) -> Result<(Read, Option<AnnotationProblem>), DatasetError> {
    let label = label_of(&image);
    let objects = if label.is_file() { label_file::parse(&read_text(&label)?, &label)? } else { Vec::new() };
    let (size, problem) = match image_file::dimensions(&image) {
        Ok(size) => (Some(size), None),
        Err(error) => {
            let missing = matches!(error, PictureError::Missing { .. });
            let kind = if missing { ProblemKind::MissingImage } else { ProblemKind::UnreadableImage };
            // The message of the error begins with the path.
            let text = error.to_string();
            let detail = text.strip_prefix(&format!("{}: ", image.display())).unwrap_or(&text).to_owned();
            (None, Some(AnnotationProblem::of_file(kind, &image, detail)))
        }
    };
    Ok((Read { image, label, objects, size }, problem))
}

impl Read {
    /// Boxes in pixels. An image without a size cannot be read, so it gets no objects.
    fn annotate(
        self,
        root: &Path,
        classes: &ClassNames,
        problems: &mut Vec<AnnotationProblem>,
    ) -> Result<AnnotatedImage, DatasetError> {
        let mut objects: Vec<Instance> = Vec::with_capacity(self.objects.len());
        for object in self.objects {
            let Some(name) = classes.get(object.class) else {
                return Err(DatasetError::Annotation {
                    path: self.label,
                    place: format!(":{}", object.line),
                    found: format!("class number {}", object.class),
                    expected: format!("a number below {}, the number of class names", classes.len()),
                });
            };
            let Some((width, height)) = self.size else { continue };
            let sides = [f64::from(width), f64::from(height)];
            let [x1, y1, x2, y2] = object.corners;
            let corners = [x1 * sides[0], y1 * sides[1], x2 * sides[0], y2 * sides[1]];
            let (bbox, problem) = fit_box(corners, self.size);
            if let Some((kind, detail)) = problem {
                problems.push(AnnotationProblem::at_line(kind, &self.label, object.line, format!("{name} {detail}")));
            }
            let Some(bbox) = bbox else { continue };
            let mut instance = Instance::from_box(bbox, object.class);
            if let Some(outline) = object.outline {
                let points: Vec<[f64; 2]> = outline.iter().map(|[x, y]| [x * sides[0], y * sides[1]]).collect();
                instance.area = enclosed_area(&points);
                instance.segmentation = Some(Segmentation::Polygons(vec![points]));
            }
            if objects.contains(&instance) {
                let detail = format!("{name} with the same box");
                problems.push(AnnotationProblem::at_line(ProblemKind::DuplicateBox, &self.label, object.line, detail));
            }
            objects.push(instance);
        }
        Ok(AnnotatedImage { file: relative(&self.image, root), size: self.size, id: None, objects })
    }
}

/// Area inside of a closed outline that does not cross itself (the shoelace formula).
fn enclosed_area(points: &[[f64; 2]]) -> f64 {
    let next = points.iter().cycle().skip(1);
    let twice: f64 = points.iter().zip(next).map(|([x1, y1], [x2, y2])| x1 * y2 - x2 * y1).sum();
    twice.abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_lie_in_place_of_the_last_folder_of_images() {
        for (image, label) in [
            ("data/images/train/a.jpg", "data/labels/train/a.txt"),
            ("images/old/images/a.b.png", "images/old/labels/a.b.txt"),
            ("data/train/a.jpg", "data/train/a.txt"),
            ("images", "images.txt"),
        ] {
            assert_eq!(label_of(Path::new(image)), Path::new(label));
        }
    }

    #[test]
    fn folders_of_splits_may_have_a_year() {
        let split = |name: &str| split_of(Path::new(name));
        assert_eq!(split("train2017"), Some(SplitName::Train));
        assert_eq!(split("val_2017"), Some(SplitName::Validation));
        assert_eq!(split("trains"), None);
    }

    #[test]
    fn the_area_of_an_outline() {
        // A right-angled triangle with legs of 4 and 3 pixels.
        assert_eq!(enclosed_area(&[[1.0, 1.0], [5.0, 1.0], [1.0, 4.0]]), 6.0);
        assert_eq!(enclosed_area(&[[1.0, 4.0], [5.0, 1.0], [1.0, 1.0]]), 6.0);
    }
}
