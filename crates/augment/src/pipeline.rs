//! Augmentations in a row.

use image::RgbImage;
use serde::{Deserialize, Serialize};
use vision_types::{BBox, Mask};

use crate::drawn::apply_box_in_turn;
use crate::key::Domain;
use crate::{AugmentError, AugmentKey, Augmentation, Drawn, ImageSize, MovedBox};

/// Augmentations applied one after the other; in a configuration a list of tables.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Pipeline {
    /// The steps, first to last.
    pub steps: Vec<Augmentation>,
}

/// Everything random about one image's way through a pipeline, already decided.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnPipeline {
    /// One outcome a step.
    pub steps: Vec<Drawn>,
    /// The size that was drawn for.
    pub input: ImageSize,
}

impl Pipeline {
    /// A pipeline of `steps`, first to last.
    pub fn new(steps: impl IntoIterator<Item = Augmentation>) -> Self {
        Self { steps: steps.into_iter().collect() }
    }

    /// Checks every setting of every step against its range.
    ///
    /// # Errors
    ///
    /// With the first step that has a setting out of range.
    pub fn validate(&self) -> Result<(), AugmentError> {
        for (index, step) in self.steps.iter().enumerate() {
            step.validate().map_err(|source| AugmentError::Step { step: index + 1, source: Box::new(source) })?;
        }
        Ok(())
    }

    /// Size of what an image of `input` becomes; no augmentation leaves it to chance.
    pub fn output_size(&self, input: ImageSize) -> ImageSize {
        self.steps.iter().fold(input, |size, step| step.output_size(size))
    }

    /// Whether different keys can give different images.
    pub fn is_random(&self) -> bool {
        self.steps.iter().any(Augmentation::is_random)
    }

    /// Draws every step for an image of `input`. Each step has a generator of its own, so the draws of one step do not
    /// depend on how many numbers another has used.
    pub fn draw(&self, key: AugmentKey, input: ImageSize) -> DrawnPipeline {
        self.draw_around(key, input, &[])
    }

    /// [`Pipeline::draw`] for an image on which `boxes` are annotated, which crops that look at objects take care of.
    pub fn draw_around(&self, key: AugmentKey, input: ImageSize, boxes: &[BBox]) -> DrawnPipeline {
        let mut size = input;
        let mut boxes = boxes.to_vec();
        let draw = |(index, step): (usize, &Augmentation)| {
            let drawn = step.draw_around(&mut key.generator(Domain::Image, index as u64), size, &boxes);
            boxes = boxes.iter().map(|bbox| drawn.apply_box(*bbox, size).bbox).filter(|bbox| bbox.is_valid()).collect();
            size = drawn.output_size(size);
            drawn
        };
        DrawnPipeline { steps: self.steps.iter().enumerate().map(draw).collect(), input }
    }

    /// The image after all steps: a pure function of the pipeline, the image and the key.
    pub fn apply(&self, image: RgbImage, key: AugmentKey) -> RgbImage {
        self.draw(key, ImageSize::of(&image)).apply_image(image)
    }
}

impl DrawnPipeline {
    /// Size of the result.
    pub fn output_size(&self) -> ImageSize {
        self.steps.iter().fold(self.input, |size, step| step.output_size(size))
    }

    /// The image after all steps.
    ///
    /// # Panics
    ///
    /// When the image is not of the size that was drawn for.
    pub fn apply_image(&self, image: RgbImage) -> RgbImage {
        assert_eq!(ImageSize::of(&image), self.input, "the image is not of the size that was drawn for");
        self.steps.iter().fold(image, |image, step| step.apply_image(image))
    }

    /// The mask after all steps, by nearest pixel; `fill` is the class where a constant border shows.
    ///
    /// # Panics
    ///
    /// When the mask is not of the size that was drawn for.
    pub fn apply_mask(&self, mask: Mask, fill: u8) -> Mask {
        let size = ImageSize::new(mask.width(), mask.height());
        assert_eq!(size, self.input, "the mask is not of the size that was drawn for");
        self.steps.iter().fold(mask, |mask, step| step.apply_mask(mask, fill))
    }

    /// Each box after all steps, in the order given; `None` where less than `min_visible` of it (a share in `0..=1`) is
    /// still inside the image.
    pub fn apply_boxes(&self, boxes: &[BBox], min_visible: f32) -> Vec<Option<BBox>> {
        let keep = |bbox: &BBox| {
            let moved: MovedBox = apply_box_in_turn(&self.steps, *bbox, self.input);
            (moved.bbox.is_valid() && moved.visible >= min_visible).then_some(moved.bbox)
        };
        boxes.iter().map(keep).collect()
    }
}
