//! Weights of other programs in, and out again.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use sha2::{Digest, Sha256};
use weights_io::{WeightTensor, read, write_safetensors, write_torch};

use crate::program::{Program, SMALL_RUN, test_data};

/// A run of the small network, and its weights file.
fn trained(program: &Program) -> &'static str {
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "run", "--quiet", "--epochs", "1"]).expect(0);
    "run/checkpoints/best/model.safetensors"
}

fn tensors(path: &Path) -> Vec<WeightTensor> {
    let mut tensors = read(path, None).expect("readable").tensors;
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    tensors
}

#[test]
fn one_message_lists_what_is_missing_renamed_and_of_another_shape() {
    let program = Program::new();
    let mut given = tensors(&program.path(trained(&program)));
    // One name changed, one shape changed, one missing.
    let position = |given: &[WeightTensor], name: &str| {
        given.iter().position(|tensor| tensor.name == name).unwrap_or_else(|| panic!("a tensor {name}"))
    };
    let renamed = position(&given, "features.0.weight");
    given[renamed].name = "features.0.wieght".to_owned();
    let reshaped = position(&given, "features.1.bias");
    given[reshaped] = WeightTensor::from_f32("features.1.bias", &[7], &[0.0; 7]);
    given.remove(position(&given, "features.5.running_var"));
    let file = program.path("faulty.pth");
    write_torch(&file, &given, &Default::default()).expect("written");
    let refused = program.run(&["train", "run.toml", "--out", "next", "--init-from", "faulty.pth"]).expect(1).stderr;
    for expected in [
        "faulty.pth: the weights do not fit the model",
        "missing from the file (2):",
        "features.0.weight [6, 3, 3, 3], nearest in the file: features.0.wieght",
        "features.5.running_var [8]",
        "not in the model (1):",
        "features.0.wieght [6, 3, 3, 3], nearest in the model: features.0.weight",
        "features.1.bias has shape [7] where the model has [6]",
    ] {
        assert!(refused.contains(expected), "{expected:?} in:\n{refused}");
    }
    assert!(!program.path("next").exists(), "nothing is written before the weights are known to fit");
}

#[test]
fn exported_weights_are_the_runs_and_describe_themselves() {
    let program = Program::new();
    let weights = trained(&program);
    let of_run = program.run(&["eval", "run", "--json", "--quiet"]).expect(0).json();
    let own = tensors(&program.path(weights));
    for name in ["out.safetensors", "out.pth", "out.pt", "out.th"] {
        program.run(&["export", "run", "--to", name]).expect(0);
        let exported = tensors(&program.path(name));
        let (counts, values): (Vec<_>, Vec<_>) =
            exported.into_iter().partition(|tensor| tensor.name.ends_with(".num_batches_tracked"));
        assert_eq!(values, own, "{name}");
        // Two batch normalisations, each with PyTorch's count of steps.
        assert_eq!(counts.len(), 2, "{name}");

        let settings = ["data.kind=shapes", "data.test=40", "data.size=16", "data.classes=4"];
        let mut arguments = vec!["eval", "--model", "cnn", "--init-from", name, "--json", "--quiet"];
        settings.iter().for_each(|setting| arguments.extend(["--set", *setting]));
        arguments.extend(["--set", "loss.label_smoothing=0.1", "--set", "train.batch_size=8"]);
        // Input, evaluation and model come from the file.
        assert_eq!(program.run(&arguments).expect(0).json()["metrics"], of_run["metrics"], "{name}");
    }
    let metadata = weights_io::read_metadata(&program.path("out.safetensors")).expect("readable");
    assert_eq!((metadata["task"].as_str(), metadata["model"].as_str()), ("classification", "cnn"));
    assert_eq!(metadata["input_size"], "16");
    assert!(metadata["classes"].starts_with("[\""), "{}", metadata["classes"]);
    assert_eq!((metadata["mean"].as_str(), metadata["std"].as_str()), ("[0,0,0]", "[1,1,1]"));

    // An exported file answers as its run does, and becomes the same file again.
    let picture = program.path("picture.png");
    RgbImage::from_fn(16, 16, |x, y| Rgb([x as u8 * 9, y as u8 * 9, 40])).save(&picture).expect("written");
    let answers = ["run", "out.pth", "out.safetensors"]
        .map(|source| program.run(&["predict", source, "picture.png", "--json"]).expect(0).json());
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    program.run(&["export", "out.pth", "--to", "again.pth"]).expect(0);
    assert_eq!(program.bytes("again.pth"), program.bytes("out.pth"));

    let exists = program.run(&["export", "run", "--to", "out.pth"]).expect(1).stderr;
    assert!(exists.contains("--overwrite"), "{exists}");
    program.run(&["export", "run", "--to", "out.pth", "--overwrite"]).expect(0);
    let unknown = program.run(&["export", "run", "--to", "out.onnx"]).expect(1).stderr;
    assert!(unknown.contains(".safetensors, .pth, .pt or .th"), "{unknown}");
    assert!(program.run(&["export", "missing", "--to", "x.pth"]).expect(1).stderr.contains("missing"));
}

#[test]
fn a_checkpoint_of_pytorch_starts_a_run_by_its_key() {
    let program = Program::new();
    trained(&program);
    let fixtures = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/weights-io/tests/fixtures"));
    let path = |name: &str| fixtures.join(name).display().to_string();
    let base = ["train", "run.toml", "--out", "next", "--quiet", "--init-from"];
    let several = program.run(&[&base[..], &[path("averages.pth").as_str()]].concat()).expect(1).stderr;
    assert!(several.contains("`model.net`, `ema`"), "{several}");
    let averages = path("averages.pth");
    // It is read, and of another network.
    let chosen = program.run(&[&base[..], &[averages.as_str(), "--init-key", "ema"]].concat()).expect(1).stderr;
    assert!(chosen.contains("not in the model (5):") && chosen.contains("1.running_mean"), "{chosen}");
    let module = program.run(&[&base[..], &[path("whole_module.pth").as_str()]].concat()).expect(1).stderr;
    assert!(module.contains("`torch.nn.modules.container.Sequential`"), "{module}");
}

/// Other names of the same layers: chenyaofo's CIFAR ResNets say `downsample` and `fc`.
#[test]
fn weights_under_other_names_load() {
    let program = Program::new();
    let config = SMALL_RUN.replace("name = \"cnn\"\nwidths = [6, 8]\ndropout = 0.2", "name = \"resnet20-b\"");
    program.write("run.toml", &config);
    program.run(&["train", "run.toml", "--out", "run", "--quiet", "--epochs", "1"]).expect(0);
    let mut given = tensors(&program.path("run/checkpoints/best/model.safetensors"));
    for tensor in &mut given {
        tensor.name = tensor.name.replace("shortcut.", "downsample.").replace("linear.", "fc.");
    }
    write_safetensors(&program.path("other.safetensors"), &given, &Default::default()).expect("written");
    let run = ["train", "run.toml", "--out", "next", "--epochs", "1", "--init-from", "other.safetensors"];
    let loaded = program.run(&run).expect(0).stderr;
    // Two shortcuts with a convolution and a normalisation of four tensors, and the head.
    assert!(loaded.contains("12 under other names"), "{loaded}");
}

/// Serves `content` to as many requests as asked for.
fn serve(content: Vec<u8>, requests: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/weights.th", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for _ in 0..requests {
            let (mut stream, _) = listener.accept().expect("a request");
            let request = BufReader::new(stream.try_clone().expect("a socket"));
            request.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len());
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&content)).expect("an open connection");
        }
    });
    url
}

#[test]
fn published_weights_are_fetched_checked_and_judged() {
    let program = Program::new();
    trained(&program);
    program.run(&["export", "run", "--to", "published.th"]).expect(0);
    let content = program.bytes("published.th");
    let sum: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    let url = serve(content.clone(), 3);
    let manifest = |sum: &str| {
        format!(
            "name = \"small\"\ndescription = \"a small network\"\nlicence = \"MIT\"\nhomepage = \"x\"\nmodel = \"cnn\"\n\
             checksums_from = \"this test\"\n[published]\ndata = \"shapes\"\nmetric = \"accuracy\"\nvalue = 0.5\n\
             [file]\nname = \"small.th\"\nurls = [\"{url}\"]\nsize = {}\nsha256 = \"{sum}\"\n",
            content.len()
        )
    };
    program.write("small.toml", manifest(&sum));
    let fetched = program.run(&["weights", "fetch", "small.toml", "--to", "there"]).expect(0);
    assert_eq!(fetched.stdout.trim(), "there/small.th");
    assert!(
        fetched.stderr.contains("licence: MIT") && fetched.stderr.contains("accuracy 0.5000"),
        "{}",
        fetched.stderr
    );
    assert_eq!(program.bytes("there/small.th"), content);
    let picture = program.path("picture.png");
    RgbImage::from_pixel(16, 16, Rgb([9, 99, 40])).save(&picture).expect("written");
    program.run(&["predict", "there/small.th", "picture.png"]).expect(0);

    // Other content than was published is not kept.
    program.write("other.toml", manifest(&"0".repeat(64)));
    let refused = program.run(&["weights", "fetch", "other.toml", "--to", "elsewhere"]).expect(1).stderr;
    assert!(refused.contains("download failed"), "{refused}");
    assert!(!program.path("elsewhere/small.th").exists());
    assert!(program.run(&["weights", "fetch"]).expect(0).stdout.contains("resnet56-cifar10"));
}

/// The first 200 files of each test class, as their reference forward was measured.
#[test]
fn published_weights_score_what_their_reference_does() {
    let Some(data) = test_data("the evaluation of published classifiers") else { return };
    let program = Program::new();
    let archive = data.join("cifar10-jpg.tar.gz").display().to_string();
    let folder = program.path("all");
    std::fs::create_dir_all(&folder).expect("a folder");
    let unpacked = std::process::Command::new("tar").args(["-xzf", &archive, "-C"]).arg(&folder).status();
    assert!(unpacked.is_ok_and(|status| status.success()), "tar unpacks {archive}");
    for class in std::fs::read_dir(folder.join("test")).expect("class folders") {
        let class = class.expect("a folder").path();
        let to = program.path("some/test").join(class.file_name().expect("a name"));
        std::fs::create_dir_all(&to).expect("a folder");
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&class).expect("a folder").map(|file| file.expect("a file").path()).collect();
        files.sort();
        for file in &files[..200] {
            std::fs::rename(file, to.join(file.file_name().expect("a name"))).expect("moved");
        }
    }
    // What PyTorch gets right on the pixels that Pillow decodes: 81.35 % and 83.15 %.
    for (model, file, right) in [("resnet20", "resnet20-12fca82f.th", 1627), ("resnet56", "resnet56-4bfd9763.th", 1663)]
    {
        let weights = data.join("weights/resnet-cifar10").join(file).display().to_string();
        let judged = program
            .run(&["eval", "--model", model, "--init-from", &weights, "--data", "some", "--split", "test", "--json"])
            .expect(0)
            .json();
        assert_eq!(judged["samples"], 2000);
        let accuracy = judged["metrics"]["accuracy"].as_f64().expect("a figure");
        assert_eq!((accuracy * 2000.0).round(), f64::from(right), "{model}: {accuracy}");
    }
}
