//! The bytes of a large file.

use std::path::Path;

#[cfg(unix)]
use rayon::prelude::*;

/// Reads a file with several threads at once: copying and mapping its pages takes longer than parsing some formats.
pub(super) fn read_in_parallel(path: &Path) -> std::io::Result<Vec<u8>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileExt;
        /// Bytes below which one thread is as fast.
        const PART: usize = 1 << 20;
        let file = std::fs::File::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        if file.metadata()?.is_file() && length > PART {
            let mut bytes = vec![0; length];
            bytes
                .par_chunks_mut(PART)
                .enumerate()
                .try_for_each(|(part, chunk)| file.read_exact_at(chunk, (part * PART) as u64))?;
            return Ok(bytes);
        }
    }
    std::fs::read(path)
}
