//! A trained segmentation network, ready to answer.

use image::RgbImage;
use models::Network;
use tensor_backend::VisionBackend;
use vision_types::{Regions, Rle};

use super::Segmentation;
use super::blender::Blender;
use super::settings::{Fit, SegmentationDecode};
use super::task::{MOST_FORWARDED, SegmentedImage, host};
use super::tiles::{Tile, cut_image};
use crate::tasks::predictor::{Predictor, stacked};

/// An object: a connected region of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentedObject {
    /// Its class number.
    pub class: u8,
    /// The mean probability of its pixels.
    pub score: f32,
    /// Its pixels.
    pub pixels: Rle,
    /// Its outer outline: corners of pixels, clockwise as seen. Holes are not outlined.
    pub outline: Vec<[u32; 2]>,
}

/// A trained segmentation network.
pub type SegmentationPredictor<B> = Predictor<B, Segmentation>;

impl<B: VisionBackend> SegmentationPredictor<B> {
    /// How masks become objects, unless asked otherwise.
    pub fn decoding(&self) -> &SegmentationDecode {
        self.task.decoding()
    }

    /// The class of each pixel of `images`, at their own sizes.
    pub fn segment(&self, images: &[RgbImage]) -> Vec<SegmentedImage> {
        match self.task.fit() {
            _ if images.is_empty() => Vec::new(),
            Fit::Stretch | Fit::Letterbox => self.segment_whole(images),
            Fit::Tiles => images.iter().map(|image| self.segment_tiles(image)).collect(),
        }
    }

    fn segment_whole(&self, images: &[RgbImage]) -> Vec<SegmentedImage> {
        let (pictures, places): (Vec<_>, Vec<_>) = images.iter().map(|image| self.task.pictures(image.clone())).unzip();
        let pictures: Vec<RgbImage> = pictures.into_iter().flatten().collect();
        let size = self.task.input().image_size();
        let input = stacked(&pictures, self.task.input(), size, &self.device);
        self.task.answers(self.network.forward(input).logits, &places)
    }

    /// Some tiles are in memory at a time, however many the image has.
    fn segment_tiles(&self, image: &RgbImage) -> SegmentedImage {
        let size = self.task.input().image_size();
        let tiling = self.task.tiling(image);
        let tiles: Vec<Tile> = tiling.iter().collect();
        let mut blender = Blender::new(&tiling, self.classes().len(), self.decoding().margin);
        for tiles in tiles.chunks(MOST_FORWARDED) {
            let pictures: Vec<RgbImage> = tiles.iter().map(|tile| cut_image(image, *tile, size)).collect();
            let input = stacked(&pictures, self.task.input(), size, &self.device);
            blender.add(&host(self.network.forward(input).logits));
        }
        blender.finish()
    }

    /// The connected regions of an answer that have at least `min_area` pixels, without the background.
    pub fn objects(&self, answer: &SegmentedImage, min_area: u64) -> Vec<SegmentedObject> {
        let connectivity = self.decoding().connectivity;
        let regions = Regions::of(&answer.mask, self.task.background(), connectivity);
        let mut sums = vec![0.0f64; regions.len()];
        for (label, confidence) in regions.labels().iter().zip(&answer.confidence) {
            if *label > 0 {
                sums[*label as usize - 1] += f64::from(*confidence);
            }
        }
        regions
            .iter()
            .enumerate()
            .filter(|(_, region)| region.area >= min_area.max(1))
            .map(|(index, region)| SegmentedObject {
                class: region.class,
                score: (sums[index] / region.area as f64) as f32,
                pixels: regions.pixels(index),
                outline: regions.outline(index, connectivity),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use tensor_backend::SelectedBackend;
    use vision_types::ClassNames;

    use super::*;
    use crate::config::{InputConfig, InputSize, Normalization, NormalizationPreset, RunConfig};
    use crate::tasks::segmentation::SegmentationAugment;

    /// A network of small receptive field (32 pixels at most around each), for images of `size` = `[height, width]`.
    fn segmenter(size: [usize; 2], fit: Fit, decode: SegmentationDecode) -> SegmentationPredictor<SelectedBackend> {
        let device = Default::default();
        tensor_backend::random::seed(7, 0);
        let config = RunConfig::<Segmentation> {
            input: InputConfig {
                size: InputSize::HeightWidth(size),
                channels: 3,
                normalize: Normalization::Preset(NormalizationPreset::Unit),
            },
            augment: SegmentationAugment { fit, ..SegmentationAugment::default() },
            model: serde_json::from_str(r#"{"name": "unet", "width": 4, "depth": 2}"#).expect("options of a U-Net"),
            decode,
            ..RunConfig::default()
        };
        let network = config.model.init(3, config.input.shape(), &device).expect("valid");
        Predictor::from_parts(network, &config, ClassNames::new(["a", "b", "c"]), &device).expect("valid")
    }

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 % 251) as u8, (y * 13 % 241) as u8, ((x * y) % 239) as u8]))
    }

    #[test]
    fn tiles_give_what_the_whole_image_gives() {
        let image = picture(192, 160);
        let whole =
            segmenter([160, 192], Fit::Stretch, SegmentationDecode::default()).segment(std::slice::from_ref(&image));
        let decode = SegmentationDecode { overlap: 64, margin: 32, ..SegmentationDecode::default() };
        let tiled = segmenter([96, 96], Fit::Tiles, decode).segment(&[image]);
        let furthest = whole[0].confidence.iter().zip(&tiled[0].confidence);
        let furthest = furthest.map(|(whole, tiled)| (whole - tiled).abs()).fold(0.0, f32::max);
        assert!(furthest < 1e-5, "{furthest}");
        let other = whole[0].mask.pixels().iter().zip(tiled[0].mask.pixels()).filter(|(a, b)| a != b).count();
        // Only where two classes are as good as equal.
        assert!(other <= 2, "{other} pixels differ");
    }

    #[test]
    fn answers_have_the_size_of_their_images() {
        let images = [picture(70, 40), picture(1, 1), picture(33, 200)];
        for fit in [Fit::Stretch, Fit::Letterbox, Fit::Tiles] {
            let segmenter = segmenter([64, 64], fit, SegmentationDecode::default());
            let together = segmenter.segment(&images);
            for (image, answer) in images.iter().zip(&together) {
                assert_eq!((answer.mask.width(), answer.mask.height()), image.dimensions(), "{fit:?}");
                assert!(answer.confidence.iter().all(|value| (1.0 / 3.0 - 1e-4..=1.0001).contains(value)), "{fit:?}");
                // No image changes the answer about another.
                let alone = segmenter.segment(std::slice::from_ref(image));
                assert_eq!(alone[0].mask, answer.mask, "{fit:?}");
            }
            let objects = segmenter.objects(&together[0], 1);
            let foreground = together[0].mask.pixels().iter().filter(|class| **class != 0).count() as u64;
            assert_eq!(objects.iter().map(|object| object.pixels.area()).sum::<u64>(), foreground);
            let large = segmenter.objects(&together[0], 50);
            assert!(large.iter().all(|object| object.pixels.area() >= 50));
        }
        assert!(segmenter([64, 64], Fit::Stretch, SegmentationDecode::default()).segment(&[]).is_empty());
    }
}
