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
