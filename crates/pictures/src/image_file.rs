//! From an image file to upright 8-bit RGB.
//!
//! The format is told from the content, never from the extension. Grey and palette images become RGB; 16-bit channels
//! are scaled to 8 bits; an alpha channel is dropped without blending, as Pillow's `convert("RGB")` does (so that data
//! prepared elsewhere gives the same pixels); CMYK JPEG is converted; the EXIF orientation is applied. Of an animation
//! or a document with several pages, the first is read.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::failure::{Failure, MAX_DECODER_BYTES};
use crate::{PictureError, jpeg};

/// Most bytes an image file may have; far above the size of any image of [`MAX_PIXELS`](crate::MAX_PIXELS) met in
/// practice.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// Extensions of the readable formats, in lower case.
const EXTENSIONS: [(&str, ImageFormat); 10] = [
    ("jpg", ImageFormat::Jpeg),
    ("jpeg", ImageFormat::Jpeg),
    ("jpe", ImageFormat::Jpeg),
    ("jfif", ImageFormat::Jpeg),
    ("png", ImageFormat::Png),
    ("bmp", ImageFormat::Bmp),
    ("webp", ImageFormat::WebP),
    ("gif", ImageFormat::Gif),
    ("tif", ImageFormat::Tiff),
    ("tiff", ImageFormat::Tiff),
];

/// The readable format that the extension of `path` stands for, upper or lower case.
pub fn format_of_extension(path: &Path) -> Option<ImageFormat> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    EXTENSIONS.iter().find(|(known, _)| *known == extension).map(|(_, format)| *format)
}

/// The readable format that `bytes` begin like.
pub fn format_of_content(bytes: &[u8]) -> Option<ImageFormat> {
    image::guess_format(bytes).ok().filter(|format| EXTENSIONS.iter().any(|(_, known)| known == format))
}

/// The usual name of a readable format: "JPEG".
pub fn format_name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::Bmp => "BMP",
        ImageFormat::WebP => "WebP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Tiff => "TIFF",
        _ => "image",
    }
}

/// Reads and decodes the image file at `path`.
///
/// # Errors
///
/// Those of [`read_bytes`] and [`decode`].
pub fn read(path: &Path) -> Result<RgbImage, PictureError> {
    decode(&read_bytes(path)?, path)
}

/// Width and height in pixels of the image file at `path`, upright, as [`read`] gives it; only its header is read.
///
/// # Errors
///
/// A missing or unreadable file, [`PictureError::NotAnImage`], or a header that cannot be read. An image with a good
/// header may still be damaged.
pub fn dimensions(path: &Path) -> Result<(u32, u32), PictureError> {
    /// Bytes that tell the format.
    const START: usize = 64;
    let unreadable = |source| PictureError::from_io(path, source);
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut start = Vec::with_capacity(START);
    (&mut file).take(START as u64).read_to_end(&mut start).map_err(unreadable)?;
    let Some(format) = format_of_content(&start) else {
        return Err(PictureError::NotAnImage { path: path.to_owned(), found: describe_content(&start) });
    };
    file.rewind().map_err(unreadable)?;
    let failure = Failure { path, format: format_name(format) };
    let ((width, height), orientation) = match format {
        ImageFormat::Jpeg => jpeg::dimensions(file, &failure)?,
        _ => {
            let mut decoder =
                ImageReader::with_format(file, format).into_decoder().map_err(|error| failure.describe(error))?;
            (decoder.dimensions(), decoder.orientation().unwrap_or(Orientation::NoTransforms))
        }
    };
    failure.check_size(width, height)?;
    let turned = matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    Ok(if turned { (height, width) } else { (width, height) })
}

/// Reads the bytes of an image file.
///
/// # Errors
///
/// [`PictureError::Missing`], [`PictureError::Unreadable`], [`PictureError::NotAFile`] for a folder, or
/// [`PictureError::TooLarge`] past [`MAX_FILE_BYTES`].
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, PictureError> {
    let metadata = std::fs::metadata(path).map_err(|source| PictureError::from_io(path, source))?;
    if !metadata.is_file() {
        return Err(PictureError::NotAFile { path: path.to_owned() });
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(PictureError::TooLarge {
            path: path.to_owned(),
            found: format!("{} bytes", metadata.len()),
            limit: format!("{MAX_FILE_BYTES} bytes"),
        });
    }
    std::fs::read(path).map_err(|source| PictureError::from_io(path, source))
}

/// Decodes `bytes`; `path` is for messages only.
///
/// # Errors
///
/// [`PictureError::NotAnImage`], [`PictureError::Truncated`], [`PictureError::Damaged`],
/// [`PictureError::Unsupported`] or [`PictureError::TooLarge`]. A file that ends early is always an error, never a
/// half-grey image.
pub fn decode(bytes: &[u8], path: &Path) -> Result<RgbImage, PictureError> {
    Ok(decode_native(bytes, path)?.into_rgb8())
}

/// As [`decode`], with the channels and bits of the file.
pub(crate) fn decode_native(bytes: &[u8], path: &Path) -> Result<DynamicImage, PictureError> {
    let Some(format) = format_of_content(bytes) else {
        return Err(PictureError::NotAnImage { path: path.to_owned(), found: describe_content(bytes) });
    };
    let failure = Failure { path, format: format_name(format) };
    check_riff_length(bytes, format, &failure)?;
    let (mut decoded, orientation) = match format {
        ImageFormat::Jpeg => jpeg::decode(bytes, &failure)?,
        _ => decode_other(bytes, format, &failure)?,
    };
    decoded.apply_orientation(orientation);
    Ok(decoded)
}

/// Refuses a WebP file shorter than it says. Its decoder reads zeros past the end of lossy data.
fn check_riff_length(bytes: &[u8], format: ImageFormat, failure: &Failure) -> Result<(), PictureError> {
    /// "RIFF" and the length of what follows, little-endian (WebP container specification, "RIFF File Format").
    const HEADER: usize = 8;
    if let (ImageFormat::WebP, Some(&[a, b, c, d])) = (format, bytes.get(4..HEADER)) {
        let stated = u32::from_le_bytes([a, b, c, d]) as usize + HEADER;
        if bytes.len() < stated {
            return Err(failure.truncated(format!("{} bytes of {stated}", bytes.len())));
        }
    }
    Ok(())
}

fn decode_other(
    bytes: &[u8],
    format: ImageFormat,
    failure: &Failure,
) -> Result<(DynamicImage, Orientation), PictureError> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| failure.describe(error))?;
    let (width, height) = decoder.dimensions();
    failure.check_size(width, height)?;
    // Damaged metadata do not make the pixels unusable; without them the image is taken as upright.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let decoded = DynamicImage::from_decoder(decoder).map_err(|error| failure.describe(error))?;
    Ok((decoded, orientation))
}

/// A few words on bytes that are no image: "starts with `hello`: looks like text".
fn describe_content(bytes: &[u8]) -> String {
    /// Bytes shown.
    const SHOWN: usize = 16;
    let start = &bytes[..bytes.len().min(SHOWN)];
    if bytes.is_empty() {
        return "the file is empty".to_owned();
    }
    if bytes.iter().all(|&byte| byte == 0) {
        return format!("{} zero bytes", bytes.len());
    }
    if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        let text = String::from_utf8_lossy(start);
        let kind = if text.trim_start().starts_with('<') { "HTML or XML" } else { "text" };
        return format!("starts with {:?}: looks like {kind}", text.trim_end());
    }
    let hexadecimal: Vec<String> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("starts with bytes {}", hexadecimal.join(" "))
}
