//! Generated pictures of simple shapes: data that is always at hand, with known classes, boxes and masks.
//!
//! Each picture shows one shape of random colour, size, rotation and position on a background that runs from one colour
//! to another, with noise. The picture is a function of (seed, index) alone, the same on every machine.

use std::path::Path;

use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};
use vision_types::{BBox, ClassId, ClassNames, Mask, Sample};

use super::shape_outline::{Pose, ShapeKind};
use super::splits::Generated;
use crate::dataset::check_index;
use crate::error::require_in;
use crate::image_folder::FolderSpec;
use crate::kind::{DataKind, data_settings};
use crate::random::{Purpose, RandomStream};
use crate::split::Splits;
use crate::{Dataset, DatasetError};

data_settings! {
    /// Settings of `shapes` for classification.
    pub struct ShapesSpec {
        /// Number of training pictures.
        pub train: usize = 4000;
        /// Number of validation pictures; 0 for none.
        pub validation: usize = 500;
        /// Number of test pictures; 0 for none.
        pub test: usize = 1000;
        /// Width and height in pixels.
        pub size: u32 = ShapesStyle::default().size;
        /// How many of the eight shapes occur.
        pub classes: usize = ShapesStyle::default().classes;
        /// Largest change of a colour value by noise, in `0..=255`.
        pub noise: f64 = ShapesStyle::default().noise;
        /// Seed of the pictures; the splits never share one.
        pub seed: u64 = 0;
    }
}

impl DataKind for ShapesSpec {
    type Data = Splits;
    type Auto = FolderSpec;

    fn open(&self, _: &Path) -> Result<Splits, DatasetError> {
        let style = ShapesStyle { size: self.size, classes: self.classes, noise: self.noise };
        style.check()?;
        let lengths = [self.train, self.validation, self.test];
        let generated = Generated { lengths, size: self.size, seed: self.seed, classes: Shapes::classes(style) };
        generated.open(|seed, length| Shapes::new(style, seed, length))
    }
}

/// How generated pictures look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShapesStyle {
    /// Width and height in pixels, at least [`ShapesStyle::MIN_SIZE`].
    pub size: u32,
    /// How many of [`ShapeKind::ALL`] occur, from the first.
    pub classes: usize,
    /// Largest change of a colour value by noise, in `0..=255`.
    pub noise: f64,
}

impl ShapesStyle {
    /// Below this many pixels the shapes cannot be told apart.
    pub const MIN_SIZE: u32 = 16;

    /// Largest picture; generation is quadratic in it.
    pub const MAX_SIZE: u32 = 4096;

    /// Fails with [`DatasetError::InvalidSetting`] for a size, class count or noise outside its range.
    pub fn check(&self) -> Result<(), DatasetError> {
        require_in("size", self.size, Self::MIN_SIZE..=Self::MAX_SIZE, " pixels")?;
        require_in("classes", self.classes, 2..=ShapeKind::ALL.len(), "")?;
        require_in("noise", self.noise, 0.0..=255.0, "")
    }
}

impl Default for ShapesStyle {
    /// 32 × 32 pixels, all classes, noise of up to 24.
    fn default() -> Self {
        Self { size: 32, classes: ShapeKind::ALL.len(), noise: 24.0 }
    }
}

/// A generated picture with all that is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeScene {
    /// The picture.
    pub image: RgbImage,
    /// Number of the shape in [`ShapeKind::ALL`].
    pub class: ClassId,
    /// The tight box around the mask.
    pub bbox: BBox,
    /// 1 where the shape covers at least half of the pixel, else 0.
    pub mask: Mask,
}

/// Generated pictures, classes in equal numbers (`index` modulo the number of classes).
#[derive(Debug, Clone, PartialEq)]
pub struct Shapes {
    style: ShapesStyle,
    seed: u64,
    len: usize,
}

impl Shapes {
    /// `len` pictures. Different seeds give unrelated pictures.
    ///
    /// # Panics
    ///
    /// When `style` does not pass [`ShapesStyle::check`].
    pub fn new(style: ShapesStyle, seed: u64, len: usize) -> Self {
        if let Err(error) = style.check() {
            panic!("{error}");
        }
        Self { style, seed, len }
    }

    /// Names of the classes.
    pub fn classes(style: ShapesStyle) -> ClassNames {
        ClassNames::new(ShapeKind::ALL.iter().take(style.classes).map(|kind| kind.name()))
    }

    /// Draws picture `index` (any number: `len` limits the data set, not the generator).
    pub fn scene(&self, index: usize) -> ShapeScene {
        /// Radius of the shape as a share of the picture's side.
        const RADIUS: (f64, f64) = (0.22, 0.42);
        /// Share of the side by which the shape may leave the picture.
        const OVERHANG: f64 = 0.02;

        let mut random = RandomStream::new(self.seed, Purpose::Shape, index as u64);
        let class = index % self.style.classes;
        let side = f64::from(self.style.size);
        let radius = side * random.between(RADIUS.0, RADIUS.1);
        let margin = radius - side * OVERHANG;
        let centre = [random.between(margin, side - margin), random.between(margin, side - margin)];
        let pose = Pose::new(centre, radius, random.unit());
        let background = draw_background(&mut random);
        let shape_colour = draw_shape_colour(&mut random, &background);
        let gradient = Pose::new([side / 2.0; 2], side, random.unit());

        let kind = ShapeKind::ALL[class];
        let mut mask = Mask::filled(self.style.size, self.style.size, 0);
        let mut bounds: Option<[u32; 4]> = None;
        let image = RgbImage::from_fn(self.style.size, self.style.size, |x, y| {
            let coverage = kind.coverage(&pose, x, y);
            if coverage >= 0.5 {
                mask.pixels_mut()[(y * self.style.size + x) as usize] = 1;
                let [x1, y1, x2, y2] = bounds.unwrap_or([x, y, x + 1, y + 1]);
                bounds = Some([x1.min(x), y1.min(y), x2.max(x + 1), y2.max(y + 1)]);
            }
            let along = (gradient.to_local(f64::from(x) + 0.5, f64::from(y) + 0.5)[0] + 0.5).clamp(0.0, 1.0);
            Rgb(std::array::from_fn(|channel| {
                let behind = background[0][channel] + (background[1][channel] - background[0][channel]) * along;
                let value = behind + (shape_colour[channel] - behind) * coverage;
                // The sum of two uniform numbers: most changes are small.
                let noise = (random.unit() + random.unit() - 1.0) * self.style.noise;
                (value + noise).round().clamp(0.0, 255.0) as u8
            }))
        });
        let [x1, y1, x2, y2] = bounds.unwrap_or_default().map(|edge| edge as f32);
        ShapeScene { image, class, bbox: BBox::from_xyxy(x1, y1, x2, y2), mask }
    }
}

/// The colours at the two ends of the background.
pub(crate) fn draw_background(random: &mut RandomStream) -> [[f64; 3]; 2] {
    /// How far apart the ends of the background may be in each channel.
    const RUN: f64 = 60.0;

    let from: [f64; 3] = std::array::from_fn(|_| random.between(0.0, 255.0));
    [from, from.map(|value| (value + random.between(-RUN, RUN)).clamp(0.0, 255.0))]
}

/// A colour for a shape that differs visibly from both ends of the background.
pub(crate) fn draw_shape_colour(random: &mut RandomStream, background: &[[f64; 3]; 2]) -> [f64; 3] {
    /// Least difference of brightness (on the scale 0 to 255) between shape and background.
    const CONTRAST: f64 = 50.0;
    /// Weights of red, green and blue in brightness (ITU-R BT.601).
    const BRIGHTNESS: [f64; 3] = [0.299, 0.587, 0.114];
    let brightness = |colour: [f64; 3]| -> f64 { colour.iter().zip(BRIGHTNESS).map(|(value, w)| value * w).sum() };

    loop {
        let colour: [f64; 3] = std::array::from_fn(|_| random.between(0.0, 255.0));
        if background.iter().all(|end| (brightness(colour) - brightness(*end)).abs() >= CONTRAST) {
            return colour;
        }
    }
}

impl Dataset for Shapes {
    type Annotation = ClassId;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Result<Sample<ClassId>, DatasetError> {
        check_index(index, self.len)?;
        let scene = self.scene(index);
        Ok(Sample { image: scene.image, annotation: scene.class, source: self.source(index) })
    }

    fn annotation(&self, index: usize) -> Result<ClassId, DatasetError> {
        check_index(index, self.len)?;
        Ok(index % self.style.classes)
    }

    fn source(&self, index: usize) -> String {
        let ShapesStyle { size, classes, noise } = self.style;
        format!("shapes(size={size},classes={classes},noise={noise},seed={})#{index}", self.seed)
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_picture_depends_on_seed_and_index_alone() {
        let shapes = |seed| Shapes::new(ShapesStyle::default(), seed, 50);
        assert_eq!(shapes(1).scene(9), shapes(1).scene(9));
        assert_ne!(shapes(1).scene(9).image, shapes(2).scene(9).image);
        assert_ne!(shapes(1).scene(9).image, shapes(1).scene(17).image);
    }

    #[test]
    fn the_box_is_tight_around_the_mask_and_the_mask_is_where_the_shape_is_painted() {
        let style = ShapesStyle { noise: 0.0, ..ShapesStyle::default() };
        for index in 0..160 {
            let scene = Shapes::new(style, 4, 160).scene(index);
            let inside: Vec<(u32, u32)> = (0..style.size)
                .flat_map(|y| (0..style.size).map(move |x| (x, y)))
                .filter(|&(x, y)| scene.mask.get(x, y) == 1)
                .collect();
            // The smallest shape is a bar of radius 7.04 with an area of about 60 pixels.
            assert!(inside.len() >= 40, "picture {index} shows {} pixels", inside.len());
            let edge = |pick: fn(&(u32, u32)) -> u32| {
                let (low, high) = (inside.iter().map(pick).min(), inside.iter().map(pick).max());
                (low.unwrap() as f32, high.unwrap() as f32 + 1.0)
            };
            let ((x1, x2), (y1, y2)) = (edge(|at| at.0), edge(|at| at.1));
            assert_eq!(scene.bbox, BBox::from_xyxy(x1, y1, x2, y2));
        }
    }

    #[test]
    fn the_pictures_are_the_same_on_every_machine() {
        let mut hash = Sha256::new();
        for index in 0..64 {
            hash.update(Shapes::new(ShapesStyle::default(), 0, 64).scene(index).image.as_raw());
        }
        // As first drawn, on x86-64 Linux. A change here changes the data of every earlier run.
        let expected = "8478574d82460a24239c0610faef752ee6381363764e9d654a423c03fe4530a3";
        assert_eq!(crate::digest::hexadecimal(&hash.finalize()), expected);
    }

    #[test]
    fn impossible_styles_are_refused() {
        let style = ShapesStyle::default();
        for (bad, key) in [
            (ShapesStyle { size: 15, ..style }, "size"),
            (ShapesStyle { classes: 1, ..style }, "classes"),
            (ShapesStyle { noise: -1.0, ..style }, "noise"),
        ] {
            assert!(matches!(bad.check(), Err(DatasetError::InvalidSetting { key: k, .. }) if k == key));
        }
    }
}
