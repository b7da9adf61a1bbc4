//! One run of cargo: shown as a shell would take it, run at the project's root.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// One run of cargo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CargoCommand {
    arguments: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
}

impl CargoCommand {
    /// `cargo` with `arguments`.
    pub(super) fn new<const N: usize>(arguments: [&str; N]) -> Self {
        Self { arguments: arguments.map(str::to_owned).to_vec(), environment: Vec::new() }
    }

    /// The same with more arguments.
    pub(super) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// The same with an environment variable.
    pub(super) fn environment(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Runs it; what it prints goes where our own output goes.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started or does not succeed.
    pub(super) fn run(&self) -> anyhow::Result<()> {
        self.run_in(&project_root()?)
    }

    /// The same from `folder`.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started or does not succeed.
    pub(super) fn run_in(&self, folder: &Path) -> anyhow::Result<()> {
        let status = self.prepare()?.current_dir(folder).status().context("cargo cannot be started")?;
        if !status.success() {
            bail!("cargo {} ended with {status}", self.subcommand());
        }
        Ok(())
    }

    /// Runs it and gives what it wrote to standard output.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started or does not succeed, with what it wrote to standard error.
    pub(super) fn output(&self) -> anyhow::Result<String> {
        let output = self.prepare()?.output().context("cargo cannot be started")?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            bail!("{self} ended with {}: {}", output.status, message.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn subcommand(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    fn prepare(&self) -> anyhow::Result<Command> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(&self.arguments).envs(self.environment.iter().copied()).current_dir(project_root()?);
        // `cargo run` tells this program about its own package. Build scripts that look at the same names (ring's does)
        // would run again, and what depends on them with them, whenever cargo is called from elsewhere.
        for (name, _) in std::env::vars_os().filter(|(name, _)| describes_a_package(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        Ok(command)
    }
}

/// Whether cargo sets the variable to describe the package of the program that it runs.
fn describes_a_package(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || matches!(name, "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "CARGO_MANIFEST_LINKS")
}

/// The folder of the workspace's manifest.
///
/// # Errors
///
/// When neither cargo nor the current folder leads to it.
pub(super) fn project_root() -> anyhow::Result<PathBuf> {
    let is_root = |folder: &Path| folder.join("Cargo.toml").is_file() && folder.join("xtask/Cargo.toml").is_file();
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let current = std::env::current_dir().ok();
    manifest
        .iter()
        .chain(&current)
        .flat_map(|start| start.ancestors())
        .find(|folder| is_root(folder))
        .map(Path::to_owned)
        .context("the checks need Okulo's sources: run `cargo xtask ci` from within the project")
}

/// As a shell would take it.
impl fmt::Display for CargoCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str("cargo")?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// `word`, in quotes where a shell would split it.
fn quoted(word: &str) -> String {
    if word.contains(char::is_whitespace) { format!("\"{word}\"") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_a_shell_takes_it() {
        let command = CargoCommand::new(["doc"]).with(&["--no-deps"]).environment("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(command.to_string(), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps");
    }

    #[test]
    fn only_variables_about_the_package_are_kept_from_cargo() {
        assert!(describes_a_package("CARGO_PKG_VERSION") && describes_a_package("CARGO_MANIFEST_DIR"));
        for name in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "RUSTFLAGS", "OKULO_TEST_DATA"] {
            assert!(!describes_a_package(name), "{name}");
        }
    }

    #[test]
    fn the_project_is_found_from_one_of_its_crates() {
        assert!(project_root().expect("within the project").join("crates/trainer/Cargo.toml").is_file());
    }
}
