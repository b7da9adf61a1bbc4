//! Tells the program which commit it was built from, where that is known.

use std::process::Command;

fn main() {
    const REFERENCE_LOG: &str = "../.git/logs/HEAD";
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo would rebuild every time for a file that does not exist, as in a source archive.
    if std::path::Path::new(REFERENCE_LOG).exists() {
        println!("cargo::rerun-if-changed={REFERENCE_LOG}");
    }
    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    if let Ok(output) = commit
        && output.status.success()
        && let Ok(commit) = String::from_utf8(output.stdout)
    {
        println!("cargo::rustc-env=OKULO_COMMIT={}", commit.trim());
    }
}
