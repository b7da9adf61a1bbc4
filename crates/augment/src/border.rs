//! What lies beyond the edge of an image.

use serde::{Deserialize, Serialize};

/// How the plane continues beyond the edge of an image `abcd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FillMode {
    /// `kkkk|abcd|kkkk`: one colour.
    #[default]
    Constant,
    /// `dcb|abcd|cba`: mirrored about the edge pixel, which is not repeated (`reflect` of NumPy and of torchvision's
    /// padding, `BORDER_REFLECT_101` of OpenCV).
    Reflect,
    /// `dcba|abcd|dcba`: mirrored with the edge pixel repeated (`symmetric` of NumPy and torchvision; what Keras and
    /// SciPy call `reflect`).
    Symmetric,
    /// `aaaa|abcd|dddd`: the edge pixel goes on (`nearest` of Keras, `edge` of NumPy and torchvision).
    #[serde(alias = "edge")]
    Nearest,
    /// `abcd|abcd|abcd`: the image repeats.
    Wrap,
}

/// A fill mode with the colour that [`FillMode::Constant`] uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Border {
    /// How the plane continues.
    pub mode: FillMode,
    /// Colour of [`FillMode::Constant`], red, green and blue.
    pub fill: [u8; 3],
}

impl Border {
    /// A border of one colour.
    pub const fn constant(fill: [u8; 3]) -> Self {
        Self { mode: FillMode::Constant, fill }
    }
}

impl FillMode {
    /// The pixel of `0..length` shown at `index` of the continued line; `None` where the fill colour is shown.
    ///
    /// `length` is at least 1.
    pub(crate) fn source(self, index: i64, length: u32) -> Option<usize> {
        let length = i64::from(length);
        if (0..length).contains(&index) {
            return Some(index as usize);
        }
        let source = match self {
            Self::Constant => return None,
            Self::Nearest => index.clamp(0, length - 1),
            Self::Wrap => index.rem_euclid(length),
            Self::Symmetric => {
                let folded = index.rem_euclid(2 * length);
                folded.min(2 * length - 1 - folded)
            }
            Self::Reflect if length == 1 => 0,
            Self::Reflect => {
                let period = 2 * (length - 1);
                let folded = index.rem_euclid(period);
                folded.min(period - folded)
            }
        };
        Some(source as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_continues_the_line_as_its_picture_shows() {
        let line = |mode: FillMode| -> String {
            (-6..10).map(|i| mode.source(i, 4).map_or('k', |source| char::from(b"abcd"[source]))).collect()
        };
        assert_eq!(line(FillMode::Constant), "kkkkkkabcdkkkkkk");
        assert_eq!(line(FillMode::Nearest), "aaaaaaabcddddddd");
        assert_eq!(line(FillMode::Wrap), "cdabcdabcdabcdab");
        assert_eq!(line(FillMode::Symmetric), "cddcbaabcddcbaab");
        assert_eq!(line(FillMode::Reflect), "abcdcbabcdcbabcd");
    }

    #[test]
    fn a_single_pixel_continues_as_itself() {
        for mode in [FillMode::Reflect, FillMode::Symmetric, FillMode::Nearest, FillMode::Wrap] {
            assert!((-9..9).all(|index| mode.source(index, 1) == Some(0)));
        }
    }
}
