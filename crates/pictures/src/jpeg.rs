//! Strict JPEG decoding, to the pixels that libjpeg gives.
//!
//! JPEG decoders fill what is missing from a cut file with grey and carry on. For training that is poison, so a file
//! must hold everything up to its end-of-image marker and decode without a single error. (Bytes missing from the middle
//! of a file that ends properly are noticed only where what follows makes no sense.)

mod baseline;
mod colour;
mod huffman;
mod plane;
mod segments;
mod transform;

use std::io::{BufRead, Seek};

use image::DynamicImage;
use image::metadata::Orientation;
use image::{GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::PictureError;
use crate::failure::Failure;
use baseline::Planes;
use segments::Colours;

/// Decodes a JPEG file and says how it has to be turned.
pub(crate) fn decode(bytes: &[u8], failure: &Failure) -> Result<(DynamicImage, Orientation), PictureError> {
    let layout = scan_layout(bytes);
    if layout.end == End::Missing {
        return Err(failure.truncated(format!("no end-of-image marker in {} bytes", bytes.len())));
    }
    match decode_with(bytes, true, failure) {
        // Strict mode also refuses stray bytes between segments, which every other program skips.
        Err(PictureError::Damaged { .. } | PictureError::Truncated { .. }) if layout.stray_bytes => {
            decode_with(bytes, false, failure)
        }
        result => result,
    }
}

fn decode_with(bytes: &[u8], strict: bool, failure: &Failure) -> Result<(DynamicImage, Orientation), PictureError> {
    /// The largest width and height that the format can state.
    const MAX_SIDE: usize = u16::MAX as usize;
    let options = DecoderOptions::default().set_strict_mode(strict).set_max_width(MAX_SIDE).set_max_height(MAX_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| refuse(error, failure))?;
    let (Some((width, height)), Some(stored)) = (decoder.dimensions(), decoder.input_colorspace()) else {
        return Err(failure.damaged("the header states no size"));
    };
    let (width, height) = (width as u32, height as u32);
    failure.check_size(width, height)?;

    let orientation =
        decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif)).unwrap_or(Orientation::NoTransforms);
    if let Some(image) = exact(bytes, [width, height]) {
        return Ok((image, orientation));
    }
    let grey = stored == ColorSpace::Luma;
    let wanted = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let pixels = decoder.decode().map_err(|error| refuse(error, failure))?;
    let stored_bytes = pixels.len();
    let image = if grey {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    let image = image
        .ok_or_else(|| failure.damaged(format!("{stored_bytes} bytes of {stored:?} pixels for {width}×{height}")))?;
    Ok((image, orientation))
}

/// The pixels of an ordinary file of `[width, height]`, equal to libjpeg's (and so to Pillow's, OpenCV's and
/// torchvision's) bit for bit; `None` where the file is anything else.
fn exact(bytes: &[u8], size: [u32; 2]) -> Option<DynamicImage> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn with_avx2(bytes: &[u8], size: [u32; 2]) -> Option<DynamicImage> {
            exact_inline(bytes, size)
        }
        // SAFETY: the processor has AVX2.
        return unsafe { with_avx2(bytes, size) };
    }
    exact_inline(bytes, size)
}

/// Compiled once for each set of instructions.
#[inline(always)]
fn exact_inline(bytes: &[u8], [width, height]: [u32; 2]) -> Option<DynamicImage> {
    match baseline::planes(bytes, [width as usize, height as usize])? {
        Planes::Grey(plane) => {
            let mut pixels = Vec::with_capacity(plane.width * plane.height);
            (0..plane.height).for_each(|y| pixels.extend_from_slice(&plane.row(y)[..plane.width]));
            GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
        }
        Planes::Colour { planes, subsampling, colours } => {
            let pixels = match colours {
                Colours::Luminance => colour::rgb::<true>(&planes, subsampling),
                Colours::Rgb => colour::rgb::<false>(&planes, subsampling),
            };
            RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
        }
    }
}

/// Width and height as stored, and how the image has to be turned; only what comes before the pixels is read.
pub(crate) fn dimensions(
    file: impl BufRead + Seek,
    failure: &Failure,
) -> Result<((u32, u32), Orientation), PictureError> {
    let mut decoder = JpegDecoder::new(file);
    decoder.decode_headers().map_err(|error| refuse(error, failure))?;
    let orientation =
        decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif)).unwrap_or(Orientation::NoTransforms);
    let (width, height) = decoder.dimensions().ok_or_else(|| failure.damaged("the header states no size"))?;
    Ok(((width as u32, height as u32), orientation))
}

fn refuse(error: DecodeErrors, failure: &Failure) -> PictureError {
    match error {
        DecodeErrors::Unsupported(feature) => failure.unsupported(format!("{feature:?}")),
        DecodeErrors::ExhaustedData => failure.truncated("the data end early"),
        other => {
            let text = other.to_string();
            if text.contains("Premature end") { failure.truncated(text) } else { failure.damaged(text) }
        }
    }
}

/// Whether the end-of-image marker was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Found,
    Missing,
}

/// How the segments of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    end: End,
    /// There were bytes between segments that belong to none.
    stray_bytes: bool,
}

/// Walks over the segments (ITU-T T.81, annex B): a marker is 0xFF and a code; all but a few carry a length; entropy
/// coded data follow a start-of-scan segment, with 0xFF00 for a 0xFF in the data.
fn scan_layout(bytes: &[u8]) -> Layout {
    const END_OF_IMAGE: u8 = 0xD9;
    const START_OF_SCAN: u8 = 0xDA;
    /// Markers without a length: TEM, restart 0 to 7, start of image.
    const fn stands_alone(code: u8) -> bool {
        matches!(code, 0x01 | 0xD0..=0xD8)
    }

    let mut layout = Layout { end: End::Missing, stray_bytes: false };
    let mut position = 0;
    let mut in_scan = false;
    while position + 1 < bytes.len() {
        let (byte, code) = (bytes[position], bytes[position + 1]);
        if byte != 0xFF || code == 0x00 {
            layout.stray_bytes |= !in_scan;
            position += 1;
        } else if code == 0xFF {
            // Any number of fill bytes may precede a marker.
            position += 1;
        } else if code == END_OF_IMAGE {
            layout.end = End::Found;
            return layout;
        } else if stands_alone(code) {
            position += 2;
        } else {
            let Some(length) = bytes.get(position + 2..position + 4) else { break };
            in_scan = code == START_OF_SCAN;
            position += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
        }
    }
    layout
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start of image, an application segment of 4 bytes, a scan with a stuffed 0xFF and a restart, end of image.
    const SKELETON: [u8; 19] =
        [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0xFF, 0xD9, 0xFF, 0xDA, 0, 2, 0xFF, 0x00, 0xFF, 0xD0, 7, 0xFF, 0xD9];

    #[test]
    fn an_end_marker_inside_a_segment_is_not_the_end() {
        assert_eq!(scan_layout(&SKELETON), Layout { end: End::Found, stray_bytes: false });
        for cut in 0..SKELETON.len() {
            assert_eq!(scan_layout(&SKELETON[..cut]).end, End::Missing, "cut to {cut} bytes");
        }
    }

    #[test]
    fn bytes_between_segments_are_stray_and_fill_bytes_are_not() {
        let mut filled = SKELETON.to_vec();
        filled.insert(2, 0xFF);
        assert_eq!(scan_layout(&filled), Layout { end: End::Found, stray_bytes: false });
        let mut stray = SKELETON.to_vec();
        stray.insert(2, 0x55);
        assert_eq!(scan_layout(&stray), Layout { end: End::Found, stray_bytes: true });
    }
}
