//! Training, judging and using a detector.

use image::{Rgb, RgbImage};

use crate::program::{Program, assert_same_run, test_data, wait};

/// A configuration that trains a detector in a moment and uses every source of randomness there is.
const SMALL_DETECTOR: &str = r#"
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
    let cells: Vec<bool> =
        results.lines().skip(1).map(|line| !line.split(',').nth(l1.expect("a column")).expect("a cell").is_empty()).collect();
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
    program.run(&[&base[..], &arguments, &["--overwrite"]].concat()).expect(0);
    let tensors = |run: &str| -> Vec<(String, Vec<u8>)> {
        let bytes = program.bytes(&format!("{run}/checkpoints/last/model.safetensors"));
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        let mut tensors: Vec<_> = file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect();
        tensors.sort();
        tensors
    };
    let start: std::collections::BTreeMap<_, _> = {
        let bytes = program.bytes(weights);
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
    };
    let mut moved = 0;
    for (name, values) in tensors("second") {
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
fn detections_of_any_program_are_judged() {
    let Some(data) = test_data("the evaluation of files") else { return };
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(data.join("coco128/reference/expected.json")).expect("a file")).expect("JSON");
    println!("{expected}");
}
