//! Resizing the whole image.

use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::size::MAX_SIDE;
use crate::{Augment, AugmentError, Drawn, Filter, Generator, GeometricMap, ImageSize, Named, Rectangle};

/// `resize`: the whole image at another size; exactly one of `size`, `shorter_side` and `longer_side` is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Resize {
    /// The size itself, a side or `[width, height]`; the aspect ratio is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<ImageSize>,
    /// The shorter side in pixels; the longer follows, rounded down (torchvision's `Resize(int)`), up to 16384 pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shorter_side: Option<u32>,
    /// The longer side in pixels; the shorter follows, rounded to the nearest and at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longer_side: Option<u32>,
    /// `nearest`, `bilinear` (default), `bicubic` or `lanczos3`, antialiased as in Pillow.
    pub filter: Filter,
}

impl Resize {
    /// To exactly `size`.
    pub fn exactly(size: ImageSize) -> Self {
        Self { size: Some(size), ..Self::default() }
    }

    /// So that the shorter side has `pixels`.
    pub fn shorter_side(pixels: u32) -> Self {
        Self { shorter_side: Some(pixels), ..Self::default() }
    }
}

impl Augment for Resize {
    fn is_random(&self) -> bool {
        false
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let given = [self.size.is_some(), self.shorter_side.is_some(), self.longer_side.is_some()];
        let given = given.into_iter().filter(|&given| given).count();
        require(given == 1, self.kind(), "size", given, "exactly one of `size`, `shorter_side` and `longer_side`")?;
        let expected = "sides from 1 to 16384 pixels";
        if let Some(size) = self.size {
            require(size.is_allowed(), self.kind(), "size", size, expected)?;
        }
        for (key, side) in [("shorter_side", self.shorter_side), ("longer_side", self.longer_side)] {
            if let Some(side) = side {
                require((1..=MAX_SIDE).contains(&side), self.kind(), key, side, expected)?;
            }
        }
        Ok(())
    }

    fn output_size(&self, input: ImageSize) -> ImageSize {
        let (short, long) = (input.width.min(input.height), input.width.max(input.height));
        let (new_short, new_long) = match (self.size, self.shorter_side, self.longer_side) {
            (Some(size), ..) => return size,
            (_, Some(side), _) => {
                let long = u64::from(side) * u64::from(long) / u64::from(short.max(1));
                (side, long.min(u64::from(MAX_SIDE.max(side))) as u32)
            }
            (.., Some(side)) => {
                let short = f64::from(side) * f64::from(short) / f64::from(long.max(1));
                (short.round().max(1.0) as u32, side)
            }
            (None, None, None) => return input,
        };
        if input.width <= input.height {
            ImageSize::new(new_short, new_long)
        } else {
            ImageSize::new(new_long, new_short)
        }
    }

    fn draw(&self, _: &mut Generator, size: ImageSize) -> Drawn {
        Drawn::Geometric(GeometricMap::Resize {
            part: Rectangle::whole(size),
            output: self.output_size(size),
            filter: self.filter,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_follows() {
        let size = ImageSize::new(640, 427);
        // 224 · 640 / 427 = 335.7, rounded down.
        assert_eq!(Resize::shorter_side(224).output_size(size), ImageSize::new(335, 224));
        let longer = Resize { longer_side: Some(416), ..Resize::default() };
        // 416 · 427 / 640 = 277.55, rounded to the nearest.
        assert_eq!(longer.output_size(size), ImageSize::new(416, 278));
        assert_eq!(longer.output_size(ImageSize::new(1, 5000)), ImageSize::new(1, 416));
        assert_eq!(Resize::exactly(ImageSize::new(7, 9)).output_size(size), ImageSize::new(7, 9));
    }

    #[test]
    fn exactly_one_target_is_asked_for() {
        let both = Resize { shorter_side: Some(3), ..Resize::exactly(ImageSize::new(7, 9)) };
        let message = both.validate().expect_err("two targets").to_string();
        assert!(message.contains("exactly one of `size`, `shorter_side` and `longer_side`"), "{message}");
        assert!(Resize::default().validate().is_err());
        assert!(Resize::shorter_side(0).validate().is_err());
    }
}
