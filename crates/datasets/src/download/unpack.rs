//! Unpacking archives that nobody here wrote.
//!
//! Only plain files and folders come out, only below the target, never through a link: an archive can neither overwrite
//! foreign files nor leave anything behind that points out of the data set.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

/// How a downloaded file is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveKind {
    /// Not at all.
    #[default]
    None,
    /// A tar archive.
    Tar,
    /// A tar archive within gzip.
    TarGz,
    /// A zip archive.
    Zip,
    /// A single file within gzip, unpacked beside itself without `.gz`.
    Gz,
}

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// The archive is damaged, or a file cannot be written.
    #[error("{}: cannot be unpacked: {source}", archive.display())]
    Io {
        /// The archive.
        archive: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// An entry would land outside the target.
    #[error("{}: entry `{entry}` would be written outside the target folder; nothing more was unpacked", archive.display())]
    Outside {
        /// The archive.
        archive: PathBuf,
        /// The entry.
        entry: String,
    },
    /// An entry is a link, a device or the like.
    #[error("{}: entry `{entry}` is neither a file nor a folder; nothing more was unpacked", archive.display())]
    NotAFile {
        /// The archive.
        archive: PathBuf,
        /// The entry.
        entry: String,
    },
    /// The content is larger than any known data set.
    #[error("{}: unpacks to more than {limit} bytes; stopped", archive.display())]
    TooLarge {
        /// The archive.
        archive: PathBuf,
        /// The limit.
        limit: u64,
    },
}

/// Most bytes that an archive may unpack to; ImageNet is about 150 GB.
const MAX_BYTES: u64 = 1 << 40;

/// Unpacks `archive` into the folder `target`. Files are written under a temporary name and renamed.
///
/// # Errors
///
/// [`UnpackError`].
pub fn unpack(archive: &Path, kind: ArchiveKind, target: &Path) -> Result<(), UnpackError> {
    let mut unpacker = Unpacker { archive, target, left: MAX_BYTES };
    let open = || File::open(archive).map(BufReader::new).map_err(|source| unpacker_error(archive, source));
    match kind {
        ArchiveKind::None => Ok(()),
        ArchiveKind::Tar => unpacker.tar(open()?),
        ArchiveKind::TarGz => unpacker.tar(MultiGzDecoder::new(open()?)),
        ArchiveKind::Zip => unpacker.zip(open()?),
        ArchiveKind::Gz => {
            let name = archive.file_stem().map(PathBuf::from).unwrap_or_default();
            unpacker.file(&name, MultiGzDecoder::new(open()?))
        }
    }
}

fn unpacker_error(archive: &Path, source: std::io::Error) -> UnpackError {
    UnpackError::Io { archive: archive.to_owned(), source }
}

struct Unpacker<'a> {
    archive: &'a Path,
    target: &'a Path,
    /// Bytes that may still be written.
    left: u64,
}

impl Unpacker<'_> {
    fn io(&self, source: impl Into<std::io::Error>) -> UnpackError {
        unpacker_error(self.archive, source.into())
    }

    fn tar(&mut self, reader: impl Read) -> Result<(), UnpackError> {
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().map_err(|error| self.io(error))? {
            let entry = entry.map_err(|error| self.io(error))?;
            let path = entry.path().map_err(|error| self.io(error))?.into_owned();
            let kind = entry.header().entry_type();
            if kind.is_dir() {
                self.folder(&path)?;
            } else if kind.is_file() {
                self.file(&path, entry)?;
            } else if !(kind.is_pax_global_extensions() || kind.is_pax_local_extensions()) {
                return Err(self.not_a_file(&path));
            }
        }
        Ok(())
    }

    fn zip(&mut self, reader: BufReader<File>) -> Result<(), UnpackError> {
        let mut archive = zip::ZipArchive::new(reader).map_err(|error| self.io(error))?;
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(|error| self.io(error))?;
            // The raw name, with the separators that some Windows programs write.
            let path = PathBuf::from(entry.name().replace('\\', "/"));
            if entry.is_dir() {
                self.folder(&path)?;
            } else if entry.is_file() {
                self.file(&path, entry)?;
            } else {
                return Err(self.not_a_file(&path));
            }
        }
        Ok(())
    }

    /// Where an entry goes.
    fn place(&self, entry: &Path) -> Result<PathBuf, UnpackError> {
        let outside = || UnpackError::Outside { archive: self.archive.to_owned(), entry: entry.display().to_string() };
        let mut path = self.target.to_owned();
        for component in entry.components() {
            match component {
                Component::Normal(name) => path.push(name),
                Component::CurDir => continue,
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
            // Nothing unpacked here is a link, but one may have been there before.
            if path.is_symlink() {
                return Err(outside());
            }
        }
        Ok(path)
    }

    fn folder(&self, entry: &Path) -> Result<(), UnpackError> {
        fs::create_dir_all(self.place(entry)?).map_err(|error| self.io(error))
    }

    fn file(&mut self, entry: &Path, reader: impl Read) -> Result<(), UnpackError> {
        let path = self.place(entry)?;
        let Some(name) = path.file_name().filter(|_| path != self.target) else {
            return Err(self.not_a_file(entry));
        };
        let mut part_name = name.to_owned();
        part_name.push(".part");
        let part = path.with_file_name(part_name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| self.io(error))?;
        }
        let mut output = File::create(&part).map_err(|error| self.io(error))?;
        let count = std::io::copy(&mut reader.take(self.left + 1), &mut output).map_err(|error| self.io(error))?;
        if count > self.left {
            return Err(UnpackError::TooLarge { archive: self.archive.to_owned(), limit: MAX_BYTES });
        }
        self.left -= count;
        output.flush().map_err(|error| self.io(error))?;
        fs::rename(&part, &path).map_err(|error| self.io(error))
    }

    fn not_a_file(&self, entry: &Path) -> UnpackError {
        UnpackError::NotAFile { archive: self.archive.to_owned(), entry: entry.display().to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_with(name: &str, kind: tar::EntryType, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        // Written straight into the field: the library refuses such names.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        if kind == tar::EntryType::Symlink {
            header.set_link_name("/etc").unwrap();
        }
        header.set_cksum();
        let mut builder = tar::Builder::new(Vec::new());
        builder.append(&header, content).unwrap();
        builder.into_inner().unwrap()
    }

    fn unpack_bytes(bytes: &[u8], kind: ArchiveKind) -> (tempfile::TempDir, Result<(), UnpackError>) {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive.gz");
        fs::write(&archive, bytes).unwrap();
        let target = folder.path().join("target");
        fs::create_dir(&target).unwrap();
        let result = unpack(&archive, kind, &target);
        (folder, result)
    }

    #[test]
    fn files_land_below_the_target() {
        let (folder, result) =
            unpack_bytes(&tar_with("./a/b.txt", tar::EntryType::Regular, b"hello"), ArchiveKind::Tar);
        result.unwrap();
        assert_eq!(fs::read(folder.path().join("target/a/b.txt")).unwrap(), b"hello");
    }

    #[test]
    fn paths_out_of_the_target_and_links_are_refused() {
        for name in ["../evil", "a/../../evil", "/tmp/evil-okulo-test"] {
            let (folder, result) = unpack_bytes(&tar_with(name, tar::EntryType::Regular, b"x"), ArchiveKind::Tar);
            assert!(matches!(result, Err(UnpackError::Outside { .. })), "{name}: {result:?}");
            assert!(!folder.path().join("evil").exists() && !Path::new("/tmp/evil-okulo-test").exists());
        }
        for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char] {
            let (_folder, result) = unpack_bytes(&tar_with("link", kind, b""), ArchiveKind::Tar);
            assert!(matches!(result, Err(UnpackError::NotAFile { .. })), "{kind:?}: {result:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_was_there_before_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, elsewhere) = (folder.path().join("target"), folder.path().join("elsewhere"));
        fs::create_dir(&target).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, target.join("a")).unwrap();
        let archive = folder.path().join("x.tar");
        fs::write(&archive, tar_with("a/b", tar::EntryType::Regular, b"x")).unwrap();
        assert!(matches!(unpack(&archive, ArchiveKind::Tar, &target), Err(UnpackError::Outside { .. })));
        assert!(!elsewhere.join("b").exists());
    }

    #[test]
    fn zip_entries_are_held_to_the_same_rules() {
        let zip_with = |name: &str| {
            let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(b"hello").unwrap();
            writer.finish().unwrap().into_inner()
        };
        let (folder, result) = unpack_bytes(&zip_with("a/b.txt"), ArchiveKind::Zip);
        result.unwrap();
        assert_eq!(fs::read(folder.path().join("target/a/b.txt")).unwrap(), b"hello");
        let (_folder, result) = unpack_bytes(&zip_with("..\\evil"), ArchiveKind::Zip);
        assert!(matches!(result, Err(UnpackError::Outside { .. })), "{result:?}");
    }

    #[test]
    fn a_single_file_and_a_damaged_one() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&[7; 5000]).unwrap();
        let bytes = encoder.finish().unwrap();
        let (folder, result) = unpack_bytes(&bytes, ArchiveKind::Gz);
        result.unwrap();
        assert_eq!(fs::read(folder.path().join("target/archive")).unwrap(), [7; 5000]);
        let (folder, result) = unpack_bytes(&bytes[..bytes.len() - 9], ArchiveKind::Gz);
        assert!(matches!(result, Err(UnpackError::Io { .. })), "{result:?}");
        assert!(!folder.path().join("target/archive").exists());
    }
}
