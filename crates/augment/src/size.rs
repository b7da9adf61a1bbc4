//! Sizes of images, as data and as settings.

use std::fmt;

use image::RgbImage;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageSize {
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
}

/// The longest side that a setting may ask for: keeps a slip of the keyboard from asking for all memory.
pub(crate) const MAX_SIDE: u32 = 16_384;

impl ImageSize {
    /// A size of `width` columns and `height` rows.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// The size of `image`.
    pub fn of(image: &RgbImage) -> Self {
        Self::new(image.width(), image.height())
    }

    /// Number of pixels.
    pub fn area(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether both sides are between 1 and [`MAX_SIDE`].
    pub(crate) fn is_allowed(self) -> bool {
        (1..=MAX_SIDE).contains(&self.width) && (1..=MAX_SIDE).contains(&self.height)
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}

/// Written as `[width, height]`, or as one number for a square.
impl Serialize for ImageSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.width == self.height {
            serializer.serialize_u32(self.width)
        } else {
            [self.width, self.height].serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ImageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SizeVisitor;

        impl<'de> Visitor<'de> for SizeVisitor {
            type Value = ImageSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a side in pixels (for a square) or [width, height]")
            }

            fn visit_u64<E: de::Error>(self, side: u64) -> Result<ImageSize, E> {
                let side = u32::try_from(side).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(side), &self))?;
                Ok(ImageSize::new(side, side))
            }

            fn visit_i64<E: de::Error>(self, side: i64) -> Result<ImageSize, E> {
                let side = u32::try_from(side).map_err(|_| E::invalid_value(de::Unexpected::Signed(side), &self))?;
                Ok(ImageSize::new(side, side))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sides: A) -> Result<ImageSize, A::Error> {
                let width = sides.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let height = sides.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                match sides.next_element::<u32>()? {
                    None => Ok(ImageSize::new(width, height)),
                    Some(_) => Err(de::Error::invalid_length(3, &self)),
                }
            }
        }

        deserializer.deserialize_any(SizeVisitor)
    }
}
