//! Equality with Pillow and torchvision on the images of `fixtures/`, which `fixtures/make_references.py` makes.

use augment::{
    Affine, AugmentKey, Augmentation, Border, Drawn, FillMode, Filter, GeometricMap, ImageSize, Photometric, Pipeline,
    Projection, Rectangle, Sampling, Spread, Window,
};
use image::RgbImage;
use serde_json::Value;

/// The colour beyond the image in the cases that have one.
const FILL: [u8; 3] = [9, 8, 7];

struct Case {
    parameters: Value,
    source: RgbImage,
    expected: RgbImage,
}

fn cases(name: &str) -> Vec<Case> {
    let list: Value = serde_json::from_str(include_str!("fixtures/references.json")).unwrap();
    let mut bytes = &include_bytes!("fixtures/references.bin")[..];
    let mut take = |size: &Value| {
        let side = |key: &str| size[key].as_u64().unwrap() as u32;
        let (image, rest) = bytes.split_at((side("width") * side("height") * 3) as usize);
        bytes = rest;
        RgbImage::from_raw(side("width"), side("height"), image.to_vec()).unwrap()
    };
    let (a, low) = (take(&list["input"]), take(&list["input"]));
    let all: Vec<Case> = list["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| Case {
            parameters: case.clone(),
            source: if case["source"] == "a" { a.clone() } else { low.clone() },
            expected: take(case),
        })
        .collect();
    let chosen: Vec<Case> = all.into_iter().filter(|case| case.parameters["name"] == name).collect();
    assert!(!chosen.is_empty(), "no case is called {name}");
    chosen
}

impl Case {
    fn number(&self, key: &str) -> f64 {
        self.parameters[key].as_f64().unwrap_or_else(|| panic!("{key} of {}", self.parameters))
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        self.parameters[key].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    }

    fn filter(&self) -> Filter {
        serde_json::from_value(self.parameters["filter"].clone()).unwrap()
    }

    fn size(&self) -> ImageSize {
        ImageSize::of(&self.source)
    }
}

/// Applies `drawn` to each case called `name` and asserts that no level differs by more than `tolerance` and that at
/// most the share `differing` differs at all.
fn check(name: &str, tolerance: u8, differing: f64, drawn: impl Fn(&Case) -> Drawn) {
    for case in cases(name) {
        let found = drawn(&case).apply_image(case.source.clone());
        assert_eq!(found.dimensions(), case.expected.dimensions(), "{}", case.parameters);
        let differences: Vec<u8> = found.iter().zip(case.expected.iter()).map(|(a, b)| a.abs_diff(*b)).collect();
        let largest = *differences.iter().max().unwrap();
        let share = differences.iter().filter(|&&difference| difference > 0).count() as f64 / differences.len() as f64;
        println!("{}: largest {largest}, share {share:.4}", case.parameters);
        assert!(largest <= tolerance, "{} differs by {largest}", case.parameters);
        assert!(share <= differing, "a share of {share} of {} differs", case.parameters);
    }
}

fn check_equal(name: &str, change: impl Fn(&Case) -> Photometric) {
    check(name, 0, 0.0, |case| Drawn::Photometric(change(case)));
}

#[test]
fn brightness_contrast_saturation_and_sharpness_equal_pillow() {
    check_equal("brightness", |case| Photometric::Brightness(case.number("factor") as f32));
    check_equal("contrast", |case| Photometric::Contrast(case.number("factor") as f32));
    check_equal("saturation", |case| Photometric::Saturation(case.number("factor") as f32));
    check_equal("sharpness", |case| Photometric::Sharpness(case.number("factor") as f32));
}

#[test]
fn tones_equal_pillow() {
    check_equal("grey", |_| Photometric::Grey);
    check_equal("posterize", |case| Photometric::Posterize(case.number("bits") as u8));
    check_equal("solarize", |case| Photometric::Solarize(case.number("threshold") as f32));
    check_equal("auto-contrast", |_| Photometric::AutoContrast);
    check_equal("equalize", |_| Photometric::Equalize);
    check_equal("invert", |_| Photometric::Invert);
}

/// torchvision cuts off the fraction when it returns to 8 bits (after adding just under one level), so a level can
/// differ.
#[test]
fn hue_is_within_a_level_of_torchvision() {
    check("hue", 1, 0.1, |case| Drawn::Photometric(Photometric::Hue(case.number("shift") as f32)));
}

/// Sums in another order can round the other way.
#[test]
fn gaussian_blur_equals_torchvision_but_for_ties() {
    check("gaussian-blur", 1, 0.001, |case| {
        let radius = (case.number("kernel") as u32 - 1) / 2;
        Drawn::Photometric(Photometric::GaussianBlur { sigma: case.number("sigma") as f32, radius })
    });
}

#[test]
fn median_blur_equals_pillow() {
    check_equal("median-blur", |_| Photometric::MedianBlur(1));
}

#[test]
fn pads_and_flips_equal_torchvision_and_numpy() {
    check("pad", 0, 0.0, |case| {
        let padding = case.numbers("padding");
        let mode: FillMode = serde_json::from_value(case.parameters["mode"].clone()).unwrap();
        let output = ImageSize::new(case.expected.width(), case.expected.height());
        Drawn::Geometric(GeometricMap::Window(Window {
            left: -padding[0] as i64,
            top: -padding[1] as i64,
            output,
            border: Border { mode, fill: FILL },
        }))
    });
    check("hflip", 0, 0.0, |_| Drawn::Geometric(GeometricMap::FlipHorizontal));
    check("vflip", 0, 0.0, |_| Drawn::Geometric(GeometricMap::FlipVertical));
}

fn resize(case: &Case) -> Drawn {
    let part: Vec<u32> = case.numbers("part").into_iter().map(|side| side as u32).collect();
    Drawn::Geometric(GeometricMap::Resize {
        part: Rectangle { x: part[0], y: part[1], width: part[2], height: part[3] },
        output: ImageSize::new(case.expected.width(), case.expected.height()),
        filter: case.filter(),
    })
}

/// Pillow resamples rows first, `fast_image_resize` columns, and both round and clip to levels in between. In the same
/// order only ties, which both reach in fixed point of different width, round to different sides.
#[test]
fn resizes_equal_pillow_in_the_same_order_of_passes() {
    check("resize-columns-first", 1, 0.08, resize);
}

/// The order shows only by a level, and beside a saturated patch where bicubic and Lanczos overshoot and are clipped.
#[test]
fn resizes_are_close_to_pillow_in_its_own_order() {
    check("resize", 16, 0.35, resize);
}

fn affine(case: &Case) -> Drawn {
    let fixed = |value: f64| Spread::Between(value, value);
    let (translate, shear) = (case.numbers("translate"), case.numbers("shear"));
    let size = case.size();
    let affine = Affine {
        rotation: fixed(case.number("angle")),
        shift_x: fixed(translate[0] / f64::from(size.width)),
        shift_y: fixed(translate[1] / f64::from(size.height)),
        shear_x: fixed(shear[0]),
        shear_y: fixed(shear[1]),
        zoom: fixed(case.number("scale")),
        fill: FILL,
        sampling: serde_json::from_value(case.parameters["sampling"].clone()).unwrap(),
        ..Affine::default()
    };
    let pipeline = Pipeline::new([Augmentation::Affine(affine)]);
    pipeline.draw(AugmentKey { seed: 0, epoch: 0, index: 0 }, size).steps.remove(0)
}

/// Pillow steps through the image in 1/65536 of a pixel, so a point on the border of two pixels can fall on the other
/// one.
#[test]
fn nearest_affine_warps_equal_pillow_but_for_ties() {
    check("affine-nearest", 255, 0.002, affine);
}

/// Pillow cuts off the fraction where this rounds, so about half of the levels differ by one.
#[test]
fn bilinear_warps_are_within_a_level_of_pillow() {
    check("affine-bilinear", 1, 0.6, affine);
    check("rotate", 1, 0.6, |case| {
        // torchvision's `rotate` turns counter-clockwise, the affine clockwise.
        let rotation = Spread::Between(-case.number("degrees"), -case.number("degrees"));
        let pipeline = Pipeline::new([Augmentation::Affine(Affine { rotation, fill: FILL, ..Affine::default() })]);
        pipeline.draw(AugmentKey { seed: 0, epoch: 0, index: 0 }, case.size()).steps.remove(0)
    });
    check("perspective", 1, 0.6, |case| {
        let corner = |index: usize| {
            let point = &case.parameters["quad"][index];
            (point[0].as_f64().unwrap(), point[1].as_f64().unwrap())
        };
        let size = case.size();
        let quad = Projection::from_unit_square([corner(0), corner(1), corner(2), corner(3)]).unwrap();
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        let forward = Projection::scale_then_shift(1.0 / width, 1.0 / height, 0.0, 0.0).then(&quad);
        let map = GeometricMap::warp(forward, size, Border::constant(FILL), Sampling::Bilinear).unwrap();
        Drawn::Geometric(map)
    });
}
