//! `cargo xtask`, as the tests run it.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
