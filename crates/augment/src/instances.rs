//! Objects moved by the same maps as their image.

use vision_types::{BBox, Instance, Mask, Rle, Segmentation};

use crate::{Border, Drawn, DrawnPipeline, GeometricMap, ImageSize, MovedBox, outline};

/// An object after a geometric map.
#[derive(Debug, Clone, PartialEq)]
pub struct MovedInstance {
    /// The object: class and crowd flag as before, outline or pixels and box cut off at the edges of the image.
    pub instance: Instance,
    /// The share of the object that is still inside the image, in `0..=1`: of its outline or pixels where they are
    /// known, otherwise of its box.
    pub visible: f32,
}

/// A map of points that boxes, outlines and pixels of objects follow.
pub(crate) trait PointMap {
    /// Size of what an image of `input` becomes.
    fn output_size(&self, input: ImageSize) -> ImageSize;

    /// The box around what `bbox` of an image of `input` becomes, clipped to the output.
    fn box_after(&self, bbox: BBox, input: ImageSize) -> MovedBox;

    /// Points of an image of `input` after the map.
    fn points_after(&self, points: &[[f64; 2]], input: ImageSize) -> Vec<[f64; 2]>;

    /// A closed outline after the map, with more points where lines become curves.
    fn outline_after(&self, points: &[[f64; 2]], input: ImageSize) -> Vec<[f64; 2]> {
        self.points_after(points, input)
    }

    /// The pixels of an object after the map, without the copies that a border shows.
    fn object_after(&self, mask: &Mask) -> Mask;

    /// Whether the point (`x`, `y`) of an image of `input` is within the output.
    fn shows(&self, x: f64, y: f64, input: ImageSize) -> bool;
}

impl PointMap for GeometricMap {
    fn output_size(&self, input: ImageSize) -> ImageSize {
        self.output_size(input)
    }

    fn box_after(&self, bbox: BBox, input: ImageSize) -> MovedBox {
        self.apply_box(bbox, input)
    }

    fn points_after(&self, points: &[[f64; 2]], input: ImageSize) -> Vec<[f64; 2]> {
        outline::moved(points, &self.forward(input))
    }

    fn object_after(&self, mask: &Mask) -> Mask {
        // Mirrored and repeated copies that a border shows are not annotated.
        self.with_border(Border::default()).apply_mask(mask, 0)
    }

    fn shows(&self, x: f64, y: f64, input: ImageSize) -> bool {
        let output = self.output_size(input);
        let (x, y) = self.forward(input).map(x, y);
        (0.0..f64::from(output.width)).contains(&x) && (0.0..f64::from(output.height)).contains(&y)
    }
}

impl GeometricMap {
    /// `instance` of an image of `input` after the map.
    ///
    /// The new box is the one around the outline or the pixels that are left, where they are known; it is the one
    /// around the moved corners of the old box otherwise, and where no pixel survives the sampling of an object that is
    /// still there. The area changes by the factor by which the outline's, the pixels' or the box's does. A mask of
    /// another size than the image says nothing about it and is dropped.
    pub fn apply_instance(&self, instance: Instance, input: ImageSize) -> MovedInstance {
        instance_after(self, instance, input)
    }
}

/// `instance` of an image of `input` after `map`, see [`GeometricMap::apply_instance`].
fn instance_after(map: &impl PointMap, instance: Instance, input: ImageSize) -> MovedInstance {
    let Instance { bbox, class, segmentation, area, crowd } = instance;
    let moved_box = map.box_after(bbox, input);
    let shape = match segmentation {
        Some(Segmentation::Polygons(outlines)) => outlines_after(map, &outlines, input),
        Some(Segmentation::Rle(rle)) => pixels_after(map, &rle, moved_box, input),
        None => None,
    };
    let (bbox, segmentation, growth, visible) = match shape {
        Some(shape) => (shape.bbox, Some(shape.segmentation), shape.growth, shape.visible),
        None => (moved_box.bbox, None, growth(area_of(bbox), area_of(moved_box.bbox)), moved_box.visible),
    };
    MovedInstance { instance: Instance { bbox, class, segmentation, area: area * growth, crowd }, visible }
}

/// `None` where the outlines enclose nothing.
fn outlines_after(map: &impl PointMap, outlines: &[Vec<[f64; 2]>], input: ImageSize) -> Option<MovedShape> {
    let output = map.output_size(input);
    let (mut before, mut whole, mut left) = (0.0, 0.0, 0.0);
    let mut kept = Vec::with_capacity(outlines.len());
    for points in outlines {
        before += outline::area(points);
        let moved = map.outline_after(points, input);
        whole += outline::area(&moved);
        let part = outline::clipped(moved, output);
        let area = outline::area(&part);
        if area > 0.0 {
            left += area;
            kept.push(part);
        }
    }
    if before <= 0.0 || whole <= 0.0 {
        return None;
    }
    let bbox = outline::bounds(&kept).unwrap_or(BBox::from_xyxy(0.0, 0.0, 0.0, 0.0));
    Some(MovedShape {
        bbox: bbox.clip(output.width as f32, output.height as f32),
        segmentation: Segmentation::Polygons(kept),
        growth: growth(before, left),
        visible: ((left / whole) as f32).min(1.0),
    })
}

/// `None` where the mask is not of the image's size or holds no pixel.
fn pixels_after(map: &impl PointMap, rle: &Rle, moved_box: MovedBox, input: ImageSize) -> Option<MovedShape> {
    let pixels = rle.area();
    if (rle.width, rle.height) != (input.width, input.height) || pixels == 0 {
        return None;
    }
    let mask = rle.to_mask();
    let visible_pixels = (0u64..)
        .zip(mask.pixels())
        .filter(|&(_, &pixel)| pixel > 0)
        .filter(|&(index, _)| {
            let (x, y) = (index % u64::from(input.width), index / u64::from(input.width));
            map.shows(x as f64 + 0.5, y as f64 + 0.5, input)
        })
        .count();
    let moved = Rle::from_mask(&map.object_after(&mask));
    let bbox = if moved.area() > 0 || visible_pixels == 0 { moved.bbox() } else { moved_box.bbox };
    Some(MovedShape {
        bbox,
        growth: growth(pixels as f64, moved.area() as f64),
        segmentation: Segmentation::Rle(moved),
        visible: visible_pixels as f32 / pixels as f32,
    })
}

struct MovedShape {
    bbox: BBox,
    segmentation: Segmentation,
    growth: f64,
    visible: f32,
}

fn area_of(bbox: BBox) -> f64 {
    f64::from(bbox.width()).max(0.0) * f64::from(bbox.height()).max(0.0)
}

/// The factor from one area to another; 0 from nothing.
fn growth(before: f64, after: f64) -> f64 {
    if before > 0.0 { after / before } else { 0.0 }
}

impl Drawn {
    /// `instance` of an image of `input` after the change; the visible share is the product over a sequence.
    pub fn apply_instance(&self, instance: Instance, input: ImageSize) -> MovedInstance {
        match self {
            Self::Identity | Self::Photometric(_) => MovedInstance { instance, visible: 1.0 },
            Self::Geometric(map) => instance_after(map, instance, input),
            Self::Elastic(map) => instance_after(map, instance, input),
            Self::Sequence(steps) => apply_instance_in_turn(steps, instance, input),
        }
    }

    /// The objects of an image of `input` after the change, in the order given, without those of which less than
    /// `min_visible` (a share in `0..=1`) is left or whose box is degenerate.
    pub fn apply_instances(&self, instances: Vec<Instance>, input: ImageSize, min_visible: f32) -> Vec<Instance> {
        kept(instances.into_iter().map(|instance| self.apply_instance(instance, input)), min_visible)
    }

    /// Points of an image of `input`, such as keypoints, after the change; they can lie outside the new image.
    ///
    /// Which of them is a left and which a right one does not change with a flip; that is up to the caller.
    pub fn apply_points(&self, points: &[[f64; 2]], input: ImageSize) -> Vec<[f64; 2]> {
        match self {
            Self::Identity | Self::Photometric(_) => points.to_vec(),
            Self::Geometric(map) => map.points_after(points, input),
            Self::Elastic(map) => map.points_after(points, input),
            Self::Sequence(steps) => {
                let mut size = input;
                steps.iter().fold(points.to_vec(), |points, step| {
                    let moved = step.apply_points(&points, size);
                    size = step.output_size(size);
                    moved
                })
            }
        }
    }
}

impl DrawnPipeline {
    /// The objects after all steps, in the order given, without those of which less than `min_visible` (a share in
    /// `0..=1`) is left or whose box is degenerate.
    pub fn apply_instances(&self, instances: Vec<Instance>, min_visible: f32) -> Vec<Instance> {
        let moved = instances.into_iter().map(|instance| apply_instance_in_turn(&self.steps, instance, self.input));
        kept(moved, min_visible)
    }
}

fn apply_instance_in_turn(steps: &[Drawn], instance: Instance, input: ImageSize) -> MovedInstance {
    let mut size = input;
    let mut moved = MovedInstance { instance, visible: 1.0 };
    for step in steps {
        let next = step.apply_instance(moved.instance, size);
        moved = MovedInstance { instance: next.instance, visible: moved.visible * next.visible };
        size = step.output_size(size);
    }
    moved
}

fn kept(moved: impl Iterator<Item = MovedInstance>, min_visible: f32) -> Vec<Instance> {
    moved
        .filter(|moved| moved.instance.bbox.is_valid() && moved.visible >= min_visible)
        .map(|moved| moved.instance)
        .collect()
}
