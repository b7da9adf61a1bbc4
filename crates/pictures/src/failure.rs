//! The errors of a decoder, and what it may use.

use std::path::Path;

use image::error::{ImageError, LimitErrorKind};

use crate::PictureError;

/// Most pixels an image may have: the number from which Pillow reports a decompression bomb (twice
/// `Image.MAX_IMAGE_PIXELS`, which is 1 GiB / 4 / 3 pixels).
pub const MAX_PIXELS: u64 = 2 * (1024 * 1024 * 1024 / 4 / 3);

/// Most bytes a decoder may allocate: [`MAX_PIXELS`] pixels of four 16-bit channels.
pub(crate) const MAX_DECODER_BYTES: u64 = MAX_PIXELS * 8;

/// Names the file and format in the errors of a decoder.
#[derive(Debug)]
pub(crate) struct Failure<'a> {
    pub(crate) path: &'a Path,
    pub(crate) format: &'static str,
}

impl Failure<'_> {
    pub(crate) fn truncated(&self, detail: impl Into<String>) -> PictureError {
        PictureError::Truncated { path: self.path.to_owned(), format: self.format, detail: detail.into() }
    }

    pub(crate) fn damaged(&self, detail: impl Into<String>) -> PictureError {
        PictureError::Damaged { path: self.path.to_owned(), format: self.format, detail: detail.into() }
    }

    pub(crate) fn unsupported(&self, detail: impl Into<String>) -> PictureError {
        PictureError::Unsupported { path: self.path.to_owned(), format: self.format, detail: detail.into() }
    }

    /// Refuses images without pixels and those of more than [`MAX_PIXELS`].
    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), PictureError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(self.damaged(format!("{width}×{height} pixels")));
        }
        if pixels > MAX_PIXELS {
            return Err(PictureError::TooLarge {
                path: self.path.to_owned(),
                found: format!("{width}×{height} pixels"),
                limit: format!("{MAX_PIXELS} pixels"),
            });
        }
        Ok(())
    }

    pub(crate) fn describe(&self, error: ImageError) -> PictureError {
        let text = error.to_string();
        match error {
            ImageError::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => self.truncated(text),
            ImageError::Limits(limit) if !matches!(limit.kind(), LimitErrorKind::Unsupported { .. }) => {
                PictureError::TooLarge {
                    path: self.path.to_owned(),
                    found: text,
                    limit: format!("{MAX_PIXELS} pixels, {MAX_DECODER_BYTES} bytes of memory"),
                }
            }
            ImageError::Unsupported(_) => self.unsupported(text),
            _ if mentions_early_end(&text) => self.truncated(text),
            _ => self.damaged(text),
        }
    }
}

/// Decoders report an early end in their own words, without a kind of error for it.
fn mentions_early_end(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["unexpected end", "end of file", "unexpectedeof", "unexpected eof", "fill whole buffer", "no more bytes"]
        .iter()
        .any(|phrase| text.contains(phrase))
}
