//! The numbers or colours of a mask file, as they are stored.
//!
//! A picture for people is converted to 8-bit RGB; a mask must not be: the palette positions of an indexed PNG, and grey
//! levels of 1, 2, 4 and 16 bits, are class numbers as they stand. Palettes of other formats are expanded to colours by
//! their decoders.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat};

use crate::DatasetError;
use crate::image_file::{self, Failure, MAX_PIXELS, format_of_content};

/// What a mask file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredMask {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) content: Content,
    /// Levels are only near to what was painted (JPEG).
    pub(crate) lossy: bool,
}

/// The pixels of a mask file, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Grey levels, from 0 to `white`. Colour files whose channels are equal everywhere count as grey.
    Grey {
        values: Vec<u16>,
        white: u16,
    },
    /// Positions in a palette.
    Indexed {
        values: Vec<u16>,
        palette: Vec<[u8; 3]>,
    },
    Colours(Vec<[u8; 3]>),
}

impl StoredMask {
    /// Reads the mask file at `path`.
    ///
    /// # Errors
    ///
    /// As [`image_file::read`].
    pub(crate) fn read(path: &Path) -> Result<Self, DatasetError> {
        Self::decode(&image_file::read_bytes(path)?, path)
    }

    /// Decodes `bytes`; `path` is for messages only.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<Self, DatasetError> {
        match format_of_content(bytes) {
            Some(ImageFormat::Png) => decode_png(bytes, path),
            format => {
                let decoded = image_file::decode_native(bytes, path)?;
                let (width, height) = (decoded.width(), decoded.height());
                let content = match decoded {
                    DynamicImage::ImageLuma8(grey) => {
                        Content::Grey { values: grey.into_raw().into_iter().map(u16::from).collect(), white: 255 }
                    }
                    DynamicImage::ImageLuma16(grey) => Content::Grey { values: grey.into_raw(), white: u16::MAX },
                    other => grey_or_colours(other.into_rgb8().as_chunks::<3>().0.to_vec()),
                };
                Ok(Self { width, height, content, lossy: format == Some(ImageFormat::Jpeg) })
            }
        }
    }

    /// Grey levels or palette positions; `None` for colours.
    pub(crate) fn values(&self) -> Option<&[u16]> {
        match &self.content {
            Content::Grey { values, .. } | Content::Indexed { values, .. } => Some(values),
            Content::Colours(_) => None,
        }
    }

    /// The colour of every pixel as a viewer shows it.
    pub(crate) fn colours(&self) -> Vec<[u8; 3]> {
        match &self.content {
            Content::Grey { values, white } => values.iter().map(|&value| [eight_bits(value, *white); 3]).collect(),
            // The decoder has checked the positions; black is what others show of one beyond the palette.
            Content::Indexed { values, palette } => {
                values.iter().map(|&value| palette.get(usize::from(value)).copied().unwrap_or_default()).collect()
            }
            Content::Colours(pixels) => pixels.clone(),
        }
    }
}

/// A level of `0..=white` as one of `0..=255`, rounded.
fn eight_bits(value: u16, white: u16) -> u8 {
    let white = u32::from(white.max(1));
    ((u32::from(value) * 255 + white / 2) / white).min(255) as u8
}

fn grey_or_colours(pixels: Vec<[u8; 3]>) -> Content {
    if pixels.iter().all(|[red, green, blue]| red == green && green == blue) {
        return Content::Grey { values: pixels.iter().map(|pixel| u16::from(pixel[0])).collect(), white: 255 };
    }
    Content::Colours(pixels)
}

fn decode_png(bytes: &[u8], path: &Path) -> Result<StoredMask, DatasetError> {
    let failure = Failure { path, format: "PNG" };
    let describe = |error: png::DecodingError| match error {
        png::DecodingError::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            failure.truncated(source.to_string())
        }
        png::DecodingError::LimitsExceeded => DatasetError::TooLarge {
            path: path.to_owned(),
            found: "more memory than allowed".to_owned(),
            limit: format!("{MAX_PIXELS} pixels"),
        },
        other => failure.damaged(other.to_string()),
    };
    // Eight bytes a pixel are four channels of 16 bits.
    let limits = png::Limits { bytes: (MAX_PIXELS * 8) as usize };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(describe)?;
    let info = reader.info();
    let (width, height, colour, depth) = (info.width, info.height, info.color_type, info.bit_depth);
    failure.check_size(width, height)?;
    let palette: Vec<[u8; 3]> =
        info.palette.as_ref().map(|bytes| bytes.as_chunks::<3>().0.to_vec()).unwrap_or_default();
    let size = reader.output_buffer_size().ok_or_else(|| failure.damaged(format!("{width}×{height} pixels")))?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(describe)?;
    let samples = samples(&buffer[..frame.buffer_size()], frame.line_size, width as usize * colour.samples(), depth);
    let white = ((1u32 << depth as u32) - 1) as u16;
    let content = match colour {
        png::ColorType::Grayscale => Content::Grey { values: samples, white },
        png::ColorType::GrayscaleAlpha => {
            Content::Grey { values: samples.into_iter().step_by(colour.samples()).collect(), white }
        }
        png::ColorType::Indexed => {
            if let Some(place) = samples.iter().position(|&value| usize::from(value) >= palette.len()) {
                let (x, y) = (place % width as usize, place / width as usize);
                let found = samples[place];
                return Err(
                    failure.damaged(format!("pixel ({x}, {y}) is colour {found} of a palette of {}", palette.len()))
                );
            }
            Content::Indexed { values: samples, palette }
        }
        png::ColorType::Rgb | png::ColorType::Rgba => {
            let pixels = samples.chunks_exact(colour.samples());
            grey_or_colours(pixels.map(|pixel| [0, 1, 2].map(|channel| eight_bits(pixel[channel], white))).collect())
        }
    };
    Ok(StoredMask { width, height, content, lossy: false })
}

/// Samples of `depth` bits, `count` a row, from rows of `line` bytes.
fn samples(bytes: &[u8], line: usize, count: usize, depth: png::BitDepth) -> Vec<u16> {
    let bits = depth as usize;
    let mut samples = Vec::with_capacity(bytes.len() / line.max(1) * count);
    for row in bytes.chunks_exact(line) {
        match depth {
            png::BitDepth::Sixteen => {
                samples.extend(row.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)));
            }
            png::BitDepth::Eight => samples.extend(row.iter().copied().map(u16::from)),
            _ => samples.extend((0..count).map(|index| {
                // The first sample of a byte lies in its highest bits.
                let (byte, inside) = (index * bits / 8, index * bits % 8);
                u16::from(row[byte] >> (8 - bits - inside)) & ((1 << bits) - 1)
            })),
        }
    }
    samples
}
