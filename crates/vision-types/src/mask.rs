//! A picture of class numbers.

/// One class number a pixel, row by row. By convention 255 marks pixels to ignore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    classes: Vec<u8>,
}

impl Mask {
    /// The class number that losses and metrics skip.
    pub const IGNORE: u8 = 255;

    /// A mask of `width` × `height` pixels, every one of class `class`.
    pub fn filled(width: u32, height: u32, class: u8) -> Self {
        Self { width, height, classes: vec![class; width as usize * height as usize] }
    }

    /// A mask from its pixels, row by row; `None` unless there are `width * height` of them.
    pub fn from_pixels(width: u32, height: u32, classes: Vec<u8>) -> Option<Self> {
        (classes.len() == width as usize * height as usize).then_some(Self { width, height, classes })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Class number at column `x` of row `y`.
    ///
    /// # Panics
    ///
    /// When the position is outside the mask.
    pub fn get(&self, x: u32, y: u32) -> u8 {
        assert!(x < self.width && y < self.height, "({x}, {y}) is outside a {}×{} mask", self.width, self.height);
        self.classes[y as usize * self.width as usize + x as usize]
    }

    /// All class numbers, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.classes
    }

    /// All class numbers, row by row, to write to.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.classes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_row_by_row() {
        let mask = Mask::from_pixels(3, 2, vec![0, 1, 2, 3, 4, 5]).expect("3 × 2 is 6");
        assert_eq!(mask.get(2, 0), 2);
        assert_eq!(mask.get(0, 1), 3);
        assert!(Mask::from_pixels(3, 2, vec![0; 5]).is_none());
    }
}
