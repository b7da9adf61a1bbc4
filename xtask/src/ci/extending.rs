//! The examples of `docs/extending`: each is put into a copy of the project as its recipe says, compiled, and run.
//!
//! So the recipes cannot lie: what they do not name is not touched. Nothing but the files and lines of
//! `docs/extending/examples.toml` makes a classifier, a detector, a loss … known to every part of the program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::CHECKED;
use super::command::{CargoCommand, project_root};

/// What the copy needs of the project.
const COPIED: [&str; 10] =
    ["Cargo.toml", "Cargo.lock", ".cargo", ".ci", "configs", "crates", "datasets", "tests", "weights", "xtask"];

/// Crates whose code is not hot in what the examples run: compiled fast.
const COLD: [&str; 9] =
    ["augment", "datasets", "losses", "metrics", "models", "pictures", "trainer", "weights-io", "xtask"];

/// All examples.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Examples {
    example: Vec<Example>,
}

/// One thing that is added.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    /// What it is, such as "a classifier".
    what: String,
    /// New files.
    files: Vec<NewFile>,
    /// Lines in files that are there.
    lines: Vec<NewLine>,
}

/// A file of `docs/extending`, and where it goes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFile {
    from: String,
    to: PathBuf,
}

/// A line, and the line that it comes after.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLine {
    file: PathBuf,
    after: String,
    line: String,
}

/// Puts the examples into a copy of the project, tests them, and has the program use them.
pub(super) fn examples() -> anyhow::Result<()> {
    let root = project_root()?;
    let source = root.join("docs/extending");
    let list = source.join("examples.toml");
    let text = fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    let Examples { example: examples } = toml::from_str(&text).with_context(|| list.display().to_string())?;

    let copy = root.join("target/extending");
    if copy.exists() {
        fs::remove_dir_all(&copy).with_context(|| copy.display().to_string())?;
    }
    for name in COPIED {
        copy_all(&root.join(name), &copy.join(name))?;
    }
    println!("{:<34} {:>9} {:>9}", "added", "new files", "new lines");
    for example in &examples {
        example.apply(&source, &copy).with_context(|| example.what.clone())?;
        println!("{:<34} {:>9} {:>9}", example.what, example.files.len(), example.lines.len());
    }
    for command in commands(&root) {
        println!("$ {command}");
        command.run_in(&copy).with_context(|| format!("in {}: {command}", copy.display()))?;
    }
    fs::remove_dir_all(&copy).with_context(|| copy.display().to_string())
}

impl Example {
    fn apply(&self, source: &Path, copy: &Path) -> anyhow::Result<()> {
        for NewFile { from, to } in &self.files {
            let (from, to) = (source.join(from), copy.join(to));
            ensure!(!to.exists(), "{} is there already", to.display());
            fs::copy(&from, &to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
        }
        for NewLine { file, after, line } in &self.lines {
            let path = copy.join(file);
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            fs::write(&path, inserted(&text, after, line).with_context(|| file.display().to_string())?)?;
        }
        Ok(())
    }
}

/// `text` with `line` below the one line that reads `after`.
fn inserted(text: &str, after: &str, line: &str) -> anyhow::Result<String> {
    let places: Vec<usize> = text.lines().enumerate().filter(|(_, found)| *found == after).map(|(at, _)| at).collect();
    let [place] = places[..] else {
        bail!("expected one line that reads `{after}`, found {}", places.len());
    };
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(place + 1, line);
    Ok(lines.join("\n") + "\n")
}

/// Copies a file, or a folder with all that is in it.
fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    let at = || from.display().to_string();
    if from.is_file() {
        let folder = to.parent().context("a file lies in a folder")?;
        fs::create_dir_all(folder).with_context(at)?;
        fs::copy(from, to).with_context(at)?;
        return Ok(());
    }
    fs::create_dir_all(to).with_context(at)?;
    for entry in fs::read_dir(from).with_context(at)? {
        let entry = entry.with_context(at)?;
        copy_all(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// What is run in the copy, which shares the compiled dependencies with the project at `root`.
fn commands(root: &Path) -> Vec<CargoCommand> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let target = target.display().to_string();
    let build = |arguments: &[&str]| {
        let command = CargoCommand::new([arguments[0]]).with(&["--target-dir", &target]).with(&CHECKED);
        let command = COLD.iter().fold(command, |command, package| {
            command.with(&["--config", &format!("profile.bench.package.{package}.opt-level=1")])
        });
        command.with(&arguments[1..])
    };
    let mut tests = vec!["test", "--lib"];
    ["models", "losses", "metrics", "augment", "datasets", "trainer"].iter().for_each(|package| {
        tests.extend(["--package", package]);
    });
    // Tests in the examples' own files, and those over every entry of a list.
    tests.extend(["--", "plain_", "grid_net", "log_cosh", "mean_reciprocal", "five_crop", "sprite_sheet", "every"]);
    let program = |arguments: &[&str]| build(&[&["run", "--package", "xtask", "--"], arguments].concat());
    let step = |model: &str| {
        program(&["bench", "train-step", "--model", model, "--batch", "2", "--size", "64", "--runs", "2"])
    };
    let kept = root.join("target/extending-run").display().to_string();
    let recipe = root.join("docs/extending/example.toml").display().to_string();
    vec![
        build(&tests),
        step("grid-net"),
        step("plain-segmenter"),
        program(&["train", &recipe, "--out", &kept, "--overwrite", "--quiet"]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_below_the_one_that_it_names() {
        assert_eq!(inserted("a\nb\nc\n", "b", "new").expect("one b"), "a\nb\nnew\nc\n");
        assert!(inserted("a\nb\nb\n", "b", "new").is_err());
        assert!(inserted("a\n", "b", "new").is_err());
    }
}
