//! Generated pictures of several shapes: data for detection that is always at hand, with known boxes and masks.
//!
//! Each picture shows one or more shapes of random class, colour, size, rotation and position on a textured background.
//! Shapes lie wholly inside the picture and cover one another hardly at all. The picture is a function of (seed, index)
//! alone, the same on every machine.

use std::path::Path;

use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};
use vision_types::{BBox, ClassId, ClassNames, Instance, Rle, Sample, Segmentation};

use super::shape_outline::{Pose, ShapeKind};
use super::shapes::{ShapesStyle, draw_background, draw_shape_colour};
use super::splits::Generated;
use crate::annotations::annotated_files::AnnotatedFolderSpec;
use crate::dataset::check_index;
use crate::error::require_in;
use crate::kind::{DataKind, data_settings};
use crate::random::{Purpose, RandomStream};
use crate::{Dataset, DatasetError, DetectionData};

data_settings! {
    /// Settings of `shapes` for detection.
    pub struct ScenesSpec {
        /// Number of training pictures.
        pub train: usize = 1000;
        /// Number of validation pictures; 0 for none.
        pub validation: usize = 200;
        /// Number of test pictures; 0 for none.
        pub test: usize = 200;
        /// Width and height in pixels.
        pub size: u32 = ScenesStyle::default().size;
        /// How many of the eight shapes occur.
        pub classes: usize = ScenesStyle::default().classes;
        /// Most shapes in a picture; there is always one.
        pub max_objects: usize = ScenesStyle::default().max_objects;
        /// Largest change of a colour value by noise, in `0..=255`.
        pub noise: f64 = ScenesStyle::default().noise;
        /// Seed of the pictures; the splits never share one.
        pub seed: u64 = 0;
    }
}

impl DataKind for ScenesSpec {
    type Data = DetectionData;
    type Auto = AnnotatedFolderSpec;

    fn open(&self, _: &Path) -> Result<DetectionData, DatasetError> {
        let Self { size, classes, max_objects, noise, seed, .. } = *self;
        let style = ScenesStyle { size, classes, max_objects, noise };
        style.check()?;
        let lengths = [self.train, self.validation, self.test];
        let generated = Generated { lengths, size, seed, classes: ShapeScenes::classes(style) };
        Ok(DetectionData::flawless(generated.open(|seed, length| ShapeScenes::new(style, seed, length))?))
    }
}

/// How generated pictures of several shapes look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScenesStyle {
    /// Width and height in pixels, at least [`ScenesStyle::MIN_SIZE`].
    pub size: u32,
    /// How many of [`ShapeKind::ALL`] occur, from the first.
    pub classes: usize,
    /// Most shapes in a picture; at least one is always there.
    pub max_objects: usize,
    /// Largest change of a colour value by noise, in `0..=255`.
    pub noise: f64,
}

impl ScenesStyle {
    /// Below this many pixels the smallest shapes cannot be told apart.
    pub const MIN_SIZE: u32 = 64;

    /// More shapes than this find no room.
    pub const MOST_OBJECTS: usize = 20;

    /// Fails with [`DatasetError::InvalidSetting`] for a setting outside its range.
    pub fn check(&self) -> Result<(), DatasetError> {
        require_in("size", self.size, Self::MIN_SIZE..=ShapesStyle::MAX_SIZE, " pixels")?;
        require_in("classes", self.classes, 1..=ShapeKind::ALL.len(), "")?;
        require_in("max_objects", self.max_objects, 1..=Self::MOST_OBJECTS, "")?;
        require_in("noise", self.noise, 0.0..=255.0, "")
    }
}

impl Default for ScenesStyle {
    /// 128 × 128 pixels, all classes, up to 4 shapes, noise of up to 24.
    fn default() -> Self {
        Self { size: 128, classes: ShapeKind::ALL.len(), max_objects: 4, noise: 24.0 }
    }
}

/// Generated pictures of one to [`ScenesStyle::max_objects`] shapes.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeScenes {
    style: ScenesStyle,
    seed: u64,
    len: usize,
}

/// One shape of a picture.
#[derive(Debug, Clone)]
struct Placed {
    class: ClassId,
    pose: Pose,
}

impl Placed {
    const fn kind(&self) -> ShapeKind {
        ShapeKind::ALL[self.class]
    }

    /// Columns and rows `(x1, y1, x2, y2)` outside of which the shape covers nothing, within a picture of `size`
    /// pixels.
    fn reach(&self, size: u32) -> [u32; 4] {
        let ([x, y], radius) = (self.pose.centre(), self.pose.radius() + 1.0);
        let pixel = |position: f64| position.clamp(0.0, f64::from(size)) as u32;
        [pixel(x - radius), pixel(y - radius), pixel((x + radius).ceil()), pixel((y + radius).ceil())]
    }
}

impl ShapeScenes {
    /// `len` pictures. Different seeds give unrelated pictures.
    ///
    /// # Panics
    ///
    /// When `style` does not pass [`ScenesStyle::check`].
    pub fn new(style: ScenesStyle, seed: u64, len: usize) -> Self {
        if let Err(error) = style.check() {
            panic!("{error}");
        }
        Self { style, seed, len }
    }

    /// Names of the classes.
    pub fn classes(style: ScenesStyle) -> ClassNames {
        ClassNames::new(ShapeKind::ALL.iter().take(style.classes).map(|kind| kind.name()))
    }

    /// What picture `index` shows, from the back to the front; the stream goes on with colours and noise.
    fn layout(&self, index: usize) -> (Vec<Placed>, RandomStream) {
        /// Radius of a shape as a share of the picture's side.
        const RADIUS: (f64, f64) = (0.07, 0.2);
        /// Least distance of two centres, as a share of the sum of the radii: shapes overlap by a tenth at most.
        const LEAST_DISTANCE: f64 = 0.9;
        /// Places that are tried before a shape is left out.
        const TRIES: usize = 40;

        let mut random = RandomStream::new(self.seed, Purpose::Scene, index as u64);
        let side = f64::from(self.style.size);
        let wanted = 1 + random.below(self.style.max_objects);
        let mut placed: Vec<Placed> = Vec::with_capacity(wanted);
        for _ in 0..wanted {
            let class = random.below(self.style.classes);
            let radius = side * random.between(RADIUS.0, RADIUS.1);
            let turns = random.unit();
            for _ in 0..TRIES {
                let centre = [random.between(radius, side - radius), random.between(radius, side - radius)];
                let apart = |other: &Placed| {
                    let [dx, dy] = [0, 1].map(|axis| other.pose.centre()[axis] - centre[axis]);
                    let least = LEAST_DISTANCE * (radius + other.pose.radius());
                    dx * dx + dy * dy >= least * least
                };
                if placed.iter().all(apart) {
                    placed.push(Placed { class, pose: Pose::new(centre, radius, turns) });
                    break;
                }
            }
        }
        (placed, random)
    }

    /// The visible pixels of each shape: those that it covers by half or more, and none in front of it does.
    fn instances(&self, placed: &[Placed]) -> Vec<Instance> {
        let size = self.style.size;
        // The number of the frontmost shape on each pixel, counted from 1.
        let mut front = vec![0u8; size as usize * size as usize];
        for (number, shape) in placed.iter().enumerate() {
            let [x1, y1, x2, y2] = shape.reach(size);
            for (x, y) in (y1..y2).flat_map(|y| (x1..x2).map(move |x| (x, y))) {
                if shape.kind().coverage(&shape.pose, x, y) >= 0.5 {
                    front[(y * size + x) as usize] = number as u8 + 1;
                }
            }
        }
        let visible = |number: usize| -> Option<Instance> {
            let shape = &placed[number];
            let [x1, y1, x2, y2] = shape.reach(size);
            let painted = |x: u32, y: u32| usize::from(front[(y * size + x) as usize]) == number + 1;
            let (mut bounds, mut area): (Option<[u32; 4]>, u32) = (None, 0);
            let mut mask = RunLengths::default();
            mask.background(x1 * size);
            for x in x1..x2 {
                mask.background(y1);
                for y in y1..y2 {
                    if painted(x, y) {
                        mask.object(1);
                        area += 1;
                        let [left, top, right, bottom] = bounds.unwrap_or([x, y, x + 1, y + 1]);
                        bounds = Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)]);
                    } else {
                        mask.background(1);
                    }
                }
                mask.background(size - y2);
            }
            mask.background((size - x2) * size);
            let [x1, y1, x2, y2] = bounds?.map(|edge| edge as f32);
            Some(Instance {
                bbox: BBox::from_xyxy(x1, y1, x2, y2),
                class: shape.class,
                segmentation: Some(Segmentation::Rle(Rle { width: size, height: size, counts: mask.counts })),
                area: f64::from(area),
                crowd: false,
            })
        };
        (0..placed.len()).filter_map(visible).collect()
    }

    fn draw(&self, placed: &[Placed], mut random: RandomStream) -> RgbImage {
        let size = self.style.size;
        let side = f64::from(size);
        let gradient = Pose::new([side / 2.0; 2], side, random.unit());
        let ends = draw_background(&mut random);
        let texture = Texture::draw(&mut random);
        let mut canvas: Vec<[f64; 3]> = (0..size)
            .flat_map(|y| (0..size).map(move |x| (f64::from(x) + 0.5, f64::from(y) + 0.5)))
            .map(|(x, y)| {
                let along = (gradient.to_local(x, y)[0] + 0.5).clamp(0.0, 1.0);
                let bump = texture.at(x / side, y / side);
                std::array::from_fn(|channel| ends[0][channel] + (ends[1][channel] - ends[0][channel]) * along + bump)
            })
            .collect();
        for shape in placed {
            let colour = draw_shape_colour(&mut random, &ends);
            let [x1, y1, x2, y2] = shape.reach(size);
            for (x, y) in (y1..y2).flat_map(|y| (x1..x2).map(move |x| (x, y))) {
                let coverage = shape.kind().coverage(&shape.pose, x, y);
                let pixel = &mut canvas[(y * size + x) as usize];
                *pixel = std::array::from_fn(|channel| pixel[channel] + (colour[channel] - pixel[channel]) * coverage);
            }
        }
        RgbImage::from_fn(size, size, |x, y| {
            let pixel = canvas[(y * size + x) as usize];
            Rgb(pixel.map(|value| {
                // The sum of two uniform numbers: most changes are small.
                let noise = (random.unit() + random.unit() - 1.0) * self.style.noise;
                (value + noise).round().clamp(0.0, 255.0) as u8
            }))
        })
    }
}

/// Soft bumps of brightness: random heights on a coarse grid, with straight lines between them.
struct Texture {
    heights: Vec<f64>,
}

impl Texture {
    /// Grid cells along each side of the picture.
    const CELLS: usize = 8;
    /// Largest change of a colour value; well below the contrast between shape and background.
    const HEIGHT: f64 = 16.0;

    fn draw(random: &mut RandomStream) -> Self {
        let points = (Self::CELLS + 1) * (Self::CELLS + 1);
        Self { heights: (0..points).map(|_| random.between(-Self::HEIGHT, Self::HEIGHT)).collect() }
    }

    /// The change of brightness at (`u`, `v`), both in `0..1`.
    fn at(&self, u: f64, v: f64) -> f64 {
        let cell = |position: f64| {
            let scaled = position * Self::CELLS as f64;
            let whole = (scaled as usize).min(Self::CELLS - 1);
            (whole, scaled - whole as f64)
        };
        let ((column, across), (row, down)) = (cell(u), cell(v));
        let height = |row: usize, column: usize| self.heights[row * (Self::CELLS + 1) + column];
        let between = |row| height(row, column) + (height(row, column + 1) - height(row, column)) * across;
        let upper = between(row);
        upper + (between(row + 1) - upper) * down
    }
}

/// Lengths of runs in COCO's order, as they are met.
#[derive(Default)]
struct RunLengths {
    counts: Vec<u32>,
}

impl RunLengths {
    /// `count` more pixels of background.
    fn background(&mut self, count: u32) {
        self.extend(count, 0);
    }

    /// `count` more pixels of the object.
    fn object(&mut self, count: u32) {
        self.extend(count, 1);
    }

    /// Runs at even positions are background, those at odd ones the object.
    fn extend(&mut self, count: u32, parity: usize) {
        if count == 0 {
            return;
        }
        if self.counts.is_empty() {
            self.counts.push(0);
        }
        if (self.counts.len() - 1) % 2 != parity {
            self.counts.push(0);
        }
        if let Some(last) = self.counts.last_mut() {
            *last += count;
        }
    }
}

impl Dataset for ShapeScenes {
    type Annotation = Vec<Instance>;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Result<Sample<Vec<Instance>>, DatasetError> {
        check_index(index, self.len)?;
        let (placed, random) = self.layout(index);
        let annotation = self.instances(&placed);
        Ok(Sample { image: self.draw(&placed, random), annotation, source: self.source(index) })
    }

    fn annotation(&self, index: usize) -> Result<Vec<Instance>, DatasetError> {
        check_index(index, self.len)?;
        Ok(self.instances(&self.layout(index).0))
    }

    fn source(&self, index: usize) -> String {
        let ScenesStyle { size, classes, max_objects, noise } = self.style;
        format!(
            "shape_scenes(size={size},classes={classes},max_objects={max_objects},noise={noise},seed={})#{index}",
            self.seed
        )
    }

    fn stated_size(&self, _: usize) -> Option<(u32, u32)> {
        Some((self.style.size, self.style.size))
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn scenes(style: ScenesStyle, seed: u64) -> ShapeScenes {
        ShapeScenes::new(style, seed, 100)
    }

    /// Columns and rows of the pixels of a run-length encoded mask.
    fn pixels(instance: &Instance) -> Vec<(u32, u32)> {
        let Some(Segmentation::Rle(mask)) = &instance.segmentation else { panic!("a mask") };
        assert_eq!(mask.counts.iter().sum::<u32>(), mask.width * mask.height);
        let (mut pixels, mut position) = (Vec::new(), 0);
        for (number, &run) in mask.counts.iter().enumerate() {
            if number % 2 == 1 {
                pixels.extend((position..position + run).map(|at| (at / mask.height, at % mask.height)));
            }
            position += run;
        }
        pixels
    }

    #[test]
    fn a_picture_depends_on_seed_and_index_alone() {
        let style = ScenesStyle::default();
        assert_eq!(scenes(style, 1).get(9).unwrap(), scenes(style, 1).get(9).unwrap());
        assert_ne!(scenes(style, 1).get(9).unwrap().image, scenes(style, 2).get(9).unwrap().image);
        assert_ne!(scenes(style, 1).get(9).unwrap().image, scenes(style, 1).get(8).unwrap().image);
        assert_eq!(scenes(style, 1).get(9).unwrap().annotation, scenes(style, 1).annotation(9).unwrap());
    }

    #[test]
    fn boxes_are_tight_around_masks_that_share_no_pixel() {
        let style = ScenesStyle { max_objects: 8, ..ScenesStyle::default() };
        let mut objects = 0;
        for index in 0..100 {
            let instances = scenes(style, 3).annotation(index).unwrap();
            assert!((1..=8).contains(&instances.len()));
            let mut taken = std::collections::HashSet::new();
            for instance in instances {
                let pixels = pixels(&instance);
                assert!(pixels.iter().all(|&pixel| taken.insert(pixel)), "picture {index}");
                // The smallest shape is a bar of radius 8.96: 1.94 · 0.485 · 8.96² = 76 pixels, a tenth of it hidden.
                assert!(pixels.len() >= 60, "{} pixels in picture {index}", pixels.len());
                assert_eq!(instance.area, pixels.len() as f64);
                let edge = |pick: fn(&(u32, u32)) -> u32| {
                    let (low, high) = (pixels.iter().map(pick).min(), pixels.iter().map(pick).max());
                    (low.unwrap() as f32, high.unwrap() as f32 + 1.0)
                };
                let ((x1, x2), (y1, y2)) = (edge(|at| at.0), edge(|at| at.1));
                assert_eq!(instance.bbox, BBox::from_xyxy(x1, y1, x2, y2));
                objects += 1;
            }
        }
        // 1 to 8 are wanted, 4.5 on average; some find no room.
        assert!(objects > 350, "{objects} objects in 100 pictures");
    }

    /// Without noise, a shape is of one colour wherever it covers pixels wholly, and the background is not.
    #[test]
    fn masks_lie_where_shapes_are_painted() {
        let style = ScenesStyle { noise: 0.0, max_objects: 3, ..ScenesStyle::default() };
        for index in 0..40 {
            let sample = scenes(style, 5).get(index).unwrap();
            for instance in &sample.annotation {
                let pixels = pixels(instance);
                let mut colours = std::collections::HashMap::new();
                for &(x, y) in &pixels {
                    *colours.entry(sample.image.get_pixel(x, y).0).or_insert(0) += 1;
                }
                let most = *colours.values().max().unwrap();
                // The rest lies on the edge, where shape and background mix.
                assert!(most * 2 > pixels.len(), "{most} of {} pixels in picture {index}", pixels.len());
                let colour = colours.into_iter().max_by_key(|(_, count)| *count).unwrap().0;
                let painted = sample.image.pixels().filter(|pixel| pixel.0 == colour).count();
                assert_eq!(painted, most, "picture {index} has the shape's colour outside of its mask");
            }
        }
    }

    #[test]
    fn the_pictures_are_the_same_on_every_machine() {
        let mut hash = Sha256::new();
        for index in 0..16 {
            hash.update(scenes(ScenesStyle::default(), 0).get(index).unwrap().image.as_raw());
        }
        // As first drawn, on x86-64 Linux. A change here changes the data of every earlier run.
        let expected = "3a8516c3a3ca62df69c258aa921421c6a0349f534ebcf163be35ccfa4224c8c9";
        assert_eq!(crate::digest::hexadecimal(&hash.finalize()), expected);
    }

    #[test]
    fn impossible_styles_are_refused() {
        let style = ScenesStyle::default();
        for (bad, key) in [
            (ScenesStyle { size: 63, ..style }, "size"),
            (ScenesStyle { classes: 9, ..style }, "classes"),
            (ScenesStyle { max_objects: 0, ..style }, "max_objects"),
            (ScenesStyle { noise: f64::NAN, ..style }, "noise"),
        ] {
            assert!(matches!(bad.check(), Err(DatasetError::InvalidSetting { key: k, .. }) if k == key));
        }
    }
}
