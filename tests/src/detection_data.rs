//! Annotations that are wrong: trained past where that is harmless, refused with file and place where it is not.

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::detection::{SMALL_DETECTOR, assert_finite};
use crate::program::{Program, test_data};

/// Side lengths of every picture of these tests.
const SIZE: (u32, u32) = (80, 60);

/// The small detector, trained for one epoch on `data`.
fn recipe(data: &str) -> String {
    let generated = "kind = \"shapes\"\ntrain = 24\nvalidation = 6\ntest = 6\nsize = 64\nclasses = 3";
    assert!(SMALL_DETECTOR.contains(generated));
    SMALL_DETECTOR.replace(generated, data).replace("epochs = 3", "epochs = 1")
}

fn picture(program: &Program, name: &str, number: usize) {
    let picture = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgb([(x * 3) as u8, (y * 4) as u8, number as u8 * 20]));
    let path = program.write(name, "");
    picture.save(path).expect("written");
}

/// A COCO file about six pictures in `FOLDER/train`, with two categories whose numbers are not contiguous.
fn coco_file(program: &Program, folder: &str, annotations: &[Value]) {
    let names: Vec<String> = (0..6).map(|number| format!("{number}.png")).collect();
    for (number, name) in names.iter().enumerate() {
        picture(program, &format!("{folder}/train/{name}"), number);
    }
    let image =
        |(number, name): (usize, &String)| json!({"id": 10 + number, "file_name": name, "width": 80, "height": 60});
    let file = json!({
        "images": names.iter().enumerate().map(image).collect::<Vec<_>>(),
        "categories": [{"id": 3, "name": "cell"}, {"id": 70, "name": "speck"}],
        "annotations": annotations,
    });
    program.write(&format!("{folder}/annotations/instances_train.json"), file.to_string());
}

fn annotation(id: u32, image: u32, category: u32, bbox: [i32; 4]) -> Value {
    json!({"id": id, "image_id": image, "category_id": category, "bbox": bbox, "iscrowd": 0})
}

/// Annotations that a run lives with: those that a whole object needs, and one of every sort that is left out or clipped.
fn harmless() -> Vec<Value> {
    vec![
        annotation(1, 10, 3, [10, 10, 30, 30]),
        annotation(2, 11, 70, [50, 20, 20, 30]),
        // Without area, with sides below zero, outside, over the edge; pictures 14 and 15 have none.
        annotation(3, 11, 3, [10, 10, 0, 30]),
        annotation(4, 12, 3, [40, 40, -20, -20]),
        annotation(5, 12, 70, [200, 200, 40, 40]),
        annotation(6, 13, 70, [60, 40, 400, 400]),
        // Of no picture, and the second with its number.
        annotation(7, 99, 3, [10, 10, 30, 30]),
        annotation(7, 10, 3, [5, 5, 20, 20]),
    ]
}

const COCO: &str = "kind = \"coco\"\nvalidation_split = 0";

#[test]
fn cocos_flawed_boxes_are_trained_past_and_named_by_the_doctor() {
    let program = Program::new();
    program.write("run.toml", recipe(COCO));
    coco_file(&program, "data", &harmless());
    program.run(&["train", "run.toml", "--data", "data", "--out", "run", "--quiet"]).expect(0);
    assert_finite(&program, "run");

    let ended = program.run(&["data", "doctor", "run.toml", "--data", "data", "--json"]);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    let report = ended.json();
    let problems = report["problems"].as_array().expect("a list");
    let kinds: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem["kind"].as_str().expect("a kind"), problem["place"].as_str().expect("a place")))
        .collect();
    for (kind, place) in [
        ("degenerate-box", ": annotation 3 of image 11"),
        ("degenerate-box", ": annotation 4 of image 12"),
        ("box-outside-image", ": annotation 5 of image 12"),
        ("clipped-box", ": annotation 6 of image 13"),
        ("annotation-without-image", ": annotation 7 of image 99"),
        ("duplicate-id", ": annotation 7 of image 10"),
    ] {
        assert!(kinds.contains(&(kind, place)), "{kind}{place} is not among {kinds:?}");
    }
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}

/// Fails unless training on `data` is refused, before a run is made, with a message that has all of `named`.
fn refused(program: &Program, recipe: &str, data: &str, named: &[&str]) {
    program.write("run.toml", recipe);
    let ended = program.run(&["train", "run.toml", "--data", data, "--out", "refused", "--quiet"]).expect(1);
    for text in named {
        assert!(ended.stderr.contains(text), "{data} should name {text}:\n{}", ended.stderr);
    }
    assert!(!program.path("refused").exists(), "{data}: nothing is written");
}

#[test]
fn unknown_categories_are_refused_in_every_format() {
    let program = Program::new();
    let mut unknown = harmless();
    unknown.push(annotation(8, 11, 4, [10, 10, 30, 30]));
    coco_file(&program, "coco", &unknown);
    refused(&program, &recipe(COCO), "coco", &["instances_train.json", "annotation 8", "category_id 4", "categories"]);

    for number in 0..4 {
        picture(&program, &format!("yolo/images/train/{number}.png"), number);
        program.write(&format!("yolo/labels/train/{number}.txt"), "0 0.5 0.5 0.25 0.5\n");
    }
    program.write("yolo/labels/train/2.txt", "1 0.5 0.5 0.25 0.5\n5 0.5 0.5 0.25 0.5\n");
    program.write("yolo/data.yaml", "train: images/train\nnames: [cell, speck]\n");
    let yolo = recipe("kind = \"yolo\"\nvalidation_split = 0");
    refused(&program, &yolo, "yolo", &["2.txt:2", "class number 5"]);

    let voc = |class: &str| {
        format!(
            "<annotation><size><width>80</width><height>60</height></size><object><name>{class}</name><bndbox>\
             <xmin>10</xmin><ymin>10</ymin><xmax>40</xmax><ymax>40</ymax></bndbox></object></annotation>"
        )
    };
    for (number, class) in ["cell", "cell", "spek", "speck"].iter().enumerate() {
        picture(&program, &format!("voc/JPEGImages/{number}.png"), number);
        program.write(&format!("voc/Annotations/{number}.xml"), voc(class));
    }
    let known = recipe("kind = \"voc\"\nvalidation_split = 0\nclasses = [\"cell\", \"speck\"]");
    refused(&program, &known, "voc", &["2.xml:1", "`spek`", "speck"]);
}

#[test]
fn weights_of_another_class_count_are_refused_by_eval_too() {
    let program = Program::new();
    coco_file(&program, "data", &harmless());
    program.write("run.toml", recipe(COCO));
    program.run(&["train", "run.toml", "--data", "data", "--out", "run", "--quiet"]).expect(0);
    let settings = ["data.kind=shapes", "data.train=6", "data.size=64", "data.classes=3", "input.size=64"];
    let mut arguments = vec!["eval", "--model", "yolox-nano", "--quiet", "--json"];
    arguments.extend(["--init-from", "run/checkpoints/best/model.safetensors", "--split", "train"]);
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    // Two classes against three: the last layer of each level, weight and bias.
    let ended = program.run(&arguments).expect(1);
    for text in ["head.cls_preds.0.weight", "head.cls_preds.2.bias", "[2, 64, 1, 1]", "[3, 64, 1, 1]"] {
        assert!(ended.stderr.contains(text), "{text}:\n{}", ended.stderr);
    }
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
}

/// With frozen scales alone the layers go on normalising by the batch: statistics kept from other images would let the
/// activations grow without bound once the other weights move.
#[test]
fn fine_tuning_with_frozen_scales_stays_finite() {
    let Some(data) = test_data("fine-tuning with frozen scales") else { return };
    let program = Program::new();
    let weights = data.join("weights/yolox-nano/yolox_nano_coco_from_onnx.safetensors").display().to_string();
    let cells = data.join("bccd/BCCD").display().to_string();
    let mut arguments = vec!["train", "bccd-yolox-nano", "--data", &cells, "--init-from", &weights, "--out", "run"];
    arguments.extend(["--ignore", "head.cls_preds.*", "--freeze", "*.bn.weight", "--epochs", "1", "--quiet"]);
    arguments.extend(["--set", "input.size=160", "--set", "augment.multi_scale=0"]);
    program.run(&arguments).expect(0);
    assert_finite(&program, "run");
}
