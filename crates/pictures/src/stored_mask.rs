//! The numbers or colours of a mask file, as they are stored.
//!
//! A picture for people is converted to 8-bit RGB; a mask must not be: the palette positions of an indexed PNG, and
//! grey levels of 1, 2, 4 and 16 bits, are class numbers as they stand. Palettes of other formats are expanded to
//! colours by their decoders.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat};

use crate::PictureError;
use crate::failure::{Failure, MAX_DECODER_BYTES, MAX_PIXELS};
use crate::image_file::{self, format_of_content};

/// What a mask file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMask {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The pixels.
    pub content: StoredPixels,
    /// Levels are only near to what was painted (JPEG).
    pub lossy: bool,
}

/// The pixels of a mask file, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredPixels {
    /// Grey levels, from 0 to `white`. Colour files whose channels are equal everywhere count as grey.
    Grey {
        /// The levels.
        values: Vec<u16>,
        /// The level of white.
        white: u16,
    },
    /// Positions in a palette.
    Indexed {
        /// The positions, all of them in the palette.
        values: Vec<u16>,
        /// The colours.
        palette: Vec<[u8; 3]>,
    },
    /// Red, green and blue.
    Colours(Vec<[u8; 3]>),
}

impl StoredMask {
    /// Reads the mask file at `path`.
    ///
    /// # Errors
    ///
    /// As [`image_file::read`].
    pub fn read(path: &Path) -> Result<Self, PictureError> {
        Self::decode(&image_file::read_bytes(path)?, path)
    }

    /// Decodes `bytes`; `path` is for messages only.
    ///
    /// # Errors
    ///
    /// As [`image_file::decode`].
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self, PictureError> {
        match format_of_content(bytes) {
            Some(ImageFormat::Png) => decode_png(bytes, path),
            format => {
                let decoded = image_file::decode_native(bytes, path)?;
                let (width, height) = (decoded.width(), decoded.height());
                let content = match decoded {
                    DynamicImage::ImageLuma8(grey) => {
                        StoredPixels::Grey { values: grey.into_raw().into_iter().map(u16::from).collect(), white: 255 }
                    }
                    DynamicImage::ImageLuma16(grey) => StoredPixels::Grey { values: grey.into_raw(), white: u16::MAX },
                    other => grey_or_colours(other.into_rgb8().as_chunks::<3>().0.to_vec()),
                };
                Ok(Self { width, height, content, lossy: format == Some(ImageFormat::Jpeg) })
            }
        }
    }

    /// Grey levels or palette positions; `None` for colours.
    pub fn values(&self) -> Option<&[u16]> {
        match &self.content {
            StoredPixels::Grey { values, .. } | StoredPixels::Indexed { values, .. } => Some(values),
            StoredPixels::Colours(_) => None,
        }
    }

    /// The colour of every pixel as a viewer shows it.
    pub fn colours(&self) -> Vec<[u8; 3]> {
        match &self.content {
            StoredPixels::Grey { values, white } => {
                values.iter().map(|&value| [eight_bits(value, *white); 3]).collect()
            }
            // The decoder has checked the positions; black is what others show of one beyond the palette.
            StoredPixels::Indexed { values, palette } => {
                values.iter().map(|&value| palette.get(usize::from(value)).copied().unwrap_or_default()).collect()
            }
            StoredPixels::Colours(pixels) => pixels.clone(),
        }
    }
}

/// A level of `0..=white` as one of `0..=255`, rounded.
fn eight_bits(value: u16, white: u16) -> u8 {
    let white = u32::from(white.max(1));
    ((u32::from(value) * 255 + white / 2) / white).min(255) as u8
}

fn grey_or_colours(pixels: Vec<[u8; 3]>) -> StoredPixels {
    if pixels.iter().all(|[red, green, blue]| red == green && green == blue) {
        return StoredPixels::Grey { values: pixels.iter().map(|pixel| u16::from(pixel[0])).collect(), white: 255 };
    }
    StoredPixels::Colours(pixels)
}

fn decode_png(bytes: &[u8], path: &Path) -> Result<StoredMask, PictureError> {
    let failure = Failure { path, format: "PNG" };
    let describe = |error: png::DecodingError| match error {
        png::DecodingError::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            failure.truncated(source.to_string())
        }
        png::DecodingError::LimitsExceeded => PictureError::TooLarge {
            path: path.to_owned(),
            found: "more memory than allowed".to_owned(),
            limit: format!("{MAX_PIXELS} pixels"),
        },
        other => failure.damaged(other.to_string()),
    };
    let limits = png::Limits { bytes: MAX_DECODER_BYTES as usize };
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
        png::ColorType::Grayscale => StoredPixels::Grey { values: samples, white },
        png::ColorType::GrayscaleAlpha => {
            StoredPixels::Grey { values: samples.into_iter().step_by(colour.samples()).collect(), white }
        }
        png::ColorType::Indexed => {
            if let Some(place) = samples.iter().position(|&value| usize::from(value) >= palette.len()) {
                let (x, y) = (place % width as usize, place / width as usize);
                let found = samples[place];
                return Err(
                    failure.damaged(format!("pixel ({x}, {y}) is colour {found} of a palette of {}", palette.len()))
                );
            }
            StoredPixels::Indexed { values: samples, palette }
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A file that `tests/fixtures/make_masks.py` made.
    fn stored(name: &str) -> StoredMask {
        StoredMask::read(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/masks").join(name)).unwrap()
    }

    /// (7 x + 3 y) modulo `modulus`, in 5 rows of 13.
    fn values(modulus: u16) -> Vec<u16> {
        (0..5).flat_map(|y| (0..13).map(move |x| (7 * x + 3 * y) % modulus)).collect()
    }

    #[test]
    fn grey_levels_of_every_depth_are_read_as_they_stand() {
        for (name, modulus, scale, white) in [
            ("grey1.png", 2, 1, 1),
            ("grey2.png", 4, 1, 3),
            ("grey4.png", 16, 1, 15),
            ("grey8.png", 251, 1, 255),
            ("grey16.png", 40_000, 600, 65_535),
            ("grey-alpha.png", 9, 1, 255),
            ("grey-in-rgb.png", 9, 1, 255),
            ("grey.bmp", 251, 1, 255),
            ("grey16.tiff", 251, 160, 65_535),
        ] {
            let stored = stored(name);
            assert_eq!((stored.width, stored.height, stored.lossy), (13, 5, false), "{name}");
            let values = values(modulus).into_iter().map(|value| value * scale).collect();
            assert_eq!(stored.content, StoredPixels::Grey { values, white }, "{name}");
        }
    }

    #[test]
    fn palettes_give_positions_not_brightness() {
        for (name, modulus) in [("palette1.png", 2), ("palette2.png", 4), ("palette4.png", 16), ("palette8.png", 200)] {
            let stored = stored(name);
            assert_eq!(stored.values(), Some(values(modulus).as_slice()), "{name}");
            // The palette runs from white to black, rounded down.
            let level =
                |value: u16| ((u32::from(modulus) - 1 - u32::from(value)) * 255 / (u32::from(modulus) - 1)) as u8;
            let colours: Vec<[u8; 3]> = values(modulus).into_iter().map(|value| [level(value); 3]).collect();
            assert_eq!(stored.colours(), colours, "{name}");
        }
    }

    #[test]
    fn colours_are_read_without_alpha_and_in_eight_bits() {
        const TABLE: [[u8; 3]; 4] = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [224, 224, 192]];
        let expected: Vec<[u8; 3]> = values(4).into_iter().map(|value| TABLE[usize::from(value)]).collect();
        for name in ["colours.png", "colours-alpha.png", "colours16.png"] {
            let stored = stored(name);
            assert_eq!(stored.content, StoredPixels::Colours(expected.clone()), "{name}");
            assert_eq!(stored.values(), None);
        }
    }

    #[test]
    fn grey_levels_as_colours_reach_white_at_every_depth() {
        let black_and_white: Vec<[u8; 3]> = values(2).into_iter().map(|value| [value as u8 * 255; 3]).collect();
        assert_eq!(stored("grey1.png").colours(), black_and_white);
        // Of 16 levels each is 17 of 256.
        let grey: Vec<[u8; 3]> = values(16).into_iter().map(|value| [value as u8 * 17; 3]).collect();
        assert_eq!(stored("grey4.png").colours(), grey);
    }

    #[test]
    fn jpeg_is_known_to_waver() {
        let stored = stored("binary.jpg");
        assert!(stored.lossy);
        let values = stored.values().expect("a grey JPEG");
        assert!(values.iter().any(|&value| value != 0 && value != 255), "compression changes some level");
    }

    #[test]
    fn damage_is_named() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/masks/palette8.png");
        let bytes = std::fs::read(&path).unwrap();
        for end in [9, 40, 200, bytes.len() - 30] {
            let error = StoredMask::decode(&bytes[..end], &path).unwrap_err();
            assert!(matches!(error, PictureError::Truncated { .. } | PictureError::Damaged { .. }), "{end}: {error}");
        }
        assert!(matches!(StoredMask::decode(b"hello", &path), Err(PictureError::NotAnImage { .. })));
        // A palette cut to three colours, of a file whose pixels name 97.
        let palette = bytes.windows(4).position(|window| window == b"PLTE").unwrap();
        let mut short = bytes[..palette - 4].to_vec();
        short.extend(9u32.to_be_bytes());
        short.extend(b"PLTE");
        short.extend([0; 9]);
        let mut crc = flate2::Crc::new();
        crc.update(b"PLTE");
        crc.update(&[0; 9]);
        short.extend(crc.sum().to_be_bytes());
        short.extend(&bytes[palette + 4 + 600 + 4..]);
        let error = StoredMask::decode(&short, &path).unwrap_err().to_string();
        assert!(error.ends_with("damaged PNG: pixel (1, 0) is colour 7 of a palette of 3"), "{error}");
    }
}
