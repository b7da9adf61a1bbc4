//! Training, judging and using a detector.

use image::{Rgb, RgbImage};

use crate::fine_tuning::tensors;
use crate::program::{Program, assert_same_run, test_data, wait};

/// A configuration that trains a detector in a moment and uses every source of randomness there is.
pub(crate) const SMALL_DETECTOR: &str = r#"
task = "detection"
seed = 5
[data]
kind = "shapes"
train = 24
validation = 6
test = 6
size = 64
classes = 3
[input]
size = 64
normalize = "unit"
[augment]
train = [{ kind = "hsv-jitter" }, { kind = "horizontal-flip" }]
mosaic = { probability = 0.7 }
mixup = { probability = 0.5 }
plain_epochs = 1
multi_scale = 1
multi_scale_batches = 1
[model]
name = "yolox-nano"
[optim]
kind = "sgd"
lr = 0.01
[decode]
score_threshold = 0.0
max_detections = 50
[train]
epochs = 3
batch_size = 6
accumulate = 2
ema = 0.9
"#;

#[test]
fn a_detector_is_trained_judged_and_used() {
    let program = Program::new();
    program.write("run.toml", SMALL_DETECTOR);
    let summary = program.run(&["train", "run.toml", "--out", "run", "--quiet", "--json"]).expect(0).json();
    assert_eq!((&summary["task"], &summary["epochs_run"]), (&"detection".into(), &3.into()));
    assert_eq!(summary["monitor"], "val.ap");
    for file in ["config.toml", "environment.json", "results.csv", "report.html", "samples/training_batch.png"] {
        assert!(program.path(&format!("run/{file}")).is_file(), "{file}");
    }
    let results = String::from_utf8(program.bytes("run/results.csv")).expect("UTF-8");
    for column in ["train.loss_iou", "train.loss_objectness", "train.loss_class", "train.loss_l1", "val.ap50"] {
        assert!(results.lines().next().expect("a heading").split(',').any(|name| name == column), "{column}");
    }
    // The loss on raw sizes is there in the last epoch alone, which is without mosaic.
    let l1 = results.lines().next().expect("a heading").split(',').position(|name| name == "train.loss_l1");
    let cells: Vec<bool> = results
        .lines()
        .skip(1)
        .map(|line| !line.split(',').nth(l1.expect("a column")).expect("a cell").is_empty())
        .collect();
    assert_eq!(cells, [false, false, true]);

    let evaluation = program.run(&["eval", "run", "--split", "test", "--json"]).expect(0).json();
    assert_eq!(evaluation["metrics"]["ap"], summary["splits"]["test"]["ap"]);
    assert_eq!(evaluation["samples"], 6);
    assert_eq!(evaluation["per_class"].as_array().expect("a list").len(), 3);
    let table = program.run(&["eval", "run", "--split", "val"]).expect(0);
    assert!(table.stdout.contains("AP50"), "{}", table.stdout);

    let picture = RgbImage::from_fn(90, 50, |x, y| if x < 40 && y > 10 { Rgb([250, 10, 10]) } else { Rgb([90; 3]) });
    program.write("pictures/notes.txt", "not an image");
    picture.save(program.path("pictures/7.png")).expect("written");
    let arguments = ["predict", "run", "pictures", "--json", "--out", "answers", "--score", "0"];
    let answers = program.run(&arguments).expect(0).json();
    let detections = answers[0]["detections"].as_array().expect("a list");
    assert!(!detections.is_empty(), "without a threshold there is always something");
    for detection in detections {
        let bbox: Vec<f64> =
            detection["bbox"].as_array().expect("a list").iter().map(|side| side.as_f64().expect("a number")).collect();
        assert!(bbox[0] >= 0.0 && bbox[1] >= 0.0, "{bbox:?}");
        assert!(bbox[0] + bbox[2] <= 90.001 && bbox[1] + bbox[3] <= 50.001, "{bbox:?} is within 90×50 pixels");
    }
    let coco = program.json("answers/detections.coco.json");
    assert_eq!(coco.as_array().expect("a list").len(), detections.len());
    assert_eq!(coco[0]["image_id"], 7);
    assert!(program.path("answers/00000_7.png").is_file());
}

#[test]
fn detectors_repeat_and_resume_exactly() {
    let program = Program::new();
    program.write("run.toml", SMALL_DETECTOR);
    for (out, workers, threads) in [("one", "0", "1"), ("two", "3", "2")] {
        let arguments = ["train", "run.toml", "--out", out, "--workers", workers, "--quiet"];
        program.run_with(&arguments, &[("RAYON_NUM_THREADS", threads)]).expect(0);
    }
    assert_same_run(&program, "one", "two");

    // Killed after the first checkpoint that lies within an epoch.
    let every_step = "train.checkpoint_minutes=0.0000001";
    let mut child = program.start(&["train", "run.toml", "--out", "parts", "--quiet", "--set", every_step]);
    let started = std::time::Instant::now();
    while !program.path("parts/checkpoints/last/state.json").exists() {
        assert!(child.try_wait().expect("a child").is_none(), "the run was over before it could be killed");
        assert!(started.elapsed().as_secs() < 120, "no checkpoint after two minutes");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().expect("SIGKILL");
    wait(child);
    program.run(&["train", "--resume", "parts", "--quiet"]).expect(0);
    assert_same_run(&program, "one", "parts");
}

#[test]
fn weights_of_other_classes_are_taken_with_a_new_head() {
    let program = Program::new();
    program.write("run.toml", SMALL_DETECTOR);
    program.run(&["train", "run.toml", "--out", "first", "--quiet", "--epochs", "1"]).expect(0);
    let weights = "first/checkpoints/best/model.safetensors";
    let base = ["train", "run.toml", "--out", "second", "--quiet", "--epochs", "1", "--set", "data.classes=4"];

    let refused = program.run(&[&base[..], &["--init-from", weights]].concat()).expect(1);
    assert!(refused.stderr.contains("init.ignore = [\"head.cls_preds.0.*\""), "{}", refused.stderr);
    let unknown = program.run(&[&base[..], &["--init-from", weights, "--ignore", "haed.*"]].concat()).expect(2);
    assert!(unknown.stderr.contains("did you mean `head.*`"), "{}", unknown.stderr);

    let arguments = ["--init-from", weights, "--ignore", "head.cls_preds.*", "--freeze", "backbone.backbone.*"];
    program.run(&[&base[..], &arguments].concat()).expect(0);
    let (start, end) = (tensors(&program, weights), tensors(&program, "second/checkpoints/last/model.safetensors"));
    let mut moved = 0;
    for (name, values) in end {
        if name.starts_with("backbone.backbone.") {
            // Weights and running statistics alike.
            assert_eq!(values, start[&name], "{name} is frozen");
        } else if start.get(&name).is_some_and(|before| *before != values) {
            moved += 1;
        }
    }
    assert!(moved > 100, "{moved} tensors outside the frozen backbone moved");
}

#[test]
fn wrong_detection_settings_are_named() {
    let program = Program::new();
    program.write("run.toml", SMALL_DETECTOR);
    for (setting, expected) in [
        ("input.size=100", "32"),
        ("decode.iou_threshold=2", "decode.iou_threshold"),
        ("augment.min_visible=-1", "augment.min_visible"),
        ("model.name=yolox-nan", "yolox-nano"),
        ("loss.kind=yolo", "yolox"),
        ("decode.class_thresholds.cat=0.5", "cat"),
        ("augment.mosaik={}", "mosaic"),
    ] {
        let ended = program.run(&["train", "run.toml", "--out", "run", "--quiet", "--set", setting]).expect(2);
        assert!(ended.stderr.contains(expected), "{setting}: {}", ended.stderr);
        assert!(!program.path("run").exists(), "{setting} is found before anything is written");
    }
}

#[test]
fn epochs_between_evaluations_have_no_figures_and_are_never_the_best() {
    let program = Program::new();
    program.write("run.toml", SMALL_DETECTOR);
    let arguments = ["train", "run.toml", "--out", "run", "--quiet", "--json", "--set", "train.eval_every=2"];
    let summary = program.run(&arguments).expect(0).json();
    let results = String::from_utf8(program.bytes("run/results.csv")).expect("UTF-8");
    let column = results.lines().next().expect("a heading").split(',').position(|name| name == "val.loss");
    let judged: Vec<bool> = results
        .lines()
        .skip(1)
        .map(|line| !line.split(',').nth(column.expect("a column")).expect("a cell").is_empty())
        .collect();
    // The second by the setting, the third because it is the last.
    assert_eq!(judged, [false, true, true]);
    assert!([2, 3].contains(&summary["best_epoch"].as_u64().expect("a best epoch")));
    assert_eq!(summary["monitor"], "val.ap");
}

/// Class, x1, y1, x2, y2.
type VocObject = (&'static str, i32, i32, i32, i32);

/// A file of Pascal VOC: objects in an image of 80×60 pixels.
fn voc_annotation(image: &str, objects: &[VocObject]) -> String {
    let objects: String = objects
        .iter()
        .map(|(class, x1, y1, x2, y2)| {
            format!(
                "<object><name>{class}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>\
                 </bndbox></object>"
            )
        })
        .collect();
    format!(
        "<annotation><filename>{image}</filename><size><width>80</width><height>60</height><depth>3</depth></size>\
         {objects}</annotation>"
    )
}

/// Every figure of a JSON document is a number or null: serde writes what is not finite as null, so this looks at the
/// table, which does not.
pub(crate) fn assert_finite(program: &Program, run: &str) {
    let results = String::from_utf8(program.bytes(&format!("{run}/results.csv"))).expect("UTF-8");
    for line in results.lines().skip(1) {
        for cell in line.split(',').filter(|cell| !cell.is_empty()) {
            assert!(cell.parse::<f64>().is_ok_and(f64::is_finite), "{cell} in {line}");
        }
    }
}

#[test]
fn figures_stay_finite_before_running_statistics_have_settled() {
    let program = Program::new();
    program.write("run.toml", SMALL_DETECTOR);
    let arguments = ["train", "run.toml", "--out", "run", "--quiet", "--set", "input.normalize=\"imagenet\""];
    program.run(&arguments).expect(0);
    assert_finite(&program, "run");
}

#[test]
fn bad_boxes_are_trained_past_and_unknown_classes_refused() {
    let program = Program::new();
    let cases: [(&str, &[VocObject]); 11] = [
        ("whole", &[("cell", 10, 10, 40, 40), ("speck", 50, 20, 70, 50)]),
        ("nothing", &[]),
        ("outside", &[("cell", 200, 200, 240, 240)]),
        ("flat", &[("cell", 10, 10, 10, 30), ("cell", 5, 20, 30, 20)]),
        ("swapped", &[("cell", 40, 40, 10, 10)]),
        ("beyond", &[("cell", -30, -30, 30, 30), ("speck", 60, 40, 400, 400)]),
        ("tiny", &[("speck", 79, 59, 80, 60)]),
        ("twice", &[("cell", 10, 10, 40, 40), ("cell", 10, 10, 40, 40)]),
        ("val-nothing", &[]),
        ("val-outside", &[("cell", 200, 200, 240, 240)]),
        ("test-whole", &[("cell", 10, 10, 40, 40), ("speck", 50, 20, 70, 50)]),
    ];
    for (number, (name, objects)) in cases.iter().enumerate() {
        let picture = RgbImage::from_fn(80, 60, |x, y| Rgb([(x * 3) as u8, (y * 4) as u8, number as u8 * 20]));
        std::fs::create_dir_all(program.path("cells/JPEGImages")).expect("a folder");
        picture.save(program.path(&format!("cells/JPEGImages/{name}.png"))).expect("written");
        program.write(&format!("cells/Annotations/{name}.xml"), voc_annotation(&format!("{name}.png"), objects));
    }
    for split in ["val", "test"] {
        let names = cases.iter().filter(|(name, _)| name.starts_with(split)).map(|(name, _)| format!("{name}\n"));
        program.write(&format!("cells/ImageSets/Main/{split}.txt"), names.collect::<String>());
    }
    let text = SMALL_DETECTOR.replace(
        "kind = \"shapes\"\ntrain = 24\nvalidation = 6\ntest = 6\nsize = 64\nclasses = 3",
        "kind = \"voc\"\nclasses = [\"cell\", \"speck\"]",
    );
    program.write("run.toml", &text);
    let trained = program.run(&["train", "run.toml", "--data", "cells", "--out", "run", "--quiet", "--json"]).expect(0);
    assert_finite(&program, "run");
    // Nothing is there to be found in the validation split: its figures are not defined, and not zero.
    let summary = trained.json();
    assert_eq!(summary["splits"]["val"]["ap"], serde_json::Value::Null);
    assert!(summary["splits"]["val"]["loss"].is_f64() && summary["splits"]["train"]["loss"].is_f64());
    program.run(&["eval", "run", "--split", "val", "--json"]).expect(0);

    let refused = program.run(&["eval", "run", "--set", "data.classes=[\"cell\"]"]).expect(1);
    assert!(refused.stderr.contains("speck") && refused.stderr.contains(".xml"), "{}", refused.stderr);
    let refused = program.run(&["eval", "run", "--set", "data.classes=[\"speck\", \"cell\"]"]).expect(1);
    assert!(refused.stderr.contains("cell, speck"), "{}", refused.stderr);
}

#[test]
fn detections_of_any_program_are_judged() {
    let Some(data) = test_data("the evaluation of files") else { return };
    let reference = data.join("coco128/reference");
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(reference.join("expected.json")).expect("a file")).expect("JSON");
    let predictions = reference.join("yolox_nano_dets_train2017.json").display().to_string();
    let ground_truth = data.join("coco128/instances_train2017.json").display().to_string();
    let program = Program::new();
    let judged = program
        .run(&["eval", "--predictions", &predictions, "--ground-truth", &ground_truth, "--kind", "bbox", "--json"])
        .expect(0)
        .json();
    let (names, figures) =
        (expected["order"].as_array().expect("a list"), expected["stats"].as_array().expect("a list"));
    assert_eq!(names.len(), 12);
    for (name, figure) in names.iter().zip(figures) {
        let name = name.as_str().expect("a name");
        let (found, expected) = (judged["metrics"][name].as_f64().expect(name), figure.as_f64().expect("a figure"));
        // pycocotools' figures are stated with six digits.
        assert!((found - expected).abs() < 1e-6, "{name}: {found}, expected {expected}");
    }
}

/// The whole way from picture files to COCO's figures, with weights that belong to no run: what a reference made of the
/// same weights in ONNX Runtime, resized by another program, scores 0.3532.
#[test]
fn given_weights_score_what_their_reference_does() {
    let Some(data) = test_data("the evaluation of given weights") else { return };
    let program = Program::new();
    let weights = data.join("weights/yolox-nano/yolox_nano_coco_from_onnx.safetensors").display().to_string();
    let folder = data.join("coco128").display().to_string();
    let mut arguments = vec!["eval", "--model", "yolox-nano", "--init-from", &weights, "--data", &folder];
    arguments.extend(["--split", "train", "--json", "--quiet"]);
    for setting in ["data.kind=coco", "data.validation_split=0", "input.size=640", "augment.letterbox=centre"] {
        arguments.extend(["--set", setting]);
    }
    arguments.extend(["--set", "augment.pad=128", "--set", "train.batch_size=8"]);
    let judged = program.run(&arguments).expect(0).json();
    assert_eq!(judged["samples"], 128);
    let ap = judged["metrics"]["ap"].as_f64().expect("a figure");
    assert!((ap - 0.3532).abs() < 0.003, "{ap}");
}
