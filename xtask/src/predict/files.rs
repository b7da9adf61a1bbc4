//! The image files that a command line names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use pictures::image_file;

/// The files that `inputs` stand for: files as given, folders searched to any depth, in the order of their names.
pub(super) fn image_files(inputs: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        if input.is_dir() {
            let before = files.len();
            search(input, &mut files)?;
            if files.len() == before {
                bail!("{} holds no image files", input.display());
            }
        } else if input.exists() {
            files.push(input.clone());
        } else {
            bail!("there is no file or folder {}", input.display());
        }
    }
    Ok(files)
}

fn search(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let context = || folder.display().to_string();
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        entries.push(entry.with_context(context)?.path());
    }
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            search(&path, files)?;
        } else if !hidden && image_file::format_of_extension(&path).is_some() {
            files.push(path);
        }
    }
    Ok(())
}
