//! A file of images, categories and annotated objects.

use std::path::Path;

use serde::Serialize;

use super::Outline;
use super::array::{self, ElementError};
use super::file_bytes::read_in_parallel;
use super::json::{ScanError, Scanned, Scanner, line_and_column};
use crate::DatasetError;

/// The content of a COCO annotation file.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AnnotationFile {
    /// What the file says of itself.
    pub info: Info,
    /// Its images, in the order of the file.
    pub images: Vec<Image>,
    /// Its categories, in the order of the file.
    pub categories: Vec<Category>,
    /// Its objects, in the order of the file.
    pub annotations: Vec<Annotation>,
}

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Info {
    /// What it is; empty where it does not say.
    pub description: String,
}

/// One image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its number.
    pub id: i64,
    /// Its file below the folder of images; empty where the file does not say.
    pub file_name: String,
    /// Height in pixels; 0 where the file does not say.
    pub height: u32,
    /// Width in pixels; 0 where the file does not say.
    pub width: u32,
}

/// One kind of object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Category {
    /// Its number; the numbers of a file need not be contiguous.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The group it belongs to; empty where the file does not say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub supercategory: String,
    /// Names of its keypoints; empty where it has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keypoints: Vec<String>,
    /// Pairs of keypoints that are joined, counted from 1; empty where it has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skeleton: Vec<[u32; 2]>,
}

/// One object.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Annotation {
    /// Its number.
    pub id: i64,
    /// The image it is in.
    pub image_id: i64,
    /// What it is.
    pub category_id: i64,
    /// Its box `[x, y, width, height]` in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bbox: Option<[f64; 4]>,
    /// Its size in square pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<f64>,
    /// Whether it is a group of objects that were not annotated one by one.
    #[serde(serialize_with = "as_number")]
    pub iscrowd: bool,
    /// Whether it is marked to be left out of an evaluation; COCO's own tools do not look at this key.
    #[serde(serialize_with = "as_number", skip_serializing_if = "std::ops::Not::not")]
    pub ignore: bool,
    /// Its shape; `None` also where [`Parts`] leaves shapes out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segmentation: Option<Outline>,
    /// `x, y, visibility` of each keypoint in turn (0 not annotated, 1 hidden, 2 visible); empty where it has none and
    /// where [`Parts`] leaves keypoints out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keypoints: Vec<f64>,
    /// Number of annotated keypoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_keypoints: Option<u32>,
}

fn as_number<S: serde::Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}

/// The parts of annotations to read; all others always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Shapes (`segmentation`).
    pub segmentation: bool,
    /// Keypoints.
    pub keypoints: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self { segmentation: true, keypoints: true };
    /// Boxes alone.
    pub const BOXES: Self = Self { segmentation: false, keypoints: false };
}

impl AnnotationFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not JSON, has no list `images` or `categories`, or an entry lacks its `id` or holds a
    /// value of another kind; the message names the file, the entry and the key. Whether ids exist is not checked.
    pub fn read(path: &Path, parts: Parts) -> Result<Self, DatasetError> {
        let bytes = read_in_parallel(path).map_err(|source| DatasetError::from_io(path, source))?;
        Self::parse(&bytes, parts).map_err(|detail| DatasetError::Format { path: path.to_owned(), detail })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// What is wrong and where, as [`read`](Self::read) says without the name of the file.
    pub fn parse(bytes: &[u8], parts: Parts) -> Result<Self, String> {
        let mut file = Self::default();
        let mut wrong_element: Option<String> = None;
        let (mut has_images, mut has_categories) = (false, false);
        let mut scanner = Scanner::new(bytes, 0);
        if scanner.next_token() == Some(b'[') {
            return Err(
                "found a list, which is how results of a detector are written; expected an annotation file, an \
                        object with the keys `images`, `annotations` and `categories`"
                    .to_owned(),
            );
        }
        let mut read_file = || {
            scanner.object(|scanner, key| {
                match key {
                    b"info" if scanner.next_token() == Some(b'{') => file.info = scan_info(scanner)?,
                    b"images" => {
                        file.images = elements(bytes, scanner, "image", scan_image, &mut wrong_element)?;
                        has_images = true;
                    }
                    b"categories" => {
                        file.categories = elements(bytes, scanner, "category", scan_category, &mut wrong_element)?;
                        has_categories = true;
                    }
                    b"annotations" => {
                        let scan = |scanner: &mut Scanner<'_>| scan_annotation(scanner, parts);
                        file.annotations = elements(bytes, scanner, "annotation", scan, &mut wrong_element)?;
                    }
                    _ => scanner.skip()?,
                }
                Ok(())
            })?;
            match scanner.next_token() {
                None => Ok(()),
                Some(_) => scanner.fail("the end of the file"),
            }
        };
        if let Err(error) = read_file() {
            return Err(wrong_element.unwrap_or_else(|| {
                let (line, column) = line_and_column(bytes, error.position);
                format!("line {line}, column {column}: {error}")
            }));
        }
        match (has_images, has_categories) {
            (true, true) => Ok(file),
            (false, _) => Err("found no key `images`, expected the list of images".to_owned()),
            (true, false) => Err("found no key `categories`, expected the list of categories".to_owned()),
        }
    }
}

/// Reads a list; an element that is wrong is described in `wrong`.
fn elements<'a, T: Send>(
    bytes: &'a [u8],
    scanner: &mut Scanner<'a>,
    name: &str,
    scan: impl Fn(&mut Scanner<'_>) -> Scanned<T> + Sync,
    wrong: &mut Option<String>,
) -> Scanned<Vec<T>> {
    let mut parts = array::read(bytes, scanner, scan).map_err(|error| {
        *wrong = Some(describe(bytes, name, &error));
        error.error
    })?;
    if parts.len() <= 1 {
        return Ok(parts.pop().unwrap_or_default());
    }
    let mut elements = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for part in parts {
        elements.extend(part);
    }
    Ok(elements)
}

/// Names a wrong element by its id where it has one, and by its place.
pub(super) fn describe(bytes: &[u8], name: &str, wrong: &ElementError) -> String {
    let ElementError { index, start, error } = wrong;
    let (line, column) = line_and_column(bytes, error.position);
    let mut id = None;
    // The element is wrong, so reading it for its id may fail as well.
    let _ = Scanner::new(bytes, *start).object(|scanner, key| match key {
        b"id" => {
            id = Some(scanner.integer()?);
            Ok(())
        }
        _ => scanner.skip(),
    });
    let id = id.map_or_else(String::new, |id| format!(" {id}"));
    format!("{name}{id} (number {} of the list; line {line}, column {column}): {error}", index + 1)
}

fn scan_info(scanner: &mut Scanner<'_>) -> Scanned<Info> {
    let mut info = Info::default();
    scanner.object(|scanner, key| match key {
        b"description" if scanner.next_token() == Some(b'"') => {
            info.description = scanner.string("text")?.into_owned();
            Ok(())
        }
        _ => scanner.skip(),
    })?;
    Ok(info)
}

/// The value of a key that must be there.
pub(super) fn required<T>(start: usize, key: &str, value: Option<T>) -> Scanned<T> {
    value.ok_or_else(|| ScanError::new(start, format!("found no key `{key}`")))
}

fn scan_side(scanner: &mut Scanner<'_>) -> Scanned<u32> {
    let place = *scanner;
    let side = scanner.integer()?;
    u32::try_from(side).or_else(|_| place.fail("a number of pixels"))
}

fn scan_image(scanner: &mut Scanner<'_>) -> Scanned<Image> {
    let start = scanner.position();
    let mut id = None;
    let mut image = Image::default();
    scanner.object(|scanner, key| {
        match key {
            b"id" => id = Some(scanner.integer()?),
            b"file_name" => image.file_name = scanner.string("the name of a file")?.into_owned(),
            b"height" => image.height = scan_side(scanner)?,
            b"width" => image.width = scan_side(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    image.id = required(start, "id", id)?;
    Ok(image)
}

fn scan_category(scanner: &mut Scanner<'_>) -> Scanned<Category> {
    let start = scanner.position();
    let (mut id, mut name) = (None, None);
    let mut category = Category::default();
    scanner.object(|scanner, key| {
        match key {
            b"id" => id = Some(scanner.integer()?),
            b"name" => name = Some(scanner.string("a name")?.into_owned()),
            b"supercategory" if scanner.next_token() == Some(b'"') => {
                category.supercategory = scanner.string("a name")?.into_owned();
            }
            b"keypoints" => scanner.array("a list of names", |scanner| {
                category.keypoints.push(scanner.string("a name")?.into_owned());
                Ok(())
            })?,
            b"skeleton" => scanner.array("a list of pairs", |scanner| {
                category.skeleton.push(scanner.fixed_numbers::<2>("two keypoints")?.map(|number| number as u32));
                Ok(())
            })?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    category.id = required(start, "id", id)?;
    category.name = required(start, "name", name)?;
    Ok(category)
}

/// A box `[x, y, width, height]`; `None` for `null` and an empty list.
pub(super) fn scan_bbox(scanner: &mut Scanner<'_>) -> Scanned<Option<[f64; 4]>> {
    if scanner.accept_null() {
        return Ok(None);
    }
    let mut ahead = *scanner;
    if ahead.accept(b'[') && ahead.accept(b']') {
        *scanner = ahead;
        return Ok(None);
    }
    scanner.fixed_numbers("4 (x, y, width, height)").map(Some)
}

/// Keypoints `x, y, visibility` in turn.
pub(super) fn scan_keypoints(scanner: &mut Scanner<'_>) -> Scanned<Vec<f64>> {
    let mut keypoints = Vec::new();
    if scanner.accept_null() {
        return Ok(keypoints);
    }
    scanner.next_token();
    let start = scanner.position();
    scanner.numbers("keypoints (`[x, y, visibility, …]`)", &mut keypoints)?;
    if keypoints.len() % 3 == 0 {
        Ok(keypoints)
    } else {
        let message = format!("found {} numbers, expected three a keypoint (x, y, visibility)", keypoints.len());
        Err(ScanError::new(start, message))
    }
}

fn scan_annotation(scanner: &mut Scanner<'_>, parts: Parts) -> Scanned<Annotation> {
    let start = scanner.position();
    let (mut id, mut image_id, mut category_id) = (None, None, None);
    let mut annotation = Annotation::default();
    scanner.object(|scanner, key| {
        match key {
            b"id" => id = Some(scanner.integer()?),
            b"image_id" => image_id = Some(scanner.integer()?),
            b"category_id" => category_id = Some(scanner.integer()?),
            b"bbox" => annotation.bbox = scan_bbox(scanner)?,
            b"area" => annotation.area = if scanner.accept_null() { None } else { Some(scanner.number()?) },
            b"iscrowd" => annotation.iscrowd = scanner.flag()?,
            b"ignore" => annotation.ignore = scanner.flag()?,
            b"segmentation" if parts.segmentation => annotation.segmentation = Outline::scan(scanner)?,
            b"keypoints" if parts.keypoints => annotation.keypoints = scan_keypoints(scanner)?,
            b"num_keypoints" => {
                annotation.num_keypoints = if scanner.accept_null() { None } else { Some(scan_side(scanner)?) };
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    annotation.id = required(start, "id", id)?;
    annotation.image_id = required(start, "image_id", image_id)?;
    annotation.category_id = required(start, "category_id", category_id)?;
    Ok(annotation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "info": {"description": "two \u00e9", "year": 2017},
        "annotations": [
            {"id": 7, "image_id": 3, "category_id": 90, "bbox": [1, 2.5, 3, 4], "area": 11.5, "iscrowd": 1,
             "segmentation": {"size": [4, 5], "counts": [0, 2, 18]}, "extra": {"bbox": [9]}},
            {"segmentation": [[0, 0, 2, 0, 2, 2]], "keypoints": [1, 2, 2, 0, 0, 0], "num_keypoints": 1, "ignore": 1,
             "category_id": 5, "image_id": 3, "id": 8}
        ],
        "categories": [{"id": 90, "name": "toothbrush", "supercategory": "indoor"},
                       {"id": 5, "name": "person", "keypoints": ["nose", "eye"], "skeleton": [[1, 2]]}],
        "images": [{"id": 3, "file_name": "a.jpg", "height": 4, "width": 5, "license": 1}],
        "licenses": []
    }"#;

    #[test]
    fn everything_is_read_as_it_is_written() {
        let file = AnnotationFile::parse(FILE.as_bytes(), Parts::ALL).unwrap();
        assert_eq!(file.info.description, "two é");
        assert_eq!(file.images, [Image { id: 3, file_name: "a.jpg".into(), height: 4, width: 5 }]);
        assert_eq!(file.categories[0].name, "toothbrush");
        assert_eq!((file.categories[1].keypoints.len(), file.categories[1].skeleton[0]), (2, [1, 2]));
        let [first, second] = &file.annotations[..] else { panic!("two annotations") };
        assert_eq!((first.id, first.image_id, first.category_id), (7, 3, 90));
        assert_eq!((first.bbox, first.area), (Some([1.0, 2.5, 3.0, 4.0]), Some(11.5)));
        assert!(first.iscrowd && !first.ignore && !second.iscrowd && second.ignore);
        assert_eq!(first.segmentation, Some(Outline::Runs { size: [4, 5], counts: vec![0, 2, 18] }));
        assert_eq!(second.segmentation, Some(Outline::Polygons(vec![vec![0.0, 0.0, 2.0, 0.0, 2.0, 2.0]])));
        assert_eq!((second.keypoints.len(), second.num_keypoints, second.bbox), (6, Some(1), None));
        let boxes = AnnotationFile::parse(FILE.as_bytes(), Parts::BOXES).unwrap();
        assert!(boxes.annotations.iter().all(|object| object.segmentation.is_none() && object.keypoints.is_empty()));
    }

    #[test]
    fn wrong_entries_are_named_by_id_and_key() {
        let broken = |from: &str, to: &str| {
            assert!(FILE.contains(from));
            AnnotationFile::parse(FILE.replacen(from, to, 1).as_bytes(), Parts::ALL).unwrap_err()
        };
        assert_eq!(
            broken("[1, 2.5, 3, 4]", "[1, 2.5, 3]"),
            "annotation 7 (number 1 of the list; line 4, column 65): `bbox`: found 3 numbers, expected 4 (x, y, width, \
             height)"
        );
        assert!(broken("[1, 2, 2, 0, 0, 0]", "[1, 2, 2, 0]").starts_with("annotation 8 (number 2"));
        assert!(broken("\"category_id\": 5,", "").ends_with("found no key `category_id`"));
        assert!(broken("\"name\": \"person\"", "\"name\": 7").contains("category 5"));
        assert!(broken("\"height\": 4", "\"height\": -4").contains("`height`"));
        assert!(broken("\"images\"", "\"imagez\"").contains("no key `images`"));
        assert!(broken("\"categories\"", "\"kinds\"").contains("no key `categories`"));
        assert!(AnnotationFile::parse(b"[]", Parts::ALL).unwrap_err().contains("results of a detector"));
        assert!(AnnotationFile::parse(b"{\"images\": [", Parts::ALL).unwrap_err().contains("the end of the file"));
        assert!(AnnotationFile::parse(b"", Parts::ALL).unwrap_err().contains("line 1, column 1"));
    }
}
