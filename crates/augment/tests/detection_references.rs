//! Equality with OpenCV, Pillow and torchvision on `fixtures/detection.*`, which
//! `fixtures/make_detection_references.py` makes.

use augment::{Affine, AugmentKey, Augmentation, Drawn, Filter, ImageSize, Letterbox, Photometric, Pipeline, Spread};
use image::RgbImage;
use serde_json::Value;
use vision_types::BBox;

/// The grey around letterboxed images.
const PAD: u8 = 114;

struct Case {
    parameters: Value,
    expected: Option<RgbImage>,
}

fn input_and_cases(name: &str) -> (RgbImage, Vec<Case>) {
    let list: Value = serde_json::from_str(include_str!("fixtures/detection.json")).unwrap();
    let mut bytes = &include_bytes!("fixtures/detection.bin")[..];
    let mut take = |size: &Value| {
        let side = |key: &str| size[key].as_u64().map(|side| side as u32);
        let (width, height) = (side("width")?, side("height")?);
        let (image, rest) = bytes.split_at((width * height * 3) as usize);
        bytes = rest;
        RgbImage::from_raw(width, height, image.to_vec())
    };
    let input = take(&list["input"]).unwrap();
    let cases: Vec<Case> = list["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| Case { parameters: case.clone(), expected: take(case) })
        .collect();
    let chosen: Vec<Case> = cases.into_iter().filter(|case| case.parameters["name"] == name).collect();
    assert!(!chosen.is_empty(), "no case is called {name}");
    (input, chosen)
}

/// Asserts that no level of each result differs by more than `tolerance` and at most the share `differing` at all.
fn check(name: &str, tolerance: u8, differing: f64, change: impl Fn(&RgbImage, &Case) -> RgbImage) {
    let (input, cases) = input_and_cases(name);
    for case in cases {
        let (found, expected) = (change(&input, &case), case.expected.as_ref().unwrap());
        assert_eq!(found.dimensions(), expected.dimensions(), "{}", case.parameters);
        let differences: Vec<u8> = found.iter().zip(expected.iter()).map(|(a, b)| a.abs_diff(*b)).collect();
        let largest = *differences.iter().max().unwrap();
        let share = differences.iter().filter(|&&difference| difference > 0).count() as f64 / differences.len() as f64;
        println!("{}: largest {largest}, share {share:.4}", case.parameters);
        assert!(largest <= tolerance, "{} differs by {largest}", case.parameters);
        assert!(share <= differing, "a share of {share} of {} differs", case.parameters);
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn letterboxed(filter: Filter) -> impl Fn(&RgbImage, &Case) -> RgbImage {
    move |image, case| {
        let target = ImageSize::of(case.expected.as_ref().unwrap());
        Letterbox::top_left(ImageSize::of(image), target).apply_image(image, filter, PAD)
    }
}

/// OpenCV rounds once, at the end; `fast_image_resize` to levels between its two passes too.
#[test]
fn a_letterbox_by_interpolation_is_within_a_level_of_opencv() {
    check("letterbox-opencv", 1, 0.25, letterboxed(Filter::BilinearInterpolation));
}

/// Pillow resamples rows first and `fast_image_resize` columns.
#[test]
fn a_letterbox_is_within_a_level_of_pillow() {
    check("letterbox-pillow", 1, 0.2, letterboxed(Filter::Bilinear));
}

fn shifted(image: &RgbImage, case: &Case) -> RgbImage {
    let number = |key: &str| case.parameters[key].as_f64().unwrap() as f32;
    let change = Photometric::HsvShift { hue: number("hue"), saturation: number("saturation"), value: number("value") };
    change.apply_image(image.clone())
}

/// A turn by 10° is a sixth of a sextant, so that many channels are ties between two levels.
#[test]
fn shifts_on_the_hexagon_are_those_of_its_formulas() {
    check("hsv-exact", 1, 0.05, shifted);
}

/// OpenCV rounds the hue to 2°, a turn by 1° of which moves a channel by up to 255 / 60 = 4.25 levels, and saturation
/// and value to whole levels.
#[test]
fn shifts_on_the_hexagon_are_within_the_rounding_of_opencv() {
    check("hsv-opencv", 6, 1.0, shifted);
}

#[test]
fn boxes_after_an_affine_map_are_those_of_torchvision() {
    let (_, cases) = input_and_cases("affine-boxes");
    for Case { parameters, .. } in cases {
        let fixed = |value: f64| Spread::Between(value, value);
        let sides = numbers(&parameters["size"]);
        let size = ImageSize::new(sides[0] as u32, sides[1] as u32);
        let (translate, shear) = (numbers(&parameters["translate"]), numbers(&parameters["shear"]));
        let affine = Affine {
            rotation: fixed(parameters["angle"].as_f64().unwrap()),
            shift_x: fixed(translate[0] / sides[0]),
            shift_y: fixed(translate[1] / sides[1]),
            shear_x: fixed(shear[0]),
            shear_y: fixed(shear[1]),
            zoom: fixed(parameters["scale"].as_f64().unwrap()),
            ..Affine::default()
        };
        let pipeline = Pipeline::new([Augmentation::Affine(affine)]);
        let drawn = Drawn::Sequence(pipeline.draw(AugmentKey { seed: 0, epoch: 0, index: 0 }, size).steps);
        let boxes = parameters["boxes"].as_array().unwrap().iter().zip(parameters["moved"].as_array().unwrap());
        for (bbox, expected) in boxes {
            let bbox = numbers(bbox);
            let bbox = BBox::from_xyxy(bbox[0] as f32, bbox[1] as f32, bbox[2] as f32, bbox[3] as f32);
            let BBox { x1, y1, x2, y2 } = drawn.apply_box(bbox, size).bbox;
            for (found, expected) in [x1, y1, x2, y2].into_iter().zip(numbers(expected)) {
                assert!((f64::from(found) - expected).abs() < 2e-3, "{found} for {expected} of {parameters}");
            }
        }
    }
}
