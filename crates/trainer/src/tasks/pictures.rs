//! What the tasks' pictures have in common: training samples on a sheet, galleries of answers, parts side by side.

use augment::{AugmentKey, Filter, ImageSize, Letterbox, Rectangle};
use datasets::Samples;
use image::{Rgb, RgbImage, imageops};
use vision_types::Sample;

use super::definition::TaskDefinition;
use crate::config::AnnotationOf;
use crate::report::{Gallery, GalleryItem};
use crate::training::sampler::{Sampling, order};

/// Pixels of the longer side of a picture in a gallery of the report, where details count.
pub(super) const WIDE_SIDE: u32 = 300;
/// Pictures of each gallery of answers, where details count.
pub(super) const WIDE_ITEMS: usize = 9;
/// Pixels between pictures side by side.
const GAP: u32 = 6;

/// How a task's training samples are shown.
#[derive(Debug, Clone, Copy)]
pub struct PictureLayout {
    /// How many.
    pub samples: usize,
    /// Columns of the contact sheet.
    pub columns: usize,
    /// Pixels of a cell of the sheet.
    pub cell: u32,
    /// Whether details count, so that the report shows them larger.
    pub wide: bool,
    /// What the report says of them.
    pub note: &'static str,
}

/// A training sample as the network sees it.
#[derive(Debug)]
pub struct TrainingPicture {
    /// The picture, with what is annotated where it can be drawn.
    pub image: RgbImage,
    /// What stands below it on the sheet.
    pub caption: String,
    /// What is annotated, where it is a word.
    pub label: Option<String>,
    /// Where the sample comes from.
    pub source: String,
}

/// The first samples of the first epoch, as the network sees them. Those that cannot be read are left out: they are told
/// of where it matters, in training.
pub(crate) fn training_pictures<K: TaskDefinition>(
    task: &K::Task,
    train: &Samples<AnnotationOf<K>>,
    seed: u64,
) -> Vec<TrainingPicture> {
    let classes = vec![0; train.len()];
    let shown = order(Sampling::Shuffled, seed, 0, &classes).into_iter().filter_map(|index| {
        K::training_picture(task, train, index, AugmentKey { seed, epoch: 0, index: index as u64 })
    });
    shown.take(K::PICTURES.samples).collect()
}

/// The pictures on one sheet; `None` without any.
pub(crate) fn training_sheet(pictures: &[TrainingPicture], layout: PictureLayout) -> Option<RgbImage> {
    let pictures: Vec<(&RgbImage, String)> =
        pictures.iter().map(|picture| (&picture.image, picture.caption.clone())).collect();
    (!pictures.is_empty()).then(|| pictures::captioned_sheet(&pictures, layout.columns, layout.cell))
}

/// The pictures in the report.
pub(crate) fn training_gallery(pictures: Vec<TrainingPicture>, layout: PictureLayout) -> Gallery {
    let item = |picture: TrainingPicture| GalleryItem {
        image: picture.image,
        caption: picture.source,
        true_label: picture.label,
        ..GalleryItem::default()
    };
    Gallery {
        title: "Training samples".to_owned(),
        note: layout.note.to_owned(),
        wide: layout.wide,
        items: pictures.into_iter().map(item).collect(),
    }
}

/// Answers to be shown together.
pub(super) struct Answers<'a, O> {
    pub(super) title: String,
    pub(super) note: String,
    /// The samples' numbers and outcomes.
    pub(super) shown: Vec<(usize, &'a O)>,
}

/// A gallery of each of `groups` that shows anything; `item` makes the picture and labels of a sample.
pub(super) fn answer_galleries<'a, A: Clone + Send + Sync + 'static, O: 'a>(
    samples: &Samples<A>,
    wide: bool,
    groups: impl IntoIterator<Item = Answers<'a, O>>,
    item: impl Fn(Sample<A>, &O) -> GalleryItem,
) -> Vec<Gallery> {
    let gallery = |Answers { title, note, shown }: Answers<'a, O>| {
        // A sample was read a moment ago; if it is gone, there is nothing to show.
        let read = shown.into_iter().filter_map(|(index, outcome)| Some((index, outcome, samples.get(index).ok()?)));
        let items = read
            .map(|(index, outcome, sample)| GalleryItem { caption: samples.source(index), ..item(sample, outcome) });
        Gallery { title, note, wide, items: items.collect() }
    };
    groups.into_iter().map(gallery).filter(|gallery| !gallery.items.is_empty()).collect()
}

/// `image` scaled so that its longer side has `side` pixels, and where it lies there.
pub(super) fn fitted(image: &RgbImage, side: u32) -> (RgbImage, Letterbox) {
    let size = ImageSize::of(image);
    let Rectangle { width, height, .. } = Letterbox::top_left(size, ImageSize::new(side, side)).place();
    let target = ImageSize::new(width, height);
    let place = Letterbox::placed(size, target, Rectangle::whole(target));
    (place.apply_image(image, Filter::Bilinear, 0), place)
}

/// Pictures beside one another.
pub(super) fn side_by_side(parts: &[RgbImage]) -> RgbImage {
    let height = parts.iter().map(RgbImage::height).max().unwrap_or_default();
    let width: u32 = parts.iter().map(|part| part.width() + GAP).sum::<u32>().saturating_sub(GAP);
    let mut all = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    let mut left = 0;
    for part in parts {
        imageops::replace(&mut all, part, i64::from(left), 0);
        left += part.width() + GAP;
    }
    all
}

/// The end of a source, which is what tells it from others: a file's name, or the number of a generated picture.
pub(super) fn short_name(source: &str) -> &str {
    match source.rfind('#') {
        Some(start) => &source[start..],
        None => source.rsplit(['/', '\\']).next().unwrap_or(source),
    }
}
