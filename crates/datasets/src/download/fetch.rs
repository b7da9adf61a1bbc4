//! Downloading a data set: resumable, checked and unpacked with care.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

pub use super::error::FetchError;
use super::manifest::{Manifest, RemoteFile};
use super::unpack::{ArchiveKind, unpack};
use crate::digest::hexadecimal;

/// What a download is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchPhase {
    /// Receiving bytes.
    Download,
    /// Computing the SHA-256 sum.
    Verify,
    /// Unpacking.
    Unpack,
}

/// A report on the way, about once a mebibyte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchProgress<'a> {
    /// The file.
    pub name: &'a str,
    /// What is being done to it.
    pub phase: FetchPhase,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// The bytes read and written at once.
const CHUNK: usize = 1 << 20;

/// Downloads the files of `manifest` into `target` and unpacks them; what is there already is kept. Returns the folder
/// to open, `target` or the manifest's `root` within it.
///
/// A download goes to `NAME.part`, and continues there if it was cut off; once its length and SHA-256 sum are right, it
/// gets its name. Addresses are tried in order. A file `NAME.unpacked` marks a finished unpacking.
///
/// # Errors
///
/// [`FetchError::Io`], [`FetchError::Download`] with what went wrong at each address, or [`FetchError::Unpack`].
pub fn fetch(
    manifest: &Manifest,
    target: &Path,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<PathBuf, FetchError> {
    fs::create_dir_all(target).map_err(io_error(target))?;
    for file in &manifest.files {
        let path = target.join(&file.name);
        let marker = target.join(format!("{}.unpacked", file.name));
        let unpacked = fs::read_to_string(&marker).is_ok_and(|sum| sum.trim().eq_ignore_ascii_case(&file.sha256));
        if file.archive != ArchiveKind::None && unpacked {
            continue;
        }
        if !(path.is_file() && matches(&path, file, progress)?) {
            download(file, target, progress)?;
        }
        if file.archive != ArchiveKind::None {
            progress(FetchProgress { name: &file.name, phase: FetchPhase::Unpack, done: 0, total: file.size });
            unpack(&path, file.archive, target)?;
            fs::write(&marker, &file.sha256).map_err(io_error(&marker))?;
        }
    }
    Ok(if manifest.root.is_empty() { target.to_owned() } else { target.join(&manifest.root) })
}

/// Whether the file has the right length and sum.
fn matches(path: &Path, file: &RemoteFile, progress: &mut dyn FnMut(FetchProgress<'_>)) -> Result<bool, FetchError> {
    let length = fs::metadata(path).map_err(io_error(path))?.len();
    Ok(length == file.size && sha256_of(path, file, progress)?.eq_ignore_ascii_case(&file.sha256))
}

fn sha256_of(
    path: &Path,
    file: &RemoteFile,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<String, FetchError> {
    let mut reader = File::open(path).map_err(io_error(path))?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut done = 0;
    loop {
        let count = reader.read(&mut chunk).map_err(io_error(path))?;
        if count == 0 {
            return Ok(hexadecimal(&hash.finalize()));
        }
        hash.update(&chunk[..count]);
        done += count as u64;
        progress(FetchProgress { name: &file.name, phase: FetchPhase::Verify, done, total: file.size });
    }
}

fn download(file: &RemoteFile, target: &Path, progress: &mut dyn FnMut(FetchProgress<'_>)) -> Result<(), FetchError> {
    let part = target.join(format!("{}.part", file.name));
    let mut attempts = Vec::new();
    for url in &file.urls {
        if let Err(problem) = receive(url, file, &part, progress)? {
            attempts.push(format!("{url}: {problem}"));
            continue;
        }
        let sum = sha256_of(&part, file, progress)?;
        if sum.eq_ignore_ascii_case(&file.sha256) {
            let path = target.join(&file.name);
            return fs::rename(&part, &path).map_err(io_error(&path));
        }
        fs::remove_file(&part).map_err(io_error(&part))?;
        attempts.push(format!("{url}: SHA-256 is {sum}, expected {} (file removed)", file.sha256));
    }
    Err(FetchError::Download { name: file.name.clone(), attempts })
}

/// Appends to `part` what is missing. The outer error is the disk's, the inner one the server's.
fn receive(
    url: &str,
    file: &RemoteFile,
    part: &Path,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<Result<(), String>, FetchError> {
    /// Time to connect, and to wait for the next bytes.
    const PATIENCE: Duration = Duration::from_secs(30);
    const PARTIAL_CONTENT: u16 = 206;

    // Not truncated: what an earlier attempt received is kept.
    let mut output = OpenOptions::new().create(true).truncate(false).write(true).open(part).map_err(io_error(part))?;
    let mut done = output.metadata().map_err(io_error(part))?.len();
    if done > file.size {
        output.set_len(0).map_err(io_error(part))?;
        done = 0;
    }
    if done == file.size {
        return Ok(Ok(()));
    }
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .build(),
    );
    let mut request = agent.get(url);
    if done > 0 {
        request = request.header("range", format!("bytes={done}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let status = response.status();
    if !status.is_success() {
        return Ok(Err(format!("the server answered {status}")));
    }
    if done > 0 && !(status.as_u16() == PARTIAL_CONTENT && range_starts_at(&response, done)) {
        // The server sends the whole file: start again.
        output.set_len(0).map_err(io_error(part))?;
        done = 0;
    }
    output.seek(SeekFrom::Start(done)).map_err(io_error(part))?;
    let mut reader = response.into_body().into_reader();
    let mut chunk = vec![0; CHUNK];
    progress(FetchProgress { name: &file.name, phase: FetchPhase::Download, done, total: file.size });
    loop {
        let count = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => return Ok(Err(format!("cut off after {done} of {} bytes: {error}", file.size))),
        };
        output.write_all(&chunk[..count]).map_err(io_error(part))?;
        done += count as u64;
        if done > file.size {
            drop(output);
            fs::remove_file(part).map_err(io_error(part))?;
            return Ok(Err(format!("more than the expected {} bytes (file removed)", file.size)));
        }
        progress(FetchProgress { name: &file.name, phase: FetchPhase::Download, done, total: file.size });
    }
    output.sync_all().map_err(io_error(part))?;
    if done < file.size {
        return Ok(Err(format!("cut off after {done} of {} bytes; run again to continue", file.size)));
    }
    Ok(Ok(()))
}

/// Whether the answer says that its first byte is number `start` (`Content-Range: bytes 100-199/200`).
fn range_starts_at(response: &ureq::http::Response<ureq::Body>, start: u64) -> bool {
    response
        .headers()
        .get("content-range")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim().strip_prefix("bytes "))
        .and_then(|range| range.split('-').next()?.trim().parse::<u64>().ok())
        == Some(start)
}

fn io_error(path: &Path) -> impl Fn(std::io::Error) -> FetchError + '_ {
    |source| FetchError::Io { path: path.to_owned(), source }
}
