//! `cargo xtask weights`: published weights.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use datasets::WeightsManifest;

use crate::data::{download_bar, show_download};
use crate::output;

/// Arguments of `weights`.
#[derive(Debug, Args)]
pub(crate) struct WeightsArguments {
    #[command(subcommand)]
    command: WeightsCommand,
}

#[derive(Debug, Subcommand)]
enum WeightsCommand {
    /// Download published weights and check them; without a name: list those that are known.
    Fetch {
        /// A name of the list, or a manifest ending in .toml.
        name: Option<String>,
        /// Where to; default: weights/.
        #[arg(long, value_name = "FOLDER", default_value = "weights")]
        to: PathBuf,
    },
}

/// Runs `weights`.
pub(crate) fn run(arguments: WeightsArguments) -> anyhow::Result<ExitCode> {
    let WeightsCommand::Fetch { name, to } = arguments.command;
    let Some(name) = name else {
        let mut rows = vec![["name", "model", "MB", "published", "licence"].map(str::to_owned).to_vec()];
        rows.extend(WeightsManifest::built_in().into_iter().map(|weights| {
            let megabytes = format!("{:.1}", weights.file.size as f64 / 1e6);
            let published = published(&weights);
            vec![weights.name, weights.model, megabytes, published, weights.licence]
        }));
        output::line(output::table(&rows));
        return Ok(ExitCode::SUCCESS);
    };
    let weights = WeightsManifest::find(&name)?;
    output::note(format!("{}: {} (licence: {})", weights.name, weights.description, weights.licence));
    output::note(format!("published: {}", published(&weights)));
    let bar = download_bar();
    let file = weights.fetch(&to, &mut |progress| show_download(&bar, progress))?;
    bar.finish_and_clear();
    output::line(file.display().to_string());
    output::note(format!(
        "judge it: cargo xtask eval --model {} --init-from {} --data FOLDER",
        weights.model,
        file.display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn published(weights: &WeightsManifest) -> String {
    let figure = &weights.published;
    format!("{} {:.4} on {}", figure.metric, figure.value, figure.data)
}
