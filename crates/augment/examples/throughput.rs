//! Images per second of each augmentation on one thread.
//!
//!     cargo run --release -p augment --example throughput [IMAGE] [PART_OF_A_NAME]
//!
//! Every measurement draws new parameters for every image. The best of several rounds is shown, for images of 640×480
//! and of 224×224 (random resized crop and CIFAR crop: from 640×480 and from 32×32). `IMAGE` is resized to these sizes;
//! without one, or with `-`, a generated picture is used. Copying the image, which every call here pays for, is the
//! first line.

use std::time::Instant;

use augment::{AugmentKey, Augmentation, ImageSize, Mosaic, Normalize, Pipeline, Resize, presets};
use image::{Rgb, RgbImage};
use vision_types::{BBox, Instance};

/// Settings of peers' benchmarks: torchvision's and albumentations' defaults, or the ranges commonly used with them.
const STEPS: [(&str, &str); 27] = [
    ("copy", "[]"),
    ("random_resized_crop_224", r#"[{"kind": "random-resized-crop", "size": 224}]"#),
    ("random_crop_pad", r#"[{"kind": "random-crop", "size": 224, "padding": 4}]"#),
    ("letterbox_416", r#"[{"kind": "letterbox", "size": 416}]"#),
    ("letterbox_416_interpolated", r#"[{"kind": "letterbox", "size": 416, "filter": "bilinear-interpolation"}]"#),
    ("safe_box_crop", r#"[{"kind": "safe-box-crop"}]"#),
    ("zoom_out", r#"[{"kind": "zoom-out", "probability": 1}]"#),
    ("hsv_jitter", r#"[{"kind": "hsv-jitter"}]"#),
    ("hflip", r#"[{"kind": "horizontal-flip", "probability": 1}]"#),
    ("color_jitter", r#"[{"kind": "color-jitter", "brightness": 0.4, "contrast": 0.4, "saturation": 0.4}]"#),
    (
        "color_jitter_hue",
        r#"[{"kind": "color-jitter", "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}]"#,
    ),
    ("grey", r#"[{"kind": "grey", "probability": 1}]"#),
    (
        "affine_bilinear",
        r#"[{"kind": "affine", "rotation": 15, "shift_x": 0.1, "shift_y": 0.1, "zoom": 0.2, "shear_x": 10, "shear_y": 10}]"#,
    ),
    (
        "affine_reflect",
        r#"[{"kind": "affine", "rotation": 40, "shift_x": 0.2, "shift_y": 0.2, "zoom": 0.2, "fill_mode": "reflect"}]"#,
    ),
    ("elastic", r#"[{"kind": "elastic"}]"#),
    ("perspective", r#"[{"kind": "perspective", "probability": 1}]"#),
    ("gaussian_blur_7", r#"[{"kind": "gaussian-blur", "sigma": [0.5, 2], "kernel_size": 7}]"#),
    ("median_blur_3", r#"[{"kind": "median-blur", "probability": 1}]"#),
    ("gaussian_noise", r#"[{"kind": "gaussian-noise"}]"#),
    ("sharpness", r#"[{"kind": "sharpness", "factor": 0.9, "probability": 1}]"#),
    ("posterize", r#"[{"kind": "posterize", "bits": 4, "probability": 1}]"#),
    ("solarize", r#"[{"kind": "solarize", "probability": 1}]"#),
    ("auto_contrast", r#"[{"kind": "auto-contrast", "probability": 1}]"#),
    ("equalize", r#"[{"kind": "equalize", "probability": 1}]"#),
    ("random_erasing", r#"[{"kind": "random-erasing", "probability": 1}]"#),
    ("rand_augment", r#"[{"kind": "rand-augment"}]"#),
    ("trivial_augment_wide", r#"[{"kind": "trivial-augment-wide"}]"#),
];

/// Rounds of which the best is shown, and the seconds that each takes about: short enough that some round has the
/// processor to itself on a busy machine.
const ROUNDS: usize = 60;
const SECONDS: f64 = 0.02;

/// Calls of `work` a second. Every round has the same draws, so the best round is not the one with the easiest.
fn best_rate(mut work: impl FnMut(u64)) -> f64 {
    let start = Instant::now();
    let mut draws = 0;
    while start.elapsed().as_secs_f64() < SECONDS {
        work(draws);
        draws += 1;
    }
    let round = |_| {
        let start = Instant::now();
        (0..draws).for_each(&mut work);
        draws as f64 / start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(0.0, f64::max)
}

fn rate(pipeline: &Pipeline, image: &RgbImage) -> f64 {
    best_rate(|index| {
        let key = AugmentKey { seed: 1, epoch: 0, index };
        std::hint::black_box(pipeline.apply(image.clone(), key));
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let picture = match arguments.next().filter(|path| path != "-") {
        Some(path) => image::open(path)?.into_rgb8(),
        None => RgbImage::from_fn(640, 480, |x, y| {
            Rgb([(x * 255 / 640) as u8, (y * 255 / 480) as u8, ((x * x + y * y) / 97) as u8])
        }),
    };
    let wanted = arguments.next().unwrap_or_default();
    let resized = |width: u32, height: u32| {
        let step = Augmentation::Resize(Resize::exactly(ImageSize::new(width, height)));
        Pipeline::new([step]).apply(picture.clone(), AugmentKey { seed: 0, epoch: 0, index: 0 })
    };
    let (large, medium, small) = (resized(640, 480), resized(224, 224), resized(32, 32));
    println!("{:28} {:>12} {:>12}   images/s", "", "640x480", "224x224");
    for (name, text) in STEPS.iter().filter(|(name, _)| name.contains(&wanted)) {
        let pipeline: Pipeline = serde_json::from_str(text)?;
        pipeline.validate()?;
        println!("{name:28} {:12.0} {:12.0}", rate(&pipeline, &large), rate(&pipeline, &medium));
    }
    if "mosaic_416".contains(&wanted) {
        // Images and objects are copied into each mosaic, as they would be read.
        let mosaic = Mosaic { scale: (0.5, 1.5), ..Mosaic::default() };
        let target = ImageSize::new(416, 416);
        let boxes: Vec<Instance> = (0..8u8)
            .map(|class| {
                let corner = f32::from(class) * 20.0;
                Instance::from_box(BBox::from_xywh(corner, corner, 60.0, 40.0), usize::from(class))
            })
            .collect();
        let mosaics = |image: &RgbImage| {
            best_rate(|index| {
                let draw = mosaic.draw(AugmentKey { seed: 1, epoch: 0, index }, 100, target).expect("always drawn");
                std::hint::black_box(draw.apply(std::array::from_fn(|_| (image.clone(), boxes.clone()))));
            })
        };
        println!("{:28} {:12.0} {:12.0}", "mosaic_416", mosaics(&large), mosaics(&medium));
    }
    if "normalize_float".contains(&wanted) {
        let numbers = |image: &RgbImage| {
            let mut out = vec![0.0; image.as_raw().len()];
            best_rate(|_| {
                Normalize::IMAGENET.write_chw(image, &mut out);
                std::hint::black_box(&mut out);
            })
        };
        println!("{:28} {:12.0} {:12.0}", "normalize_float", numbers(&large), numbers(&medium));
    }
    if "cifar_train_normalize".contains(&wanted) {
        let mut out = vec![0.0; 3 * 32 * 32];
        let pipeline = presets::cifar_train();
        let cifar = best_rate(|index| {
            let image = pipeline.apply(small.clone(), AugmentKey { seed: 1, epoch: 0, index });
            Normalize::CIFAR10.write_chw(&image, &mut out);
            std::hint::black_box(&mut out);
        });
        println!("{:28} {cifar:12.0} at 32x32", "cifar_train_normalize");
    }
    Ok(())
}
