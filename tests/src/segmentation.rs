//! Training, judging and using a segmentation network.

use image::{GrayImage, Luma, Rgb, RgbImage};

use crate::fine_tuning::tensors;
use crate::program::{Program, assert_same_run};

/// A configuration that trains a network in a moment and uses every source of randomness there is.
const SMALL_NETWORK: &str = r#"
task = "segmentation"
seed = 5
[data]
kind = "folder"
path = "data"
validation_split = 0.25
test_split = 0.25
[input]
size = 32
normalize = "unit"
[augment]
fit = "tiles"
train = [{ kind = "horizontal-flip" }, { kind = "affine", rotation = 20.0 }, { kind = "elastic" }]
[model]
name = "unet"
width = 4
depth = 2
[loss]
kind = "sum"
terms = [{ loss = { kind = "cross-entropy" } }, { weight = 0.5, loss = { kind = "dice" } }]
boundary = { strength = 5.0 }
[optim]
kind = "adamw"
lr = 0.01
[decode]
overlap = 16
min_area = 3
[train]
epochs = 3
batch_size = 4
accumulate = 2
ema = 0.9
"#;

/// Bright discs on dark ground: pictures and masks of 48×40 pixels.
fn write_discs(program: &Program, count: u32) {
    for number in 0..count {
        let inside = |x: u32, y: u32| {
            let (dx, dy) = (x as i32 - 10 - (number * 5 % 28) as i32, y as i32 - 10 - (number * 7 % 20) as i32);
            dx * dx + dy * dy < 64
        };
        let image = RgbImage::from_fn(48, 40, |x, y| {
            let noise = (x * 31 + y * 17 + number * 13) % 40;
            Rgb([(if inside(x, y) { 180 } else { 40 } + noise) as u8; 3])
        });
        let mask = GrayImage::from_fn(48, 40, |x, y| Luma([u8::from(inside(x, y)) * 255]));
        std::fs::create_dir_all(program.path("data/images")).expect("a writable folder");
        std::fs::create_dir_all(program.path("data/masks")).expect("a writable folder");
        image.save(program.path(&format!("data/images/{number:02}.png"))).expect("written");
        mask.save(program.path(&format!("data/masks/{number:02}.png"))).expect("written");
    }
}

#[test]
fn a_damaged_mask_is_left_out_when_asked_for() {
    let program = Program::new();
    write_discs(&program, 16);
    program.write("data/masks/05.png", b"no mask");
    program.write("run.toml", SMALL_NETWORK);
    let arguments = ["train", "run.toml", "--out", "strict", "--quiet", "--epochs", "1"];
    let ended = program.run(&arguments).expect(1);
    assert!(ended.stderr.contains("05.png") && ended.stderr.contains("data doctor"), "{}", ended.stderr);
    let arguments = ["train", "run.toml", "--out", "lax", "--quiet", "--epochs", "1"];
    let ended = program.run(&[&arguments[..], &["--set", "train.on_bad_sample=skip"]].concat()).expect(0);
    assert!(ended.stderr.contains("left out") && ended.stderr.contains("05.png"), "{}", ended.stderr);
}

#[test]
fn a_network_is_trained_judged_and_used() {
    let program = Program::new();
    write_discs(&program, 16);
    program.write("run.toml", SMALL_NETWORK);
    let arguments = ["train", "run.toml", "--out", "run", "--epochs", "60", "--quiet", "--json"];
    let settings = ["--set", "train.accumulate=1", "--set", "train.eval_every=20"];
    let summary = program.run(&[&arguments[..], &settings].concat()).expect(0).json();
    assert_eq!((&summary["task"], &summary["monitor"]), (&"segmentation".into(), &"val.mean_iou".into()));
    let iou = summary["splits"]["test"]["mean_iou"].as_f64().expect("a number");
    assert!(iou > 0.9, "discs are easy: {iou}");
    for file in ["config.toml", "results.csv", "report.html", "samples/training_batch.png"] {
        assert!(program.path(&format!("run/{file}")).is_file(), "{file}");
    }
    let page = String::from_utf8(program.bytes("run/report.html")).expect("UTF-8");
    for part in ["Masks on test", "Confusion matrix", "boundary F1", "Worst test images", "Best test images"] {
        assert!(page.contains(part), "the report has no {part}");
    }

    let evaluation = program.run(&["eval", "run", "--split", "test", "--json"]).expect(0).json();
    assert_eq!(evaluation["metrics"]["mean_iou"], summary["splits"]["test"]["mean_iou"]);
    assert_eq!(evaluation["samples"], 4);
    assert_eq!(evaluation["per_class"].as_array().expect("a list").len(), 2);
    assert!(program.run(&["eval", "run", "--split", "val"]).expect(0).stdout.contains("boundary F1"));

    let arguments = ["predict", "run", "data/images/03.png", "--json", "--out", "answers"];
    let answers = program.run(&arguments).expect(0).json();
    let areas = answers[0]["areas"].as_object().expect("a table");
    assert_eq!(areas.values().map(|area| area.as_u64().expect("a number")).sum::<u64>(), 48 * 40);
    let mask = image::open(program.path(answers[0]["mask"].as_str().expect("a path"))).expect("an image").to_rgb8();
    assert_eq!(mask.dimensions(), (48, 40));
    assert!(program.path("answers/00000_03.png").is_file());
    let objects = program.json("answers/objects.coco.json");
    let objects = objects.as_array().expect("a list");
    assert!(!objects.is_empty(), "there is a disc");
    for object in objects {
        assert_eq!((&object["image_id"], &object["category_id"]), (&3.into(), &1.into()));
        assert!(object["area"].as_u64().expect("a number") >= 3);
        assert_eq!(object["segmentation"]["size"], serde_json::json!([40, 48]));
    }
    let outlines = program.run(&["predict", "run", "data/images/03.png", "--json", "--polygons"]).expect(0).json();
    let outline = outlines[0]["objects"][0]["segmentation"][0].as_array().expect("one outline");
    assert!(outline.len() >= 8 && outline.len().is_multiple_of(2), "{outline:?}");
}

#[test]
fn networks_repeat_and_resume_exactly() {
    let program = Program::new();
    write_discs(&program, 16);
    program.write("run.toml", SMALL_NETWORK);
    for (out, workers, threads) in [("one", "0", "1"), ("two", "3", "2")] {
        let arguments = ["train", "run.toml", "--out", out, "--workers", workers, "--quiet"];
        program.run_with(&arguments, &[("RAYON_NUM_THREADS", threads)]).expect(0);
    }
    assert_same_run(&program, "one", "two");
    program.run(&["train", "run.toml", "--out", "parts", "--epochs", "1", "--quiet"]).expect(0);
    let weights = |run: &str| tensors(&program, &format!("{run}/checkpoints/last/model.safetensors"));
    assert_ne!(weights("one"), weights("parts"), "one epoch is not three");
}

#[test]
fn what_does_not_fit_is_refused() {
    let program = Program::new();
    write_discs(&program, 8);
    program.write("run.toml", SMALL_NETWORK);
    for (setting, expected) in [
        ("model.name=\"unit\"", "did you mean"),
        ("loss.kind=\"dise\"", "dise"),
        ("decode.margin=100", "decode.margin must be at most half of decode.overlap"),
        ("train.sampling=\"class-balanced\"", "class-balanced"),
        ("augment.fit=\"crop\"", "tiles"),
    ] {
        let ended = program.run(&["train", "run.toml", "--out", "run", "--quiet", "--set", setting]).expect(2);
        assert!(ended.stderr.contains(expected), "{setting}: {}", ended.stderr);
    }
    // A mask of another size than its image.
    GrayImage::new(20, 20).save(program.path("data/masks/05.png")).expect("written");
    let ended = program.run(&["train", "run.toml", "--out", "run", "--quiet"]).expect(1);
    assert!(ended.stderr.contains("05.png") && ended.stderr.contains("20"), "{}", ended.stderr);
}
