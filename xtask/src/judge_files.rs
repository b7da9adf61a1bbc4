//! `cargo xtask eval --predictions`: detections of any program against annotations, both in COCO's files.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use datasets::coco::{Annotation, AnnotationFile, Image, Parts, ResultEntry, ResultLayout, ResultsFile};
use metrics::{
    Boxes, CocoFigures, CocoImage, CocoImages, CocoObjects, CocoSettings, FoundBox, FoundKeypoints, FoundMask,
    Keypoints, KnownBox, KnownKeypoints, KnownMask, Masks, VocBoxes, VocFound, VocInterpolation, VocKnown, VocSettings,
};
use serde::Serialize;
use serde_json::{Map, Value};
use vision_types::Rle;

use crate::output;

/// What detections are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Boxes.
    Bbox,
    /// Masks.
    Segm,
    /// Keypoints of persons, or of what `--keypoint-sigmas` is about.
    Keypoints,
}

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// COCO's.
    Coco,
    /// Those of the Pascal VOC challenges from 2010 on: the whole area under the curve.
    Voc,
    /// Those of Pascal VOC 2007: eleven recall levels.
    Voc2007,
}

/// Arguments that are about files of predictions.
#[derive(Debug, Args)]
pub(crate) struct FileArguments {
    /// Judge detections of any program, in COCO's results form, instead of a run.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["run", "init_from"], requires = "ground_truth")]
    predictions: Option<PathBuf>,
    /// What the detections are judged by, in COCO's annotation form.
    #[arg(long, value_name = "FILE", requires = "predictions")]
    ground_truth: Option<PathBuf>,
    /// What is compared.
    #[arg(long, value_name = "KIND", default_value = "bbox", requires = "predictions")]
    kind: Kind,
    /// Whose rules hold.
    #[arg(long, value_name = "NAME", default_value = "coco", requires = "predictions")]
    protocol: Protocol,
    /// Overlaps from which a detection is right: `0.5`, `0.5,0.75`, or `FIRST:LAST:STEP`; default: 0.5:0.95:0.05, with
    /// VOC's rules 0.5.
    #[arg(long, value_name = "LIST", requires = "predictions", value_parser = thresholds)]
    iou_thresholds: Option<Thresholds>,
    /// Detections of a class that count in an image, rising: average precision has the last number of them, average
    /// recall each; default: 1,10,100, for keypoints 20.
    #[arg(long, value_name = "LIST", requires = "predictions", value_delimiter = ',')]
    max_detections: Option<Vec<usize>>,
    /// Spread of each keypoint relative to the object's size; default: the 17 of COCO's persons.
    #[arg(long, value_name = "LIST", requires = "predictions", value_delimiter = ',')]
    keypoint_sigmas: Option<Vec<f64>>,
    /// Print the figures of each class as well.
    #[arg(long, requires = "predictions")]
    per_class: bool,
}

#[derive(Debug, Clone)]
struct Thresholds(Vec<f64>);

fn thresholds(text: &str) -> Result<Thresholds, String> {
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| format!("`{text}` is not a number"));
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        [first, last, step] => {
            let (first, last, step) = (number(first)?, number(last)?, number(step)?);
            let count = ((last - first) / step).round() + 1.0;
            if !(1.0..=1000.0).contains(&count) {
                return Err("expected FIRST:LAST:STEP with a positive step".to_owned());
            }
            Ok(Thresholds(CocoSettings::thresholds(first, last, count as usize)))
        }
        [_] => text.split(',').map(number).collect::<Result<_, _>>().map(Thresholds),
        _ => Err("expected numbers separated by commas, or FIRST:LAST:STEP".to_owned()),
    }
}

/// What `eval --predictions … --json` prints.
#[derive(Debug, Serialize)]
struct FileEvaluation {
    metrics: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_class: Option<Vec<Map<String, Value>>>,
    seconds: f64,
}

/// Names and figures.
type Figures = Vec<(String, Option<f64>)>;

/// The figures of all classes, and of each.
struct Judgement {
    figures: Figures,
    per_class: Vec<(String, Figures)>,
}

impl FileArguments {
    /// Judges the files, if any were given, and prints the figures.
    pub(crate) fn judge(&self, json: bool) -> anyhow::Result<bool> {
        let (Some(predictions), Some(ground_truth)) = (&self.predictions, &self.ground_truth) else {
            return Ok(false);
        };
        let files = Files { predictions, ground_truth };
        let started = Instant::now();
        let judgement = match (self.protocol, self.kind) {
            (Protocol::Coco, Kind::Bbox) => files.coco(Boxes, self.settings::<Boxes>()?, self.per_class, &BoxReader)?,
            (Protocol::Coco, Kind::Segm) => {
                files.coco(Masks, self.settings::<Masks>()?, self.per_class, &MaskReader)?
            }
            (Protocol::Coco, Kind::Keypoints) => self.keypoints(&files)?,
            (_, Kind::Bbox) => self.voc(&files)?,
            _ => bail!("the rules of Pascal VOC are for boxes: expected `--kind bbox`"),
        };
        print(&judgement, self.per_class, started.elapsed().as_secs_f64(), json)?;
        Ok(true)
    }

    fn settings<K: CocoObjects>(&self) -> anyhow::Result<CocoSettings> {
        let mut settings = K::settings();
        if let Some(Thresholds(thresholds)) = &self.iou_thresholds {
            settings.iou_thresholds.clone_from(thresholds);
        }
        if let Some(most) = &self.max_detections {
            settings.most_detections.clone_from(most);
        }
        settings.problem().map_or(Ok(settings), |problem| bail!("{problem}"))
    }

    fn keypoints(&self, files: &Files<'_>) -> anyhow::Result<Judgement> {
        let kind = self.keypoint_sigmas.clone().map_or_else(Keypoints::default, |sigmas| Keypoints { sigmas });
        if !kind.sigmas.iter().all(|sigma| *sigma > 0.0 && sigma.is_finite()) {
            bail!("`--keypoint-sigmas` must be positive, found {:?}", kind.sigmas);
        }
        let reader = KeypointReader { count: kind.sigmas.len() };
        let (images, names) = files.read(kind, self.settings::<Keypoints>()?, &reader)?;
        let figures = images.ten(names.len()).map(|(name, value)| (name.to_owned(), value)).to_vec();
        let per_class = if self.per_class { per_class(&images, names) } else { Vec::new() };
        Ok(Judgement { figures, per_class })
    }

    fn voc(&self, files: &Files<'_>) -> anyhow::Result<Judgement> {
        let interpolation = match self.protocol {
            Protocol::Voc2007 => VocInterpolation::ElevenPoint,
            Protocol::Voc | Protocol::Coco => VocInterpolation::EveryPoint,
        };
        let thresholds = self.iou_thresholds.as_ref().map_or(&[0.5][..], |Thresholds(thresholds)| thresholds);
        let (images, names) = files.read(Boxes, CocoSettings::default(), &BoxReader)?;
        let xyxy = |[x, y, width, height]: [f64; 4]| [x, y, x + width, y + height];
        let (mut figures, mut per_class) = (Figures::new(), Vec::new());
        for (number, &iou_threshold) in thresholds.iter().enumerate() {
            let mut boxes = VocBoxes::new(VocSettings { iou_threshold, interpolation, ..VocSettings::default() });
            for (known, found) in images.images() {
                let known = known.iter().map(|object| VocKnown {
                    xyxy: xyxy(object.bbox),
                    class: object.class,
                    difficult: object.crowd,
                });
                let found = found.iter().map(|detection| VocFound {
                    xyxy: xyxy(detection.bbox),
                    class: detection.class,
                    score: detection.score,
                });
                boxes.add(known.collect(), found.collect());
            }
            let suffix = if thresholds.len() == 1 { String::new() } else { format!("@{iou_threshold}") };
            let each = boxes.each_class(names.len());
            figures.push((format!("mAP{suffix}"), boxes.map(names.len())));
            for (class, name) in each.iter().zip(&names) {
                if number == 0 {
                    per_class.push((name.clone(), Figures::new()));
                }
                let row =
                    per_class.iter_mut().find(|(other, _)| other == name).expect("pushed for the first threshold");
                row.1.push((format!("AP{suffix}"), class.ap));
            }
        }
        Ok(Judgement { figures, per_class })
    }
}

/// Figures as a JSON object.
fn object(figures: &Figures) -> Map<String, Value> {
    figures.iter().map(|(name, value)| (name.clone(), (*value).into())).collect()
}

fn print(judgement: &Judgement, per_class: bool, seconds: f64, json: bool) -> anyhow::Result<()> {
    if json {
        let row = |(class, figures): &(String, Figures)| {
            let mut row = object(figures);
            row.insert("class".to_owned(), class.clone().into());
            row
        };
        let per_class = per_class.then(|| judgement.per_class.iter().map(row).collect());
        return output::json(&FileEvaluation { metrics: object(&judgement.figures), per_class, seconds });
    }
    let cell = |value: &Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.6}"));
    let mut rows = vec![vec!["metric".to_owned(), "value".to_owned()]];
    rows.extend(judgement.figures.iter().map(|(name, value)| vec![name.clone(), cell(value)]));
    output::line(output::table(&rows));
    if let (true, Some((_, first))) = (per_class, judgement.per_class.first()) {
        let heads = first.iter().map(|(name, _)| name.clone());
        let mut rows = vec![std::iter::once("class".to_owned()).chain(heads).collect::<Vec<_>>()];
        rows.extend(judgement.per_class.iter().map(|(class, figures)| {
            std::iter::once(class.clone()).chain(figures.iter().map(|(_, value)| cell(value))).collect()
        }));
        output::line(String::new());
        output::line(output::table(&rows));
    }
    output::line(format!("{seconds:.3} s"));
    Ok(())
}

/// The figures of each class.
fn per_class<K: CocoObjects>(images: &CocoImages<K>, names: Vec<String>) -> Vec<(String, Figures)> {
    let most = images.settings().most_detections.last().copied().unwrap_or_default();
    let row = |[all, small, medium, large]: [CocoFigures; 4]| {
        let figures = [
            ("AP".to_owned(), all.ap()),
            ("AP50".to_owned(), all.ap50()),
            ("AP75".to_owned(), all.ap75()),
            ("APs".to_owned(), small.ap()),
            ("APm".to_owned(), medium.ap()),
            ("APl".to_owned(), large.ap()),
            (format!("AR{most}"), all.ar()),
        ];
        figures.to_vec()
    };
    names.iter().zip(images.each_class(names.len())).map(|(name, figures)| (name.clone(), row(figures))).collect()
}

/// What to make of annotations and detections.
trait Reader<K: CocoObjects>: Sync {
    /// What has to be read.
    const PARTS: Parts;

    fn known(&self, annotation: &Annotation, class: usize, image: &Image) -> Result<K::Known, String>;

    fn found(&self, entry: ResultEntry, class: usize, image: &Image, layout: ResultLayout) -> Result<K::Found, String>;
}

struct BoxReader;

impl Reader<Boxes> for BoxReader {
    const PARTS: Parts = Parts::BOXES;

    fn known(&self, annotation: &Annotation, class: usize, _: &Image) -> Result<KnownBox, String> {
        let bbox = annotation.bbox.ok_or("no `bbox`")?;
        let area = annotation.area.unwrap_or(bbox[2] * bbox[3]);
        Ok(KnownBox { bbox, class, area, crowd: annotation.iscrowd })
    }

    fn found(&self, entry: ResultEntry, class: usize, _: &Image, _: ResultLayout) -> Result<FoundBox, String> {
        let bbox = entry.bbox.ok_or("no `bbox`")?;
        Ok(FoundBox { bbox, class, score: entry.score })
    }
}

struct MaskReader;

/// The mask of an entry, which must have the size of its image.
fn mask(outline: Option<&datasets::coco::Outline>, image: &Image) -> Result<Rle, String> {
    let mask = outline.ok_or("no `segmentation`")?.to_rle(image.height, image.width)?;
    if (mask.width, mask.height) != (image.width, image.height) {
        return Err(format!(
            "a mask of {}×{} pixels, but image {} has {}×{} (width × height)",
            mask.width, mask.height, image.id, image.width, image.height
        ));
    }
    Ok(mask)
}

impl Reader<Masks> for MaskReader {
    const PARTS: Parts = Parts { segmentation: true, keypoints: false };

    fn known(&self, annotation: &Annotation, class: usize, image: &Image) -> Result<KnownMask, String> {
        let mask = mask(annotation.segmentation.as_ref(), image)?;
        let area = annotation.area.unwrap_or(mask.area() as f64);
        Ok(KnownMask { bbox: mask.bbox(), mask, class, area, crowd: annotation.iscrowd })
    }

    fn found(
        &self,
        entry: ResultEntry,
        class: usize,
        image: &Image,
        layout: ResultLayout,
    ) -> Result<FoundMask, String> {
        let mask = mask(entry.segmentation.as_ref(), image)?;
        let area = match (layout, entry.bbox) {
            (ResultLayout::Boxes, Some([_, _, width, height])) => width * height,
            _ => mask.area() as f64,
        };
        Ok(FoundMask { bbox: mask.bbox(), mask, class, area, score: entry.score })
    }
}

struct KeypointReader {
    count: usize,
}

impl KeypointReader {
    fn points(&self, numbers: &[f64]) -> Result<Vec<[f64; 3]>, String> {
        let (points, _) = numbers.as_chunks::<3>();
        if points.len() == self.count {
            return Ok(points.to_vec());
        }
        Err(format!("{} keypoints, expected {} (`--keypoint-sigmas` sets others)", points.len(), self.count))
    }
}

impl Reader<Keypoints> for KeypointReader {
    const PARTS: Parts = Parts { segmentation: false, keypoints: true };

    fn known(&self, annotation: &Annotation, class: usize, _: &Image) -> Result<KnownKeypoints, String> {
        // Objects too small or too hidden to have any are written without a list.
        let keypoints = match &annotation.keypoints[..] {
            [] => vec![[0.0; 3]; self.count],
            numbers => self.points(numbers)?,
        };
        let bbox = annotation.bbox.ok_or("no `bbox`")?;
        let area = annotation.area.unwrap_or(bbox[2] * bbox[3]);
        let annotated = keypoints.iter().filter(|point| point[2] > 0.0).count();
        let none = annotation.num_keypoints.map_or(annotated == 0, |number| number == 0);
        let (crowd, ignored) = (annotation.iscrowd, annotation.iscrowd || none);
        Ok(KnownKeypoints { keypoints, bbox, class, area, crowd, ignored })
    }

    fn found(
        &self,
        entry: ResultEntry,
        class: usize,
        _: &Image,
        layout: ResultLayout,
    ) -> Result<FoundKeypoints, String> {
        let keypoints: Vec<[f64; 2]> = self.points(&entry.keypoints)?.iter().map(|&[x, y, _]| [x, y]).collect();
        let area = match (layout, entry.bbox) {
            (ResultLayout::Boxes, Some([_, _, width, height])) => width * height,
            _ => FoundKeypoints::extent(&keypoints),
        };
        Ok(FoundKeypoints { keypoints, class, score: entry.score, area })
    }
}

/// Numbers of ids in their order, from 0.
type Numbers = HashMap<i64, usize, BuildHasherDefault<IdHasher>>;

fn numbered(ids: impl Iterator<Item = i64>) -> Numbers {
    let mut ids: Vec<i64> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().enumerate().map(|(number, id)| (id, number)).collect()
}

/// A hash of one number that costs a multiplication: an id is looked up for every detection, and nobody gains from ids
/// that collide in a file of their own.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u64(&mut self, value: u64) {
        /// 2⁶⁴ over the golden ratio (Knuth, "The art of computer programming", volume 3, section 6.4).
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let product = (self.0 ^ value).wrapping_mul(FACTOR);
        // The table looks at the lowest and the highest bits; the best ones are the highest.
        self.0 = product ^ (product >> 32);
    }

    fn write_i64(&mut self, value: i64) {
        self.write_u64(value as u64);
    }
}

/// The two files.
struct Files<'a> {
    predictions: &'a Path,
    ground_truth: &'a Path,
}

impl Files<'_> {
    fn coco<K: CocoObjects, R: Reader<K>>(
        &self,
        kind: K,
        settings: CocoSettings,
        each: bool,
        reader: &R,
    ) -> anyhow::Result<Judgement>
    where
        K::Found: Send,
    {
        let (images, names) = self.read(kind, settings, reader)?;
        let figures = images.summary(names.len());
        let per_class = if each { per_class(&images, names) } else { Vec::new() };
        Ok(Judgement { figures, per_class })
    }

    /// What both files hold, image by image, and the names of the classes. Both are gone through in the order of their
    /// numbers, as pycocotools does.
    fn read<K: CocoObjects, R: Reader<K>>(
        &self,
        kind: K,
        settings: CocoSettings,
        reader: &R,
    ) -> anyhow::Result<(CocoImages<K>, Vec<String>)>
    where
        K::Found: Send,
    {
        // Where one file has to wait, the other is gone on with.
        let (truth, results) =
            rayon::join(|| AnnotationFile::read(self.ground_truth, R::PARTS), || ResultsFile::open(self.predictions));
        let (truth, results) = (truth?, results?);
        let classes = numbered(truth.categories.iter().map(|category| category.id));
        let numbers = numbered(truth.images.iter().map(|image| image.id));
        let mut names = vec![String::new(); classes.len()];
        for category in &truth.categories {
            names[classes[&category.id]].clone_from(&category.name);
        }
        let mut infos = vec![None; numbers.len()];
        let mut images: Vec<CocoImage<K>> = Vec::new();
        images.resize_with(numbers.len(), Default::default);
        for image in &truth.images {
            infos[numbers[&image.id]] = Some(image);
        }
        let info = |number: usize| infos[number].expect("every image has a number");
        for annotation in &truth.annotations {
            let (Some(&image), Some(&class)) =
                (numbers.get(&annotation.image_id), classes.get(&annotation.category_id))
            else {
                continue;
            };
            let known = reader
                .known(annotation, class, info(image))
                .map_err(|problem| anyhow::anyhow!("annotation {} has {problem}", annotation.id))
                .with_context(|| self.ground_truth.display().to_string())?;
            images[image].0.push(known);
        }
        let layout = results.layout();
        let found = results.map_entries(R::PARTS, |entry| {
            let Some(&image) = numbers.get(&entry.image_id) else {
                return Err(format!("image {} is not among those of {}", entry.image_id, self.ground_truth.display()));
            };
            if !entry.score.is_finite() {
                return Err(format!("found the score {}, expected a number", entry.score));
            }
            // pycocotools passes over detections of categories that the annotations do not have.
            let Some(&class) = classes.get(&entry.category_id) else { return Ok(None) };
            let found = reader.found(entry, class, info(image), layout);
            found.map(|found| Some((image, found))).map_err(|problem| format!("found {problem}"))
        })?;
        for (image, found) in found.into_iter().flatten().flatten() {
            images[image].1.push(found);
        }
        let mut all = CocoImages::new(kind, settings);
        for (known, found) in images {
            all.add(known, found);
        }
        Ok((all, names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_lists_or_ranges() {
        let parsed = |text: &str| thresholds(text).map(|Thresholds(found)| found);
        assert_eq!(parsed("0.5:0.95:0.05").unwrap(), CocoSettings::default().iou_thresholds);
        assert_eq!(parsed("0.5, 0.75").unwrap(), [0.5, 0.75]);
        assert_eq!(parsed("0.3").unwrap(), [0.3]);
        for wrong in ["", "a", "0.5:0.9", "0.5:0.9:0", "0.5:0.9:-0.1"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
