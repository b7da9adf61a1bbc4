//! Answers of a segmentation network.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use image::RgbImage;
use pictures::{draw, write_mask_png};
use serde::Serialize;
use tensor_backend::SelectedBackend;
use trainer::tasks::segmentation::{SegmentationPredictor, SegmentedImage, SegmentedObject};
use vision_types::{ClassId, Mask};

use super::shape::Shape;
use super::{Answers, image_id, quoted};

/// How much of a class's colour covers a picture.
const OPACITY: f32 = 0.45;

/// A segmentation network and what is asked of its answers.
pub(super) struct Segments {
    segmenter: SegmentationPredictor<SelectedBackend>,
    /// Pixels that an object must have.
    min_area: u64,
    /// Whether objects are written as outlines instead of runs of pixels.
    polygons: bool,
}

/// One image's answer in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    image: String,
    /// The file with the class of each pixel, where one was written.
    mask: Option<PathBuf>,
    /// Pixels of each class that is there.
    areas: BTreeMap<String, u64>,
    /// Connected regions of one class.
    objects: Vec<Object>,
    /// Until it has been drawn and written.
    #[serde(skip)]
    pixels: Option<Mask>,
    #[serde(skip)]
    size: [u32; 2],
}

/// A connected region.
#[derive(Debug, Clone, Serialize)]
struct Object {
    class: String,
    class_id: ClassId,
    /// The mean probability of its pixels.
    score: f32,
    area: u64,
    /// `[x, y, width, height]` in pixels of the image, as in COCO.
    bbox: [f32; 4],
    segmentation: Shape,
}

/// One object in COCO's results form.
#[derive(Debug, Serialize)]
struct CocoResult<'a> {
    /// The number in the file's name where that is one (`000000000139.jpg`), else the image's position from 1.
    image_id: u64,
    /// The class's number in the model: the background is 0, so that objects count from 1.
    category_id: usize,
    segmentation: &'a Shape,
    bbox: [f32; 4],
    area: u64,
    score: f32,
}

impl Segments {
    /// `segmenter`, asked for objects of at least `min_area` pixels, or as its run says.
    pub(super) fn new(
        segmenter: SegmentationPredictor<SelectedBackend>,
        min_area: Option<u64>,
        polygons: bool,
    ) -> Self {
        let min_area = min_area.unwrap_or(segmenter.decoding().min_area);
        Self { segmenter, min_area, polygons }
    }

    fn name(&self, class: u8) -> String {
        self.segmenter.classes().get(usize::from(class)).unwrap_or_default().to_owned()
    }

    fn object(&self, object: SegmentedObject) -> Object {
        Object {
            class: self.name(object.class),
            class_id: usize::from(object.class),
            score: object.score,
            area: object.pixels.area(),
            bbox: object.pixels.bbox().to_xywh(),
            segmentation: match self.polygons {
                true => Shape::Outlines(vec![object.outline.concat()]),
                false => Shape::runs(&object.pixels),
            },
        }
    }
}

impl Answers for Segments {
    type Prediction = SegmentedImage;
    type Answer = Answer;

    fn predict(&self, images: &[RgbImage]) -> Vec<SegmentedImage> {
        self.segmenter.segment(images)
    }

    fn answer(&self, file: &Path, prediction: SegmentedImage) -> Answer {
        let mut counts = [0u64; 256];
        for class in prediction.mask.pixels() {
            counts[usize::from(*class)] += 1;
        }
        let areas = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
        let size = [prediction.mask.height(), prediction.mask.width()];
        let objects = self.segmenter.objects(&prediction, self.min_area);
        Answer {
            image: file.display().to_string(),
            mask: None,
            areas: areas.map(|(class, count)| (self.name(class as u8), count)).collect(),
            objects: objects.into_iter().map(|object| self.object(object)).collect(),
            pixels: Some(prediction.mask),
            size,
        }
    }

    fn line(&self, answer: &Answer) -> String {
        let all: u64 = answer.areas.values().sum();
        // In the order of the classes.
        let shares = self.segmenter.classes().iter().filter_map(|class| {
            let count = answer.areas.get(class)?;
            Some(format!("{class} {:.1} %", 100.0 * *count as f64 / all.max(1) as f64))
        });
        let shares: Vec<String> = shares.collect();
        format!("{}: {}; {} objects", answer.image, shares.join(", "), answer.objects.len())
    }

    fn picture(&self, image: &RgbImage, answer: &Answer) -> RgbImage {
        let mut picture = image.clone();
        if let Some(mask) = &answer.pixels {
            draw::mask_overlay(&mut picture, mask, OPACITY);
            draw::mask_contours(&mut picture, mask);
        }
        picture
    }

    fn write_files(&self, folder: &Path, name: &str, answer: &mut Answer) -> anyhow::Result<()> {
        let folder = folder.join("masks");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let path = folder.join(format!("{name}.png"));
        if let Some(mask) = answer.pixels.take() {
            write_mask_png(&path, &mask)?;
        }
        answer.mask = Some(path);
        Ok(())
    }

    fn write_tables(&self, folder: &Path, answers: &[Answer]) -> anyhow::Result<()> {
        let mut table = String::from("image,class,class_id,pixels,share,objects\n");
        let mut results = Vec::new();
        for (position, answer) in answers.iter().enumerate() {
            let image_id = image_id(&answer.image).unwrap_or(position as u64 + 1);
            let all = u64::from(answer.size[0]) * u64::from(answer.size[1]);
            for (class_id, class) in self.segmenter.classes().iter().enumerate() {
                let pixels = answer.areas.get(class).copied().unwrap_or_default();
                let objects = answer.objects.iter().filter(|object| object.class_id == class_id).count();
                let share = pixels as f64 / all.max(1) as f64;
                let (image, class) = (quoted(&answer.image), quoted(class));
                table.push_str(&format!("{image},{class},{class_id},{pixels},{share:.6},{objects}\n"));
            }
            results.extend(answer.objects.iter().map(|object| CocoResult {
                image_id,
                category_id: object.class_id,
                segmentation: &object.segmentation,
                bbox: object.bbox,
                area: object.area,
                score: object.score,
            }));
        }
        let path = folder.join("areas.csv");
        fs::write(&path, table).with_context(|| path.display().to_string())?;
        let path = folder.join("objects.coco.json");
        fs::write(&path, serde_json::to_vec(&results)?).with_context(|| path.display().to_string())
    }
}
