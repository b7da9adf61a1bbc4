//! Image files of a data set that is written.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use pictures::image_file;
use vision_types::Instance;

use super::ImageTransfer;
use crate::{Dataset, DatasetError};

/// The name of a written image, and its width and height.
type Transferred = (String, (u32, u32));

/// One image that was written, with its objects.
#[derive(Debug)]
pub(super) struct WrittenImage {
    /// Its file name.
    pub(super) name: String,
    /// Its name without extension.
    pub(super) stem: String,
    /// Width and height in pixels.
    pub(super) size: (u32, u32),
    /// Its number in a COCO file.
    pub(super) id: Option<i64>,
    pub(super) objects: Vec<Instance>,
}

/// Makes `folder`, or makes sure that it is empty.
pub(super) fn prepare(folder: &Path) -> Result<(), DatasetError> {
    make_folder(folder)?;
    let mut entries = fs::read_dir(folder).map_err(|source| DatasetError::from_io(folder, source))?;
    match entries.next() {
        Some(_) => Err(DatasetError::NotEmpty { path: folder.to_owned() }),
        None => Ok(()),
    }
}

pub(super) fn make_folder(folder: &Path) -> Result<(), DatasetError> {
    fs::create_dir_all(folder).map_err(|source| DatasetError::Unwritable { path: folder.to_owned(), source })
}

pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), DatasetError> {
    fs::write(path, content).map_err(|source| DatasetError::Unwritable { path: path.to_owned(), source })
}

/// A class name as the name of a folder: what file systems refuse becomes `_`.
pub(super) fn folder_name(class: &str) -> String {
    let refused = |character: char| character.is_control() || "/\\:*?\"<>|".contains(character);
    let name: String = class.chars().map(|character| if refused(character) { '_' } else { character }).collect();
    if name.is_empty() || name.starts_with('.') { format!("_{name}") } else { name }
}

/// Gives every image a file in the folder that is written.
pub(super) struct OutputFiles<'a> {
    root: &'a Path,
    transfer: ImageTransfer,
    /// Folders with names without extension, in lower case, that are taken.
    taken: HashSet<(PathBuf, String)>,
    unreadable: usize,
}

impl<'a> OutputFiles<'a> {
    pub(super) fn new(root: &'a Path, transfer: ImageTransfer) -> Self {
        Self { root, transfer, taken: HashSet::new(), unreadable: 0 }
    }

    /// Number of images that were left out.
    pub(super) fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Transfers every image of a split to the folder `inside`.
    pub(super) fn transfer_all<D>(&mut self, samples: &D, inside: &Path) -> Result<Vec<WrittenImage>, DatasetError>
    where
        D: Dataset<Annotation = Vec<Instance>> + ?Sized,
    {
        let mut written = Vec::with_capacity(samples.len());
        for index in 0..samples.len() {
            if let Some((name, size)) = self.transfer(samples, index, inside)? {
                let objects = samples.annotation(index)?;
                let stem = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
                written.push(WrittenImage { name, stem, size, id: samples.image_id(index), objects });
            }
        }
        Ok(written)
    }

    /// Transfers one image to the folder `inside`; its name and size, or `None` where it cannot be read.
    pub(super) fn transfer<D>(
        &mut self,
        samples: &D,
        index: usize,
        inside: &Path,
    ) -> Result<Option<Transferred>, DatasetError>
    where
        D: Dataset + ?Sized,
    {
        let folder = self.root.join(inside);
        if self.transfer != ImageTransfer::Leave {
            make_folder(&folder)?;
        }
        let Some(file) = samples.file(index) else {
            let name = self.free_name(inside, &format!("{index:06}.png"));
            let image = samples.get(index)?.image;
            if self.transfer != ImageTransfer::Leave {
                let path = folder.join(&name);
                image.save(&path).map_err(|error| unwritable(&path, error))?;
            }
            return Ok(Some((name, image.dimensions())));
        };
        // What is copied is what the file holds, so its own size counts and not the stated one.
        let Ok(size) = image_file::dimensions(&file) else {
            self.unreadable += 1;
            return Ok(None);
        };
        let own = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let name = if self.is_free(inside, &own) {
            self.free_name(inside, &own)
        } else {
            self.free_name(inside, &samples.key(index).replace(['/', '\\'], "_"))
        };
        let path = folder.join(&name);
        let failed = |source| DatasetError::Unwritable { path: path.clone(), source };
        match self.transfer {
            ImageTransfer::Copy => fs::copy(&file, &path).map(|_| ()).map_err(failed)?,
            ImageTransfer::Link => {
                let target = fs::canonicalize(&file).map_err(|source| DatasetError::from_io(&file, source))?;
                link(&target, &path).map_err(failed)?;
            }
            ImageTransfer::Leave => {}
        }
        Ok(Some((name, size)))
    }

    fn is_free(&self, inside: &Path, name: &str) -> bool {
        !self.taken.contains(&(inside.to_owned(), key_of(name)))
    }

    /// `name`, or the same with a number where another image has it.
    fn free_name(&mut self, inside: &Path, name: &str) -> String {
        let path = Path::new(name);
        let (stem, extension) = (path.file_stem().unwrap_or_default(), path.extension().unwrap_or_default());
        let mut free = name.to_owned();
        for number in 2.. {
            if self.taken.insert((inside.to_owned(), key_of(&free))) {
                break;
            }
            free = format!("{}_{number}.{}", stem.to_string_lossy(), extension.to_string_lossy());
        }
        free
    }
}

/// Two images with one key would share an annotation file, or be one file where case does not count.
fn key_of(name: &str) -> String {
    Path::new(name).file_stem().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn unwritable(path: &Path, error: image::ImageError) -> DatasetError {
    let source = match error {
        image::ImageError::IoError(source) => source,
        other => std::io::Error::other(other.to_string()),
    };
    DatasetError::Unwritable { path: path.to_owned(), source }
}

#[cfg(unix)]
fn link(target: &Path, path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn link(target: &Path, path: &Path) -> std::io::Result<()> {
    // Symbolic links need a privilege here; a second name of the file does not.
    fs::hard_link(target, path)
}
