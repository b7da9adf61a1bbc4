//! Masks move with their images, in every step that moves anything; and what holds for elastic deformation.

use augment::{AugmentKey, Augmentation, Border, Drawn, ElasticMap, ImageSize, MAX_STRAIN, Pipeline, Sampling};
use image::{Rgb, RgbImage};
use proptest::prelude::*;
use vision_types::{BBox, Instance, Mask, Rle, Segmentation};

fn pipeline(text: &str) -> Pipeline {
    serde_json::from_str(text).unwrap()
}

fn key(seed: u64) -> AugmentKey {
    AugmentKey { seed, epoch: 1, index: 2 }
}

/// A filled ellipse of class 1 in a mask, and white in an image otherwise black.
fn ellipse(width: u32, height: u32, centre: (f64, f64), radii: (f64, f64)) -> (RgbImage, Mask) {
    let mut mask = Mask::filled(width, height, 0);
    for y in 0..height {
        for x in 0..width {
            let across = (f64::from(x) + 0.5 - centre.0) / radii.0;
            let down = (f64::from(y) + 0.5 - centre.1) / radii.1;
            mask.pixels_mut()[(y * width + x) as usize] = u8::from(across * across + down * down <= 1.0);
        }
    }
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([mask.get(x, y) * 255; 3]));
    (image, mask)
}

/// Every step that moves points, read between pixels by the nearest or linearly: an average of pixels of one colour has
/// that colour, which the other filters go beyond.
fn moving_steps() -> Vec<Augmentation> {
    serde_json::from_str(
        r#"[
        {"kind": "resize", "size": [20, 50]},
        {"kind": "resize", "shorter_side": 90, "filter": "nearest"},
        {"kind": "resize", "longer_side": 33, "filter": "bilinear-interpolation"},
        {"kind": "letterbox", "size": [70, 44], "fill": [0, 0, 0]},
        {"kind": "letterbox", "size": 36, "placement": "centre", "filter": "nearest", "fill": [0, 0, 0]},
        {"kind": "safe-box-crop"},
        {"kind": "zoom-out", "probability": 1, "fill": [0, 0, 0]},
        {"kind": "centre-crop", "size": [24, 30]},
        {"kind": "random-crop", "size": 40, "padding": 9, "fill_mode": "reflect"},
        {"kind": "random-crop", "size": [60, 28], "padding": 4},
        {"kind": "random-resized-crop", "size": 41},
        {"kind": "random-resized-crop", "size": 41, "filter": "nearest"},
        {"kind": "pad", "padding": [1, 20, 3, 4], "fill_mode": "symmetric"},
        {"kind": "pad", "padding": [9, 2, 30, 4]},
        {"kind": "horizontal-flip", "probability": 1},
        {"kind": "vertical-flip", "probability": 1},
        {"kind": "affine", "rotation": 180, "shift_x": 0.5, "shift_y": 0.5, "shear_x": 30, "shear_y": 30, "zoom": 0.5},
        {"kind": "affine", "rotation": 40, "zoom": [0.4, 3], "zoom_separately": true, "fill_mode": "reflect"},
        {"kind": "affine", "rotation": 40, "shift_x": 1, "fill_mode": "symmetric", "sampling": "nearest"},
        {"kind": "affine", "rotation": 40, "shift_y": 1, "fill_mode": "nearest"},
        {"kind": "affine", "rotation": 40, "zoom": [0.3, 0.5], "fill_mode": "wrap"},
        {"kind": "perspective", "distortion": 0.9, "probability": 1},
        {"kind": "perspective", "fill_mode": "wrap", "sampling": "nearest", "probability": 1},
        {"kind": "elastic"},
        {"kind": "elastic", "grid": 5, "sigma": 30, "fill_mode": "constant"},
        {"kind": "elastic", "grid": 2, "sigma": 5, "fill_mode": "wrap", "sampling": "nearest"}
    ]"#,
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Wherever the moved picture is pure black or white, the mask has the class of that colour; and such pixels are
    /// most.
    #[test]
    fn every_moving_step_moves_mask_and_image_alike(
        width in 24u32..64, height in 24u32..64, x in 0.2f64..0.8, y in 0.2f64..0.8, seed: u64,
    ) {
        let (w, h) = (f64::from(width), f64::from(height));
        let (image, mask) = ellipse(width, height, (x * w, y * h), (0.3 * w, 0.25 * h));
        for step in moving_steps() {
            prop_assert_eq!(step.validate(), Ok(()));
            let drawn = Pipeline::new([step.clone()]).draw(key(seed), ImageSize::new(width, height));
            let (image, mask) = (drawn.apply_image(image.clone()), drawn.apply_mask(mask.clone(), 0));
            prop_assert_eq!(image.dimensions(), (mask.width(), mask.height()));
            let mut mixed = 0;
            for (column, row, pixel) in image.enumerate_pixels() {
                match pixel.0[0] {
                    0 => prop_assert_eq!(mask.get(column, row), 0, "{:?} ({}, {})", step, column, row),
                    255 => prop_assert_eq!(mask.get(column, row), 1, "{:?} ({}, {})", step, column, row),
                    _ => mixed += 1,
                }
            }
            prop_assert!(mixed * 2 < image.pixels().len(), "{:?}: {} pixels are mixed", step, mixed);
        }
    }

    #[test]
    fn several_steps_move_mask_and_image_alike(seed: u64) {
        let (image, mask) = ellipse(60, 48, (30.0, 20.0), (14.0, 11.0));
        let drawn = pipeline(r#"[
            {"kind": "elastic", "sigma": 4, "sampling": "nearest"},
            {"kind": "horizontal-flip"},
            {"kind": "color-jitter", "hue": 0.1},
            {"kind": "affine", "rotation": 20, "sampling": "nearest"},
            {"kind": "random-crop", "size": 40, "padding": 6}
        ]"#).draw(key(seed), ImageSize::new(60, 48));
        let (image, mask) = (drawn.apply_image(image), drawn.apply_mask(mask, 0));
        for (column, row, pixel) in image.enumerate_pixels() {
            prop_assert_eq!(u8::from(pixel.0[0] > 127), mask.get(column, row), "({}, {})", column, row);
        }
    }

    /// The place of what a point of the result shows is that point: forward undoes the displacement.
    #[test]
    fn elastic_points_return(
        width in 1u32..200, height in 1u32..200, grid in 2u32..6, sigma in 0.1f64..50.0,
        x in -0.2f64..1.2, y in -0.2f64..1.2, seed: u64,
    ) {
        let Some(map) = elastic(grid, sigma, seed, ImageSize::new(width, height)) else { unreachable!() };
        let (x, y) = (x * f64::from(width), y * f64::from(height));
        let [right, down] = map.displacement(x, y);
        let [found_x, found_y] = map.forward(x + right, y + down);
        prop_assert!((found_x - x).abs() < 1e-6 && (found_y - y).abs() < 1e-6, "({x}, {y}) came back as ({found_x}, {found_y})");
        // And what two near points show is strained by no more than promised.
        let step = 0.01;
        for (dx, dy) in [(step, 0.0), (0.0, step), (step * 0.6, step * 0.8)] {
            let [other_right, other_down] = map.displacement(x + dx, y + dy);
            prop_assert!((other_right - right).hypot(other_down - down) <= MAX_STRAIN * step * 1.000_001);
        }
    }

    /// The box of a painted ellipse, known as a box, an outline and pixels, is near the box of its moved pixels.
    #[test]
    fn elastic_objects_follow_their_pixels(sigma in 0.5f64..20.0, grid in 2u32..5, seed: u64) {
        let size = ImageSize::new(96, 80);
        let (_, mask) = ellipse(96, 80, (48.0, 40.0), (20.0, 14.0));
        let Some(map) = elastic(grid, sigma, seed, size) else { unreachable!() };
        let moved = map.apply_mask(&mask, 0);
        let pixels = Rle::from_mask(&moved);
        prop_assume!(pixels.area() > 50);
        let truth = pixels.bbox();
        let outline: Vec<[f64; 2]> = (0..90)
            .map(|step| f64::from(step) * std::f64::consts::TAU / 90.0)
            .map(|angle| [48.0 + 20.0 * angle.cos(), 40.0 + 14.0 * angle.sin()])
            .collect();
        let bbox = BBox::from_xyxy(28.0, 26.0, 68.0, 54.0);
        let object = |segmentation| Instance { segmentation: Some(segmentation), ..Instance::from_box(bbox, 3) };
        let drawn = Drawn::Elastic(map.clone());
        let by_pixels = drawn.apply_instance(object(Segmentation::Rle(Rle::from_mask(&mask))), size);
        prop_assert_eq!(&by_pixels.instance.segmentation, &Some(Segmentation::Rle(pixels)));
        prop_assert_eq!(by_pixels.instance.bbox, truth);
        let by_outline = drawn.apply_instance(object(Segmentation::Polygons(vec![outline])), size);
        let edges = |bbox: BBox| [bbox.x1, bbox.y1, bbox.x2, bbox.y2];
        for (edge, expected) in edges(by_outline.instance.bbox).into_iter().zip(edges(truth)) {
            // A pixel belongs to the mask or not by its centre; the strain magnifies up to four times.
            prop_assert!((edge - expected).abs() <= 3.5, "{:?} is not near {:?}", by_outline.instance.bbox, truth);
        }
        prop_assert!((by_outline.visible - by_pixels.visible).abs() < 0.1);
        // The box alone holds all of them.
        let around = drawn.apply_box(bbox, size).bbox;
        prop_assert!(around.x1 <= truth.x1 + 3.0 && around.y1 <= truth.y1 + 3.0);
        prop_assert!(around.x2 >= truth.x2 - 3.0 && around.y2 >= truth.y2 - 3.0);
        // A point at the centre of a pixel shows the class of that pixel at its new place.
        for point in [[48.5, 40.5], [30.5, 39.5], [60.5, 45.5], [10.5, 10.5], [80.5, 70.5]] {
            let [x, y] = drawn.apply_points(&[point], size)[0];
            if (0.0..96.0).contains(&x) && (0.0..80.0).contains(&y) {
                let [right, down] = map.displacement(x.floor() + 0.5, y.floor() + 0.5);
                let shown = ((x.floor() + 0.5 + right).floor(), (y.floor() + 0.5 + down).floor());
                if (0.0..96.0).contains(&shown.0) && (0.0..80.0).contains(&shown.1) {
                    prop_assert_eq!(moved.get(x as u32, y as u32), mask.get(shown.0 as u32, shown.1 as u32));
                    // The pixel of the result is at most one pixel and its strain away from the point.
                    let apart = (shown.0 + 0.5 - point[0]).hypot(shown.1 + 0.5 - point[1]);
                    prop_assert!(apart <= 0.5f64.hypot(0.5) * (1.0 + MAX_STRAIN) + 0.5f64.hypot(0.5) + 1e-6, "{}", apart);
                }
            }
        }
    }
}

/// The map that a step draws.
fn elastic(grid: u32, sigma: f64, seed: u64, size: ImageSize) -> Option<ElasticMap> {
    let text = format!(r#"[{{"kind": "elastic", "grid": {grid}, "sigma": {sigma}, "fill_mode": "constant"}}]"#);
    match pipeline(&text).draw(key(seed), size).steps.pop()? {
        Drawn::Elastic(map) => Some(map),
        _ => None,
    }
}

#[test]
fn no_strength_is_no_change() {
    let (image, mask) = ellipse(40, 30, (20.0, 15.0), (9.0, 8.0));
    let still = pipeline(r#"[{"kind": "elastic", "sigma": 0}]"#);
    let drawn = still.draw(key(5), ImageSize::new(40, 30));
    assert_eq!(drawn.steps, [Drawn::Identity]);
    assert!(!still.is_random() && pipeline(r#"[{"kind": "elastic"}]"#).is_random());
    // A map without displacements neither, read either way.
    for sampling in [Sampling::Bilinear, Sampling::Nearest] {
        let map = ElasticMap::new(ImageSize::new(40, 30), 3, vec![[0.0; 2]; 9], Border::default(), sampling);
        assert_eq!(map.apply_image(&image), image);
        assert_eq!(map.apply_mask(&mask, 7), mask);
        assert_eq!(map.forward(3.25, 4.5), [3.25, 4.5]);
    }
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let (image, _) = ellipse(64, 64, (30.0, 20.0), (14.0, 11.0));
    let step = pipeline(r#"[{"kind": "elastic"}]"#);
    assert_eq!(step.apply(image.clone(), key(1)), step.apply(image.clone(), key(1)));
    assert_ne!(step.apply(image.clone(), key(1)), step.apply(image, key(2)));
}

#[test]
fn displacements_have_the_deviation_asked_for() {
    // Large enough an image that no field is shortened.
    let size = ImageSize::new(4000, 4000);
    let (mut sum, mut squares) = (0.0, 0.0);
    for seed in 0..500 {
        let map = elastic(3, 10.0, seed, size).expect("it always happens");
        let [right, down] = map.displacement(2000.0, 2000.0);
        sum += right + down;
        squares += right * right + down * down;
    }
    // 1000 numbers: the mean deviates by 10 / √1000 = 0.32, the deviation by 10 / √2000 = 0.22; five times that is
    // allowed.
    assert!((sum / 1000.0f64).abs() < 1.6, "{}", sum / 1000.0);
    assert!(((squares / 1000.0f64).sqrt() - 10.0).abs() < 1.1, "{}", (squares / 1000.0).sqrt());
}

#[test]
fn settings_out_of_range_are_named() {
    let message = |text: &str| pipeline(text).validate().unwrap_err().to_string();
    assert!(
        message(r#"[{"kind": "elastic", "grid": 1}]"#)
            .ends_with("augmentation `elastic`: `grid` is 1, expected 2 to 32 nodes")
    );
    assert!(message(r#"[{"kind": "elastic", "sigma": -1}]"#).ends_with("`sigma` is -1, expected 0 to 1000 pixels"));
    assert!(message(r#"[{"kind": "elastic", "probability": 2}]"#).contains("`probability`"));
}
