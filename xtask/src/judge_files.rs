//! `cargo xtask eval --predictions`: detections of any program against annotations, both in COCO's files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::ValueEnum;
use datasets::coco::{AnnotationFile, Parts, ResultsFile};
use metrics::{CocoBoxes, FoundBox, KnownBox};
use serde::Serialize;

use crate::output;

/// What detections are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Boxes.
    Bbox,
}

/// What `eval --predictions … --json` prints.
#[derive(Debug, Serialize)]
struct FileEvaluation {
    metrics: serde_json::Map<String, serde_json::Value>,
    seconds: f64,
}

/// What is known of and found in an image.
type ImageBoxes = (Vec<KnownBox>, Vec<FoundBox>);

/// Judges `predictions` by `ground_truth` and prints the twelve figures.
pub(crate) fn judge_files(predictions: &Path, ground_truth: &Path, kind: Kind, json: bool) -> anyhow::Result<()> {
    let Kind::Bbox = kind;
    let started = Instant::now();
    let (boxes, classes) = read(predictions, ground_truth)?;
    let figures = boxes.twelve(classes);
    let seconds = started.elapsed().as_secs_f64();
    if json {
        let metrics = figures.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        return output::json(&FileEvaluation { metrics, seconds });
    }
    let mut rows = vec![vec!["metric".to_owned(), "value".to_owned()]];
    rows.extend(figures.iter().map(|(name, value)| {
        vec![(*name).to_owned(), value.map_or_else(|| "-".to_owned(), |value| format!("{value:.6}"))]
    }));
    output::line(output::table(&rows));
    output::line(format!("{seconds:.3} s"));
    Ok(())
}

/// The boxes of both files, image by image, and the number of classes. Both are gone through in the order of their
/// numbers, as pycocotools does.
fn read(predictions: &Path, ground_truth: &Path) -> anyhow::Result<(CocoBoxes, usize)> {
    let truth = AnnotationFile::read(ground_truth, Parts::BOXES)?;
    let numbered = |ids: &mut dyn Iterator<Item = i64>| -> BTreeMap<i64, usize> {
        let sorted: std::collections::BTreeSet<i64> = ids.collect();
        sorted.into_iter().enumerate().map(|(number, id)| (id, number)).collect()
    };
    let classes = numbered(&mut truth.categories.iter().map(|category| category.id));
    let mut images: BTreeMap<i64, ImageBoxes> =
        truth.images.iter().map(|image| (image.id, ImageBoxes::default())).collect();
    for annotation in &truth.annotations {
        let (Some(image), Some(&class)) = (images.get_mut(&annotation.image_id), classes.get(&annotation.category_id))
        else {
            continue;
        };
        let bbox = annotation
            .bbox
            .with_context(|| format!("{}: annotation {} has no `bbox`", ground_truth.display(), annotation.id))?;
        let area = annotation.area.unwrap_or(bbox[2] * bbox[3]);
        image.0.push(KnownBox { bbox, class, area, crowd: annotation.iscrowd });
    }
    for entry in ResultsFile::open(predictions)?.entries(Parts::BOXES)? {
        let Some(image) = images.get_mut(&entry.image_id) else {
            bail!(
                "{}: image {} is not among those of {}",
                predictions.display(),
                entry.image_id,
                ground_truth.display()
            );
        };
        let bbox = entry.bbox.with_context(|| format!("{}: a detection has no `bbox`", predictions.display()))?;
        if !entry.score.is_finite() {
            bail!("{}: a detection has the score {}, expected a number", predictions.display(), entry.score);
        }
        // pycocotools passes over detections of categories that the annotations do not have.
        if let Some(&class) = classes.get(&entry.category_id) {
            image.1.push(FoundBox { bbox, class, score: entry.score });
        }
    }
    let mut boxes = CocoBoxes::default();
    for (known, found) in images.into_values() {
        boxes.add(known, found);
    }
    Ok((boxes, classes.len()))
}
