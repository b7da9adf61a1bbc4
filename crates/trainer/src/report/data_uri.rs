//! Pictures as text inside the page.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage, RgbaImage, imageops};

/// Pictures up to this side are stored without loss: every pixel is seen.
const LOSSLESS_SIDE: u32 = 64;
/// JPEG quality of larger ones: past this, size grows faster than likeness.
const JPEG_QUALITY: u8 = 85;

/// A picture as a data URI, its longest side at most `longest` pixels; `None` for one without pixels.
pub(super) fn rgb_data_uri(image: &RgbImage, longest: u32) -> Option<String> {
    let (width, height) = image.dimensions();
    if width == 0 || height == 0 {
        return None;
    }
    if width.max(height) <= LOSSLESS_SIDE {
        let mut bytes = Vec::new();
        let encoder = PngEncoder::new(&mut bytes);
        encoder.write_image(image.as_raw(), width, height, ExtendedColorType::Rgb8).ok()?;
        return Some(format!("data:image/png;base64,{}", base64(&bytes)));
    }
    let scale = f64::from(longest) / f64::from(width.max(height));
    let smaller = (scale < 1.0).then(|| {
        let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        imageops::thumbnail(image, side(width), side(height))
    });
    let image = smaller.as_ref().unwrap_or(image);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    encoder.encode(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8).ok()?;
    Some(format!("data:image/jpeg;base64,{}", base64(&bytes)))
}

/// A picture with transparency as a data URI, every pixel kept; `None` for one without pixels.
pub(super) fn rgba_data_uri(image: &RgbaImage) -> Option<String> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    encoder.write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgba8).ok()?;
    Some(format!("data:image/png;base64,{}", base64(&bytes)))
}

/// Base 64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for sextet in 0..4 {
            let filled = sextet <= chunk.len();
            let letter = ALPHABET[(group >> (18 - 6 * sextet) & 63) as usize];
            text.push(if filled { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_equals_the_test_vectors_of_rfc_4648() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn small_pictures_are_png_large_ones_jpeg_and_empty_ones_nothing() {
        let start = |width, height| rgb_data_uri(&RgbImage::new(width, height), 288).map(|uri| uri[..23].to_owned());
        assert_eq!(start(32, 32).as_deref(), Some("data:image/png;base64,i"));
        assert_eq!(start(2000, 1).as_deref(), Some("data:image/jpeg;base64,"));
        assert_eq!(start(0, 5), None);
    }
}
