//! What holds for objects under every augmentation, and for mosaic and mixup.

use augment::{AugmentKey, Augmentation, DetectionMixup, Filter, ImageSize, Letterbox, Mosaic, Pipeline};
use image::{Rgb, RgbImage};
use proptest::prelude::*;
use vision_types::{BBox, Instance, Mask, Rle, Segmentation};

fn key(index: u64) -> AugmentKey {
    AugmentKey { seed: 7, epoch: 2, index }
}

fn pipeline(text: &str) -> Pipeline {
    let pipeline: Pipeline = serde_json::from_str(text).unwrap();
    pipeline.validate().unwrap();
    pipeline
}

/// The corners of a box as an outline.
fn outline(bbox: BBox) -> Segmentation {
    let BBox { x1, y1, x2, y2 } = bbox;
    let points = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)].map(|(x, y)| [f64::from(x), f64::from(y)]);
    Segmentation::Polygons(vec![points.to_vec()])
}

fn outlined(bbox: BBox, class: usize) -> Instance {
    Instance { segmentation: Some(outline(bbox)), ..Instance::from_box(bbox, class) }
}

/// A black image of `size` with `bbox`, in whole pixels, painted in `colour`.
fn painted(size: ImageSize, bbox: BBox, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_fn(size.width, size.height, |x, y| {
        let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
        let inside = x > bbox.x1 && x < bbox.x2 && y > bbox.y1 && y < bbox.y2;
        Rgb(if inside { colour } else { [0; 3] })
    })
}

/// The box around the pixels that `is_painted` picks.
fn found(image: &RgbImage, is_painted: impl Fn([u8; 3]) -> bool) -> Option<BBox> {
    let places = image.enumerate_pixels().filter(|(.., pixel)| is_painted(pixel.0));
    places.fold(None, |bounds: Option<BBox>, (x, y, _)| {
        let pixel = BBox::from_xywh(x as f32, y as f32, 1.0, 1.0);
        Some(bounds.map_or(pixel, |bounds| BBox {
            x1: bounds.x1.min(pixel.x1),
            y1: bounds.y1.min(pixel.y1),
            x2: bounds.x2.max(pixel.x2),
            y2: bounds.y2.max(pixel.y2),
        }))
    })
}

/// The largest distance of two edges.
fn distance(a: BBox, b: BBox) -> f32 {
    [a.x1 - b.x1, a.y1 - b.y1, a.x2 - b.x2, a.y2 - b.y2].into_iter().map(f32::abs).fold(0.0, f32::max)
}

const GEOMETRY: &str = r#"[
    {"kind": "horizontal-flip"},
    {"kind": "safe-box-crop", "scale": [0.5, 1], "probability": 0.7, "filter": "nearest"},
    {"kind": "affine", "rotation": 30, "shear_x": 8, "zoom": 0.2, "shift_x": 0.1, "sampling": "nearest", "probability": 0.5},
    {"kind": "vertical-flip"},
    {"kind": "zoom-out", "ratio": [1, 1.6], "filter": "nearest"},
    {"kind": "letterbox", "size": [150, 120], "placement": "centre", "filter": "nearest"}
]"#;

/// Every step, with ordinary settings.
const EVERYTHING: &str = r#"[
    {"kind": "hsv-jitter"},
    {"kind": "random-crop", "size": [40, 50], "padding": 3, "fill_mode": "reflect"},
    {"kind": "perspective", "distortion": 0.4},
    {"kind": "affine", "rotation": 180, "zoom": 0.5, "fill_mode": "wrap"},
    {"kind": "safe-box-crop", "size": 33},
    {"kind": "zoom-out", "ratio": [1, 40], "probability": 1},
    {"kind": "random-resized-crop", "size": [48, 31]},
    {"kind": "horizontal-flip"},
    {"kind": "letterbox", "size": [64, 20]},
    {"kind": "pad", "padding": [1, 2, 3, 4], "fill_mode": "symmetric"},
    {"kind": "resize", "size": [30, 60]}
]"#;

fn is_sound(instance: &Instance, size: ImageSize) -> bool {
    let BBox { x1, y1, x2, y2 } = instance.bbox;
    let inside = 0.0 <= x1 && x1 <= x2 && x2 <= size.width as f32 && 0.0 <= y1 && y1 <= y2 && y2 <= size.height as f32;
    let shape = match &instance.segmentation {
        Some(Segmentation::Polygons(outlines)) => outlines
            .iter()
            .flatten()
            .all(|&[x, y]| (0.0..=f64::from(size.width)).contains(&x) && (0.0..=f64::from(size.height)).contains(&y)),
        Some(Segmentation::Rle(rle)) => (rle.width, rle.height) == (size.width, size.height),
        None => true,
    };
    inside && shape && instance.area.is_finite() && instance.area >= 0.0
}

/// Distance of a point from the nearest edge of a closed outline.
fn distance_to_outline([x, y]: [f64; 2], outline: &[[f64; 2]]) -> f64 {
    let ends = outline.iter().zip(outline.iter().cycle().skip(1));
    let distances = ends.map(|(&[ax, ay], &[bx, by])| {
        let (dx, dy) = (bx - ax, by - ay);
        let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        (ax + along * dx - x).hypot(ay + along * dy - y)
    });
    distances.fold(f64::INFINITY, f64::min)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn painted_pixels_outline_and_run_lengths_end_in_one_box(
        x in 5u32..70, y in 5u32..50, width in 12u32..40, height in 12u32..30, index: u64,
    ) {
        let size = ImageSize::new(120, 90);
        let bbox = BBox::from_xywh(x as f32, y as f32, width as f32, height as f32);
        let image = painted(size, bbox, [255; 3]);
        let mask: Vec<u8> = image.pixels().map(|pixel| pixel.0[0]).collect();
        let rle = Rle::from_mask_pixels(&mask, size.height, size.width).unwrap();
        let masked = Instance { segmentation: Some(Segmentation::Rle(rle)), ..Instance::from_box(bbox, 2) };
        let drawn = pipeline(GEOMETRY).draw_around(key(index), size, &[bbox]);
        let instances = drawn.apply_instances(vec![outlined(bbox, 1), masked, Instance::from_box(bbox, 3)], 0.1);
        let image = drawn.apply_image(image);
        let Some(pixels) = found(&image, |pixel| pixel == [255; 3]) else {
            prop_assert!(instances.iter().all(|instance| instance.bbox.area() < 30.0), "{instances:?}");
            return Ok(());
        };
        for instance in &instances {
            // Three samplings by the nearest pixel, each off by up to half a pixel, later enlarged up to 1.25 · 2
            // times.
            match instance.class {
                3 => prop_assert!(
                    pixels.x1 > instance.bbox.x1 - 4.0 && pixels.x2 < instance.bbox.x2 + 4.0
                        && pixels.y1 > instance.bbox.y1 - 4.0 && pixels.y2 < instance.bbox.y2 + 4.0,
                    "{pixels:?} beyond {instance:?}"
                ),
                _ => prop_assert!(distance(pixels, instance.bbox) < 4.0, "{pixels:?} for {instance:?}"),
            }
            prop_assert!(is_sound(instance, ImageSize::new(150, 120)));
        }
    }

    /// An outline filled and then warped shows the pixels of the warped outline, but for those at its edge.
    #[test]
    fn a_moved_outline_has_the_pixels_of_its_moved_mask(index: u64) {
        let size = ImageSize::new(90, 70);
        let points = vec![[20.0, 10.0], [60.0, 14.0], [75.0, 40.0], [48.0, 36.0], [40.0, 60.0], [15.0, 45.0]];
        let polygon = Segmentation::Polygons(vec![points]);
        let rle = polygon.to_rle(size.height, size.width).unwrap();
        let bbox = BBox::from_xyxy(15.0, 10.0, 75.0, 60.0);
        let instance = |segmentation| Instance { segmentation: Some(segmentation), ..Instance::from_box(bbox, 0) };
        let warp = r#"[{"kind": "affine", "rotation": 180, "zoom": [0.6, 1], "shear_y": 10, "shift_x": 0.3}]"#;
        let drawn = pipeline(warp).draw(key(index), size);
        let moved = drawn.apply_instances(vec![instance(polygon), instance(Segmentation::Rle(rle))], 0.0);
        prop_assert!(moved.len() == 2, "{moved:?}");
        let masks: Vec<Mask> = moved.iter()
            .map(|instance| instance.segmentation.as_ref().unwrap().to_rle(size.height, size.width).unwrap().to_mask())
            .collect();
        let Some(Segmentation::Polygons(outlines)) = &moved[0].segmentation else { panic!("an outline stays one") };
        // The nearest pixel of the mask lies up to half its diagonal away, and filling an outline is half a pixel off,
        // which shearing stretches: 1.2 · 1.1 pixels. Of an acute corner that can be more than one pixel along the
        // outline.
        for (x, y) in (0..size.width).flat_map(|x| (0..size.height).map(move |y| (x, y))) {
            let centre = [f64::from(x) + 0.5, f64::from(y) + 0.5];
            let near = masks[0].get(x, y) == masks[1].get(x, y) || distance_to_outline(centre, &outlines[0]) < 1.5;
            prop_assert!(near, "({x}, {y}) differs and is not at the outline");
        }
        prop_assert!(distance(moved[0].bbox, moved[1].bbox) < 2.0, "{moved:?}");
    }

    #[test]
    fn two_flips_leave_objects_as_they_were(x in 0u32..40, y in 0u32..30, width in 1u32..20, height in 1u32..20) {
        let size = ImageSize::new(64, 50);
        let bbox = BBox::from_xywh(x as f32, y as f32, width as f32, height as f32);
        let rle = outline(bbox).to_rle(size.height, size.width).unwrap();
        let instances = vec![
            outlined(bbox, 0),
            Instance { segmentation: Some(Segmentation::Rle(rle)), crowd: true, ..Instance::from_box(bbox, 1) },
            Instance::from_box(bbox, 2),
        ];
        for kind in ["horizontal-flip", "vertical-flip"] {
            let step = format!(r#"{{"kind": "{kind}", "probability": 1}}"#);
            let twice = pipeline(&format!("[{step}, {step}]")).draw(key(0), size);
            prop_assert_eq!(twice.apply_instances(instances.clone(), 1.0), instances.clone());
        }
    }

    #[test]
    fn degenerate_objects_and_single_pixels_give_no_nonsense(
        width in 1u32..40, height in 1u32..40, index: u64,
        corners in proptest::array::uniform4(-50.0f32..90.0),
        points in proptest::collection::vec(proptest::array::uniform2(-30.0f64..70.0), 0..6),
    ) {
        let size = ImageSize::new(width, height);
        let [x1, y1, x2, y2] = corners;
        let boxes = [
            BBox::from_xyxy(x1, y1, x2, y2),
            BBox::from_xyxy(x1, y1, x1, y2),
            BBox::from_xyxy(0.0, 0.0, 0.0, 0.0),
            BBox::from_xyxy(-1e9, -1e9, 1e9, 1e9),
            BBox::from_xywh(0.0, 0.0, width as f32, height as f32),
        ];
        let shapes = [
            None,
            Some(Segmentation::Polygons(vec![points.clone(), Vec::new()])),
            Some(Segmentation::Polygons(Vec::new())),
            Some(Segmentation::Rle(Rle::empty(height, width))),
            Some(Segmentation::Rle(Rle::empty(height + 1, width))),
            Some(Segmentation::Rle(Rle::from_mask(&Mask::filled(width, height, 1)))),
        ];
        let instances: Vec<Instance> = boxes.iter().flat_map(|&bbox| {
            shapes.iter().map(move |shape| Instance { segmentation: shape.clone(), ..Instance::from_box(bbox, 0) })
        }).map(|instance| Instance { area: instance.area.max(0.0), ..instance }).collect();
        let image = RgbImage::from_pixel(width, height, Rgb([9, 200, 77]));

        let drawn = pipeline(EVERYTHING).draw_around(key(index), size, &boxes);
        let moved = drawn.apply_instances(instances.clone(), 0.0);
        prop_assert!(moved.iter().all(|instance| is_sound(instance, drawn.output_size())), "{moved:?}");

        let target = ImageSize::new(32, 24);
        let sample = (image, instances);
        let mosaic = Mosaic { min_visible: 0.0, ..Mosaic::default() }.draw(key(index), 5, target).unwrap();
        let first = mosaic.apply([sample.clone(), sample.clone(), sample.clone(), sample.clone()]);
        prop_assert_eq!(ImageSize::of(&first.0), target);
        prop_assert!(first.1.iter().all(|instance| is_sound(instance, target)), "{:?}", first.1);
        let mixup = DetectionMixup::default().draw(key(index), 5, target).unwrap();
        let mixed = mixup.apply(first, sample);
        prop_assert!(mixed.1.iter().all(|instance| is_sound(instance, target)), "{:?}", mixed.1);
    }

    /// Four images with one rectangle each: the pixels of each colour lie where its object is said to be.
    #[test]
    fn colours_of_a_mosaic_follow_their_objects(index: u64, sides in proptest::array::uniform4(40u32..200)) {
        let target = ImageSize::new(160, 128);
        let draw = Mosaic { min_visible: 0.0, ..Mosaic::default() }.draw(key(index), 9, target).unwrap();
        let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]];
        let samples = std::array::from_fn(|quarter| {
            let size = ImageSize::new(sides[quarter], sides[(quarter + 1) % 4]);
            let bbox = BBox::from_xyxy(
                (size.width / 5) as f32, (size.height / 6) as f32,
                (size.width * 9 / 10) as f32, (size.height * 4 / 5) as f32,
            );
            (painted(size, bbox, colours[quarter]), vec![outlined(bbox, quarter)])
        });
        let (image, instances) = draw.apply(samples);
        for (class, colour) in colours.into_iter().enumerate() {
            // Half covered and more; grey and black are far from every colour.
            let pixels = found(&image, |pixel| {
                (0..3).all(|channel| if colour[channel] == 255 { pixel[channel] > 127 } else { pixel[channel] < 80 })
            });
            let instance = instances.iter().find(|instance| instance.class == class);
            match (pixels, instance) {
                (Some(pixels), Some(instance)) => {
                    let (bbox, edge) = (instance.bbox, 1.5);
                    let within = pixels.x1 > bbox.x1 - edge && pixels.x2 < bbox.x2 + edge
                        && pixels.y1 > bbox.y1 - edge && pixels.y2 < bbox.y2 + edge;
                    prop_assert!(within, "{:?} beyond {:?}", pixels, instance);
                    // Corners of a rotated rectangle are covered by less than half for about two pixels, and those of
                    // one that an edge of the image cuts can be far sharper.
                    let whole = bbox.x1 > 0.0 && bbox.y1 > 0.0 && bbox.x2 < 160.0 && bbox.y2 < 128.0;
                    prop_assert!(!whole || distance(pixels, bbox) < 3.0, "{:?} for {:?}", pixels, instance);
                }
                (Some(pixels), None) => prop_assert!(false, "{:?} shows an object that is not listed", pixels),
                (None, Some(instance)) => {
                    let (width, height) = (instance.bbox.width(), instance.bbox.height());
                    prop_assert!(width.min(height) < 3.0, "{:?} shows nothing", instance);
                }
                (None, None) => {}
            }
        }
    }

    #[test]
    fn a_blended_partner_lies_where_its_objects_are(index: u64, width in 40u32..200, height in 40u32..200) {
        let target = ImageSize::new(160, 128);
        let own = BBox::from_xyxy(0.0, 0.0, 4.0, 4.0);
        let size = ImageSize::new(width, height);
        let bbox = BBox::from_xyxy(
            (width / 5) as f32, (height / 6) as f32, (width * 9 / 10) as f32, (height * 4 / 5) as f32,
        );
        let draw = DetectionMixup { min_visible: 0.3, ..DetectionMixup::default() }.draw(key(index), 9, target).unwrap();
        let base = (RgbImage::new(target.width, target.height), vec![Instance::from_box(own, 0)]);
        let (image, instances) = draw.apply(base.clone(), (painted(size, bbox, [255, 0, 0]), vec![outlined(bbox, 1)]));
        let pixels = found(&image, |[red, green, _]| red > 64 && green < 20);
        prop_assert_eq!(&instances[0], &base.1[0]);
        match (pixels, instances.get(1)) {
            (Some(pixels), Some(instance)) => {
                prop_assert!(distance(pixels, instance.bbox) < 1.5, "{:?} for {:?}", pixels, instance);
            }
            (pixels, instance) => {
                prop_assert!(pixels.is_none() && instance.is_none() && image == base.0, "{pixels:?} {instance:?}");
            }
        }
    }
}

/// In smooth images a colour tells the place: each object's centre shows the colour of its centre in the original.
#[test]
fn objects_of_a_mosaic_show_the_colours_of_their_places() {
    let target = ImageSize::new(96, 64);
    let smooth =
        |phase: u32| RgbImage::from_fn(96, 64, |x, y| Rgb([(x + phase) as u8, (2 * y + phase) as u8, (x + y) as u8]));
    for index in 0..20 {
        let draw = Mosaic { scale: (0.8, 1.2), ..Mosaic::default() }.draw(key(index), 4, target).unwrap();
        let box_of = |x: f32| BBox::from_xywh(x, 10.0, 20.0, 20.0);
        let samples = std::array::from_fn(|quarter| {
            (smooth(20 * quarter as u32), vec![outlined(box_of(quarter as f32), quarter)])
        });
        let (image, instances) = draw.apply(samples);
        // The centres are at x = 10 + quarter, y = 20.
        for instance in instances.iter().filter(|instance| {
            let BBox { x1, y1, x2, y2 } = instance.bbox;
            x1 > 0.0 && y1 > 0.0 && x2 < 96.0 && y2 < 64.0
        }) {
            let [cx, cy, ..] = instance.bbox.to_cxcywh();
            let phase = 20.0 * instance.class as f32;
            let expected = [10.0 + instance.class as f32 + phase, 40.0 + phase, 30.0 + instance.class as f32];
            let shown = image.get_pixel(cx as u32, cy as u32).0;
            for (shown, expected) in shown.into_iter().zip(expected) {
                // Half a pixel of the result is up to 1 / 0.8 · √2 / 2 pixels, of 2 levels each, from the centre; the
                // clipped outline of a cut object has another centre, which the margin above leaves out.
                assert!((f32::from(shown) - expected).abs() < 4.0, "{index}: {shown} for {expected}, {instance:?}");
            }
        }
    }
}

#[test]
fn draws_repeat_themselves_and_differ_from_one_another() {
    let size = ImageSize::new(64, 64);
    let (mosaic, mixup) = (Mosaic::default(), DetectionMixup::default());
    let noise = |seed: u32| {
        let image = RgbImage::from_fn(50, 40, |x, y| {
            Rgb([0, 1, 2].map(|c| ((x * 31 + y * 17 + c * 7) * (seed + 3) % 256) as u8))
        });
        (image, vec![Instance::from_box(BBox::from_xywh(5.0, 5.0, 30.0, 30.0), seed as usize)])
    };
    let four = || [noise(0), noise(1), noise(2), noise(3)];
    let apply = |index| {
        let (image, instances) = mosaic.draw(key(index), 100, size).unwrap().apply(four());
        let draw = mixup.draw(key(index), 100, size).unwrap();
        (draw.partner(), draw.apply((image, instances), noise(4)))
    };
    assert_eq!(apply(3), apply(3));
    assert_ne!(apply(3), apply(4));
    let partners: std::collections::BTreeSet<usize> =
        (0..200).flat_map(|index| mosaic.draw(key(index), 10, size).unwrap().partners()).collect();
    assert_eq!(partners, (0..10).collect());
    assert!(mosaic.draw(key(0), 0, size).is_none());
    assert!(Mosaic { probability: 0.0, ..Mosaic::default() }.draw(key(0), 5, size).is_none());
    let half = Mosaic { probability: 0.5, ..Mosaic::default() };
    let drawn = (0..1000).filter(|&index| half.draw(key(index), 5, size).is_some()).count();
    // 500 expected, standard deviation 16.
    assert!((420..580).contains(&drawn), "{drawn}");
}

#[test]
fn images_without_objects_pass() {
    let size = ImageSize::new(40, 40);
    let image = || RgbImage::from_pixel(30, 20, Rgb([50; 3]));
    let (mixed, none) =
        Mosaic::default().draw(key(1), 4, size).unwrap().apply(std::array::from_fn(|_| (image(), vec![])));
    assert!(none.is_empty());
    let partner = (image(), vec![Instance::from_box(BBox::from_xywh(0.0, 0.0, 30.0, 20.0), 0)]);
    let draw = DetectionMixup::default().draw(key(1), 4, size).unwrap();
    // Where there is nothing to find, nothing is blended in.
    assert_eq!(draw.apply((mixed.clone(), vec![]), partner), (mixed, vec![]));
    assert!(pipeline(EVERYTHING).draw(key(0), size).apply_instances(Vec::new(), 0.5).is_empty());
}

#[test]
fn settings_of_mosaic_and_mixup_are_read_and_checked() {
    let mosaic: Mosaic = toml::from_str("scale = [0.5, 1.5]\ndegrees = 5.0").unwrap();
    assert_eq!(mosaic, Mosaic { scale: (0.5, 1.5), degrees: 5.0, ..Mosaic::default() });
    assert_eq!(toml::from_str::<Mosaic>(&toml::to_string(&mosaic).unwrap()).unwrap(), mosaic);
    let message = toml::from_str::<Mosaic>("degree = 5.0").unwrap_err().to_string();
    assert!(message.contains("unknown field `degree`"), "{message}");
    let message = Mosaic { scale: (2.0, 0.1), ..mosaic }.validate().unwrap_err().to_string();
    assert_eq!(message, "augmentation `mosaic`: `scale` is [2, 0.1], expected [lowest, highest] from 0.01 to 100");
    let message = DetectionMixup { flip: 2.0, ..DetectionMixup::default() }.validate().unwrap_err().to_string();
    assert_eq!(message, "augmentation `detection-mixup`: `flip` is 2, expected a number from 0 to 1");
    assert!(Mosaic::default().validate().is_ok() && DetectionMixup::default().validate().is_ok());
}

#[test]
fn the_area_of_an_object_changes_with_its_shape() {
    let size = ImageSize::new(100, 100);
    // A right triangle of area 20 · 20 / 2 = 200 in a box of 400.
    let triangle = Segmentation::Polygons(vec![vec![[40.0, 40.0], [60.0, 40.0], [40.0, 60.0]]]);
    let bbox = BBox::from_xyxy(40.0, 40.0, 60.0, 60.0);
    let instance = Instance { segmentation: Some(triangle), area: 200.0, crowd: true, ..Instance::from_box(bbox, 4) };
    let crop = |text: &str| pipeline(text).draw(key(0), size).apply_instances(vec![instance.clone()], 0.0);
    // The middle 20 × 20 pixels, then twice as large.
    let moved = crop(r#"[{"kind": "centre-crop", "size": 20}, {"kind": "resize", "size": 40}]"#);
    assert_eq!((moved[0].area, moved[0].crowd, moved[0].class), (800.0, true, 4));
    // The window from (45, 45) to (55, 55) lies in the triangle up to the line x + y = 100, its diagonal: 50 of 200.
    let window = crop(r#"[{"kind": "centre-crop", "size": 10}]"#);
    assert_eq!((window[0].area, window[0].bbox), (50.0, BBox::from_xyxy(0.0, 0.0, 10.0, 10.0)));
    let place = Letterbox::centred(size, ImageSize::new(50, 100));
    let small = place.forward_instance(instance);
    // Half of each side: a quarter of the area, 25 pixels further down.
    assert_eq!((small.area, small.bbox), (50.0, BBox::from_xyxy(20.0, 45.0, 30.0, 55.0)));
}

#[test]
fn a_letterbox_of_the_same_size_copies_and_pads() {
    let image = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8, y as u8, 3]));
    let place = Letterbox::centred(ImageSize::of(&image), ImageSize::new(7, 9));
    let canvas = place.apply_image(&image, Filter::Bilinear, 114);
    for (x, y, pixel) in canvas.enumerate_pixels() {
        let expected = if (2..7).contains(&y) { *image.get_pixel(x, y - 2) } else { Rgb([114; 3]) };
        assert_eq!(*pixel, expected, "({x}, {y})");
    }
    let step: Augmentation =
        serde_json::from_str(r#"{"kind": "letterbox", "size": [7, 9], "placement": "center"}"#).unwrap();
    assert_eq!(Pipeline::new([step]).apply(image, key(0)), canvas);
}
