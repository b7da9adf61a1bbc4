//! Starting from weights that another run has trained, and keeping some of them as they are.

use std::collections::BTreeMap;

use crate::program::{Program, SMALL_RUN};

/// The tensors of a weights file, by name.
pub(crate) fn tensors(program: &Program, file: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = program.bytes(file);
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
}

#[test]
fn a_classifier_is_fine_tuned_with_a_new_head_and_a_frozen_beginning() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "first", "--quiet", "--epochs", "1"]).expect(0);
    let weights = "first/checkpoints/best/model.safetensors";
    let base = ["train", "run.toml", "--out", "second", "--quiet", "--epochs", "1", "--set", "data.classes=3"];

    // Other classes: refused, with the setting that helps.
    let refused = program.run(&[&base[..], &["--init-from", weights]].concat()).expect(1);
    assert!(refused.stderr.contains("init.ignore = [\"classifier."), "{}", refused.stderr);
    let unknown = program.run(&[&base[..], &["--init-from", weights, "--ignore", "clasifier.*"]].concat()).expect(2);
    assert!(unknown.stderr.contains("did you mean `classifier.*`"), "{}", unknown.stderr);
    let unknown = program.run(&[&base[..], &["--freeze", "layer1.*"]].concat()).expect(2);
    assert!(unknown.stderr.contains("init.freeze") && unknown.stderr.contains("layer1.*"), "{}", unknown.stderr);
    assert!(!program.path("second").exists(), "nothing is written before the weights are known to fit");

    // The first convolution and its normalisation are frozen, the rest is trained.
    let arguments = ["--init-from", weights, "--ignore", "classifier.*", "--freeze", "features.0.*"];
    let arguments = [&base[..], &arguments, &["--freeze", "features.1.*"]].concat();
    program.run(&arguments).expect(0);
    let (before, after) = (tensors(&program, weights), tensors(&program, "second/checkpoints/last/model.safetensors"));
    let frozen = |name: &str| name.starts_with("features.0.") || name.starts_with("features.1.");
    assert!(before.keys().any(|name| name == "features.1.running_mean"), "{:?}", before.keys());
    for (name, values) in &after {
        if frozen(name) {
            // Weights and running statistics alike, bit for bit.
            assert_eq!(*values, before[name], "{name} is frozen");
        } else {
            assert_ne!(Some(values), before.get(name), "{name} is trained");
        }
    }

    // The recipe is kept with the run, so that a resume leaves the same parameters alone.
    program.run(&["train", "--resume", "second", "--quiet", "--epochs", "2"]).expect(0);
    let resumed = tensors(&program, "second/checkpoints/last/model.safetensors");
    for (name, values) in &resumed {
        assert_eq!(*values == after[name], frozen(name), "{name} after the resume");
    }
}

#[test]
fn weights_of_no_run_are_judged() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "run", "--quiet", "--epochs", "1"]).expect(0);
    let of_run = program.run(&["eval", "run", "--json", "--quiet"]).expect(0).json();
    let weights = "run/checkpoints/best/model.safetensors";
    let settings = [
        "data.kind=shapes",
        "data.test=40",
        "data.size=16",
        "data.classes=4",
        "input.size=16",
        "model.widths=[6, 8]",
        "loss.kind=cross-entropy",
        "loss.label_smoothing=0.1",
        "train.batch_size=8",
    ];
    let mut arguments = vec!["eval", "--model", "cnn", "--init-from", weights, "--json", "--quiet"];
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    let of_weights = program.run(&arguments).expect(0).json();
    assert_eq!(of_weights["metrics"], of_run["metrics"]);
    assert_eq!((of_weights["model"].as_str(), of_weights.get("run")), (Some("cnn"), None));

    let unknown = program.run(&["eval", "--model", "resnet21", "--init-from", weights]).expect(2);
    assert!(unknown.stderr.contains("resnet20"), "{}", unknown.stderr);
    let alone = program.run(&["eval", "--model", "cnn"]).expect(2);
    assert!(alone.stderr.contains("--init-from"), "{}", alone.stderr);
}

/// A classifier whose convolutions are frozen learns the same from features that were kept as from images, and the run can
/// be interrupted and resumed between epochs.
#[test]
fn kept_features_of_frozen_layers_teach_the_same() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "first", "--quiet", "--epochs", "1"]).expect(0);
    // Without augmentation, averaged weights and dropout stay in.
    let steady = SMALL_RUN
        .lines()
        .filter(|line| !line.starts_with("train = [{") && !line.starts_with("mix ="))
        .collect::<Vec<_>>()
        .join("\n");
    program.write("steady.toml", &steady);
    let weights = "first/checkpoints/best/model.safetensors";
    let base = ["train", "steady.toml", "--quiet", "--init-from", weights, "--freeze", "*", "--freeze", "!classifier"];
    let plain = program.run(&[&base[..], &["--out", "plain", "--json"]].concat()).expect(0).json();
    let cached = ["--set", "train.cache_features=true"];
    let kept = program.run(&[&base[..], &cached, &["--out", "kept", "--json"]].concat()).expect(0).json();
    for (split, figure) in [("val", "accuracy"), ("test", "accuracy")] {
        assert_eq!(plain["splits"][split][figure], kept["splits"][split][figure], "{split}");
    }
    let (before, plain) = (tensors(&program, weights), tensors(&program, "plain/checkpoints/last/model.safetensors"));
    let kept = tensors(&program, "kept/checkpoints/last/model.safetensors");
    assert_eq!(plain.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>());
    for (name, values) in &kept {
        if name.starts_with("classifier.") {
            assert_ne!(*values, before[name], "{name} is trained");
            // Inference folds normalisation into convolutions, which rounds differently.
            for (a, b) in floats(values).zip(floats(&plain[name])) {
                assert!((a - b).abs() < 1e-4, "{name}: {a} {b}");
            }
        } else {
            assert_eq!(*values, before[name], "{name} is frozen");
        }
    }
    // Epoch by epoch the same as in one go.
    program.run(&[&base[..], &cached, &["--out", "parts", "--epochs", "1"]].concat()).expect(0);
    for epochs in ["2", "3"] {
        program.run(&["train", "--resume", "parts", "--quiet", "--epochs", epochs]).expect(0);
    }
    assert_eq!(tensors(&program, "parts/checkpoints/last/model.safetensors"), kept);

    let refused = |arguments: &[&str]| program.run(&[&base[..5], arguments, &cached].concat()).expect(2).stderr;
    let error = refused(&["--out", "x", "--freeze", "features.0"]);
    assert!(error.contains("train.cache_features") && error.contains("\"!classifier\""), "{error}");
    let error = refused(&["--out", "x"]);
    assert!(error.contains("every layer is trained"), "{error}");
    let varied = ["train", "run.toml", "--out", "x", "--freeze", "*", "--freeze", "!classifier"];
    let error = program.run(&[&varied[..], &cached].concat()).expect(2).stderr;
    assert!(error.contains("augment.train empty"), "{error}");
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

#[test]
fn layers_are_unfrozen_in_time_and_learn_at_rates_of_their_own() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "first", "--quiet", "--epochs", "1"]).expect(0);
    let weights = "first/checkpoints/best/model.safetensors";
    let staged = [
        "train",
        "run.toml",
        "--quiet",
        "--init-from",
        weights,
        "--freeze",
        "features",
        "--set",
        "init.unfreeze=[{ after = 1, parameters = [\"features.4\", \"features.5\"] }]",
    ];
    let mut before = tensors(&program, weights);
    let mut changed = |file: &str| {
        let after = tensors(&program, file);
        let changed: Vec<String> =
            after.iter().filter(|(name, values)| **values != before[*name]).map(|(name, _)| module(name)).collect();
        before = after;
        let mut modules = changed;
        modules.dedup();
        modules
    };
    program.run(&[&staged[..], &["--out", "staged", "--epochs", "1"]].concat()).expect(0);
    let last = "staged/checkpoints/last/model.safetensors";
    assert_eq!(changed(last), ["classifier.1"]);
    program.run(&["train", "--resume", "staged", "--quiet", "--epochs", "2"]).expect(0);
    // The first convolution and its normalisation stay frozen.
    assert_eq!(changed(last), ["classifier.1", "features.4", "features.5"]);
    // In one go, all the same.
    program.run(&[&staged[..], &["--out", "whole", "--epochs", "2"]].concat()).expect(0);
    assert_eq!(tensors(&program, "whole/checkpoints/last/model.safetensors"), tensors(&program, last));

    // A rate of zero is as good as frozen, running statistics apart; everything else learns.
    let rates = ["train", "run.toml", "--out", "rates", "--quiet", "--epochs", "1", "--init-from", weights];
    let groups = "optim.groups=[{ parameters = [\"features.0\"], lr_factor = 0.0, weight_decay = 0.0 }]";
    program.run(&[&rates[..], &["--set", groups, "--set", "optim.layer_decay=0.5"]].concat()).expect(0);
    let (first, after) = (tensors(&program, weights), tensors(&program, "rates/checkpoints/last/model.safetensors"));
    for (name, values) in &after {
        assert_eq!(*values == first[name], name.starts_with("features.0."), "{name}");
    }
    let unknown = [&rates[..], &["--set", "optim.groups=[{ parameters = [\"fetures\"] }]"]].concat();
    let error = program.run(&unknown).expect(2).stderr;
    assert!(error.contains("optim.groups") && error.contains("features"), "{error}");
}

/// The module that a tensor lies in.
fn module(name: &str) -> String {
    name.rsplit_once('.').map_or(name, |(module, _)| module).to_owned()
}

#[test]
fn several_views_are_averaged() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "run", "--quiet", "--epochs", "2"]).expect(0);
    let judged = |arguments: &[&str]| {
        program.run(&[&["eval", "run", "--json", "--quiet"], arguments].concat()).expect(0).json()["metrics"]["loss"]
            .as_f64()
            .expect("a figure")
    };
    let (one, flipped, crops) = (judged(&[]), judged(&["--tta"]), judged(&["--tta=crops"]));
    assert!(one != flipped && flipped != crops, "{one} {flipped} {crops}");
    assert_eq!(flipped, judged(&["--tta=flip"]));

    // A picture that is its own mirror image has the same answer from both.
    let picture = program.path("picture.png");
    image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([(x.min(15 - x) * 30) as u8, (y * 15) as u8, 90]))
        .save(&picture)
        .expect("written");
    let answer = |arguments: &[&str]| {
        let base = ["predict", "run", "picture.png", "--json"];
        program.run(&[&base[..], arguments].concat()).expect(0).json()[0]["score"].as_f64().expect("a score")
    };
    assert!((answer(&[]) - answer(&["--tta"])).abs() < 1e-6);
    assert!((answer(&[]) - answer(&["--tta=flipped-crops"])).abs() > 1e-6);
    let unknown = program.run(&["eval", "run", "--tta=mirror"]).expect(2).stderr;
    assert!(unknown.contains("flipped-crops"), "{unknown}");
}

#[test]
fn learning_rates_are_tried_and_drawn() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    let base = ["lr-find", "run.toml", "--json", "--quiet", "--lowest", "1e-4", "--highest", "100", "--steps", "60"];
    let found = program.run(&base).expect(0).json();
    let points = found["points"].as_array().expect("a list");
    let rate = |point: &serde_json::Value| point["lr"].as_f64().expect("a number");
    assert!((10..=60).contains(&points.len()) && points.windows(2).all(|pair| rate(&pair[0]) < rate(&pair[1])));
    assert!(rate(&points[0]) == 1e-4 && found["exploded"] == true, "{found}");
    let steepest = found["steepest"].as_f64().expect("the loss falls");
    assert!(steepest < rate(&points[points.len() - 1]) / 5.0, "{steepest}");
    assert!(program.bytes("lr-find.svg").starts_with(b"<svg"));
    // The same again, whatever the number of loader threads.
    assert_eq!(program.run(&[&base[..], &["--workers", "0"]].concat()).expect(0).json(), found);
    let refused = program.run(&["lr-find", "run.toml", "--lowest", "1", "--highest", "0.1"]).expect(2).stderr;
    assert!(refused.contains("1 to 0.1"), "{refused}");
}

#[test]
fn every_sample_is_held_out_once_in_a_cross_validation() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    let base = ["train", "run.toml", "--out", "folds", "--folds", "3", "--epochs", "1", "--quiet", "--json"];
    let found = program.run(&base).expect(0).json();
    let folds = found["folds"].as_array().expect("a list");
    let accuracies: Vec<f64> =
        folds.iter().map(|fold| fold["splits"]["val"]["accuracy"].as_f64().expect("a figure")).collect();
    let mean = found["figures"]["val"]["accuracy"]["mean"].as_f64().expect("a figure");
    assert!(accuracies.len() == 3 && (accuracies.iter().sum::<f64>() / 3.0 - mean).abs() < 1e-12, "{found}");
    assert_eq!(program.json("folds/cross-validation.json"), found);

    // Training and validation samples together are 190, in parts of 63 or 64.
    let mut held_out = 0;
    for number in 1..=3 {
        let run = format!("folds/fold-{number}");
        let judged = program.run(&["eval", &run, "--split", "val", "--json", "--quiet"]).expect(0).json();
        assert_eq!(judged["metrics"]["accuracy"].as_f64(), Some(accuracies[number - 1]));
        held_out += judged["samples"].as_u64().expect("a number");
    }
    assert_eq!(held_out, 190);

    let refused = program.run(&base).expect(1).stderr;
    assert!(refused.contains("--overwrite"), "{refused}");
    let refused = program.run(&["train", "run.toml", "--set", "train.fold={ number = 4, of = 3 }"]).expect(2).stderr;
    assert!(refused.contains("found 4 of 3"), "{refused}");
}

#[test]
fn a_network_learns_from_a_larger_one() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "teacher", "--quiet", "--epochs", "2"]).expect(0);
    let mut teaching = SMALL_RUN.replace("widths = [6, 8]", "widths = [3, 8]");
    teaching.push_str(
        "[distill]\nfrom = \"teacher/checkpoints/best/model.safetensors\"\n\
         model = { name = \"cnn\", widths = [6, 8], dropout = 0.2 }\ntemperature = 2.0\nweight = 0.7\nfeatures = 0.1\n",
    );
    program.write("student.toml", &teaching);
    program.run(&["train", "student.toml", "--out", "student", "--quiet"]).expect(0);
    let table = String::from_utf8(program.bytes("student/results.csv")).expect("UTF-8");
    let heading: Vec<&str> = table.lines().next().expect("a heading").split(',').collect();
    for name in ["train.distillation_loss", "train.feature_loss"] {
        let column =
            heading.iter().position(|heading| *heading == name).unwrap_or_else(|| panic!("{name}: {heading:?}"));
        let values: Vec<f64> = table
            .lines()
            .skip(1)
            .map(|row| row.split(',').nth(column).expect("a cell").parse().expect("a number"))
            .collect();
        assert!(values.len() == 3 && values[2] < values[0] && values[2] > 0.0, "{name}: {values:?}");
    }
    // The student alone is kept, under its own names, and a resumed run has the same.
    let plain = SMALL_RUN.replace("widths = [6, 8]", "widths = [3, 8]");
    program.write("plain.toml", &plain);
    program.run(&["train", "plain.toml", "--out", "plain", "--quiet", "--epochs", "1"]).expect(0);
    let weights = |run: &str| tensors(&program, &format!("{run}/checkpoints/last/model.safetensors"));
    assert_eq!(weights("student").keys().collect::<Vec<_>>(), weights("plain").keys().collect::<Vec<_>>());
    program.run(&["train", "student.toml", "--out", "parts", "--quiet", "--epochs", "1"]).expect(0);
    program.run(&["train", "--resume", "parts", "--quiet", "--epochs", "3"]).expect(0);
    crate::program::assert_same_run(&program, "student", "parts");

    let refused =
        |setting: &str| program.run(&["train", "student.toml", "--out", "x", "--set", setting]).expect(2).stderr;
    let error = refused("model.widths=[3, 7]");
    assert!(error.contains("distill.features") && error.contains("features, found"), "{error}");
    assert!(refused("distill.weight=1.5").contains("found 1.5"));
    let other = ["train", "student.toml", "--out", "x", "--set", "distill.model.widths=[6, 9]"];
    let error = program.run(&other).expect(1).stderr;
    assert!(error.contains("teacher/checkpoints/best/model.safetensors") && error.contains("has shape"), "{error}");
    assert!(!program.path("x").exists());
}
