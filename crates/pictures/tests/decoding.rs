//! Every kind of image file gives the pixels that Pillow reads (`fixtures/make_decoding.py`), and none is read in part.

use std::fs;
use std::path::{Path, PathBuf};

use pictures::{PictureError, image_file};
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/decoding").join(name)
}

fn largest_difference(name: &str) -> u8 {
    let image = image_file::read(&fixture(name)).unwrap();
    let expected = fs::read(fixture(&format!("{name}.rgb"))).unwrap();
    assert_eq!(image.as_raw().len(), expected.len(), "{name}");
    image.as_raw().iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn lossless_formats_are_exact() {
    for name in [
        "rgb.png",
        "rgb.bmp",
        "rgb.tiff",
        "lzw.tiff",
        "lossless.webp",
        "animation.gif",
        "pages.tiff",
        "grey.png",
        "one-bit.png",
        "palette.png",
        "alpha.png",
        "grey-alpha.png",
        "grey16.png",
        "rgb16.png",
        "orientation-6.png",
    ] {
        assert_eq!(largest_difference(name), 0, "{name}");
    }
}

/// Sequential JPEG: transform, interpolated colour and conversion round as libjpeg's.
#[test]
fn ordinary_jpeg_files_are_exact() {
    for name in [
        "baseline.jpg",
        "restart.jpg",
        "grey.jpg",
        "subsampling-444.jpg",
        "subsampling-422.jpg",
        "subsampling-420.jpg",
        "subsampling-440.jpg",
        "subsampling-411.jpg",
        "subsampling-by-4-down.jpg",
        "tiny.jpg",
        "narrow.jpg",
        "extreme.jpg",
        "rgb.jpg",
    ] {
        assert_eq!(largest_difference(name), 0, "{name}");
    }
}

#[test]
fn lossy_formats_agree_to_the_rounding_of_their_transforms() {
    /// Decoders may round the inverse transform, the colours and the interpolated chroma differently.
    const ROUNDING: u8 = 3;
    for name in ["progressive.jpg", "cmyk.jpg", "lossy.webp"] {
        let difference = largest_difference(name);
        assert!(difference <= ROUNDING, "{name}: {difference}");
    }
}

#[test]
fn all_eight_orientations_are_turned_upright() {
    for orientation in 1..=8 {
        let name = format!("orientation-{orientation}.jpg");
        let size = image_file::read(&fixture(&name)).unwrap().dimensions();
        // EXIF 2.3, table 6: from 5 on rows and columns change places.
        assert_eq!(size, if orientation < 5 { (16, 12) } else { (12, 16) }, "{name}");
        assert_eq!(largest_difference(&name), 0, "{name}");
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    // The last four bytes of a PNG are the checksum of an empty chunk, without which every pixel is still there.
    for (name, idle) in [
        ("baseline.jpg", 0),
        ("progressive.jpg", 0),
        ("restart.jpg", 0),
        ("cmyk.jpg", 0),
        ("grey.jpg", 0),
        ("subsampling-420.jpg", 0),
        ("rgb.png", 4),
        ("rgb.bmp", 0),
        ("lossy.webp", 0),
        ("lossless.webp", 0),
        ("rgb.tiff", 0),
    ] {
        let bytes = fs::read(fixture(name)).unwrap();
        for cut in 0..bytes.len() - idle {
            match image_file::decode(&bytes[..cut], Path::new(name)) {
                Err(PictureError::NotAnImage { .. }) => assert!(cut < 16, "{name} cut to {cut}"),
                Err(PictureError::Truncated { .. } | PictureError::Damaged { .. }) => {}
                other => panic!("{name} cut to {cut} of {} bytes: {other:?}", bytes.len()),
            }
        }
    }
}

#[test]
fn stray_bytes_between_segments_do_no_harm() {
    let mut bytes = fs::read(fixture("baseline.jpg")).unwrap();
    let expected = image_file::decode(&bytes, Path::new("a.jpg")).unwrap();
    let tables = bytes.windows(2).position(|marker| marker == [0xFF, 0xDB]).unwrap();
    bytes.splice(tables..tables, [1, 2, 3, 4, 5, 6]);
    assert_eq!(image_file::decode(&bytes, Path::new("a.jpg")).unwrap(), expected);
}

#[test]
fn what_is_no_image_is_described() {
    let message = |bytes: &[u8]| image_file::decode(bytes, Path::new("x.png")).unwrap_err().to_string();
    assert_eq!(
        message(b"label,name\n1,cat\n"),
        "x.png: not an image (starts with \"label,name\\n1,cat\": looks like text); \
         expected JPEG, PNG, BMP, WebP, GIF or TIFF"
    );
    assert!(message(b"<!DOCTYPE html><html>").contains("looks like HTML or XML"));
    assert!(message(b"").contains("the file is empty"));
    assert!(message(&[0; 100]).contains("100 zero bytes"));
    assert!(message(&[0xCA, 0xFE, 0xBA, 0xBE]).contains("starts with bytes ca fe ba be"));
}

#[test]
fn a_decompression_bomb_is_refused_before_it_is_unpacked() {
    // The header of a PNG of 50,000 × 50,000 pixels; its checksum is the CRC-32 of the chunk.
    let mut png = fs::read(fixture("rgb.png")).unwrap();
    let header = *b"IHDR\0\0\xC3\x50\0\0\xC3\x50\x08\x02\0\0\0";
    png[12..29].copy_from_slice(&header);
    let mut crc = flate2::Crc::new();
    crc.update(&header);
    png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let error = image_file::decode(&png, Path::new("bomb.png")).unwrap_err();
    assert!(matches!(error, PictureError::TooLarge { .. }), "{error}");
}

#[test]
fn missing_files_and_folders_are_named() {
    let error = image_file::read(&fixture("baselin.jpg")).unwrap_err().to_string();
    assert!(error.ends_with("baselin.jpg: no such file or folder; did you mean `baseline.jpg`?"), "{error}");
    let error = image_file::read(&fixture("")).unwrap_err().to_string();
    assert!(error.contains("expected an image file, found a folder"), "{error}");
}

/// What decoding has to survive: bytes of a valid file changed, cut away, doubled or put in.
fn damaged(name: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let bytes = fs::read(fixture(name)).unwrap();
    let length = bytes.len();
    let changes = prop::collection::vec((0..length, any::<u8>()), 0..6);
    (changes, 0..length, 0..40usize, 0..3u8).prop_map(move |(changes, start, count, kind)| {
        let mut bytes = bytes.clone();
        for (position, byte) in changes {
            bytes[position] = byte;
        }
        let piece = start..(start + count).min(length);
        match kind {
            0 => drop(bytes.drain(piece)),
            1 => drop(bytes.splice(start..start, bytes[piece].to_vec())),
            _ => {}
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// An error or a picture, never a panic; and a picture where the file says nothing else of its size.
    #[test]
    fn a_damaged_jpeg_is_an_error_or_a_picture(
        bytes in prop_oneof![
            damaged("baseline.jpg"), damaged("restart.jpg"), damaged("grey.jpg"), damaged("subsampling-420.jpg"),
            damaged("subsampling-411.jpg"), damaged("subsampling-440.jpg"), damaged("narrow.jpg"), damaged("tiny.jpg"),
            damaged("progressive.jpg"), damaged("cmyk.jpg"),
        ]
    ) {
        if let Ok(image) = image_file::decode(&bytes, Path::new("damaged.jpg")) {
            let pixels = image.width() as usize * image.height() as usize;
            prop_assert!(pixels > 0 && image.as_raw().len() == 3 * pixels);
        }
    }
}
