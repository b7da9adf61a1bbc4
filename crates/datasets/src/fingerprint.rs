//! A short name for exactly these samples, for the record of a run.

use sha2::{Digest, Sha256};
use vision_types::ClassId;

use crate::fetch::hexadecimal;
use crate::{Dataset, DatasetError};

/// SHA-256, in hexadecimal digits, over the number of samples and each one's key, class and file size, in order.
///
/// Pixels are not read: a change that leaves names, labels and sizes as they are goes unnoticed. The place of the data
/// set on disk does not matter.
///
/// # Errors
///
/// Whatever [`Dataset::annotation`] returns, and [`DatasetError::Missing`] for a file that has gone.
pub fn fingerprint<D>(samples: &D) -> Result<String, DatasetError>
where
    D: Dataset<Annotation = ClassId> + ?Sized,
{
    let mut hash = Sha256::new();
    hash.update((samples.len() as u64).to_le_bytes());
    for index in 0..samples.len() {
        let key = samples.key(index);
        let size = match samples.file(index) {
            Some(path) => std::fs::metadata(&path).map_err(|source| DatasetError::from_io(&path, source))?.len(),
            None => 0,
        };
        // The length before the key keeps neighbouring fields apart.
        hash.update((key.len() as u64).to_le_bytes());
        hash.update(key.as_bytes());
        hash.update((samples.annotation(index)? as u64).to_le_bytes());
        hash.update(size.to_le_bytes());
    }
    Ok(hexadecimal(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::LabelledFiles;

    #[test]
    fn names_classes_sizes_and_order_count_and_the_place_does_not() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&here, &there] {
            fs::write(folder.path().join("a.png"), "12").unwrap();
            fs::write(folder.path().join("b.png"), "123").unwrap();
        }
        let print = |folder: &tempfile::TempDir, files: &[(&str, usize)]| {
            let files = files.iter().map(|(name, class)| (PathBuf::from(name), *class)).collect();
            fingerprint(&LabelledFiles::new(folder.path(), files)).unwrap()
        };
        let original = print(&here, &[("a.png", 0), ("b.png", 1)]);
        assert_eq!(original.len(), 64);
        assert_eq!(original, print(&there, &[("a.png", 0), ("b.png", 1)]));
        assert_ne!(original, print(&here, &[("b.png", 1), ("a.png", 0)]));
        assert_ne!(original, print(&here, &[("a.png", 1), ("b.png", 1)]));
        assert_ne!(original, print(&here, &[("a.png", 0)]));
        fs::write(here.path().join("b.png"), "1234").unwrap();
        assert_ne!(original, print(&here, &[("a.png", 0), ("b.png", 1)]));
    }
}
