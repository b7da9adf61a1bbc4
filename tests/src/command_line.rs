//! What the program prints and writes.

use image::{Rgb, RgbImage};

use crate::program::{Program, SMALL_RUN, test_data};

#[test]
fn a_run_leaves_every_file_and_its_model_evaluates_and_predicts() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    let trained = program.run(&["train", "run.toml", "--out", "run", "--quiet", "--json"]).expect(0);
    let summary = trained.json();
    assert_eq!(summary, program.json("run/summary.json"));
    assert_eq!((&summary["task"], &summary["epochs_run"]), (&"classification".into(), &3.into()));
    assert_eq!(summary["monitor"], "val.accuracy");
    let test_accuracy = summary["splits"]["test"]["accuracy"].as_f64().expect("a number");
    for file in ["config.toml", "environment.json", "results.csv", "report.html", "samples/training_batch.png"] {
        assert!(program.path(&format!("run/{file}")).is_file(), "{file}");
    }

    // The evaluation of the stored model gives what the run said of it.
    let evaluation = program.run(&["eval", "run", "--split", "test", "--json"]).expect(0).json();
    assert_eq!(evaluation["metrics"]["accuracy"].as_f64(), Some(test_accuracy));
    assert_eq!(evaluation["samples"], 40);
    assert_eq!(evaluation["per_class"].as_array().expect("a list").len(), 4);
    let table = program.run(&["eval", "run", "--split", "val"]).expect(0);
    assert!(table.stdout.contains("precision"), "{}", table.stdout);

    let picture = RgbImage::from_fn(40, 30, |x, _| if x < 20 { Rgb([250, 10, 10]) } else { Rgb([5, 5, 5]) });
    std::fs::create_dir_all(program.path("pictures/deep")).expect("a folder");
    picture.save(program.path("pictures/a.png")).expect("written");
    picture.save(program.path("pictures/deep/b.jpg")).expect("written");
    program.write("pictures/notes.txt", "not an image");
    let answers = program.run(&["predict", "run", "pictures", "--json", "--out", "answers"]).expect(0).json();
    let answers = answers.as_array().expect("a list");
    assert_eq!(answers.len(), 2);
    for answer in answers {
        let scores: Vec<f64> = answer["top"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|rank| rank["score"].as_f64().expect("a number"))
            .collect();
        assert_eq!(answer["class"], answer["top"][0]["class"]);
        assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-5, "the four classes' probabilities: {scores:?}");
        assert!(scores.is_sorted_by(|a, b| a >= b));
    }
    assert!(program.path("answers/predictions.csv").is_file());
    assert!(program.path("answers/00000_a.png").is_file());
}

#[test]
fn an_existing_run_is_never_overwritten_unasked() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "run", "--quiet", "--epochs", "1"]).expect(0);
    let before = program.bytes("run/checkpoints/best/model.safetensors");
    let refused = program.run(&["train", "run.toml", "--out", "run", "--quiet", "--seed", "9"]).expect(1);
    assert!(refused.stderr.contains("--overwrite") && refused.stderr.contains("--resume"), "{}", refused.stderr);
    assert_eq!(program.bytes("run/checkpoints/best/model.safetensors"), before);
    program
        .run(&["train", "run.toml", "--out", "run", "--quiet", "--seed", "9", "--epochs", "1", "--overwrite"])
        .expect(0);
    assert_ne!(program.bytes("run/checkpoints/best/model.safetensors"), before);
}

#[test]
fn lists_and_references_are_complete() {
    let program = Program::new();
    let models = program.run(&["train", "--list-models"]).expect(0).stdout;
    for name in ["lenet", "cnn", "vgg16-bn", "resnet18", "resnet20", "resnet152"] {
        assert!(models.lines().any(|line| line.starts_with(name)), "{name} in:\n{models}");
    }
    let keys = program.run(&["train", "--help-config"]).expect(0).stdout;
    assert!(keys.contains("`optim.lr`") && keys.contains("`train.epochs`"), "{keys}");
    let layers = program.run(&["train", "--summary", "--set", "model.name=resnet20"]).expect(0).stdout;
    assert!(layers.contains("layer3.2.conv2"), "{layers}");
    let manifests = program.run(&["data", "fetch"]).expect(0).stdout;
    assert!(manifests.contains("mnist") && manifests.contains("cifar10"), "{manifests}");
}

#[test]
fn every_family_learns_a_few_images_by_heart() {
    let program = Program::new();
    // Thirty-two images without variation, seen often enough: training accuracy must be perfect.
    let text = r#"
        [data]
        kind = "shapes"
        train = 32
        validation = 4
        test = 4
        classes = 4
        [optim]
        kind = "adam"
        [train]
        epochs = 40
        batch_size = 16
    "#;
    program.write("run.toml", text);
    for (model, epochs, rate) in [
        ("lenet", "60", "0.002"),
        ("cnn", "40", "0.002"),
        ("resnet20", "30", "0.002"),
        ("vgg11-bn-cifar", "30", "0.0003"),
    ] {
        let name = format!("model.name={model}");
        let lr = format!("optim.lr={rate}");
        let arguments =
            ["train", "run.toml", "--out", model, "--quiet", "--set", &name, "--set", &lr, "--epochs", epochs];
        program.run(&arguments).expect(0);
        let state = program.json(&format!("{model}/checkpoints/last/state.json"));
        let last = state["history"].as_array().expect("rows").last().expect("an epoch").clone();
        let figure = |name: &str| {
            let figures = last["figures"].as_array().expect("figures");
            figures.iter().find(|pair| pair[0] == name).expect("measured")[1].as_f64().expect("a number")
        };
        assert_eq!(figure("train.accuracy"), 1.0, "{model}");
        assert!(figure("train.loss") < 0.2, "{model}: {}", figure("train.loss"));
    }
}

#[test]
fn a_bad_image_ends_the_run_or_is_left_out_as_the_configuration_says() {
    let program = Program::new();
    let data = folder_of_pictures(&program, 8);
    std::fs::write(data.join("red/broken.png"), b"\x89PNG\r\n\x1a\nnothing").expect("written");
    program.write(
        "run.toml",
        "[data]\nkind = \"image-folder\"\nvalidation_split = 0.25\n[input]\nsize = 16\n[model]\nname = \"cnn\"\n\
         widths = [4]\n[train]\nepochs = 1\nbatch_size = 4\n",
    );
    let arguments = ["train", "run.toml", "--data", "data", "--out", "strict", "--quiet"];
    let ended = program.run(&arguments).expect(1);
    assert!(ended.stderr.contains("broken.png") && ended.stderr.contains("data doctor"), "{}", ended.stderr);
    let arguments =
        ["train", "run.toml", "--data", "data", "--out", "lax", "--quiet", "--set", "train.on_bad_sample=skip"];
    let ended = program.run(&arguments).expect(0);
    assert!(ended.stderr.contains("left out") && ended.stderr.contains("broken.png"), "{}", ended.stderr);
    assert_eq!(program.json("lax/summary.json")["bad_samples"], 1);
    let doctor = program.run(&["data", "doctor", "data"]).expect(1);
    assert!(doctor.stdout.contains("broken.png"), "{}", doctor.stdout);
}

/// A folder `data` with two classes, `red` and `blue`, of `count` pictures each.
pub(crate) fn folder_of_pictures(program: &Program, count: u32) -> std::path::PathBuf {
    for (class, channel) in [("red", 0), ("blue", 2)] {
        let folder = program.path("data").join(class);
        std::fs::create_dir_all(&folder).expect("a folder");
        for number in 0..count {
            let picture = RgbImage::from_fn(20, 20, |x, y| {
                let mut pixel = [(x * 3 + number) as u8, (y * 5) as u8, (number * 7) as u8];
                pixel[channel] = 200 + (number % 50) as u8;
                Rgb(pixel)
            });
            picture.save(folder.join(format!("{number}.png"))).expect("written");
        }
    }
    program.path("data")
}

#[test]
fn data_can_be_counted_and_looked_at() {
    let program = Program::new();
    folder_of_pictures(&program, 6);
    let stats = program.run(&["data", "stats", "data", "--json"]).expect(0).json();
    assert_eq!(stats["classes"], serde_json::json!(["blue", "red"]));
    program.run(&["data", "show", "data", "--out", "sheet.png"]).expect(0);
    let sheet = image::open(program.path("sheet.png")).expect("a picture");
    assert!(sheet.width() > 100);
}

#[test]
fn real_digits_are_learnt_in_a_minute() {
    let Some(data) = test_data("real_digits_are_learnt_in_a_minute") else { return };
    let program = Program::new();
    let mnist = data.join("mnist").display().to_string();
    // A twentieth of the training images for one epoch.
    let arguments = [
        "train",
        "mnist-cnn",
        "--data",
        &mnist,
        "--out",
        "run",
        "--quiet",
        "--epochs",
        "1",
        "--set",
        "data.validation_split=0.95",
        "--set",
        "train.batch_size=32",
        "--json",
    ];
    let summary = program.run(&arguments).expect(0).json();
    let accuracy = summary["splits"]["test"]["accuracy"].as_f64().expect("a number");
    assert!(accuracy > 0.9, "{accuracy}");
}
