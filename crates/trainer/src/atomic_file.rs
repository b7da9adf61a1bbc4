//! Files and folders that are either old or new, never half-written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Replaces the file at `path` with `bytes`: a temporary neighbour is written, synced and renamed over it.
///
/// # Errors
///
/// When any of that fails; an earlier file at `path` then stays as it was and the temporary one is removed.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = neighbour(path, "tmp");
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    })
}

/// Replaces the folder at `path` by one that `fill` writes: a temporary neighbour is filled, synced and renamed.
///
/// A folder cannot be renamed over another, so for a moment the old one has the name `path.old`; [`recover_folder`]
/// puts it back if the program ends in that moment.
///
/// # Errors
///
/// When any of that fails; an earlier folder at `path` then stays as it was.
pub fn replace_folder<E: From<io::Error>>(path: &Path, fill: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    recover_folder(path)?;
    let (temporary, old) = (neighbour(path, "tmp"), neighbour(path, "old"));
    remove_folder(&temporary)?;
    fs::create_dir_all(&temporary)?;
    let filled = fill(&temporary).and_then(|()| Ok(sync_folder(&temporary)?));
    if let Err(error) = filled {
        // The error that matters is the first one.
        let _ = remove_folder(&temporary);
        return Err(error);
    }
    if path.exists() {
        fs::rename(path, &old)?;
    }
    fs::rename(&temporary, path)?;
    if let Some(parent) = path.parent() {
        sync_folder_entry(parent)?;
    }
    remove_folder(&old)?;
    Ok(())
}

/// Puts the folder at `path` back if [`replace_folder`] was cut off between its two renames.
///
/// # Errors
///
/// When the folder cannot be renamed.
pub fn recover_folder(path: &Path) -> io::Result<()> {
    let old = neighbour(path, "old");
    if old.exists() && !path.exists() {
        return fs::rename(&old, path);
    }
    remove_folder(&old)
}

fn neighbour(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder_entry(path)
}

/// Makes renames inside `path` last; folders cannot be opened for that on Windows.
fn sync_folder_entry(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &'static str) -> impl FnOnce(&Path) -> io::Result<()> {
        move |folder| fs::write(folder.join("file"), text)
    }

    #[test]
    fn a_failed_write_leaves_the_old_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("last");
        replace_folder(&path, fill("one")).expect("first");
        replace_folder(&path, fill("two")).expect("second");
        let broken = replace_folder(&path, |folder| {
            fs::write(folder.join("file"), "thr")?;
            Err(io::Error::other("disk full"))
        });
        assert!(broken.is_err());
        assert_eq!(fs::read_to_string(path.join("file")).expect("still there"), "two");
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1, "nothing else is left behind");
    }

    #[test]
    fn an_interruption_between_the_renames_is_mended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("last");
        replace_folder(&path, fill("one")).expect("first");
        fs::rename(&path, folder.path().join("last.old")).expect("as if cut off");
        recover_folder(&path).expect("mended");
        assert_eq!(fs::read_to_string(path.join("file")).expect("back"), "one");
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("summary.json");
        write(&path, b"one").expect("first");
        write(&path, b"two").expect("second");
        assert_eq!(fs::read(&path).expect("readable"), b"two");
        assert!(write(&folder.path().join("missing/x"), b"three").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }
}
