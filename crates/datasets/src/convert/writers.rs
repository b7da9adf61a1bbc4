//! Annotation files of each format.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

use quick_xml::escape::escape;
use vision_types::{Instance, Segmentation};

use super::files::{WrittenImage, make_folder, write};
use super::{Losses, WrittenSplits};
use crate::coco::{Annotation, AnnotationFile, Category, Image, Outline};
use crate::{DatasetError, DetectionData, SplitName};

/// Writes `annotations/instances_SPLIT.json`; gives the number of objects. Numbers of images and classes are kept where
/// the data have them, otherwise they count from 1, as COCO's do.
pub(super) fn coco(folder: &Path, data: &DetectionData, splits: &WrittenSplits) -> Result<usize, DatasetError> {
    let annotations = folder.join("annotations");
    make_folder(&annotations)?;
    let classes = &data.splits.classes;
    let ids = match &data.category_ids {
        Some(ids) => ids.clone(),
        None => (1..=classes.len() as i64).collect(),
    };
    let mut objects = 0;
    for (split, images) in splits {
        let mut seen = HashSet::new();
        let keep_ids = images.iter().all(|image| image.id.is_some_and(|id| seen.insert(id)));
        let mut file = AnnotationFile {
            categories: classes
                .iter()
                .zip(&ids)
                .map(|(name, &id)| Category { id, name: name.to_owned(), ..Category::default() })
                .collect(),
            ..AnnotationFile::default()
        };
        for (number, image) in images.iter().enumerate() {
            let id = image.id.filter(|_| keep_ids).unwrap_or(number as i64 + 1);
            let (width, height) = image.size;
            file.images.push(Image { id, file_name: image.name.clone(), height, width });
            for object in &image.objects {
                let id_of_class = ids.get(object.class).copied().unwrap_or(object.class as i64 + 1);
                let [x, y, w, h] = object.bbox.to_xywh().map(shortest);
                file.annotations.push(Annotation {
                    id: file.annotations.len() as i64 + 1,
                    image_id: id,
                    category_id: id_of_class,
                    bbox: Some([x, y, w, h]),
                    area: Some(object.area),
                    iscrowd: object.crowd,
                    segmentation: object.segmentation.as_ref().map(outline),
                    ..Annotation::default()
                });
            }
        }
        objects += file.annotations.len();
        let path = annotations.join(format!("instances_{split}.json"));
        let text = serde_json::to_string(&file)
            .map_err(|error| DatasetError::Unwritable { path: path.clone(), source: error.into() })?;
        write(&path, text)?;
    }
    Ok(objects)
}

/// The number that `value` was written as: the shortest decimal that is read back as it.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn outline(segmentation: &Segmentation) -> Outline {
    match segmentation {
        Segmentation::Polygons(outlines) => {
            Outline::Polygons(outlines.iter().map(|points| points.iter().flatten().copied().collect()).collect())
        }
        Segmentation::Rle(mask) => Outline::Runs { size: [mask.height, mask.width], counts: mask.counts.clone() },
    }
}

/// Writes `Annotations/NAME.xml` and the lists of `ImageSets/Main`; gives the number of objects. Corners are the first
/// and last pixels, counted from 1; fractions are kept. Groups of objects are marked as difficult.
pub(super) fn voc(
    folder: &Path,
    data: &DetectionData,
    splits: &WrittenSplits,
    left_out: &mut Losses,
    lost: &mut Losses,
) -> Result<usize, DatasetError> {
    let (annotations, lists) = (folder.join("Annotations"), folder.join("ImageSets").join("Main"));
    make_folder(&annotations)?;
    make_folder(&lists)?;
    let mut objects = 0;
    for (split, images) in splits {
        let mut list = String::new();
        for image in images {
            let (text, count) = voc_annotation(image, data, left_out, lost);
            objects += count;
            write(&annotations.join(format!("{}.xml", image.stem)), text)?;
            list.push_str(&image.stem);
            list.push('\n');
        }
        write(&lists.join(format!("{split}.txt")), list)?;
    }
    let has_validation = splits.iter().any(|(split, _)| *split == SplitName::Validation);
    if has_validation {
        let both = splits.iter().filter(|(split, _)| *split != SplitName::Test).flat_map(|(_, images)| images);
        let list: String = both.map(|image| format!("{}\n", image.stem)).collect();
        write(&lists.join("trainval.txt"), list)?;
    }
    Ok(objects)
}

fn voc_annotation(
    image: &WrittenImage,
    data: &DetectionData,
    left_out: &mut Losses,
    lost: &mut Losses,
) -> (String, usize) {
    let (width, height) = image.size;
    let mut text = format!(
        "<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>{}</filename>\n\t<size>\n\t\t<width>{width}</width>\n\t\t\
         <height>{height}</height>\n\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n",
        escape(&image.name)
    );
    let mut count = 0;
    for object in &image.objects {
        let edges = object.bbox;
        let corners = [shortest(edges.x1) + 1.0, shortest(edges.y1) + 1.0, shortest(edges.x2), shortest(edges.y2)];
        if corners[2] <= corners[0] || corners[3] <= corners[1] {
            left_out.add("boxes of at most one pixel's width or height", 1);
            continue;
        }
        lost.add("outlines and masks", usize::from(object.segmentation.is_some()));
        lost.add("groups of objects, now marked as difficult", usize::from(object.crowd));
        count += 1;
        let name = class_name(data, object);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\t<object>\n\t\t<name>{}</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n\t\t\
             <difficult>{}</difficult>\n\t\t<bndbox>\n",
            escape(&name),
            u8::from(object.crowd)
        );
        for (element, corner) in ["xmin", "ymin", "xmax", "ymax"].iter().zip(corners) {
            let _ = writeln!(text, "\t\t\t<{element}>{corner}</{element}>");
        }
        text.push_str("\t\t</bndbox>\n\t</object>\n");
    }
    text.push_str("</annotation>\n");
    (text, count)
}

fn class_name(data: &DetectionData, object: &Instance) -> String {
    data.splits.classes.get(object.class).map_or_else(|| object.class.to_string(), str::to_owned)
}

/// Writes `labels/SPLIT/NAME.txt` and `data.yaml`; gives the number of objects. An image without objects gets an empty
/// file.
pub(super) fn yolo(
    folder: &Path,
    data: &DetectionData,
    splits: &WrittenSplits,
    left_out: &mut Losses,
    lost: &mut Losses,
) -> Result<usize, DatasetError> {
    let mut objects = 0;
    let mut yaml = String::from("# Paths start from the folder of this file.\n");
    for (split, images) in splits {
        let labels = folder.join("labels").join(split.as_str());
        make_folder(&labels)?;
        let _ = writeln!(yaml, "{split}: images/{split}");
        for image in images {
            let mut text = String::new();
            for object in &image.objects {
                if object.crowd {
                    left_out.add("groups of objects", 1);
                    continue;
                }
                lost.add("outlines and masks", usize::from(object.segmentation.is_some()));
                objects += 1;
                let edges = [object.bbox.x1, object.bbox.y1, object.bbox.x2, object.bbox.y2].map(shortest);
                let (width, height) = (f64::from(image.size.0), f64::from(image.size.1));
                let fractions = [
                    (edges[0] + edges[2]) / 2.0 / width,
                    (edges[1] + edges[3]) / 2.0 / height,
                    (edges[2] - edges[0]) / width,
                    (edges[3] - edges[1]) / height,
                ];
                let _ = write!(text, "{}", object.class);
                for fraction in fractions {
                    let _ = write!(text, " {}", trimmed(fraction));
                }
                text.push('\n');
            }
            write(&labels.join(format!("{}.txt", image.stem)), text)?;
        }
    }
    let _ = writeln!(yaml, "\nnc: {}\nnames:", data.splits.classes.len());
    for (number, name) in data.splits.classes.iter().enumerate() {
        let name: String = name.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
        let _ = writeln!(yaml, "  {number}: '{}'", name.replace('\'', "''"));
    }
    write(&folder.join("data.yaml"), yaml)?;
    Ok(objects)
}

/// A fraction with nine digits after the point, enough for a hundred-thousandth of a pixel in the widest of images.
fn trimmed(fraction: f64) -> String {
    let text = format!("{fraction:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
