//! What holds for every augmentation, image and key.

use augment::{
    AugmentKey, Augmentation, Border, Drawn, FillMode, Filter, GeometricMap, ImageSize, Pipeline, Projection,
    Rectangle, Sampling, Window,
};
use image::{Rgb, RgbImage};
use proptest::prelude::*;
use vision_types::{BBox, Mask};

/// Every kind with ordinary settings, and the warps with every fill mode.
fn every_augmentation() -> Vec<Augmentation> {
    serde_json::from_str(
        r#"[
        {"kind": "resize", "size": [20, 30], "filter": "lanczos3"},
        {"kind": "resize", "shorter_side": 17, "filter": "nearest"},
        {"kind": "resize", "longer_side": 33, "filter": "bicubic"},
        {"kind": "resize", "size": 25, "filter": "bilinear-interpolation"},
        {"kind": "letterbox", "size": [40, 24]},
        {"kind": "letterbox", "size": 16, "placement": "centre", "filter": "nearest"},
        {"kind": "safe-box-crop"},
        {"kind": "safe-box-crop", "size": [20, 30], "probability": 0.5},
        {"kind": "zoom-out", "ratio": [1, 9], "probability": 1},
        {"kind": "hsv-jitter"},
        {"kind": "centre-crop", "size": [24, 12]},
        {"kind": "random-crop", "size": 16, "padding": 4, "fill_mode": "reflect"},
        {"kind": "random-crop", "size": [40, 8]},
        {"kind": "random-resized-crop", "size": 21},
        {"kind": "pad", "padding": [1, 20, 3, 4], "fill_mode": "symmetric"},
        {"kind": "horizontal-flip"},
        {"kind": "vertical-flip", "probability": 1},
        {"kind": "affine", "rotation": 180, "shift_x": 0.5, "shift_y": 0.5, "shear_x": 30, "shear_y": 30, "zoom": 0.9},
        {"kind": "affine", "rotation": 40, "zoom": [0.2, 4], "zoom_separately": true, "fill_mode": "reflect"},
        {"kind": "affine", "rotation": 40, "shift_x": 1, "fill_mode": "symmetric", "sampling": "nearest"},
        {"kind": "affine", "rotation": 40, "shift_y": 1, "fill_mode": "nearest"},
        {"kind": "affine", "rotation": 40, "zoom": [0.1, 0.2], "fill_mode": "wrap"},
        {"kind": "perspective", "distortion": 0.9, "probability": 1},
        {"kind": "perspective", "fill_mode": "wrap", "sampling": "nearest", "probability": 1},
        {"kind": "elastic"},
        {"kind": "elastic", "grid": 7, "sigma": 40, "fill_mode": "constant", "sampling": "nearest"},
        {"kind": "color-jitter", "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.5},
        {"kind": "grey"},
        {"kind": "gaussian-blur", "sigma": [0.1, 5]},
        {"kind": "gaussian-blur", "kernel_size": 7},
        {"kind": "median-blur", "kernel_size": 5, "probability": 1},
        {"kind": "gaussian-noise"},
        {"kind": "sharpness", "factor": 1},
        {"kind": "posterize", "bits": 4},
        {"kind": "solarize"},
        {"kind": "auto-contrast", "probability": 1},
        {"kind": "equalize", "probability": 1},
        {"kind": "invert", "probability": 1},
        {"kind": "cutout", "size": 16, "count": 2},
        {"kind": "random-erasing", "noise": true, "probability": 1},
        {"kind": "rand-augment", "num_ops": 3, "magnitude": 30},
        {"kind": "trivial-augment-wide", "sampling": "bilinear"}
    ]"#,
    )
    .unwrap()
}

fn noise_image(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut state = seed;
    RgbImage::from_fn(width, height, |_, _| {
        // Knuth's linear congruential generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Rgb([(state >> 33) as u8, (state >> 41) as u8, (state >> 49) as u8])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_augmentation_keeps_its_promised_size_and_repeats_itself(
        width in 1u32..64, height in 1u32..64, seed: u64, index: u64,
    ) {
        let image = noise_image(width, height, seed);
        let key = AugmentKey { seed, epoch: 3, index };
        for step in every_augmentation() {
            prop_assert_eq!(step.validate(), Ok(()));
            let kind = step.kind();
            let promised = step.output_size(ImageSize::new(width, height));
            let pipeline = Pipeline::new([step]);
            let drawn = pipeline.draw(key, ImageSize::new(width, height));
            let first = pipeline.apply(image.clone(), key);
            prop_assert_eq!(ImageSize::of(&first), promised, "{}", kind);
            prop_assert_eq!(drawn.output_size(), promised, "{}", kind);
            prop_assert_eq!(drawn.apply_mask(Mask::filled(width, height, 1), 0).pixels().len() as u64, promised.area());
            prop_assert!(first == pipeline.apply(image.clone(), key), "{} does not repeat itself", kind);
        }
    }

    #[test]
    fn flipped_twice_is_the_image_itself(width in 1u32..64, height in 1u32..64, seed: u64) {
        let image = noise_image(width, height, seed);
        for flip in [GeometricMap::FlipHorizontal, GeometricMap::FlipVertical] {
            prop_assert!(flip.apply_image(flip.apply_image(image.clone())) == image);
        }
    }

    #[test]
    fn a_flip_shows_the_pixel_from_the_other_side(width in 1u32..64, height in 1u32..64, x: u32, y: u32, seed: u64) {
        let image = noise_image(width, height, seed);
        let (x, y) = (x % width, y % height);
        let horizontal = GeometricMap::FlipHorizontal.apply_image(image.clone());
        prop_assert_eq!(horizontal.get_pixel(x, y), image.get_pixel(width - 1 - x, y));
        let vertical = GeometricMap::FlipVertical.apply_image(image.clone());
        prop_assert_eq!(vertical.get_pixel(x, y), image.get_pixel(x, height - 1 - y));
    }

    /// The fast path over the inside of the image and the general path agree, in every fill mode: the same warp with an
    /// image padded by hand, where all points lie inside, shows the same levels.
    #[test]
    fn a_warp_of_the_padded_image_shows_the_same(
        width in 2u32..24, height in 2u32..24, degrees in -180.0f64..180.0, zoom in 0.7f64..2.0, seed: u64,
        mode in prop_oneof![
            Just(FillMode::Reflect), Just(FillMode::Symmetric), Just(FillMode::Nearest), Just(FillMode::Wrap)
        ],
    ) {
        const MARGIN: u32 = 48;
        let image = noise_image(width, height, seed);
        let size = ImageSize::new(width, height);
        let border = Border { mode, fill: [0; 3] };
        let (sine, cosine) = (degrees.to_radians().sin() * zoom, degrees.to_radians().cos() * zoom);
        let (x, y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
        let forward = Projection([
            [cosine, -sine, x - cosine * x + sine * y],
            [sine, cosine, y - sine * x - cosine * y],
            [0.0, 0.0, 1.0],
        ]);
        let warped = GeometricMap::warp(forward, size, border, Sampling::Bilinear).unwrap().apply_image(image.clone());

        let padded_size = ImageSize::new(width + 2 * MARGIN, height + 2 * MARGIN);
        let margin = i64::from(MARGIN);
        let pad = GeometricMap::Window(Window { left: -margin, top: -margin, output: padded_size, border });
        let shift = f64::from(MARGIN);
        let from_padded = Projection::scale_then_shift(1.0, 1.0, -shift, -shift).then(&forward);
        let black = Border::constant([0; 3]);
        let map = GeometricMap::warp(from_padded, size, black, Sampling::Bilinear).unwrap();
        let expected = map.apply_image(pad.apply_image(image));
        // Coordinates in fixed and in floating point can fall on two sides of a step of the weights (1/1024 of a
        // pixel).
        let largest = warped.iter().zip(expected.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        prop_assert!(largest <= 1, "levels differ by {}", largest);
    }

    /// A painted rectangle stays inside its moved box, and reaches near each side of it.
    #[test]
    fn painted_pixels_follow_their_box(
        x in 4u32..40, y in 4u32..40, width in 6u32..20, height in 6u32..20, seed: u64,
    ) {
        let size = ImageSize::new(64, 64);
        let mut image = RgbImage::new(64, 64);
        let mut mask = Mask::filled(64, 64, 0);
        for row in y..y + height {
            for column in x..x + width {
                image.put_pixel(column, row, Rgb([255; 3]));
                mask.pixels_mut()[(row * 64 + column) as usize] = 1;
            }
        }
        let bbox = BBox::from_xywh(x as f32, y as f32, width as f32, height as f32);
        let pipeline: Pipeline = serde_json::from_str(r#"[
            {"kind": "horizontal-flip"},
            {"kind": "vertical-flip"},
            {"kind": "affine", "rotation": 45, "shear_x": 10, "zoom": 0.2, "shift_x": 0.2, "sampling": "nearest"},
            {"kind": "random-crop", "size": [60, 50], "padding": 8},
            {"kind": "perspective", "distortion": 0.2, "sampling": "nearest"},
            {"kind": "resize", "size": [70, 90], "filter": "nearest"}
        ]"#).unwrap();
        let drawn = pipeline.draw(AugmentKey { seed, epoch: 0, index: 0 }, size);
        let image = drawn.apply_image(image);
        let mask = drawn.apply_mask(mask, 0);
        let Some(moved) = drawn.apply_boxes(&[bbox], 0.0)[0] else {
            prop_assert!(image.iter().all(|&level| level == 0), "the box is gone and its pixels are not");
            return Ok(());
        };
        for (column, row, pixel) in image.enumerate_pixels() {
            if pixel.0[0] > 0 || mask.get(column, row) > 0 {
                let (centre_x, centre_y) = (column as f32 + 0.5, row as f32 + 0.5);
                // One pixel of each of the three samplings by nearest pixel, enlarged at most twice by the last.
                let inside = centre_x >= moved.x1 - 4.0 && centre_x <= moved.x2 + 4.0
                    && centre_y >= moved.y1 - 4.0 && centre_y <= moved.y2 + 4.0;
                prop_assert!(inside, "pixel ({column}, {row}) is outside {moved:?}");
            }
        }
    }
}

#[test]
fn boxes_have_the_corners_worked_out_by_hand() {
    let size = ImageSize::new(100, 50);
    let bbox = BBox::from_xyxy(10.0, 20.0, 30.0, 40.0);
    let moved = |map: GeometricMap| map.apply_box(bbox, size);
    assert_eq!(moved(GeometricMap::FlipHorizontal).bbox, BBox::from_xyxy(70.0, 20.0, 90.0, 40.0));
    assert_eq!(moved(GeometricMap::FlipVertical).bbox, BBox::from_xyxy(10.0, 10.0, 30.0, 30.0));
    // The part from (20, 0) of 40 × 40, doubled: x 10..30 is -20..20 and half of it is cut off.
    let part = Rectangle { x: 20, y: 0, width: 40, height: 40 };
    let output = ImageSize::new(80, 80);
    let resized = moved(GeometricMap::Resize { part, output, filter: Filter::Bilinear });
    assert_eq!((resized.bbox, resized.visible), (BBox::from_xyxy(0.0, 40.0, 20.0, 80.0), 0.5));
    let window = Window { left: -5, top: 25, output: ImageSize::new(20, 20), border: Border::default() };
    // x 15..35 of 20 columns: 5 of 20; y -5..15: 15 of 20.
    let windowed = moved(GeometricMap::Window(window));
    assert_eq!((windowed.bbox, windowed.visible), (BBox::from_xyxy(15.0, 0.0, 20.0, 15.0), 0.1875));
    // A quarter turn clockwise about (0, 0), then 50 to the right: (x, y) to (50 - y, x).
    let forward = Projection([[0.0, -1.0, 50.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
    let map = GeometricMap::warp(forward, ImageSize::new(50, 100), Border::default(), Sampling::Nearest).unwrap();
    assert_eq!(moved(map).bbox, BBox::from_xyxy(10.0, 10.0, 30.0, 30.0));
}

#[test]
fn boxes_with_too_little_left_are_dropped_in_place() {
    let window = Window { left: 10, top: 0, output: ImageSize::new(20, 20), border: Border::default() };
    let pipeline = augment::DrawnPipeline {
        steps: vec![Drawn::Geometric(GeometricMap::Window(window))],
        input: ImageSize::new(40, 20),
    };
    let boxes = [(0.0, 10.0), (5.0, 15.0), (12.0, 20.0)].map(|(x1, x2)| BBox::from_xyxy(x1, 0.0, x2, 10.0));
    let kept = pipeline.apply_boxes(&boxes, 0.6);
    assert_eq!(kept, [None, None, Some(BBox::from_xyxy(2.0, 0.0, 10.0, 10.0))]);
    let half = pipeline.apply_boxes(&boxes, 0.5);
    assert_eq!(half[1], Some(BBox::from_xyxy(0.0, 0.0, 5.0, 10.0)));
}

#[test]
fn another_index_epoch_or_seed_draws_another_image() {
    let image = noise_image(48, 40, 1);
    let key = AugmentKey { seed: 1, epoch: 2, index: 3 };
    let others = [AugmentKey { seed: 2, ..key }, AugmentKey { epoch: 3, ..key }, AugmentKey { index: 4, ..key }];
    let pipeline: Pipeline = serde_json::from_str(
        r#"[{"kind": "random-resized-crop", "size": 32}, {"kind": "color-jitter", "brightness": 0.5}]"#,
    )
    .unwrap();
    let first = pipeline.apply(image.clone(), key);
    for other in others {
        assert!(pipeline.apply(image.clone(), other) != first, "{other:?} gives the image of {key:?}");
    }
}

#[test]
fn a_flip_with_probability_a_quarter_happens_to_a_quarter_of_the_images() {
    let step: Augmentation = serde_json::from_str(r#"{"kind": "horizontal-flip", "probability": 0.25}"#).unwrap();
    let pipeline = Pipeline::new([step]);
    let flipped = (0..4000)
        .filter(|&index| {
            let drawn = pipeline.draw(AugmentKey { seed: 5, epoch: 0, index }, ImageSize::new(8, 8));
            drawn.steps != [Drawn::Identity]
        })
        .count();
    // 1000 expected, standard deviation √(4000 · 0.25 · 0.75) = 27.
    assert!((890..1110).contains(&flipped), "{flipped}");
}

#[test]
fn only_pipelines_that_draw_call_themselves_random() {
    let pipeline = |text: &str| serde_json::from_str::<Pipeline>(text).unwrap();
    assert!(!augment::presets::imagenet_evaluation(256, 224).is_random());
    assert!(augment::presets::imagenet_train(224).is_random());
    assert!(!pipeline(r#"[{"kind": "horizontal-flip", "probability": 0}, {"kind": "affine"}]"#).is_random());
    assert!(!pipeline(r#"[{"kind": "grey", "probability": 1}]"#).is_random());
    assert!(pipeline(r#"[{"kind": "grey"}]"#).is_random());
}

#[test]
fn a_wrong_step_is_counted_from_one() {
    let pipeline: Pipeline =
        serde_json::from_str(r#"[{"kind": "grey"}, {"kind": "grey", "probability": 1.5}]"#).unwrap();
    let message = pipeline.validate().unwrap_err().to_string();
    assert_eq!(
        message,
        "step 2 of the pipeline: augmentation `grey`: `probability` is 1.5, expected a number from 0 to 1"
    );
}

#[test]
fn an_image_without_pixels_passes_through_random_steps() {
    for step in every_augmentation() {
        let drawn = Pipeline::new([step]).draw(AugmentKey { seed: 0, epoch: 0, index: 0 }, ImageSize::new(0, 7));
        assert_eq!(drawn.steps, [Drawn::Identity]);
    }
}
