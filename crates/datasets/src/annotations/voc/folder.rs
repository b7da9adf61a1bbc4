//! A folder of Pascal VOC files.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use pictures::image_file;
use rayon::prelude::*;
use vision_types::{ClassNames, Instance};

use super::annotation_file::{self, VocAnnotation};
use super::{Difficult, VocSpec};
use crate::annotations::annotated_files::{AnnotatedImage, DetectionData, ImageIndex, read_text, relative, stem};
use crate::annotations::annotation_problem::{AnnotationProblem, ProblemKind, fit_box};
use crate::error::expected_class;
use crate::kind::FileSettings;
use crate::listing::{FixedSplits, Listing, file_name};
use crate::parts::Parts;
use crate::{DatasetError, SplitName};

/// Names of the folder with the annotations.
const ANNOTATION_FOLDERS: [&str; 3] = ["Annotations", "annotations", "xmls"];
/// Names of the folder with the images.
const IMAGE_FOLDERS: [&str; 3] = ["JPEGImages", "images", "Images"];

/// Where the files of a data set lie.
struct Layout {
    annotations: PathBuf,
    images: PathBuf,
}

impl Layout {
    /// The two folders below `root`, or `root` itself where images and XML files lie side by side.
    fn of(root: &Path) -> Result<Option<Self>, DatasetError> {
        let folder = |names: [&str; 3]| names.iter().map(|name| root.join(name)).find(|path| path.is_dir());
        if let (Some(annotations), Some(images)) = (folder(ANNOTATION_FOLDERS), folder(IMAGE_FOLDERS)) {
            let layout = Self { annotations, images };
            return Ok((!xml_files(&layout.annotations)?.is_empty()).then_some(layout));
        }
        let here = Self { annotations: root.to_owned(), images: root.to_owned() };
        Ok((!xml_files(root)?.is_empty() && !Listing::of(root)?.images.is_empty()).then_some(here))
    }
}

fn xml_files(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let is_xml = |path: &PathBuf| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
    Ok(Listing::of(folder)?.others.into_iter().filter(is_xml).collect())
}

/// Whether Pascal VOC files lie in `root`, or in folders of splits.
pub(super) fn recognise(root: &Path) -> Result<bool, DatasetError> {
    if Layout::of(root)?.is_some() {
        return Ok(true);
    }
    match Listing::of(root)?.fixed_splits()?.and_then(|fixed| fixed.train) {
        Some(train) => Ok(Layout::of(&train)?.is_some()),
        None => Ok(false),
    }
}

/// Opens the Pascal VOC files below `root`. Images are only listed (of those whose annotation states no size, the
/// header is read).
///
/// Splits are those of `ImageSets/Main/train.txt`, `val.txt` and `test.txt` (without `train.txt`: of `trainval.txt`),
/// or of the folders `train`, `valid` and `test`; a split that is missing is set aside from training data. Classes are
/// the given ones, or the names in the training annotations, sorted.
///
/// # Errors
///
/// A missing or unreadable folder, [`DatasetError::NotRecognised`], [`DatasetError::Annotation`] for a damaged file, an
/// unknown class or a list that names an annotation that does not exist, and the errors of splitting.
pub(super) fn open(root: &Path, settings: &VocSpec) -> Result<DetectionData, DatasetError> {
    settings.fractions().check()?;
    let mut reader = VocReader { root, settings, problems: Vec::new(), difficult: 0, files: 0 };
    if let Some(layout) = Layout::of(root)? {
        return reader.open_layout(&layout);
    }
    let listing = Listing::of(root)?;
    match listing.fixed_splits()? {
        Some(FixedSplits { train: Some(train), validation, test }) => {
            let read = |reader: &mut VocReader<'_>, folder: &Path| -> Result<Vec<Read>, DatasetError> {
                let layout = Layout::of(folder)?.ok_or_else(|| not_recognised(folder, &listing))?;
                reader.read_all(&layout, xml_files(&layout.annotations)?)
            };
            let train = read(&mut reader, &train)?;
            let validation = validation.map(|folder| read(&mut reader, &folder)).transpose()?;
            let test = test.map(|folder| read(&mut reader, &folder)).transpose()?;
            reader.finish(train, validation, test)
        }
        _ => Err(not_recognised(root, &listing)),
    }
}

fn not_recognised(root: &Path, listing: &Listing) -> DatasetError {
    DatasetError::NotRecognised {
        path: root.to_owned(),
        found: listing.describe(),
        looked_for: "folders `Annotations` (with .xml files) and `JPEGImages`, or .xml files beside their images"
            .to_owned(),
    }
}

/// One annotation file with the image that it belongs to.
struct Read {
    xml: PathBuf,
    annotation: VocAnnotation,
    image: PathBuf,
}

struct VocReader<'a> {
    root: &'a Path,
    settings: &'a VocSpec,
    problems: Vec<AnnotationProblem>,
    difficult: usize,
    files: usize,
}

impl VocReader<'_> {
    fn open_layout(&mut self, layout: &Layout) -> Result<DetectionData, DatasetError> {
        let lists = self.root.join("ImageSets").join("Main");
        let list = |name: &str| Some(lists.join(name)).filter(|path| path.is_file());
        let mut read = |path: Option<PathBuf>| -> Result<Option<Vec<Read>>, DatasetError> {
            path.map(|path| {
                let files = listed_files(&path, &layout.annotations)?;
                self.read_all(layout, files)
            })
            .transpose()
        };
        let validation = read(list("val.txt"))?;
        let test = read(list("test.txt"))?;
        let train = match (list("train.txt"), list("trainval.txt")) {
            (Some(train), _) => read(Some(train))?,
            (None, Some(both)) => read(Some(both))?,
            (None, None) => None,
        };
        let taken: HashSet<&PathBuf> =
            [&validation, &test].into_iter().flatten().flatten().map(|read| &read.xml).collect();
        let train = match train {
            Some(train) => train.into_iter().filter(|read| !taken.contains(&read.xml)).collect(),
            None => {
                let rest = xml_files(&layout.annotations)?.into_iter().filter(|xml| !taken.contains(xml)).collect();
                self.read_all(layout, rest)?
            }
        };
        self.name_images_without_annotation(layout)?;
        self.finish(train, validation, test)
    }

    /// Reads annotation files, in parallel; problems keep the order of the files.
    fn read_all(&mut self, layout: &Layout, files: Vec<PathBuf>) -> Result<Vec<Read>, DatasetError> {
        let images = ImageIndex::of(&layout.images)?;
        self.files += files.len();
        let read: Vec<(Read, Vec<AnnotationProblem>)> =
            files.into_par_iter().map(|xml| read_one(xml, &images)).collect::<Result<_, DatasetError>>()?;
        let mut all = Vec::with_capacity(read.len());
        for (one, problems) in read {
            self.problems.extend(problems);
            all.push(one);
        }
        Ok(all)
    }

    fn name_images_without_annotation(&mut self, layout: &Layout) -> Result<(), DatasetError> {
        let annotated: HashSet<String> = xml_files(&layout.annotations)?.iter().map(|xml| stem(xml)).collect();
        for image in ImageIndex::of(&layout.images)?.images() {
            if !annotated.contains(&stem(image)) {
                let detail = format!("no {}.xml in {}", stem(image), file_name(&layout.annotations));
                self.problems.push(AnnotationProblem::of_file(ProblemKind::ImageWithoutAnnotation, image, detail));
            }
        }
        Ok(())
    }

    fn finish(
        &mut self,
        train: Vec<Read>,
        validation: Option<Vec<Read>>,
        test: Option<Vec<Read>>,
    ) -> Result<DetectionData, DatasetError> {
        let classes = match &self.settings.classes {
            Some(names) => ClassNames::new(names.iter().cloned()),
            None => {
                let names: BTreeSet<&str> =
                    train.iter().flat_map(|read| &read.annotation.objects).map(|object| object.name.as_str()).collect();
                ClassNames::new(names)
            }
        };
        let mut number = |part: Vec<Read>, split| -> Result<Vec<AnnotatedImage>, DatasetError> {
            part.into_iter().map(|read| self.annotate(read, split, &classes)).collect()
        };
        let parts = Parts {
            train: number(train, SplitName::Train)?,
            validation: validation.map(|part| number(part, SplitName::Validation)).transpose()?,
            test: test.map(|part| number(part, SplitName::Test)).transpose()?,
            ignored_files: 0,
        };
        Ok(DetectionData {
            splits: parts.into_image_splits(
                self.root,
                classes,
                self.settings.fractions(),
                self.settings.empty_images,
            )?,
            problems: std::mem::take(&mut self.problems),
            difficult: self.difficult,
            category_ids: None,
        })
    }

    /// Class numbers and boxes of one annotation.
    fn annotate(&mut self, read: Read, split: SplitName, classes: &ClassNames) -> Result<AnnotatedImage, DatasetError> {
        let Read { xml, annotation, image } = read;
        let mut objects: Vec<Instance> = Vec::with_capacity(annotation.objects.len());
        for object in annotation.objects {
            self.difficult += usize::from(object.difficult);
            let class = classes.id_of(&object.name).ok_or_else(|| DatasetError::Annotation {
                path: xml.clone(),
                place: format!(":{}", object.line),
                found: format!("class `{}`", object.name),
                expected: expected_class(&object.name, classes, self.settings.classes.is_some(), split),
            })?;
            let mut problem = |(kind, detail): (ProblemKind, String)| {
                let detail = format!("{} {detail}", object.name);
                self.problems.push(AnnotationProblem::at_line(kind, &xml, object.line, detail));
            };
            let [x1, y1, x2, y2] = object.corners;
            // Files of one pixel's width or height are no objects: tools take the corners as points.
            if x2 <= x1 || y2 <= y1 {
                if let (_, Some(found)) = fit_box(object.corners, None) {
                    problem(found);
                }
                continue;
            }
            let first = if self.settings.one_based { 1.0 } else { 0.0 };
            let (bbox, found) = fit_box([x1 - first, y1 - first, x2, y2], annotation.size);
            found.map(&mut problem);
            let Some(bbox) = bbox else { continue };
            let crowd = object.difficult && self.settings.difficult == Difficult::Crowd;
            let instance = Instance { crowd, ..Instance::from_box(bbox, class) };
            if objects.contains(&instance) {
                problem((ProblemKind::DuplicateBox, format!("box ({x1}, {y1}, {x2}, {y2})")));
            }
            if !(object.difficult && self.settings.difficult == Difficult::Drop) {
                objects.push(instance);
            }
        }
        Ok(AnnotatedImage { file: relative(&image, self.root), size: annotation.size, id: None, objects })
    }
}

/// Reads one annotation and finds its image: the one of the same name, otherwise the one that it names.
fn read_one(xml: PathBuf, images: &ImageIndex) -> Result<(Read, Vec<AnnotationProblem>), DatasetError> {
    let mut annotation = annotation_file::parse(&read_text(&xml)?, &xml)?;
    let mut problems = Vec::new();
    let own = images.with_stem(&stem(&xml));
    let named = annotation.filename.as_deref().map(|name| file_name(Path::new(&name.replace('\\', "/"))));
    let image = match (own, &named) {
        (Some(own), named) => {
            let other = named.as_ref().filter(|name| stem(Path::new(name)) != stem(own));
            if let Some(other) = other {
                let detail = format!("<filename> is {other}, but the image is {}", file_name(own));
                problems.push(AnnotationProblem::of_file(ProblemKind::NameMismatch, &xml, detail));
            }
            own.to_owned()
        }
        (None, Some(name)) if images.named(name).is_some() => images.folder().join(name),
        (None, named) => {
            let name = named.clone().unwrap_or_else(|| format!("{}.jpg", stem(&xml)));
            let image = images.folder().join(name);
            let detail = format!("{} does not exist", image.display());
            problems.push(AnnotationProblem::of_file(ProblemKind::MissingImage, &xml, detail));
            image
        }
    };
    if annotation.size.is_none() && problems.iter().all(|problem| problem.kind != ProblemKind::MissingImage) {
        match image_file::dimensions(&image) {
            Ok(size) => annotation.size = Some(size),
            Err(error) => {
                let detail = format!("no <size>, and the image's cannot be read: {error}");
                problems.push(AnnotationProblem::of_file(ProblemKind::UnreadableImage, &xml, detail));
            }
        }
    }
    Ok((Read { xml, annotation, image }, problems))
}

/// The annotation files that a list names, one a line: a name, in lists of one class followed by a flag.
fn listed_files(list: &Path, annotations: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let text = read_text(list)?;
    let mut files = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(name) = line.split_whitespace().next() else { continue };
        let file = annotations.join(format!("{name}.xml"));
        if !file.is_file() {
            return Err(DatasetError::Annotation {
                path: list.to_owned(),
                place: format!(":{}", number + 1),
                found: format!("`{name}`"),
                expected: format!("a name for which {} exists", file.display()),
            });
        }
        files.push(file);
    }
    Ok(files)
}
