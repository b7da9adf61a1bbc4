//! Masks written as PNG files.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use vision_types::Mask;

use crate::PictureError;

/// The palette of Pascal VOC's masks, by class number: bits 0, 3 and 6 of the number are the highest bits of red, bits
/// 1, 4 and 7 those of green, bits 2 and 5 those of blue (`VOClabelcolormap.m` of the development kit). Class 0 is
/// black, 255 a light grey-white.
pub const PASCAL_PALETTE: [[u8; 3]; 256] = pascal_palette();

const fn pascal_palette() -> [[u8; 3]; 256] {
    let mut palette = [[0u8; 3]; 256];
    let mut class = 0;
    while class < 256 {
        let mut bits = class;
        let mut level = 0;
        while level < 8 {
            let mut channel = 0;
            while channel < 3 {
                palette[class][channel] |= ((bits >> channel & 1) as u8) << (7 - level);
                channel += 1;
            }
            bits >>= 3;
            level += 1;
        }
        class += 1;
    }
    palette
}

/// Writes `mask` as a PNG whose palette positions are the class numbers, with [`PASCAL_PALETTE`]. The file is written
/// under another name in the same folder and renamed, so that one with its name is never half written.
///
/// # Errors
///
/// [`PictureError::Unwritable`], and [`PictureError::NoPixels`] for a mask without pixels, which PNG cannot hold.
pub fn write_mask_png(path: &Path, mask: &Mask) -> Result<(), PictureError> {
    if mask.pixels().is_empty() {
        return Err(PictureError::NoPixels { path: path.to_owned(), width: mask.width(), height: mask.height() });
    }
    let unwritable = |source| PictureError::Unwritable { path: path.to_owned(), source };
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = write_png(&temporary, mask).and_then(|()| fs::rename(&temporary, path));
    written.inspect_err(|_| drop(fs::remove_file(&temporary))).map_err(unwritable)
}

fn write_png(path: &Path, mask: &Mask) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(&mut file, mask.width(), mask.height());
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(PASCAL_PALETTE.as_flattened());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(mask.pixels())?;
    writer.finish()?;
    file.flush()?;
    file.get_ref().sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StoredMask, StoredPixels};

    #[test]
    fn the_palette_is_that_of_pascal_voc() {
        // Background, aeroplane, bicycle, person, potted plant, tv monitor and void of the published images.
        let published = [
            (0, [0, 0, 0]),
            (1, [128, 0, 0]),
            (2, [0, 128, 0]),
            (15, [192, 128, 128]),
            (16, [0, 64, 0]),
            (20, [0, 64, 128]),
            (255, [224, 224, 192]),
        ];
        for (class, colour) in published {
            assert_eq!(PASCAL_PALETTE[class], colour, "class {class}");
        }
    }

    #[test]
    fn a_written_mask_is_read_back_as_its_class_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        let pixels: Vec<u8> = (0..=255).chain([7, 255, 0, 1]).collect();
        let mask = Mask::from_pixels(26, 10, pixels.clone()).unwrap();
        write_mask_png(&path, &mask).unwrap();
        let stored = StoredMask::read(&path).unwrap();
        assert_eq!((stored.width, stored.height), (26, 10));
        let values = pixels.iter().copied().map(u16::from).collect();
        assert_eq!(stored.content, StoredPixels::Indexed { values, palette: PASCAL_PALETTE.to_vec() });
        // Nothing else is left in the folder.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = write_mask_png(&folder.path().join("none/mask.png"), &mask).unwrap_err();
        assert!(matches!(error, PictureError::Unwritable { .. }), "{error}");
        assert!(matches!(write_mask_png(&path, &Mask::filled(0, 3, 0)), Err(PictureError::NoPixels { .. })));
    }
}
