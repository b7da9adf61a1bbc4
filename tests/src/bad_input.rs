//! Wrong input gets a clear error and an exit status, never a panic, and destroys nothing.

use std::fs;

use crate::command_line::folder_of_pictures;
use crate::program::{Program, SMALL_RUN};

/// Each case: arguments, exit status, and what standard error must name.
#[test]
fn every_wrong_argument_is_explained() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.write("syntax.toml", "[train\nepochs = 3\n");
    program.write("unknown.toml", "[train]\nepoch = 3\n");
    program.write("type.toml", "[train]\nepochs = \"many\"\n");
    program.write("folder.toml", "[data]\nkind = \"image-folder\"\n");
    program.write("a-file", "text");
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["train", "missing.toml"], 2, &["missing.toml", "mnist-cnn"]),
        (&["train", "mnist-cn"], 2, &["did you mean `mnist-cnn`?"]),
        (&["train", "syntax.toml"], 2, &["syntax.toml", "line 1"]),
        (&["train", "unknown.toml"], 2, &["unknown.toml", "line 2", "`epochs`"]),
        (&["train", "type.toml"], 2, &["type.toml", "many"]),
        (&["train", "run.toml", "--set", "optim.lrr=1"], 2, &["optim.lrr", "did you mean `lr`?"]),
        (&["train", "run.toml", "--set", "optim.lr=fast"], 2, &["optim.lr", "fast"]),
        (&["train", "run.toml", "--set", "train.batch_size=0"], 2, &["train.batch_size", "at least 1"]),
        (&["train", "run.toml", "--set", "model.name=resnet21"], 2, &["resnet2"]),
        (&["train", "run.toml", "--set", "loss.class_weights=[1.0]"], 2, &["class_weights", "4"]),
        (&["train", "run.toml", "--set", "train.monitor=val.acuracy"], 1, &["did you mean `val.accuracy`?"]),
        (&["train", "run.toml", "--set", "data.train=0"], 1, &["train"]),
        (&["train", "folder.toml"], 1, &["--data"]),
        (&["train", "folder.toml", "--data", "nowhere"], 1, &["nowhere"]),
        (&["train", "--resume", "nowhere"], 1, &["nowhere", "no such folder"]),
        (&["train", "run.toml", "--out", "a-file/run"], 1, &["a-file"]),
        (&["train", "--no-such-flag"], 2, &["--no-such-flag"]),
        (&["eval", "nowhere"], 1, &["nowhere"]),
        (&["eval", "nowhere", "--split", "tset"], 2, &["tset"]),
        (&["predict", "nowhere", "x.png"], 1, &["nowhere"]),
        (&["data", "fetch", "mnits"], 1, &["mnist"]),
        (&["data", "stats", "nowhere"], 2, &["nowhere"]),
        (&["bench", "inference", "--model", "resnet81"], 2, &["resnet18"]),
        (&["bench", "inference", "--model", "resnet18", "--precision", "f16"], 2, &["f32, bf16"]),
        (&["train", "--set", "train.precision=f16"], 2, &["train.precision", "bf16"]),
    ];
    for (arguments, status, named) in cases {
        let ended = program.run(arguments).expect(*status);
        for text in *named {
            assert!(ended.stderr.contains(text), "{arguments:?} should name {text}:\n{}", ended.stderr);
        }
        assert!(ended.stdout.is_empty(), "{arguments:?} wrote to standard output: {}", ended.stdout);
    }
    // The one run that got as far as its first epoch left its folder; nothing else did.
    assert!(!program.path("nowhere").exists());
    assert_eq!(fs::read_to_string(program.path("a-file")).expect("untouched"), "text");
}

#[test]
fn damaged_data_is_explained() {
    let program = Program::new();
    let data = folder_of_pictures(&program, 8);
    program.write(
        "run.toml",
        "[data]\nkind = \"image-folder\"\nvalidation_split = 0.25\n[input]\nsize = 16\n[model]\nname = \"cnn\"\n\
         widths = [4]\n[train]\nepochs = 1\nbatch_size = 4\n",
    );
    let train = |out: &str, extra: &[&str]| {
        let mut arguments = vec!["train", "run.toml", "--data", "data", "--out", out, "--quiet"];
        arguments.extend(extra);
        program.run(&arguments)
    };

    // A text file named as a picture.
    fs::write(data.join("red/text.png"), "only text").expect("written");
    let ended = train("text", &[]).expect(1);
    assert!(ended.stderr.contains("text.png"), "{}", ended.stderr);
    fs::remove_file(data.join("red/text.png")).expect("removed");

    // A photograph cut off in the middle.
    let picture = image::open(data.join("red/0.png")).expect("a picture").to_rgb8();
    let whole = data.join("red/cut.jpg");
    picture.save(&whole).expect("written");
    let bytes = fs::read(&whole).expect("readable");
    fs::write(&whole, &bytes[..bytes.len() / 2]).expect("written");
    let ended = train("cut", &[]).expect(1);
    assert!(ended.stderr.contains("cut.jpg") && ended.stderr.contains("truncated"), "{}", ended.stderr);
    fs::remove_file(&whole).expect("removed");

    // A class without images.
    fs::create_dir(data.join("green")).expect("a folder");
    let ended = train("empty", &[]).expect(1);
    assert!(ended.stderr.contains("green"), "{}", ended.stderr);
    fs::remove_dir(data.join("green")).expect("removed");

    // A split that gets no sample.
    let ended = train("split", &["--set", "data.validation_split=0.01"]).expect(1);
    assert!(ended.stderr.contains("validation_split"), "{}", ended.stderr);

    // Other classes than the model was trained for.
    train("good", &[]).expect(0);
    fs::rename(data.join("blue"), data.join("navy")).expect("renamed");
    let ended = program.run(&["eval", "good", "--split", "train", "--json"]).expect(1);
    assert!(ended.stderr.contains("navy") && ended.stderr.contains("blue"), "{}", ended.stderr);

    // Damaged weights.
    fs::write(program.path("good/checkpoints/best/model.safetensors"), b"nonsense").expect("written");
    let ended = program.run(&["predict", "good", "data/red/0.png"]).expect(1);
    assert!(ended.stderr.contains("model.safetensors"), "{}", ended.stderr);

    // An image that cannot be read does not hide the others' answers.
    train("again", &[]).expect(0);
    fs::write(program.path("text.png"), "only text").expect("written");
    let ended = program.run(&["predict", "again", "text.png", "data/red/0.png", "--json"]).expect(1);
    assert_eq!(ended.json().as_array().expect("a list").len(), 1);
    assert!(ended.stderr.contains("text.png"), "{}", ended.stderr);
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_keeps_its_checkpoints() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "run", "--quiet", "--epochs", "1"]).expect(0);
    let before = program.bytes("run/checkpoints/last/model.safetensors");
    let settings = ["--set", "optim.lr=1e30", "--set", "optim.clip_norm=1e30", "--set", "train.epochs=2"];
    let mut arguments = vec!["train", "--resume", "run", "--quiet"];
    arguments.extend(settings);
    let ended = program.run(&arguments).expect(1);
    assert!(ended.stderr.contains("the loss became"), "{}", ended.stderr);
    assert_eq!(program.bytes("run/checkpoints/last/model.safetensors"), before);
}
