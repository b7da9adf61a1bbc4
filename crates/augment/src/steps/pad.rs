//! Added margins.

use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::size::MAX_SIDE;
use crate::{Augment, AugmentError, Border, Drawn, FillMode, Generator, GeometricMap, ImageSize, Named, Window};

/// `pad`: pixels added around the image (torchvision's `Pad`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Pixels added at the left, top, right and bottom.
    pub padding: [u32; 4],
    /// What they show: `constant` (default), `reflect`, `symmetric`, `nearest` or `wrap`.
    #[serde(default)]
    pub fill_mode: FillMode,
    /// Colour of `constant`, red, green and blue; black by default.
    #[serde(default)]
    pub fill: [u8; 3],
}

impl Augment for Pad {
    fn is_random(&self) -> bool {
        false
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let [left, top, right, bottom] = self.padding;
        let found = format!("[{left}, {top}, {right}, {bottom}]");
        let allowed = self.padding.iter().all(|&pixels| pixels <= MAX_SIDE);
        require(allowed, self.kind(), "padding", found, "[left, top, right, bottom] from 0 to 16384 pixels")
    }

    fn output_size(&self, input: ImageSize) -> ImageSize {
        let [left, top, right, bottom] = self.padding;
        ImageSize::new(input.width + left + right, input.height + top + bottom)
    }

    fn draw(&self, _: &mut Generator, size: ImageSize) -> Drawn {
        let [left, top, ..] = self.padding;
        Drawn::Geometric(GeometricMap::Window(Window {
            left: -i64::from(left),
            top: -i64::from(top),
            output: self.output_size(size),
            border: Border { mode: self.fill_mode, fill: self.fill },
        }))
    }
}
