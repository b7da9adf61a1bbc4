//! Runs the program and keeps its files in a temporary folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A folder of its own, with the program run inside.
pub(crate) struct Program {
    folder: TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Fails the test unless the program ended with `status`, and never with a panic.
    pub(crate) fn expect(self, status: i32) -> Self {
        assert!(!self.stderr.contains("panicked"), "the program panicked:\n{}", self.stderr);
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// `name` inside the program's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder, making its parents.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("a writable folder");
        std::fs::write(&path, contents).expect("a writable folder");
        path
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask-under-test"));
        command.args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ended {
        self.run_with(arguments, &[])
    }

    /// Runs the program to its end with environment variables.
    pub(crate) fn run_with<A: AsRef<OsStr>>(&self, arguments: &[A], environment: &[(&str, &str)]) -> Ended {
        let output = self.command(arguments).envs(environment.iter().copied()).output().expect("the program starts");
        Ended {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Starts the program and lets it run.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    }

    /// The bytes of a file in the folder.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A JSON file in the folder.
    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.bytes(name)).expect("JSON")
    }
}

/// Waits for a child and gathers what it wrote.
pub(crate) fn wait(child: Child) -> Ended {
    let output = child.wait_with_output().expect("the program ends");
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A configuration that trains in a moment and uses every source of randomness there is: order, augmentation, mixing,
/// dropout; and every state a checkpoint must carry: momentum, averaged weights, accumulation, a plateau.
pub(crate) const SMALL_RUN: &str = r#"
seed = 3
[data]
kind = "shapes"
train = 150
validation = 40
test = 40
size = 16
classes = 4
[input]
size = 16
[augment]
train = [{ kind = "random-crop", size = 16, padding = 2 }, { kind = "horizontal-flip" }, { kind = "color-jitter", brightness = 0.2 }]
mix = { kind = "mixup-or-cutmix", mixup_alpha = 0.4, cutmix_alpha = 1.0 }
[model]
name = "cnn"
widths = [6, 8]
dropout = 0.2
[loss]
kind = "cross-entropy"
label_smoothing = 0.1
[optim]
kind = "sgd"
lr = 0.05
momentum = 0.9
nesterov = true
weight_decay = 0.0005
decay_norm_and_bias = false
clip_norm = 5.0
warmup_epochs = 0.5
[schedule]
kind = "reduce-on-plateau"
patience = 0
factor = 0.5
[train]
epochs = 3
batch_size = 8
accumulate = 2
ema = 0.9
sampling = "class-balanced"
"#;

/// Files that must be the same bit for bit after two equal runs.
pub(crate) const WEIGHT_FILES: [&str; 4] = [
    "checkpoints/last/model.safetensors",
    "checkpoints/last/average.safetensors",
    "checkpoints/last/optimizer.safetensors",
    "checkpoints/best/model.safetensors",
];

/// A digest good enough to tell weights apart in a message: FNV-1a.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Fails the test unless two runs hold the same weights and the same figures.
pub(crate) fn assert_same_run(program: &Program, first: &str, second: &str) {
    for file in WEIGHT_FILES {
        let digests = [first, second].map(|run| digest(&program.bytes(&format!("{run}/{file}"))));
        assert_eq!(digests[0], digests[1], "{file} of {first} and {second}");
    }
    let figures = [first, second].map(|run| untimed(&program.bytes(&format!("{run}/results.csv"))));
    assert_eq!(figures[0], figures[1]);
}

/// The results table without its last two columns, which hold times.
fn untimed(csv: &[u8]) -> Vec<String> {
    let text = String::from_utf8(csv.to_vec()).expect("UTF-8");
    let timed = 2;
    assert!(text.lines().next().expect("a heading").ends_with(",images_per_second,seconds"));
    text.lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            cells[..cells.len() - timed].join(",")
        })
        .collect()
}

/// The folder of real data, where there is one; otherwise says that `test` is skipped.
pub(crate) fn test_data(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("OKULO_TEST_DATA").map(PathBuf::from).filter(|folder| Path::new(folder).is_dir());
    if folder.is_none() {
        println!("skipped: {test} needs OKULO_TEST_DATA, the folder of real data");
    }
    folder
}
