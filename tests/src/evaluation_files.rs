//! `eval --predictions`: figures equal to pycocotools', and files that are wrong.
//!
//! The files in `fixtures/coco` and the figures are written by `fixtures/coco/make_coco.py`.

use std::path::PathBuf;

use serde_json::Value;

use crate::program::{Program, test_data};

/// Figures are means of up to 101 · 10 · 3 numbers: the order of summation shows in the last digits alone.
const TOLERANCE: f64 = 1e-9;

fn fixture(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/coco").join(name).display().to_string()
}

/// The figures that the program gives for two files.
fn evaluate(predictions: &str, ground_truth: &str, more: &[&str]) -> Value {
    let arguments = ["eval", "--predictions", predictions, "--ground-truth", ground_truth, "--json"];
    Program::new().run(&[&arguments, more].concat()).expect(0).json()
}

/// Asserts that every expected figure is there and equal.
fn assert_figures(found: &Value, expected: &serde_json::Map<String, Value>, what: &str) {
    for (name, expected) in expected {
        let value = &found[name];
        match expected.as_f64() {
            None => assert!(value.is_null(), "{what}: {name} is {value}, expected none"),
            Some(expected) => {
                let value = value.as_f64().unwrap_or_else(|| panic!("{what}: no {name} in {found}"));
                assert!((value - expected).abs() <= TOLERANCE, "{what}: {name} is {value}, expected {expected}");
            }
        }
    }
}

fn list(values: &Value) -> Option<String> {
    Some(values.as_array()?.iter().map(Value::to_string).collect::<Vec<_>>().join(","))
}

#[test]
fn figures_of_boxes_masks_and_keypoints_are_pycocotools() {
    let cases: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(fixture("expected.json")).expect("a fixture")).expect("JSON");
    assert_eq!(cases.len(), 8);
    for case in cases {
        let (file, kind) = (case["file"].as_str().expect("a name"), case["kind"].as_str().expect("a kind"));
        let (thresholds, most) = (list(&case["iou_thresholds"]), list(&case["max_detections"]));
        let mut more = vec!["--kind", kind, "--per-class"];
        for (flag, value) in [("--iou-thresholds", &thresholds), ("--max-detections", &most)] {
            if let Some(value) = value {
                more.extend([flag, value]);
            }
        }
        let found = evaluate(&fixture(&format!("{file}.json")), &fixture("truth.json"), &more);
        let what = format!("{file} with {more:?}");
        assert_figures(&found["metrics"], case["figures"].as_object().expect("figures"), &what);
        let rows = found["per_class"].as_array().expect("a row a class");
        for (class, expected) in case["per_class"].as_object().expect("classes") {
            let row = rows.iter().find(|row| row["class"] == **class).expect("every class has a row");
            let expected = [("AP".to_owned(), expected.clone())].into_iter().collect();
            assert_figures(row, &expected, &format!("{what}, {class}"));
        }
    }
}

#[test]
fn cocos_own_example_results_have_cocos_figures() {
    let Some(data) = test_data("the evaluation of COCO's example results") else { return };
    let folder = data.join("coco-eval");
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).expect("expected figures"))
            .expect("JSON");
    let path = |name: &Value| folder.join(name.as_str().expect("a path")).display().to_string();
    for kind in ["bbox", "segm"] {
        let found = evaluate(&path(&expected["detections"][kind]), &path(&expected["ground_truth"]), &["--kind", kind]);
        let names = expected["order"].as_array().expect("names").iter().map(|name| name.as_str().expect("a name"));
        let values = expected["stats"][kind].as_array().expect("figures").iter().cloned();
        let expected = names.map(str::to_owned).zip(values).collect();
        assert_figures(&found["metrics"], &expected, kind);
    }
}

#[test]
fn pascal_vocs_rules_on_a_small_example() {
    // One class, two objects in one image: right, wrong, right. Recalls 1/2, 1/2, 1 and precisions 1, 1/2, 2/3: the
    // area is 1/2 + 1/2 · 2/3 = 5/6, and on eleven levels (6 · 1 + 5 · 2/3) / 11.
    let program = Program::new();
    program.write(
        "truth.json",
        r#"{"images": [{"id": 1, "file_name": "a.png", "height": 50, "width": 200}],
            "categories": [{"id": 4, "name": "cell"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 4, "bbox": [0, 0, 10, 10]},
                            {"id": 2, "image_id": 1, "category_id": 4, "bbox": [50, 0, 10, 10]}]}"#,
    );
    program.write(
        "found.json",
        r#"[{"image_id": 1, "category_id": 4, "score": 0.9, "bbox": [0, 0, 10, 10]},
            {"image_id": 1, "category_id": 4, "score": 0.8, "bbox": [100, 0, 10, 10]},
            {"image_id": 1, "category_id": 4, "score": 0.7, "bbox": [52, 0, 10, 10]}]"#,
    );
    for (protocol, expected) in [("voc", 5.0 / 6.0), ("voc2007", (6.0 + 10.0 / 3.0) / 11.0)] {
        let files = ["--predictions", "found.json", "--ground-truth", "truth.json", "--json"];
        let rules = ["eval", "--protocol", protocol, "--per-class"];
        let found = program.run(&[&rules[..], &files].concat()).expect(0).json();
        let value = found["metrics"]["mAP"].as_f64().expect("a figure");
        assert!((value - expected).abs() < 1e-9, "{protocol}: {found}");
        assert_eq!(found["per_class"][0]["class"], "cell");
        // 8 of 12 columns: right at an IoU of 0.5, wrong at 0.7.
        let several = [&rules[..], &files, &["--iou-thresholds", "0.5,0.7"]].concat();
        let found = program.run(&several).expect(0).json();
        assert!((found["metrics"]["mAP@0.5"].as_f64().expect("a figure") - expected).abs() < 1e-9, "{found}");
        assert!(found["metrics"]["mAP@0.7"].as_f64().expect("a figure") < expected, "{found}");
    }
}

#[test]
fn wrong_files_are_explained() {
    let program = Program::new();
    program.write(
        "truth.json",
        r#"{"images": [{"id": 1, "file_name": "a.png", "height": 4, "width": 5}],
            "categories": [{"id": 4, "name": "cell"}],
            "annotations": [{"id": 7, "image_id": 1, "category_id": 4, "bbox": [0, 0, 2, 2],
                             "segmentation": [[0, 0, 2, 0, 2, 2]]}]}"#,
    );
    program.write(
        "no-box.json",
        r#"{"images": [{"id": 1, "file_name": "a.png", "height": 4, "width": 5}],
            "categories": [{"id": 4, "name": "cell"}], "annotations": [{"id": 7, "image_id": 1, "category_id": 4}]}"#,
    );
    let entry = |rest: &str| format!(r#"[{{"image_id": 1, "category_id": 4, "score": 0.5, {rest}}}]"#);
    program.write("good.json", entry(r#""bbox": [0, 0, 2, 2]"#));
    program.write("image.json", entry(r#""bbox": [0, 0, 2, 2]"#).replace("\"image_id\": 1", "\"image_id\": 2"));
    program.write("size.json", entry(r#""segmentation": {"size": [5, 5], "counts": [25]}"#));
    program.write("runs.json", entry(r#""segmentation": {"size": [4, 5], "counts": [21]}"#));
    program.write("points.json", entry(r#""keypoints": [1, 2, 2]"#));
    let cases: [(&str, &str, &[&str], &[&str]); 8] = [
        ("good.json", "no-box.json", &[], &["no-box.json", "annotation 7", "no `bbox`"]),
        ("image.json", "truth.json", &[], &["image.json", "number 1", "image 2", "truth.json"]),
        ("size.json", "truth.json", &["--kind", "segm"], &["size.json", "5×5", "5×4"]),
        ("runs.json", "truth.json", &["--kind", "segm"], &["runs.json", "21 pixels"]),
        ("points.json", "truth.json", &["--kind", "keypoints"], &["points.json", "1 keypoints", "expected 17"]),
        ("good.json", "truth.json", &["--kind", "segm"], &["good.json", "no `segmentation`"]),
        ("good.json", "truth.json", &["--iou-thresholds", "0.9,0.5"], &["IoU thresholds", "rise"]),
        ("good.json", "truth.json", &["--protocol", "voc", "--kind", "segm"], &["--kind bbox"]),
    ];
    for (predictions, ground_truth, more, named) in cases {
        let arguments = ["eval", "--predictions", predictions, "--ground-truth", ground_truth];
        let ended = program.run(&[&arguments, more].concat()).expect(1);
        for text in named {
            assert!(ended.stderr.contains(text), "{predictions} {more:?} should name {text}:\n{}", ended.stderr);
        }
    }
    // A detection of a category that nobody annotated changes nothing, as in pycocotools.
    let unknown = entry(r#""bbox": [0, 0, 2, 2]"#).replace("\"category_id\": 4", "\"category_id\": 5");
    program.write("unknown.json", unknown);
    let arguments = ["eval", "--predictions", "unknown.json", "--ground-truth", "truth.json", "--json"];
    assert_eq!(program.run(&arguments).expect(0).json()["metrics"]["AP"], 0.0);
}
