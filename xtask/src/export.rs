//! `cargo xtask export`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::Args;
use trainer::weights::export::{export, format_of};

use crate::output;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Run directory, or a weights file of any format.
    source: PathBuf,
    /// The file to write: .safetensors, or .pth, .pt or .th for PyTorch.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Which set of tensors of a PyTorch file that has several, such as `ema`.
    #[arg(long, value_name = "KEY")]
    init_key: Option<String>,
    /// Replace the file if it exists.
    #[arg(long)]
    overwrite: bool,
}

/// Runs `export`.
pub(crate) fn run(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let ExportArguments { source, to, init_key, overwrite } = arguments;
    let Some(format) = format_of(to) else {
        bail!("--to {}: expected a name that ends in .safetensors, .pth, .pt or .th", to.display());
    };
    ensure!(*overwrite || !to.exists(), "{} exists already; replace it with --overwrite", to.display());
    let exported = export(source, init_key.as_deref(), to, format)?;
    output::note(format!(
        "{}: {} tensors, {} values, from {}",
        to.display(),
        exported.tensors,
        exported.values,
        exported.source.display()
    ));
    if !exported.described {
        output::note("the source does not say what its model is, so the file has no class names and no input size");
    }
    Ok(ExitCode::SUCCESS)
}
